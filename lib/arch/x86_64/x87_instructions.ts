/**
 * What each x87 instruction does (SDM volume 1, 8.3; volume 2): operations by the title of their rows,
 * which are in x87_rows.ts. Control instructions stand in x87_control.ts.
 */
import { Exception } from "../fp/softfloat_format.ts";
import { Status as Flag } from "./flags.ts";
import * as arithmetic from "./x87_arithmetic.ts";
import { Condition, type Order } from "./x87_arithmetic.ts";
import * as conversion from "./x87_conversion.ts";
import {
  absolute,
  C1,
  type Environment,
  INDEFINITE,
  negate,
  ONE,
  unpack,
  type Unpacked,
} from "./x87_float.ts";
import * as functions from "./x87_functions.ts";
import type { Constants } from "./x87_series.ts";
import type { X87Unit } from "./x87_unit.ts";

/** What an instruction works on. Accesses that fault throw, before anything has changed. */
export interface X87Context {
  readonly fpu: X87Unit;
  /** The i of its operand ST(i); 0 if it has none. */
  readonly i: number;
  /** Bytes of the operand size: 2, 4, 8. */
  readonly size: number;
  /** Reads of the memory operand, little endian. */
  load(size: number, offset?: number): bigint;
  /** Makes sure that `store` into so many bytes will not fault. */
  probe(size: number): void;
  store(size: number, bits: bigint, offset?: number): void;
  /** CF, PF and ZF, in their places in RFLAGS. */
  readonly flags: number;
  /** Sets these three, and clears OF, SF and AF. */
  compared(flags: number): void;
  setAx(value: number): void;
}

/** Executes one instruction. */
export type Operation = (x: X87Context) => void;

// ---- arithmetic

type Binary = (x: Unpacked, y: Unpacked, env: Environment) => bigint;

const BINARY: readonly (readonly [name: string, operation: Binary])[] = [
  ["ADD", arithmetic.add],
  ["MUL", arithmetic.mul],
  ["SUB", (x, y, env) => arithmetic.add(x, y, env, true)],
  ["SUBR", (x, y, env) => arithmetic.add(y, x, env, true)],
  ["DIV", arithmetic.div],
  ["DIVR", (x, y, env) => arithmetic.div(y, x, env)],
];

/** Whether registers hold something. If not, the stack fault is raised; `to` gets its answer if masked. */
function usable(fpu: X87Unit, to: number, ...registers: readonly number[]): boolean {
  if (!registers.some((i) => fpu.isEmpty(i))) return true;
  if (fpu.stackFault(false)) fpu.set(to, INDEFINITE);
  return false;
}

/** ST(to) = operation(ST(to), y); whether there is a result. */
function apply(fpu: X87Unit, operation: Binary, to: number, y: Unpacked): boolean {
  const env = fpu.begin();
  const result = operation(unpack(fpu.get(to)), y, env);
  if (!fpu.finish(env)) return false;
  fpu.set(to, result);
  return true;
}

const withRegister = (operation: Binary): Operation => ({ fpu, i }) => {
  if (usable(fpu, 0, 0, i)) apply(fpu, operation, 0, unpack(fpu.get(i)));
};

const toRegister = (operation: Binary, pop: boolean): Operation => ({ fpu, i }) => {
  let done: boolean;
  if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
    done = fpu.stackFault(false);
    if (done) fpu.set(i, INDEFINITE);
  } else {
    done = apply(fpu, operation, i, unpack(fpu.get(0)));
  }
  if (done && pop) fpu.pop();
};

/** Reads the memory operand as a number. */
type Source = (x: X87Context) => Unpacked;
const SINGLE: Source = (x) => conversion.unpackFloat(4, x.load(4));
const DOUBLE: Source = (x) => conversion.unpackFloat(8, x.load(8));
const WORD: Source = (x) => conversion.unpackInteger(2, x.load(2));
const DWORD: Source = (x) => conversion.unpackInteger(4, x.load(4));
const QWORD: Source = (x) => conversion.unpackInteger(8, x.load(8));
const DECIMAL: Source = (x) => unpack(conversion.fromDecimal(x.load(10)));

