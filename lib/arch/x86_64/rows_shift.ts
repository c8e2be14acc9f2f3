/**
 * Shifts and rotations (SDM volume 1, 5.1.5). Counts are taken modulo 32, of 64-bit operands modulo 64;
 * by no bits flags stay. What is undefined: OF by more than one bit is whether the last one changed
 * the sign; AF after shifts is clear; CF after shifts by more bits than there are is what shifting bit
 * by bit leaves.
 */
import type { Builder } from "../../engine/builder.ts";
import { Carries, Condition, flagKind, Flags } from "./flags.ts";
import type { Operand } from "./operands.ts";
import { modify } from "./read_modify_write.ts";
import { x86, type X86Row, type X86RowOptions, type X86Semantics } from "./row.ts";
import { cut, fromI32, local, op, signExtend, toI32, widen, widenSigned } from "./sized.ts";

const countMask = (size: number): number => size === 8 ? 63 : 31;

/** Structural value of an immediate count: 0 for none, else 1. */
const anyBits = (count: number, size: number): number => (count & countMask(size)) === 0 ? 0 : 1;

/** What is known of a count when the semantics are written. */
type Known = "zero" | "not zero" | "nothing";

/** [] -> [] the count of an operand (1, Ib or CL), masked, to a local (i32). */
function takeCount(b: Builder, operand: Operand, size: number, count: number): Known {
  if (operand.kind === "number") b.i32_const(operand.number);
  else {
    if (operand.kind === "immediate") operand.unsigned(b);
    else operand.get(b);
    b.i32_const(countMask(size)).i32_and();
  }
  b.local_set(count);
  if (operand.kind === "general") return "nothing";
  return operand.number === 0 ? "zero" : "not zero";
}

// ---- shifts

type ShiftName = "shl" | "shr" | "sar";

const SHIFTS = { shl: "shl", shr: "shr_u", sar: "shr_s" } as const;

const shift = (name: ShiftName): X86Semantics => (b, o) => {
  const { size } = o[0];
  const count = b.temp("i32");
  const known = takeCount(b, o[1], size, count);
  const old = modify(b, o[0], (old) => {
    b.local_get(old);
    if (name === "sar") signExtend(b, size);
    b.local_get(count);
    fromI32(b, size);
    op(b, size, SHIFTS[name]);
  }, undefined);
  if (known === "zero") return;
  b.local_get(old);
  if (name === "sar") widenSigned(b, size);
  else widen(b, size);
  b.local_get(count).i64_extend_i32_u();
  const kind = flagKind(Flags[name], size);
  if (known === "not zero") b.setFlags(kind);
  else {
    b.local_get(count);
    b.setFlagsIf(kind);
  }
};

/** SHLX, SHRX, SARX: no flags. */
const shiftWithout = (name: ShiftName): X86Semantics => (b, o) => {
  const { size } = o;
  o[1].get(b);
  o[2].get(b);
  // WebAssembly takes the count modulo the width, too.
  op(b, size, SHIFTS[name]);
  o[0].set(b);
};

/**
 * SHLD, SHRD: bits of the second operand come in. Of 16 bits by more, which is undefined, what is left
 * of both as if the first followed itself.
 */
const doubleShift = (name: "shl" | "shr"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const [count, result] = [b.temp("i32"), b.temp("i64")];
  const [x, y, before] = [b.temp("i64"), b.temp("i64"), b.temp("i64")];
  const known = takeCount(b, o[2], size, count);
  o[1].get(b);
  widen(b, size);
  b.local_set(y);
  const by = (less: number): void => pushDouble(b, size, name, x, y, count, less);
  modify(b, o[0], (old) => {
    b.local_get(old);
    widen(b, size);
    b.local_set(x);
    by(0);
    b.local_get(x).local_get(count).select().local_tee(result);
    if (size < 8) b.i32_wrap_i64();
  }, undefined);
  if (known === "zero") return;
  // The highest or lowest bit of it has gone to CF, and OF is whether the sign changed.
  by(1);
  b.local_set(before);
  b.local_get(result);
  signExtendTo64(b, size);
  const toTop = 64 - 8 * size;
  b.local_get(before).i64_const32(name === "shl" ? toTop : 63).i64_shl();
  b.i64_const_parts(0, Carries.out).i64_and();
  b.local_get(result).i64_const32(toTop).i64_shl();
  if (name === "shr") {
    b.local_get(before).i64_const32(toTop).i64_shl().i64_xor();
    b.local_get(before).i64_const32(63).i64_shl().i64_xor();
  }
  b.i64_const32(1).i64_shr_u().i64_const_parts(0, Carries.into).i64_and().i64_or();
  if (known === "not zero") b.setFlags(Flags.mixed);
  else {
    b.local_get(count);
    b.setFlagsIf(Flags.mixed);
  }
};

/** [i64] -> [i64] */
function signExtendTo64(b: Builder, size: number): void {
  if (size === 2) b.i64_extend16_s();
  else if (size === 4) b.i64_extend32_s();
}

