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
const FEATURES = "+fp-armv8,+neon,+crc,+lse,+rdm,+pan,+aes,+sha2,+el3";
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

/**
 * Accepted by llvm-mc but UNDEFINED here: halting debug, the rest of the space of hints, barriers and
 * PSTATE fields (it prints a move from or to a register with op0 = 0), and UDF.
 */
const UNDEFINED = /^(hlt|dcps[123]|drps|udf)\b|\bS0_/;

/** MSR PAN, #imm: llvm-mc knows 0 and 1, the architecture ignores the immediate's other bits. */
const isMsrPan = (word: number): boolean => (word & ~0xf00) >>> 0 === 0xd500409f;

/** Indexes of the words that are instructions. */
function accepted(words: readonly number[]): Set<number> {
  const input = words.map((word) => {
    const bytes = [0, 8, 16, 24].map((shift) => `0x${((word >>> shift) & 255).toString(16)}`);
    return bytes.join(" ");
  }).join("\n");
  const args = ["-triple=aarch64", `-mattr=${FEATURES}`, "-disassemble"];
  const { stdout, stderr, status } = spawnSync("llvm-mc", args, {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status === null) throw new Error("llvm-mc does not run");
  const refused = new Set<number>();
  for (const match of stderr.matchAll(/^<stdin>:(\d+):\d+: warning: invalid instruction/gm)) {
    refused.add(Number(match[1]) - 1);
  }
  const valid = words.map((_, i) => i).filter((i) => !refused.has(i));
  const texts = stdout.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && line !== ".text");
  if (texts.length !== valid.length) throw new Error("llvm-mc writes another number of lines");
  const result = new Set(valid.filter((_, i) => !UNDEFINED.test(texts[i])));
  words.forEach((word, i) => {
    if (isMsrPan(word)) result.add(i);
  });
  return result;
}

async function main(): Promise<void> {
  const words = sample();
  const allocated = accepted(words);
  const count = words.length;
  const bytes = new Uint8Array(4 + 4 * count + Math.ceil(count / 8));
  new DataView(bytes.buffer).setUint32(0, count, true);
  words.forEach((word, i) => {
    for (let byte = 0; byte < 4; byte++) bytes[4 + byte * count + i] = word >>> (8 * byte);
    if (allocated.has(i)) bytes[4 + 4 * count + (i >> 3)] |= 1 << (i & 7);
  });
  const packed = await gzip(bytes);
  writeFileSync(FILE, packed);
  console.log(`${count} words, ${allocated.size} allocated, ${packed.length} bytes`);
}

if (import.meta.main) await main();
