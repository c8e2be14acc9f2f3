import assert from "node:assert/strict";
import { test } from "node:test";
import { MXCSR } from "./mxcsr.ts";
import {
  MXCSR_ROUNDING,
  sseCode,
  type SseFormName,
  SseOp,
  sseSoft,
  sseSoftFlags,
  sseSoftHigh,
  TO_ZERO,
} from "./sse_softfloat.ts";

const bits = new DataView(new ArrayBuffer(8));
function double(value: number): bigint {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0);
}
function single(value: number): bigint {
  bits.setFloat32(0, value);
  return BigInt(bits.getUint32(0));
}

const INITIAL = MXCSR.initial;
const QUIET = 0x7ff80000_00000123n;
const SIGNALING = 0x7ff00000_00000456n;
const INDEFINITE = 0xfff80000_00000000n;
const TINY = 1n;

interface Options {
  readonly form?: SseFormName;
  readonly parameter?: number;
  readonly mxcsr?: number;
}

/** Low halves of the operands; the high halves are zero. */
function run(
  op: SseOp,
  a: bigint,
  b: bigint,
  options: Options = {},
): [result: bigint, flags: number] {
  const { form = "sd", parameter = 0, mxcsr = INITIAL } = options;
  const result = sseSoft(sseCode(op, form, parameter), a, 0n, b, 0n, mxcsr);
  return [result, sseSoftFlags()];
}

test("of two NaNs the first is the result, quiet or not", () => {
  assert.deepEqual(run(SseOp.add, QUIET, SIGNALING), [QUIET, MXCSR.IE]);
  assert.deepEqual(run(SseOp.add, SIGNALING, QUIET), [SIGNALING | (1n << 51n), MXCSR.IE]);
  assert.deepEqual(run(SseOp.mul, double(1), QUIET), [QUIET, 0]);
  assert.deepEqual(run(SseOp.sub, double(Infinity), double(Infinity)), [INDEFINITE, MXCSR.IE]);
  assert.deepEqual(run(SseOp.sqrt, 0n, double(-1)), [INDEFINITE, MXCSR.IE]);
});

test("subnormal operands raise DE unless something else is the matter", () => {
  assert.deepEqual(run(SseOp.add, double(1), TINY), [double(1), MXCSR.DE | MXCSR.PE]);
  assert.deepEqual(run(SseOp.add, QUIET, TINY), [QUIET, 0]);
  assert.deepEqual(run(SseOp.div, TINY, 0n), [double(Infinity), MXCSR.ZE]);
  assert.deepEqual(run(SseOp.add, double(1), TINY, { mxcsr: INITIAL | MXCSR.DAZ }), [
    double(1),
    0,
  ]);
});

test("tiny results: found after rounding, flushed if they may be, exact ones too", () => {
  const half = double(0.5);
  const least = double(2 ** -1022);
  assert.deepEqual(run(SseOp.mul, least, half), [double(2 ** -1023), 0]);
  const odd = double(2 ** -1022 + 2 ** -1074);
  assert.deepEqual(run(SseOp.mul, odd, half), [double(2 ** -1023), MXCSR.UE | MXCSR.PE]);
  const flush = { mxcsr: INITIAL | MXCSR.FTZ };
  assert.deepEqual(run(SseOp.mul, least, half, flush), [0n, MXCSR.UE | MXCSR.PE]);
  // With the exception not masked nothing is flushed, and nothing is inexact.
  const trap = { mxcsr: (INITIAL | MXCSR.FTZ) & ~MXCSR.UM };
  assert.deepEqual(run(SseOp.mul, odd, half, trap)[1], MXCSR.UE);
  // Tiny, because nothing would be rounded if exponents had no bounds; the result is normal.
  assert.deepEqual(run(SseOp.mul, double(1 - 2 ** -53), least), [least, MXCSR.UE | MXCSR.PE]);
  // Not tiny: rounded to 24 bits it is 2^-126.
  assert.deepEqual(
    run(SseOp.convert, 0n, double(2 ** -126 * (1 - 2 ** -30)), { form: "sd2ss" }),
    [single(2 ** -126), MXCSR.PE],
  );
});

test("overflow that traps is inexact only if rounding was", () => {
  const large = double(2 ** 1023);
  const two = double(2);
  assert.deepEqual(run(SseOp.mul, large, two), [double(Infinity), MXCSR.OE | MXCSR.PE]);
  assert.equal(run(SseOp.mul, large, two, { mxcsr: INITIAL & ~MXCSR.OM })[1], MXCSR.OE);
});

test("exceptions that trap before the operation keep the others back", () => {
  const mxcsr = INITIAL & ~(MXCSR.DE << MXCSR.MASK_SHIFT);
  assert.equal(run(SseOp.add, double(1), TINY, { mxcsr })[1], MXCSR.DE);
  // Lane 0 is inexact, lane 1 divides by zero.
  const code = sseCode(SseOp.div, "pd");
  const zeroTraps = INITIAL & ~(MXCSR.ZE << MXCSR.MASK_SHIFT);
  sseSoft(code, double(1), double(1), double(3), 0n, zeroTraps);
  assert.equal(sseSoftFlags(), MXCSR.ZE);
  sseSoft(code, double(1), double(1), double(3), 0n, INITIAL);
  assert.equal(sseSoftFlags(), MXCSR.ZE | MXCSR.PE);
  assert.equal(sseSoftHigh(), double(Infinity));
});

test("integers that do not fit are the indefinite", () => {
  const to = (value: number, parameter: number, mxcsr: number = INITIAL): [bigint, number] =>
    run(SseOp.toInteger, 0n, double(value), { form: "sd2ss", parameter, mxcsr });
  assert.deepEqual(to(-2147483648.9, TO_ZERO), [0x80000000n, MXCSR.PE]);
  assert.deepEqual(to(2147483648, TO_ZERO), [0x80000000n, MXCSR.IE]);
  assert.deepEqual(to(NaN, TO_ZERO), [0x80000000n, MXCSR.IE]);
  assert.deepEqual(to(2.5, MXCSR_ROUNDING), [2n, MXCSR.PE]);
  assert.deepEqual(to(2.5, MXCSR_ROUNDING, INITIAL | (2 << MXCSR.RC_SHIFT)), [3n, MXCSR.PE]);
  // Subnormal operands are only inexact.
  assert.deepEqual(run(SseOp.toInteger, 0n, TINY, { parameter: TO_ZERO }), [0n, MXCSR.PE]);
});

test("minimum and maximum give the second operand when in doubt", () => {
  const minusZero = double(-0);
  assert.deepEqual(run(SseOp.min, minusZero, 0n), [0n, 0]);
  assert.deepEqual(run(SseOp.max, 0n, minusZero), [minusZero, 0]);
  assert.deepEqual(run(SseOp.min, QUIET, double(1)), [double(1), MXCSR.IE]);
  assert.deepEqual(run(SseOp.min, double(1), SIGNALING), [SIGNALING, MXCSR.IE]);
});

test("predicates: the ordering ones do not take quiet NaNs", () => {
  const all = (1n << 64n) - 1n;
  const results = [0, 1, 2, 3, 4, 5, 6, 7].map((parameter) =>
    run(SseOp.compare, double(1), QUIET, { parameter })
  );
  assert.deepEqual(results.map(([result]) => result === all), [
    ...[false, false, false, true],
    ...[true, true, true, false],
  ]);
  assert.deepEqual(results.map(([, flags]) => flags), [0, 1, 1, 0, 0, 1, 1, 0]);
});
