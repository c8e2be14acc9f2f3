/**
 * Whether the host's result, rounded to nearest, is inexact. Each test is [] -> [i32] on locals: the
 * operands `a` and `b`, the result `r`.
 */
import type { Code } from "../../wasm/code.ts";
import type { ValType } from "../../wasm/types.ts";
import {
  exponent,
  ordinary,
  significantZeros,
  typeOf,
  widened,
  type Width,
  zeroF,
} from "./number_code.ts";

/** 2Sum gives the rounding error of every finite sum, subnormal ones included. */
export function sumInexact(
  c: Code,
  width: Width,
  a: number,
  b: number,
  r: number,
  scratch: (type: ValType) => number,
): void {
  const t = scratch(typeOf(width));
  const add = `f${width}_add` as const;
  const sub = `f${width}_sub` as const;
  // t: the part of b in the sum; error = (a - (r - t)) + (b - t)
  c.local_get(r).local_get(a)[sub]().local_set(t);
  c.local_get(a).local_get(r).local_get(t)[sub]()[sub]();
  c.local_get(b).local_get(t)[sub]()[add]();
  zeroF(c, width);
  c[`f${width}_ne`]();
}

/** [] -> [i32] whether the tests below may be asked: no value is close to the edges of the format. */
export function testable(c: Code, width: Width, result: number, operands: readonly number[]): void {
  ordinary(c, width, result);
  if (width === 32) return;
  for (const operand of operands) {
    ordinary(c, 64, operand);
    c.i32_and();
  }
}

/**
 * In single precision the product is exact as a double. In double precision it is exact if the
 * significands have enough trailing zeros: their product has 105 bits, or 106 if the exponents say
 * so.
 */
export function productInexact(c: Code, width: Width, a: number, b: number, r: number): void {
  if (width === 32) {
    widened(c, a);
    widened(c, b);
    c.f64_mul();
    widened(c, r);
    c.f64_ne();
    return;
  }
  significantZeros(c, a);
  significantZeros(c, b);
  c.i64_add().i64_const32(52 + 1023);
  exponent(c, r);
  c.i64_add();
  exponent(c, a);
  c.i64_sub();
  exponent(c, b);
  c.i64_sub().i64_lt_s();
}

/** a / b is exact if the quotient times b is exact and gives a. */
export function quotientInexact(c: Code, width: Width, a: number, b: number, r: number): void {
  if (width === 32) {
    widened(c, r);
    widened(c, b);
    c.f64_mul();
    widened(c, a);
    c.f64_ne();
    return;
  }
  c.local_get(r).local_get(b).f64_mul().local_get(a).f64_ne();
  productInexact(c, 64, r, b, a);
  c.i32_or();
}

/** The root is exact if its square is exact and gives the operand. */
export function rootInexact(c: Code, width: Width, a: number, r: number): void {
  quotientInexact(c, width, a, r, r);
}
