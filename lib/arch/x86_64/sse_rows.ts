/** All rows of SSE to SSE4.2, AES, PCLMULQDQ and SHA on XMM registers. */
import type { X86Row } from "./row.ts";
import { sseCompareRows } from "./sse_rows_compare.ts";
import { sseConversionRows } from "./sse_rows_conversion.ts";
import { sseCryptoRows } from "./sse_rows_crypto.ts";
import { sseFloatRows } from "./sse_rows_float.ts";
import { sseIntegerRows } from "./sse_rows_integer.ts";
import { sseMoveRows } from "./sse_rows_moves.ts";
import { sseShuffleRows } from "./sse_rows_shuffles.ts";
import { sseStringRows } from "./sse_rows_strings.ts";

export const sseRows: readonly X86Row[] = [
  ...sseMoveRows,
  ...sseShuffleRows,
  ...sseIntegerRows,
  ...sseFloatRows,
  ...sseCompareRows,
  ...sseConversionRows,
  ...sseStringRows,
  ...sseCryptoRows,
];
