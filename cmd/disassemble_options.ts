import type { OptionSpec } from "./command.ts";

/** Options of `vml inspect disassemble`. */
export const DISASSEMBLE_OPTIONS: readonly OptionSpec[] = [
  { name: "base", value: "ADDRESS", help: "Address of the file's first byte; 0 if not given." },
  { name: "offset", value: "BYTES", help: "Where in the file to begin." },
  { name: "length", value: "BYTES", help: "How much to disassemble; all if not given." },
];