const withMemory = (operation: Binary, source: Source): Operation => (x) => {
  const y = source(x);
  if (usable(x.fpu, 0, 0)) apply(x.fpu, operation, 0, y);
};

type Unary = (x: Unpacked, env: Environment) => bigint;

const unary = (operation: Unary): Operation => ({ fpu }) => {
  if (usable(fpu, 0, 0)) apply(fpu, (x, _, env) => operation(x, env), 0, unpack(0n));
};

/** ST(1) = operation(ST(1), ST(0)), and ST(0) is popped. */
const reduceStack = (operation: Binary): Operation => (x) =>
  toRegister(operation, true)({ ...x, fpu: x.fpu, i: 1 });

/** Changes the sign, whatever ST(0) is. */
const changeSign = (change: (bits: bigint) => bigint): Operation => ({ fpu }) => {
  if (!usable(fpu, 0, 0)) return;
  fpu.begin();
  fpu.set(0, change(fpu.get(0)));
};

const remainder = (nearest: boolean): Operation => ({ fpu }) => {
  fpu.conditions &= ~Condition.c2;
  if (!usable(fpu, 0, 0, 1)) return;
  const env = fpu.begin();
  const { bits, conditions } = arithmetic.remainder(
    unpack(fpu.get(0)),
    unpack(fpu.get(1)),
    nearest,
    env,
  );
  if (!fpu.finish(env)) return;
  fpu.set(0, bits);
  if (conditions !== undefined) fpu.conditions = conditions;
};

/** ST(0) becomes the first result, the second is pushed. */
function replaceAndPush(fpu: X87Unit, results: readonly [bigint, bigint]): void {
  fpu.set(0, results[0]);
  fpu.push(results[1]);
}

/** Whether ST(0) holds something and a second result can be pushed; else the stack fault is dealt with. */
function hasRoom(fpu: X87Unit): boolean {
  const empty = fpu.isEmpty(0);
  if (!empty && fpu.isEmpty(7)) return true;
  if (fpu.stackFault(!empty)) replaceAndPush(fpu, [INDEFINITE, INDEFINITE]);
  return false;
}

const extract: Operation = ({ fpu }) => {
  if (!hasRoom(fpu)) return;
  const env = fpu.begin();
  const results = arithmetic.extract(unpack(fpu.get(0)), env);
  if (fpu.finish(env)) replaceAndPush(fpu, results);
};

// ---- transcendental

const sineOrCosine = (name: "sin" | "cos"): Operation => ({ fpu }) => {
  fpu.conditions &= ~Condition.c2;
  if (!usable(fpu, 0, 0)) return;
  const env = fpu.begin();
  const result = functions.trigonometric(name, unpack(fpu.get(0)), env);
  if (result === undefined) fpu.conditions |= Condition.c2;
  else if (fpu.finish(env)) fpu.set(0, result);
};

/** FPTAN and FSINCOS: two results, the second is pushed. A NaN is both of them. */
const pushing =
  (second: (x: Unpacked, env: Environment) => bigint, name: "sin" | "tan"): Operation =>
  ({ fpu }) => {
    fpu.conditions &= ~Condition.c2;
    if (!hasRoom(fpu)) return;
    const env = fpu.begin();
    const x = unpack(fpu.get(0));
    const first = functions.trigonometric(name, x, env);
    if (first === undefined) {
      fpu.conditions |= Condition.c2;
      return;
    }
    const results = [first, second(x, env)] as const;
    if (fpu.finish(env)) replaceAndPush(fpu, results);
  };

const cosine = (x: Unpacked, env: Environment): bigint =>
  functions.trigonometric("cos", x, env) ?? 0n;

/** What FPTAN pushes: 1, or what an invalid operand has given. */
const oneOrNan = (x: Unpacked, env: Environment): bigint =>
  x.kind === "zero" || x.kind === "finite" ? ONE : cosine(x, env);

