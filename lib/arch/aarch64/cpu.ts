/**
 * One AArch64 vCPU beyond its instruction table: modes, translation, exceptions, system instructions
 * and registers, interrupts, waiting. EL1 and EL0, AArch64 only; firmware calls go to the host.
 *
 * The methods work on the state block in place, so they may be called only while the vCPU runs;
 * `setIrq`, `setFiq` and `signalEvent` may be called at any time.
 */
import {
  Access,
  type ArchCpu,
  newTranslation,
  type Outcome,
  type Translation,
} from "../../engine/arch.ts";
import type { StateView } from "../../engine/layout.ts";
import type { DecodedWord } from "../../engine/table.ts";
import type { DeviceState } from "../../devices/vbus/device.ts";
import { Debug } from "./debug.ts";
import { Exceptions, Vector } from "./exceptions.ts";
import { Fault } from "./faults.ts";
import { updateFpFast } from "./fp_fast.ts";
import { HostInstructions, type HostInstructionsOptions } from "./host_instructions.ts";
import { InterruptInputs } from "./interrupt_inputs.ts";
import { field, layout } from "./layout.ts";
import { Mmu, WALK_OK } from "./mmu.ts";
import { Mode, Tlb } from "./mode.ts";
import { DAIF, ProcessState, SCTLR } from "./process_state.ts";
import { EC, FSC, ISS_WRITE } from "./syndrome.ts";
import type { SystemContext } from "./system_register.ts";
import { resetSystemRegisters } from "./system_registers.ts";
import { TlbMaintenance } from "./tlb_maintenance.ts";

/** Parts and properties of an {@linkcode AArch64Cpu}. */
export interface AArch64CpuOptions extends HostInstructionsOptions {
  /** The machine's memory with the state block of the vCPU that runs. */
  readonly state: StateView;
  /** MPIDR_EL1 affinity: Aff3 in 39:32, Aff2..Aff0 in 23:0. */
  readonly affinity: bigint;
  /** The GIC has system registers. */
  readonly gicV3: boolean;
  /**
   * Misaligned data accesses to RAM fault while the MMU is off, as the architecture says; every
   * access is then slow. Else RAM is treated as Normal memory then, as many emulators do.
   * @default false
   */
  readonly strictWhenOff?: boolean;
}

const X = field("x");

/** An AArch64 vCPU. */
export class AArch64Cpu implements ArchCpu {
  /** Number of the vCPU. */
  readonly index: number;
  /** Result of the last `translate` that was not refused. */
  readonly translation: Translation = newTranslation();
  /** While it is set, instructions run one by one, and it is called after each. For debuggers. */
  onStep: (() => void) | undefined;
  /** The parts, for tests and inspection. */
  readonly context: SystemContext;
  readonly #options: AArch64CpuOptions;
  readonly #state: ProcessState;
  readonly #exceptions: Exceptions;
  readonly #mmu: Mmu;
  readonly #tlb: TlbMaintenance;
  readonly #debug: Debug;
  readonly #inputs: InterruptInputs;
  readonly #instructions: HostInstructions;

  /** Reads nothing but the translation registers: {@linkcode AArch64Cpu.start} makes it usable. */
  constructor(options: AArch64CpuOptions) {
    this.#options = options;
    this.index = options.index;
    this.#state = new ProcessState(options.state);
    this.#exceptions = new Exceptions(this.#state);
    this.#mmu = new Mmu(options.state, options.memory);
    this.#tlb = new TlbMaintenance(this.#mmu, options.engine);
    this.#debug = new Debug(this.#state, this.#exceptions, (high, low) => this.#word(high, low));
    this.#inputs = new InterruptInputs(this.#state, () => options.engine.attend());
    this.context = {
      state: this.#state,
      exceptions: this.#exceptions,
      mmu: this.#mmu,
      tlb: this.#tlb,
      debug: this.#debug,
      mpidr: 0x80000000n | options.affinity,
      gicV3: options.gicV3,
      inputs: this.#inputs,
    };
    this.#instructions = new HostInstructions(this.context, options);
  }

