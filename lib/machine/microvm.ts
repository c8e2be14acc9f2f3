/**
 * The microvm board: which devices there are, where they are, and which interrupts they have. Memory
 * map and interrupt numbers are those of QEMU's board of that name with two I/O APICs.
 *
 * Deviations: there is RAM behind the video window too, which nothing tells guests of; the A20 gate,
 * NMI sources and fw_cfg do not exist; the firmware at the reset vector resets the machine, and so does
 * INIT of the boot processor.
 */
import { x86_64 } from "../arch/x86_64/arch.ts";
import { X86Cpu } from "../arch/x86_64/cpu.ts";
import { cpuModels } from "../arch/x86_64/cpu_models.ts";
import { dumpRegisters } from "../arch/x86_64/register_dump.ts";
import type { BootState } from "../boot/x86_64/boot_state.ts";
import { readX86Kernel } from "../boot/x86_64/kernel.ts";
import type { X86Config } from "../config/machine_config.ts";
import { ACPI_POWER_BYTES, AcpiPower } from "../devices/acpi_power/acpi_power.ts";
import { IoApic, IOAPIC_BYTES } from "../devices/apic/ioapic.ts";
import { LocalApics } from "../devices/apic/local_apics.ts";
import { TimeStampCounters } from "../devices/apic/tsc.ts";
import { Mc146818 } from "../devices/cmos_rtc/mc146818.ts";
import { PushButton } from "../devices/gpio/push_button.ts";
import type { IrqLine } from "../devices/irq_controller/irq_line.ts";
import { RegisterBus } from "../devices/msr/register_bus.ts";
import { I8259Pair } from "../devices/pic/i8259.ts";
import { I8254, SystemControlPort } from "../devices/pit/i8254.ts";
import { Uart16550 } from "../devices/uart16550/uart16550.ts";
import { Bus, type DeviceRole } from "../devices/vbus/bus.ts";
import { AccessResult, type Device } from "../devices/vbus/device.ts";
import { VIRTIO_MMIO_SIZE, type VirtioMmio } from "../devices/virtio/mmio.ts";
import { Engine, type SliceResult } from "../engine/engine.ts";
import type { BusPort } from "../engine/slow_access.ts";
import type { BootParameters } from "../vcpu/cpu_model/cpu_model.ts";
import type { RegisterDump } from "../vcpu/register_dump.ts";
import type { Board, BoardCpu, BoardOptions, MakeBoard } from "./board.ts";
import { initrdOf, kernelOf } from "./config_files.ts";
import { loadMicrovm, type MicrovmImage } from "./microvm_boot.ts";
import {
  IO_APIC_PINS,
  MICROVM_VIRTIO_SLOTS,
  MicrovmGsi,
  MicrovmMap,
  MicrovmPort,
  microvmVirtioAddress,
} from "./microvm_map.ts";
import { tapInterruptInput, tapLine } from "./trace_taps.ts";
import { VirtioSlots } from "./virtio_slots.ts";

/** What the board is made of. */
export interface MicrovmBoardOptions extends BoardOptions {
  readonly config: X86Config;
  /** What {@linkcode MicrovmBoard.load} puts into RAM. */
  readonly image: MicrovmImage;
}

/** Reads what an x86_64 machine boots. Throws a ConfigError or BootError. */
export async function openMicrovm(config: X86Config): Promise<MakeBoard> {
  const bytes = kernelOf(config, "give the bytes of a Linux bzImage or vmlinux");
  const kernel = await readX86Kernel(bytes, config.memory);
  const image = { kernel, initrd: await initrdOf(config) };
  return (options) => new MicrovmBoard({ ...options, config, image });
}

/** The board. */
export class MicrovmBoard implements Board {
  readonly engine: Engine;
  readonly bus: Bus = new Bus();
  readonly ports: Bus = new Bus({ space: "ports" });
  /** Model-specific registers that devices answer. */
  readonly registers: RegisterBus = new RegisterBus();
  readonly cpus: readonly BoardCpu[];
  readonly localApics: LocalApics;
  readonly uart: Uart16550;
  readonly powerButton: PushButton;
  readonly virtio: readonly VirtioMmio[];
  readonly #options: MicrovmBoardOptions;
  readonly #x86: readonly X86Cpu[];
  readonly #tsc: TimeStampCounters;
  readonly #slots: VirtioSlots;
  /** In which vCPU 0 begins. */
  #bootState: BootState | undefined;

