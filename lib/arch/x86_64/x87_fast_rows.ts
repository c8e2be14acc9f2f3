/**
 * Semantics of x87 instructions for what is most frequent (x87_fast_code.ts); what is not goes to the
 * host by `Fault.byHost`, before anything has changed.
 */
import type { Builder } from "../../engine/builder.ts";
import type { StateField } from "../../engine/layout.ts";
import { Fault } from "./fault_numbers.ts";
import { Flags } from "./flags.ts";
import { field } from "./layout.ts";
import { checkPending } from "./mmx_operands.ts";
import type { Operand, Operands } from "./operands.ts";
import type { X86Semantics } from "./row.ts";
import { Segment } from "./state.ts";
import { CONDITIONS } from "./x87_arithmetic.ts";
import { REGISTERS, SIGN } from "./x87_fast_code.ts";
import { REFUSED_DOUBLE, REFUSED_INTEGER, REFUSED_SINGLE } from "./x87_fast_conversion.ts";
import { C1, ONE } from "./x87_float.ts";
import { CONTROL_FIXED, CONTROL_WRITABLE, Status } from "./x87_unit.ts";

const FCW = field("fcw");
const FSW = field("fsw");

/** [i32] -> [] the host executes the instruction if it is 0. */
function orByHost(b: Builder): void {
  b.i32_eqz();
  b.faultIf(Fault.byHost);
}

/** A number in new locals. */
interface NumberTemps {
  readonly significand: number;
  readonly head: number;
}

/** [] -> [] a new local with the offset of ST(i) from the first register. */
function offsetOf(b: Builder, i: number): number {
  const offset = b.temp("i32");
  b.i32_const(i);
  b.callHelper("x87.at");
  b.local_tee(offset).i32_const(0).i32_lt_s();
  b.faultIf(Fault.byHost);
  return offset;
}

/** [] -> [i64 significand, i32 head] of the register at an offset in a local. */
function pushRegister(b: Builder, offset: number): void {
  b.local_get(offset).i64_load(REGISTERS).local_get(offset).i32_load16_u(REGISTERS + 8);
}

/** [] -> [] copies a register to another; offsets in locals. */
function copyRegister(b: Builder, to: number, from: number): void {
  b.local_get(to).local_get(from).v128_load(REGISTERS).v128_store(REGISTERS);
}

function clearC1(b: Builder): void {
  b.getState(FSW);
  b.i32_const(~C1).i32_and();
  b.setState(FSW);
}

/** Notes where the instruction and its memory operand lie. */
function note(b: Builder, o: Operands): void {
  const long = o.codeSize === 8;
  b.pc();
  if (!long) {
    b.getState(field("segmentBase"), Segment.cs);
    b.i64_sub().i32_wrap_i64().i64_extend_i32_u();
  }
  b.setState(field("fip"));
  b.i32_const(0);
  b.setState(field("fcs"));
  for (let n = 0; n < o.length; n++) {
    if (!o[n].isMemory) continue;
    o[n].offset(b);
    b.setState(field("fdp"));
    b.i32_const(0);
    b.setState(field("fds"));
  }
}

/** An instruction that waits for pending exceptions and is noted. */
const ordinary = (semantics: X86Semantics): X86Semantics => (b, o) => {
  checkPending(b);
  semantics(b, o);
  note(b, o);
};

/** [value] -> [] of a memory operand into new locals. */
type Source = (b: Builder, p: Operand) => NumberTemps;

const convert = (name: string, type: "i32" | "i64"): Source => (b, p) => {
  const [value, significand, head] = [b.temp(type), b.temp("i64"), b.temp("i32")];
  p.get(b);
  if (type === "i64" && p.size === 2) b.i32_extend16_s();
  if (type === "i64" && p.size < 8) b.i64_extend_i32_s();
  b.local_tee(value);
  b.callHelper(`x87.${name}.significand`);
  b.local_set(significand).local_get(value);
  b.callHelper(`x87.${name}.head`);
  b.local_set(head);
  return { significand, head };
};
const SINGLE = convert("single", "i32");
const DOUBLE = convert("double", "i64");
const INTEGER = convert("integer", "i64");

