/**
 * Debug registers and debug exceptions (SDM volume 3, chapter 17): four breakpoints on instructions,
 * data and ports, single steps, access detection.
 *
 * Deviations: branch records and single steps on branches do not exist; a data breakpoint is hit by
 * the access although the instruction faults afterwards.
 */
import type { DeviceState } from "../../devices/vbus/device.ts";
import { StateReader } from "../../devices/device_state.ts";
import { invalidOpcode } from "./guest_fault.ts";
import { field } from "./layout.ts";
import type { ProcessorState } from "./processor_state.ts";
import { CR4, DR6, DR6_FIXED, DR7, RFLAGS } from "./registers.ts";
import { canonical } from "./stack.ts";

const DR = field("dr");
const COUNT = 4;
/** Bits of DR6 that tell of traps. */
const DR6_TRAPS = DR6.BS | 0xf;
/** Bits of DR7 that exist besides GD and the one that is always set. */
const DR7_BITS = 0xffff23ff;

/** What a breakpoint watches: R/W of DR7. */
const Kind = { execute: 0, write: 1, io: 2, access: 3 } as const;
/** Bytes by LEN of DR7. */
const LENGTHS = [1, 2, 8, 4] as const;

/** Debug state of the vCPU whose state block is in place. */
export class DebugRegisters {
  readonly #state: ProcessorState;
  readonly #attend: () => void;
  /** Breakpoints that are on, by what they watch. */
  #execute = false;
  #data = false;
  #io = false;
  /** The instruction that runs began with TF set. */
  #stepping = false;
  /** DR6 bits of a trap that is to be taken before the next instruction. */
  #pending = 0;

  /** `attend` is called when a trap is to be taken before the next instruction. */
  constructor(state: ProcessorState, attend: () => void) {
    this.#state = state;
    this.#attend = attend;
  }

  /** After reset. */
  reset(): void {
    const { view } = this.#state;
    for (let n = 0; n < 8; n++) view.set64(DR, 0n, n);
    view.set64(DR, BigInt(DR6_FIXED), 6);
    view.set64(DR, BigInt(DR7.fixed), 7);
    this.#pending = 0;
    this.#stepping = false;
    this.configure();
  }