  constructor(options: MicrovmBoardOptions) {
    this.#options = options;
    const { config, clock, debug, lifecycle, random, wake } = options;
    const x86: X86Cpu[] = [];
    this.#x86 = x86;

    const tracer = debug.tracer("apic");
    const pic = new I8259Pair({ set: (level) => this.localApics.lint(0, 0).set(level) });
    const { features } = cpuModels[config.cpu];
    this.#tsc = new TimeStampCounters({ cpus: config.cpus, clock });
    this.localApics = new LocalApics({
      cpus: config.cpus,
      clock,
      tsc: this.#tsc,
      x2apic: features.has("x2apic"),
      tscDeadline: features.has("tsc_deadline"),
      cpu: {
        setInterrupt: tapInterruptInput((vcpu, level) => {
          x86[vcpu].setInterrupt(level);
          if (level) wake(vcpu);
        }, tracer),
        nmi: (vcpu) => {
          x86[vcpu].nmi();
          wake(vcpu);
        },
        // There is no system management mode.
        smi: () => {},
        init: (vcpu) => vcpu === 0 ? lifecycle.stop("reset") : lifecycle.turnOff(vcpu),
        startUp: (vcpu, page) => {
          lifecycle.turnOn(vcpu, BigInt(page * 4096), 0n);
          wake(vcpu);
        },
      },
      external: () => pic.acknowledge(),
    });
    this.#tsc.onChanged((vcpu) => this.localApics.tscChanged(vcpu));
    this.#claim(this.localApics.name, this.localApics, this.localApics.ids);
    this.#claim("tsc", this.#tsc, this.#tsc.ids);
    const ioApics = [0, 1].map((id) =>
      new IoApic({ name: `ioapic.${id}`, sink: this.localApics, id })
    );
    this.localApics.onEnd((vector) => {
      for (const ioApic of ioApics) ioApic.endOfInterrupt(vector);
    });
    const gsi = (n: number): IrqLine =>
      tapLine(
        ioApics[n < IO_APIC_PINS ? 0 : 1].line(n % IO_APIC_PINS),
        tracer,
        "line",
        { interrupt: n },
      );

    this.engine = new Engine({
      arch: x86_64,
      cpus: config.cpus,
      ramBase: 0,
      ramSize: config.memory,
      bus: openBus(this.bus),
      makeCpu: (index, parts) => {
        const cpu = new X86Cpu({
          ...parts,
          index,
          cpus: config.cpus,
          model: config.cpu,
          bus: this.bus,
          ports: this.ports,
          registers: this.registers,
          apics: this.localApics,
          tsc: this.#tsc,
          random,
          // A triple fault.
          shutdown: () => lifecycle.stop("reset"),
          ...(options.traps !== undefined && { controlWrite: options.traps.controlWrite }),
        });
        x86.push(cpu);
        return cpu;
      },
    });
    this.cpus = x86.map((cpu, vcpu) => this.#boardCpu(cpu, vcpu));

    this.#place(this.localApics, MicrovmMap.localApic, 0x1000, "interrupt-controller");
    this.#place(ioApics[0], MicrovmMap.ioApic, IOAPIC_BYTES, "interrupt-controller");
    this.#place(ioApics[1], MicrovmMap.ioApic2, IOAPIC_BYTES, "interrupt-controller");
    const power = new AcpiPower({
      powerOff: () => lifecycle.stop("power-off"),
      reset: () => lifecycle.stop("reset"),
    });
    this.#place(power, MicrovmMap.acpiPower, ACPI_POWER_BYTES);
    this.#slots = new VirtioSlots({
      count: MICROVM_VIRTIO_SLOTS,
      devices: config.devices,
      memory: this.engine.memory,
      irq: (slot) => gsi(MicrovmGsi.virtio + slot),
    }, options);
    this.virtio = this.#slots.devices;
    this.#slots.all().forEach((device, slot) => {
      this.#place(device, microvmVirtioAddress(slot), VIRTIO_MMIO_SIZE);
    });

    // An ISA interrupt reaches both controllers; IRQ 0 is input 2 of the I/O APIC.
    const isa = (n: number): IrqLine => {
      const [toPic, toIoApic] = [pic.line(n), gsi(n === 0 ? MicrovmGsi.pit : n)];
      return {
        set(level): void {
          toPic.set(level);
          toIoApic.set(level);
        },
      };
    };
    const pit = new I8254({ clock, irq: isa(0) });
    this.uart = new Uart16550(isa(MicrovmGsi.uart));
    const button = gsi(MicrovmGsi.powerButton);
    this.powerButton = new PushButton((level) => button.set(level), clock);
    this.#port(pic.master, MicrovmPort.pic, 2, "interrupt-controller");
    this.#port(pic.slave, MicrovmPort.pic2, 2, "interrupt-controller");
    this.#port(pic.triggers, MicrovmPort.picTriggers, 2, "interrupt-controller");
    this.#port(pit, MicrovmPort.pit, 4);
    this.#port(new SystemControlPort(pit, clock), MicrovmPort.systemControl, 1);
    const rtc = new Mc146818({ clock, irq: isa(MicrovmGsi.cmosRtc), memory: config.memory });
    this.#port(rtc, MicrovmPort.cmosRtc, 2);
    this.#port(this.uart, MicrovmPort.uart, 8);
  }

  registerName(id: number): string {
    return `MSR 0x${id.toString(16)}`;
  }

  dumpRegisters(vcpu: number): RegisterDump {
    this.engine.select(vcpu);
    return dumpRegisters(this.#x86[vcpu].context.state);
  }

  load(): BootParameters {
    const { config, image, random } = this.#options;
    const rngSeed = new Uint8Array(32);
    random(rngSeed);
    const state = loadMicrovm(this.engine.memory, {
      ...image,
      cmdline: config.cmdline,
      cpus: config.cpus,
      virtioSlots: this.#slots.used,
      rngSeed,
    });
    this.#bootState = state;
    return { entry: BigInt(state.rip), context: 0n };
  }

  run(vcpu: number, instructions: number): SliceResult {
    return this.engine.run(vcpu, instructions);
  }

  reset(): void {
    this.powerButton.reset();
    this.ports.reset();
    this.bus.reset();
    this.#tsc.reset();
  }

  shutdown(): void {
    this.powerButton.shutdown();
    this.ports.shutdown();
    this.bus.shutdown();
  }

  /** vCPU 0 begins as the boot protocol says, the others where a start-up message tells them. */
  #boardCpu(cpu: X86Cpu, vcpu: number): BoardCpu {
    return {
      start: (entry) => {
        if (vcpu === 0 && this.#bootState !== undefined) cpu.begin(this.#bootState);
        else cpu.startUp(Number(entry / 4096n));
      },
      wakes: () => cpu.wakes(),
      get onStep() {
        return cpu.onStep;
      },
      set onStep(callback) {
        cpu.onStep = callback;
      },
    };
  }

  #claim(name: string, device: LocalApics | TimeStampCounters, ids: readonly number[]): void {
    if (!this.registers.register(name, device, ids)) {
      throw new Error(`${name}: registers are taken`);
    }
  }

  #place(device: Device, address: number, bytes: number, role: DeviceRole = "device"): void {
    if (!this.bus.register(device, address, bytes, role)) {
      throw new Error(`${device.name} does not fit at 0x${address.toString(16)}`);
    }
  }

  #port(device: Device, port: number, count: number, role: DeviceRole = "device"): void {
    if (!this.ports.register(device, port, count, role)) {
      throw new Error(`${device.name} does not fit at port 0x${port.toString(16)}`);
    }
  }
}

/** What no device answers reads as ones, and takes writes. */
function openBus(bus: Bus): BusPort {
  return {
    access(address, access): AccessResult {
      if (bus.access(address, access) === AccessResult.ok) return AccessResult.ok;
      if (!access.write) access.value = 0xffff_ffff >>> (32 - 8 * access.size);
      return AccessResult.ok;
    },
  };
}
