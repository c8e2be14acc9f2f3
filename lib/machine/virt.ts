/**
 * The virt board: which devices there are, where they are, and which interrupts they have. Memory map
 * and interrupt numbers are those of QEMU's board of that name.
 */
import { aarch64 } from "../arch/aarch64/arch.ts";
import { AArch64Cpu } from "../arch/aarch64/cpu.ts";
import type { Fdt } from "../boot/fdt.ts";
import { ConfigError } from "../config/config_error.ts";
import type { MachineConfig } from "../config/machine_config.ts";
import { TraceLevel } from "../config/trace.ts";
import { Firmware } from "../devices/firmware/firmware.ts";
import { FW_CFG_SIZE, FwCfg } from "../devices/fw_cfg/fw_cfg.ts";
import { type FwCfgFile, fwCfgItems } from "../devices/fw_cfg/items.ts";
import { createGic, type Gic } from "../devices/gic/gic.ts";
import { Pl061 } from "../devices/gpio/pl061.ts";
import { PushButton } from "../devices/gpio/push_button.ts";
import { RegisterBus, registerRange } from "../devices/msr/register_bus.ts";
import { Pl011 } from "../devices/pl011/pl011.ts";
import { Pl031 } from "../devices/rtc/pl031.ts";
import { GenericTimer } from "../devices/timer/timer.ts";
import { Bus } from "../devices/vbus/bus.ts";
import { type Device, systemRegister, type SystemRegisters } from "../devices/vbus/device.ts";
import { EmptyVirtioSlot } from "../devices/virtio/empty_slot.ts";
import { PACKED_FEATURES, VIRTIO_MMIO_SIZE, VirtioMmio } from "../devices/virtio/mmio.ts";
import { Engine } from "../engine/engine.ts";
import type { Clock } from "../platform/platform.ts";
import type { Lifecycle } from "../vcpu/lifecycle/lifecycle.ts";
import { tapController, tapFirmware, tapInterrupts, tapLine } from "./trace_taps.ts";
import { virtFdt } from "./virt_fdt.ts";
import {
  POWER_BUTTON_PIN,
  STOLEN_TIME_SIZE,
  VIRT_SPIS,
  VIRTIO_SLOTS,
  virtioAddress,
  VirtMap,
  VirtSpi,
} from "./virt_map.ts";
import { makeVirtioDevice, type VirtioParts } from "./virtio_devices.ts";

/** CNT*_EL0 and CNTKCTL_EL1 (Arm ARM, D17.11): S3_3_C14_*_*, S3_0_C14_C1_0. */
const TIMER_REGISTERS: readonly number[] = [
  ...registerRange(systemRegister(3, 3, 14, 0, 0), 0x7f),
  systemRegister(3, 0, 14, 1, 0),
];
/** ICC_*_EL1 (GIC architecture specification, 12.2): S3_0_C12_C8_0 to C15_7, ICC_PMR_EL1. */
const GIC_REGISTERS: readonly number[] = [
  ...registerRange(systemRegister(3, 0, 12, 8, 0), 0x3f),
  systemRegister(3, 0, 4, 6, 0),
];

/** Who hears of what vCPUs do. */
export interface BoardTraps {
  /** A firmware call with X0 to X7. */
  hypercall(vcpu: number, args: readonly bigint[]): void;
  /** A write of a register that controls translation. */
  controlWrite(vcpu: number, register: string, value: bigint): void;
}

/** What the board gets from the machine. */
export interface VirtBoardOptions extends Omit<VirtioParts, "name" | "index" | "path"> {
  readonly config: MachineConfig;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  /** Fills with entropy. */
  readonly random: (into: Uint8Array) => void;
  /** An interrupt or event has come for a vCPU: it may have to run. */
  readonly wake: (vcpu: number) => void;
  /** Hears of what debuggers trap, before it is done. @default nobody hears */
  readonly traps?: BoardTraps;
  /** A device gave up on its driver. */
  readonly onFailure: (device: string, reason: string) => void;
}

/** Where the device tree says the initrd is. */
export interface InitrdRange {
  readonly start: number;
  readonly end: number;
}

