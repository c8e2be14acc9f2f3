/** All instructions of x86, by the groups of SDM volume 1, chapter 5, and what they call. */
import type { Helper } from "../../engine/arch.ts";
import type { X86Row } from "./row.ts";

/** Files of rows add theirs here. */
export const instructionRows: readonly X86Row[] = [];

/** Helpers that the semantics call. */
export const instructionHelpers: readonly Helper[] = [];
