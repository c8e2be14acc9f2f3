/** Conversions between x87 registers and memory in WebAssembly, as x87_fast_code.ts has it. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { field } from "./layout.ts";
import {
  BIAS,
  clearC1,
  isNormal,
  isZero,
  operand,
  OTHER_HEAD,
  roundsUp,
  setInexact,
  SIGN,
  unusualControl,
} from "./x87_fast_code.ts";

const DOUBLE_BIAS = 1023;
const SINGLE_BIAS = 127;
/** What conversions to memory answer where the host is to do it: signaling NaNs, the lowest integer. */
export const REFUSED_DOUBLE: readonly [low: number, high: number] = [1, 0x7ff00000];
export const REFUSED_SINGLE = 0x7f800001;
export const REFUSED_INTEGER: readonly [low: number, high: number] = [0, 0x80000000 | 0];

/** (bits) -> significand of a double; 0 for what is not normal. */
const doubleSignificand = wasmHelper("x87.double.significand", ["i64"], "i64", (c) => {
  c.local_get(0).i64_const32(11).i64_shl().i64_const_parts(0, 0x80000000 | 0).i64_or();
  c.i64_const32(0).local_get(0).i64_const32(52).i64_shr_u().i32_wrap_i64();
  c.i32_const(0x7ff).i32_and().i32_const(1).i32_sub().i32_const(0x7fe).i32_lt_u().select();
});

/** (bits) -> head of a double. */
const doubleHead = wasmHelper("x87.double.head", ["i64"], "i32", (c) => {
  const [exponent, sign] = [c.local("i32"), c.local("i32")];
  c.local_get(0).i64_const32(52).i64_shr_u().i32_wrap_i64().local_tee(exponent);
  c.i32_const(4).i32_shl().i32_const(SIGN).i32_and().local_set(sign);
  c.local_get(exponent).i32_const(0x7ff).i32_and().local_tee(exponent).if_();
  c.local_get(exponent).i32_const(0x7ff).i32_eq().if_().i32_const(OTHER_HEAD).return_().end();
  c.local_get(exponent).i32_const(BIAS - DOUBLE_BIAS).i32_add().local_get(sign).i32_or();
  c.return_().end();
  c.local_get(sign).i32_const(OTHER_HEAD).local_get(0).i64_const32(1).i64_shl().i64_eqz().select();
});

/** (bits) -> significand of a single; 0 for what is not normal. */
const singleSignificand = wasmHelper("x87.single.significand", ["i32"], "i64", (c) => {
  c.local_get(0).i64_extend_i32_u().i64_const32(40).i64_shl();
  c.i64_const_parts(0, 0x80000000 | 0).i64_or();
  c.i64_const32(0).local_get(0).i32_const(23).i32_shr_u();
  c.i32_const(0xff).i32_and().i32_const(1).i32_sub().i32_const(0xfe).i32_lt_u().select();
});

/** (bits) -> head of a single. */
const singleHead = wasmHelper("x87.single.head", ["i32"], "i32", (c) => {
  const [exponent, sign] = [c.local("i32"), c.local("i32")];
  c.local_get(0).i32_const(16).i32_shr_u().i32_const(SIGN).i32_and().local_set(sign);
  c.local_get(0).i32_const(23).i32_shr_u().i32_const(0xff).i32_and().local_tee(exponent).if_();
  c.local_get(exponent).i32_const(0xff).i32_eq().if_().i32_const(OTHER_HEAD).return_().end();
  c.local_get(exponent).i32_const(BIAS - SINGLE_BIAS).i32_add().local_get(sign).i32_or();
  c.return_().end();
  c.local_get(sign).i32_const(OTHER_HEAD).local_get(0).i32_const(1).i32_shl().i32_eqz().select();
});

/** (integer) -> its significand. */
const integerSignificand = wasmHelper("x87.integer.significand", ["i64"], "i64", (c) => {
  const magnitude = c.local("i64");
  c.i64_const32(0).local_get(0).i64_sub().local_get(0);
  c.local_get(0).i64_const32(0).i64_lt_s().select().local_tee(magnitude);
  c.local_get(magnitude).i64_clz().i64_shl();
});

/** (integer) -> its head. */
const integerHead = wasmHelper("x87.integer.head", ["i64"], "i32", (c) => {
  c.local_get(0).i64_eqz().if_().i32_const(0).return_().end();
  c.i32_const(BIAS + 63);
  c.i64_const32(0).local_get(0).i64_sub().local_get(0);
  c.local_get(0).i64_const32(0).i64_lt_s().select().i64_clz().i32_wrap_i64().i32_sub();
  c.local_get(0).i64_const32(63).i64_shr_u().i32_wrap_i64().i32_const(15).i32_shl().i32_or();
});

/** [] -> [] leaves with what says that the host is to do it, if a condition holds: [i32] -> []. */
type Refuse = (c: HelperCode) => void;

