/** Addition, multiplication, division, square root, minimum and maximum, comparison, estimates. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { typeOf, type Width } from "./fp_emit.ts";
import { FPCR } from "./fp_fast.ts";
import {
  callSoft,
  finite,
  fpcrClear,
  fromBits,
  isNumber,
  isZero,
  native,
  ordinary,
  raiseInexactIf,
  significantZeros,
  wasmHelper,
  widened,
  zeroF,
} from "./fp_helper_code.ts";
import { codeOf, SoftOp } from "./softfloat_ops.ts";

/** Ends a helper: everything the native path did not take. */
function soft(c: HelperCode, op: SoftOp, width: Width, operands: readonly number[]): void {
  callSoft(c, codeOf(op, width), width, operands);
  fromBits(c, width);
}

/** [] -> [i64] biased exponent of a double without its sign. */
function exponent(c: HelperCode, local: number): void {
  c.local_get(local).i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const32(53).i64_shr_u();
}

/** a + b: 2Sum gives the rounding error of every finite sum, subnormal ones included. */
function addition(width: Width, op: "add" | "sub"): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    const y = c.local(f);
    const t = c.local(f);
    const add = `f${width}_add` as const;
    const sub = `f${width}_sub` as const;
    c.local_get(1);
    if (op === "sub") c[`f${width}_neg`]();
    c.local_set(y);
    c.local_get(0).local_get(y)[add]().local_set(r);
    finite(c, width, r);
    native(c, width, 0, 1, r);
    c.i32_and().if_();
    // t: the part of b in the sum; error = (a - (r - t)) + (b - t)
    c.local_get(r).local_get(0)[sub]().local_set(t);
    c.local_get(0).local_get(r).local_get(t)[sub]()[sub]();
    c.local_get(y).local_get(t)[sub]()[add]();
    zeroF(c, width);
    c[`f${width}_ne`]();
    raiseInexactIf(c);
    c.local_get(r).return_();
    c.end();
    soft(c, SoftOp[op], width, [0, 1]);
  });
}

/**
 * a * b. In single precision the product is exact as a double. In double precision it is exact if
 * the significands have enough trailing zeros: their product has 105 bits, or 106 if the exponents
 * say so.
 */
function multiplication(width: Width, op: "mul" | "mulX"): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`f${width}_mul`]().local_set(r);
    native(c, width, 0, 1, r);
    c.if_();
    {
      ordinary(c, width, r);
      if (width === 64) {
        ordinary(c, 64, 0);
        ordinary(c, 64, 1);
        c.i32_and().i32_and();
      }
      c.if_();
      if (width === 64) {
        significantZeros(c, 0);
        significantZeros(c, 1);
        c.i64_add().i64_const32(52 + 1023);
        exponent(c, r);
        c.i64_add();
        exponent(c, 0);
        c.i64_sub();
        exponent(c, 1);
        c.i64_sub().i64_lt_s();
      } else {
        widened(c, 0);
        widened(c, 1);
        c.f64_mul();
        widened(c, r);
        c.f64_ne();
      }
      raiseInexactIf(c);
      c.local_get(r).return_();
      c.end();
      // Zero times a number: NaN results (infinity) are no zeros.
      isZero(c, width, 0);
      isZero(c, width, 1);
      c.i32_or();
      isZero(c, width, r);
      c.i32_and().if_().local_get(r).return_().end();
    }
    c.end();
    soft(c, SoftOp[op], width, [0, 1]);
  });
}

/** a / b is exact if the quotient times b is exact and gives a. */
function division(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.div.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`f${width}_div`]().local_set(r);
    native(c, width, 0, 1, r);
    c.if_();
    {
      ordinary(c, width, r);
      if (width === 64) {
        ordinary(c, 64, 0);
        ordinary(c, 64, 1);
        c.i32_and().i32_and();
      }
      c.if_();
      if (width === 64) {
        c.local_get(r).local_get(1).f64_mul().local_get(0).f64_ne();
        significantZeros(c, r);
        significantZeros(c, 1);
        c.i64_add().i64_const32(52 + 1023);
        exponent(c, 0);
        c.i64_add();
        exponent(c, r);
        c.i64_sub();
        exponent(c, 1);
        c.i64_sub().i64_lt_s().i32_or();
      } else {
        widened(c, r);
        widened(c, 1);
        c.f64_mul();
        widened(c, 0);
        c.f64_ne();
      }
      raiseInexactIf(c);
      c.local_get(r).return_();
      c.end();
      // Zero divided by a number that is not zero (0 / 0 is a NaN).
      isZero(c, width, 0);
      isZero(c, width, r);
      c.i32_and().if_().local_get(r).return_().end();
    }
    c.end();
    soft(c, SoftOp.div, width, [0, 1]);
  });
}

