/**
 * Sums, differences and comparisons, with and without carry (SDM volume 1, 5.1.2). Products and
 * quotients are in rows_multiply.ts.
 */
import type { Builder } from "../../engine/builder.ts";
import { pushCarries } from "./flag_operations.ts";
import { Condition, flagKind, Flags } from "./flags.ts";
import { group1 } from "./group1.ts";
import { atomicIf, modify } from "./read_modify_write.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { constant, cut, fromI32, local, op, widen, widenSigned } from "./sized.ts";

/** [] -> [] flags of a sum or difference of values in locals. */
export function setSumFlags(
  b: Builder,
  size: number,
  name: "add" | "sub",
  x: number,
  y: number,
): void {
  b.local_get(x);
  widen(b, size);
  b.local_get(y);
  widen(b, size);
  b.setFlags(flagKind(Flags[name], size));
}

const sum = (name: "add" | "sub"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const y = local(b, size);
  o[1].get(b);
  b.local_set(y);
  const operand = (): void => {
    b.local_get(y);
  };
  const x = modify(b, o[0], (old) => {
    b.local_get(old).local_get(y);
    op(b, size, name);
  }, atomicIf(o, name, operand));
  setSumFlags(b, size, name, x, y);
};

const compare: X86Semantics = (b, o) => {
  const { size } = o[0];
  o[0].get(b);
  widen(b, size);
  o[1].get(b);
  widen(b, size);
  b.setFlags(flagKind(Flags.sub, size));
};

// ---- with carry

const sumWithCarry = (name: "add" | "sub"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const y = local(b, size);
  const carry = b.temp("i32");
  o[1].get(b);
  b.local_set(y);
  b.condition(Condition.B);
  b.local_set(carry);
  const operand = (): void => {
    b.local_get(y).local_get(carry);
    fromI32(b, size);
    op(b, size, "add");
  };
  const x = modify(b, o[0], (old) => {
    b.local_get(old);
    operand();
    op(b, size, name);
  }, atomicIf(o, name, operand));
  setCarryFlags(b, size, name, x, y, carry);
};

/** [] -> [] flags of x + y + carry or x - y - carry, all in locals. */
function setCarryFlags(
  b: Builder,
  size: number,
  name: "add" | "sub",
  first: number,
  second: number,
  carry: number,
): void {
  const [x, y, result] = [b.temp("i64"), b.temp("i64"), b.temp("i64")];
  b.local_get(first);
  widen(b, size);
  b.local_set(x).local_get(second);
  widen(b, size);
  b.local_set(y);
  b.local_get(x).local_get(y)[`i64_${name}`]();
  b.local_get(carry).i64_extend_i32_u()[`i64_${name}`]().local_tee(result);
  if (size < 8) {
    b.i32_wrap_i64();
    widenSigned(b, size);
  }
  pushCarries(b, 8 * size, name, x, y, () => b.local_get(result));
  b.setFlags(Flags.mixed);
}

// ---- of one operand

const step = (name: "inc" | "dec"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const operation = name === "inc" ? "add" : "sub";
  const carry = b.temp("i32");
  const one = (): void => constant(b, size, 1);
  const stepped = (old: number): void => {
    b.local_get(old);
    one();
    op(b, size, operation);
  };
  const old = modify(b, o[0], stepped, atomicIf(o, operation, one));
  b.condition(Condition.B);
  b.local_set(carry);
  stepped(old);
  cut(b, size);
  widen(b, size);
  b.local_get(carry).i64_extend_i32_u();
  b.setFlags(flagKind(Flags[name], size));
};

/** Locked, it is atomic because vCPUs take turns. */
const negate: X86Semantics = (b, o) => {
  const { size } = o[0];
  const old = modify(b, o[0], (old) => {
    constant(b, size, 0);
    b.local_get(old);
    op(b, size, "sub");
  }, undefined);
  b.i64_const32(0).local_get(old);
  widen(b, size);
  b.setFlags(flagKind(Flags.sub, size));
};

export const arithmeticRows: readonly X86Row[] = [
  ...group1("ADD", 0, sum("add")),
  ...group1("ADC", 2, sumWithCarry("add")),
  ...group1("SBB", 3, sumWithCarry("sub")),
  ...group1("SUB", 5, sum("sub")),
  ...group1("CMP", 7, compare),
  x86("INC Eb", "fe /0", "base", step("inc"), { lock: true }),
  x86("INC Ev", "ff /0", "base", step("inc"), { lock: true }),
  x86("INC Zv", "40+r", "base", step("inc"), { i64: true }),
  x86("DEC Eb", "fe /1", "base", step("dec"), { lock: true }),
  x86("DEC Ev", "ff /1", "base", step("dec"), { lock: true }),
  x86("DEC Zv", "48+r", "base", step("dec"), { i64: true }),
  x86("NEG Eb", "f6 /3", "base", negate, { lock: true }),
  x86("NEG Ev", "f7 /3", "base", negate, { lock: true }),
];
