/**
 * x87 instructions in WebAssembly for what is most frequent: numbers that are normal or zero, 64 bits of
 * precision, rounding to nearest, inexact masked, no stack fault. Helpers answer 0, before anything
 * has changed, where that does not hold: the host then executes the instruction (x87_instructions.ts).
 *
 * A number is a significand (i64) and a head (i32): sign in bit 15, biased exponent below.
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { Code } from "../../wasm/code.ts";
import { multiplyHighCode } from "../multiply_high.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { field } from "./layout.ts";
import { C1 } from "./x87_float.ts";

/** Address of the first register. */
export const REGISTERS: number = field("x87").address;
const FCW = field("fcw");
const FSW = field("fsw");
const FTW = field("ftw");

export const SIGN = 0x8000;
export const EXPONENT = 0x7fff;
export const BIAS = 16383;
const TOP_SHIFT = 11;
/** FCW: precision and rounding control, PM; and how they must be. */
const CONTROL_BITS = 0xf20;
const CONTROL_VALUE = 0x320;
/** Head of what is neither normal nor zero; its significand is 0. */
export const OTHER_HEAD: number = EXPONENT;

/** [] -> [] leaves the helper with 0 if a condition on the stack holds: [i32] -> []. */
export function refuseIf(c: Code): void {
  c.if_().i32_const(0).return_().end();
}

/** [] -> [i32] whether the control word is another than the usual one. */
export function unusualControl(c: HelperCode): void {
  c.getState(FCW);
  c.i32_const(CONTROL_BITS).i32_and().i32_const(CONTROL_VALUE).i32_ne();
}

/** [] -> [i32] offset of ST(i), i in a local, from the first register. */
function offsetOf(c: HelperCode, i: number): void {
  c.getState(FSW);
  c.i32_const(TOP_SHIFT).i32_shr_u().local_get(i).i32_add().i32_const(7).i32_and();
  c.i32_const(4).i32_shl();
}

/** [] -> [i32] the tag bit of the register at an offset in a local. */
function tagBit(c: Code, offset: number): void {
  c.i32_const(1).local_get(offset).i32_const(4).i32_shr_u().i32_shl();
}

/** [i64 significand, i32 head] -> [] of the register at an offset in a local. */
function storeNumber(c: HelperCode, offset: number): void {
  const [significand, head] = [c.local("i64"), c.local("i32")];
  c.local_set(head).local_set(significand);
  c.local_get(offset).local_get(significand).i64_store(REGISTERS);
  c.local_get(offset).local_get(head).i64_extend_i32_u().i64_store(REGISTERS + 8);
}

/** [] -> [] C1 is cleared. */
export function clearC1(c: HelperCode): void {
  c.getState(FSW);
  c.i32_const(~C1).i32_and();
  c.setState(FSW);
}

/** A number in locals, and its exponent. */
export interface NumberLocals {
  readonly significand: number;
  readonly head: number;
  readonly exponent: number;
}

/** Takes the exponent of a number in two parameters. */
export function operand(c: HelperCode, significand: number, head: number): NumberLocals {
  const exponent = c.local("i32");
  c.local_get(head).i32_const(EXPONENT).i32_and().local_set(exponent);
  return { significand, head, exponent };
}

/** [] -> [i32] */
export function isNormal(c: Code, { significand, exponent }: NumberLocals): void {
  c.local_get(significand).i64_const32(0).i64_lt_s();
  c.local_get(exponent).i32_const(1).i32_sub().i32_const(EXPONENT - 1).i32_lt_u().i32_and();
}

/** [] -> [i32] */
export function isZero(c: Code, { significand, exponent }: NumberLocals): void {
  c.local_get(significand).i64_eqz().local_get(exponent).i32_eqz().i32_and();
}

/** [] -> [] leaves with 0 unless a number is normal or zero. */
function refuseOthers(c: Code, x: NumberLocals): void {
  isNormal(c, x);
  isZero(c, x);
  c.i32_or().i32_eqz();
  refuseIf(c);
}

/** [] -> [] stores a number, exactly, and leaves with 1. */
function done(c: HelperCode, { significand, head }: NumberLocals, destination: number): void {
  c.local_get(significand).local_get(head);
  storeNumber(c, destination);
  clearC1(c);
  c.i32_const(1).return_();
}

/** [] -> [i32] whether hi:lo is to be rounded up to nearest even. */
export function roundsUp(c: Code, hi: number, lo: number): void {
  c.local_get(lo).i64_const32(0).i64_lt_s();
  c.local_get(lo).i64_const32(1).i64_shl().i64_const32(0).i64_ne();
  c.local_get(hi).i32_wrap_i64().i32_const(1).i32_and().i32_or().i32_and();
}

