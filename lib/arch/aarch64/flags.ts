/**
 * NZCV as lazy flags (Arm ARM, C6.2 and J1.1.3). A flag-setting instruction leaves its operands; the
 * flags are computed when somebody asks, most often by a compare fused into a branch.
 */
import type { FlagModel } from "../../engine/arch.ts";
import type { Builder } from "../../engine/builder.ts";
import type { StateField } from "../../engine/layout.ts";
import type { Code } from "../../wasm/code.ts";
import { compareCondition, restingCompare } from "./fp_flags.ts";
import { field } from "./layout.ts";

/** Kinds of flags: what the operands (i64) on the stack are for `b.setFlags(kind)`. */
export const Flags = {
  /** Four values as they rest in the state: N (sign bit), Z (zero means set), C (0 or 1), V (sign bit). */
  rest: 0,
  /** [a, b]: flags of a + b. The 32-bit kinds use the low halves only. */
  add32: 1,
  add64: 2,
  /** [a, b]: flags of a - b. */
  sub32: 3,
  sub64: 4,
  /** [result]: N and Z of the result, C and V zero. */
  logic32: 5,
  logic64: 6,
  /** [nzcv]: the four flags in bits 3:0. */
  nzcv: 7,
  /** [a, b]: bits of two doubles that are compared as floating-point numbers. */
  fcmp: 8,
} as const;

/** Fields that each pair of conditions looks at: N is bit 0, Z 1, C 2, V 3. */
const NEEDED = [2, 4, 1, 8, 6, 9, 11, 0];

/** Fields in the order in which flags of kind `rest` are written and kept: N, Z, C, V. */
const restFields: readonly StateField[] = ["flagN", "flagZ", "flagC", "flagV"].map(field);

export const flagModel: FlagModel = {
  fields: restFields,
  operands: [4, 2, 2, 2, 2, 1, 1, 1, 2],
  conditions: 16,
  materialize,
  condition,
  needed: (code: number): number => NEEDED[code >> 1],
};

/** Pushes the sum or difference of the operands, as i64 whose sign bit is that of the operation's width. */
function result(c: Code, kind: number, [a, b]: readonly number[]): void {
  c.local_get(a);
  if (kind <= Flags.sub64) {
    c.local_get(b);
    if (kind <= Flags.add64) c.i64_add();
    else c.i64_sub();
  }
  if (kind === Flags.add32 || kind === Flags.sub32 || kind === Flags.logic32) c.i64_extend32_s();
}

/** [] -> [i64, i64, i64, i64] N, Z, C, V at rest. */
function materialize(c: Code, kind: number, operands: readonly number[]): void {
  for (let flag = 0; flag < 4; flag++) {
    resting(c, kind, operands, flag);
  }
}

/** [] -> [i64] one flag at rest: 0 N, 1 Z, 2 C, 3 V. */
function resting(c: Code, kind: number, operands: readonly number[], flag: number): void {
  if (kind === Flags.rest) c.local_get(operands[flag]);
  else if (kind === Flags.fcmp) restingCompare(c, operands, flag);
  else if (kind === Flags.nzcv) restingPacked(c, operands[0], flag);
  else if (flag < 2) result(c, kind, operands);
  else if (kind === Flags.logic32 || kind === Flags.logic64) c.i64_const32(0);
  else if (flag === 2) {
    carry(c, kind, operands);
    c.i64_extend_i32_u();
  } else restingOverflow(c, kind, operands);
}

function restingPacked(c: Code, nzcv: number, flag: number): void {
  c.local_get(nzcv);
  if (flag === 0) c.i64_const32(60).i64_shl();
  else if (flag === 1) c.i64_const32(4).i64_and().i64_const32(4).i64_xor();
  else if (flag === 2) c.i64_const32(1).i64_shr_u().i64_const32(1).i64_and();
  else c.i64_const32(63).i64_shl();
}

