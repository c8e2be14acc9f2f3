/**
 * The file of recorded cases, gzip: count, then one column after the other, so that it compresses:
 * numbers of words, endings, nzcv, fpsr, memory (u16), general, vector (u32), all words.
 */
import type { Digest } from "./cases.ts";

/** Instruction words and what they must lead to. */
export interface Case {
  /** Number of the case: its initial state and its slot. */
  readonly index: number;
  readonly words: readonly number[];
  readonly expected: Digest;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** Packs cases 0, 1, ... */
export function packCases(cases: readonly Case[]): Promise<Uint8Array<ArrayBuffer>> {
  const total = cases.reduce((sum, { words }) => sum + words.length, 0);
  const bytes = new Uint8Array(4 + cases.length * 14 + total * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, cases.length, true);
  let at = 4;
  for (const { words } of cases) bytes[at++] = words.length;
  for (const { expected } of cases) bytes[at++] = expected.ending;
  for (const { expected } of cases) bytes[at++] = expected.nzcv;
  for (const { expected } of cases) bytes[at++] = expected.fpsr;
  for (const { expected } of cases) {
    view.setUint16(at, expected.memory, true);
    at += 2;
  }
  for (const name of ["general", "vector"] as const) {
    for (const { expected } of cases) {
      view.setUint32(at, expected[name], true);
      at += 4;
    }
  }
  // Bytes of equal weight together.
  for (let byte = 0; byte < 4; byte++) {
    for (const { words } of cases) for (const word of words) bytes[at++] = word >>> (8 * byte);
  }
  return through(bytes, new CompressionStream("gzip"));
}

/** The cases of a file. Throws if it is damaged. */
export async function unpackCases(packed: Uint8Array<ArrayBuffer>): Promise<Case[]> {
  const bytes = await through(packed, new DecompressionStream("gzip"));
  const view = new DataView(bytes.buffer);
  const count = view.getUint32(0, true);
  const lengths = bytes.subarray(4, 4 + count);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const wordsAt = 4 + count * 14;
  if (bytes.length !== wordsAt + total * 4) throw new Error("the file of cases is damaged");
  const cases: Case[] = [];
  let word = 0;
  for (let index = 0; index < count; index++) {
    const words: number[] = [];
    for (let i = 0; i < lengths[index]; i++, word++) {
      const at = wordsAt + word;
      const low = bytes[at] | (bytes[at + total] << 8) | (bytes[at + 2 * total] << 16);
      words.push((low | (bytes[at + 3 * total] << 24)) >>> 0);
    }
    cases.push({
      index,
      words,
      expected: {
        ending: bytes[4 + count + index],
        nzcv: bytes[4 + 2 * count + index],
        fpsr: bytes[4 + 3 * count + index],
        memory: view.getUint16(4 + 4 * count + 2 * index, true),
        general: view.getUint32(4 + 6 * count + 4 * index, true),
        vector: view.getUint32(4 + 10 * count + 4 * index, true),
      },
    });
  }
  return cases;
}
