/**
 * All local APICs of a machine: the page of registers that each vCPU sees at 0xfee00000 (xAPIC), their
 * model-specific registers (IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC), and the way of messages.
 *
 * Deliberate deviation: the page cannot be moved; a write of IA32_APIC_BASE that tries to is refused.
 */
import type { Clock } from "../../platform/platform.ts";
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import {
  AccessResult,
  type BusAccess,
  type Device,
  type DeviceState,
  type SystemRegisters,
} from "../vbus/device.ts";
import { type ApicCpu, LocalApic } from "./local_apic.ts";
import {
  DeliveryMode,
  type InterruptMessage,
  messageOfMsi,
  type MessageSink,
  shortDestination,
} from "./message.ts";
import {
  APIC_ADDRESS,
  ApicBase,
  ApicError,
  ApicMsr,
  Icr,
  Lapic,
  LAPIC_REGISTERS,
  Lvt,
  LVT_INDICES,
  REGISTERS,
} from "./registers.ts";

/** Most vCPUs: ids of eight bits, of which 0xff is everybody. */
const MAX_CPUS = 255;

/** Destination shorthands, ICR 19:18. */
const Shorthand = { none: 0, self: 1, all: 2, others: 3 } as const;

/** Time stamp counters as the deadline timers see them. */
export interface DeadlineTsc {
  /** When the counter of a vCPU reaches a value, in nanoseconds of the clock; Infinity if never. */
  timeOf(vcpu: number, value: bigint): number;
}

/** What the local APICs are connected to. */
export interface LocalApicsOptions {
  /** Number of vCPUs, 1 to 255. The APIC id of each is its number; 0 is the boot processor. */
  readonly cpus: number;
  /** Drives the timers. */
  readonly clock: Clock;
  /** For TSC deadlines. */
  readonly tsc: DeadlineTsc;
  /** The vCPUs. */
  readonly cpu: ApicCpu;
  /** Gives the vector of an external interrupt: the 8259 pair's `acknowledge`. */
  readonly external?: () => number;
  /** Whether there is an x2APIC mode. @default true */
  readonly x2apic?: boolean;
  /** Whether timers have a TSC deadline: IA32_TSC_DEADLINE. @default true */
  readonly tscDeadline?: boolean;
  /** Nanoseconds of one count of the timers, an integer. @default 1, as on QEMU's boards */
  readonly timerTick?: number;
}

/** The local APICs. */
export class LocalApics implements Device, SystemRegisters, MessageSink {
  /** For people. */
  readonly name = "local-apic";
  /** Numbers of the model-specific registers, for a bus. */
  readonly ids: readonly number[] = [
    ApicMsr.base,
    ApicMsr.tscDeadline,
    ...Array.from({ length: LAPIC_REGISTERS }, (_, n) => ApicMsr.x2apic + n),
  ];
  readonly #apics: readonly LocalApic[];
  readonly #listeners: ((vector: number) => void)[] = [];
  readonly #x2apic: boolean;
  readonly #tscDeadline: boolean;