/** [] -> [] raises inexact if a local (i64) is not zero; C1 becomes a local. */
export function setInexact(c: HelperCode, rest: number, up: number): void {
  c.getState(FSW);
  c.i32_const(~C1).i32_and();
  c.local_get(rest).i64_const32(0).i64_ne().i32_const(5).i32_shl().i32_or();
  c.local_get(up).i32_const(9).i32_shl().i32_or();
  c.setState(FSW);
}

/** (hi, lo, exponent, sign, destination) -> 1: rounds 128 bits, of which the first is set. */
const roundHelper = wasmHelper("x87.round", ["i64", "i64", "i32", "i32", "i32"], "i32", (c) => {
  const [hi, lo, exponent, sign, destination] = [0, 1, 2, 3, 4];
  const up = c.local("i32");
  roundsUp(c, hi, lo);
  c.local_tee(up).i64_extend_i32_u().local_get(hi).i64_add().local_tee(hi).i64_eqz().if_();
  c.i64_const_parts(0, 0x80000000 | 0).local_set(hi);
  c.local_get(exponent).i32_const(1).i32_add().local_set(exponent).end();
  c.local_get(exponent).i32_const(1).i32_sub().i32_const(EXPONENT - 1).i32_ge_u();
  refuseIf(c);
  setInexact(c, lo, up);
  c.local_get(hi).local_get(exponent).local_get(sign).i32_or();
  storeNumber(c, destination);
  c.i32_const(1);
});

const BINARY = ["i64", "i32", "i64", "i32", "i32"] as const;

/** (x, y, destination) -> 1: x + y */
const add = wasmHelper("x87.add", BINARY, "i32", (c) => {
  const destination = 4;
  const [x, y] = [operand(c, 0, 1), operand(c, 2, 3)];
  const [hi, lo, high, low] = [0, 1, 2, 3].map(() => c.local("i64"));
  const distance = c.local("i32");
  unusualControl(c);
  refuseIf(c);
  refuseOthers(c, x);
  refuseOthers(c, y);
  // x + 0; the sign of 0 + 0 is the host's.
  isZero(c, y);
  c.if_();
  isZero(c, x);
  refuseIf(c);
  done(c, x, destination);
  c.end();
  isZero(c, x);
  c.if_();
  done(c, y, destination);
  c.end();
  // The larger is x.
  c.local_get(x.exponent).local_get(y.exponent).i32_lt_u();
  c.local_get(x.exponent).local_get(y.exponent).i32_eq();
  c.local_get(x.significand).local_get(y.significand).i64_lt_u().i32_and().i32_or().if_();
  c.local_get(x.significand).local_get(y.significand).local_set(x.significand);
  c.local_set(y.significand);
  c.local_get(x.head).local_get(y.head).local_set(x.head).local_set(y.head);
  c.local_get(x.exponent).local_get(y.exponent).local_set(x.exponent).local_set(y.exponent).end();
  // high:low = y moved to the exponent of x; what is lost is one bit.
  const shift = (): void => {
    c.local_get(distance).i64_extend_i32_u();
  };
  const unshift = (): void => {
    c.i32_const(64).local_get(distance).i32_sub().i64_extend_i32_u();
  };
  c.local_get(x.exponent).local_get(y.exponent).i32_sub().local_tee(distance);
  c.i32_const(128).i32_ge_u().if_().i64_const32(1).local_set(low).else_();
  c.local_get(distance).i32_const(64).i32_ge_u().if_();
  c.local_get(y.significand);
  shift();
  c.i64_shr_u().local_get(y.significand);
  unshift();
  c.i64_shl().i64_const32(0).i64_ne();
  c.local_get(distance).i32_const(64).i32_ne().i32_and().i64_extend_i32_u().i64_or().local_set(low);
  c.else_().local_get(y.significand);
  shift();
  c.i64_shr_u().local_set(high);
  c.local_get(distance).if_().local_get(y.significand);
  unshift();
  c.i64_shl().local_set(low).end();
  c.end().end();
  c.local_get(x.head).local_get(y.head).i32_xor().i32_const(SIGN).i32_and().i32_eqz().if_();
  // Sum: a carry moves it by one bit.
  c.local_get(low).local_set(lo).local_get(x.significand).local_get(high).i64_add().local_tee(hi);
  c.local_get(x.significand).i64_lt_u().if_();
  c.local_get(lo).i64_const32(1).i64_shr_u().local_get(lo).i64_const32(1).i64_and().i64_or();
  c.local_get(hi).i64_const32(63).i64_shl().i64_or().local_set(lo);
  c.local_get(hi).i64_const32(1).i64_shr_u().i64_const_parts(0, 0x80000000 | 0).i64_or();
  c.local_set(hi).local_get(x.exponent).i32_const(1).i32_add().local_set(x.exponent).end();
  c.else_();
  // Difference: leading zeros are taken away.
  c.i64_const32(0).local_get(low).i64_sub().local_set(lo);
  c.local_get(x.significand).local_get(high).i64_sub();
  c.local_get(low).i64_const32(0).i64_ne().i64_extend_i32_u().i64_sub().local_tee(hi);
  c.i64_eqz().if_();
  c.local_get(lo).i64_eqz().if_();
  c.i64_const32(0).i32_const(0);
  storeNumber(c, destination);
  clearC1(c);
  c.i32_const(1).return_().end();
  c.local_get(lo).local_set(hi).i64_const32(0).local_set(lo);
  c.local_get(x.exponent).i32_const(64).i32_sub().local_set(x.exponent).end();
  c.local_get(hi).i64_clz().i32_wrap_i64().local_tee(distance).if_();
  c.local_get(hi);
  shift();
  c.i64_shl().local_get(lo);
  unshift();
  c.i64_shr_u().i64_or().local_set(hi).local_get(lo);
  shift();
  c.i64_shl().local_set(lo);
  c.local_get(x.exponent).local_get(distance).i32_sub().local_set(x.exponent).end();
  c.end();
  c.local_get(hi).local_get(lo).local_get(x.exponent).local_get(x.head).i32_const(SIGN).i32_and();
  c.local_get(destination);
  c.callHelper("x87.round");
});

