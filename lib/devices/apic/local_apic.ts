/**
 * The local APIC of one vCPU (Intel SDM vol. 3, chapter 11): accepts interrupts, orders them by
 * priority, and raises its own. How guests reach it, and how messages find it, is in local_apics.ts.
 *
 * Deliberate deviations: messages arrive at once, so delivery status is never set; there are no
 * thermal and performance interrupts, their LVT entries only remember; the arbitration priority is the
 * processor priority.
 */
import type { Clock } from "../../platform/platform.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { BROADCAST, DeliveryMode, type InterruptMessage } from "./message.ts";
import {
  ApicBase,
  ApicError,
  FLAT,
  Lapic,
  LAPIC_REGISTERS,
  Lvt,
  LVT_INDICES,
  REGISTERS,
  Svr,
} from "./registers.ts";
import { ApicTimer } from "./timer.ts";
import { VectorSet } from "./vectors.ts";

/** Vectors below are the processor's exceptions. */
const FIRST_VECTOR = 16;
/** The inputs in the order of their LVT entries. */
const LINTS: readonly number[] = [Lapic.LVT_LINT0, Lapic.LVT_LINT1];

/** The inputs of the vCPUs that local APICs drive. */
export interface ApicCpu {
  /** INTR, a level: while high, `acknowledge` of the local APIC gives a vector. */
  setInterrupt(vcpu: number, level: boolean): void;
  /** A non-maskable interrupt, an edge. */
  nmi(vcpu: number): void;
  /** A system management interrupt, an edge. */
  smi(vcpu: number): void;
  /** INIT: the vCPU waits for a start-up message; the boot processor begins at the reset vector. */
  init(vcpu: number): void;
  /** A start-up message: a vCPU that waits for one begins at `page` * 4096 in real mode. */
  startUp(vcpu: number, page: number): void;
}

/** What a local APIC is connected to. */
export interface LocalApicOptions {
  /** Number of its vCPU, and its initial APIC id. */
  readonly vcpu: number;
  /** Drives the timer. */
  readonly clock: Clock;
  /** Nanoseconds of one count of the timer. */
  readonly tick: number;
  /** When the vCPU's time stamp counter reaches a value. */
  readonly timeOfTsc: (value: bigint) => number;
  /** The vCPU. */
  readonly cpu: ApicCpu;
  /** Gives the vector of an external interrupt: the 8259 pair. */
  readonly external: (() => number) | undefined;
  /** The guest wrote ICR: bits 31:0, and the destination as it stands there. */
  readonly send: (icr: number, destination: number) => void;
  /** A level-triggered interrupt has ended: to the I/O APICs. */
  readonly ended: (vector: number) => void;
}

/** State and behaviour of one local APIC. */
export class LocalApic {
  readonly #options: LocalApicOptions;
  readonly #vcpu: number;
  readonly #cpu: ApicCpu;
  readonly #timer: ApicTimer;
  /** By index; ISR, TMR and IRR are the sets below. */
  readonly #r: Uint32Array = new Uint32Array(LAPIC_REGISTERS);
  readonly #isr: VectorSet = new VectorSet(this.#r, Lapic.ISR);
  readonly #tmr: VectorSet = new VectorSet(this.#r, Lapic.TMR);
  readonly #irr: VectorSet = new VectorSet(this.#r, Lapic.IRR);
  /** IA32_APIC_BASE: enabled and x2APIC. */
  #base: number = ApicBase.enabled;
  /** Errors since the last write of ESR. */
  #errors = 0;
  /** Levels of LINT0 and LINT1. */
  readonly #lints: [boolean, boolean] = [false, false];
  /** An ExtINT message has come. */
  #external = false;

  /** As after power-on. */
  constructor(options: LocalApicOptions) {
    this.#options = options;
    this.#vcpu = options.vcpu;
    this.#cpu = options.cpu;
    this.#timer = new ApicTimer({ ...options, wake: () => this.update() });
    this.#clear();
  }

  /** Power-on state: xAPIC mode, software-disabled. */
  reset(): void {
    this.#base = ApicBase.enabled;
    this.#clear();
    this.update();
  }

  /** Lets go of the timer. */
  shutdown(): void {
    this.#timer.shutdown();
  }

  // ---- modes

  /** Mode bits of IA32_APIC_BASE: {@linkcode ApicBase}. */
  get base(): number {
    return this.#base;
  }

