/**
 * The six status flags as lazy flags (SDM volume 1, 3.4.3.1). An instruction leaves its operands; the
 * flags are computed when somebody asks, most often by a compare fused into a branch.
 *
 * Flags that the manual leaves undefined are what these kinds make of them: AF is clear after AND,
 * OR, XOR and TEST; OF after a shift by several bits is what the last of them leaves. Rows that do
 * otherwise say so.
 */
import type { FlagModel } from "../../engine/arch.ts";
import type { Builder } from "../../engine/builder.ts";
import type { StateView } from "../../engine/layout.ts";
import type { Code } from "../../wasm/code.ts";
import { compare, type Operation, operations } from "./flag_operations.ts";
import { field } from "./layout.ts";

/**
 * Kinds of flags: what the operands (i64) on the stack are for `b.setFlags(kind)`. All but the first
 * and the last three exist for 8, 16, 32 and 64 bits ({@linkcode flagKind}); their operands are
 * zero-extended.
 */
export const Flags = {
  /** [result, carries] as they rest in the state: see {@linkcode Carries}. */
  rest: 0,
  /** [a, b]: flags of a + b. */
  add: 1,
  /** [a, b]: flags of a - b. */
  sub: 5,
  /** [result]: CF, OF and AF are clear. */
  logic: 9,
  /** [result, CF]: flags of a sum a + 1; CF stays. */
  inc: 13,
  /** [result, CF]: flags of a difference a - 1; CF stays. */
  dec: 17,
  /** [operand, count]: flags of operand << count, count not 0. */
  shl: 21,
  /** [operand, count]: flags of operand >> count, count not 0. */
  shr: 25,
  /** [operand, count], the operand sign-extended: flags of operand >> count, count not 0. */
  sar: 29,
  /** [a, b], sign-extended, not of 8 bits: CF and OF of a * b; the others are those of its low part. */
  imul: 33,
  /** [result, carries] as they rest. */
  mixed: 37,
  /** [flags]: where RFLAGS has them. */
  status: 38,
  /** [a, b]: bits of two doubles that are compared as COMISD does. */
  compare: 39,
} as const;

/** Kind of flags of an operation on `size` bytes. */
export function flagKind(operation: number, size: number): number {
  return operation + Math.log2(size);
}

/** Codes of conditions: those of Jcc, of which the odd ones are the negation, and AF. */
export const Condition = {
  O: 0,
  /** CF */
  B: 2,
  Z: 4,
  BE: 6,
  S: 8,
  P: 10,
  L: 12,
  LE: 14,
  A: 16,
} as const;

/** Masks of RFLAGS. */
export const Status = {
  CF: 0x1,
  PF: 0x4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  OF: 0x800,
  all: 0x8d5,
} as const;

/**
 * How flags rest: `flagResult` is a result, sign-extended to 64 bits, with ZF, SF and PF; `flagCarries` has
 * these bits, given as the high word, or the low one for those named so. The rest of it is clear.
 */
export const Carries = {
  /** Carry out of the highest bit: CF. */
  out: -0x80000000,
  /** Carry into it: OF is set if that differs from CF. */
  into: 0x40000000,
  /** SF is not the sign of the result. */
  sign: 0x20000000,
  /** Low word: carry out of bit 3, AF. */
  lowAdjust: 0x8,
  /** Low word: from here on bits by which the result's low byte differs from what PF tells of. */
  lowParity: 0x100,
} as const;

const result = field("flagResult");
const carries = field("flagCarries");
const [RESULT, CARRIES] = [1, 2];

/** Fields that each pair of conditions looks at: bit 0 `flagResult`, bit 1 `flagCarries`. */
const NEEDED: readonly number[] = [
  ...[CARRIES, CARRIES, RESULT, RESULT | CARRIES, RESULT | CARRIES, RESULT | CARRIES],
  ...[RESULT | CARRIES, RESULT | CARRIES, CARRIES],
];

