/** Taking exceptions to EL1 and returning from them (Arm ARM, D1.3 and AArch64.TakeException). */
import type { StateField } from "../../engine/layout.ts";
import { field } from "./layout.ts";
import type { Mmu } from "./mmu.ts";
import { DAIF, type ProcessState, SCTLR, SPSR } from "./process_state.ts";
import { EC, FSC, ISS_CONDITION_ALWAYS, ISS_WRITE, syndrome } from "./syndrome.ts";

/** Offset of an exception's kind in a quarter of the vector table. */
export const Vector = { sync: 0, irq: 0x80, fiq: 0x100 } as const;
export type Vector = typeof Vector[keyof typeof Vector];

/** Quarters of the vector table: from EL1 with SP_EL0, from EL1 with SP_EL1, from EL0 in AArch64. */
const FROM_EL1_SP0 = 0x000;
const FROM_EL1_SPX = 0x200;
const FROM_EL0 = 0x400;

const index = (f: StateField): number => f.address >>> 2;
const ESR = index(field("ESR_EL1"));
const FAR = index(field("FAR_EL1"));
const ELR = index(field("ELR_EL1"));
const SPSR_FIELD = index(field("SPSR_EL1"));
const VBAR = index(field("VBAR_EL1"));
const CPACR = index(field("CPACR_EL1"));

/** Exceptions of the vCPU whose state block is in place. */
export class Exceptions {
  readonly #state: ProcessState;
  readonly #words: Uint32Array;

  constructor(state: ProcessState) {
    this.#state = state;
    this.#words = state.view.u32;
  }

  /** Enters EL1 at a vector. ELR_EL1 becomes the current pc. */
  take(kind: Vector): void {
    const state = this.#state;
    const words = this.#words;
    const quarter = state.el === 0 ? FROM_EL0 : state.spSel !== 0 ? FROM_EL1_SPX : FROM_EL1_SP0;
    words[SPSR_FIELD] = state.spsr();
    words[SPSR_FIELD + 1] = 0;
    words[ELR] = state.pcLow;
    words[ELR + 1] = state.pcHigh;
    state.setLevel(1, 1);
    state.daif = DAIF.all;
    state.singleStep = 0;
    state.illegal = 0;
    if ((state.sctlr & SCTLR.SPAN) === 0) state.pan = 1;
    state.setPc(words[VBAR + 1], (words[VBAR] | quarter | kind) >>> 0);
  }

  /** Takes a synchronous exception at the current pc. */
  sync(ec: number, iss: number): void {
    this.#words[ESR] = syndrome(ec, iss);
    this.#words[ESR + 1] = 0;
    this.take(Vector.sync);
  }

  /** Takes one of the classes that tell EL0 from EL1: the class for EL1 is one higher. */
  syncByLevel(ec: number, iss: number): void {
    this.sync(ec + (this.#state.el !== 0 ? 1 : 0), iss);
  }

  /** UNDEFINED: an unallocated encoding or a register that may not be accessed. */
  undefined(): void {
    this.sync(EC.unknown, 0);
  }

  /** An access trapped by CPACR_EL1.FPEN. */
  floatingPoint(): void {
    this.sync(EC.floatingPoint, ISS_CONDITION_ALWAYS);
  }

  dataAbort(high: number, low: number, fsc: number, iss: number): void {
    this.#setFar(high, low);
    this.syncByLevel(EC.dataAbort, iss | fsc);
  }

  instructionAbort(high: number, low: number, fsc: number): void {
    this.#setFar(high, low);
    this.syncByLevel(EC.instructionAbort, fsc);
  }

  /** Misaligned pc: FAR_EL1 has it too. */
  pcAlignment(): void {
    this.#setFar(this.#state.pcHigh, this.#state.pcLow);
    this.sync(EC.pcAlignment, 0);
  }

  /** `address` is that of the access. */
  watchpoint(high: number, low: number, write: boolean, iss: number): void {
    this.#setFar(high, low);
    this.syncByLevel(EC.watchpoint, FSC.debug | (write ? ISS_WRITE : 0) | iss);
  }

  /**
   * ERET at EL1: restores PSTATE and pc. A return that is not legal (AArch32, EL2, EL3, EL0 with
   * SP_EL1) keeps the exception level and sets PSTATE.IL (D1.3.5, AArch64.ExceptionReturn).
   */
  eret(singleStep: number, mmu: Mmu): void {
    const state = this.#state;
    const words = this.#words;
    const spsr = words[SPSR_FIELD];
    state.singleStep = singleStep;
    state.nzcv = spsr & 0xf0000000;
    state.daif = spsr & DAIF.all;
    state.pan = (spsr & SPSR.PAN) !== 0 ? 1 : 0;
    if (legalReturn(spsr)) {
      state.illegal = (spsr & SPSR.IL) !== 0 ? 1 : 0;
      state.setLevel((spsr >>> 2) & 1, spsr & 1);
    } else state.illegal = 1;
    state.clearExclusive();
    state.setPc(mmu.untag(words[ELR + 1]), words[ELR]);
    this.checkTarget();
  }

  /** Exceptions of an instruction boundary that no instruction can precede: bad pc, illegal state. */
  checkTarget(): void {
    if ((this.#state.pcLow & 3) !== 0) this.pcAlignment();
    else if (this.#state.illegal !== 0) this.sync(EC.illegalState, 0);
  }

  /** Target exception level of the return that SPSR_EL1 describes; the current one if not legal. */
  returnLevel(): number {
    const spsr = this.#words[SPSR_FIELD];
    return legalReturn(spsr) ? (spsr >>> 2) & 1 : this.#state.el;
  }

  /** SPSR_EL1, low half. */
  get savedState(): number {
    return this.#words[SPSR_FIELD];
  }

  /** Whether floating point and SIMD run at an exception level (CPACR_EL1.FPEN). */
  floatingPointEnabled(el: number): boolean {
    const fpen = (this.#words[CPACR] >>> 20) & 3;
    return fpen === 3 || (fpen === 1 && el !== 0);
  }

  #setFar(high: number, low: number): void {
    this.#words[FAR] = low;
    this.#words[FAR + 1] = high;
  }
}

/** SPSR.M of the levels that exist: EL0t, EL1t and EL1h in AArch64. */
function legalReturn(spsr: number): boolean {
  const m = spsr & SPSR.M;
  return m === 0 || m === 4 || m === 5;
}
