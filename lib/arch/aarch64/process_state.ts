/** PSTATE and the banked stack pointer in the state block (Arm ARM, D1.4, C5.2.18). */
import type { StateField, StateView } from "../../engine/layout.ts";
import { field } from "./layout.ts";

/** Bits of SPSR_EL1 other than NZCV (31:28) and DAIF (9:6). */
export const SPSR = { SS: 0x200000, IL: 0x100000, PAN: 0x400000, M: 0x1f } as const;
/** SPSR_EL1 bits that can be written: the others are RES0 without AArch32, SSBS, UAO, DIT and so on. */
export const SPSR_MASK = 0xf07003df;

/** Interrupt masks in DAIF. */
export const DAIF = { D: 0x200, A: 0x100, I: 0x80, F: 0x40, all: 0x3c0 } as const;

/** SCTLR_EL1 bits with a meaning here. */
export const SCTLR = {
  M: 0x1,
  A: 0x2,
  C: 0x4,
  SA: 0x8,
  SA0: 0x10,
  UMA: 0x200,
  I: 0x1000,
  DZE: 0x4000,
  UCT: 0x8000,
  nTWI: 0x10000,
  nTWE: 0x40000,
  WXN: 0x80000,
  SPAN: 0x800000,
  UCI: 0x4000000,
} as const;

const index = (f: StateField): number => f.address >>> 2;
const PC = index(field("pc"));
const SP = index(field("x")) + 62;
const SP_EL0 = index(field("SP_EL0"));
const SP_EL1 = index(field("SP_EL1"));
const FLAG_N = index(field("flagN"));
const FLAG_Z = index(field("flagZ"));
const FLAG_C = index(field("flagC"));
const FLAG_V = index(field("flagV"));
const DAIF_FIELD = index(field("daif"));
const EL = index(field("currentEl"));
const SP_SEL = index(field("spSel"));
const PAN = index(field("pan"));
const SS = index(field("singleStep"));
const IL = index(field("illegal"));
const SCTLR_FIELD = index(field("SCTLR_EL1"));
const STACK_MASK = index(field("stackAlignmentMask"));
const EXCLUSIVE = index(field("exclusiveAddress"));

/** PSTATE of the vCPU whose state block is in place. Nothing is kept here: the block is the state. */
export class ProcessState {
  readonly view: StateView;
  readonly #words: Uint32Array;

  constructor(view: StateView) {
    this.view = view;
    this.#words = view.u32;
  }

  /** 0 or 1. */
  get el(): number {
    return this.#words[EL];
  }
  get spSel(): number {
    return this.#words[SP_SEL];
  }
  get pan(): number {
    return this.#words[PAN];
  }
  set pan(value: number) {
    this.#words[PAN] = value;
  }
  /** D, A, I, F in bits 9:6. */
  get daif(): number {
    return this.#words[DAIF_FIELD];
  }
  set daif(value: number) {
    this.#words[DAIF_FIELD] = value;
  }
  /** PSTATE.SS. */
  get singleStep(): number {
    return this.#words[SS];
  }
  set singleStep(value: number) {
    this.#words[SS] = value;
  }
  /** PSTATE.IL. */
  get illegal(): number {
    return this.#words[IL];
  }
  set illegal(value: number) {
    this.#words[IL] = value;
  }
  /** Low half of SCTLR_EL1; the high half is RES0. */
  get sctlr(): number {
    return this.#words[SCTLR_FIELD];
  }
  get pcHigh(): number {
    return this.#words[PC + 1];
  }
  get pcLow(): number {
    return this.#words[PC];
  }

  setPc(high: number, low: number): void {
    this.#words[PC] = low;
    this.#words[PC + 1] = high;
  }

  /** Moves the pc behind the current instruction. */
  advance(): void {
    const low = (this.#words[PC] + 4) >>> 0;
    this.#words[PC] = low;
    if (low < 4) this.#words[PC + 1]++;
  }

  /** N, Z, C, V in bits 31:28, signed. */
  get nzcv(): number {
    const words = this.#words;
    const n = words[FLAG_N + 1] & 0x80000000;
    const z = (words[FLAG_Z] | words[FLAG_Z + 1]) === 0 ? 1 << 30 : 0;
    const c = (words[FLAG_C] & 1) << 29;
    const v = (words[FLAG_V + 1] >>> 31) << 28;
    return n | z | c | v;
  }
  set nzcv(value: number) {
    const words = this.#words;
    words[FLAG_N] = 0;
    words[FLAG_N + 1] = value & 0x80000000;
    words[FLAG_Z] = ((value >>> 30) & 1) ^ 1;
    words[FLAG_Z + 1] = 0;
    words[FLAG_C] = (value >>> 29) & 1;
    words[FLAG_C + 1] = 0;
    words[FLAG_V] = 0;
    words[FLAG_V + 1] = ((value >>> 28) & 1) << 31;
  }

  /** PSTATE as SPSR_EL1 records it, unsigned. */
  spsr(): number {
    const m = this.el === 0 ? 0 : 4 | this.spSel;
    return (this.nzcv | this.daif | m | (this.pan ? SPSR.PAN : 0) |
      (this.singleStep ? SPSR.SS : 0) | (this.illegal ? SPSR.IL : 0)) >>> 0;
  }

  /** Changes exception level and stack pointer selection together: the stack pointers are swapped. */
  setLevel(el: number, spSel: number): void {
    const words = this.#words;
    const from = words[EL] !== 0 && words[SP_SEL] !== 0 ? SP_EL1 : SP_EL0;
    const to = el !== 0 && spSel !== 0 ? SP_EL1 : SP_EL0;
    words[EL] = el;
    words[SP_SEL] = spSel;
    if (from !== to) {
      words[from] = words[SP];
      words[from + 1] = words[SP + 1];
      words[SP] = words[to];
      words[SP + 1] = words[to + 1];
    }
    this.updateStackAlignment();
  }

  /** Derives `stackAlignmentMask` from SCTLR_EL1 and the exception level. */
  updateStackAlignment(): void {
    const words = this.#words;
    const bit = words[EL] !== 0 ? SCTLR.SA : SCTLR.SA0;
    words[STACK_MASK] = (words[SCTLR_FIELD] & bit) !== 0 ? 15 : 0;
    words[STACK_MASK + 1] = 0;
  }

  /** Opens the local exclusive monitor. */
  clearExclusive(): void {
    this.#words[EXCLUSIVE] = 0xffffffff;
    this.#words[EXCLUSIVE + 1] = 0xffffffff;
  }

  /** Whether the local exclusive monitor holds an address. */
  get exclusive(): boolean {
    return (this.#words[EXCLUSIVE] & this.#words[EXCLUSIVE + 1]) !== -1;
  }
}
