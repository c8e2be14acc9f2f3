import assert from "node:assert/strict";
import { test } from "node:test";
import { STATE_BASE, STATE_SIZE, StateView } from "../../engine/layout.ts";
import { Code } from "../../wasm/code.ts";
import { ModuleWriter } from "../../wasm/module.ts";
import type { ValType } from "../../wasm/types.ts";
import { Carries, flagModel, Flags, readStatus, Status, writeStatus } from "./flags.ts";
import { field } from "./layout.ts";

const SIZES = [1, 2, 4, 8] as const;
const { CF, PF, AF, ZF, SF, OF } = Status;

/** Operands of `bits` bits around the places where something happens. */
function values(bits: number): bigint[] {
  const top = 1n << BigInt(bits - 1);
  // The square root of 2^63 is between two of these.
  const root = [0xb504f333n, 0xb504f334n];
  const all = [
    ...root,
    0n,
    1n,
    2n,
    7n,
    8n,
    15n,
    16n,
    0x55n,
    0x80n,
    top - 1n,
    top,
    top + 1n,
    -1n,
    -2n,
    -16n,
  ];
  return [...new Set(all.map((value) => BigInt.asUintN(bits, value)))];
}

/** SF, ZF and PF of a result. */
function ofResult(result: bigint, bits: number): number {
  let parity = 1;
  for (let i = 0n; i < 8n; i++) parity ^= Number((result >> i) & 1n);
  return (parity !== 0 ? PF : 0) | (BigInt.asUintN(bits, result) === 0n ? ZF : 0) |
    (BigInt.asIntN(bits, result) < 0n ? SF : 0);
}

/** Flags of a + b + carry or a - b - carry, by the exact values. */
function sum(bits: number, a: bigint, b: bigint, sign: bigint, carry = 0n): number {
  const exact = a + sign * (b + carry);
  const signed = BigInt.asIntN(bits, a) + sign * (BigInt.asIntN(bits, b) + carry);
  const low = (a & 15n) + sign * ((b & 15n) + carry);
  return ofResult(exact, bits) | (BigInt.asUintN(bits, exact) !== exact ? CF : 0) |
    (BigInt.asIntN(bits, signed) !== signed ? OF : 0) | (low < 0n || low > 15n ? AF : 0);
}

interface Sample {
  readonly kind: number;
  readonly operands: readonly bigint[];
  readonly flags: number;
}

function binary(bits: number, size: number): Sample[] {
  return values(bits).flatMap((a) =>
    values(bits).flatMap((b): Sample[] => [
      { kind: Flags.add + size, operands: [a, b], flags: sum(bits, a, b, 1n) },
      { kind: Flags.sub + size, operands: [a, b], flags: sum(bits, a, b, -1n) },
    ])
  );
}

function unary(bits: number, size: number): Sample[] {
  const cut = (value: bigint): bigint => BigInt.asUintN(bits, value);
  return values(bits).flatMap((a): Sample[] => {
    const samples: Sample[] = [
      { kind: Flags.logic + size, operands: [a], flags: ofResult(a, bits) },
    ];
    for (const carry of [0n, 1n]) {
      const step = (kind: number, sign: bigint): Sample => ({
        kind: kind + size,
        operands: [cut(a + sign), carry],
        flags: (sum(bits, a, 1n, sign) & ~CF) | Number(carry),
      });
      samples.push(step(Flags.inc, 1n), step(Flags.dec, -1n));
    }
    samples.push(...shifts(a, bits, size));
    if (bits > 8) {
      const signed = BigInt.asIntN(bits, a);
      for (const b of values(bits).map((value) => BigInt.asIntN(bits, value))) {
        const exact = signed * b;
        const lost = BigInt.asIntN(bits, exact) !== exact ? CF | OF : 0;
        const flags = ofResult(exact, bits) | lost;
        samples.push({ kind: Flags.imul + size, operands: [signed, b], flags });
      }
    }
    return samples;
  });
}

