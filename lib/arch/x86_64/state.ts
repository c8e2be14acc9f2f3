/** The architectural state of an x86-64 vCPU as fields of the state block (SDM volume 1, chapter 3). */
import type { StateFieldSpec } from "../../engine/layout.ts";

/**
 * Fields of the state block. The names are those of the registers, in lower case.
 * - `r`: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15; 32 stays zero
 * - `xmm`: XMM0..XMM15; `mxcsr`, and what follows from it: `sseFast` and so on, see mxcsr.ts
 * - `flagResult`, `flagCarries`: the status flags at rest, when `lazyKind` is 0; see flags.ts
 * - `df`: 0 or 1; `rflags`: the other bits of RFLAGS (TF IF IOPL NT RF VM AC VIF VIP ID, and bit 1)
 * - `segmentBase`, `segmentLimit` (bytes less one), `segmentAttributes` ({@linkcode Attribute}; 0: not
 *   usable), `selector`: by {@linkcode Segment}
 * - `cpl`: current privilege level
 * - `x87`: R0..R7, the physical registers, 80 bits each; `fcw`, `fsw` (with TOP), `ftw` (as FXSAVE has
 *   it: bit n is set if Rn is not empty), and where the last instruction and its operand lay
 * - `interrupts`: inputs that are high, see `interrupt_inputs.ts`; a copy for STI and POPF to look at
 * - `shadow`: address of the instruction before which no interrupt is taken (after STI, MOV SS);
 *   all ones for none
 */
export const x86State: readonly StateFieldSpec[] = [
  { name: "r", type: "u64", count: 34 },
  { name: "xmm", type: "v128", count: 32 },
  { name: "x87", type: "v128", count: 8 },
  { name: "flagResult", type: "u64" },
  { name: "flagCarries", type: "u64" },
  { name: "df", type: "u64" },
  { name: "shadow", type: "u64" },
  { name: "segmentBase", type: "u64", count: 9 },
  { name: "segmentLimit", type: "u32", count: 9 },
  { name: "segmentAttributes", type: "u32", count: 9 },
  { name: "selector", type: "u32", count: 9 },
  { name: "rflags", type: "u32" },
  { name: "cpl", type: "u32" },
  { name: "interrupts", type: "u32" },
  { name: "mxcsr", type: "u32" },
  { name: "sseFast", type: "u32" },
  { name: "sseFast64", type: "u64" },
  { name: "sseSum", type: "u32" },
  { name: "sseSum64", type: "u64" },
  { name: "sseTrap", type: "u32" },
  { name: "fcw", type: "u32" },
  { name: "fsw", type: "u32" },
  { name: "ftw", type: "u32" },
  { name: "fop", type: "u32" },
  { name: "fcs", type: "u32" },
  { name: "fds", type: "u32" },
  { name: "fip", type: "u64" },
  { name: "fdp", type: "u64" },
  { name: "xcr0", type: "u64" },
  { name: "cr0", type: "u32" },
  { name: "cr4", type: "u32" },
  { name: "efer", type: "u32" },
  { name: "cr2", type: "u64" },
  { name: "cr3", type: "u64" },
  { name: "gdtrBase", type: "u64" },
  { name: "idtrBase", type: "u64" },
  { name: "gdtrLimit", type: "u32" },
  { name: "idtrLimit", type: "u32" },
  { name: "dr", type: "u64", count: 8 },
  { name: "star", type: "u64" },
  { name: "lstar", type: "u64" },
  { name: "cstar", type: "u64" },
  { name: "sfmask", type: "u64" },
  { name: "kernelGsBase", type: "u64" },
  { name: "tscAux", type: "u64" },
  { name: "sysenterCs", type: "u64" },
  { name: "sysenterEsp", type: "u64" },
  { name: "sysenterEip", type: "u64" },
  { name: "pat", type: "u64" },
  { name: "mtrrDefType", type: "u64" },
];

/**
 * Segment registers: indices of `segmentBase` and its like. 0 stands for no segment: its base is 0.
 * The six of instructions are their encoding (ModRM.reg) plus one.
 */
export const Segment = {
  none: 0,
  es: 1,
  cs: 2,
  ss: 3,
  ds: 4,
  fs: 5,
  gs: 6,
  ldtr: 7,
  tr: 8,
} as const;
