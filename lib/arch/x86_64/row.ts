/**
 * One row of the x86 instruction table: title with operands, encoding, what it does; stated once for
 * the interpreter, the compiler, the decoder and the disassembler.
 *
 * ```ts ignore
 * x86("ADD Ev,Gv", "01 /r", "base", add, { lock: true })
 * x86("CMOVcc Gv,Ev", "0f 40+cc /r", "base", cmov)
 * x86("ADDPS V,W16", "NP 0f 58 /r", "sse", addps)
 * x86("CMPXCHG16B M16", "W1 0f c7 /1", "cx16", cmpxchg16b, { lock: true })
 * x86Host("CPUID", "0f a2", "base", "cpuid")
 * x86Host("REP MOVS Yv,Xv", "REP a5", "base", "rep movs")
 * ```
 *
 * `node conformance/x64/run_cases.ts --match TEXT` runs the recorded cases of a row.
 *
 * ## Operands (SDM volume 2, appendix A.2)
 *
 * A letter says where the operand is encoded, what follows how large it is.
 *
 *     E  general register or memory (ModRM.rm)     M  memory only        R  register only
 *     G  general register (ModRM.reg)              B  general register (VEX.vvvv)
 *     Z  general register in the opcode's bits 2:0 O  memory at an address in the instruction
 *     W  XMM register or memory (ModRM.rm)         U  XMM register only  V  XMM register (ModRM.reg)
 *     Q  MMX register or memory (ModRM.rm)         N  MMX register only  P  MMX register (ModRM.reg)
 *     S  segment register (ModRM.reg)              C  control register   D  debug register
 *     X  memory at DS:rSI, segment may be changed  Y  memory at ES:rDI
 *     I  immediate                                 J  distance of a jump
 *     A  far pointer: offset in the low half of     STi  x87 register in the opcode's bits 2:0
 *        an immediate, selector in the high half
 *
 * Sizes: b 1, w 2, d 4, q 8 bytes; v 2, 4 or 8, z 2 or 4, y 4 or 8 bytes, by the operand size; a
 * number: so many bytes (M10, W4). M0: the address alone is used. Mp: a far pointer in memory. Mv in
 * rows with d64 is like Ev. Fixed operands stand by name: AL, CL, AX, DX, eAX, rAX (by the operand
 * size), 1, ST, ES, CS, SS, DS, FS, GS; they are operands like the others.
 *
 * ## Encodings
 *
 * Bytes in hexadecimal as the manual prints them, then `/r` or `/0` to `/7` if ModRM follows; before
 * them:
 *
 *     66, f3, f2   mandatory prefix. F3 and F2 win over 66, the last of them over the other
 *     NP           none of the three is allowed. Understood for rows with V, W, U, P, Q or N operands
 *     NFx          66 is the operand size, f2 and f3 are not allowed
 *     REP          f2 or f3
 *     W0, W1       REX.W must be so
 *     VEX.66.0F38.W0, VEX.NP.0F3A, ...   VEX with L = 0: prefix, map, W if it matters
 *
 * A row without a prefix takes what no row of its opcode with a prefix takes; 66 is then the operand
 * size. `+r` after a byte: Z is in its low bits. `+i`: STi is. `+x`: they do not matter. `+cc`: the
 * condition is in the low four. A byte after the opcode's may be a whole ModRM (0f 01 d0).
 */
import type { Builder } from "../../engine/builder.ts";
import type { Flow } from "../../engine/row.ts";
import type { Operands } from "./operands.ts";

/** Writes the effect of an instruction with the builder. All probes come before any change of state. */
export type X86Semantics = (b: Builder, o: Operands) => void;

/** What title and encoding do not say. */
export interface X86RowOptions {
  /** How it ends a block; the J operand is the distance of `jump`, `call` and `branch`. */
  readonly flow?: Flow;
  /** LOCK is allowed if the first operand is in memory; everywhere else it is #UD. */
  readonly lock?: boolean;
  /** Not valid in 64-bit mode. */
  readonly i64?: boolean;
  /** Valid in 64-bit mode only. */
  readonly o64?: boolean;
  /** In 64-bit mode the operand size is 64 bits, or 16 by a prefix: PUSH, POP. */
  readonly d64?: boolean;
  /** In 64-bit mode the operand size is 64 bits, whatever the prefixes: near branches, MOV CR. */
  readonly f64?: boolean;
  /** The operand size matters although no operand has it: CBW, PUSHF, IRET. */
  readonly sized?: boolean;
  /** The address size matters although no operand has it: JRCXZ, LOOP. X and Y imply it. */
  readonly addressSized?: boolean;
  /**
   * The last immediate (Ib) is structural: `o[n].number` is its value under this mask, or what this
   * function makes of it and the operand size (0..255), and each value is a handler of its own. For
   * lane numbers, shuffles, predicates, counts.
   */
  readonly constant?: number | ((value: number, size: number) => number);
  /** #UD in real mode and virtual-8086 mode: VEX, SLDT. */
  readonly protectedOnly?: boolean;
}

/** A row as the table has it. Build it with {@linkcode x86} or {@linkcode x86Host}. */
export interface X86Row extends X86RowOptions {
  /** Mnemonic and operands: "ADD Ev,Gv". */
  readonly title: string;
  /** "01 /r" */
  readonly code: string;
  /** What brings it: "base", "sse2", "bmi1"; see `enabled` in mode.ts and the CPU models. */
  readonly feature: string;
  readonly semantics?: X86Semantics;
  /** Name of the host handler that executes it instead of semantics: see `ArchCpu.host`. */
  readonly host?: string;
}

/** A row with semantics for both executors. */
export function x86(
  title: string,
  code: string,
  feature: string,
  semantics: X86Semantics,
  options: X86RowOptions = {},
): X86Row {
  return { title, code, feature, semantics, ...options };
}

/**
 * A row that the host executes: rare, or with effects beyond registers and memory. Ends its block.
 * The handler gets the decoded instruction: `operandsOf(decoded)` (decoder.ts) has what semantics
 * have, `o[0].raw.value` the number of a register or an immediate's low half.
 */
export function x86Host(
  title: string,
  code: string,
  feature: string,
  host: string,
  options: Omit<X86RowOptions, "flow"> = {},
): X86Row {
  return { title, code, feature, host, flow: "stop", ...options };
}
