/** Rows made ready for the decoder: the notation of row.ts taken apart, once per table. */
import type { X86Row } from "./row.ts";

/** Which of the prefixes 66, F2 and F3 an encoding wants. */
export const Prefix = {
  /** Any: they have their own meaning, or none. */
  any: 0,
  /** None of them. */
  none: 1,
  data: 0x66,
  f2: 0xf2,
  f3: 0xf3,
  /** F2 or F3. */
  repeat: 2,
  /** Neither F2 nor F3. */
  noRepeat: 3,
} as const;
export type Prefix = typeof Prefix[keyof typeof Prefix];

/** Opcode maps: one byte, 0F, 0F 38, 0F 3A. Those of VEX come `vexMaps` later. */
export const OpcodeMap = { primary: 0, "0F": 1, "0F38": 2, "0F3A": 3, vexMaps: 4 } as const;
/** Maps with those of VEX. */
export const MAPS = 8;

/** Sizes of operands that vary: see row.ts. */
export type VaryingSize = "v" | "z" | "y" | "p";

/** Where an operand is, as the title of a row names it. */
export interface OperandForm {
  /** The letter of SDM volume 2, appendix A.2; "r" for a fixed general register, "n" for a number. */
  readonly letter: string;
  /** Bytes, or how they vary. */
  readonly size: number | VaryingSize;
  /** Number of a fixed register, or the fixed number. */
  readonly fixed: number;
  /** As in the title. */
  readonly text: string;
}

/** What bytes a row stands for. */
export interface Encoding {
  readonly row: X86Row;
  readonly mnemonic: string;
  readonly operands: readonly OperandForm[];
  readonly map: number;
  /** First opcode and how many follow each other: 1, or more if the opcode has a register or condition. */
  readonly opcode: number;
  readonly opcodes: 1 | 8 | 16;
  readonly prefix: Prefix;
  /** REX.W or VEX.W, if it must be something. */
  readonly wide: boolean | undefined;
  readonly modrm: boolean;
  /** ModRM.mod is 3 (true) or something else (false), if that matters. */
  readonly register: boolean | undefined;
  /** ModRM.reg and ModRM.rm, if they must be something. */
  readonly reg: number | undefined;
  readonly rm: number | undefined;
  /** ModRM.mod is ignored: there is no memory operand. Moves of control and debug registers. */
  readonly modIgnored: boolean;
  /** The operand size matters: which of the effective sizes counts. */
  readonly sizedBy: "v" | "z" | "y" | undefined;
  readonly addressSized: boolean;
  readonly cc: boolean;
  /** VEX.vvvv is an operand. */
  readonly vvvv: boolean;
}

const FIXED: Readonly<Record<string, readonly [string, number | VaryingSize, number]>> = {
  AL: ["r", 1, 0],
  CL: ["r", 1, 1],
  AX: ["r", 2, 0],
  DX: ["r", 2, 2],
  eAX: ["r", "z", 0],
  rAX: ["r", "v", 0],
  "1": ["n", 0, 1],
  "3": ["n", 0, 3],
  ST: ["n", 10, 0],
  ES: ["n", 2, 0],
  CS: ["n", 2, 1],
  SS: ["n", 2, 2],
  DS: ["n", 2, 3],
  FS: ["n", 2, 4],
  GS: ["n", 2, 5],
  STi: ["T", 10, 0],
};

const LETTERS: readonly string[] = [..."EMRGBZOWUVQNPSCDXYIJA"];
const SIZES: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };
/** Bytes of operands that have no size in the notation. */
const IMPLIED: Readonly<Record<string, number | VaryingSize>> = {
  ...{ V: 16, U: 16, P: 8, N: 8, S: 2, C: 8, D: 8, A: "p" },
};
const SIMD = /^[VWUPQN]/;

/** The form of an operand; undefined if it is none. */
function parseOperand(text: string): OperandForm | undefined {
  const fixed = FIXED[text];
  if (fixed !== undefined) {
    return { letter: fixed[0], size: fixed[1], fixed: fixed[2], text };
  }
  const [letter, rest] = [text[0], text.slice(1)];
  const size = /^\d+$/.test(rest) ? Number(rest) : rest === "" ? IMPLIED[letter] : SIZES[rest];
  if (LETTERS.includes(letter)) {
    if (size !== undefined) return { letter, size, fixed: -1, text };
    if (/^[vzyp]$/.test(rest)) return { letter, size: rest as VaryingSize, fixed: -1, text };
  }
  return undefined;
}

