/**
 * Self-hosted debug (Arm ARM, D2): breakpoints, watchpoints and software step as debug exceptions to
 * EL1. There is no external debugger: halting debug and the OS double lock have no effect but to
 * mask debug exceptions while they are set.
 */
import type { StateField } from "../../engine/layout.ts";
import type { Exceptions } from "./exceptions.ts";
import { field } from "./layout.ts";
import { DAIF, type ProcessState, SPSR } from "./process_state.ts";
import { EC, FSC, ISS_STEP_EXCLUSIVE, ISS_STEP_VALID } from "./syndrome.ts";

/** Comparators, as ID_AA64DFR0_EL1 says; the last `CONTEXT` breakpoints can match a context. */
export const BREAKPOINTS = 6;
export const WATCHPOINTS = 4;
const CONTEXT = 2;

/** MDSCR_EL1 bits. */
const MDSCR = { SS: 1 << 0, KDE: 1 << 13, MDE: 1 << 15 } as const;
/** OSLSR_EL1.OSLK. */
export const OSLK: number = 1 << 1;

/** Breakpoint types, DBGBCR.BT: bit 0 says linked. */
const BT_CONTEXT = 2;

const MDSCR_FIELD = field("MDSCR_EL1").address >>> 2;
const OSLSR_FIELD = field("OSLSR_EL1").address >>> 2;
const OSDLR_FIELD = field("OSDLR_EL1").address >>> 2;
const CONTEXTIDR = field("CONTEXTIDR_EL1").address >>> 2;
const BVR = field("DBGBVR_EL1");
const BCR = field("DBGBCR_EL1");
const WVR = field("DBGWVR_EL1");
const WCR = field("DBGWCR_EL1");

/** Debug exceptions of the vCPU whose state block is in place. */
export class Debug {
  readonly #state: ProcessState;
  readonly #exceptions: Exceptions;
  #breakpoints = false;
  #watchpoints = false;
  readonly #fetch: (high: number, low: number) => number | undefined;
  /** The instruction that runs is being stepped. */
  #stepping = false;
  /** ISS.ISV and EX of the step that is due: whether an instruction was stepped, a load-exclusive. */
  #stepIss = 0;

  /** `fetch` gives the instruction word at a virtual address, undefined if there is none. */
  constructor(
    state: ProcessState,
    exceptions: Exceptions,
    fetch: (high: number, low: number) => number | undefined,
  ) {
    this.#state = state;
    this.#exceptions = exceptions;
    this.#fetch = fetch;
  }

