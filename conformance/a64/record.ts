/**
 * Records vectors.bin.gz: `node conformance/a64/record.ts [cases [first [file]]]`. Needs
 * aarch64-linux-gnu-gcc and qemu-aarch64-static. Cores without FEAT_FP16 and later features run the cases; those with LSE or
 * RDM instructions need a later one.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Case, packCases } from "./vectors.ts";
import { CODE, digest, Ending, initialState, SLOT_BYTES, State, WINDOW } from "./cases.ts";
import { Generator, needsLater } from "./generator.ts";

const STATE_BYTES = 256 + 512 + 8 + 16 + 8;
const RUN_BYTES = 8 + STATE_BYTES + WINDOW.centreSize;

/** AHP, DN, FZ, RMode: cores with AArch32 or half precision keep others. */
const FPCR_MASK = 0x07c00000;

/** Cases that are run on a core. */
interface Runs {
  readonly cpu: string;
  readonly indexes: readonly number[];
}

/** The recorder, built in a directory of its own. */
export class Recorder {
  readonly #directory: string = mkdtempSync(join(tmpdir(), "a64-"));
  readonly #program: string = join(this.#directory, "record");

  constructor() {
    const source = fileURLToPath(new URL("./record.c", import.meta.url));
    const options = [
      "-O1",
      "-static-pie",
      "-fPIE",
      "-fno-stack-protector",
      "-o",
      this.#program,
      source,
    ];
    execFileSync("aarch64-linux-gnu-gcc", options);
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true });
  }

  /**
   * Runs cases of one batch of slots. `code` are the words of the whole batch, `indexes` the cases
   * that run; `result` gets each one's state after it.
   */
  run(
    code: readonly (readonly number[])[],
    { cpu, indexes }: Runs,
    result: (index: number, before: State, after: State, ending: Ending) => void,
  ): void {
    if (indexes.length === 0) return;
    const input = new Uint8Array(8 + code.length * SLOT_BYTES + indexes.length * RUN_BYTES);
    const words = new Uint32Array(input.buffer);
    words[0] = code.length;
    code.forEach((slot, i) => words.set(slot, 1 + i * CODE.slotWords));
    let at = 1 + code.length * CODE.slotWords;
    words[at++] = indexes.length;
    const state = new State();
    for (const index of indexes) {
      initialState(index, state);
      words[at] = index % CODE.slots;
      words.set(state.x, at + 2);
      words.set(state.v, at + 66);
      words.set(state.tpidr, at + 194);
      words.set([state.nzcv, state.fpcr, state.fpsr, 0], at + 196);
      const first = WINDOW.centre / 4;
      words.set(state.memory.subarray(first, first + WINDOW.centreSize / 4), at + 202);
      at += RUN_BYTES / 4;
    }
    const bytes = execFileSync("qemu-aarch64-static", ["-cpu", cpu, this.#program], {
      input,
      maxBuffer: 1 << 30,
    });
    const out = new Uint32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    );
    const after = new State();
    at = 0;
    for (const index of indexes) {
      initialState(index, state);
      after.memory.set(state.memory);
      after.x.set(out.subarray(at, at + 64));
      after.v.set(out.subarray(at + 64, at + 192));
      after.tpidr.set(out.subarray(at + 192, at + 194));
      [after.nzcv, after.fpcr, after.fpsr] = out.subarray(at + 194, at + 197);
      after.fpcr &= FPCR_MASK;
      const ending = out[at + 197] as Ending;
      after.pc.set(out.subarray(at + 198, at + 200));
      const changes = out[at + 200];
      at += 202;
      for (let i = 0; i < changes; i++, at += 2) after.memory[out[at] / 4] = out[at + 1];
      result(index, state, after, ending);
    }
    if (at !== out.length) throw new Error("the recorder's output is of another length");
  }
}

/** The core that can run a case. */
export function coreOf(generator: Generator, words: readonly number[]): string {
  const later = words.some((word) => {
    const row = generator.table.matches(word)[0];
    return row !== undefined && needsLater(row);
  });
  return later ? "neoverse-n1" : "cortex-a72";
}

async function main(count: number, first: number, file: string | URL): Promise<void> {
  if (first % CODE.slots !== 0) throw new RangeError(`not a multiple of ${CODE.slots}: ${first}`);
  const generator = new Generator();
  console.log(`${generator.samples.length} handlers`);
  const recorder = new Recorder();
  const cases: Case[] = [];
  const endings = [0, 0, 0, 0, 0, 0];
  const undefinedWords: string[] = [];
  for (let from = first; from < first + count; from += CODE.slots) {
    const code: number[][] = [];
    for (let i = from; i < Math.min(first + count, from + CODE.slots); i++) {
      code.push(generator.sequence(i));
    }
    const byCore = new Map<string, number[]>();
    code.forEach((words, i) => {
      const cpu = coreOf(generator, words);
      byCore.set(cpu, [...byCore.get(cpu) ?? [], from + i]);
    });
    for (const [cpu, indexes] of byCore) {
      recorder.run(code, { cpu, indexes }, (index, before, after, ending) => {
        endings[ending]++;
        const words = code[index - from];
        if (ending === Ending.undefined) {
          const word = words[(after.pc[0] - before.pc[0]) / 4];
          undefinedWords.push(`${(word ?? 0).toString(16)} (${cpu})`);
        }
        cases[index - first] = { index, words, expected: digest(after, before.memory, ending) };
      });
    }
    if (from / CODE.slots % 10 === 0) console.log(`${from} ${endings}`);
  }
  recorder.dispose();
  const packed = await packCases(cases);
  writeFileSync(file, packed);
  console.log(`${cases.length} cases, ${packed.length} bytes, endings ${endings}`);
  const uses = generator.samples.filter(({ row }) => row.row.host === undefined)
    .map(({ used }) => used).sort((a, b) => a - b);
  console.log(`uses of a handler: at least ${uses[0]}, median ${uses[uses.length >> 1]}`);
  if (undefinedWords.length > 0) console.log("undefined:", undefinedWords.join(" "));
}

if (import.meta.main) {
  const [count, first, file] = process.argv.slice(2);
  const standard = new URL("./vectors.bin.gz", import.meta.url);
  await main(Number(count ?? 112640), Number(first ?? 0), file ?? standard);
}