interface Kind {
  readonly operation: Operation;
  /** Width in bits. */
  readonly bits: number;
}

/** Kinds in the order of their numbers; undefined for those that are no operation. */
const kinds: readonly (Kind | undefined)[] = [
  undefined,
  ...(["add", "sub", "logic", "inc", "dec", "shl", "shr", "sar", "imul"] as const).flatMap(
    (name) => [8, 16, 32, 64].map((bits): Kind => ({ operation: operations[name], bits })),
  ),
];

export const flagModel: FlagModel = {
  fields: [result, carries],
  operands: [2, ...kinds.slice(1).map((kind) => kind?.operation.operands ?? 0), 2, 1, 2],
  conditions: 18,
  materialize,
  condition,
  needed: (code: number): number => NEEDED[code >> 1],
};

/** [] -> [i64, i64] flags at rest. */
function materialize(c: Code, kind: number, o: readonly number[]): void {
  if (kind === Flags.rest || kind === Flags.mixed) c.local_get(o[0]).local_get(o[1]);
  else if (kind === Flags.status) restingStatus(c, o[0]);
  else if (kind === Flags.compare) compare.rest(c, o);
  else {
    const { operation, bits } = kinds[kind] as Kind;
    operation.result(c, o, bits);
    signExtend(c, bits);
    if (operation.carries !== undefined) operation.carries(c, o, bits);
    else restingCarries(c, operation, o, bits);
  }
}

/** [] -> [i64] `flagCarries` from CF, OF and AF. */
function restingCarries(
  c: Code,
  operation: Operation,
  o: readonly number[],
  bits: number,
): void {
  // CF in both bits; then OF changes the lower one.
  c.i64_const32(0);
  operation.carry(c, o, bits);
  c.i64_extend_i32_u().i64_sub().i64_const_parts(0, Carries.out | Carries.into).i64_and();
  operation.overflow(c, o, bits);
  if (bits < 64) c.i64_const32(64 - bits).i64_shl();
  c.i64_const32(1).i64_shr_u().i64_const_parts(0, Carries.into).i64_and().i64_xor();
  operation.adjust(c, o, bits);
  c.i64_const32(1).i64_shr_u().i64_const32(Carries.lowAdjust).i64_and().i64_or();
}

/** [i64] -> [i64] */
function signExtend(c: Code, bits: number): void {
  if (bits === 8) c.i64_extend8_s();
  else if (bits === 16) c.i64_extend16_s();
  else if (bits === 32) c.i64_extend32_s();
}

/** [] -> [i32] condition 0..15 as in Jcc (SDM volume 2, appendix B.1), or AF and its negation. */
function condition(c: Code, kind: number, o: readonly number[], code: number): void {
  const even = code & ~1;
  const known = kinds[kind];
  if (kind === Flags.rest || kind === Flags.mixed) resting(c, o, even);
  else if (kind === Flags.status) packed(c, o[0], even);
  else if (known === undefined) compare.condition(c, o, even);
  else if (known.operation.direct?.(c, o, known.bits, code) === true) return;
  else computed(c, known, o, even);
  if ((code & 1) !== 0) c.i32_eqz();
}

/** From result, carry, overflow and adjust of an operation. */
function computed(c: Code, { operation, bits }: Kind, o: readonly number[], code: number): void {
  const zero = (): void => {
    operation.result(c, o, bits);
    if (bits < 64 && !operation.cut) c.i64_const32(64 - bits).i64_shl();
    c.i64_eqz();
  };
  const less = (): void => {
    operation.result(c, o, bits);
    operation.overflow(c, o, bits);
    c.i64_xor();
    highest(c, bits);
  };
  switch (code) {
    case Condition.O:
      operation.overflow(c, o, bits);
      highest(c, bits);
      return;
    case Condition.B:
      operation.carry(c, o, bits);
      return;
    case Condition.Z:
      zero();
      return;
    case Condition.BE:
      operation.carry(c, o, bits);
      zero();
      c.i32_or();
      return;
    case Condition.S:
      operation.result(c, o, bits);
      highest(c, bits);
      return;
    case Condition.P:
      operation.result(c, o, bits);
      evenParity(c);
      return;
    case Condition.L:
      less();
      return;
    case Condition.LE:
      less();
      zero();
      c.i32_or();
      return;
    default:
      operation.adjust(c, o, bits);
      bit(c, 4);
  }
}

