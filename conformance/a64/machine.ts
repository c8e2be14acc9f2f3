/**
 * The engine with the memory of the cases and nothing else: code, a window of data, faults that stop.
 * System registers are those of a real vCPU at EL0.
 */
import {
  type Access,
  Access as AccessKind,
  type Arch,
  type ArchCpu,
  type EngineServices,
  newTranslation,
  Outcome,
  type Translation,
} from "../../lib/engine/arch.ts";
import { aarch64 } from "../../lib/arch/aarch64/arch.ts";
import { AArch64Cpu } from "../../lib/arch/aarch64/cpu.ts";
import { updateFpFast } from "../../lib/arch/aarch64/fp_fast.ts";
import { AccessResult } from "../../lib/devices/vbus/device.ts";
import { Engine } from "../../lib/engine/engine.ts";
import type { StateField, StateView } from "../../lib/engine/layout.ts";
import { bytesOfWord, type DecodedWord } from "../../lib/engine/table.ts";
import { Mode, Tlb } from "../../lib/arch/aarch64/mode.ts";
import { CODE, Ending, SLOT_BYTES, slotAddress, type State, WINDOW } from "./cases.ts";

/**
 * How a case is executed: by the interpreter; instruction by instruction; by the interpreter without
 * TLB entries for data; in compiled regions; in regions of the first block, a few instructions at a
 * time.
 */
export type Executor = "interpreter" | "single" | "uncached" | "region" | "sliced";

const RAM_SIZE = 0x22000;
const CODE_END = CODE.address + CODE.slots * SLOT_BYTES;
const BUDGET = 200;

/** The vCPU: EL0, memory as it is at its place, any exception stops it. */
class CaseCpu implements ArchCpu {
  readonly translation: Translation = {
    ...newTranslation(),
    readable: true,
    writable: true,
  };
  ending: Ending | undefined;
  /** Number of `faultIf`, -1 if the end was another. */
  faultNumber = -1;
  /** Instruction by instruction. */
  stepping = false;
  /** Each access to data is slow: nothing goes to the TLB. */
  uncached = false;
  readonly real: AArch64Cpu;
  readonly #stop: () => void;
  readonly #setPc: (high: number, low: number) => void;

  /** The instruction word at the pc. */
  readonly #word: () => number;

  constructor(
    real: AArch64Cpu,
    stop: () => void,
    setPc: (high: number, low: number) => void,
    word: () => number,
  ) {
    this.real = real;
    this.#stop = stop;
    this.#setPc = setPc;
    this.#word = word;
  }

  #end(ending: Ending): void {
    this.ending ??= ending;
    this.#stop();
  }

  mode(): number {
    return Tlb.el0 | Mode.fp | Mode.ctr | Mode.zero;
  }

  translate(high: number, low: number, access: Access): boolean {
    // Bits 63:56 of an address are a tag where bit 55 is clear, as Linux has it.
    const untagged = (high & 0x800000) === 0 ? high & 0xffffff : high;
    if (access === AccessKind.execute) {
      if (untagged !== high) this.#setPc(untagged, low);
      const code = untagged === 0 && low >= CODE.address && low < CODE_END && low % 4 === 0;
      if (!code) this.#end(Ending.fetch);
      this.translation.page = low - low % 4096;
      this.translation.uncached = false;
      return code;
    }
    const data = low >= WINDOW.address && low < WINDOW.address + WINDOW.size;
    const code = low >= CODE.address && low < CODE_END && access === AccessKind.read;
    if (untagged !== 0 || !(data || code)) {
      this.#end(Ending.fault);
      return false;
    }
    this.translation.page = low - low % 4096;
    this.translation.writable = data;
    this.translation.uncached = this.uncached;
    return true;
  }

  alignmentFault(): void {
    this.#end(Ending.alignment);
  }
  busError(): void {
    this.#end(Ending.fault);
  }
  undefinedInstruction(): void {
    this.#end(this.#word() === 0 ? Ending.end : Ending.undefined);
  }
  fault(fault: number): void {
    this.faultNumber = fault;
    this.#end(Ending.alignment);
  }
  host(handler: string, decoded: DecodedWord): Outcome {
    if (handler === "msr" || handler === "mrs") return this.real.host(handler, decoded);
    this.#end(Ending.undefined);
    return Outcome.jumped;
  }
  takeInterrupt(): boolean {
    return false;
  }
  wakes(): boolean {
    return false;
  }
  needsStepping(): boolean {
    return this.stepping;
  }
  beforeStep(): boolean {
    return this.ending === undefined;
  }
  afterStep(): void {}
  takeOver(): void {}
  reset(): void {
    this.real.reset();
  }
}