/** Writes a conversion of (significand, head) to a format of `fraction` bits. */
function toFloat(c: HelperCode, fraction: number, bias: number, refuse: Refuse): void {
  const x = operand(c, 0, 1);
  const [cut, rest] = [c.local("i64"), c.local("i64")];
  const [exponent, up] = [c.local("i32"), c.local("i32")];
  const width = fraction === 52 ? 64 : 32;
  const dropped = 63 - fraction;
  /** [] -> [i64] the sign in its place. */
  const sign = (): void => {
    c.local_get(x.head).i32_const(SIGN).i32_and().i64_extend_i32_u();
    c.i64_const32(width - 16).i64_shl();
  };
  const result = (): void => {
    if (width === 32) c.i32_wrap_i64();
  };
  isZero(c, x);
  c.if_();
  clearC1(c);
  sign();
  result();
  c.return_().end();
  isNormal(c, x);
  c.i32_eqz();
  unusualControl(c);
  c.i32_or();
  refuse(c);
  c.local_get(x.significand).i64_const32(dropped).i64_shr_u().local_set(cut);
  c.local_get(x.significand).i64_const32(64 - dropped).i64_shl().local_set(rest);
  roundsUp(c, cut, rest);
  c.local_tee(up).i64_extend_i32_u().local_get(cut).i64_add().local_set(cut);
  c.local_get(x.exponent).i32_const(BIAS - bias).i32_sub().local_set(exponent);
  // A carry out of the significand makes it zero and the exponent one more, as it should be.
  c.local_get(exponent).i32_const(1).i32_lt_s();
  c.local_get(exponent).local_get(cut).i64_const32(fraction + 1).i64_shr_u().i32_wrap_i64();
  c.i32_add().i32_const(2 * bias).i32_gt_s().i32_or();
  refuse(c);
  setInexact(c, rest, up);
  sign();
  c.local_get(exponent).i32_const(1).i32_sub().i64_extend_i32_u();
  c.i64_const32(fraction).i64_shl().local_get(cut).i64_add().i64_or();
  result();
}

/** (significand, head) -> bits of a double. */
const toDouble = wasmHelper(
  "x87.to.double",
  ["i64", "i32"],
  "i64",
  (c) =>
    toFloat(c, 52, DOUBLE_BIAS, () => {
      c.if_().i64_const_parts(...REFUSED_DOUBLE).return_().end();
    }),
);

/** (significand, head) -> bits of a single. */
const toSingle = wasmHelper(
  "x87.to.single",
  ["i64", "i32"],
  "i32",
  (c) =>
    toFloat(c, 23, SINGLE_BIAS, () => {
      c.if_().i32_const(REFUSED_SINGLE).return_().end();
    }),
);

/** FCW.RC: to zero. */
const RC = 0xc00;
const PM = 0x20;

/** (significand, head, bits, truncate) -> integer of so many bits. */
const toInteger = wasmHelper("x87.to.integer", ["i64", "i32", "i32", "i32"], "i64", (c) => {
  const x = operand(c, 0, 1);
  const [bits, truncate] = [2, 3];
  const [integer, rest] = [c.local("i64"), c.local("i64")];
  const [shift, up] = [c.local("i32"), c.local("i32")];
  const fcw = field("fcw");
  const refuse = (): void => {
    c.if_().i64_const_parts(...REFUSED_INTEGER).return_().end();
  };
  isZero(c, x);
  c.if_();
  clearC1(c);
  c.i64_const32(0).return_().end();
  isNormal(c, x);
  c.i32_eqz().getState(fcw);
  c.i32_const(PM).i32_and().i32_eqz().i32_or();
  refuse();
  c.getState(fcw);
  c.i32_const(RC).i32_and().i32_const(RC).i32_eq().local_get(truncate).i32_or();
  c.local_tee(truncate).i32_eqz().getState(fcw);
  c.i32_const(RC).i32_and().i32_const(0).i32_ne().i32_and();
  refuse();
  // How far the significand is to be shifted for its unit to be 1.
  c.i32_const(BIAS + 63).local_get(x.exponent).i32_sub().local_tee(shift).i32_const(1).i32_lt_s();
  refuse();
  c.local_get(shift).i32_const(64).i32_lt_s().if_();
  c.local_get(x.significand).local_get(shift).i64_extend_i32_u().i64_shr_u().local_set(integer);
  c.local_get(x.significand).i32_const(64).local_get(shift).i32_sub().i64_extend_i32_u();
  c.i64_shl().local_set(rest).else_();
  c.local_get(x.significand).i64_const32(1).local_get(shift).i32_const(64).i32_eq().select();
  c.local_set(rest).end();
  roundsUp(c, integer, rest);
  c.local_get(truncate).i32_eqz().i32_and().local_tee(up).i64_extend_i32_u();
  c.local_get(integer).i64_add().local_set(integer);
  // What needs the sign's bit is refused, although the lowest number would fit.
  c.local_get(integer).local_get(bits).i32_const(1).i32_sub().i64_extend_i32_u().i64_shr_u();
  c.i64_const32(0).i64_ne();
  refuse();
  setInexact(c, rest, up);
  c.i64_const32(0).local_get(integer).i64_sub().local_get(integer);
  c.local_get(x.head).i32_const(SIGN).i32_and().select();
});

/** The helpers of this file. */
export const x87FastConversionHelpers: readonly Helper[] = [
  doubleSignificand,
  doubleHead,
  singleSignificand,
  singleHead,
  integerSignificand,
  integerHead,
  toDouble,
  toSingle,
  toInteger,
];
