/**
 * CRC32 and CRC32C (of AArch64; the latter of x86-64 too): bit-reflected, without the inversions that the
 * software around them adds. Table-driven, eight bytes at a time.
 */
import type { Helper } from "../engine/arch.ts";

/** IEEE 802.3 and Castagnoli polynomials, bit 0 first. */
const POLYNOMIALS = { crc32: 0xedb88320, crc32c: 0x82f63b78 } as const;

/** tables[n * 256 + byte]: CRC of the byte followed by n zero bytes. */
function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (polynomial & -(crc & 1));
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const crc = tables[i - 256];
    tables[i] = (crc >>> 8) ^ tables[crc & 0xff];
  }
  return tables;
}

/** CRC of the low `8 * bytes` bits of `word` (1, 2 or 4 bytes), continued from `crc`. */
function narrow(tables: Int32Array, crc: number, word: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) {
    crc = (crc >>> 8) ^ tables[(crc ^ (word >>> (8 * i))) & 0xff];
  }
  return crc;
}

function wide(t: Int32Array, crc: number, low: number, high: number): number {
  const first = crc ^ low;
  return t[1792 + (first & 255)] ^ t[1536 + ((first >>> 8) & 255)] ^
    t[1280 + ((first >>> 16) & 255)] ^ t[1024 + (first >>> 24)] ^
    t[768 + (high & 255)] ^ t[512 + ((high >>> 8) & 255)] ^
    t[256 + ((high >>> 16) & 255)] ^ t[high >>> 24];
}

/** `crc32b`, `crc32h`, `crc32w` (crc, word) and `crc32x` (crc, low, high), and the same of `crc32c`. */
export const crc32Helpers: readonly Helper[] = Object.entries(POLYNOMIALS).flatMap(
  ([name, polynomial]): Helper[] => {
    const tables = makeTables(polynomial);
    return [
      ...[1, 2, 4].map((bytes, i): Helper => ({
        name: name + "bhw"[i],
        params: ["i32", "i32"],
        results: ["i32"],
        js: (crc: number, word: number): number => narrow(tables, crc, word, bytes),
      })),
      {
        name: `${name}x`,
        params: ["i32", "i32", "i32"],
        results: ["i32"],
        js: (crc: number, low: number, high: number): number => wide(tables, crc, low, high),
      },
    ];
  },
);