/** The i of the operand ST(i), of the two that are registers the one that is not ST. */
function stackNumber(o: Operands): number {
  let i = 0;
  for (let n = 0; n < o.length; n++) i = Math.max(i, o[n].number);
  return i;
}

/** How a helper is used: its name, whether the operands change places, whether the second is negated. */
interface Operation {
  readonly helper: string;
  readonly reverse?: boolean;
  readonly negate?: boolean;
}

/** ST(to) = ST(to) operation y; `y` pushes significand and head. */
function apply(b: Builder, operation: Operation, to: number, y: () => void): void {
  const { helper, reverse = false, negate = false } = operation;
  const x = (): void => pushRegister(b, to);
  if (reverse) y();
  else x();
  if (reverse) x();
  else y();
  if (negate) b.i32_const(SIGN).i32_xor();
  b.local_get(to);
  b.callHelper(`x87.${helper}`);
  orByHost(b);
}

const withMemory = (operation: Operation, source: Source): X86Semantics =>
  ordinary((b, o) => {
    o[0].probe(b, "r");
    const { significand, head } = source(b, o[0]);
    const to = offsetOf(b, 0);
    apply(b, operation, to, () => b.local_get(significand).local_get(head));
  });

const withRegister = (operation: Operation, toStack: boolean, pop: boolean): X86Semantics =>
  ordinary((b, o) => {
    const [top, other] = [offsetOf(b, 0), offsetOf(b, stackNumber(o))];
    const [to, from] = toStack ? [other, top] : [top, other];
    apply(b, operation, to, () => pushRegister(b, from));
    if (pop) b.callHelper("x87.pop");
  });

const OPERATIONS: readonly (readonly [string, Operation])[] = [
  ["ADD", { helper: "add" }],
  ["SUB", { helper: "add", negate: true }],
  ["SUBR", { helper: "add", negate: true, reverse: true }],
  ["MUL", { helper: "mul" }],
  ["DIV", { helper: "div" }],
  ["DIVR", { helper: "div", reverse: true }],
];

// ---- comparisons

/** [] -> [i32] order of ST(0) and `y` as flags; the host says what others are. */
function order(b: Builder, y: () => void): number {
  const flags = b.temp("i32");
  pushRegister(b, offsetOf(b, 0));
  y();
  b.callHelper("x87.compare");
  b.local_tee(flags).i32_const(0).i32_lt_s();
  b.faultIf(Fault.byHost);
  return flags;
}

const toFlags = (pop: boolean): X86Semantics =>
  ordinary((b, o) => {
    const other = offsetOf(b, stackNumber(o));
    const flags = order(b, () => pushRegister(b, other));
    b.local_get(flags).i64_extend_i32_u();
    b.setFlags(Flags.status);
    if (pop) b.callHelper("x87.pop");
  });

/** CF and ZF shifted by this are C0 and C3. */
const FLAGS_TO_CONDITIONS = 8;

/** `pushOther` gives what pushes the second number. */
const toConditions = (
  other: (b: Builder, o: Operands) => () => void,
  pops: number,
): X86Semantics =>
  ordinary((b, o) => {
    const flags = order(b, other(b, o));
    b.getState(FSW);
    b.i32_const(~CONDITIONS).i32_and();
    b.local_get(flags).i32_const(FLAGS_TO_CONDITIONS).i32_shl().i32_or();
    b.setState(FSW);
    for (let n = 0; n < pops; n++) b.callHelper("x87.pop");
  });

const ofMemory = (source: Source) => (b: Builder, o: Operands): () => void => {
  o[0].probe(b, "r");
  const { significand, head } = source(b, o[0]);
  return () => b.local_get(significand).local_get(head);
};
const ofRegister = (i?: number) => (b: Builder, o: Operands): () => void => {
  const offset = offsetOf(b, i ?? stackNumber(o));
  return () => pushRegister(b, offset);
};
const ofZero = (b: Builder) => (): void => {
  b.i64_const32(0).i32_const(0);
};