/** [] -> [i64] x shifted by `count - less` bits, 1 at least, with bits of y coming in; the low bits count. */
function pushDouble(
  b: Builder,
  size: number,
  name: "shl" | "shr",
  x: number,
  y: number,
  count: number,
  less: number,
): void {
  const by = (): void => {
    b.local_get(count).i32_const(less).i32_sub().i64_extend_i32_u();
  };
  if (size === 8) {
    // In two steps: by 64 bits there is no shift.
    const [one, other] = name === "shl" ? ["shl", "shr_u"] as const : ["shr_u", "shl"] as const;
    b.local_get(x);
    by();
    b[`i64_${one}`]().local_get(y).i64_const32(1)[`i64_${other}`]();
    b.i64_const32(63);
    by();
    b.i64_sub()[`i64_${other}`]().i64_or();
    return;
  }
  const bits = 8 * size;
  if (name === "shr") {
    // x, above it y, above it, of 16 bits, x again.
    b.local_get(x).local_get(y).i64_const32(bits).i64_shl().i64_or();
    if (size === 2) b.local_get(x).i64_const32(2 * bits).i64_shl().i64_or();
    by();
    b.i64_shr_u();
    return;
  }
  b.local_get(x).i64_const32(bits).i64_shl().local_get(y).i64_or();
  if (size === 2) b.i64_const32(bits).i64_shl().local_get(x).i64_or();
  by();
  b.i64_shl().i64_const32(size === 2 ? 2 * bits : bits).i64_shr_u();
}

// ---- rotations: PF, AF, ZF and SF stay

/**
 * [] -> [] CF, OF and no other flags by a result, unless `count` is 0. CF is the highest bit or a local
 * (i32), OF whether the two highest bits differ, or CF and the highest.
 */
function setRotateFlags(
  b: Builder,
  size: number,
  result: number,
  carry: number | "highest",
  overflow: "two highest" | "carry and highest",
  count: number | undefined,
): void {
  const [before, after] = [b.temp("i64"), b.temp("i64")];
  /** [] -> [i64] the result with its highest bit on top. */
  const top = (): void => {
    b.local_get(result);
    widen(b, size);
    b.i64_const32(64 - 8 * size).i64_shl();
  };
  const carryOut = (): void => {
    if (carry === "highest") top();
    else b.local_get(carry).i64_extend_i32_u().i64_const32(63).i64_shl();
  };
  b.restingFlags();
  b.local_tee(before).i64_const_parts(-1, ~(Carries.out | Carries.into)).i64_and();
  carryOut();
  b.i64_const_parts(0, Carries.out).i64_and().i64_or();
  // The carry into the highest bit: CF, but for OF.
  top();
  if (overflow === "two highest") {
    carryOut();
    b.i64_xor();
    top();
    b.i64_const32(1).i64_shl().i64_xor();
  }
  b.i64_const32(1).i64_shr_u().i64_const_parts(0, Carries.into).i64_and().i64_or();
  if (count !== undefined) {
    b.local_set(after).local_get(after).local_get(before).local_get(count).select();
  }
  b.setFlags(Flags.mixed);
}

const rotate = (name: "rotl" | "rotr"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const [count, result] = [b.temp("i32"), local(b, size)];
  const known = takeCount(b, o[1], size, count);
  modify(b, o[0], (old) => {
    b.local_get(old);
    if (size < 4) {
      // As often as it fits into 32 bits.
      b.i32_const(size === 1 ? 0x01010101 : 0x00010001).i32_mul();
    }
    b.local_get(count);
    fromI32(b, size);
    op(b, size, name);
    cut(b, size);
    b.local_tee(result);
  }, undefined);
  if (known === "zero") return;
  const counted = known === "nothing" ? count : undefined;
  if (name === "rotl") {
    const carry = b.temp("i32");
    b.local_get(result);
    toI32(b, size);
    b.i32_const(1).i32_and().local_set(carry);
    setRotateFlags(b, size, result, carry, "carry and highest", counted);
  } else setRotateFlags(b, size, result, "highest", "two highest", counted);
};

/** RORX: no flags. */
const rotateWithout: X86Semantics = (b, o) => {
  o[1].get(b);
  o[2].unsigned(b);
  fromI32(b, o.size);
  op(b, o.size, "rotr");
  o[0].set(b);
};

/** RCL, RCR: CF is one more bit, above the highest. */
const rotateThroughCarry = (name: "rcl" | "rcr"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const [count, result, carry] = [b.temp("i32"), local(b, size), b.temp("i32")];
  const known = takeCount(b, o[1], size, count);
  b.condition(Condition.B);
  b.local_set(carry);
  modify(b, o[0], (old) => {
    if (size === 8) rotate65(b, name, old, count, carry);
    else rotateWithCarry(b, size, name, old, count, carry);
    b.local_tee(result);
  }, undefined);
  if (known === "zero") return;
  const overflow = name === "rcl" ? "carry and highest" : "two highest";
  setRotateFlags(b, size, result, carry, overflow, known === "nothing" ? count : undefined);
};

