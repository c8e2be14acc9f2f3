/** Addition, multiplication, division, square root, minimum and maximum, comparison, estimates. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import {
  productInexact,
  quotientInexact,
  rootInexact,
  sumInexact,
  testable,
} from "../fp/exactness.ts";
import { finite, fromBits, isNumber, isZero, typeOf, type Width } from "../fp/number_code.ts";
import { FPCR } from "./fp_fast.ts";
import { callSoft, fpcrClear, native, raiseInexactIf } from "./fp_helper_code.ts";
import { codeOf, SoftOp } from "./softfloat_ops.ts";

/** Ends a helper: everything the native path did not take. */
function soft(c: HelperCode, op: SoftOp, width: Width, operands: readonly number[]): void {
  callSoft(c, codeOf(op, width), width, operands);
  fromBits(c, width);
}

function addition(width: Width, op: "add" | "sub"): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    const y = c.local(f);
    c.local_get(1);
    if (op === "sub") c[`f${width}_neg`]();
    c.local_set(y);
    c.local_get(0).local_get(y)[`f${width}_add`]().local_set(r);
    finite(c, width, r);
    native(c, width, 0, 1, r);
    c.i32_and().if_();
    sumInexact(c, width, 0, y, r, (type) => c.local(type));
    raiseInexactIf(c);
    c.local_get(r).return_();
    c.end();
    soft(c, SoftOp[op], width, [0, 1]);
  });
}

function multiplication(width: Width, op: "mul" | "mulX"): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`f${width}_mul`]().local_set(r);
    native(c, width, 0, 1, r);
    c.if_();
    {
      testable(c, width, r, [0, 1]);
      c.if_();
      productInexact(c, width, 0, 1, r);
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

function division(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.div.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`f${width}_div`]().local_set(r);
    native(c, width, 0, 1, r);
    c.if_();
    {
      testable(c, width, r, [0, 1]);
      c.if_();
      quotientInexact(c, width, 0, 1, r);
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

function squareRoot(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.sqrt.${width}`, [f], f, (c) => {
    const r = c.local(f);
    c.local_get(0)[`f${width}_sqrt`]().local_set(r);
    native(c, width, 0, 0, r);
    c.if_();
    {
      testable(c, width, r, [0]);
      c.if_();
      rootInexact(c, width, 0, r);
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
