import type { OptionSpec } from "./command.ts";

/** Options of `vml inspect disassemble`. */
export const DISASSEMBLE_OPTIONS: readonly OptionSpec[] = [
  { name: "start", value: "ADDRESS", help: "First address to disassemble." },
  { name: "stop", value: "ADDRESS", help: "Address to end at." },
  { name: "base", value: "ADDRESS", help: "Address of a raw file's first byte; 0 if not given." },
  { name: "offset", value: "BYTES", help: "Where in a raw file to begin." },
  {
    name: "bits",
    value: "BITS",
    choices: ["64", "32", "16"],
    help: "Size of x86_64 code; 64 if not given.",
  },
  { name: "length", value: "BYTES", help: "How much of a raw file to disassemble." },
];
