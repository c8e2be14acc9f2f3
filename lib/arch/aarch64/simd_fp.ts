/** Advanced SIMD floating point: all its rows. */
import type { Row } from "../../engine/row.ts";
import { simdFpArithmeticRows } from "./simd_fp_arithmetic.ts";
import { simdFpCompareRows } from "./simd_fp_compare.ts";
import { simdFpConversionRows } from "./simd_fp_conversion.ts";
import { simdFpElementRows } from "./simd_fp_element.ts";
import { simdFpFormatRows } from "./simd_fp_formats.ts";

/** Arithmetic, comparisons and conversions on floating-point vectors, and their scalar forms. */
export const simdFpRows: readonly Row[] = [
  ...simdFpArithmeticRows,
  ...simdFpElementRows,
  ...simdFpCompareRows,
  ...simdFpConversionRows,
  ...simdFpFormatRows,
];
