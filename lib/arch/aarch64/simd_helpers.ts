/** The helpers that the integer SIMD and cryptographic rows call. */
import type { Helper } from "../../engine/arch.ts";
import { cryptoHelpers } from "./crypto_helpers.ts";
import { polynomialHelpers } from "./polynomial_helpers.ts";
import { simdShiftHelpers } from "./simd_shift_helpers.ts";

/** Shifts by register, polynomial products, AES and SHA rounds. */
export const simdHelpers: readonly Helper[] = [
  ...simdShiftHelpers,
  ...polynomialHelpers,
  ...cryptoHelpers,
];