/** [] -> [i32] rotates `carry` and `old`, up to 33 bits; `carry` gets the new one. */
function rotateWithCarry(
  b: Builder,
  size: number,
  name: "rcl" | "rcr",
  old: number,
  count: number,
  carry: number,
): void {
  const width = 8 * size + 1;
  const [value, left] = [b.temp("i64"), b.temp("i64")];
  b.local_get(carry).i64_extend_i32_u().i64_const32(width - 1).i64_shl();
  b.local_get(old).i64_extend_i32_u().i64_or().local_set(value);
  // To the left, by less than the width.
  b.local_get(count);
  if (size < 4) b.i32_const(width).i32_rem_u();
  b.i64_extend_i32_u().local_set(left);
  if (name === "rcr") b.i64_const32(width).local_get(left).i64_sub().local_set(left);
  b.local_get(value).local_get(left).i64_shl();
  b.local_get(value).i64_const32(width).local_get(left).i64_sub().i64_shr_u();
  b.i64_or().local_tee(value);
  b.i64_const32(width - 1).i64_shr_u().i32_wrap_i64().i32_const(1).i32_and().local_set(carry);
  b.local_get(value).i32_wrap_i64();
  cut(b, size);
}

/** [] -> [i64] the same of 65 bits. */
function rotate65(
  b: Builder,
  name: "rcl" | "rcr",
  old: number,
  count: number,
  carry: number,
): void {
  const [by, out] = [b.temp("i64"), b.temp("i32")];
  const [one, other] = name === "rcl" ? ["shl", "shr_u"] as const : ["shr_u", "shl"] as const;
  b.local_get(count).i64_extend_i32_u().local_set(by);
  // The bit that goes out last.
  b.local_get(old);
  if (name === "rcl") b.i64_const32(64).local_get(by).i64_sub();
  else b.local_get(by).i64_const32(1).i64_sub();
  b.i64_shr_u().i32_wrap_i64().i32_const(1).i32_and();
  b.local_get(carry).local_get(count).select().local_set(out);
  // What moved, the carry next to it, and what came in behind that.
  b.local_get(old).local_get(by)[`i64_${one}`]();
  b.local_get(carry).i64_extend_i32_u();
  if (name === "rcl") b.local_get(by).i64_const32(1).i64_sub();
  else b.i64_const32(64).local_get(by).i64_sub();
  b.i64_shl().i64_or();
  b.local_get(old).i64_const32(1)[`i64_${other}`]();
  b.i64_const32(64).local_get(by).i64_sub()[`i64_${other}`]().i64_or();
  b.local_get(old).local_get(count).select();
  b.local_get(out).local_set(carry);
}

/** All six encodings of group 2. */
function group2(name: string, number: number, semantics: X86Semantics): X86Row[] {
  const row = (operands: string, code: string, options?: X86RowOptions): X86Row =>
    x86(`${name} ${operands}`, `${code} /${number}`, "base", semantics, options);
  return [
    row("Eb,Ib", "c0", { constant: anyBits }),
    row("Ev,Ib", "c1", { constant: anyBits }),
    row("Eb,1", "d0"),
    row("Ev,1", "d1"),
    row("Eb,CL", "d2"),
    row("Ev,CL", "d3"),
  ];
}

export const shiftRows: readonly X86Row[] = [
  ...group2("ROL", 0, rotate("rotl")),
  ...group2("ROR", 1, rotate("rotr")),
  ...group2("RCL", 2, rotateThroughCarry("rcl")),
  ...group2("RCR", 3, rotateThroughCarry("rcr")),
  ...group2("SHL", 4, shift("shl")),
  ...group2("SHR", 5, shift("shr")),
  ...group2("SAL", 6, shift("shl")),
  ...group2("SAR", 7, shift("sar")),
  x86("SHLD Ev,Gv,Ib", "0f a4 /r", "base", doubleShift("shl"), { constant: anyBits }),
  x86("SHLD Ev,Gv,CL", "0f a5 /r", "base", doubleShift("shl")),
  x86("SHRD Ev,Gv,Ib", "0f ac /r", "base", doubleShift("shr"), { constant: anyBits }),
  x86("SHRD Ev,Gv,CL", "0f ad /r", "base", doubleShift("shr")),
  x86("SARX Gy,Ey,By", "VEX.F3.0F38 f7 /r", "bmi2", shiftWithout("sar"), { protectedOnly: true }),
  x86("SHLX Gy,Ey,By", "VEX.66.0F38 f7 /r", "bmi2", shiftWithout("shl"), { protectedOnly: true }),
  x86("SHRX Gy,Ey,By", "VEX.F2.0F38 f7 /r", "bmi2", shiftWithout("shr"), { protectedOnly: true }),
  x86("RORX Gy,Ey,Ib", "VEX.F2.0F3A f0 /r", "bmi2", rotateWithout, { protectedOnly: true }),
];