/** [i64] -> [i32] the highest of `bits` bits. */
function highest(c: Code, bits: number): void {
  if (bits === 64) c.i64_const32(0).i64_lt_s();
  else if (bits === 32) c.i32_wrap_i64().i32_const(0).i32_lt_s();
  else bit(c, bits - 1);
}

/** [i64] -> [i32] bit n, less than 32. */
function bit(c: Code, n: number): void {
  c.i32_wrap_i64();
  if (n > 0) c.i32_const(n).i32_shr_u();
  c.i32_const(1).i32_and();
}

/** [i64] -> [i32] PF of a result. */
function evenParity(c: Code): void {
  c.i32_wrap_i64().i32_const(0xff).i32_and().i32_popcnt().i32_const(1).i32_and().i32_eqz();
}

/** Flags as they rest. */
function resting(c: Code, [result, carries]: readonly number[], code: number): void {
  const zero = (): void => {
    c.local_get(result).i64_eqz();
  };
  /** [] -> [i64] the highest bit is SF, or OF. */
  const sign = (): void => {
    c.local_get(result).local_get(carries).i64_const32(2).i64_shl().i64_xor();
  };
  const overflow = (): void => {
    c.local_get(carries).local_get(carries).i64_const32(1).i64_shl().i64_xor();
  };
  switch (code) {
    case Condition.O:
      overflow();
      highest(c, 64);
      return;
    case Condition.B:
      c.local_get(carries);
      highest(c, 64);
      return;
    case Condition.Z:
      zero();
      return;
    case Condition.BE:
      c.local_get(carries);
      highest(c, 64);
      zero();
      c.i32_or();
      return;
    case Condition.S:
      sign();
      highest(c, 64);
      return;
    case Condition.P:
      c.local_get(result).local_get(carries).i64_const32(8).i64_shr_u().i64_xor();
      evenParity(c);
      return;
    case Condition.A:
      c.local_get(carries);
      bit(c, 3);
      return;
    default:
      sign();
      overflow();
      c.i64_xor();
      highest(c, 64);
      if (code === Condition.LE) {
        zero();
        c.i32_or();
      }
  }
}

/** [] -> [i64, i64] flags at rest from RFLAGS in a local: the result is 0 or 1. */
function restingStatus(c: Code, flags: number): void {
  const take = (mask: number, to: number): void => {
    const distance = to - Math.log2(mask);
    c.local_get(flags).i64_const32(mask).i64_and();
    if (distance > 0) c.i64_const32(distance).i64_shl();
    else c.i64_const32(-distance).i64_shr_u();
  };
  take(Status.ZF, 0);
  c.i64_const32(1).i64_xor();
  take(Status.CF, 63);
  take(Status.CF, 62);
  c.i64_or();
  take(Status.OF, 62);
  c.i64_xor();
  take(Status.SF, 61);
  c.i64_or();
  take(Status.AF, 3);
  c.i64_or();
  // 0 has PF, 1 has not.
  take(Status.PF, 8);
  take(Status.ZF, 8);
  c.i64_xor().i64_or();
}

/** Masks of RFLAGS of the conditions that hold if one of some bits is set. */
const ANY: Readonly<Record<number, number>> = {
  [Condition.O]: Status.OF,
  [Condition.B]: Status.CF,
  [Condition.Z]: Status.ZF,
  [Condition.BE]: Status.CF | Status.ZF,
  [Condition.S]: Status.SF,
  [Condition.P]: Status.PF,
  [Condition.A]: Status.AF,
};

