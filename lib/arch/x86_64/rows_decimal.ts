/**
 * Decimal adjustment, BOUND and SALC (SDM volume 1, 5.1.3, 5.1.7): not valid in 64-bit mode. Flags that
 * are undefined: those of AAA and AAS other than AF and CF stay as they are; OF is clear after the
 * others.
 */
import type { Builder } from "../../engine/builder.ts";
import { Fault } from "./fault_numbers.ts";
import { Carries, Condition, flagKind, Flags, pushStatus, Status } from "./flags.ts";
import { AH, AL, RAX } from "./implicit_registers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { widenSigned } from "./sized.ts";

/** [] -> [i32 local] whether the low digit of AL, in a local, is above 9 or AF is set. */
function adjusts(b: Builder, al: number): number {
  const adjust = b.temp("i32");
  b.local_get(al).i32_const(15).i32_and().i32_const(9).i32_gt_u();
  b.condition(Condition.A);
  b.i32_or().local_set(adjust);
  return adjust;
}

/** AAA, AAS: AX changes by 106h, AL keeps its low digit. */
const adjustAscii = (name: "add" | "sub"): X86Semantics => (b) => {
  const [al, flags] = [b.temp("i32"), b.temp("i32")];
  b.get8(AL);
  b.local_set(al);
  const adjust = adjusts(b, al);
  pushStatus(b);
  b.i32_const(~(Status.AF | Status.CF)).i32_and();
  b.local_get(adjust).i32_const(Status.AF | Status.CF).i32_mul().i32_or().local_set(flags);
  b.get16(RAX);
  b.local_get(adjust).i32_const(0x106).i32_mul()[`i32_${name}`]().i32_const(0xff0f).i32_and();
  b.set16(RAX);
  b.local_get(flags).i64_extend_i32_u();
  b.setFlags(Flags.status);
};

/** DAA, DAS: the low digit by 6, the high one by 60h. */
const adjustDecimal = (name: "add" | "sub"): X86Semantics => (b) => {
  const [al, carry] = [b.temp("i32"), b.temp("i32")];
  b.get8(AL);
  b.local_set(al);
  const adjust = adjusts(b, al);
  b.local_get(al).i32_const(0x99).i32_gt_u();
  b.condition(Condition.B);
  b.i32_or().local_set(carry);
  b.local_get(al);
  b.local_get(adjust).i32_const(6).i32_mul()[`i32_${name}`]();
  b.local_get(carry).i32_const(0x60).i32_mul()[`i32_${name}`]();
  if (name === "sub") {
    // Below 6, the first step borrows.
    b.local_get(al).i32_const(6).i32_lt_u().local_get(adjust).i32_and();
    b.local_get(carry).i32_or().local_set(carry);
  }
  b.local_tee(al);
  b.set8(AL);
  b.local_get(al).i64_extend_i32_s().i64_extend8_s();
  b.i32_const(0).local_get(carry).i32_sub().i64_extend_i32_s();
  b.i64_const_parts(0, Carries.out | Carries.into).i64_and();
  b.local_get(adjust).i32_const(3).i32_shl().i64_extend_i32_u().i64_or();
  b.setFlags(Flags.mixed);
};

/** [i32 AL] -> [] sets AL, and flags by it. */
function setAl(b: Builder): void {
  const al = b.temp("i32");
  b.i32_const(0xff).i32_and().local_tee(al);
  b.set8(AL);
  b.local_get(al).i64_extend_i32_u();
  b.setFlags(flagKind(Flags.logic, 1));
}

/** AAM: the digits of AL to the base of the operand. */
const splitDigits: X86Semantics = (b, o) => {
  const [al, base] = [b.temp("i32"), b.temp("i32")];
  o[0].unsigned(b);
  b.local_tee(base).i32_eqz();
  b.faultIf(Fault.divideError);
  b.get8(AL);
  b.local_tee(al).local_get(base).i32_div_u();
  b.set8(AH);
  b.local_get(al).local_get(base).i32_rem_u();
  setAl(b);
};

/** AAD: the reverse; AH becomes 0. */
const joinDigits: X86Semantics = (b, o) => {
  b.get8(AL);
  b.get8(AH);
  o[0].unsigned(b);
  b.i32_mul().i32_add();
  b.i32_const(0);
  b.set8(AH);
  setAl(b);
};

/** SALC: AL becomes all ones or zeros by CF. */
const setAlIfCarry: X86Semantics = (b) => {
  b.i32_const(0);
  b.condition(Condition.B);
  b.i32_sub();
  b.set8(AL);
};

/** BOUND: a signed index within the two bounds at the address. */
const bound: X86Semantics = (b, o) => {
  const { size } = o;
  const [index, place] = [b.temp("i64"), b.temp("i32")];
  o[1].address(b);
  b.readAddress(size === 2 ? 4 : 8);
  b.local_set(place);
  o[0].get(b);
  widenSigned(b, size);
  b.local_set(index);
  const limit = (at: number): void => {
    b.local_get(place);
    if (size === 2) b.i64_load16_s(at);
    else b.i64_load32_s(at);
  };
  b.local_get(index);
  limit(0);
  b.i64_lt_s().local_get(index);
  limit(size);
  b.i64_gt_s().i32_or();
  b.faultIf(Fault.boundRange);
};

const i64 = { i64: true } as const;

export const decimalRows: readonly X86Row[] = [
  x86("DAA", "27", "base", adjustDecimal("add"), i64),
  x86("DAS", "2f", "base", adjustDecimal("sub"), i64),
  x86("AAA", "37", "base", adjustAscii("add"), i64),
  x86("AAS", "3f", "base", adjustAscii("sub"), i64),
  x86("AAM Ib", "d4", "base", splitDigits, i64),
  x86("AAD Ib", "d5", "base", joinDigits, i64),
  x86("SALC", "d6", "base", setAlIfCarry, i64),
  x86("BOUND Gv,M0", "62 /r", "base", bound, i64),
];