  /** False, and nothing changes, for a transition that there is not (SDM, 11.12.5). */
  setBase(bits: number): boolean {
    const before = this.#base;
    const [enabled, extended] = [(bits & ApicBase.enabled) !== 0, (bits & ApicBase.x2apic) !== 0];
    if (extended && (!enabled || (before & ApicBase.enabled) === 0)) return false;
    if (enabled && !extended && (before & ApicBase.x2apic) !== 0) return false;
    this.#base = bits & (ApicBase.enabled | ApicBase.x2apic);
    if (!enabled) this.#clear();
    else if (extended && (before & ApicBase.x2apic) === 0) this.#r[Lapic.ICR_HIGH] = 0;
    this.update();
    return true;
  }

  /** Whether registers are in memory. */
  get inMemory(): boolean {
    return this.#base === ApicBase.enabled;
  }

  /** Whether registers are model-specific registers. */
  get x2apic(): boolean {
    return (this.#base & ApicBase.x2apic) !== 0;
  }

  /** Whether it takes interrupts from others: enabled in IA32_APIC_BASE and in SVR. */
  get accepts(): boolean {
    return (this.#base & ApicBase.enabled) !== 0 && this.#enabled;
  }

  // ---- registers

  /** Reads a register that can be read. */
  read(index: number): number {
    this.#fetchTimer();
    switch (index) {
      case Lapic.ID:
        return this.x2apic ? this.#vcpu : this.#r[index];
      case Lapic.LDR:
        return this.x2apic ? this.#logicalId : this.#r[index];
      case Lapic.APR:
      case Lapic.PPR:
        return this.priority;
      case Lapic.INITIAL_COUNT:
        return this.#timer.initial;
      case Lapic.CURRENT_COUNT:
        return this.#timer.current;
      case Lapic.DIVIDE:
        return this.#timer.divide;
      default:
        return this.#r[index];
    }
  }

  /** Writes a register that can be written; bits that do not exist do nothing. */
  write(index: number, value: number): void {
    this.#fetchTimer();
    const bits = REGISTERS[index]?.bits ?? 0;
    this.#r[index] = (this.#r[index] & ~bits) | (value & bits);
    switch (index) {
      case Lapic.EOI:
        this.#endOfInterrupt();
        break;
      case Lapic.ESR:
        this.#r[index] = this.#errors;
        this.#errors = 0;
        break;
      case Lapic.ICR_LOW:
        this.#options.send(this.#r[index], this.#r[Lapic.ICR_HIGH]);
        break;
      case Lapic.SELF_IPI:
        this.#r[index] = 0;
        if ((value & 0xff) < FIRST_VECTOR) this.error(ApicError.sendIllegalVector);
        else this.#request(value & 0xff, false);
        break;
      case Lapic.INITIAL_COUNT:
        this.#timer.initial = value;
        break;
      case Lapic.DIVIDE:
        this.#timer.divide = value;
        break;
      default:
        this.#entriesChanged();
    }
    this.update();
  }

  /** ICR 63:32 in x2APIC mode: the destination. */
  get icrHigh(): number {
    return this.#r[Lapic.ICR_HIGH];
  }

  set icrHigh(destination: number) {
    this.#r[Lapic.ICR_HIGH] = destination;
  }

  /** IA32_TSC_DEADLINE. */
  get deadline(): bigint {
    this.#fetchTimer();
    return this.#timer.deadline;
  }

  set deadline(value: bigint) {
    this.#fetchTimer();
    this.#timer.deadline = value;
    this.update();
  }

  /** The time stamp counter has been changed: the deadline lies elsewhere. */
  tscChanged(): void {
    this.#timer.tscChanged();
    this.update();
  }

  /** TPR; its bits 7:4 are CR8. */
  get taskPriority(): number {
    return this.#r[Lapic.TPR];
  }

  /** PPR: what an interrupt's class must be above. */
  get priority(): number {
    const served = Math.max(0, this.#isr.highest()) & 0xf0;
    const task = this.#r[Lapic.TPR];
    return (task & 0xf0) >= served ? task : served;
  }

  /** Notes an error; the first since ESR was written interrupts. */
  error(bit: number): void {
    const first = this.#errors === 0;
    this.#errors |= bit;
    const entry = this.#r[Lapic.LVT_ERROR];
    if (first && (entry & Lvt.masked) === 0) this.#request(entry & Lvt.vector, false);
  }

  // ---- messages and inputs

  /** Whether a message is for this one (SDM, 11.6.2, 11.12.10). */
  matches(logical: boolean, destination: number): boolean {
    if ((this.#base & ApicBase.enabled) === 0) return false;
    if (destination === BROADCAST) return true;
    if (!logical) return destination === (this.x2apic ? this.#vcpu : this.#r[Lapic.ID] >>> 24);
    if (this.x2apic) {
      const own = this.#logicalId;
      return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
    }
    const own = this.#r[Lapic.LDR] >>> 24;
    if (this.#r[Lapic.DFR] >>> 28 === FLAT) return (own & destination & 0xff) !== 0;
    // Cluster model: the cluster in 7:4, 15 being all of them.
    const cluster = (destination >>> 4) & 15;
    return (cluster === 15 || cluster === own >>> 4) && (own & destination & 15) !== 0;
  }

  /** Whether a vector is requested or in service here already. */
  isFocus(vector: number): boolean {
    return this.#irr.has(vector) || this.#isr.has(vector);
  }

  /** A message for this one. False if it is not taken. */
  take(message: InterruptMessage): boolean {
    const { vector, mode } = message;
    if ((this.#base & ApicBase.enabled) === 0) return false;
    switch (mode) {
      case DeliveryMode.fixed:
      case DeliveryMode.lowestPriority:
        if (!this.accepts) return false;
        this.#fetchTimer();
        this.#request(vector, message.level);
        this.update();
        return true;
      case DeliveryMode.extInt:
        if (!this.accepts) return false;
        this.#external = true;
        this.update();
        return true;
      case DeliveryMode.startUp:
        this.#cpu.startUp(this.#vcpu, vector);
        return true;
      default:
        return this.#event(mode);
    }
  }

  /** Drives LINT0 or LINT1. With the APIC disabled they are INTR and NMI. */
  setLint(n: 0 | 1, level: boolean): void {
    const rises = level && !this.#lints[n];
    this.#lints[n] = level;
    this.#fetchTimer();
    if ((this.#base & ApicBase.enabled) === 0) {
      if (rises && n === 1) this.#cpu.nmi(this.#vcpu);
    } else if (rises) this.#lintRises(n);
    this.update();
  }

  /** Interrupt acknowledge: the vector that the vCPU takes; the spurious one if there is none. */
  acknowledge(): number {
    this.#fetchTimer();
    const vector = this.#deliverable();
    if (vector >= 0) {
      this.#irr.delete(vector);
      this.#isr.add(vector);
      this.update();
      return vector;
    }
    const { external } = this.#options;
    if (external !== undefined && this.#externalPending) {
      this.#external = false;
      const given = external() & 0xff;
      this.update();
      return given;
    }
    return this.#r[Lapic.SVR] & Svr.vector;
  }

  /** Brings everything up to date that follows from the registers, the inputs and the time. */
  update(): void {
    this.#fetchTimer();
    this.#requestLevel();
    const entry = this.#r[Lapic.LVT_TIMER];
    const vector = entry & Lvt.vector;
    // While it is requested, or its illegal vector noted, another expiration changes nothing.
    const noted = vector < FIRST_VECTOR
      ? (this.#errors & ApicError.receivedIllegalVector) !== 0
      : this.#irr.has(vector);
    this.#timer.arm((entry & Lvt.masked) === 0 && !noted);
    this.#cpu.setInterrupt(this.#vcpu, this.#deliverable() >= 0 || this.#externalPending);
  }

  // ---- state

  /** Plain data. */
  state(): DeviceState {
    this.#fetchTimer();
    return {
      registers: Array.from(this.#r),
      base: this.#base,
      errors: this.#errors,
      lint0: this.#lints[0],
      lint1: this.#lints[1],
      external: this.#external,
      timer: this.#timer.state(),
    };
  }

  /** Reads what `state` gave; what is returned puts it in place. Throws a TypeError. */
  restorer(state: DeviceState): () => void {
    const from = new StateReader(state, `local APIC ${this.#vcpu}`);
    const registers = from.integers("registers", LAPIC_REGISTERS);
    const base = from.integer("base", ApicBase.enabled | ApicBase.x2apic);
    const errors = from.integer("errors", 0xff);
    const lints = [from.boolean("lint0"), from.boolean("lint1")];
    const external = from.boolean("external");
    const timer = this.#timer.restorer(new StateReader(from.value("timer"), "APIC timer"));
    if (registers.length !== LAPIC_REGISTERS || base === ApicBase.x2apic || (base & 0x3ff) !== 0) {
      throw new TypeError(`state of local APIC ${this.#vcpu}: no local APIC can be so`);
    }
    return () => {
      this.#r.set(registers);
      // Of no register that never changes does the saved value count.
      this.#r[Lapic.VERSION] = REGISTERS[Lapic.VERSION]?.reset ?? 0;
      this.#base = base;
      this.#errors = errors;
      [this.#lints[0], this.#lints[1]] = lints;
      this.#external = external;
      timer();
      this.update();
    };
  }

  // ---- inside

  /** State after power-on and INIT, but for the mode. */
  #clear(): void {
    REGISTERS.forEach((register, index) => this.#r[index] = register?.reset ?? 0);
    this.#r[Lapic.ID] = this.#vcpu << 24;
    this.#errors = 0;
    this.#external = false;
    this.#timer.reset();
  }

  get #enabled(): boolean {
    return (this.#r[Lapic.SVR] & Svr.enabled) !== 0;
  }

  /** LDR in x2APIC mode: cluster in 31:16, one of 16 bits. */
  get #logicalId(): number {
    return (((this.#vcpu >>> 4) << 16) | (1 << (this.#vcpu & 15))) >>> 0;
  }

  /** An LVT entry or SVR was written. */
  #entriesChanged(): void {
    for (const index of LVT_INDICES) {
      if (!this.#enabled) this.#r[index] |= Lvt.masked;
    }
    for (const index of LINTS) {
      if ((this.#r[index] & Lvt.level) === 0) this.#r[index] &= ~Lvt.remoteIrr;
    }
    this.#timer.setMode((this.#r[Lapic.LVT_TIMER] >>> 17) & 3);
  }

  /** NMI, SMI or INIT by a message or an input. False for a reserved mode. */
  #event(mode: number): boolean {
    if (mode === DeliveryMode.nmi) this.#cpu.nmi(this.#vcpu);
    else if (mode === DeliveryMode.smi) this.#cpu.smi(this.#vcpu);
    else if (mode === DeliveryMode.init) {
      this.#clear();
      this.update();
      this.#cpu.init(this.#vcpu);
    } else return false;
    return true;
  }

  #lintRises(n: number): void {
    const entry = this.#r[LINTS[n]];
    if ((entry & Lvt.masked) !== 0) return;
    const mode = (entry & Lvt.mode) >>> 8;
    if (mode !== DeliveryMode.fixed) this.#event(mode);
    else if (!this.#isLevel(n)) this.#request(entry & Lvt.vector, false);
  }

  /** Only LINT0 can be level-triggered. */
  #isLevel(n: number): boolean {
    return n === 0 && (this.#r[LINTS[n]] & Lvt.level) !== 0;
  }

  /** LINT0 as a level: requests as long as it is high, one at a time. */
  #requestLevel(): void {
    const entry = this.#r[Lapic.LVT_LINT0];
    if (!this.#lints[0] || !this.#isLevel(0)) return;
    if ((entry & (Lvt.masked | Lvt.mode | Lvt.remoteIrr)) !== 0) return;
    if ((this.#base & ApicBase.enabled) === 0) return;
    this.#r[Lapic.LVT_LINT0] |= Lvt.remoteIrr;
    this.#request(entry & Lvt.vector, true);
  }

  /** Whether an interrupt of the 8259 pair waits. */
  get #externalPending(): boolean {
    if ((this.#base & ApicBase.enabled) === 0) return this.#lints[0];
    const entry = this.#r[Lapic.LVT_LINT0];
    const unmasked = (entry & Lvt.masked) === 0;
    const mode = (entry & Lvt.mode) >>> 8;
    return this.#external || (this.#lints[0] && unmasked && mode === DeliveryMode.extInt);
  }

  /** Puts an interrupt into IRR. */
  #request(vector: number, level: boolean): void {
    if (vector < FIRST_VECTOR) return this.error(ApicError.receivedIllegalVector);
    this.#irr.add(vector);
    if (level) this.#tmr.add(vector);
    else this.#tmr.delete(vector);
  }

  /** The vector that may interrupt now; -1 if none may. */
  #deliverable(): number {
    const vector = this.#irr.highest();
    return vector >= 0 && (vector & 0xf0) > (this.priority & 0xf0) ? vector : -1;
  }

  #endOfInterrupt(): void {
    const vector = this.#isr.highest();
    if (vector < 0) return;
    this.#isr.delete(vector);
    if (!this.#tmr.has(vector)) return;
    const entry = this.#r[Lapic.LVT_LINT0];
    if ((entry & Lvt.vector) === vector) this.#r[Lapic.LVT_LINT0] &= ~Lvt.remoteIrr;
    if ((this.#r[Lapic.SVR] & Svr.suppressEoi) === 0) this.#options.ended(vector);
  }

  /** Requests the timer's interrupt if it has expired. */
  #fetchTimer(): void {
    if (!this.#timer.takeExpired()) return;
    const entry = this.#r[Lapic.LVT_TIMER];
    if ((entry & Lvt.masked) === 0) this.#request(entry & Lvt.vector, false);
  }
}