// ---- comparisons: the result is there, but nothing is popped, if an exception is not masked

const orderConditions = (order: Order): number =>
  order === undefined
    ? Condition.c3 | Condition.c2 | Condition.c0
    : order < 0
    ? Condition.c0
    : order === 0
    ? Condition.c3
    : 0;

const orderFlags = (order: Order): number =>
  order === undefined
    ? Flag.ZF | Flag.PF | Flag.CF
    : order < 0
    ? Flag.CF
    : order === 0
    ? Flag.ZF
    : 0;

/** Whether quiet NaNs are not invalid, and how many registers are popped. */
interface Comparison {
  readonly quietly?: boolean;
  readonly pops?: number;
}

function popAll(fpu: X87Unit, count: number): void {
  for (let n = 0; n < count; n++) fpu.pop();
}

/** ST(i) as an operand; undefined if it is empty. */
const register = (fpu: X87Unit, i: number): Unpacked | undefined =>
  fpu.isEmpty(i) ? undefined : unpack(fpu.get(i));

const compare = (
  source: (x: X87Context) => Unpacked | undefined,
  { quietly = false, pops = 0 }: Comparison = {},
): Operation =>
(x) => {
  const { fpu } = x;
  const y = source(x);
  let done: boolean;
  let order: Order;
  if (fpu.isEmpty(0) || y === undefined) {
    done = fpu.stackFault(false);
  } else {
    const env = fpu.begin();
    order = arithmetic.compare(unpack(fpu.get(0)), y, quietly, env);
    done = fpu.finish(env);
  }
  fpu.conditions = orderConditions(order);
  if (done) popAll(fpu, pops);
};

/** FCOMI and its like. C1 stays. */
const compareToFlags = ({ quietly = false, pops = 0 }: Comparison): Operation => (x) => {
  const { fpu, i } = x;
  let done: boolean;
  let order: Order;
  if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
    done = fpu.stackFault(false);
  } else {
    const env = fpu.environment;
    order = arithmetic.compare(unpack(fpu.get(0)), unpack(fpu.get(i)), quietly, env);
    done = fpu.finish(env);
  }
  x.compared(orderFlags(order));
  if (done) popAll(fpu, pops);
};

const STI = (x: X87Context): Unpacked | undefined => register(x.fpu, x.i);
const ST1 = (x: X87Context): Unpacked | undefined => register(x.fpu, 1);

const examine: Operation = ({ fpu }) => {
  const empty = fpu.isEmpty(0) ? Condition.c3 | Condition.c0 : undefined;
  const x = unpack(fpu.get(0));
  const sign = x.sign === 1 ? Condition.c1 : 0;
  fpu.conditions = empty === undefined ? arithmetic.examine(x) : sign | empty;
};

// ---- loads and stores

const load = (source: Source): Operation => (x) => {
  const { fpu } = x;
  const value = source(x);
  if (!fpu.canPush()) return;
  const env = fpu.begin();
  const result = conversion.load(value, env);
  fpu.finish(env);
  // A denormal is loaded even if that is not masked.
  if ((env.flags & ~env.masks & Exception.invalid) === 0) fpu.push(result);
};

/** Numbers in the x87 format are loaded and stored as they are. */
const loadExtended: Operation = (x) => {
  const bits = x.load(10);
  if (!x.fpu.canPush()) return;
  x.fpu.begin();
  x.fpu.push(bits);
};

const loadRegister: Operation = ({ fpu, i }) => {
  let bits = fpu.get(i);
  if (fpu.isEmpty(i)) {
    if (!fpu.stackFault(false)) return;
    bits = INDEFINITE;
    fpu.push(bits);
    return;
  }
  if (!fpu.canPush()) return;
  fpu.begin();
  fpu.push(bits);
};

const loadConstant = (bits: (env: Environment) => bigint): Operation => ({ fpu }) => {
  if (!fpu.canPush()) return;
  fpu.push(bits(fpu.begin()));
};
const named = (name: keyof Constants): Operation =>
  loadConstant((env) => functions.constant(name, env));