/** [] -> [i32] the sign of a product or quotient. */
function productSign(c: Code, x: NumberLocals, y: NumberLocals): void {
  c.local_get(x.head).local_get(y.head).i32_xor().i32_const(SIGN).i32_and();
}

/** (x, y, destination) -> 1: x * y */
const multiply = wasmHelper("x87.mul", BINARY, "i32", (c) => {
  const destination = 4;
  const [x, y] = [operand(c, 0, 1), operand(c, 2, 3)];
  const [hi, lo] = [c.local("i64"), c.local("i64")];
  const exponent = c.local("i32");
  unusualControl(c);
  refuseIf(c);
  refuseOthers(c, x);
  refuseOthers(c, y);
  isZero(c, x);
  isZero(c, y);
  c.i32_or().if_().i64_const32(0);
  productSign(c, x, y);
  storeNumber(c, destination);
  clearC1(c);
  c.i32_const(1).return_().end();
  multiplyHighCode(c, () => c.local("i64"), x.significand, y.significand, false);
  c.local_set(hi).local_get(x.significand).local_get(y.significand).i64_mul().local_set(lo);
  c.local_get(x.exponent).local_get(y.exponent).i32_add().i32_const(BIAS - 1).i32_sub();
  c.local_set(exponent);
  c.local_get(hi).i64_const32(0).i64_ge_s().if_();
  c.local_get(hi).i64_const32(1).i64_shl().local_get(lo).i64_const32(63).i64_shr_u().i64_or();
  c.local_set(hi).local_get(lo).i64_const32(1).i64_shl().local_set(lo);
  c.local_get(exponent).i32_const(1).i32_sub().local_set(exponent).end();
  c.local_get(hi).local_get(lo).local_get(exponent);
  productSign(c, x, y);
  c.local_get(destination);
  c.callHelper("x87.round");
});

/** (x, y, destination) -> 1: x / y, bit by bit */
const divide = wasmHelper("x87.div", BINARY, "i32", (c) => {
  const destination = 4;
  const [x, y] = [operand(c, 0, 1), operand(c, 2, 3)];
  const [quotient, rest, twice] = [0, 1, 2].map(() => c.local("i64"));
  const exponent = c.local("i32");
  unusualControl(c);
  refuseIf(c);
  isNormal(c, x);
  isNormal(c, y);
  c.i32_and().i32_eqz();
  refuseIf(c);
  c.local_get(x.exponent).local_get(y.exponent).i32_sub().i32_const(BIAS).i32_add();
  c.local_set(exponent).local_get(x.significand).local_set(rest);
  c.local_get(rest).local_get(y.significand).i64_ge_u().if_();
  c.local_get(rest).local_get(y.significand).i64_sub().local_set(rest);
  c.i64_const32(1).local_set(quotient).else_();
  c.local_get(exponent).i32_const(1).i32_sub().local_set(exponent).end();
  /** [] -> [i32] whether twice the rest is not less than the divisor. */
  const doubled = (): void => {
    c.local_get(rest).i64_const32(1).i64_shl().local_set(twice);
    c.local_get(rest).i64_const32(0).i64_lt_s();
    c.local_get(twice).local_get(y.significand).i64_ge_u().i32_or();
  };
  c.loop();
  doubled();
  c.if_().local_get(twice).local_get(y.significand).i64_sub().local_set(rest);
  c.local_get(quotient).i64_const32(1).i64_shl().i64_const32(1).i64_or().local_set(quotient);
  c.else_().local_get(twice).local_set(rest);
  c.local_get(quotient).i64_const32(1).i64_shl().local_set(quotient).end();
  c.local_get(quotient).i64_const32(0).i64_ge_s().br_if(0).end();
  // What is left, as a fraction of 64 bits: its half, and whether there is more.
  const fraction = c.local("i64");
  doubled();
  c.i64_extend_i32_u().i64_const32(63).i64_shl();
  c.local_get(rest).i64_const32(0).i64_ne();
  c.local_get(twice).local_get(y.significand).i64_ne().i32_and().i64_extend_i32_u().i64_or();
  c.local_set(fraction);
  c.local_get(quotient).local_get(fraction).local_get(exponent);
  productSign(c, x, y);
  c.local_get(destination);
  c.callHelper("x87.round");
});

