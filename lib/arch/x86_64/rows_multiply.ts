/** Products and quotients (SDM volume 1, 5.1.2), MULX. */
import type { Builder } from "../../engine/builder.ts";
import { multiplyHigh } from "../multiply_high.ts";
import { Fault } from "./fault_numbers.ts";
import { Carries, flagKind, Flags } from "./flags.ts";
import { AH, AL, getPart, RAX, RDX, setPart } from "./implicit_registers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { local, widen, widenSigned } from "./sized.ts";

// ---- products

/** [i64] -> [] the double-length product of up to 32 bits: to AX, DX:AX or EDX:EAX. */
function setDouble(b: Builder, size: number): void {
  if (size === 1) {
    b.i32_wrap_i64();
    b.set16(RAX);
    return;
  }
  const product = b.temp("i64");
  b.local_tee(product).i32_wrap_i64();
  setPart(b, RAX, size);
  b.local_get(product).i64_const32(8 * size).i64_shr_u().i32_wrap_i64();
  setPart(b, RDX, size);
}

/** CF and OF: the high half is not zero. The others, which are undefined, follow from the product. */
const multiplyUnsigned: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [x, y] = [b.temp("i64"), b.temp("i64")];
  o[0].get(b);
  widen(b, size);
  b.local_set(y);
  if (size === 1) b.get8(AL);
  else getPart(b, RAX, size);
  widen(b, size);
  b.local_set(x);
  const [product, high] = [b.temp("i64"), b.temp("i64")];
  b.local_get(x).local_get(y).i64_mul().local_set(product);
  if (size === 8) {
    multiplyHigh(b, x, y, false);
    b.local_set(high).local_get(product);
    b.set(RAX);
    b.local_get(high);
    b.set(RDX);
  } else {
    b.local_get(product);
    setDouble(b, size);
    b.local_get(product).i64_const32(8 * size).i64_shr_u().local_set(high);
  }
  b.local_get(product);
  b.i64_const_parts(0, Carries.out).i64_const32(0).local_get(high).i64_const32(0).i64_ne();
  b.select();
  b.setFlags(Flags.mixed);
};

const multiplySigned: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [x, y] = [b.temp("i64"), b.temp("i64")];
  o[0].get(b);
  widenSigned(b, size);
  b.local_set(y);
  if (size === 1) b.get8(AL);
  else getPart(b, RAX, size);
  widenSigned(b, size);
  b.local_set(x);
  if (size === 8) {
    const high = b.temp("i64");
    multiplyHigh(b, x, y, true);
    b.local_set(high).local_get(x).local_get(y).i64_mul();
    b.set(RAX);
    b.local_get(high);
    b.set(RDX);
  } else {
    b.local_get(x).local_get(y).i64_mul();
    setDouble(b, size);
  }
  if (size > 1) {
    b.local_get(x).local_get(y);
    b.setFlags(flagKind(Flags.imul, size));
    return;
  }
  const product = b.temp("i64");
  b.local_get(x).local_get(y).i64_mul().local_tee(product);
  b.i64_const_parts(0, Carries.out).i64_const32(0);
  b.local_get(product).local_get(product).i64_extend8_s().i64_ne().select();
  b.setFlags(Flags.mixed);
};

/** IMUL with a destination: the last two operands are the factors. */
const multiplyInto: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [x, y] = [b.temp("i64"), b.temp("i64")];
  o[o.length - 1].get(b);
  widenSigned(b, size);
  b.local_set(y);
  o[o.length - 2].get(b);
  widenSigned(b, size);
  b.local_tee(x).local_get(y).i64_mul();
  if (size < 8) b.i32_wrap_i64();
  o[0].set(b);
  b.local_get(x).local_get(y);
  b.setFlags(flagKind(Flags.imul, size));
};

/** RDX by the last operand: high half to the first, low half to the second, which may be the same. */
const multiplyExtended: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [x, y] = [b.temp("i64"), b.temp("i64")];
  const high = local(b, size);
  getPart(b, RDX, size);
  widen(b, size);
  b.local_set(x);
  o[2].get(b);
  widen(b, size);
  b.local_set(y);
  if (size === 8) multiplyHigh(b, x, y, false);
  else b.local_get(x).local_get(y).i64_mul().i64_const32(32).i64_shr_u().i32_wrap_i64();
  b.local_set(high).local_get(x).local_get(y).i64_mul();
  if (size === 4) b.i32_wrap_i64();
  o[1].set(b);
  b.local_get(high);
  o[0].set(b);
};

/** [] -> [i64] the dividend of divisors of up to 32 bits: AX, DX:AX or EDX:EAX. */
function pushDividend(b: Builder, size: number): void {
  if (size === 1) {
    b.get16(RAX);
    b.i64_extend_i32_u();
    return;
  }
  getPart(b, RDX, size);
  b.i64_extend_i32_u().i64_const32(8 * size).i64_shl();
  getPart(b, RAX, size);
  b.i64_extend_i32_u().i64_or();
}

