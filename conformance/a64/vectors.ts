/**
 * The file of recorded cases, gzip: count, number of the first, then one column after the other, so that it compresses:
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

/** Compresses. */
export function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return through(bytes, new CompressionStream("gzip"));
}

/** Decompresses. */
export function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return through(bytes, new DecompressionStream("gzip"));
}

/** Packs cases whose numbers follow one another. */
export function packCases(cases: readonly Case[]): Promise<Uint8Array<ArrayBuffer>> {
  const total = cases.reduce((sum, { words }) => sum + words.length, 0);
  const bytes = new Uint8Array(8 + cases.length * 14 + total * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, cases.length, true);
  view.setUint32(4, cases[0]?.index ?? 0, true);
  let at = 8;
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
  return gzip(bytes);
}

/** The cases of a file. Throws if it is damaged. */
export async function unpackCases(packed: Uint8Array<ArrayBuffer>): Promise<Case[]> {
  const bytes = await gunzip(packed);
  const view = new DataView(bytes.buffer);
  const count = view.getUint32(0, true);
  const first = view.getUint32(4, true);
  const lengths = bytes.subarray(8, 8 + count);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const wordsAt = 8 + count * 14;
  if (bytes.length !== wordsAt + total * 4) throw new Error("the file of cases is damaged");
  const cases: Case[] = [];
  let word = 0;
  for (let i = 0; i < count; i++) {
    const words: number[] = [];
    for (let n = 0; n < lengths[i]; n++, word++) {
      const at = wordsAt + word;
      const low = bytes[at] | (bytes[at + total] << 8) | (bytes[at + 2 * total] << 16);
      words.push((low | (bytes[at + 3 * total] << 24)) >>> 0);
    }
    cases.push({
      index: first + i,
      words,
      expected: {
        ending: bytes[8 + count + i],
        nzcv: bytes[8 + 2 * count + i],
        fpsr: bytes[8 + 3 * count + i],
        memory: view.getUint16(8 + 4 * count + 2 * i, true),
        general: view.getUint32(8 + 6 * count + 4 * i, true),
        vector: view.getUint32(8 + 10 * count + 4 * i, true),
      },
    });
  }
  return cases;
}
