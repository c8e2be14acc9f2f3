/**
 * The x87 registers of the vCPU whose state block is in place: the stack, control, status and tag
 * words, and how exceptions get there (SDM volume 1, 8.1, 8.5). Nothing is kept here.
 */
import type { StateView } from "../../engine/layout.ts";
import { Exception } from "../fp/softfloat_format.ts";
import { field } from "./layout.ts";
import { C1, type Environment, environment, INDEFINITE, stops } from "./x87_float.ts";

const REGISTERS = field("x87").address;
const FCW = field("fcw").address >>> 2;
const FSW = field("fsw").address >>> 2;
const FTW = field("ftw").address >>> 2;
const FOP = field("fop").address >>> 2;
const FCS = field("fcs").address >>> 2;
const FDS = field("fds").address >>> 2;
const FIP = field("fip").address >>> 3;
const FDP = field("fdp").address >>> 3;

/** Bits of the status word besides `Exception` and `Condition`. */
export const Status = {
  exceptions: 0x3f,
  /** A register was empty, or full where one was to be pushed; `invalid` is set, too. */
  stackFault: 0x40,
  /** An exception is pending that is not masked. */
  summary: 0x80,
  conditions: 0x4700,
  busy: 0x8000,
} as const;
const TOP_SHIFT = 11;
/** Number of the register that is ST(0). */
export const TOP: number = 7 << TOP_SHIFT;

const NO_POINTERS: Pointers = {
  instruction: 0n,
  codeSegment: 0,
  operand: 0n,
  dataSegment: 0,
  opcode: 0,
};

/** Bits of the control word that can be changed, and one that is always set. */
export const CONTROL_WRITABLE = 0x1f3f;
export const CONTROL_FIXED = 0x40;
/** The control word after FNINIT. */
export const INITIAL_CONTROL = 0x37f;

/** Where the last instruction lay that was no control instruction, and its operand in memory. */
export interface Pointers {
  /** Offset of the instruction, and its code segment. */
  readonly instruction: bigint;
  readonly codeSegment: number;
  /** Offset of the operand, and its data segment. */
  readonly operand: bigint;
  readonly dataSegment: number;
  /** Low three bits of the first byte, and the second: 11 bits. */
  readonly opcode: number;
}

/** The x87 unit of the running vCPU. Registers ST(i) are named by i. */
export class X87Unit {
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;

  constructor(view: StateView) {
    this.#words = view.u32;
    this.#longs = view.u64;
  }

  // ---- control, status, tags

  get control(): number {
    return this.#words[FCW];
  }
  /** Exceptions that become unmasked are pending. */
  set control(value: number) {
    this.#words[FCW] = (value & CONTROL_WRITABLE) | CONTROL_FIXED;
    this.#summarize();
  }

  get status(): number {
    return this.#words[FSW];
  }
  set status(value: number) {
    this.#words[FSW] = value & 0xffff;
    this.#summarize();
  }