/** (x, y) -> their order as CF and ZF in their places in RFLAGS; -1 if it is the host's to say. */
const compare = wasmHelper("x87.compare", ["i64", "i32", "i64", "i32"], "i32", (c) => {
  const [x, y] = [operand(c, 0, 1), operand(c, 2, 3)];
  for (const number of [x, y]) {
    isNormal(c, number);
    isZero(c, number);
    c.i32_or().i32_eqz().if_().i32_const(-1).return_().end();
  }
  c.local_get(x.significand).local_get(y.significand).i64_or().i64_eqz();
  c.if_().i32_const(0x40).return_().end();
  const negative = c.local("i32");
  c.local_get(x.head).i32_const(15).i32_shr_u().local_set(negative);
  c.local_get(x.head).local_get(y.head).i32_xor().i32_const(SIGN).i32_and();
  c.if_().local_get(negative).return_().end();
  c.local_get(x.exponent).local_get(y.exponent).i32_eq();
  c.local_get(x.significand).local_get(y.significand).i64_eq().i32_and();
  c.if_().i32_const(0x40).return_().end();
  c.local_get(x.exponent).local_get(y.exponent).i32_lt_u();
  c.local_get(x.exponent).local_get(y.exponent).i32_eq();
  c.local_get(x.significand).local_get(y.significand).i64_lt_u().i32_and().i32_or();
  c.local_get(negative).i32_xor();
});

/** (i) -> offset of ST(i), or -1 if it is empty. */
const at = wasmHelper("x87.at", ["i32"], "i32", (c) => {
  const offset = c.local("i32");
  offsetOf(c, 0);
  c.local_tee(offset).i32_const(-1).getState(FTW);
  tagBit(c, offset);
  c.i32_and().select();
});

/** (significand, head) -> 1: pushes a number, unless it is marked by `OTHER_HEAD`. */
const push = wasmHelper("x87.push", ["i64", "i32"], "i32", (c) => {
  const [last, offset] = [c.local("i32"), c.local("i32")];
  c.i32_const(7).local_set(last);
  offsetOf(c, last);
  c.local_set(offset).getState(FTW);
  tagBit(c, offset);
  c.i32_and().local_get(1).i32_const(EXPONENT).i32_and().i32_const(OTHER_HEAD).i32_eq();
  c.local_get(0).i64_eqz().i32_and().i32_or();
  refuseIf(c);
  c.local_get(0).local_get(1);
  storeNumber(c, offset);
  c.getState(FTW);
  tagBit(c, offset);
  c.i32_or();
  c.setState(FTW);
  c.getState(FSW);
  c.i32_const(~(C1 | (7 << TOP_SHIFT))).i32_and();
  c.local_get(offset).i32_const(TOP_SHIFT - 4).i32_shl().i32_or();
  c.setState(FSW);
  c.i32_const(1);
});

/** () -> () ST(0) is empty, TOP is one more. */
const pop = wasmHelper("x87.pop", [], undefined, (c) => {
  const offset = c.local("i32");
  const first = c.local("i32");
  offsetOf(c, first);
  c.local_set(offset).getState(FTW);
  tagBit(c, offset);
  c.i32_const(-1).i32_xor().i32_and();
  c.setState(FTW);
  c.getState(FSW);
  c.i32_const(~(7 << TOP_SHIFT)).i32_and();
  c.local_get(offset).i32_const(16).i32_add().i32_const(TOP_SHIFT - 4).i32_shl();
  c.i32_const(7 << TOP_SHIFT).i32_and().i32_or();
  c.setState(FSW);
});

/** The helpers of this file. */
export const x87FastHelpers: readonly Helper[] = [
  roundHelper,
  add,
  multiply,
  divide,
  compare,
  at,
  push,
  pop,
];
