import assert from "node:assert/strict";
import { test } from "node:test";
import { Exception } from "../fp/softfloat_format.ts";
import { extendedOf, numberOf, TestX87 } from "./testing/x87_context.ts";
import { Condition } from "./x87_arithmetic.ts";
import { INDEFINITE, infinity, negate, ONE } from "./x87_float.ts";

const NAN = 0x7fff_c000_0000_0001_2345n;
const SIGNALING = 0x7fff_8000_0000_0000_0001n;
const DENORMAL = 1n;
const LARGEST = 0x7ffe_ffff_ffff_ffff_ffffn;
const STACK_FAULT = 0x40;
const PENDING = 0x8080;
const exceptions = (x: TestX87): number => x.fpu.status & 0x3f;
const hex = (bits: bigint): string => bits.toString(16).padStart(20, "0");

/** ST(0) after an operation on ST(0) = a and ST(1) = b. */
function binary(title: string, a: bigint, b: bigint, control = 0x37f): TestX87 {
  const x = new TestX87();
  x.fpu.control = control;
  return x.push(b, a).run(title, { i: 1 });
}

test("arithmetic on ordinary numbers", () => {
  const [a, b] = [extendedOf(7.5), extendedOf(-2.25)];
  const result = (title: string): number => numberOf(binary(title, a, b).fpu.get(0));
  assert.equal(result("FADD ST,STi"), 5.25);
  assert.equal(result("FSUB ST,STi"), 9.75);
  assert.equal(result("FSUBR ST,STi"), -9.75);
  assert.equal(result("FMUL ST,STi"), -16.875);
  assert.equal(result("FDIV ST,STi"), 7.5 / -2.25);
  assert.equal(result("FDIVR ST,STi"), -2.25 / 7.5);
  assert.equal(result("FSCALE"), 7.5 / 4);
  assert.equal(result("FPREM"), 7.5 - 3 * 2.25);
  assert.equal(result("FPREM1"), 7.5 - 3 * 2.25);
  assert.equal(result("FSQRT"), Math.sqrt(7.5));
  assert.equal(result("FRNDINT"), 8);
});

test("64, 53 and 24 bits of significand, four rounding modes; C1 is set by rounding up", () => {
  // 1 + 2^-23 + 2^-52 + 2^-63 needs all 64 bits; added to itself times 2^-64 it needs more.
  const a = 0x3fff_8000_0100_0000_0801n;
  const results = [0x37f, 0x27f, 0x07f].map((control) => {
    const x = binary("FMUL ST,STi", a, ONE, control);
    return [hex(x.fpu.get(0)), exceptions(x)];
  });
  assert.deepEqual(results, [
    ["3fff8000010000000801", 0],
    ["3fff8000010000000800", Exception.inexact],
    ["3fff8000010000000000", Exception.inexact],
  ]);
  const third = [0x37f, 0x77f, 0xb7f, 0xf7f].map((control) => {
    const x = binary("FDIV ST,STi", ONE, extendedOf(3), control);
    return [hex(x.fpu.get(0)), (x.fpu.status & Condition.c1) !== 0];
  });
  assert.deepEqual(third, [
    ["3ffdaaaaaaaaaaaaaaab", true],
    ["3ffdaaaaaaaaaaaaaaaa", false],
    ["3ffdaaaaaaaaaaaaaaab", true],
    ["3ffdaaaaaaaaaaaaaaaa", false],
  ]);
});

