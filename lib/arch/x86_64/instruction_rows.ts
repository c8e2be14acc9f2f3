/** All instructions of x86, by the groups of SDM volume 1, chapter 5, and what they call. */
import type { Helper } from "../../engine/arch.ts";
import { crc32Helpers } from "../crc32.ts";
import { bitHelpers } from "./bit_helpers.ts";
import { divideHelpers } from "./divide_helpers.ts";
import { mmxRows } from "./mmx_rows.ts";
import type { X86Row } from "./row.ts";
import { arithmeticRows } from "./rows_arithmetic.ts";
import { bitRows } from "./rows_bit.ts";
import { bmiRows } from "./rows_bmi.ts";
import { branchRows } from "./rows_branch.ts";
import { dataTransferRows } from "./rows_data_transfer.ts";
import { decimalRows } from "./rows_decimal.ts";
import { exchangeRows } from "./rows_exchange.ts";
import { flagRows } from "./rows_flags.ts";
import { hintRows } from "./rows_hint.ts";
import { logicRows } from "./rows_logic.ts";
import { multiplyRows } from "./rows_multiply.ts";
import { shiftRows } from "./rows_shift.ts";
import { stackRows } from "./rows_stack.ts";
import { stringRows } from "./rows_string.ts";
import { sseHelpers } from "./sse_helpers.ts";
import { sseRows } from "./sse_rows.ts";
import { systemRows } from "./system_rows.ts";
import { x87FastHelpers } from "./x87_fast_code.ts";
import { x87FastConversionHelpers } from "./x87_fast_conversion.ts";
import { x87Rows } from "./x87_rows.ts";
import { xsaveRows } from "./xsave_rows.ts";

/** Files of rows add theirs here. */
export const instructionRows: readonly X86Row[] = [
  ...arithmeticRows,
  ...bitRows,
  ...bmiRows,
  ...branchRows,
  ...dataTransferRows,
  ...decimalRows,
  ...exchangeRows,
  ...flagRows,
  ...hintRows,
  ...logicRows,
  ...mmxRows,
  ...multiplyRows,
  ...shiftRows,
  ...sseRows,
  ...stackRows,
  ...stringRows,
  ...systemRows,
  ...x87Rows,
  ...xsaveRows,
];

/** Helpers that the semantics call. */
export const instructionHelpers: readonly Helper[] = [
  ...bitHelpers,
  ...crc32Helpers,
  ...divideHelpers,
  ...sseHelpers,
  ...x87FastHelpers,
  ...x87FastConversionHelpers,
];
