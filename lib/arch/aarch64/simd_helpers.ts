/** The helpers that the integer SIMD and cryptographic rows call. */
import type { Helper } from "../../engine/arch.ts";
import { aesHelpers } from "../simd/aes.ts";
import { polynomialHelpers } from "../simd/polynomial.ts";
import { shaHelpers } from "../simd/sha.ts";
import { bytePolynomialHelpers } from "./polynomial_helpers.ts";
import { simdShiftHelpers } from "./simd_shift_helpers.ts";

/** Shifts by register, polynomial products, AES and SHA rounds. */
export const simdHelpers: readonly Helper[] = [
  ...simdShiftHelpers,
  ...bytePolynomialHelpers,
  ...polynomialHelpers,
  ...aesHelpers,
  ...shaHelpers,
];