// ---- loads and stores

/** [i64 significand, i32 head] -> [] pushes a number. */
function pushNumber(b: Builder): void {
  b.callHelper("x87.push");
  orByHost(b);
}

const load = (source: Source): X86Semantics =>
  ordinary((b, o) => {
    o[0].probe(b, "r");
    const { significand, head } = source(b, o[0]);
    b.local_get(significand).local_get(head);
    pushNumber(b);
  });

const loadRegister: X86Semantics = ordinary((b, o) => {
  pushRegister(b, offsetOf(b, stackNumber(o)));
  pushNumber(b);
});

const loadConstant = (significand: bigint, head: number): X86Semantics =>
  ordinary((b) => {
    b.i64_const(BigInt.asIntN(64, significand)).i32_const(head);
    pushNumber(b);
  });

/** FST, FSTP of single and double precision. */
const store = (pop: boolean): X86Semantics =>
  ordinary((b, o) => {
    const long = o[0].size === 8;
    const bits = b.temp(long ? "i64" : "i32");
    o[0].probe(b, "w");
    pushRegister(b, offsetOf(b, 0));
    b.callHelper(long ? "x87.to.double" : "x87.to.single");
    b.local_tee(bits);
    if (long) b.i64_const_parts(...REFUSED_DOUBLE).i64_eq();
    else b.i32_const(REFUSED_SINGLE).i32_eq();
    b.faultIf(Fault.byHost);
    b.local_get(bits);
    o[0].set(b);
    if (pop) b.callHelper("x87.pop");
  });

const storeInteger = (pop: boolean, truncate = false): X86Semantics =>
  ordinary((b, o) => {
    const bits = b.temp("i64");
    o[0].probe(b, "w");
    pushRegister(b, offsetOf(b, 0));
    b.i32_const(8 * o[0].size).i32_const(truncate ? 1 : 0);
    b.callHelper("x87.to.integer");
    b.local_tee(bits).i64_const_parts(...REFUSED_INTEGER).i64_eq();
    b.faultIf(Fault.byHost);
    b.local_get(bits);
    if (o[0].size < 8) b.i32_wrap_i64();
    o[0].set(b);
    if (pop) b.callHelper("x87.pop");
  });

/** FST ST(i) and FSTP ST(i), which must not be empty here. */
const storeRegister = (pop: boolean): X86Semantics =>
  ordinary((b, o) => {
    const [top, to] = [offsetOf(b, 0), offsetOf(b, stackNumber(o))];
    copyRegister(b, to, top);
    clearC1(b);
    if (pop) b.callHelper("x87.pop");
  });

const exchange: X86Semantics = ordinary((b, o) => {
  const [top, other] = [offsetOf(b, 0), offsetOf(b, stackNumber(o))];
  const value = b.temp("v128");
  b.local_get(other).v128_load(REGISTERS).local_set(value);
  copyRegister(b, other, top);
  b.local_get(top).local_get(value).v128_store(REGISTERS);
  clearC1(b);
});

/** FCHS and FABS: [i32 head] -> [i32 head]. */
const changeSign = (change: (b: Builder) => void): X86Semantics =>
  ordinary((b) => {
    const top = offsetOf(b, 0);
    b.local_get(top).local_get(top).i32_load16_u(REGISTERS + 8);
    change(b);
    b.i32_store16(REGISTERS + 8);
    clearC1(b);
  });

// ---- control: not noted

/** FNSTCW and FNSTSW: do not wait. */
const storeWord = (word: StateField): X86Semantics => (b, o) => {
  o[0].probe(b, "w");
  b.getState(word);
  o[0].set(b);
};

