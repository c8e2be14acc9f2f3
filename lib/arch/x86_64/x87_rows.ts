/**
 * Rows of the x87 instructions (SDM volume 1, 5.2). The host executes them (x87_host.ts), but for the
 * frequent cases of the frequent ones (x87_fast_rows.ts).
 */
import { x86, x86Host, type X86Row } from "./row.ts";
import { fastSemantics } from "./x87_fast_rows.ts";

/** Operations in the order of ModRM.reg in D8, DA, DC, DE; FCOM and FCOMP are no arithmetic. */
const OPERATIONS = ["ADD", "MUL", "COM", "COMP", "SUB", "SUBR", "DIV", "DIVR"] as const;
/** The same where the result goes to ST(i): plain and reverse have changed places. */
const TO_STACK = ["ADD", "MUL", "COM", "COMP", "SUBR", "SUB", "DIVR", "DIV"] as const;

const at = (base: number, n: number): string => (base + 8 * n).toString(16);
const isComparison = (name: string): boolean => name.startsWith("COM");

const ARITHMETIC: readonly string[] = OPERATIONS.flatMap((name, n) => [
  `F${name} M4 : d8 /${n}`,
  `F${name} M8 : dc /${n}`,
  `FI${name} M4 : da /${n}`,
  `FI${name} M2 : de /${n}`,
  `F${name} ${isComparison(name) ? "STi" : "ST,STi"} : d8 ${at(0xc0, n)}+i`,
]);

const ARITHMETIC_TO_STACK: readonly string[] = TO_STACK.flatMap((name, n) => {
  if (isComparison(name)) return [`F${name} STi : dc ${at(0xc0, n)}+i`];
  return [`F${name} STi,ST : dc ${at(0xc0, n)}+i`, `F${name}P STi,ST : de ${at(0xc0, n)}+i`];
});

const CONDITIONAL: readonly string[] = ["B", "E", "BE", "U"].flatMap((condition, n) => [
  `FCMOV${condition} ST,STi : da ${at(0xc0, n)}+i`,
  `FCMOVN${condition} ST,STi : db ${at(0xc0, n)}+i`,
]);

/** Some encodings stand twice or more: they are not documented, but CPUs have them. */
const OTHERS = `
  FCOMP STi : de d0+i
  FCOMPP : de d9
  FUCOM STi : dd e0+i
  FUCOMP STi : dd e8+i
  FUCOMPP : da e9
  FUCOMI ST,STi : db e8+i
  FCOMI ST,STi : db f0+i
  FUCOMIP ST,STi : df e8+i
  FCOMIP ST,STi : df f0+i
  FTST : d9 e4
  FXAM : d9 e5

  FLD M4 : d9 /0
  FLD M8 : dd /0
  FLD M10 : db /5
  FLD STi : d9 c0+i
  FST M4 : d9 /2
  FST M8 : dd /2
  FST STi : dd d0+i
  FSTP M4 : d9 /3
  FSTP M8 : dd /3
  FSTP M10 : db /7
  FSTP STi : dd d8+i
  FSTP STi : d9 d8+i
  FSTP STi : df d0+i
  FSTP STi : df d8+i
  FXCH STi : d9 c8+i
  FXCH STi : dd c8+i
  FXCH STi : df c8+i
  FILD M2 : df /0
  FILD M4 : db /0
  FILD M8 : df /5
  FIST M2 : df /2
  FIST M4 : db /2
  FISTP M2 : df /3
  FISTP M4 : db /3
  FISTP M8 : df /7
  FISTTP M2 : df /1
  FISTTP M4 : db /1
  FISTTP M8 : dd /1
  FBLD M10 : df /4
  FBSTP M10 : df /6
  FLD1 : d9 e8
  FLDL2T : d9 e9
  FLDL2E : d9 ea
  FLDPI : d9 eb
  FLDLG2 : d9 ec
  FLDLN2 : d9 ed
  FLDZ : d9 ee

  FCHS : d9 e0
  FABS : d9 e1
  F2XM1 : d9 f0
  FYL2X : d9 f1
  FPTAN : d9 f2
  FPATAN : d9 f3
  FXTRACT : d9 f4
  FPREM1 : d9 f5
  FPREM : d9 f8
  FYL2XP1 : d9 f9
  FSQRT : d9 fa
  FSINCOS : d9 fb
  FRNDINT : d9 fc
  FSCALE : d9 fd
  FSIN : d9 fe
  FCOS : d9 ff

  FNOP : d9 d0
  FDECSTP : d9 f6
  FINCSTP : d9 f7
  FFREE STi : dd c0+i
  FFREEP STi : df c0+i
  FNCLEX : db e2
  FNINIT : db e3
  FNENI : db e0
  FNDISI : db e1
  FNSETPM : db e4
  FNSTSW M2 : dd /7
  FNSTSW AX : df e0
  FNSTCW M2 : d9 /7
  FLDCW M2 : d9 /5`;

const lines: readonly string[] = [
  ...ARITHMETIC,
  ...ARITHMETIC_TO_STACK,
  ...CONDITIONAL,
  ...OTHERS.split("\n").filter((line) => line.trim() !== ""),
];

/** Rows. The host's operations are found by their titles. */
export const x87Rows: readonly X86Row[] = [
  ...lines.map((line): X86Row => {
    const [title, code] = line.split(" : ").map((part) => part.trim());
    const semantics = fastSemantics.get(title);
    return semantics === undefined
      ? x86Host(title, code, "x87", title)
      : x86(title, code, "x87", semantics);
  }),
  // Not switched off by CR0.EM, but by CR0.MP and TS: the host looks.
  x86Host("FWAIT", "9b", "base", "FWAIT"),
  x86Host("FNSTENV M0", "d9 /6", "x87", "FNSTENV M0", { sized: true }),
  x86Host("FLDENV M0", "d9 /4", "x87", "FLDENV M0", { sized: true }),
  x86Host("FNSAVE M0", "dd /6", "x87", "FNSAVE M0", { sized: true }),
  x86Host("FRSTOR M0", "dd /4", "x87", "FRSTOR M0", { sized: true }),
];
