/** Mnemonics and operands where GNU objdump's differ from the titles of the rows. */
import { isMemory, Slot } from "../../engine/instruction.ts";
import { pointerName } from "./disassemble_operands.ts";
import type { X86Handler } from "./handler.ts";

const CONDITIONS = [
  ...["o", "no", "b", "ae", "e", "ne", "be", "a"],
  ...["s", "ns", "p", "np", "l", "ge", "le", "g"],
];
const PREDICATES = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"];
const PRODUCTS: Readonly<Record<number, string>> = {
  ...{ 0: "pclmullqlqdq", 1: "pclmulhqlqdq", 16: "pclmullqhqdq", 17: "pclmulhqhqdq" },
  ...{ 2: "pclmullqhqdq", 3: "pclmulhqhqdq" },
};

/** By operand size in bytes: 2, 4, 8. */
const BY_SIZE: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  CBW: { 2: "cbw", 4: "cwde", 8: "cdqe" },
  CWD: { 2: "cwd", 4: "cdq", 8: "cqo" },
};

/** Instructions whose name tells the operand size where it is not the code's. */
const SIZED = ["PUSHF", "POPF", "LEAVE", "RET", "PUSHA", "POPA", "ENTER", "RETF", "IRET"].concat(
  ["FNSTENV", "FLDENV", "FNSAVE", "FRSTOR"],
);
/** SGDT and its like: outside of 64-bit code the name has the operand size. */
export const TABLES: RegExp = /^[SL][GI]DT$/;

/** Whether it prints REX.W as a prefix that does nothing although the operand size matters. */
export const ignoresWide = (mnemonic: string): boolean =>
  TABLES.test(mnemonic) || /^(PEXTR[BW]|CALLF|JMPF|FNSTENV|FLDENV|FNSAVE|FRSTOR)$/.test(mnemonic);

const RENAMED: Readonly<Record<string, string>> = {
  ...{
    CALLF: "call",
    JMPF: "jmp",
    SAL: "shl",
    FWAIT: "fwait",
    WAIT: "fwait",
    INT1: "int1",
    XLATB: "xlat",
    JCXZ: "jcxz",
  },
};

/** How an instruction is spelled that has been decoded. */
export interface Spelling {
  readonly name: string;
  /** How many of the last operands are not printed: the name tells them. */
  readonly told: number;
}

/** Instructions whose Ib is printed as it is extended. */
export const SIGNED: ReadonlySet<string> = new Set(
  ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "IMUL", "PUSH"],
);

/** Operands that are printed although no byte has them. */
export const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  ...{ PBLENDVB: ["xmm0"], BLENDVPS: ["xmm0"], BLENDVPD: ["xmm0"], SHA256RNDS2: ["xmm0"] },
};

/** Memory whose size is not told. */
const SIZELESS = new Set(["LDDQU", "LEA", "INVPCID"]);

/** What memory is called: "DWORD", or "". */
export function pointerOf(
  mnemonic: string,
  operand: string,
  size: number,
  view: X86Handler["view"],
): string {
  if (SIZELESS.has(mnemonic) || operand[0] === "O") return "";
  if (mnemonic === "CMPXCHG16B") return "OWORD";
  if (mnemonic === "INVLPG") return "BYTE";
  if (mnemonic === "BOUND") return pointerName(2 * view.size);
  // Of far pointers with 64-bit offsets it knows only the others.
  return operand === "Mp" && size === 10 ? "FWORD" : pointerName(size);
}

/** Bytes that the name of a general register stands for. */
export function registerSize(
  mnemonic: string,
  operand: string,
  own: number,
  { size, codeSize }: X86Handler["view"],
): number {
  if (/^PEXTR[BW]$/.test(mnemonic)) return 4;
  if (operand === "Ew" && mnemonic === "MOV") return codeSize === 2 ? 2 : 4;
  return operand === "Ew" && /^(LAR|LSL)$/.test(mnemonic) ? size : own;
}

/** The mnemonic; `immediate` is the last operand's if that is one. */
export function spell({ encoding, view }: X86Handler, immediate: number | undefined): Spelling {
  const { row } = encoding;
  const mnemonic = encoding.mnemonic.replace(/^REP\w* /, "");
  let name = mnemonic.toLowerCase();
  if (mnemonic.endsWith("cc") && /^(J|SET|CMOV)cc$/.test(mnemonic)) {
    name = name.slice(0, -2) + CONDITIONS[view.cc];
  }
  const compare = /^CMP([PS][SD])$/.exec(mnemonic);
  if (compare !== null && immediate !== undefined && (immediate & 0xff) < 8) {
    return { name: `cmp${PREDICATES[immediate & 7]}${compare[1].toLowerCase()}`, told: 1 };
  }
  if (mnemonic === "PCLMULQDQ" && immediate !== undefined) {
    const product = PRODUCTS[immediate & 0xff];
    if (product !== undefined) return { name: product, told: 1 };
  }
  const bySize = BY_SIZE[mnemonic]?.[view.size];
  if (bySize !== undefined) name = bySize;
  const pushed = /^(PUSH|POP)$/.test(mnemonic) &&
    (view[0].kind === "number" || view[0].kind === "immediate");
  if (SIZED.includes(mnemonic) || pushed) name += sizeSuffix(view);
  if (TABLES.test(mnemonic) && view.codeSize !== 8) name += view.size === 2 ? "w" : "d";
  if (/^(IRET|RETF|SYSRET|SYSEXIT)$/.test(mnemonic) && view.size === 8) name += "q";
  if (/^(SYSRET|SYSEXIT)$/.test(mnemonic) && view.codeSize === 8 && view.size !== 8) name += "d";
  if (/^PCMPESTR[IM]$/.test(mnemonic) && view.size === 8) name += "q";
  if (/^(MOVD)$/.test(mnemonic) && view.length > 0 && hasWide(view)) name = "movq";
  if (/^(PEXTRD|PINSRD)$/.test(mnemonic) && hasWide(view)) name = `${name.slice(0, -1)}q`;
  if (mnemonic === "MOV" && isWideMove(row.title, view)) name = "movabs";
  if (
    mnemonic === "XCHG" && view[0].raw.slot === Slot.fixed && view[1].raw.value === 0 &&
    sizeSuffix(view) === ""
  ) {
    return { name: "nop", told: 2 };
  }
  if (mnemonic === "JRCXZ" || mnemonic === "JCXZ" || mnemonic === "JECXZ") {
    name = { 2: "jcxz", 4: "jecxz", 8: "jrcxz" }[view.addressSize] ?? name;
  }
  return { name: RENAMED[mnemonic] ?? name, told: 0 };
}

/** "w" or "d" if the operand size is not the code's. */
function sizeSuffix({ size, codeSize }: X86Handler["view"]): string {
  if (codeSize === 2) return size === 4 ? "d" : "";
  return size === 2 ? "w" : "";
}

const hasWide = (view: X86Handler["view"]): boolean =>
  Array.from({ length: view.length }, (_, n) => view[n]).some(({ kind, size, raw }) =>
    size === 8 && (kind === "general" || raw.name === "Ey")
  );

const isWideMove = (title: string, view: X86Handler["view"]): boolean =>
  (/\bIv$/.test(title) && view.size === 8) || isFarMove(title, view);

/** MOV with an address of 64 bits in the instruction. */
function isFarMove(title: string, view: X86Handler["view"]): boolean {
  if (!/\bO[bv]\b/.test(title)) return false;
  const memory = [view[0], view[1]].map(({ raw }) => raw).find(isMemory);
  return memory?.form.size === 8;
}