export class VirtBoard {
  readonly engine: Engine;
  readonly bus: Bus = new Bus();
  /** System registers that devices answer. */
  readonly registers: RegisterBus = new RegisterBus();
  readonly cpus: readonly AArch64Cpu[];
  readonly gic: Gic;
  readonly timer: GenericTimer;
  readonly firmware: Firmware;
  readonly uart: Pl011;
  readonly powerButton: PushButton;
  readonly virtio: readonly VirtioMmio[];
  readonly #options: VirtBoardOptions;

  constructor(options: VirtBoardOptions) {
    this.#options = options;
    const { config, clock, debug, lifecycle, random, wake } = options;
    const cpus: AArch64Cpu[] = [];
    this.cpus = cpus;

    this.gic = createGic(config.gic, {
      cpus: config.cpus,
      spis: VIRT_SPIS[config.gic],
      its: {
        memory: () => this.engine.memory,
        later: (work) => void clock.at(clock.now(), work),
      },
      cpuInterrupts: tapInterrupts({
        setIrq: (vcpu, level) => {
          cpus[vcpu].setIrq(level);
          if (level) wake(vcpu);
        },
        setFiq: (vcpu, level) => {
          cpus[vcpu].setFiq(level);
          if (level) wake(vcpu);
        },
      }, debug.tracer("gic")),
    });
    const controller = tapController(this.gic.controller, debug.tracer("gic"));
    this.timer = new GenericTimer({
      cpus: config.cpus,
      clock,
      ppi: (vcpu, n) =>
        tapLine(controller.ppi(vcpu, n), debug.tracer("timer"), "line", { vcpu, ppi: n }),
      currentEl: (vcpu) => cpus[vcpu].currentEl,
    });
    this.firmware = new Firmware({
      lifecycle,
      random,
      now: () => clock.now(),
      isRam: (address, bytes) => this.engine.memory.contains(Number(address), Number(bytes)),
      stolenTimeAddress: VirtMap.stolenTime,
    });
    const firmware = tapFirmware(
      this.firmware,
      debug.tracer("psci"),
      options.traps?.hypercall,
    );
    this.#claim("timer", this.timer, TIMER_REGISTERS);
    if (this.gic.registers !== undefined) this.#claim("gic", this.gic.registers, GIC_REGISTERS);

    this.engine = new Engine({
      arch: aarch64,
      cpus: config.cpus,
      ramBase: VirtMap.ram,
      ramSize: config.memory,
      bus: this.bus,
      makeCpu: (index, parts) => {
        const cpu = new AArch64Cpu({
          ...parts,
          index,
          registers: [this.registers],
          firmware,
          ...(options.traps !== undefined && { controlWrite: options.traps.controlWrite }),
          conduit: config.conduit,
          affinity: virtAffinity(index),
          gicV3: config.gic === 3,
          sendEvent: () => {
            cpus.forEach((other, vcpu) => {
              other.signalEvent();
              if (vcpu !== index) wake(vcpu);
            });
          },
          broadcastTlb: (invalidation) => {
            for (const other of cpus) if (other !== cpu) other.invalidateTlb(invalidation);
          },
        });
        cpus.push(cpu);
        return cpu;
      },
    });

    for (const { device, offset, size } of this.gic.regions) {
      this.#place(device, VirtMap.gic + offset, size, "interrupt-controller");
    }
    this.uart = new Pl011(controller.spi(VirtSpi.pl011));
    this.#place(this.uart, VirtMap.pl011, 0x1000);
    this.#place(new Pl031({ clock, irq: controller.spi(VirtSpi.pl031) }), VirtMap.pl031, 0x1000);
    const fwCfg = new FwCfg({
      items: fwCfgItems(config.cpus, fwCfgFiles(config)),
      memory: this.engine.memory,
      clock,
    });
    this.#place(fwCfg, VirtMap.fwCfg, FW_CFG_SIZE);
    const gpio = new Pl061(controller.spi(VirtSpi.pl061));
    this.#place(gpio, VirtMap.pl061, 0x1000);
    this.powerButton = new PushButton((level) => gpio.setInput(POWER_BUTTON_PIN, level), clock);
    const { stolenTime } = this.firmware;
    if (stolenTime !== undefined) this.#place(stolenTime, VirtMap.stolenTime, STOLEN_TIME_SIZE);
    const virtio = debug.tracer("virtio");
    this.virtio = config.devices.map((device, i) => {
      const before = config.devices.slice(0, i).filter(({ type }) => type === device.type);
      const name = `${device.type}.${before.length}`;
      return new VirtioMmio(
        makeVirtioDevice(device, {
          ...options,
          name,
          index: before.length,
          path: `devices[${i}]`,
        }),
        {
          memory: this.engine.memory,
          ...(device.packed === true && { features: PACKED_FEATURES }),
          irq: tapLine(controller.spi(VirtSpi.virtio + slotOf(i)), virtio, "interrupt", {
            device: name,
          }),
          // Between slices, at a time that does not depend on the host.
          later: (work) => {
            if (virtio.level !== TraceLevel.none) virtio.emit("notify", { device: name });
            clock.at(clock.now(), work);
          },
          onFailure: (device, reason) => {
            virtio.emit("failure", { device, reason });
            options.onFailure(device, reason);
          },
        },
      );
    });
    for (let slot = 0; slot < VIRTIO_SLOTS; slot++) {
      const device = this.virtio[slotOf(slot)] ?? new EmptyVirtioSlot();
      this.#place(device, virtioAddress(slot), VIRTIO_MMIO_SIZE);
    }
  }

