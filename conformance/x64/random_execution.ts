/**
 * Random code on the engine: length and exception of the instruction that a string of bytes begins
 * with, and error code and address of a page fault, by the recorded verdicts of the host CPU. What it
 * does to registers is the cases' business. `node conformance/x64/random_execution.ts [strings [first]]`.
 */
import process from "node:process";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { EngineExecutor } from "./engine_executor.ts";
import {
  type Disagreement,
  End,
  endOf,
  randomString,
  readVerdicts,
  replayStrings,
  STRING_ADDRESS,
  STRING_BYTES,
  type StringExecutor,
  stringState,
  type Verdict,
  verdictOf,
} from "./random_code.ts";
import { decodedLength, STRING_MODE } from "./random_lengths.ts";
import { CODE, Ending, Flag, State } from "./state.ts";

/** Executes strings on the engine, one instruction each. */
export class EngineStrings implements StringExecutor {
  readonly name = "engine";
  /** Behind the strings nothing is mapped. */
  readonly #executor: EngineExecutor = new EngineExecutor(
    "interpreter",
    CODE.slots * CODE.slotBytes,
  );
  readonly #decoder: X86Decoder = new X86Decoder(instructionRows);

  execute(string: Uint8Array, state: State): Verdict {
    const length = decodedLength(this.#decoder, string) || STRING_BYTES;
    // The recorder has measured how long it is by the end of a page.
    const address = STRING_ADDRESS + STRING_BYTES - length;
    state.rip = BigInt(address);
    // A single step ends after one round of a repeated instruction, and before a jump's target is
    // fetched.
    state.rflags |= Flag.TF;
    this.#executor.runAt(address, string.subarray(0, length), state);
    const { vector, error } = state;
    if (vector === Ending.timeout) throw new Error(`${hexOf(string)} does not end`);
    // HLT ends cases; here it is an instruction that CPL 3 may not execute.
    const end = vector === 1
      ? End.none
      : vector === Ending.end
      ? End.protection
      : endOf({ vector, error });
    return verdictOf(length, end, error, Number(state.address & 0xffffffffn));
  }
}

/**
 * Executes the strings that are not compared: they must end, too, and harm nobody. Gives how many there
 * are.
 */
export function executeExcluded(
  executor: EngineStrings,
  verdicts: readonly Verdict[],
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const state = new State();
  let count = 0;
  for (let n = from; n < Math.min(to, verdicts.length); n++) {
    if (verdicts[n].end !== End.excluded) continue;
    count++;
    stringState(n, state);
    executor.execute(randomString(n), state);
  }
  return count;
}

/** What stores and loads images of many bytes, whose last byte AMD's CPUs look for first. */
const IMAGES = /^(FXSAVE|FXRSTOR|FNSAVE|FNSTENV)/;

/**
 * Whether CPUs differ: what is larger than 8 bytes, or has no size, and is not aligned, is #AC or not
 * with RFLAGS.AC; INS and OUTS that are repeated no time may ask for the ports' rights; the #PF of an
 * image may be at its first byte or at its last.
 */
export function isUpToCpu(
  decoder: X86Decoder,
  { n, string, expected, got }: Disagreement,
): boolean {
  const decoded = decoder.decode(string, 0, STRING_BYTES, STRING_MODE);
  if (decoded === undefined || decoded === "cut") return false;
  const { row, view } = decoded.handler;
  if (/^REP (INS|OUTS)/.test(row.title)) return true;
  if (IMAGES.test(row.title) && expected.end === got.end && expected.length === got.length) {
    return true;
  }
  const state = new State();
  stringState(n, state);
  if ((state.rflags & Flag.AC) === 0) return false;
  return Array.from({ length: view.length }, (_, n) => view[n])
    .some(({ isMemory, size }) => isMemory && (size === 0 || size > 8));
}

const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

const NAMES = Object.fromEntries(Object.entries(End).map(([name, end]) => [end, name]));

async function main(count: number, from: number): Promise<number> {
  const verdicts = await readVerdicts();
  const kinds = new Map<string, Disagreement[]>();
  const executor = new EngineStrings();
  const decoder = new X86Decoder(instructionRows);
  const total = replayStrings(executor, verdicts, { from, to: from + count }, (one) => {
    if (isUpToCpu(decoder, one)) return;
    const { got, expected } = one;
    const kind = got.end === expected.end
      ? `${NAMES[got.end]}: length or page fault`
      : `${NAMES[got.end]}, not ${NAMES[expected.end]}`;
    kinds.set(kind, [...kinds.get(kind) ?? [], one]);
  });
  for (const [kind, list] of kinds) {
    console.log(`${list.length} ${kind}`);
    for (const { n, string } of list.slice(0, 10)) {
      console.log(`  ${n}: ${hexOf(string)}`);
    }
  }
  const wrong = [...kinds.values()].reduce((sum, { length }) => sum + length, 0);
  const excluded = executeExcluded(executor, verdicts, { from, to: from + count });
  console.log(`${total} strings, ${wrong} differ; ${excluded} executed and not compared`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [count = Infinity, from = 0] = process.argv.slice(2).map(Number);
  process.exitCode = await main(count, from);
}
