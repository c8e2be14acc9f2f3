/** Encodings of the x87 instructions (SDM volume 1, 5.2), in the notation of rows.ts. */

/**
 * The six operations that D8, DA, DC and DE share; in DC and DE, reverse and plain change places.
 */
const OPERATIONS = ["FADD", "FMUL", "FCOM", "FCOMP", "FSUB", "FSUBR", "FDIV", "FDIVR"];
const TO_STACK = ["FADD", "FMUL", "FCOM", "FCOMP", "FSUBR", "FSUB", "FDIVR", "FDIV"];
const hex = (value: number): string => value.toString(16);

const ARITHMETIC: string = OPERATIONS.map((name, n) => `
    ${name} M4 : d8 /${n}
    ${name} M8 : dc /${n}
    ${name.replace("F", "FI")} M4 : da /${n}
    ${name.replace("F", "FI")} M2 : de /${n}
    ${name} ST,STi : d8 ${hex(0xc0 + 8 * n)} : stack`).join("\n");

const ARITHMETIC_POP: string = TO_STACK.map((name, n) => `
    ${name} STi,ST : dc ${hex(0xc0 + 8 * n)} : stack
    ${n === 2 || n === 3 ? "" : `${name}P STi,ST : de ${hex(0xc0 + 8 * n)} : stack`}`).join("\n");

const COMPARES = `
    FCOMPP : de d9
    FUCOM STi : dd e0 : stack
    FUCOMP STi : dd e8 : stack
    FUCOMPP : da e9
    FUCOMI STi : db e8 : stack
    FCOMI STi : db f0 : stack
    FUCOMIP STi : df e8 : stack
    FCOMIP STi : df f0 : stack
    FTST : d9 e4
    FXAM : d9 e5`;

const MOVES = `
    FLD M4 : d9 /0
    FLD M8 : dd /0
    FLD M10 : db /5
    FLD STi : d9 c0 : stack
    FST M4 : d9 /2
    FSTP M4 : d9 /3
    FST M8 : dd /2
    FSTP M8 : dd /3
    FSTP M10 : db /7
    FST STi : dd d0 : stack
    FSTP STi : dd d8 : stack
    FXCH STi : d9 c8 : stack
    FFREE STi : dd c0 : stack
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
    FCMOVB STi : da c0 : stack
    FCMOVE STi : da c8 : stack
    FCMOVBE STi : da d0 : stack
    FCMOVU STi : da d8 : stack
    FCMOVNB STi : db c0 : stack
    FCMOVNE STi : db c8 : stack
    FCMOVNBE STi : db d0 : stack
    FCMOVNU STi : db d8 : stack
    FLD1 : d9 e8
    FLDL2T : d9 e9
    FLDL2E : d9 ea
    FLDPI : d9 eb
    FLDLG2 : d9 ec
    FLDLN2 : d9 ed
    FLDZ : d9 ee`;

const FUNCTIONS = `
    FCHS : d9 e0
    FABS : d9 e1
    FXTRACT : d9 f4
    FPREM1 : d9 f5
    FPREM : d9 f8
    FSQRT : d9 fa
    FRNDINT : d9 fc
    FSCALE : d9 fd
    F2XM1 : d9 f0 : near2 alone
    FYL2X : d9 f1 : near2 alone
    FPTAN : d9 f2 : near2 alone
    FPATAN : d9 f3 : near2 alone
    FYL2XP1 : d9 f9 : near2 alone
    FSINCOS : d9 fb : near2 alone
    FSIN : d9 fe : near2 alone
    FCOS : d9 ff : near2 alone`;

const CONTROL = `
    FNOP : d9 d0
    FWAIT : 9b
    FDECSTP : d9 f6
    FINCSTP : d9 f7
    FNINIT : db e3
    FNCLEX : db e2
    FNSTSW M2 : dd /7
    FNSTSW AX : df e0 : implicit
    FNSTCW M2 : d9 /7
    FLDCW M2 : d9 /5 : env
    FNSTENV M28 : d9 /6 : alone
    FLDENV M28 : d9 /4 : env alone
    FNSAVE M108 : dd /6 : alone
    FRSTOR M108 : dd /4 : env alone`;

/** Pairs of group, lines. */
export const x87Rows: readonly (readonly [string, string])[] = [
  ARITHMETIC,
  ARITHMETIC_POP,
  COMPARES,
  MOVES,
  FUNCTIONS,
  CONTROL,
].map((text) => ["x87", text] as const);