/** The root is exact if its square is exact and gives the operand. */
function squareRoot(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.sqrt.${width}`, [f], f, (c) => {
    const r = c.local(f);
    c.local_get(0)[`f${width}_sqrt`]().local_set(r);
    native(c, width, 0, 0, r);
    c.if_();
    {
      ordinary(c, width, r);
      if (width === 64) {
        ordinary(c, 64, 0);
        c.i32_and();
      }
      c.if_();
      if (width === 64) {
        c.local_get(r).local_get(r).f64_mul().local_get(0).f64_ne();
        significantZeros(c, r);
        c.i64_const32(1).i64_shl().i64_const32(52 + 1023);
        exponent(c, 0);
        c.i64_add();
        exponent(c, r);
        c.i64_const32(1).i64_shl().i64_sub().i64_lt_s().i32_or();
      } else {
        widened(c, r);
        widened(c, r);
        c.f64_mul();
        widened(c, 0);
        c.f64_ne();
      }
      raiseInexactIf(c);
      c.local_get(r).return_();
      c.end();
      isZero(c, width, r);
      c.if_().local_get(r).return_().end();
    }
    c.end();
    soft(c, SoftOp.sqrt, width, [0]);
  });
}

const EXTREMA = [["min", "min"], ["max", "max"], ["minNumber", "min"], [
  "maxNumber",
  "max",
]] as const;

/** The host's minimum and maximum are the guest's unless an operand is a NaN or is flushed. */
function extremum(width: Width, op: typeof EXTREMA[number][0], host: "min" | "max"): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`f${width}_${host}`]().local_set(r);
    isNumber(c, width, r);
    fpcrClear(c, FPCR.FZ);
    c.i32_and().if_().local_get(r).return_().end();
    soft(c, SoftOp[op], width, [0, 1]);
  });
}

/** |a - b| */
function absoluteDifference(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.abd.${width}`, [f, f], f, (c) => {
    c.local_get(0).local_get(1);
    c.callHelper(`fp.sub.${width}`);
    c[`f${width}_abs`]();
  });
}

/** (a, b, signal all NaNs) -> -1, 0, 1, or NaN when unordered. */
function comparison(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.compare.${width}`, [f, f, "i32"], "f64", (c) => {
    const order = c.local("i32");
    isNumber(c, width, 0);
    isNumber(c, width, 1);
    c.i32_and();
    fpcrClear(c, FPCR.FZ);
    c.i32_and().if_();
    c.local_get(0).local_get(1)[`f${width}_gt`]();
    c.local_get(0).local_get(1)[`f${width}_lt`]();
    c.i32_sub().f64_convert_i32_s().return_();
    c.end();
    callSoft(c, codeOf(SoftOp.compare, width), width, [0, 1], () => {
      c.local_get(2).i64_extend_i32_u();
    });
    c.i32_wrap_i64().local_set(order);
    c.f64_const(NaN);
    c.local_get(order).f64_convert_i32_s();
    c.local_get(order).i32_const(2).i32_eq().select();
  });
}

const MASKS = [
  ["equal", "eq", false],
  ["greaterEqual", "ge", false],
  ["greater", "gt", false],
  ["absoluteGreaterEqual", "ge", true],
  ["absoluteGreater", "gt", true],
] as const;

/** A comparison as a mask: all ones if true. In the operands' width. */
function mask(
  width: Width,
  op: typeof MASKS[number][0],
  host: "eq" | "ge" | "gt",
  absolute: boolean,
): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    isNumber(c, width, 0);
    isNumber(c, width, 1);
    c.i32_and();
    fpcrClear(c, FPCR.FZ);
    c.i32_and().if_();
    c.i32_const(0);
    for (const local of [0, 1]) {
      c.local_get(local);
      if (absolute) c[`f${width}_abs`]();
    }
    c[`f${width}_${host}`]().i32_sub().i64_extend_i32_s();
    fromBits(c, width);
    c.return_().end();
    soft(c, SoftOp[op], width, [0, 1]);
  });
}

/** The helpers of this file, for both widths. */
export function arithmeticHelpers(): Helper[] {
  const helpers: Helper[] = [];
  for (const width of [32, 64] as const) {
    helpers.push(
      addition(width, "add"),
      addition(width, "sub"),
      multiplication(width, "mul"),
      multiplication(width, "mulX"),
      division(width),
      squareRoot(width),
      absoluteDifference(width),
      comparison(width),
      ...EXTREMA.map(([op, host]) => extremum(width, op, host)),
      ...MASKS.map(([op, host, absolute]) => mask(width, op, host, absolute)),
    );
  }
  return helpers;
}