/** Bit by bit: what goes out last is CF, whether it changes the sign is OF. */
function shifts(a: bigint, bits: number, size: number): Sample[] {
  const left = (value: bigint): bigint => BigInt.asUintN(bits, value << 1n);
  const right = (value: bigint): bigint => value >> 1n;
  const signed = (value: bigint): bigint => BigInt.asUintN(bits, BigInt.asIntN(bits, value) >> 1n);
  const sign = (value: bigint): number => Number(value >> BigInt(bits - 1));
  const operand = BigInt.asIntN(bits, a);
  return ([
    [Flags.shl, left, sign, a],
    [Flags.shr, right, (value: bigint): number => Number(value & 1n), a],
    [Flags.sar, signed, (value: bigint): number => Number(value & 1n), operand],
  ] as const).flatMap(([kind, once, out, first]) =>
    [1, 2, 5, bits - 1].map((count): Sample => {
      let before = a;
      for (let i = 1; i < count; i++) before = once(before);
      const result = once(before);
      const flags = ofResult(result, bits) | (out(before) * CF) |
        ((sign(result) ^ sign(before)) * OF);
      return { kind: kind + size, operands: [first, BigInt(count)], flags };
    })
  );
}

/** Every combination of the six flags. */
const combinations: readonly number[] = Array.from({ length: 64 }, (_, i) => {
  const masks = [CF, PF, AF, ZF, SF, OF];
  return masks.reduce((flags, mask, n) => (i >> n) & 1 ? flags | mask : flags, 0);
});

function special(): Sample[] {
  const samples: Sample[] = combinations.flatMap((flags): Sample[] => [
    // The other bits do not matter.
    { kind: Flags.status, operands: [BigInt(flags | 0x7fff_f722)], flags },
    ...[0n, 1n, 0x80n, -1n].flatMap((result) =>
      [Flags.rest, Flags.mixed].map((kind) => ({ kind, operands: resting(flags, result), flags }))
    ),
  ]);
  const doubles = [0, -0, 5e-324, 1, -1, Infinity, -Infinity, NaN];
  for (const a of doubles) {
    for (const b of doubles) {
      const flags = Number.isNaN(a) || Number.isNaN(b) ? ZF | PF | CF : a > b ? 0 : a < b ? CF : ZF;
      const operands = [...new BigUint64Array(new Float64Array([a, b]).buffer)];
      samples.push({ kind: Flags.compare, operands, flags });
    }
  }
  return samples;
}

/** Operands of kind `rest` with a result like this, 0 if ZF is set; what is not as the result has it is amended. */
function resting(flags: number, like = 1n): [result: bigint, carries: bigint] {
  const result = flags & ZF ? 0n : like === 0n ? 2n : like;
  const natural = ofResult(result, 64);
  const [out, overflow] = [CF, OF].map((mask) => (flags & mask) !== 0);
  const high = (out ? Carries.out : 0) | (out !== overflow ? Carries.into : 0) |
    ((natural ^ flags) & SF ? Carries.sign : 0);
  const low = (flags & AF ? Carries.lowAdjust : 0) |
    ((natural ^ flags) & PF ? Carries.lowParity : 0);
  return [result, (BigInt(high) << 32n) | BigInt(low)];
}

/** The six flags of values at rest, by the definition of {@linkcode Carries}. */
function packed([result, carries]: readonly bigint[]): number {
  const has = (bit: bigint): boolean => ((carries >> bit) & 1n) !== 0n;
  const kept = (3n << 62n) | (1n << 61n) | 0xff00n | 8n;
  assert.equal(BigInt.asUintN(64, carries) & ~kept, 0n, "other bits");
  const parity = ofResult(result ^ (carries >> 8n), 64) & PF;
  return (has(63n) ? CF : 0) | (has(63n) !== has(62n) ? OF : 0) | (has(3n) ? AF : 0) |
    (result === 0n ? ZF : 0) | ((result < 0n) !== has(61n) ? SF : 0) | parity;
}