/** FLDCW: exceptions that become unmasked are pending. */
const loadControl: X86Semantics = (b, o) => {
  checkPending(b);
  o[0].probe(b, "r");
  o[0].get(b);
  b.i32_const(CONTROL_WRITABLE).i32_and().i32_const(CONTROL_FIXED).i32_or();
  b.setState(FCW);
  b.i32_const(Status.summary | Status.busy).i32_const(0).getState(FSW);
  b.getState(FCW);
  b.i32_const(-1).i32_xor().i32_and().i32_const(Status.exceptions).i32_and().select();
  b.getState(FSW);
  b.i32_const(~(Status.summary | Status.busy)).i32_and().i32_or();
  b.setState(FSW);
};

const INTEGER_BIT = 1n << 63n;

/** Semantics by the title of their rows. */
export const fastSemantics: ReadonlyMap<string, X86Semantics> = new Map<string, X86Semantics>([
  ...OPERATIONS.flatMap(([name, operation]): [string, X86Semantics][] => [
    [`F${name} M4`, withMemory(operation, SINGLE)],
    [`F${name} M8`, withMemory(operation, DOUBLE)],
    [`FI${name} M2`, withMemory(operation, INTEGER)],
    [`FI${name} M4`, withMemory(operation, INTEGER)],
    [`F${name} ST,STi`, withRegister(operation, false, false)],
    [`F${name} STi,ST`, withRegister(operation, true, false)],
    [`F${name}P STi,ST`, withRegister(operation, true, true)],
  ]),
  ["FCOMI ST,STi", toFlags(false)],
  ["FUCOMI ST,STi", toFlags(false)],
  ["FCOMIP ST,STi", toFlags(true)],
  ["FUCOMIP ST,STi", toFlags(true)],
  ...["", "P"].flatMap((letter, pops): [string, X86Semantics][] => [
    [`FCOM${letter} M4`, toConditions(ofMemory(SINGLE), pops)],
    [`FCOM${letter} M8`, toConditions(ofMemory(DOUBLE), pops)],
    [`FICOM${letter} M2`, toConditions(ofMemory(INTEGER), pops)],
    [`FICOM${letter} M4`, toConditions(ofMemory(INTEGER), pops)],
    [`FCOM${letter} STi`, toConditions(ofRegister(), pops)],
    [`FUCOM${letter} STi`, toConditions(ofRegister(), pops)],
  ]),
  ["FCOMPP", toConditions(ofRegister(1), 2)],
  ["FUCOMPP", toConditions(ofRegister(1), 2)],
  ["FTST", toConditions(ofZero, 0)],
  ["FLD M4", load(SINGLE)],
  ["FLD M8", load(DOUBLE)],
  ["FLD STi", loadRegister],
  ["FILD M2", load(INTEGER)],
  ["FILD M4", load(INTEGER)],
  ["FILD M8", load(INTEGER)],
  ["FLD1", loadConstant(INTEGER_BIT, Number(ONE >> 64n))],
  ["FLDZ", loadConstant(0n, 0)],
  ["FST M4", store(false)],
  ["FST M8", store(false)],
  ["FSTP M4", store(true)],
  ["FSTP M8", store(true)],
  ["FST STi", storeRegister(false)],
  ["FSTP STi", storeRegister(true)],
  ["FIST M2", storeInteger(false)],
  ["FIST M4", storeInteger(false)],
  ["FISTP M2", storeInteger(true)],
  ["FISTP M4", storeInteger(true)],
  ["FISTP M8", storeInteger(true)],
  ["FISTTP M2", storeInteger(true, true)],
  ["FISTTP M4", storeInteger(true, true)],
  ["FISTTP M8", storeInteger(true, true)],
  ["FXCH STi", exchange],
  ["FNSTCW M2", storeWord(FCW)],
  ["FNSTSW M2", storeWord(FSW)],
  ["FNSTSW AX", storeWord(FSW)],
  ["FLDCW M2", loadControl],
  ["FCHS", changeSign((b) => b.i32_const(SIGN).i32_xor())],
  ["FABS", changeSign((b) => b.i32_const(SIGN - 1).i32_and())],
]);