/** What is stored of ST(0), and of an empty register. */
interface Store {
  readonly size: number;
  readonly indefinite: bigint;
  convert(x: Unpacked, env: Environment): bigint;
}

const floatStore = (size: 4 | 8): Store => ({
  size,
  indefinite: size === 4 ? 0xffc00000n : 0xfff80000_00000000n,
  convert: (x, env) => conversion.toFloat(size, x, env),
});
const integerStore = (size: 2 | 4 | 8, truncate = false): Store => ({
  size,
  indefinite: conversion.integerIndefinite(size),
  convert: (x, env) => conversion.toInteger(size, x, truncate, env),
});
const decimalStore: Store = {
  size: 10,
  indefinite: conversion.DECIMAL_INDEFINITE,
  convert: conversion.toDecimal,
};
const extendedStore: Store = { size: 10, indefinite: INDEFINITE, convert: (x) => x.bits };

const store = ({ size, indefinite, convert }: Store, pop: boolean): Operation => (x) => {
  const { fpu } = x;
  x.probe(size);
  if (fpu.isEmpty(0)) {
    if (!fpu.stackFault(false)) return;
    x.store(size, indefinite);
  } else {
    const env = fpu.begin();
    const bits = convert(unpack(fpu.get(0)), env);
    // Unlike a register, memory does not get what has overflowed or underflowed unmasked.
    const ranges = Exception.overflow | Exception.underflow;
    const refused = (env.flags & ~env.masks & ranges) !== 0;
    if (refused) env.flags &= ~(Exception.inexact | C1);
    if (!fpu.finish(env) || refused) return;
    x.store(size, bits);
  }
  if (pop) fpu.pop();
};

const storeRegister = (pop: boolean): Operation => ({ fpu, i }) => {
  if (fpu.isEmpty(0)) {
    if (!fpu.stackFault(false)) return;
    fpu.set(i, INDEFINITE);
  } else {
    fpu.begin();
    fpu.set(i, fpu.get(0));
  }
  if (pop) fpu.pop();
};

const exchange: Operation = ({ fpu, i }) => {
  let [a, b] = [fpu.get(0), fpu.get(i)];
  if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
    if (!fpu.stackFault(false)) return;
    if (fpu.isEmpty(0)) a = INDEFINITE;
    if (fpu.isEmpty(i)) b = INDEFINITE;
  } else {
    fpu.begin();
  }
  fpu.set(0, b);
  fpu.set(i, a);
};

const conditionalMove = (mask: number, when: boolean): Operation => ({ fpu, i, flags }) => {
  if (usable(fpu, 0, 0, i) && ((flags & mask) !== 0) === when) {
    fpu.set(0, fpu.get(i));
  }
};

// ---- the table