test("NaNs: a quiet one before a signaling one, then the larger significand (table 4-7)", () => {
  const sum = (a: bigint, b: bigint): string => hex(binary("FADD ST,STi", a, b).fpu.get(0));
  assert.equal(sum(NAN, ONE), hex(NAN));
  assert.equal(sum(SIGNALING, NAN), hex(NAN));
  assert.equal(sum(SIGNALING, ONE), hex(SIGNALING | (1n << 62n)));
  assert.equal(sum(NAN, NAN + 1n), hex(NAN + 1n));
  assert.equal(sum(negate(NAN), NAN), hex(NAN));
  const unnormal = 0x4000_4000_0000_0000_0000n;
  assert.equal(sum(unnormal, NAN), hex(INDEFINITE));
  assert.equal(exceptions(binary("FADD ST,STi", NAN, ONE)), 0);
  assert.equal(exceptions(binary("FADD ST,STi", SIGNALING, NAN)), Exception.invalid);
});

test("masked exceptions have results, unmasked ones are pending and leave the operands", () => {
  const cases: readonly [string, bigint, bigint, number, string][] = [
    ["FSUB ST,STi", infinity(0), infinity(0), Exception.invalid, hex(INDEFINITE)],
    ["FDIV ST,STi", ONE, 0n, Exception.divideByZero, hex(infinity(0))],
    ["FADD ST,STi", DENORMAL, 0n, Exception.subnormal, hex(DENORMAL)],
    ["FSQRT", negate(ONE), 0n, Exception.invalid, hex(INDEFINITE)],
    ["FMUL ST,STi", LARGEST, LARGEST, Exception.overflow | Exception.inexact, hex(infinity(0))],
  ];
  for (const [title, a, b, raised, result] of cases) {
    const x = binary(title, a, b);
    assert.equal(exceptions(x), raised, title);
    assert.equal(hex(x.fpu.get(0)), result, title);
    assert.ok(!x.fpu.pending);
    const unmasked = binary(title, a, b, 0x37f & ~raised);
    assert.ok(unmasked.fpu.pending, title);
    assert.equal(unmasked.fpu.status & PENDING, PENDING);
    if (raised < Exception.overflow) assert.equal(hex(unmasked.fpu.get(0)), hex(a), title);
  }
});

test("unmasked overflow and underflow change the exponent by 24576", () => {
  const over = binary("FMUL ST,STi", LARGEST, extendedOf(4), 0x37f & ~Exception.overflow);
  assert.equal(hex(over.fpu.get(0)), hex(LARGEST + (2n << 64n) - (24576n << 64n)));
  assert.equal(exceptions(over), Exception.overflow);
  const smallest = 0x0001_8000_0000_0000_0000n;
  const under = binary("FMUL ST,STi", smallest, extendedOf(0.25), 0x37f & ~Exception.underflow);
  assert.equal(hex(under.fpu.get(0)), hex(smallest - (2n << 64n) + (24576n << 64n)));
  // Masked: tiny and exact is no underflow.
  assert.equal(exceptions(binary("FMUL ST,STi", smallest, extendedOf(0.25))), 0);
  // In memory there is no result.
  const stored = new TestX87();
  stored.fpu.control = 0x37f & ~Exception.overflow;
  stored.push(LARGEST).run("FSTP M4");
  assert.equal(stored.load(4), 0n);
  assert.ok(!stored.fpu.isEmpty(0));
});

test("a full stack and an empty register are stack faults", () => {
  const full = new TestX87().push(...Array.from({ length: 8 }, () => ONE)).run("FLD1");
  assert.equal(full.fpu.status & 0x3ff, STACK_FAULT | Exception.invalid | Condition.c1);
  assert.equal(hex(full.fpu.get(0)), hex(INDEFINITE));
  const empty = new TestX87().run("FADD ST,STi", { i: 1 });
  assert.equal(empty.fpu.status & 0x3ff, STACK_FAULT | Exception.invalid);
  assert.equal(hex(empty.fpu.get(0)), hex(INDEFINITE));
  const unmasked = new TestX87();
  unmasked.fpu.control = 0x37e;
  unmasked.run("FSTP M8");
  assert.ok(unmasked.fpu.pending);
  assert.equal(unmasked.fpu.top, 0);
});