  /** Reads DR7 anew. True if data breakpoints were or are on: then the TLBs must be dropped. */
  configure(): boolean {
    const before = this.#data;
    this.#execute = this.#data = this.#io = false;
    for (let n = 0; n < COUNT; n++) {
      if (!this.#enabled(n)) continue;
      const kind = this.#kind(n);
      if (kind === Kind.execute) this.#execute = true;
      else if (kind === Kind.io) this.#io = true;
      else this.#data = true;
    }
    return before || this.#data;
  }

  /** Whether instructions must run one by one, between the two hooks. */
  needsStepping(): boolean {
    return this.#execute || (this.#state.systemFlags & RFLAGS.TF) !== 0;
  }

  /** Whether breakpoints on instructions are on: only then does RFLAGS.RF mean anything. */
  get breaksOnExecution(): boolean {
    return this.#execute;
  }

  /** DR6 bits of the instruction breakpoint at the pc, 0 if there is none; notes whether TF is set. */
  beforeStep(): number {
    const flags = this.#state.systemFlags;
    this.#stepping = (flags & RFLAGS.TF) !== 0;
    // For one instruction; if it faults, RF is set in what is pushed.
    this.#state.systemFlags = flags & ~RFLAGS.RF;
    if (!this.#execute || (flags & RFLAGS.RF) !== 0) return 0;
    const pc = canonical(this.#state.pcHigh, this.#state.pcLow);
    let hits = 0;
    for (let n = 0; n < COUNT; n++) {
      if (this.#enabled(n) && this.#kind(n) === Kind.execute && this.#address(n) === pc) {
        hits |= 1 << n;
      }
    }
    return hits;
  }

  /** After an instruction that was done: its single step is due. */
  afterStep(): void {
    if (this.#stepping) this.#pending |= DR6.BS;
    this.#stepping = false;
  }

  /** The instruction that runs gets no single step: an event was delivered, or it changes SS. */
  cancelStep(): void {
    this.#stepping = false;
  }

  /** Whether a trap is to be taken before the next instruction. */
  get trapPending(): boolean {
    return this.#pending !== 0;
  }

  /** Takes the pending trap: DR6 tells what for. */
  takeTrap(): void {
    this.report(this.#pending);
    this.#pending = 0;
  }

  /** Tells in DR6 what a debug exception is for. */
  report(bits: number): void {
    const { view } = this.#state;
    view.set64(DR, BigInt((view.low(DR, 6) | bits) >>> 0), 6);
    // General detection is off in the handler.
    view.set64(DR, BigInt((view.low(DR, 7) & ~DR7.GD) >>> 0), 7);
  }

  /** Whether there are breakpoints on data. */
  get watchesData(): boolean {
    return this.#data;
  }

  /** Whether a data breakpoint may match in the 4 KiB page of an address. */
  watchesPage(high: number, low: number): boolean {
    if (!this.#data) return false;
    const page = canonical(high, (low & -4096) >>> 0);
    return this.#dataHits(page, 4096, true) !== 0;
  }

  /** Notes a data access: a trap follows if a breakpoint matches. */
  access(high: number, low: number, size: number, write: boolean): void {
    this.#hit(this.#dataHits(canonical(high, low), size, write));
  }

  /** Notes an access to a port. */
  portAccess(port: number, size: number): void {
    if (!this.#io || (this.#state.cr4 & CR4.DE) === 0) return;
    for (let n = 0; n < COUNT; n++) {
      if (!this.#enabled(n) || this.#kind(n) !== Kind.io) continue;
      if (this.#overlaps(n, port, size)) this.#hit(1 << n);
    }
  }

  #hit(bits: number): void {
    if (bits === 0) return;
    this.#pending |= bits;
    this.#attend();
  }

  /** A trap that waits, which the state block does not hold: bits of DR6. */
  state(): DeviceState {
    return { pending: this.#pending };
  }

  /** Puts back what `state` gave. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    this.#pending = new StateReader(state, "debug registers").integer("pending", DR6_TRAPS);
  }

  /** MOV from a debug register. */
  read(number: number): bigint {
    return this.#state.view.get64(DR, this.#index(number));
  }

  /** MOV to a debug register. True if the TLBs must be dropped. The value was checked. */
  write(number: number, value: bigint): boolean {
    const index = this.#index(number);
    const { view } = this.#state;
    if (index === 6) {
      // Bits that exist: B0..B3, BD, BS, BT.
      view.set64(DR, (value & 0xe00fn) | BigInt(DR6_FIXED), 6);
      return false;
    }
    if (index === 7) view.set64(DR, (value & BigInt(DR7_BITS)) | BigInt(DR7.fixed), 7);
    else view.set64(DR, value, index);
    return this.configure();
  }

  /** #UD if there is no such register. */
  requireRegister(number: number): void {
    this.#index(number);
  }

  /** Whether an access to debug registers is detected (DR7.GD). */
  get detectsAccess(): boolean {
    return (this.#control & DR7.GD) !== 0;
  }

  /** DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE takes them away. */
  #index(number: number): number {
    if (number > 7) throw invalidOpcode();
    if (number !== 4 && number !== 5) return number;
    if ((this.#state.cr4 & CR4.DE) !== 0) throw invalidOpcode();
    return number + 2;
  }

  get #control(): number {
    return this.#state.view.low(DR, 7);
  }

  #enabled(n: number): boolean {
    return ((this.#control >>> (2 * n)) & 3) !== 0;
  }

  #kind(n: number): number {
    return (this.#control >>> (16 + 4 * n)) & 3;
  }

  #address(n: number): number {
    return canonical(this.#state.view.high(DR, n), this.#state.view.low(DR, n));
  }

  /** The address is aligned to the length, whatever its low bits are. */
  #overlaps(n: number, start: number, size: number): boolean {
    const length = LENGTHS[(this.#control >>> (18 + 4 * n)) & 3];
    const first = Math.floor(this.#address(n) / length) * length;
    return start < first + length && start + size > first;
  }

  #dataHits(start: number, size: number, write: boolean): number {
    let hits = 0;
    for (let n = 0; n < COUNT; n++) {
      if (!this.#enabled(n)) continue;
      const kind = this.#kind(n);
      const watched = kind === Kind.access || (kind === Kind.write && write);
      if (watched && this.#overlaps(n, start, size)) hits |= 1 << n;
    }
    return hits;
  }
}