/** Operations by the title of their rows. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...BINARY.flatMap(([name, operation]): [string, Operation][] => [
    [`F${name} M4`, withMemory(operation, SINGLE)],
    [`F${name} M8`, withMemory(operation, DOUBLE)],
    [`FI${name} M2`, withMemory(operation, WORD)],
    [`FI${name} M4`, withMemory(operation, DWORD)],
    [`F${name} ST,STi`, withRegister(operation)],
    [`F${name} STi,ST`, toRegister(operation, false)],
    [`F${name}P STi,ST`, toRegister(operation, true)],
  ]),
  ["FCOM M4", compare(SINGLE)],
  ["FCOM M8", compare(DOUBLE)],
  ["FICOM M2", compare(WORD)],
  ["FICOM M4", compare(DWORD)],
  ["FCOM STi", compare(STI)],
  ["FCOMP M4", compare(SINGLE, { pops: 1 })],
  ["FCOMP M8", compare(DOUBLE, { pops: 1 })],
  ["FICOMP M2", compare(WORD, { pops: 1 })],
  ["FICOMP M4", compare(DWORD, { pops: 1 })],
  ["FCOMP STi", compare(STI, { pops: 1 })],
  ["FCOMPP", compare(ST1, { pops: 2 })],
  ["FUCOM STi", compare(STI, { quietly: true })],
  ["FUCOMP STi", compare(STI, { quietly: true, pops: 1 })],
  ["FUCOMPP", compare(ST1, { quietly: true, pops: 2 })],
  ["FCOMI ST,STi", compareToFlags({})],
  ["FCOMIP ST,STi", compareToFlags({ pops: 1 })],
  ["FUCOMI ST,STi", compareToFlags({ quietly: true })],
  ["FUCOMIP ST,STi", compareToFlags({ quietly: true, pops: 1 })],
  ["FTST", compare(() => unpack(0n))],
  ["FXAM", examine],

  ["FLD M4", load(SINGLE)],
  ["FLD M8", load(DOUBLE)],
  ["FLD M10", loadExtended],
  ["FLD STi", loadRegister],
  ["FILD M2", load(WORD)],
  ["FILD M4", load(DWORD)],
  ["FILD M8", load(QWORD)],
  ["FBLD M10", load(DECIMAL)],
  ["FLD1", loadConstant(() => ONE)],
  ["FLDL2T", named("log2Of10")],
  ["FLDL2E", named("log2OfE")],
  ["FLDPI", named("pi")],
  ["FLDLG2", named("log10Of2")],
  ["FLDLN2", named("ln2")],
  ["FLDZ", loadConstant(() => 0n)],
  ["FST M4", store(floatStore(4), false)],
  ["FST M8", store(floatStore(8), false)],
  ["FST STi", storeRegister(false)],
  ["FSTP M4", store(floatStore(4), true)],
  ["FSTP M8", store(floatStore(8), true)],
  ["FSTP M10", store(extendedStore, true)],
  ["FSTP STi", storeRegister(true)],
  ["FIST M2", store(integerStore(2), false)],
  ["FIST M4", store(integerStore(4), false)],
  ["FISTP M2", store(integerStore(2), true)],
  ["FISTP M4", store(integerStore(4), true)],
  ["FISTP M8", store(integerStore(8), true)],
  ["FISTTP M2", store(integerStore(2, true), true)],
  ["FISTTP M4", store(integerStore(4, true), true)],
  ["FISTTP M8", store(integerStore(8, true), true)],
  ["FBSTP M10", store(decimalStore, true)],
  ["FXCH STi", exchange],
  ["FCMOVB ST,STi", conditionalMove(Flag.CF, true)],
  ["FCMOVE ST,STi", conditionalMove(Flag.ZF, true)],
  ["FCMOVBE ST,STi", conditionalMove(Flag.CF | Flag.ZF, true)],
  ["FCMOVU ST,STi", conditionalMove(Flag.PF, true)],
  ["FCMOVNB ST,STi", conditionalMove(Flag.CF, false)],
  ["FCMOVNE ST,STi", conditionalMove(Flag.ZF, false)],
  ["FCMOVNBE ST,STi", conditionalMove(Flag.CF | Flag.ZF, false)],
  ["FCMOVNU ST,STi", conditionalMove(Flag.PF, false)],

  ["FCHS", changeSign(negate)],
  ["FABS", changeSign(absolute)],
  ["FSQRT", unary(arithmetic.sqrt)],
  ["FRNDINT", unary(arithmetic.roundToInteger)],
  ["FSCALE", ({ fpu }) => {
    if (usable(fpu, 0, 0, 1)) apply(fpu, arithmetic.scale, 0, unpack(fpu.get(1)));
  }],
  ["FXTRACT", extract],
  ["FPREM", remainder(false)],
  ["FPREM1", remainder(true)],
  ["F2XM1", unary(functions.exponential)],
  ["FSIN", sineOrCosine("sin")],
  ["FCOS", sineOrCosine("cos")],
  ["FSINCOS", pushing(cosine, "sin")],
  ["FPTAN", pushing(oneOrNan, "tan")],
  ["FPATAN", reduceStack(functions.arctangent)],
  ["FYL2X", reduceStack(functions.logarithm)],
  ["FYL2XP1", reduceStack(functions.logarithmPlus1)],
]);