/** Options of {@linkcode CaseMachine}. */
export interface CaseMachineOptions {
  /** Instead of AArch64 as it is made for this host. */
  readonly arch?: Arch;
  /** Samples of the instructions that are inlined into the interpreter. @default none */
  readonly inlineWords?: readonly number[];
}

export class CaseMachine {
  readonly engine: Engine;
  readonly cpu: CaseCpu;
  readonly #view: StateView;
  readonly #memory: Uint32Array;
  readonly #code: Uint8Array = new Uint8Array(CODE.slots * SLOT_BYTES);
  readonly #fields: Record<string, StateField>;
  /** Instructions, and exceptions, of the last case. */
  executed = 0;
  #services: EngineServices | undefined;
  #last: Executor | undefined;

  constructor(options: CaseMachineOptions = {}) {
    let cpu: CaseCpu | undefined;
    const words = options.inlineWords ?? [];
    this.engine = new Engine({
      arch: { ...options.arch ?? aarch64, common: { mode: 0, code: words.map(bytesOfWord) } },
      cpus: 1,
      ramBase: WINDOW.address,
      ramSize: RAM_SIZE,
      bus: { access: () => AccessResult.noDevice },
      makeCpu: (index, { state, memory, engine }) => {
        const real = new AArch64Cpu({
          index,
          state,
          memory,
          engine,
          registers: [],
          conduit: "hvc",
          affinity: 0n,
          gicV3: false,
          sendEvent: () => {},
        });
        this.#services = engine;
        const pc = aarch64Pc(() => this.engine);
        const word = (): number =>
          memory.read32(Number(state.get64(this.engine.layout.get("pc")))) ?? 0;
        return cpu = new CaseCpu(real, () => this.engine.requestExit(), pc, word);
      },
      threshold: 0,
    });
    this.cpu = cpu!;
    this.cpu.reset();
    const { layout, state, memory } = this.engine;
    this.#view = state;
    this.#memory = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset, WINDOW.size / 4);
    const names = ["x", "v", "pc", "flagN", "flagZ", "flagC", "flagV", "fpcr", "fpsr", "TPIDR_EL0"];
    names.push("exclusiveAddress", "currentEl", "lazyKind", "CPACR_EL1", "stackAlignmentMask");
    this.#fields = Object.fromEntries(names.map((name) => [name, layout.get(name)]));
    this.#set32("currentEl", 0);
    state.set64(this.#fields.CPACR_EL1, 0x300000n);
    this.stackAlignment = false;
  }

  /** SP must be aligned to 16 bytes where it is a base register. */
  set stackAlignment(checked: boolean) {
    this.#view.set64(this.#fields.stackAlignmentMask, checked ? 15n : 0n);
  }

  /** Instructions of the regions made so far. */
  get regionInstructions(): number {
    return this.engine.statistics.regionInstructions;
  }

  #set32(name: string, value: number): void {
    this.#view.set32(this.#fields[name], value);
  }

