/**
 * What cases are drawn from: one line for each encoding, in the notation of the manuals' opcode
 * maps.
 *
 *     ADD Ev,Gv : 01 /r : lock
 *     name operands : prefix, opcode, ModRM : attributes
 *
 * Operands that are encoded (SDM volume 2, appendix A.2; numbers are bytes):
 *
 *     E  general register or memory (ModRM.rm)     M  memory only        R  register only
 *     G  general register (ModRM.reg)              B  general register (VEX.vvvv)
 *     Z  general register in the opcode's bits 2:0 O  memory by a 64-bit address
 *     W  XMM register or memory of 2..16 bytes     U  XMM register only  V  XMM register (ModRM.reg)
 *     Q  MMX register or memory of 4 or 8 bytes    N  MMX register only  P  MMX register (ModRM.reg)
 *     I  immediate                                 J  distance of a jump
 *
 * Sizes of general operands: b 1, w 2, d 4, q 8, v 2, 4 or 8, y 4 or 8, z 2 or 4 bytes; M and a
 * number: so many bytes. Others (AL, 1, CL) are fixed; Xy stands for registers whose size varies.
 * Attributes:
 *
 *     lock    takes LOCK with a memory operand
 *     d64     has 64-bit operands without REX.W
 *     w64     always has REX.W
 *     implicit  uses registers that no operand names
 *     jump    goes elsewhere: only at the end of a case
 *     rep     string instruction that takes REP; repz: REPE and REPNE
 *     alone   its effect beyond the registers is not known in a sequence: only alone
 *     partial   if it faults, how much of it is done is up to the CPU: such cases are left out
 *     mxcsr, env  memory operand at one of the places that hold such images
 *     near2   results of other CPUs may differ by 2 units in the last place (x87 transcendental)
 *     estimate  results of other CPUs may differ by 1.5 * 2^-12 of the value (RCPPS, RSQRTPS)
 *     cc        16 encodings: the condition is in the opcode's low four bits
 *     stack     8 encodings: ST(i) in the opcode's low three bits
 *
 * Not here, because the result is up to the machine or the operating system: CPUID, RDTSC, RDTSCP,
 * RDPID, RDRAND, RDSEED, XGETBV, FXSAVE, XSAVE and their counterparts, moves to segment registers,
 * far transfers, IRET, SYSCALL. RDFSBASE and its like are.
 */
import { integerRows } from "./rows_integer.ts";
import { simdRows } from "./rows_simd.ts";
import { x87Rows } from "./rows_x87.ts";

/** An encoding. */
export interface Row {
  /** Position in `rows`; vectors name a row by it. */
  readonly id: number;
  /** "ADD Ev,Gv" */
  readonly text: string;
  readonly mnemonic: string;
  readonly operands: readonly string[];
  /** "integer", "refused", "x87", "mmx", "sse". */
  readonly group: string;
  /** 0x66, 0xf2, 0xf3 if it is part of the opcode, else 0. */
  readonly mandatory: number;
  /** VEX fields: `map` 1 0F, 2 0F 38, 3 0F 3A; `pp` 0, 1 66, 2 F3, 3 F2. Undefined: no VEX. */
  readonly vex: { readonly map: number; readonly pp: number } | undefined;
  readonly opcode: readonly number[];
  /** ModRM.reg if it is part of the opcode, "r" if it is an operand. */
  readonly reg: number | "r" | undefined;
  readonly attributes: ReadonlySet<string>;
}

const PREFIXES = [0x66, 0xf3, 0xf2];

function parse(line: string, group: string, id: number, step: number): Row {
  const parts = line.split(":").map((part) => part.trim());
  const [text, code] = parts;
  const [mnemonic, list] = text.split(" ");
  const tokens = code.split(/\s+/);
  let vex: Row["vex"];
  if (tokens[0].startsWith("VEX")) {
    const [, pp, map] = tokens.shift()!.split(".");
    vex = {
      map: { "0F": 1, "0F38": 2, "0F3A": 3 }[map] ?? 0,
      pp: ["NP", "66", "F3", "F2"].indexOf(pp),
    };
  }
  let reg: Row["reg"];
  const last = tokens[tokens.length - 1];
  if (last.startsWith("/")) {
    tokens.pop();
    reg = last === "/r" ? "r" : Number(last[1]);
  }
  const opcode = tokens.map((token) => parseInt(token, 16));
  let mandatory = 0;
  if (opcode.length > 1 && PREFIXES.includes(opcode[0])) mandatory = opcode.shift()!;
  opcode[opcode.length - 1] += step;
  if (opcode.some((byte) => !(byte >= 0 && byte < 256))) throw new Error(`bytes of "${line}"`);
  const attributes = new Set((parts[2] ?? "").split(/\s+/).filter((word) => word !== ""));
  const numbered = attributes.has("cc") || attributes.has("stack") ? ` #${step}` : "";
  return {
    ...{ id, group, mandatory, vex, opcode, reg, attributes, mnemonic },
    text: text + numbered,
    operands: list === undefined ? [] : list.split(","),
  };
}

function allRows(): Row[] {
  const result: Row[] = [];
  for (const [group, text] of [...integerRows, ...x87Rows, ...simdRows]) {
    for (const line of text.split("\n").map((line) => line.trim())) {
      if (line === "") continue;
      const attributes = line.split(":")[2] ?? "";
      const count = /\bcc\b/.test(attributes) ? 16 : /\bstack\b/.test(attributes) ? 8 : 1;
      for (let step = 0; step < count; step++) result.push(parse(line, group, result.length, step));
    }
  }
  return result;
}

/** All encodings. */
export const rows: readonly Row[] = allRows();