/** Condition codes as the manual states them. */
function holds(code: number, flags: number): boolean {
  const [c, p, a, z, s, o] = [CF, PF, AF, ZF, SF, OF].map((mask) => (flags & mask) !== 0);
  const even = [o, c, z, c || z, s, p, s !== o, z || s !== o, a][code >> 1];
  return (code & 1) !== 0 ? !even : even;
}

interface Functions {
  /** Bit n: condition n. */
  readonly conditions: (...operands: bigint[]) => number;
  readonly materialize: (...operands: bigint[]) => bigint[];
}

const CODES = 18;

function compile(kind: number): Functions {
  const count = flagModel.operands[kind];
  const locals = Array.from({ length: count }, (_, i) => i);
  const module = new ModuleWriter();
  const i64 = (length: number): ValType[] => new Array<ValType>(length).fill("i64");
  const conditions = new Code().i32_const(0);
  for (let code = 0; code < CODES; code++) {
    flagModel.condition(conditions, kind, locals, code);
    conditions.i32_const(code).i32_shl().i32_or();
  }
  const type = module.type({ params: i64(count), results: ["i32"] });
  module.exportFunc("conditions", module.func(type, [], conditions));
  const rest = new Code();
  flagModel.materialize(rest, kind, locals);
  const restType = module.type({ params: i64(count), results: i64(2) });
  module.exportFunc("materialize", module.func(restType, [], rest));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()));
  return instance.exports as unknown as Functions;
}

test("lazy flags of every kind are those of the operation", () => {
  const functions = new Map<number, Functions>();
  const samples = [
    ...SIZES.flatMap((bytes, size) => [...binary(8 * bytes, size), ...unary(8 * bytes, size)]),
    ...special(),
  ];
  for (const { kind, operands, flags } of samples) {
    let known = functions.get(kind);
    if (known === undefined) functions.set(kind, known = compile(kind));
    const what = `kind ${kind} of ${operands.map((value) => value.toString(16)).join(", ")}`;
    const signed = operands.map((value) => BigInt.asIntN(64, value));
    const conditions = known.conditions(...signed);
    for (let code = 0; code < CODES; code++) {
      assert.equal(((conditions >> code) & 1) === 1, holds(code, flags), `${what}: ${code}`);
    }
    assert.equal(packed(known.materialize(...signed)), flags, `${what}: at rest`);
  }
  // There is no IMUL of 8 bits with two operands.
  assert.equal(functions.size, flagModel.operands.length - 1, "kinds without a sample");
});

test("a condition needs the fields that it looks at", () => {
  const { conditions } = compile(Flags.rest);
  for (let code = 0; code < CODES; code++) {
    // Another result, or other carries, of all kinds.
    const all = combinations.flatMap((flags) =>
      [1n, 0x80n, -1n].map((like) => resting(flags, like))
    );
    const holdsFor = (operands: bigint[]): number =>
      (conditions(...operands.map((value) => BigInt.asIntN(64, value))) >> code) & 1;
    const differs = (n: 0 | 1): boolean =>
      all.some((one) =>
        all.some((other) =>
          one[1 - n] === other[1 - n] && holdsFor([...one]) !== holdsFor([...other])
        )
      );
    const looksAt = (differs(0) ? 1 : 0) | (differs(1) ? 2 : 0);
    assert.equal(flagModel.needed(code), looksAt, `condition ${code}`);
  }
});

test("the host reads and writes flags at rest", () => {
  const state = new StateView(new ArrayBuffer(STATE_BASE + STATE_SIZE));
  for (const flags of combinations) {
    for (const like of [0n, 1n, 0x80n, -1n]) {
      resting(flags, like).forEach((value, n) => {
        const name = ["flagResult", "flagCarries"][n];
        state.set64(field(name), BigInt.asUintN(64, value));
      });
      assert.equal(readStatus(state), flags);
    }
    assert.equal(readStatus(state), flags);
    for (const other of combinations) {
      writeStatus(state, other | 0x202);
      assert.equal(readStatus(state), other);
    }
  }
});
