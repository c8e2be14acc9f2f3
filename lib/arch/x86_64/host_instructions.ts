/** All instructions that the host executes. Files of instructions add theirs here. */
import type { HostInstruction, HostInstructions } from "./host_context.ts";
import { controlInstructions } from "./system_control.ts";
import { portInstructions } from "./system_ports.ts";
import { segmentInstructions } from "./system_segments.ts";
import { stackInstructions } from "./stack_instructions.ts";
import { stringInstructions } from "./string_instructions.ts";
import { transferInstructions } from "./system_transfers.ts";
import { x87Instructions } from "./x87_host.ts";
import { xsaveInstructions } from "./xsave_host.ts";

const tables: readonly HostInstructions[] = [
  stringInstructions,
  stackInstructions,
  controlInstructions,
  segmentInstructions,
  transferInstructions,
  portInstructions,
  x87Instructions,
  xsaveInstructions,
];

/** By the name that rows have in `host`. */
export const hostInstructions: ReadonlyMap<string, HostInstruction> = new Map(
  tables.flatMap((table) => Object.entries(table)),
);
