/** What does nothing here: NOP, hints, fences, prefetches, cache line flushes; UD1 and its like. */
import { Fault } from "./fault_numbers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";

const nothing: X86Semantics = () => {};

/** Fences: vCPUs take turns, and see memory in order. */
const fence = nothing;

/** CLFLUSH, CLFLUSHOPT, CLWB: there are no caches, but the address is accessed as if for reading. */
const flushLine: X86Semantics = (b, o) => o[0].probe(b, "r");

const undefinedInstruction: X86Semantics = (b) => {
  b.i32_const(1);
  b.faultIf(Fault.invalidOpcode);
};

export const hintRows: readonly X86Row[] = [
  x86("PAUSE", "f3 90", "base", nothing),
  x86("NOP Ev", "0f 1f /r", "base", nothing),
  x86("NOP Ev", "0f 19 /r", "base", nothing),
  x86("NOP Ev", "0f 1a /r", "base", nothing),
  x86("NOP Ev", "0f 1b /r", "base", nothing),
  x86("NOP Ev", "0f 1c /r", "base", nothing),
  x86("NOP Ev", "0f 1d /r", "base", nothing),
  x86("NOP Ev", "0f 1e /r", "base", nothing),
  // There is no CET.
  x86("ENDBR64", "f3 0f 1e fa", "base", nothing),
  x86("ENDBR32", "f3 0f 1e fb", "base", nothing),
  x86("PREFETCHNTA Eb", "0f 18 /0", "base", nothing),
  x86("PREFETCHT0 Eb", "0f 18 /1", "base", nothing),
  x86("PREFETCHT1 Eb", "0f 18 /2", "base", nothing),
  x86("PREFETCHT2 Eb", "0f 18 /3", "base", nothing),
  ...[4, 5, 6, 7].map((reg) => x86("NOP Ev", `0f 18 /${reg}`, "base", nothing)),
  ...[0, 2, 3, 4, 5, 6, 7].map((reg) => x86("PREFETCH M1", `0f 0d /${reg}`, "base", nothing)),
  x86("PREFETCHW M1", "0f 0d /1", "base", nothing),
  x86("LFENCE", "NP 0f ae e8+x", "base", fence),
  x86("MFENCE", "NP 0f ae f0+x", "base", fence),
  x86("SFENCE", "NP 0f ae f8+x", "base", fence),
  x86("CLFLUSH M1", "NP 0f ae /7", "base", flushLine),
  x86("CLFLUSHOPT M1", "66 0f ae /7", "base", flushLine),
  x86("CLWB M1", "66 0f ae /6", "base", flushLine),
  x86("UD0 Gv,Ev", "0f ff /r", "base", undefinedInstruction),
  x86("UD1 Gv,Ev", "0f b9 /r", "base", undefinedInstruction),
  x86("UD2", "0f 0b", "base", undefinedInstruction),
];
