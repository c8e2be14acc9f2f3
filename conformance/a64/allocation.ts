/**
 * Which words are instructions, by the judgement of another decoder:
 * `node conformance/a64/allocation.ts` records allocation.bin.gz. Needs llvm-mc.
 *
 * The words: fields of every row filled at random, the same with one fixed bit turned, and words at
 * random. The file: count, then the words in ascending order byte by byte (low bytes first), then a
 * bit for each, set if it is an instruction of ARMv8.0-A with CRC32, LSE, RDM, PAN and cryptography.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { InstructionTable } from "../../lib/engine/table.ts";
import { Random } from "./cases.ts";
import { gunzip, gzip } from "./vectors.ts";

const FILE = new URL("./allocation.bin.gz", import.meta.url);
const FEATURES = "+fp-armv8,+neon,+crc,+lse,+rdm,+pan,+aes,+sha2";
/** Words of each row with its fields at random. */
const PER_ROW = 16;
const AT_RANDOM = 16384;

/** A word, and whether it is an instruction. */
export interface Verdict {
  readonly word: number;
  readonly allocated: boolean;
}

/** The recorded verdicts. */
export async function readAllocation(): Promise<Verdict[]> {
  const bytes = await gunzip(new Uint8Array(readFileSync(FILE)));
  const count = new DataView(bytes.buffer).getUint32(0, true);
  return Array.from({ length: count }, (_, i): Verdict => {
    let word = 0;
    for (let byte = 0; byte < 4; byte++) word |= bytes[4 + byte * count + i] << (8 * byte);
    const allocated = ((bytes[4 + 4 * count + (i >> 3)] >> (i & 7)) & 1) !== 0;
    return { word: word >>> 0, allocated };
  });
}

function sample(): number[] {
  const table = new InstructionTable(instructionRows);
  const random = new Random(0x616c6c6f);
  const words = new Set<number>();
  for (const { mask, value } of table.rows) {
    const any = (): number => (value | (random.next() & ~mask)) >>> 0;
    for (let i = 0; i < PER_ROW; i++) words.add(any());
    for (let bit = 0; bit < 32; bit++) {
      if (((mask >>> bit) & 1) !== 0) words.add((any() ^ (1 << bit)) >>> 0);
    }
  }
  for (let i = 0; i < AT_RANDOM; i++) words.add(random.next());
  return [...words].sort((a, b) => a - b);
}

/** Indexes of the words that llvm-mc refuses. */
function refused(words: readonly number[]): Set<number> {
  const input = words.map((word) => {
    const bytes = [0, 8, 16, 24].map((shift) => `0x${((word >>> shift) & 255).toString(16)}`);
    return bytes.join(" ");
  }).join("\n");
  const args = ["-triple=aarch64", `-mattr=${FEATURES}`, "-disassemble"];
  const { stderr, status } = spawnSync("llvm-mc", args, {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status === null) throw new Error("llvm-mc does not run");
  const lines = [...stderr.matchAll(/^<stdin>:(\d+):\d+: warning: invalid instruction/gm)];
  return new Set(lines.map((match) => Number(match[1]) - 1));
}

async function main(): Promise<void> {
  const words = sample();
  const undefinedWords = refused(words);
  const count = words.length;
  const bytes = new Uint8Array(4 + 4 * count + Math.ceil(count / 8));
  new DataView(bytes.buffer).setUint32(0, count, true);
  words.forEach((word, i) => {
    for (let byte = 0; byte < 4; byte++) bytes[4 + byte * count + i] = word >>> (8 * byte);
    if (!undefinedWords.has(i)) bytes[4 + 4 * count + (i >> 3)] |= 1 << (i & 7);
  });
  const packed = await gzip(bytes);
  writeFileSync(FILE, packed);
  console.log(`${count} words, ${count - undefinedWords.size} allocated, ${packed.length} bytes`);
}

if (import.meta.main) await main();