/** V: the operands' signs agree (disagree for a subtraction) and the result's sign differs from a's. */
function restingOverflow(c: Code, kind: number, operands: readonly number[]): void {
  const [a, b] = operands;
  c.local_get(a).local_get(b).i64_xor();
  if (kind <= Flags.add64) c.i64_const32(-1).i64_xor();
  c.local_get(a);
  result(c, kind, operands);
  c.i64_xor().i64_and();
  if (kind === Flags.add32 || kind === Flags.sub32) c.i64_extend32_s();
}

/** [] -> [i32] C of an addition or subtraction. */
function carry(c: Code, kind: number, [a, b]: readonly number[]): void {
  switch (kind) {
    case Flags.sub64:
      c.local_get(a).local_get(b).i64_ge_u();
      return;
    case Flags.sub32:
      c.local_get(a).i32_wrap_i64().local_get(b).i32_wrap_i64().i32_ge_u();
      return;
    case Flags.add64:
      c.local_get(a).local_get(b).i64_add().local_get(a).i64_lt_u();
      return;
    default:
      c.local_get(a).i32_wrap_i64().local_get(b).i32_wrap_i64().i32_add();
      c.local_get(a).i32_wrap_i64().i32_lt_u();
  }
}

/** [] -> [i32] condition code 0..15 (Arm ARM, C1.2.4); 14 and 15 are always true. */
function condition(c: Code, kind: number, operands: readonly number[], code: number): void {
  if (code >= 14) {
    c.i32_const(1);
    return;
  }
  if (kind === Flags.fcmp) compareCondition(c, operands, code);
  else if (kind === Flags.sub32 || kind === Flags.sub64) compare(c, kind, operands, code);
  else if (kind === Flags.logic32 || kind === Flags.logic64) logical(c, kind, operands, code);
  else if (kind === Flags.nzcv) packed(c, operands[0], code);
  else if (kind === Flags.rest) rest(c, operands, code);
  else added(c, kind, operands, code);
}

const COMPARE64 = [
  "i64_eq",
  "i64_ne",
  "i64_ge_u",
  "i64_lt_u",
  "",
  "",
  "",
  "",
  "i64_gt_u",
  "i64_le_u",
  "i64_ge_s",
  "i64_lt_s",
  "i64_gt_s",
  "i64_le_s",
] as const;
const COMPARE32 = [
  "i32_eq",
  "i32_ne",
  "i32_ge_u",
  "i32_lt_u",
  "",
  "",
  "",
  "",
  "i32_gt_u",
  "i32_le_u",
  "i32_ge_s",
  "i32_lt_s",
  "i32_gt_s",
  "i32_le_s",
] as const;

/** Flags of a - b: all but N and V alone are one comparison. */
function compare(c: Code, kind: number, operands: readonly number[], code: number): void {
  const [a, b] = operands;
  if (code >= 4 && code <= 7) {
    if (code <= 5) sign(c, kind, operands, code === 5);
    else overflow(c, kind, operands, code === 7);
    return;
  }
  if (kind === Flags.sub64) {
    const op = COMPARE64[code];
    c.local_get(a).local_get(b);
    if (op !== "" && op !== undefined) c[op]();
  } else {
    const op = COMPARE32[code];
    c.local_get(a).i32_wrap_i64().local_get(b).i32_wrap_i64();
    if (op !== "" && op !== undefined) c[op]();
  }
}

function sign(c: Code, kind: number, operands: readonly number[], inverted: boolean): void {
  result(c, kind, operands);
  c.i64_const32(0);
  if (inverted) c.i64_ge_s();
  else c.i64_lt_s();
}

function overflow(c: Code, kind: number, operands: readonly number[], inverted: boolean): void {
  restingOverflow(c, kind, operands);
  c.i64_const32(0);
  if (inverted) c.i64_ge_s();
  else c.i64_lt_s();
}