  // ---- state

  /** Power-on state: EL1h, all interrupts masked, MMU off, registers zero (D1.9.1). */
  reset(): void {
    const { view } = this.#state;
    const first = layout.get("x").address >>> 2;
    view.u32.fill(0, first, layout.end >>> 2);
    view.set32(field("currentEl"), 1);
    view.set32(field("spSel"), 1);
    this.#state.daif = DAIF.all;
    this.#state.setPc(0, 0);
    this.#state.nzcv = 0;
    this.#state.clearExclusive();
    resetSystemRegisters(this.context);
    this.#inputs.event = false;
    this.reload();
  }

  /** Derives anew what is kept outside the state block: after reset, or when the block was restored. */
  reload(): void {
    this.#mmu.configure();
    this.#debug.configure();
    this.#state.updateStackAlignment();
    updateFpFast(this.#state.view);
    this.#tlb.reset();
    this.#inputs.sync();
  }

  /** Resets and begins at `entry` with `context` in X0. */
  start(entry: bigint, context: bigint): void {
    this.reset();
    this.#state.setPc(Number((entry >> 32n) & 0xffffffffn), Number(entry & 0xffffffffn));
    this.#state.view.set64(X, BigInt.asUintN(64, context), 0);
    this.#exceptions.checkTarget();
  }

  /** What the state block does not hold: interrupt inputs and the event register. */
  saved(): DeviceState {
    const { levels, event, waitsForEvent } = this.#inputs;
    return { levels, event, waitsForEvent };
  }

  /** Puts back what `saved` gave, after the state block. Throws a TypeError on anything else. */
  restore(saved: DeviceState): void {
    this.#inputs.restore(saved);
    this.reload();
  }

  /** Exception level of the code that runs. */
  get currentEl(): number {
    return this.#state.el;
  }

  mode(): number {
    const state = this.#state;
    const { el } = state;
    const fp = this.#exceptions.floatingPointEnabled(el) ? Mode.fp : 0;
    if (el === 0) {
      const { sctlr } = state;
      return Tlb.el0 | fp | ((sctlr & SCTLR.UCT) !== 0 ? Mode.ctr : 0) |
        ((sctlr & SCTLR.DZE) !== 0 ? Mode.zero : 0);
    }
    const tlb = state.pan !== 0 ? Tlb.el1Pan : Tlb.el1;
    return tlb | fp | Mode.ctr | Mode.zero | (state.spSel !== 0 ? Mode.el1h : 0);
  }

  // ---- memory

  translate(high: number, low: number, access: Access, tlb: number, size: number): boolean {
    if (access === Access.execute && !this.#fetchable(high, low)) return false;
    const mmu = this.#mmu;
    const status = mmu.walk(high, low);
    if (status !== WALK_OK) {
      this.#abort(high, low, access, status, 0);
      return false;
    }
    let readable: boolean;
    let writable: boolean;
    if (tlb === Tlb.el0) {
      readable = mmu.readEl0;
      writable = mmu.writeEl0;
    } else {
      readable = tlb === Tlb.el1 || !mmu.readEl0 || !mmu.enabled;
      writable = readable && mmu.writeEl1;
    }
    const allowed = access === Access.read
      ? readable
      : access === Access.write
      ? writable
      : tlb === Tlb.el0
      ? mmu.executeEl0
      : mmu.executeEl1;
    if (!allowed) {
      this.#abort(high, low, access, FSC.permission | mmu.level, 0);
      return false;
    }
    this.#tlb.filled(high, low, tlb);
    const out = this.translation;
    out.page = mmu.page;
    out.global = !mmu.nonGlobal;
    out.readable = readable;
    out.writable = writable;
    const ram = this.#options.memory.contains(mmu.page, 4096);
    const strict = (mmu.device && (mmu.enabled || !ram || this.#options.strictWhenOff === true)) ||
      (this.#state.sctlr & SCTLR.A) !== 0;
    out.strictAlignment = strict;
    out.uncached = !ram || (strict && access !== Access.execute);
    out.watched = access !== Access.execute && this.#debug.watchesPage(high, low);
    if (out.watched) {
      out.uncached = true;
      const el = tlb === Tlb.el0 ? 0 : 1;
      if (this.#debug.watch(high, low, size, access === Access.write, el, 0)) return false;
    }
    return true;
  }

  alignmentFault(high: number, low: number, access: Access): void {
    if (access === Access.execute) this.#exceptions.pcAlignment();
    else this.#abort(high, low, access, FSC.alignment, 0);
  }

  busError(high: number, low: number, access: Access, fetch: boolean): void {
    this.#abort(high, low, fetch ? Access.execute : access, FSC.externalAbort, 0);
  }

  takeOver(previous: this): void {
    this.#tlb.takeOver(previous.#tlb, this.#debug.watchesData || previous.#debug.watchesData);
  }

  /** The instruction word at a virtual address, if it is in RAM. */
  #word(high: number, low: number): number | undefined {
    if (this.#mmu.walk(high, low) !== WALK_OK) return undefined;
    return this.#options.memory.read32(this.#mmu.page + (low & 0xfff));
  }

  /** The pc must be aligned and, where tags are ignored, without one (AArch64.BranchAddr). */
  #fetchable(high: number, low: number): boolean {
    const untagged = this.#mmu.untag(high);
    if (untagged !== high) {
      this.#state.setPc(untagged, low);
      return false;
    }
    if ((low & 3) === 0) return true;
    this.#state.setPc(high, low);
    this.#exceptions.pcAlignment();
    return false;
  }

  #abort(high: number, low: number, access: Access, status: number, iss: number): void {
    if (access === Access.execute) this.#exceptions.instructionAbort(high, low, status);
    else {
      const write = access === Access.write ? ISS_WRITE : 0;
      this.#exceptions.dataAbort(high, low, status, iss | write);
    }
  }

  // ---- faults

  undefinedInstruction(): void {
    this.#exceptions.undefined();
  }

  fault(fault: number): void {
    if (fault === Fault.stackAlignment) this.#exceptions.sync(EC.spAlignment, 0);
    else if (fault === Fault.interruptUnmasked) this.#state.advance();
    else this.#exceptions.undefined();
  }

  // ---- interrupts

  /** Drives the IRQ input. May be called at any time. */
  setIrq(level: boolean): void {
    this.#inputs.set(DAIF.I, level);
  }

  /** Drives the FIQ input. */
  setFiq(level: boolean): void {
    this.#inputs.set(DAIF.F, level);
  }

  /** Sets the event register (SEV of any vCPU). */
  signalEvent(): void {
    this.#inputs.event = true;
  }

  takeInterrupt(): boolean {
    this.#inputs.sync();
    const pending = this.#inputs.unmasked;
    if (pending === 0) return false;
    this.#exceptions.take((pending & DAIF.F) !== 0 ? Vector.fiq : Vector.irq);
    return true;
  }

  wakes(): boolean {
    return this.#inputs.wakes();
  }

  // ---- debug

  /** Whether the engine must execute one instruction at a time between these two. */
  needsStepping(): boolean {
    return this.onStep !== undefined || this.#debug.needsStepping();
  }

  /** False if an exception was taken instead of the instruction at the pc. */
  beforeStep(): boolean {
    return this.#debug.beforeStep();
  }

  /** Ends the step of the instruction that was executed. */
  afterStep(): void {
    this.#debug.afterStep();
    this.onStep?.();
  }

  // ---- instructions of the host

  host(handler: string, { word }: DecodedWord): Outcome {
    return this.execute(handler, word);
  }

  /** Executes the instruction `word` by the name of its handler. */
  execute(handler: string, word: number): Outcome {
    return this.#instructions.execute(handler, word);
  }
}
