import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState } from "./initial_state.ts";
import { NativeExecutor, whyNotComparable } from "./native.ts";
import {
  type CaseCode,
  compare,
  covering,
  describe,
  type Difference,
  type Executor,
  expectedState,
  readCases,
  replay,
} from "./replay.ts";
import { rows } from "./rows.ts";
import { Ending, FIELDS, Flag, State } from "./state.ts";
import type { Case, Change } from "./vectors.ts";

const PAGE_FAULT = 14;
const cases = await readCases();
const nameOf = (one: Case): string => one.encodings.map(({ text }) => text).join("; ");

/** Knows a handful of instructions of one byte. */
class SmallExecutor implements Executor {
  readonly name = "small";
  static readonly #operations: Readonly<Record<number, (state: State) => void>> = {
    0xf8: (state) => state.rflags &= ~Flag.CF,
    0xf9: (state) => state.rflags |= Flag.CF,
    0xf5: (state) => state.rflags ^= Flag.CF,
    0xfc: (state) => state.rflags &= ~Flag.DF,
    0xfd: (state) => state.rflags |= Flag.DF,
    0x9f: (state) => state.bytes[1] = (state.rflags & 0xff) | 2,
    0x9e: (state) => state.rflags = (state.rflags & ~0xd5) | (state.bytes[1] & 0xd5),
  };
  readonly operations: Readonly<Record<number, (state: State) => void>>;

  constructor(other: Readonly<Record<number, (state: State) => void>> = {}) {
    this.operations = { ...SmallExecutor.#operations, ...other };
  }

  knows({ bytes }: CaseCode): boolean {
    return bytes.every((byte) => this.operations[byte] !== undefined);
  }

  run(
    code: readonly CaseCode[],
    before: (index: number, state: State) => void,
    result: (index: number, after: State) => void,
  ): void {
    const state = new State();
    for (const { index, bytes } of code) {
      before(index, state);
      for (const byte of bytes) this.operations[byte](state);
      state.rip += BigInt(bytes.length);
      state.vector = Ending.end;
      result(index, state);
    }
  }
}

function run(executor: Executor, some: readonly Case[]): { count: number; found: Difference[] } {
  const found: Difference[] = [];
  return { count: replay(executor, some, (difference) => found.push(difference)), found };
}

test("there are 200,000 cases, of every encoding, with every way to end", () => {
  assert.ok(cases.length >= 200000, `${cases.length}`);
  const uses = new Map<string, number>();
  for (const { encodings } of cases) {
    for (const { group, text } of encodings) {
      uses.set(`${group} ${text}`, (uses.get(`${group} ${text}`) ?? 0) + 1);
    }
  }
  for (const { group, text } of rows) {
    const count = uses.get(`${group} ${text}`) ?? 0;
    assert.ok(count >= 30, `${group} ${text}: ${count}`);
  }
  const vector = FIELDS.findIndex(({ name }) => name === "vector");
  const seen = new Set<number>();
  for (const { changes } of cases) {
    const change = changes.find(({ field }) => field === vector);
    seen.add(change === undefined ? Ending.end : change.value[0] | (change.value[1] << 8));
  }
  // #DE, #DB, #BP, #UD, #SS, #GP, #PF, #MF, #AC, #XM
  const all = [0, 1, 3, 6, 12, 13, 14, 16, 17, 19, Ending.end];
  assert.deepEqual([...seen].sort((a, b) => a - b), all);
});

test("an executor that is right has no differences", () => {
  const executor = new SmallExecutor();
  const { count, found } = run(executor, cases.filter((one) => executor.knows(one)));
  assert.deepEqual(found.map(describe), []);
  assert.ok(count > 100, `${count}`);
});

test("an executor that is wrong is found out", () => {
  const wrong = new SmallExecutor({ 0xf5: () => undefined });
  const some = cases.filter((one) => wrong.knows(one));
  const { found } = run(wrong, some);
  // Where CMC is the last instruction that has to do with CF, CF is wrong.
  const expected = some.filter(({ bytes }) => bytes.length === 1 && bytes[0] === 0xf5);
  assert.ok(expected.length > 10);
  for (const one of expected) assert.ok(found.some((difference) => difference.case === one));
  for (const difference of found) assert.ok(difference.case.bytes.includes(0xf5));
  assert.match(describe(found[0]), /^case \d+ \(small\): .*CMC[^]*rflags: /);
});

test("an executor that gives no result, or one too many, is found out", () => {
  const silent: Executor = { name: "silent", run: () => undefined };
  const { count, found } = run(silent, cases.slice(0, 3));
  assert.equal(count, 0);
  assert.deepEqual(found.map(({ lines }) => lines), [["no result"], ["no result"], ["no result"]]);
  const twice: Executor = {
    name: "twice",
    run: ([{ index }], _, result) => {
      result(index, new State());
      result(index, new State());
    },
  };
  assert.throws(() => run(twice, cases.slice(0, 1)), /did not run/);
});

