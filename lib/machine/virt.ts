/**
 * The virt board: which devices there are, where they are, and which interrupts they have. Memory map
 * and interrupt numbers are those of QEMU's board of that name.
 */
import { aarch64 } from "../arch/aarch64/arch.ts";
import { AArch64Cpu } from "../arch/aarch64/cpu.ts";
import { dumpRegisters } from "../arch/aarch64/register_dump.ts";
import { Fdt } from "../boot/fdt.ts";
import { readKernel } from "../boot/kernel.ts";
import type { AArch64Config } from "../config/machine_config.ts";
import { Firmware, type FirmwareStatistics } from "../devices/firmware/firmware.ts";
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
import { VIRTIO_MMIO_SIZE, type VirtioMmio } from "../devices/virtio/mmio.ts";
import { Engine, type SliceResult } from "../engine/engine.ts";
import type { BootParameters } from "../vcpu/cpu_model/cpu_model.ts";
import type { RegisterDump } from "../vcpu/register_dump.ts";
import { type Board, type BoardOptions, type MakeBoard, vcpuId } from "./board.ts";
import { bytesOf, initrdOf, kernelOf } from "./config_files.ts";
import { tapController, tapFirmware, tapInterrupts, tapLine } from "./trace_taps.ts";
import { type BootImage, loadVirt } from "./virt_boot.ts";
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
import { VirtioSlots } from "./virtio_slots.ts";

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

/** What the board is made of. */
export interface VirtBoardOptions extends BoardOptions {
  readonly config: AArch64Config;
  /** What {@linkcode VirtBoard.load} puts into RAM. */
  readonly image: BootImage;
}

/** Where the device tree says the initrd is. */
export interface InitrdRange {
  readonly start: number;
  readonly end: number;
}

/** Reads what an AArch64 machine boots. Throws a ConfigError or BootError. */
export async function openVirt(config: AArch64Config): Promise<MakeBoard> {
  const bytes = kernelOf(config, "give the bytes of a Linux arm64 Image");
  const kernel = await readKernel(bytes, config.memory);
  const image = { kernel, initrd: await initrdOf(config) };
  return (options) => new VirtBoard({ ...options, config, image });
}

/** The board. */
export class VirtBoard implements Board {
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
  readonly #slots: VirtioSlots;
  #tree: Uint8Array = new Uint8Array(0);

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
          affinity: vcpuId(index),
          gicV3: config.gic === 3,
          sendEvent: () => {
            cpus.forEach((other, vcpu) => {
              other.signalEvent();
              if (vcpu !== index) wake(vcpu);
            });
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
    this.#slots = new VirtioSlots({
      count: VIRTIO_SLOTS,
      devices: config.devices,
      memory: this.engine.memory,
      irq: (slot) => controller.spi(VirtSpi.virtio + slot),
    }, options);
    this.virtio = this.#slots.devices;
    this.#slots.all().forEach((device, slot) => {
      this.#place(device, virtioAddress(slot), VIRTIO_MMIO_SIZE);
    });
  }

  get firmwareStatistics(): FirmwareStatistics {
    return { ...this.firmware.statistics };
  }

  get fdt(): Fdt {
    return Fdt.parse(this.#tree);
  }

  /** By its encoding: "S3_0_C12_C12_0". */
  registerName(id: number): string {
    return `S${id >>> 14}_${(id >>> 11) & 7}_C${(id >>> 7) & 15}_C${(id >>> 3) & 15}_${id & 7}`;
  }

  dumpRegisters(vcpu: number): RegisterDump {
    this.engine.select(vcpu);
    return dumpRegisters(this.cpus[vcpu].context);
  }

  load(): BootParameters {
    const { config, image } = this.#options;
    const { entry, dtb, tree } = loadVirt(this, config.memory, image);
    this.#tree = tree;
    return { entry: BigInt(entry), context: BigInt(dtb) };
  }

  /** The device tree that describes this board to a kernel. */
  makeFdt(initrd?: InitrdRange): Fdt {
    const { config, random } = this.#options;
    const rngSeed = new Uint8Array(32);
    random(rngSeed);
    return virtFdt({
      memory: config.memory,
      cpus: config.cpus,
      gic: config.gic,
      conduit: config.conduit,
      affinity: vcpuId,
      virtioSlots: this.#slots.used,
      cmdline: config.cmdline,
      ...(initrd !== undefined && { initrd }),
      rngSeed,
    });
  }

  /** Devices before the GIC. RAM is cleared if the guest has asked for that (PSCI MEM_PROTECT). */
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

  run(vcpu: number, instructions: number): SliceResult {
    this.firmware.begin(vcpu);
    const result = this.engine.run(vcpu, instructions);
    this.firmware.end(vcpu, result.reason === "wait");
    return result;
  }

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

function fwCfgFiles({ fwCfg }: AArch64Config): FwCfgFile[] {
  return fwCfg.map(({ name, file }, i) => ({ name, bytes: bytesOf(file, `fwCfg[${i}].file`) }));
}