test("FXAM tells the classes", () => {
  const classOf = (bits: bigint): number => new TestX87().push(bits).run("FXAM").fpu.conditions;
  const { c0, c1, c2, c3 } = Condition;
  assert.equal(classOf(0x4000_4000_0000_0000_0000n), 0);
  assert.equal(classOf(negate(NAN)), c1 | c0);
  assert.equal(classOf(ONE), c2);
  assert.equal(classOf(infinity(1)), c1 | c2 | c0);
  assert.equal(classOf(0n), c3);
  assert.equal(classOf(DENORMAL), c3 | c2);
  assert.equal(new TestX87().run("FXAM").fpu.conditions, c3 | c0);
});

test("FPREM takes 32 to 63 bits off at a time, then tells the quotient's low bits", () => {
  const x = new TestX87().push(extendedOf(3), extendedOf(2 ** 200));
  let steps = 0;
  do x.run("FPREM"); while ((x.fpu.conditions & Condition.c2) !== 0 && ++steps < 10);
  assert.ok(steps >= 3 && steps <= 5, `${steps}`);
  assert.equal(numberOf(x.fpu.get(0)), 1);
  const quotient = new TestX87().push(extendedOf(1), extendedOf(5.5)).run("FPREM");
  // 5 is 101: C0, not C3, C1.
  assert.equal(quotient.fpu.conditions, Condition.c0 | Condition.c1);
});

test("transcendental functions are near those of double precision", () => {
  const near = (have: bigint, want: number, what: string): void => {
    assert.ok(Math.abs(numberOf(have) - want) <= Math.abs(want) * 2 ** -51, `${what}: ${want}`);
  };
  for (const v of [1e-30, 1e-5, 0.1, 0.7853, 1, 2.5, 100]) {
    for (const value of [v, -v]) {
      const one = (title: string): TestX87 => new TestX87().push(extendedOf(value)).run(title);
      near(one("FSIN").fpu.get(0), Math.sin(value), `sin ${value}`);
      near(one("FCOS").fpu.get(0), Math.cos(value), `cos ${value}`);
      near(one("FPTAN").fpu.get(1), Math.tan(value), `tan ${value}`);
      near(one("FSINCOS").fpu.get(0), Math.cos(value), `sincos ${value}`);
      const two = (title: string, y: number): bigint =>
        new TestX87().push(extendedOf(y), extendedOf(value)).run(title).fpu.get(0);
      near(two("FPATAN", 0.3), Math.atan2(0.3, value), `atan2 0.3, ${value}`);
      if (v <= 1) near(one("F2XM1").fpu.get(0), Math.expm1(value * Math.LN2), `2^${value} - 1`);
      if (v <= 0.1) near(two("FYL2XP1", 3), 3 * Math.log1p(value) / Math.LN2, `log 1 + ${value}`);
      if (value > 0) near(two("FYL2X", 3), 3 * Math.log2(value), `log ${value}`);
    }
  }
  const far = new TestX87().push(extendedOf(2 ** 63)).run("FSIN");
  assert.equal(far.fpu.conditions, Condition.c2);
});

test("integers and packed decimals; what does not fit is the indefinite", () => {
  const x = new TestX87().run("FILD M8", { value: 0xffff_ffff_ffff_fffbn });
  assert.equal(numberOf(x.fpu.get(0)), -5);
  x.run("FBSTP M10");
  assert.equal(hex(x.load(10)), "80000000000000000005");
  const rounded = (title: string, value: number): bigint =>
    new TestX87().push(extendedOf(value)).run(title).load(2);
  assert.equal(rounded("FISTP M2", 2.5), 2n);
  assert.equal(rounded("FISTP M2", -3.5), 0xfffcn);
  assert.equal(rounded("FISTTP M2", -3.5), 0xfffdn);
  assert.equal(rounded("FISTP M2", 32768), 0x8000n);
  const decimal = new TestX87().run("FBLD M10", { value: 0x8012_3456_7890_1234_5678n });
  assert.equal(numberOf(decimal.fpu.get(0)), -123456789012345678);
});