test("each register, flag and byte counts", () => {
  const one = cases.find(({ undefinedFlags, undefinedConditions, encodings }) =>
    undefinedFlags === 0 && undefinedConditions === 0 && encodings[0].tolerance === undefined
  )!;
  const expected = new State();
  expectedState(one, expected);
  const got = new State();
  for (const { name, offset, size } of FIELDS) {
    for (const byte of [offset, offset + size - 1]) {
      got.copy(expected);
      got.bytes[byte] ^= 0x80;
      assert.equal(compare(one, expected, got).length, 1, name);
    }
  }
  got.copy(expected);
  got.memory[0x7ff] ^= 1;
  assert.match(compare(one, expected, got)[0], /^memory 50001ffc: /);
});

test("undefined flags and condition codes do not count, the others do", () => {
  const expected = new State();
  const masked = cases.filter((one) => {
    expectedState(one, expected);
    return one.undefinedFlags !== 0 && expected.vector === Ending.end;
  }).slice(0, 50);
  const got = new State();
  for (const one of masked) {
    expectedState(one, expected);
    got.copy(expected);
    got.rflags ^= one.undefinedFlags;
    got.fsw ^= one.undefinedConditions;
    assert.deepEqual(compare(one, expected, got), [], nameOf(one));
    got.rflags ^= 0x8d5 & ~one.undefinedFlags;
    const isAll = (one.undefinedFlags & 0x8d5) === 0x8d5;
    assert.equal(compare(one, expected, got).length, isAll ? 0 : 1, nameOf(one));
  }
  assert.equal(masked.length, 50);
});

test("what comes after an exception defines no flags", () => {
  const expected = new State();
  const got = new State();
  const one = cases.find((one) => {
    expectedState(one, expected);
    const [first, second] = one.encodings;
    return one.encodings.length === 2 && /^(AND|OR|XOR) /.test(first.text) &&
      /^(ADD|SUB|CMP) /.test(second.text) && expected.vector === PAGE_FAULT;
  })!;
  got.copy(expected);
  got.rflags ^= Flag.AF;
  assert.equal(one.undefinedFlags & Flag.AF, 0);
  assert.deepEqual(compare(one, expected, got), []);
  got.rflags ^= Flag.ZF;
  assert.equal(compare(one, expected, got).length, 1);
});

test("results that the manuals leave open may differ by so much and no more", () => {
  const expected = new State();
  const got = new State();
  const sine = cases.find(({ encodings, changes }) =>
    encodings[0].text === "FSIN" &&
    changes.some(({ field }) => FIELDS[field].name.startsWith("x87r"))
  )!;
  const changed = sine.changes.find(({ field }) => FIELDS[field].name.startsWith("x87r"))!;
  const { offset } = FIELDS[changed.field];
  expectedState(sine, expected);
  const significand = expected.view.getBigUint64(offset, true);
  for (const [difference, lines] of [[1n, 0], [2n, 0], [3n, 1], [-2n, 0], [-3n, 1]] as const) {
    got.copy(expected);
    got.view.setBigUint64(offset, significand + difference, true);
    assert.equal(compare(sine, expected, got).length, lines, `${difference}`);
  }
  const isXmm = ({ field }: Change): boolean => FIELDS[field].name.startsWith("xmm");
  const estimate = cases.find(({ encodings, changes }) => {
    // Neither zero nor infinite.
    const exponent = (changes.find(isXmm)?.value[3] ?? 0) & 0x7f;
    return encodings.length === 1 && /^RCPSS/.test(encodings[0].text) && exponent > 0x10 &&
      exponent < 0x70;
  })!;
  const at = FIELDS[estimate.changes.find(isXmm)!.field].offset;
  expectedState(estimate, expected);
  const value = expected.view.getFloat32(at, true);
  for (const [factor, lines] of [[1 + 2 ** -11, 0], [1 - 2 ** -11, 0], [1 + 2 ** -10, 1]]) {
    got.copy(expected);
    got.view.setFloat32(at, value * factor, true);
    assert.equal(compare(estimate, expected, got).length, lines, `${factor}`);
  }
});

test("what is made of an estimate does not count, how the case ends does", () => {
  const expected = new State();
  const got = new State();
  const one = cases.find(({ encodings }) =>
    encodings.length > 2 && /^RCP/.test(encodings[0].text)
  )!;
  expectedState(one, expected);
  got.copy(expected);
  got.xmm[5] ^= 0x7fffffff;
  got.memory[0] ^= 1;
  assert.deepEqual(compare(one, expected, got), []);
  got.vector ^= 1;
  assert.equal(compare(one, expected, got).length, 1);
});

test("the state before a case does not depend on what was there", () => {
  const one = new State();
  const other = new State();
  other.bytes.fill(0x55);
  other.memory.fill(0x55);
  for (const index of [0, 1, 1023, 1024, 200000]) {
    initialState(index, one);
    initialState(index, other);
    assert.deepEqual(one.bytes, other.bytes);
    assert.deepEqual(one.memory, other.memory);
  }
});

const reason = whyNotComparable();
if (reason !== undefined) console.log(`not compared with the host CPU: ${reason}`);
test("the host CPU ends general-purpose instructions as recorded", { skip: reason }, () => {
  const executor = new NativeExecutor();
  const some = covering(cases.slice(0, 10000), 2)
    .filter(({ encodings }) => encodings.every(({ group }) => group === "integer"));
  const { count, found } = run(executor, some);
  executor.dispose();
  assert.deepEqual(found.slice(0, 3).map(describe), []);
  assert.ok(count > 200, `${count}`);
});