  /** The device tree that describes this board to a kernel. */
  fdt(initrd?: InitrdRange): Fdt {
    const { config, random } = this.#options;
    const rngSeed = new Uint8Array(32);
    random(rngSeed);
    return virtFdt({
      memory: config.memory,
      cpus: config.cpus,
      gic: config.gic,
      conduit: config.conduit,
      affinity: virtAffinity,
      virtioSlots: this.virtio.map((_, i) => slotOf(i)),
      cmdline: config.cmdline,
      ...(initrd !== undefined && { initrd }),
      rngSeed,
    });
  }

  /**
   * Everything but vCPUs back to power-on state, devices before the GIC. RAM stays as it is, unless
   * the guest has asked for its protection (PSCI MEM_PROTECT).
   */
  reset(): void {
    if (this.firmware.reset()) {
      const { memory } = this.engine;
      memory.sliceForWriting(memory.base, memory.size)?.fill(0);
      memory.written(memory.base, memory.size);
    }
    this.timer.reset();
    this.powerButton.reset();
    this.bus.reset();
  }

  /** Runs a vCPU for at most so many instructions. */
  run(vcpu: number, instructions: number): ReturnType<Engine["run"]> {
    this.firmware.begin(vcpu);
    const result = this.engine.run(vcpu, instructions);
    this.firmware.end(vcpu, result.reason === "wait");
    return result;
  }

  /** Lets go of timers and back ends. */
  shutdown(): void {
    this.timer.shutdown();
    this.powerButton.shutdown();
    this.bus.shutdown();
  }

  #claim(name: string, device: SystemRegisters, ids: readonly number[]): void {
    if (!this.registers.register(name, device, ids)) {
      throw new Error(`${name}: registers are taken`);
    }
  }

  #place(
    device: Device,
    address: number,
    bytes: number,
    role: "device" | "interrupt-controller" = "device",
  ): void {
    if (!this.bus.register(device, address, bytes, role)) {
      throw new Error(`${device.name} does not fit at 0x${address.toString(16)}`);
    }
  }
}

/** MPIDR affinity of a vCPU: one cluster of up to eight. */
export function virtAffinity(vcpu: number): bigint {
  return BigInt(vcpu);
}

function fwCfgFiles({ fwCfg }: MachineConfig): FwCfgFile[] {
  return fwCfg.map(({ name, file }, i) => {
    if (typeof file !== "string") return { name, bytes: file };
    throw new ConfigError(
      "wrong-type",
      `fwCfg[${i}].file`,
      `"${file}" is the name of a file; read it first and give its bytes`,
    );
  });
}

/** Slot of the i-th device, and the other way round: the first device is in the last slot. */
function slotOf(index: number): number {
  return VIRTIO_SLOTS - 1 - index;
}