test("constants follow the rounding mode", () => {
  const pi = [0x37f, 0x77f, 0xb7f].map((control) => {
    const x = new TestX87();
    x.fpu.control = control;
    return hex(x.run("FLDPI").fpu.get(0));
  });
  assert.deepEqual(pi, ["4000c90fdaa22168c235", "4000c90fdaa22168c234", "4000c90fdaa22168c235"]);
  for (
    const [title, value] of [
      ["FLDL2T", Math.log2(10)],
      ["FLDL2E", Math.LOG2E],
      ["FLDLG2", Math.log10(2)],
      ["FLDLN2", Math.LN2],
    ] as const
  ) {
    assert.equal(numberOf(new TestX87().run(title).fpu.get(0)), value, title);
  }
});

test("comparisons set condition codes or flags", () => {
  const compared = (title: string, a: bigint, b: bigint): TestX87 => binary(title, a, b);
  const { c0, c2, c3 } = Condition;
  const codes = (a: bigint, b: bigint): number =>
    compared("FUCOM STi", a, b).fpu.conditions & (c0 | c2 | c3);
  assert.equal(codes(extendedOf(2), ONE), 0);
  assert.equal(codes(ONE, extendedOf(2)), c0);
  assert.equal(codes(0n, negate(0n)), c3);
  assert.equal(codes(NAN, ONE), c0 | c2 | c3);
  // A pseudo-denormal is as large as the smallest normal number.
  assert.equal(codes(1n << 63n, (1n << 64n) | (1n << 63n)), c3);
  assert.equal(compared("FCOMI ST,STi", ONE, extendedOf(2)).flags, 1);
  assert.equal(compared("FCOMI ST,STi", ONE, NAN).flags, 0x45);
  assert.equal(exceptions(compared("FCOMI ST,STi", ONE, NAN)), Exception.invalid);
  assert.equal(exceptions(compared("FUCOMI ST,STi", ONE, NAN)), 0);
});

test("FNSAVE and FRSTOR, 16 and 32 bits, keep all of the state", () => {
  for (const size of [2, 4]) {
    const x = new TestX87().push(0n, ONE, NAN);
    x.fpu.control = 0x27a;
    x.fpu.pointers = {
      instruction: 0x1234n,
      codeSegment: 8,
      operand: 0x5678n,
      dataSegment: 16,
      opcode: 0x1d9,
    };
    const { pointers, status, tags } = x.fpu;
    x.run("FNSAVE M0", { size });
    assert.equal(x.fpu.tags, 0);
    assert.equal(x.fpu.control, 0x37f);
    // R7 is zero, R6 valid, R5 special, the others are empty.
    assert.equal(x.load(2, 2 * size), 0b01_00_10_11_11_11_11_11n);
    x.run("FRSTOR M0", { size });
    assert.equal(x.fpu.control, 0x27a);
    assert.equal(x.fpu.status, status);
    assert.equal(x.fpu.tags, tags);
    assert.deepEqual([0, 1, 2].map((i) => hex(x.fpu.get(i))), [NAN, ONE, 0n].map(hex));
    if (size === 4) assert.deepEqual(x.fpu.pointers, pointers);
  }
});

test("FLDCW that unmasks makes exceptions pending, FNCLEX takes them back, FNSTENV masks all", () => {
  const x = new TestX87().push(0n, ONE).run("FDIV ST,STi", { i: 1 });
  assert.ok(!x.fpu.pending);
  x.run("FLDCW M2", { value: 0x37bn });
  assert.ok(x.fpu.pending);
  x.run("FNSTENV M0");
  assert.ok(!x.fpu.pending);
  x.run("FLDENV M0");
  assert.ok(x.fpu.pending);
  x.run("FNCLEX");
  assert.equal(x.fpu.status & 0x80ff, 0);
});
