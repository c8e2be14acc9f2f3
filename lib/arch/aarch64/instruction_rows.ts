/** All A64 instructions, in the order of the manual's groups (Arm ARM, C4.1). */
import type { Row } from "../../engine/row.ts";
import { atomicRows } from "./atomics.ts";
import { branchRows } from "./branches.ts";
import { cryptoRows } from "./crypto.ts";
import { dataProcessingImmediateRows } from "./data_processing_immediate.ts";
import { dataProcessingRegisterRows } from "./data_processing_register.ts";
import { dataProcessingSourcesRows } from "./data_processing_sources.ts";
import { exclusiveRows } from "./exclusives.ts";
import { fpConversionRows } from "./fp_conversion.ts";
import { fpDataProcessingRows } from "./fp_data_processing.ts";
import { loadStorePairRows } from "./load_store_pairs.ts";
import { loadStoreRows } from "./loads_stores.ts";
import { simdAcrossPairwiseRows } from "./simd_across_pairwise.ts";
import { simdByElementRows } from "./simd_by_element.ts";
import { simdCopyRows } from "./simd_copy.ts";
import { simdFpRows } from "./simd_fp.ts";
import { simdLoadsStoresRows } from "./simd_loads_stores.ts";
import { simdModifiedImmediateRows } from "./simd_modified_immediate.ts";
import { simdPermuteRows } from "./simd_permute.ts";
import { simdScalarRows } from "./simd_scalar.ts";
import { simdShiftImmediateRows } from "./simd_shift_immediate.ts";
import { simdStructuresRows } from "./simd_structures.ts";
import { simdThreeDifferentRows } from "./simd_three_different.ts";
import { simdThreeSameRows } from "./simd_three_same.ts";
import { simdTwoMiscRows } from "./simd_two_misc.ts";
import { systemInstructionRows } from "./system_instructions.ts";

export const instructionRows: readonly Row[] = [
  ...dataProcessingImmediateRows,
  ...branchRows,
  ...systemInstructionRows,
  ...loadStoreRows,
  ...loadStorePairRows,
  ...exclusiveRows,
  ...atomicRows,
  ...dataProcessingRegisterRows,
  ...dataProcessingSourcesRows,
  ...fpDataProcessingRows,
  ...fpConversionRows,
  ...simdLoadsStoresRows,
  ...simdStructuresRows,
  ...simdModifiedImmediateRows,
  ...simdCopyRows,
  ...simdPermuteRows,
  ...simdThreeSameRows,
  ...simdThreeDifferentRows,
  ...simdTwoMiscRows,
  ...simdAcrossPairwiseRows,
  ...simdShiftImmediateRows,
  ...simdByElementRows,
  ...simdScalarRows,
  ...simdFpRows,
  ...cryptoRows,
];