/** The prefix part of an encoding; the rest of the tokens stay. */
function parsePrefix(tokens: string[]): Pick<Encoding, "prefix" | "wide"> & { vex: number } {
  let prefix: Prefix = Prefix.any;
  let wide: boolean | undefined;
  let vex = 0;
  const names: Readonly<Record<string, Prefix>> = {
    ...{
      NP: Prefix.none,
      "66": Prefix.data,
      F2: Prefix.f2,
      F3: Prefix.f3,
      REP: Prefix.repeat,
      NFX: Prefix.noRepeat,
    },
  };
  while (tokens.length > 1) {
    const token = tokens[0].toUpperCase();
    if (token === "W0" || token === "W1") wide = token === "W1";
    else if (token.startsWith("VEX.")) {
      const [, pp, map, w] = token.split(".");
      prefix = names[pp];
      vex = OpcodeMap[map as "0F"];
      if (w !== undefined) wide = w === "W1";
    } else if (names[token] !== undefined && !tokens[1].startsWith("/")) prefix = names[token];
    else break;
    tokens.shift();
  }
  return { prefix, wide, vex };
}

/** Takes a row apart. Throws if it is not in the notation. */
export function parseRow(row: X86Row): Encoding {
  const { title, code } = row;
  const fail = (what: string): never => {
    throw new Error(`${what} of row "${title}" "${code}"`);
  };
  // A mnemonic may have a prefix's name before it: "REP MOVS Yv,Xv".
  const words = title.split(" ");
  const last = words[words.length - 1];
  const hasOperands = words.length > 1 && (last.includes(",") || parseOperand(last) !== undefined);
  const operands = hasOperands
    ? last.split(",").map((text) => parseOperand(text) ?? fail(`operand ${text}`))
    : [];
  const mnemonic = (hasOperands ? words.slice(0, -1) : words).join(" ");

  const tokens = code.trim().split(/\s+/);
  const { prefix: given, wide, vex } = parsePrefix(tokens);
  let map: number = vex === 0 ? OpcodeMap.primary : vex + OpcodeMap.vexMaps;
  if (vex === 0 && tokens.length > 1 && tokens[0].toLowerCase() === "0f") {
    tokens.shift();
    map = OpcodeMap["0F"];
    const escape = tokens[0].toUpperCase();
    if (tokens.length > 1 && (escape === "38" || escape === "3A")) {
      tokens.shift();
      map = OpcodeMap[`0F${escape}` as "0F38"];
    }
  }
  const [opcodeText, second] = tokens;
  const [opcodeByte, opcodePlus] = parseByte(opcodeText) ?? fail("opcode");
  if (tokens.length > 2) fail("bytes");
  const letters = operands.map(({ letter }) => letter);
  const has = (...some: string[]): boolean => some.some((letter) => letters.includes(letter));
  const modIgnored = has("C", "D");
  let reg: number | undefined;
  let rm: number | undefined;
  let register: boolean | undefined;
  if (second !== undefined && second.startsWith("/")) {
    if (second !== "/r") reg = Number(second[1]);
    if (has("M")) register = false;
    else if (has("R", "U", "N")) register = true;
  } else if (second !== undefined) {
    const [byte, plus] = parseByte(second) ?? fail("ModRM");
    if (byte < 0xc0) fail("ModRM");
    register = true;
    reg = (byte >> 3) & 7;
    if (plus === "") rm = byte & 7;
  }
  const memoryOrRegister = has("E", "M", "R", "W", "U", "Q", "N");
  if (memoryOrRegister && second === undefined) fail("ModRM");
  const sizes = operands.map(({ size }) => size);
  const sizedBy = row.sized || sizes.includes("v") || sizes.includes("p")
    ? "v"
    : operands.some(({ letter, size }) => letter !== "I" && letter !== "J" && size === "z")
    ? "z"
    : sizes.includes("y")
    ? "y"
    : sizes.includes("z")
    ? "v"
    : undefined;
  const simd = operands.some(({ text }) => SIMD.test(text));
  return {
    row,
    mnemonic,
    operands,
    map,
    opcode: opcodeByte,
    opcodes: opcodePlus === "CC" ? 16 : opcodePlus === "" ? 1 : 8,
    prefix: given === Prefix.any && (simd || vex !== 0) ? Prefix.none : given,
    wide,
    modrm: second !== undefined,
    register: modIgnored ? undefined : register,
    reg,
    rm,
    modIgnored,
    sizedBy,
    addressSized: row.addressSized === true || has("X", "Y"),
    cc: opcodePlus === "CC",
    vvvv: has("B"),
  };
}

/** "0f", "b8+r", "40+cc", "c0+i", "e8+x": the byte and what its low bits have. */
function parseByte(text: string): [number, string] | undefined {
  const match = /^([0-9a-f]{2})(?:\+(r|i|cc|x))?$/i.exec(text);
  return match === null ? undefined : [parseInt(match[1], 16), (match[2] ?? "").toUpperCase()];
}