  /** Writes the code of a batch: words of slot 0, 1, ... */
  loadCode(slots: readonly (readonly number[])[]): void {
    this.#code.fill(0);
    const words = new Uint32Array(this.#code.buffer);
    slots.forEach((slot, i) => words.set(slot, i * CODE.slotWords));
    this.engine.memory.write(CODE.address, this.#code);
  }

  /** Makes regions of slots' code, or of its first block only. */
  compile(indexes: readonly number[], whole: boolean): void {
    this.engine.compileAt(0, indexes.map(slotAddress), whole ? CODE.slotWords : 1);
  }

  /** Executes from a state, which becomes the state after it. */
  run(state: State, executor: Executor): Ending {
    const { cpu, engine } = this;
    this.#load(state);
    cpu.ending = undefined;
    cpu.faultNumber = -1;
    cpu.stepping = executor === "single";
    cpu.uncached = executor === "uncached";
    if (executor !== this.#last) this.#services?.flushTlb();
    this.#last = executor;
    this.executed = 0;
    let left = BUDGET;
    while (cpu.ending === undefined && left > 0) {
      const slice = executor === "sliced" ? 1 + left % 3 : left;
      const { executed } = engine.run(0, slice);
      this.executed += executed;
      left -= Math.max(1, executed);
    }
    const ending: Ending = cpu.ending ?? Ending.timeout;
    this.#store(state);
    return ending;
  }

  #load(state: State): void {
    const view = this.#view;
    const { u32 } = view;
    const f = this.#fields;
    u32.set(state.x, f.x.address >> 2);
    u32.fill(0, (f.x.address >> 2) + 64, (f.x.address >> 2) + 68);
    u32.set(state.v, f.v.address >> 2);
    u32.set(state.pc, f.pc.address >> 2);
    u32.set(state.tpidr, f.TPIDR_EL0.address >> 2);
    this.#set32("fpcr", state.fpcr);
    this.#set32("fpsr", state.fpsr);
    this.#set32("lazyKind", 0);
    updateFpFast(view);
    const { nzcv } = state;
    view.set64(f.flagN, (nzcv & 8) !== 0 ? 1n << 63n : 0n);
    view.set64(f.flagZ, (nzcv & 4) !== 0 ? 0n : 1n);
    view.set64(f.flagC, (nzcv & 2) !== 0 ? 1n : 0n);
    view.set64(f.flagV, (nzcv & 1) !== 0 ? 1n << 63n : 0n);
    view.set64(f.exclusiveAddress, (1n << 64n) - 1n);
    this.#memory.set(state.memory);
  }

  #store(state: State): void {
    const view = this.#view;
    const { u32 } = view;
    const f = this.#fields;
    const x = f.x.address >> 2;
    state.x.set(u32.subarray(x, x + 64));
    if (u32[x + 64] !== 0 || u32[x + 65] !== 0) throw new Error("the zero register is not zero");
    state.v.set(u32.subarray(f.v.address >> 2, (f.v.address >> 2) + 128));
    state.pc.set(u32.subarray(f.pc.address >> 2, (f.pc.address >> 2) + 2));
    state.tpidr.set(u32.subarray(f.TPIDR_EL0.address >> 2, (f.TPIDR_EL0.address >> 2) + 2));
    state.fpcr = view.get32(f.fpcr);
    state.fpsr = view.get32(f.fpsr);
    if (view.get32(f.lazyKind) !== 0) throw new Error("flags are not at rest");
    state.nzcv = (view.get64(f.flagN) >> 63n === 1n ? 8 : 0) |
      (view.get64(f.flagZ) === 0n ? 4 : 0) |
      (view.get64(f.flagC) === 1n ? 2 : 0) | (view.get64(f.flagV) >> 63n === 1n ? 1 : 0);
    state.memory.set(this.#memory);
  }
}

/** Sets the pc of an engine that does not exist yet. */
function aarch64Pc(engine: () => Engine): (high: number, low: number) => void {
  return (high, low) => {
    const { state, layout } = engine();
    const at = layout.get("pc").address >> 2;
    state.u32[at] = low;
    state.u32[at + 1] = high;
  };
}
