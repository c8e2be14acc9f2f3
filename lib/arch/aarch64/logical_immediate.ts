/** Logical immediates (Arm ARM, shared/functions/common DecodeBitMasks): a repeated, rotated run of ones. */

/** N:immr:imms to mask; null for reserved encodings. Filled on demand: 8192 keys. */
const cache: (number | bigint | null | undefined)[] = [];

/**
 * The mask that N:immr:imms stands for; undefined for reserved encodings. 32-bit forms (`sf` 0) give
 * the low half of the pattern; 64-bit values that are no safe integers come as signed bigint.
 */
export function logicalImmediate(
  sf: number,
  n: number,
  immr: number,
  imms: number,
): number | bigint | undefined {
  if (sf === 0 && n === 1) return undefined;
  const key = (sf << 13) | (n << 12) | (immr << 6) | imms;
  let mask = cache[key];
  if (mask === undefined) {
    mask = compute(sf, n, immr, imms);
    cache[key] = mask;
  }
  return mask === null ? undefined : mask;
}

function compute(sf: number, n: number, immr: number, imms: number): number | bigint | null {
  const length = 31 - Math.clz32((n << 6) | (~imms & 63));
  if (length < 1) return null;
  const size = 1 << length;
  const ones = (imms & (size - 1)) + 1;
  if (ones === size) return null;
  const rotate = immr & (size - 1);
  const run = (1n << BigInt(ones)) - 1n;
  let mask = BigInt.asUintN(size, (run >> BigInt(rotate)) | (run << BigInt(size - rotate)));
  for (let width = size; width < 64; width *= 2) mask |= mask << BigInt(width);
  if (sf === 0) return Number(BigInt.asUintN(32, mask));
  const signed = BigInt.asIntN(64, mask);
  const value = Number(signed);
  return Number.isSafeInteger(value) ? value : signed;
}
