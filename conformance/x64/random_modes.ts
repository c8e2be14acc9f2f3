/**
 * Random code at CPL 0 in 64-bit, 32-bit and real mode, system instructions and all: interpreter,
 * regions and single steps must end with the same state and memory.
 * `node conformance/x64/random_modes.ts [runs [first]]`.
 */
import process from "node:process";
import { field } from "../../lib/arch/x86_64/layout.ts";
import { Gpr, RFLAGS } from "../../lib/arch/x86_64/registers.ts";
import { x86State } from "../../lib/arch/x86_64/state.ts";
import { TripleFault, type Way, WAYS } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { EngineRig, Place } from "../../lib/arch/x86_64/testing/engine_rig.ts";
import { Random } from "../a64/cases.ts";
import { randomString } from "./random_code.ts";

export type CodeMode = "long" | "protect" | "real";
export const CODE_MODES: readonly CodeMode[] = ["long", "protect", "real"];

/** Instructions of a slice, and slices of a run that does not end. */
const [SLICE, SLICES] = [100, 4];
/** Strings of a run at most; runs have strings of their own. */
const STRINGS = 4;
const HLT = 0xf4;
/** Bits of an entry of page tables that the processor sets. */
const ACCESSED_DIRTY = 0x60;
/** What registers hold besides random numbers: addresses of tables, code, stack; selectors, edges. */
const VALUES: readonly number[] = [
  ...[0, 1, 8, 0x10, 0x18, 0x80, 0xffff, 0x7fffffff, 0xffffffff, 0xc0000080],
  ...[Place.gdt, Place.idt, Place.tables, Place.handlers, Place.code, Place.stack, 0x300000],
];
/** Flags at rest are in RFLAGS. */
const FIELDS = x86State.filter(({ name }) => !/^(flagResult|flagCarries)$/.test(name));

/** What one run is made of. */
interface Draft {
  readonly bytes: Uint8Array;
  readonly registers: readonly number[];
  readonly flags: number;
}

function draw(n: number): Draft {
  const random = new Random(n);
  const bytes: number[] = [];
  for (let i = 0; i <= random.below(STRINGS); i++) {
    bytes.push(...randomString(n * STRINGS + i).subarray(0, 3 + random.below(8)));
  }
  const value = (): number => random.below(8) === 0 ? random.next() : random.pick(VALUES);
  const registers = Array.from({ length: 16 }, value);
  if (random.below(8) !== 0) registers[Gpr.rsp] = Place.stack;
  const rare = (flag: number, one: number): number => random.below(one) === 0 ? flag : 0;
  const flags = (random.next() & 0x8d5) | rare(RFLAGS.DF, 8) | rare(RFLAGS.TF, 16) |
    rare(RFLAGS.AC, 8);
  return { bytes: Uint8Array.from([...bytes, HLT]), registers, flags };
}

/** Executes runs in one way. */
class ModeExecutor {
  readonly way: Way;
  readonly #rig: EngineRig;
  readonly #zeros: Uint8Array;
  readonly #words: Int32Array;
  /** The page tables before the run. */
  #tables: Int32Array = new Int32Array(0);

  constructor(way: Way) {
    this.way = way;
    this.#rig = new EngineRig(way);
    const { bytes } = this.#rig.memory;
    this.#zeros = new Uint8Array(bytes.length);
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /**
   * Whether the run has written to the page tables. Nothing tells the TLB of that: which of its old
   * translations hold, and for how long, is up to the executor.
   */
  get hasRemapped(): boolean {
    const tables = this.#words.subarray(Place.tables >> 2, Place.handlers >> 2);
    return tables.some((word, i) => ((word ^ this.#tables[i]) & ~ACCESSED_DIRTY) !== 0);
  }

  /** How a run ends, as lines of text; undefined if it does not. */
  execute(mode: CodeMode, { bytes, registers, flags }: Draft): string[] | undefined {
    const rig = this.#rig;
    const { cpu, engine, memory } = rig;
    cpu.reset();
    memory.write(0, this.#zeros);
    rig[mode]();
    this.#tables = this.#words.slice(Place.tables >> 2, Place.handlers >> 2);
    registers.forEach((value, n) => rig.setR(n, BigInt(value)));
    rig.rflags = flags;
    memory.write(Place.code, bytes);
    cpu.context.state.jump(Place.code);
    cpu.reload();
    if (this.way === "region") engine.compileAt(0, [Place.code], bytes.length);
    try {
      for (let n = 0; n < SLICES; n++) {
        if (engine.run(0, SLICE).reason === "wait") return ["HLT", ...this.#end()];
      }
    } catch (error) {
      if (!(error instanceof TripleFault)) throw error;
      return ["triple fault"];
    }
    return undefined;
  }

  #end(): string[] {
    const { engine: { state }, cpu } = this.#rig;
    const lines = FIELDS.map(({ name, type, count = 1 }) => {
      const size = count * (type === "u32" ? 1 : type === "u64" ? 2 : 4);
      const at = field(name).address >>> 2;
      return `${name} ${[...state.u32.subarray(at, at + size)].join(" ")}`;
    });
    const words = this.#words;
    let hash = 0;
    for (let i = 0; i < words.length; i++) {
      hash = Math.imul(hash ^ words[i], 0x9e3779b1) ^ (hash >>> 15);
    }
    const { rflags, rip } = cpu.context.state;
    return [...lines, `rflags ${rflags}`, `rip ${rip}`, `memory ${hash}`];
  }
}

/** A run that ends otherwise than in the interpreter. */
export interface ModeSplit {
  readonly run: number;
  readonly mode: CodeMode;
  readonly way: Way;
  readonly code: Uint8Array;
  readonly lines: readonly string[];
}

/** Executes runs `from` to `to - 1` in each mode; gives how many end. */
export function compareModes(
  { from, to }: { readonly from: number; readonly to: number },
  report: (split: ModeSplit) => void,
): number {
  const [model, ...others] = WAYS.map((way) => new ModeExecutor(way));
  let ended = 0;
  for (let run = from; run < to; run++) {
    const draft = draw(run);
    for (const mode of CODE_MODES) {
      const expected = model.execute(mode, draft);
      if (model.hasRemapped) continue;
      if (expected !== undefined) ended++;
      for (const executor of others) {
        const got = executor.execute(mode, draft);
        // How far an endless loop has come is up to the executor.
        if (expected === undefined && got === undefined) continue;
        const lines = (got ?? ["no end"]).filter((line, i) => line !== expected?.[i]);
        if (lines.length > 0) report({ run, mode, way: executor.way, code: draft.bytes, lines });
      }
    }
  }
  return ended;
}

function main(count: number, from: number): number {
  let wrong = 0;
  const ended = compareModes({ from, to: from + count }, ({ run, mode, way, code, lines }) => {
    if (wrong++ >= 20) return;
    const hex = [...code].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    console.log(`${run}: ${mode}, ${way}: ${lines.join("; ")}\n  ${hex}`);
  });
  console.log(`${CODE_MODES.length * count} runs, ${ended} end, ${wrong} differ`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [count = 1000, from = 0] = process.argv.slice(2).map(Number);
  process.exitCode = main(count, from);
}