/** Flags with C and V zero. */
function logical(c: Code, kind: number, operands: readonly number[], code: number): void {
  const zero = (): void => {
    result(c, kind, operands);
    c.i64_const32(0);
  };
  switch (code) {
    case 0: // EQ
    case 9: // LS: C is clear, so only Z counts... which is always true
      if (code === 9) c.i32_const(1);
      else {
        result(c, kind, operands);
        c.i64_eqz();
      }
      return;
    case 1: // NE
      zero();
      c.i64_ne();
      return;
    case 2: // CS
    case 6: // VS
    case 8: // HI
      c.i32_const(0);
      return;
    case 3: // CC
    case 7: // VC
      c.i32_const(1);
      return;
    case 4: // MI
    case 11: // LT
      zero();
      c.i64_lt_s();
      return;
    case 5: // PL
    case 10: // GE
      zero();
      c.i64_ge_s();
      return;
    case 12: // GT
      zero();
      c.i64_gt_s();
      return;
    default: // LE
      zero();
      c.i64_le_s();
  }
}

/** Flags of a + b. */
function added(c: Code, kind: number, operands: readonly number[], code: number): void {
  const zero = (): void => {
    result(c, kind, operands);
    c.i64_eqz();
  };
  switch (code >> 1) {
    case 0:
      zero();
      break;
    case 1:
      carry(c, kind, operands);
      break;
    case 2:
      sign(c, kind, operands, false);
      break;
    case 3:
      overflow(c, kind, operands, false);
      break;
    case 4:
      carry(c, kind, operands);
      zero();
      c.i32_eqz().i32_and();
      break;
    default:
      sign(c, kind, operands, false);
      overflow(c, kind, operands, false);
      c.i32_eq();
      if (code >> 1 === 6) {
        zero();
        c.i32_eqz().i32_and();
      }
  }
  if (code & 1) c.i32_eqz();
}

/** For each condition, bit nzcv tells whether it holds for these flags. */
const HOLDS: readonly number[] = Array.from({ length: 16 }, (_, code) => {
  let bits = 0;
  for (let nzcv = 0; nzcv < 16; nzcv++) if (holds(code, nzcv)) bits |= 1 << nzcv;
  return bits;
});

/** Condition 0..13 for flags in bits 3:0 (Arm ARM, shared/functions/system/ConditionHolds). */
function holds(code: number, nzcv: number): boolean {
  const n = (nzcv & 8) !== 0;
  const z = (nzcv & 4) !== 0;
  const c = (nzcv & 2) !== 0;
  const v = (nzcv & 1) !== 0;
  const even = [z, c, n, v, c && !z, n === v, n === v && !z, true][code >> 1];
  return (code & 1) === 1 ? !even : even;
}

/** Flags in bits 3:0 of a local. */
function packed(c: Code, nzcv: number, code: number): void {
  c.i32_const(HOLDS[code]).local_get(nzcv).i32_wrap_i64().i32_shr_u().i32_const(1).i32_and();
}

/** Flags as they rest. */
function rest(c: Code, [n, z, cf, v]: readonly number[], code: number): void {
  const negative = (local: number): void => {
    c.local_get(local).i64_const32(0).i64_lt_s();
  };
  switch (code >> 1) {
    case 0:
      c.local_get(z).i64_eqz();
      break;
    case 1:
      c.local_get(cf).i32_wrap_i64();
      break;
    case 2:
      negative(n);
      break;
    case 3:
      negative(v);
      break;
    case 4:
      c.local_get(cf).i32_wrap_i64().local_get(z).i64_eqz().i32_eqz().i32_and();
      break;
    default:
      c.local_get(n).local_get(v).i64_xor().i64_const32(0).i64_ge_s();
      if (code >> 1 === 6) c.local_get(z).i64_eqz().i32_eqz().i32_and();
  }
  if (code & 1) c.i32_eqz();
}

/** [] -> [i32] N, Z, C, V in bits 3:0. */
export function pushNzcv(b: Builder): void {
  b.condition(4);
  b.i32_const(3).i32_shl();
  b.condition(0);
  b.i32_const(2).i32_shl().i32_or();
  b.condition(2);
  b.i32_const(1).i32_shl().i32_or();
  b.condition(6);
  b.i32_or();
}