  /** As after power-on. Throws a RangeError if it cannot serve so many vCPUs. */
  constructor(options: LocalApicsOptions) {
    const { cpus, clock, tsc, cpu, external, timerTick = 1 } = options;
    this.#x2apic = options.x2apic ?? true;
    this.#tscDeadline = options.tscDeadline ?? true;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
      throw new RangeError(`local APICs serve 1 to ${MAX_CPUS} vCPUs`);
    }
    if (!Number.isInteger(timerTick) || timerTick < 1 || timerTick > 1000) {
      throw new RangeError("a count of the APIC timer takes 1 to 1000 ns");
    }
    this.#apics = Array.from({ length: cpus }, (_, vcpu): LocalApic =>
      new LocalApic({
        vcpu,
        clock,
        tick: timerTick,
        timeOfTsc: (value) => tsc.timeOf(vcpu, value),
        cpu,
        external,
        send: (icr, high) => this.#send(vcpu, icr, high),
        ended: (vector) => this.#listeners.forEach((listener) => listener(vector)),
      }));
  }

  // ---- what vCPUs do

  /** The vCPU takes an interrupt: gives its vector. */
  acknowledge(vcpu: number): number {
    return this.#apics[vcpu].acknowledge();
  }

  /** CR8 of a vCPU: bits 7:4 of TPR. */
  taskPriorityClass(vcpu: number): number {
    return this.#apics[vcpu].taskPriority >>> 4;
  }

  /** Writes CR8 (0 to 15). */
  setTaskPriorityClass(vcpu: number, value: number): void {
    this.#apics[vcpu].write(Lapic.TPR, (value & 15) << 4);
  }

  /** Whether CPUID tells of an APIC: IA32_APIC_BASE can take it away. */
  isEnabled(vcpu: number): boolean {
    return (this.#apics[vcpu].base & ApicBase.enabled) !== 0;
  }

  /** The time stamp counter of a vCPU has been changed: its deadline lies elsewhere. */
  tscChanged(vcpu: number): void {
    this.#apics[vcpu].tscChanged();
  }

  // ---- what devices do

  /** LINT0 or LINT1 of a vCPU. */
  lint(vcpu: number, n: 0 | 1): IrqLine {
    return { set: (level) => this.#apics[vcpu].setLint(n, level) };
  }

  /** Tells an I/O APIC the vectors of level-triggered interrupts that have ended. */
  onEnd(listener: (vector: number) => void): void {
    this.#listeners.push(listener);
  }

  /** A message of a device. Start-up messages come from ICRs only. */
  deliver(message: InterruptMessage): boolean {
    return message.mode !== DeliveryMode.startUp && this.#route(message);
  }

  #route(message: InterruptMessage): boolean {
    const { mode, logical, destination } = message;
    const matching = this.#apics.filter((apic) => apic.matches(logical, destination));
    if (mode !== DeliveryMode.lowestPriority) return this.#takeAll(matching, message);
    const able = matching.filter((apic) => apic.accepts);
    const focus = able.find((apic) => apic.isFocus(message.vector));
    const lowest = (a: LocalApic, b: LocalApic): LocalApic => b.priority < a.priority ? b : a;
    const chosen = focus ?? (able.length > 0 ? able.reduce(lowest) : undefined);
    return chosen !== undefined && chosen.take(message);
  }

  /** A device writes a message (MSI). False if the address is no message's or nobody took it. */
  messageSignalled(address: number, data: number): boolean {
    const message = messageOfMsi(address, data);
    return message !== undefined && this.deliver(message);
  }

  // ---- the page

  /**
   * Registers are words at multiples of 16; anything else reads as zero and writes nothing. There is no
   * page for a vCPU whose APIC is disabled or in x2APIC mode.
   */
  access(access: BusAccess): AccessResult {
    const { offset, size, vcpu } = access;
    const apic = this.#apics[vcpu] ?? this.#apics[0];
    if (!apic.inMemory) return AccessResult.noDevice;
    if (size !== 4 || (offset & 15) !== 0) return AccessResult.ok;
    const index = offset >>> 4;
    const may = REGISTERS[index]?.xapic ?? "";
    if (may === "") {
      apic.error(ApicError.illegalRegister);
      apic.update();
    } else if (access.write) {
      if (may !== "r") apic.write(index, access.value);
    } else if (may !== "w") access.value = apic.read(index);
    return AccessResult.ok;
  }

  reset(): void {
    for (const apic of this.#apics) apic.reset();
  }

  shutdown(): void {
    for (const apic of this.#apics) apic.shutdown();
  }

  state(): DeviceState {
    return { apics: this.#apics.map((apic) => apic.state()) };
  }

  restore(state: DeviceState): void {
    const saved = new StateReader(state, this.name).array("apics", this.#apics.length);
    if (saved.length !== this.#apics.length) {
      throw new TypeError(`state of ${this.name}: another number of vCPUs`);
    }
    const restorers = saved.map((one, vcpu) => this.#apics[vcpu].restorer(one));
    for (const restore of restorers) restore();
  }

  // ---- model-specific registers

  readRegister(vcpu: number, id: number): bigint | undefined {
    const apic = this.#apics[vcpu];
    if (apic === undefined) return undefined;
    if (id === ApicMsr.base) {
      return BigInt(APIC_ADDRESS + apic.base + (vcpu === 0 ? ApicBase.bootstrap : 0));
    }
    if (id === ApicMsr.tscDeadline) return this.#tscDeadline ? apic.deadline : undefined;
    const index = id - ApicMsr.x2apic;
    if (!apic.x2apic || !(REGISTERS[index]?.x2apic ?? "").includes("r")) return undefined;
    const low = BigInt(apic.read(index));
    return index === Lapic.ICR_LOW ? (BigInt(apic.icrHigh) << 32n) | low : low;
  }

  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    const apic = this.#apics[vcpu];
    if (apic === undefined) return false;
    if (id === ApicMsr.base) return setBase(apic, value, this.#x2apic);
    if (id === ApicMsr.tscDeadline) {
      if (!this.#tscDeadline) return false;
      apic.deadline = value;
      return true;
    }
    const index = id - ApicMsr.x2apic;
    const register = REGISTERS[index];
    if (!apic.x2apic || !(register?.x2apic ?? "").includes("w")) return false;
    const high = Number(value >> 32n);
    const low = Number(value & 0xffffffffn);
    if (high !== 0 && index !== Lapic.ICR_LOW) return false;
    if ((low & ~((register?.bits ?? 0) | ignoredBits(index))) !== 0) return false;
    if (index === Lapic.ICR_LOW) apic.icrHigh = high;
    apic.write(index, low);
    return true;
  }

  // ---- inside

  #takeAll(apics: readonly LocalApic[], message: InterruptMessage): boolean {
    let taken = false;
    for (const apic of apics) taken = apic.take(message) || taken;
    return taken;
  }

  /** ICR was written (SDM, 11.6.1). */
  #send(sender: number, icr: number, high: number): void {
    const apic = this.#apics[sender];
    const vector = icr & 0xff;
    const mode = (icr >>> 8) & 7;
    const shorthand = (icr >>> Icr.shorthandShift) & 3;
    // INIT level de-assert synchronised the arbitration of processors long ago.
    if (mode === DeliveryMode.init && (icr & (Icr.level | Icr.assert)) === Icr.level) return;
    const withVector = mode === DeliveryMode.fixed || mode === DeliveryMode.lowestPriority;
    if (withVector && vector < 16) return apic.error(ApicError.sendIllegalVector);
    if (mode === DeliveryMode.extInt) return;
    const destination = apic.x2apic ? high : shortDestination(high >>> 24);
    const logical = (icr & Icr.logical) !== 0;
    const message = { vector, mode, logical, destination, level: false };
    if (shorthand === Shorthand.none) this.#route(message);
    else if (shorthand === Shorthand.others) {
      this.#takeAll(this.#apics.filter((other) => other !== apic), message);
    } else if (mode === DeliveryMode.fixed) {
      // Only fixed interrupts may be sent to oneself by shorthand.
      this.#takeAll(shorthand === Shorthand.self ? [apic] : this.#apics, message);
    }
  }
}

/** Bits that are no error to write as an MSR although they cannot be written. */
function ignoredBits(index: number): number {
  if (index === Lapic.ICR_LOW) return Icr.pending;
  return LVT_INDICES.includes(index) ? Lvt.remoteIrr | Icr.pending : 0;
}

/** Writes IA32_APIC_BASE: the mode, nothing else. The bootstrap flag cannot be changed. */
function setBase(apic: LocalApic, value: bigint, x2apic: boolean): boolean {
  const bits = Number(value & 0xfffn);
  if (value - BigInt(bits) !== BigInt(APIC_ADDRESS)) return false;
  const modes = ApicBase.enabled | (x2apic ? ApicBase.x2apic : 0);
  if ((bits & ~(modes | ApicBase.bootstrap)) !== 0) return false;
  return apic.setBase(bits & ~ApicBase.bootstrap);
}
