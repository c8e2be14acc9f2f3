/** The internet checksum (RFC 1071): the ones' complement of a ones' complement sum of 16-bit words. */

/**
 * Adds the big-endian 16-bit words of `bytes[start, end)` to a sum; an odd last byte counts as the
 * high half of a word. The result is folded, 0..0xffff, and not complemented.
 * @param sum folded sum of what came before, an even number of bytes.
 */
export function addToSum(bytes: Uint8Array, start: number, end: number, sum: number = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Little-endian words give the same sum with its bytes exchanged (section 2 (B) of the RFC); the
  // carries of 64 KiB of 32-bit words fit into a double.
  let total = 0;
  let at = start;
  for (const last = end - 4; at <= last; at += 4) total += view.getUint32(at, true);
  if (at + 2 <= end) {
    total += view.getUint16(at, true);
    at += 2;
  }
  if (at < end) total += view.getUint8(at);
  const folded = fold(total);
  return fold(sum + ((folded & 0xff) << 8 | folded >>> 8));
}

/** Folds the carries of a sum below 2^53 into 16 bits. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum for a folded sum: 0..0xffff. */
export function checksumOf(sum: number): number {
  return ~sum & 0xffff;
}
