/** All conformance cases: one import and one entry per guest. */
import type { ConformanceCase } from "./case.ts";
import { fpCases } from "./cases/fp.ts";

/** In the order in which they run. */
export const CASES: readonly ConformanceCase[] = [
  ...fpCases,
];