  /**
   * Reads the control registers anew: after each write of MDSCR_EL1, a comparator or a lock. True if
   * watchpoints were or are on: then the TLBs must be dropped.
   */
  configure(): boolean {
    const before = this.#watchpoints;
    const active = (this.#word(MDSCR_FIELD) & MDSCR.MDE) !== 0 && !this.#locked();
    this.#breakpoints = active && this.#anyEnabled(BCR, BREAKPOINTS);
    this.#watchpoints = active && this.#anyEnabled(WCR, WATCHPOINTS);
    return before || this.#watchpoints;
  }

  /**
   * Whether instructions must be executed one by one, with {@linkcode beforeStep} and
   * {@linkcode afterStep} around each. Changes only by MSR, exceptions and exception returns.
   */
  needsStepping(): boolean {
    return this.#breakpoints || this.#stepEnabled();
  }

  /**
   * Before an instruction: false if a software step or breakpoint exception was taken instead (the pc
   * was set).
   */
  beforeStep(): boolean {
    this.#stepping = false;
    if (this.#stepEnabled() && this.#enabledAt(this.#state.el)) {
      if (this.#state.singleStep === 0) {
        const iss = this.#stepIss;
        this.#stepIss = 0;
        this.#exceptions.syncByLevel(EC.softwareStep, iss | FSC.debug);
        return false;
      }
      this.#stepping = true;
      const word = this.#fetch(this.#state.pcHigh, this.#state.pcLow);
      const exclusive = word !== undefined && isLoadExclusive(word);
      this.#stepIss = ISS_STEP_VALID | (exclusive ? ISS_STEP_EXCLUSIVE : 0);
    }
    if (this.#breakpoints && this.#enabledAt(this.#state.el) && this.#breakpointHit()) {
      this.#stepping = false;
      this.#stepIss = 0;
      this.#exceptions.syncByLevel(EC.breakpoint, FSC.debug);
      return false;
    }
    return true;
  }

  /** After an instruction that was executed, whatever it did: ends a step (SSAdvance). */
  afterStep(): void {
    if (!this.#stepping) return;
    this.#stepping = false;
    this.#state.singleStep = 0;
  }

  /** An instruction that causes an exception by design (SVC) has ended when the exception is taken. */
  advanceStep(): void {
    if (this.#stepping) this.#state.singleStep = 0;
    this.#stepping = false;
  }

  /** PSTATE.SS after ERET (DebugExceptionReturnSS): set only if it starts a step in the target. */
  returnStep(): number {
    this.#stepIss = 0;
    const from = this.#state.el;
    const spsr = this.#exceptions.savedState;
    if (!this.#stepConfigured() || this.#enabledAt(from)) return 0;
    const to = this.#exceptions.returnLevel();
    const masked = (spsr & DAIF.D) !== 0;
    const enabled = !this.#locked() && (to === 0 || (this.#kernelDebug() && !masked));
    return enabled && (spsr & SPSR.SS) !== 0 ? 1 : 0;
  }

  /** Whether there are watchpoints. */
  get watchesData(): boolean {
    return this.#watchpoints;
  }

  /** Whether a watchpoint may match in the 4 KiB page of an address: it must not enter the TLB. */
  watchesPage(high: number, low: number): boolean {
    if (!this.#watchpoints) return false;
    return this.#watchpointHit(address(high, low & 0xfffff000), 4096, undefined, true, true);
  }

  /** Takes a watchpoint exception if [address, address + size) is watched in TLB `tlb`'s level. */
  watch(high: number, low: number, size: number, write: boolean, el: number, iss: number): boolean {
    if (!this.#watchpoints || !this.#enabledAt(this.#state.el)) return false;
    if (!this.#watchpointHit(address(high, low), size, el, !write, write)) return false;
    this.#exceptions.watchpoint(high, low, write, iss);
    return true;
  }

  #word(index: number): number {
    return this.#state.view.u32[index];
  }

  #locked(): boolean {
    return (this.#word(OSLSR_FIELD) & OSLK) !== 0 || (this.#word(OSDLR_FIELD) & 1) !== 0;
  }

  #kernelDebug(): boolean {
    return (this.#word(MDSCR_FIELD) & MDSCR.KDE) !== 0;
  }

  #stepConfigured(): boolean {
    return (this.#word(MDSCR_FIELD) & MDSCR.SS) !== 0;
  }

  /** Software step may be active at this level; PSTATE.D is looked at before each instruction. */
  #stepEnabled(): boolean {
    return this.#stepConfigured() && !this.#locked() &&
      (this.#state.el === 0 || this.#kernelDebug());
  }

  /** Debug exceptions are enabled at the current level `el` (D2.4). */
  #enabledAt(el: number): boolean {
    if (this.#locked()) return false;
    return el === 0 || (this.#kernelDebug() && (this.#state.daif & DAIF.D) === 0);
  }

  #anyEnabled(control: StateField, count: number): boolean {
    for (let n = 0; n < count; n++) {
      if ((this.#state.view.low(control, n) & 1) !== 0) return true;
    }
    return false;
  }

  #breakpointHit(): boolean {
    const { view, pcHigh, pcLow, el } = this.#state;
    for (let n = 0; n < BREAKPOINTS; n++) {
      const control = view.low(BCR, n);
      if (!matchesLevel(control, el)) continue;
      const type = (control >>> 20) & 15;
      // Linked context comparators match through the address comparator that names them.
      if (type > BT_CONTEXT) continue;
      if (type === BT_CONTEXT) {
        if (this.#contextMatches(n)) return true;
        continue;
      }
      // VA[48:2] are compared.
      if (((view.low(BVR, n) ^ pcLow) & ~3) !== 0) continue;
      if (((view.high(BVR, n) ^ pcHigh) & 0x1ffff) !== 0) continue;
      if (type === 0 || this.#linked((control >>> 16) & 15)) return true;
    }
    return false;
  }

  /** Whether comparator `n` can compare contexts and holds CONTEXTIDR_EL1. */
  #contextMatches(n: number): boolean {
    return n >= BREAKPOINTS - CONTEXT && n < BREAKPOINTS &&
      this.#state.view.low(BVR, n) === this.#word(CONTEXTIDR);
  }

  /** Whether the linked comparator `n` is on, of the linked context type, and matches. */
  #linked(n: number): boolean {
    if (n >= BREAKPOINTS) return false;
    const control = this.#state.view.low(BCR, n);
    return (control & 1) !== 0 && ((control >>> 20) & 15) === (BT_CONTEXT | 1) &&
      this.#contextMatches(n);
  }

  /** `el` undefined: at any level. */
  #watchpointHit(
    start: bigint,
    size: number,
    el: number | undefined,
    read: boolean,
    write: boolean,
  ): boolean {
    const { view } = this.#state;
    const end = start + BigInt(size);
    for (let n = 0; n < WATCHPOINTS; n++) {
      const control = view.low(WCR, n);
      if ((control & 1) === 0) continue;
      if (el !== undefined && !matchesLevel(control, el)) continue;
      const loads = (control & (1 << 3)) !== 0;
      const stores = (control & (1 << 4)) !== 0;
      if (!(read && loads) && !(write && stores)) continue;
      if (el !== undefined && (control & (1 << 20)) !== 0 && !this.#linked((control >>> 16) & 15)) {
        continue;
      }
      const value = BigInt.asUintN(56, view.get64(WVR, n)) & ~3n;
      const bits = (control >>> 24) & 31;
      if (bits >= 3) {
        const first = value & ~((1n << BigInt(bits)) - 1n);
        if (start < first + (1n << BigInt(bits)) && end > first) return true;
        continue;
      }
      const selected = (control >>> 5) & 0xff;
      for (let byte = 0; byte < 8; byte++) {
        const watched = value + BigInt(byte);
        if ((selected & (1 << byte)) !== 0 && start <= watched && watched < end) return true;
      }
    }
    return false;
  }
}

/** Address without its tag, as the comparators see it. */
function address(high: number, low: number): bigint {
  return (BigInt(high & 0xffffff) << 32n) | BigInt(low >>> 0);
}

/** Whether DBGBCR or DBGWCR is enabled for an exception level: E, PMC or PAC, and HMC and SSC as without EL2. */
function matchesLevel(control: number, el: number): boolean {
  if ((control & 1) === 0 || ((control >>> 14) & 3) === 3) return false;
  return (control & (el === 0 ? 1 << 2 : 1 << 1)) !== 0;
}

/** LDXR, LDAXR, LDXRB ... and the pairs, which CASP shares the bits with but for bit 31. */
function isLoadExclusive(word: number): boolean {
  return (word & 0x3fc00000) === 0x08400000 && ((word & (1 << 21)) === 0 || word >>> 31 === 1);
}