  /** Whether the next waiting instruction raises #MF. */
  get pending(): boolean {
    return (this.#words[FSW] & Status.summary) !== 0;
  }

  /** ES and B, which follow from the exceptions and their masks. */
  #summarize(): void {
    const status = this.#words[FSW] & ~(Status.summary | Status.busy);
    const pending = (status & ~this.#words[FCW] & Status.exceptions) !== 0;
    this.#words[FSW] = pending ? status | Status.summary | Status.busy : status;
  }

  get conditions(): number {
    return this.#words[FSW] & Status.conditions;
  }
  set conditions(value: number) {
    this.#words[FSW] = (this.#words[FSW] & ~Status.conditions) | value;
  }

  /** Number of the physical register that is ST(0). */
  get top(): number {
    return (this.#words[FSW] & TOP) >> TOP_SHIFT;
  }
  set top(value: number) {
    this.#words[FSW] = (this.#words[FSW] & ~TOP) | ((value & 7) << TOP_SHIFT);
  }

  /** Tags as FXSAVE has them: bit n is set if physical register n is not empty. */
  get tags(): number {
    return this.#words[FTW];
  }
  set tags(value: number) {
    this.#words[FTW] = value & 0xff;
  }

  get pointers(): Pointers {
    return {
      instruction: this.#longs[FIP],
      codeSegment: this.#words[FCS],
      operand: this.#longs[FDP],
      dataSegment: this.#words[FDS],
      opcode: this.#words[FOP],
    };
  }
  set pointers({ instruction, codeSegment, operand, dataSegment, opcode }: Pointers) {
    this.#longs[FIP] = instruction;
    this.#words[FCS] = codeSegment & 0xffff;
    this.#longs[FDP] = operand;
    this.#words[FDS] = dataSegment & 0xffff;
    this.#words[FOP] = opcode & 0x7ff;
  }

  /** Notes where an instruction lies; offset in unsigned halves. */
  noteInstruction(high: number, low: number): void {
    this.#words[2 * FIP] = low;
    this.#words[2 * FIP + 1] = high;
    this.#words[FCS] = 0;
  }

  /** Notes where its operand lies. */
  noteOperand(high: number, low: number): void {
    this.#words[2 * FDP] = low;
    this.#words[2 * FDP + 1] = high;
    this.#words[FDS] = 0;
  }

  /** FNINIT: the registers keep what they hold. */
  initialize(): void {
    this.#words[FCW] = INITIAL_CONTROL;
    this.#words[FSW] = 0;
    this.#words[FTW] = 0;
    this.pointers = NO_POINTERS;
  }

  // ---- registers

  /** The 80 bits of a physical register. */
  physical(n: number): bigint {
    const at = (REGISTERS >>> 3) + 2 * n;
    return this.#longs[at] | (BigInt.asUintN(16, this.#longs[at + 1]) << 64n);
  }
  setPhysical(n: number, bits: bigint): void {
    const at = (REGISTERS >>> 3) + 2 * n;
    this.#longs[at] = bits;
    this.#longs[at + 1] = BigInt.asUintN(16, bits >> 64n);
  }

  #number(i: number): number {
    return (this.top + i) & 7;
  }

  isEmpty(i: number): boolean {
    return (this.#words[FTW] & (1 << this.#number(i))) === 0;
  }

  get(i: number): bigint {
    return this.physical(this.#number(i));
  }

  /** Sets a register, which is not empty then. */
  set(i: number, bits: bigint): void {
    const n = this.#number(i);
    this.setPhysical(n, bits);
    this.#words[FTW] |= 1 << n;
  }

  free(i: number): void {
    this.#words[FTW] &= ~(1 << this.#number(i));
  }

  pop(): void {
    this.free(0);
    this.top++;
  }

  /** Takes the register that `canPush` has found empty. */
  push(bits: bigint): void {
    this.top--;
    this.set(0, bits);
  }

  // ---- exceptions

  /** What an instruction begins with that leaves C1 alone. */
  get environment(): Environment {
    return environment(this.#words[FCW]);
  }

  /** What an instruction begins with: C1 is cleared. */
  begin(): Environment {
    this.#words[FSW] &= ~C1;
    return this.environment;
  }

  /** Takes over what was raised; whether the instruction has a result. */
  finish(env: Environment): boolean {
    this.#words[FSW] |= env.flags;
    this.#summarize();
    return !stops(env);
  }

  /** Raises a stack fault; whether it is masked, so that the result is the indefinite. */
  stackFault(overflow: boolean): boolean {
    const status = this.#words[FSW] & ~C1;
    const why = overflow ? C1 : 0;
    this.#words[FSW] = status | why | Status.stackFault | Exception.invalid;
    this.#summarize();
    return (this.#words[FCW] & Exception.invalid) !== 0;
  }

  /** Whether a push can be done. If not, the stack fault is raised and masked ones are answered. */
  canPush(): boolean {
    if (this.isEmpty(7)) return true;
    if (this.stackFault(true)) this.push(INDEFINITE);
    return false;
  }
}