/** RFLAGS in a local. */
function packed(c: Code, flags: number, code: number): void {
  const mask = ANY[code];
  c.local_get(flags).i32_wrap_i64();
  if (mask !== undefined) {
    c.i32_const(mask).i32_and().i32_const(0).i32_ne();
    return;
  }
  // SF and OF differ.
  c.local_get(flags).i32_wrap_i64().i32_const(4).i32_shr_u().i32_xor();
  c.i32_const(7).i32_shr_u().i32_const(1).i32_and();
  if (code === Condition.LE) {
    c.local_get(flags).i32_wrap_i64().i32_const(6).i32_shr_u().i32_const(1).i32_and().i32_or();
  }
}

/** [] -> [i32] the status flags where RFLAGS has them; the other bits are clear. */
export function pushStatus(b: Builder): void {
  b.condition(Condition.B);
  for (
    const [code, at] of [
      [Condition.P, 2],
      [Condition.A, 4],
      [Condition.Z, 6],
      [Condition.S, 7],
      [Condition.O, 11],
    ]
  ) {
    b.condition(code);
    b.i32_const(at).i32_shl().i32_or();
  }
}

const RESULT_WORD = result.address >>> 2;
const CARRIES_WORD = carries.address >>> 2;

/** The status flags where RFLAGS has them, from the state of a vCPU between instructions. */
export function readStatus({ u32 }: StateView): number {
  const [low, high] = [u32[RESULT_WORD], u32[RESULT_WORD + 1]];
  const [lowCarries, highCarries] = [u32[CARRIES_WORD], u32[CARRIES_WORD + 1]];
  return (highCarries >>> 31) * Status.CF | parityOf(low ^ (lowCarries >>> 8)) |
    (lowCarries & Carries.lowAdjust) << 1 | (low === 0 && high === 0 ? Status.ZF : 0) |
    ((high ^ (highCarries << 2)) >>> 31) * Status.SF |
    ((highCarries ^ (highCarries << 1)) >>> 31) * Status.OF;
}

/** PF of the low byte of a value. */
function parityOf(value: number): number {
  const folded = (value ^ (value >>> 4)) & 15;
  return ((0x9669 >> folded) & 1) * Status.PF;
}

/** Writes the status flags from where RFLAGS has them; other bits are ignored. */
export function writeStatus({ u32 }: StateView, flags: number): void {
  const carry = (flags & Status.CF) !== 0;
  const overflow = (flags & Status.OF) !== 0;
  const zero = (flags & Status.ZF) !== 0;
  const even = (flags & Status.PF) !== 0;
  u32[RESULT_WORD] = zero ? 0 : 1;
  u32[RESULT_WORD + 1] = 0;
  u32[CARRIES_WORD] = ((flags & Status.AF) >> 1) | (even === zero ? 0 : Carries.lowParity);
  u32[CARRIES_WORD + 1] = (carry ? Carries.out : 0) | (carry === overflow ? 0 : Carries.into) |
    ((flags & Status.SF) !== 0 ? Carries.sign : 0);
}

/** Status flags of the difference a - b of `size` bytes, both unsigned: for what the host compares. */
export function differenceStatus(size: number, a: bigint, b: bigint): number {
  const bits = 8 * size;
  const result = BigInt.asUintN(bits, a - b);
  const sign = (value: bigint): number => Number(value >> BigInt(bits - 1)) & 1;
  const overflow = sign((a ^ b) & (a ^ result));
  return (a < b ? Status.CF : 0) | parityOf(Number(result & 0xffn)) |
    Number((a ^ b ^ result) & 0x10n) | (result === 0n ? Status.ZF : 0) |
    (sign(result) * Status.SF) | (overflow * Status.OF);
}