/** [] -> [] quotient and remainder (i64) to AL and AH, or rAX and rDX. */
function setQuotient(b: Builder, size: number, quotient: number, remainder: number): void {
  for (
    const [value, r, byte] of [[quotient, RAX, AL], [remainder, RDX, AH]] as const
  ) {
    b.local_get(value);
    if (size < 8) b.i32_wrap_i64();
    if (size === 1) b.set8(byte);
    else setPart(b, r, size);
  }
}

/** The quotient fits if the high half of the dividend is below the divisor. */
const divideUnsigned: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [divisor, low, quotient, remainder] = [0, 1, 2, 3].map(() => b.temp("i64"));
  o[0].get(b);
  widen(b, size);
  b.local_set(divisor);
  if (size === 8) {
    const high = b.temp("i64");
    b.get(RDX);
    b.local_tee(high).local_get(divisor).i64_ge_u();
    b.faultIf(Fault.divideError);
    b.get(RAX);
    b.local_set(low);
    b.local_get(high).i64_eqz().if_();
    divide(b, "u", low, divisor, quotient, remainder);
    b.else_();
    b.local_get(high).local_get(low).local_get(divisor);
    b.callHelper("divide128");
    b.local_set(remainder).local_set(quotient);
    b.end();
  } else {
    pushDividend(b, size);
    b.local_tee(low).i64_const32(8 * size).i64_shr_u().local_get(divisor).i64_ge_u();
    b.faultIf(Fault.divideError);
    divide(b, "u", low, divisor, quotient, remainder);
  }
  setQuotient(b, size, quotient, remainder);
};

/** [] -> [] quotient and remainder of two locals; the divisor is not 0. */
function divide(
  b: Builder,
  sign: "u" | "s",
  dividend: number,
  divisor: number,
  quotient: number,
  remainder: number,
): void {
  b.local_get(dividend).local_get(divisor)[`i64_div_${sign}`]().local_set(quotient);
  b.local_get(dividend).local_get(quotient).local_get(divisor).i64_mul().i64_sub();
  b.local_set(remainder);
}

const divideSigned: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [divisor, low, quotient, remainder] = [0, 1, 2, 3].map(() => b.temp("i64"));
  const impossible = b.temp("i32");
  o[0].get(b);
  widenSigned(b, size);
  b.local_set(divisor);
  if (size === 8) {
    const high = b.temp("i64");
    b.get(RDX);
    b.local_set(high);
    b.get(RAX);
    b.local_set(low);
    b.local_get(high).local_get(low).i64_const32(63).i64_shr_s().i64_eq().if_();
    divideSigned64(b, low, divisor, quotient, remainder, impossible);
    b.else_();
    b.local_get(high).local_get(low).local_get(divisor);
    b.callHelper("divide128s");
    b.local_set(impossible).local_set(remainder).local_set(quotient);
    b.end();
  } else {
    pushDividend(b, size);
    if (size === 1) b.i64_extend16_s();
    else if (size === 2) b.i64_extend32_s();
    b.local_set(low);
    divideSigned64(b, low, divisor, quotient, remainder, impossible);
    b.local_get(quotient).local_get(quotient).i32_wrap_i64();
    widenSigned(b, size);
    b.i64_ne().local_get(impossible).i32_or().local_set(impossible);
  }
  b.local_get(impossible);
  b.faultIf(Fault.divideError);
  setQuotient(b, size, quotient, remainder);
};

/** [] -> [] the same of signed ones; `impossible`: by 0, or -2^63 by -1. */
function divideSigned64(
  b: Builder,
  dividend: number,
  divisor: number,
  quotient: number,
  remainder: number,
  impossible: number,
): void {
  b.local_get(divisor).i64_eqz();
  b.local_get(divisor).i64_const32(-1).i64_eq();
  b.local_get(dividend).i64_const_parts(0, -0x80000000).i64_eq().i32_and().i32_or();
  b.local_tee(impossible).i32_eqz().if_();
  divide(b, "s", dividend, divisor, quotient, remainder);
  b.end();
}

export const multiplyRows: readonly X86Row[] = [
  x86("MUL Eb", "f6 /4", "base", multiplyUnsigned),
  x86("MUL Ev", "f7 /4", "base", multiplyUnsigned),
  x86("IMUL Eb", "f6 /5", "base", multiplySigned),
  x86("IMUL Ev", "f7 /5", "base", multiplySigned),
  x86("IMUL Gv,Ev", "0f af /r", "base", multiplyInto),
  x86("IMUL Gv,Ev,Iz", "69 /r", "base", multiplyInto),
  x86("IMUL Gv,Ev,Ib", "6b /r", "base", multiplyInto),
  x86("MULX Gy,By,Ey", "VEX.F2.0F38 f6 /r", "bmi2", multiplyExtended),
  x86("DIV Eb", "f6 /6", "base", divideUnsigned),
  x86("DIV Ev", "f7 /6", "base", divideUnsigned),
  x86("IDIV Eb", "f6 /7", "base", divideSigned),
  x86("IDIV Ev", "f7 /7", "base", divideSigned),
];
