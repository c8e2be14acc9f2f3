/** Reversing bytes and other groups of bits. */
import type { Builder } from "../engine/builder.ts";

type IntegerType = "i32" | "i64";

/**
 * [x] -> [x] with groups of bits swapped: ((x & mask) << count) | ((x >> count) & mask), the 32-bit mask
 * in each word.
 */
export function swapGroups(b: Builder, type: IntegerType, count: number, mask: number): void {
  const value = b.temp(type);
  const pattern = (): void => {
    if (type === "i64") b.i64_const_parts(mask, mask);
    else b.i32_const(mask);
  };
  const shift = (): void => {
    if (type === "i64") b.i64_const32(count);
    else b.i32_const(count);
  };
  b.local_tee(value);
  pattern();
  b[`${type}_and`]();
  shift();
  b[`${type}_shl`]().local_get(value);
  shift();
  b[`${type}_shr_u`]();
  pattern();
  b[`${type}_and`]()[`${type}_or`]();
}

/** [x] -> [x] the bytes of each halfword. */
export function swapBytes(b: Builder, type: IntegerType): void {
  swapGroups(b, type, 8, 0x00ff00ff);
}

/** [x] -> [x] the halfwords of each word. */
export function swapHalfwords(b: Builder, type: IntegerType): void {
  swapGroups(b, type, 16, 0x0000ffff);
}

/** [x] -> [x] all bytes. */
export function reverseBytes(b: Builder, type: IntegerType): void {
  swapBytes(b, type);
  if (type === "i64") {
    swapHalfwords(b, type);
    b.i64_const32(32).i64_rotl();
  } else b.i32_const(16).i32_rotl();
}
