import assert from "node:assert/strict";
import test from "node:test";
import { Code } from "./code.ts";
import { ModuleWriter } from "./module.ts";
import type { FuncType, ValType } from "./types.ts";

type Callable = (...args: (number | bigint)[]) => unknown;

/** Compiles one function in a module with a memory and calls it. */
function compile(type: FuncType, code: Code, locals: ValType[] = []): Callable {
  const writer = new ModuleWriter();
  writer.memory({ initial: 1, maximum: 3 });
  writer.exportFunc("f", writer.func(type, locals, code));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()));
  return instance.exports.f as Callable;
}

/** Runs code without parameters. */
function run(result: ValType, code: Code, locals: ValType[] = []): unknown {
  return compile({ params: [], results: [result] }, code, locals)();
}

const EDGES_32 = [0, 1, -1, 2, 63, 64, -64, -65, 127, 128, 8191, 8192, -8192, -8193]
  .concat([0xfffff, 0x100000, 0x7ffffff, 0x8000000, -0x8000000, -0x8000001])
  .concat([0x7fffffff, -0x80000000]);

test("i32.const: every length of LEB128, signed and unsigned", () => {
  for (const value of EDGES_32) {
    assert.equal(run("i32", new Code().i32_const(value)), value);
    assert.equal(run("i32", new Code().i32_const(value >>> 0)), value);
  }
  assert.deepEqual([...new Code().i32_const(63).bytes()], [0x41, 0x3f]);
  assert.deepEqual([...new Code().i32_const(64).bytes()], [0x41, 0xc0, 0x00]);
});

test("i64.const: every length of LEB128 by all three ways", () => {
  for (const value of EDGES_32) {
    assert.equal(run("i64", new Code().i64_const32(value)), BigInt(value));
  }
  const edges = [0n, -1n, 0x8000_0000n, 0xffff_ffffn, -0x8000_0001n, 0x1_0000_0000n];
  for (let bit = 5n; bit < 63n; bit++) {
    edges.push((1n << bit) - 1n, 1n << bit, -(1n << bit), -(1n << bit) - 1n);
  }
  edges.push((1n << 63n) - 1n, -(1n << 63n), 0x0123_4567_89ab_cdefn);
  for (const value of edges) {
    const direct = new Code().i64_const(value);
    assert.equal(run("i64", direct), value);
    const low = Number(value & 0xffff_ffffn);
    const high = Number((value >> 32n) & 0xffff_ffffn);
    assert.deepEqual(new Code().i64_const_parts(low, high).bytes(), direct.bytes());
    assert.deepEqual(new Code().i64_const_parts(low | 0, high | 0).bytes(), direct.bytes());
    assert.equal(direct.length, 1 + shortest(value), `shortest encoding of ${value}`);
  }
  assert.equal(run("i64", new Code().i64_const((1n << 64n) - 1n)), -1n);
});

/** Bytes of the shortest signed LEB128. */
function shortest(value: bigint): number {
  let bytes = 1;
  while (BigInt.asIntN(7 * bytes, value) !== value) bytes++;
  return bytes;
}

test("floating-point constants keep every bit", () => {
  for (const value of [0, -0, 1.5, Math.PI, Infinity, -Infinity, 2 ** -1074, 1.7e308]) {
    assert.ok(Object.is(run("f64", new Code().f64_const(value)), value));
    assert.ok(Object.is(run("f32", new Code().f32_const(value)), Math.fround(value)));
  }
  const signalling = new Code().f64_const_bits(1, 0x7ff00000).i64_reinterpret_f64();
  assert.equal(run("i64", signalling), 0x7ff0_0000_0000_0001n);
  assert.equal(run("i32", new Code().f32_const_bits(0xff800001).i32_reinterpret_f32()), -0x7fffff);
});

test("v128 constants and shuffles", () => {
  const low = 0x8877_6655_4433_2211n;
  const high = 0xffee_ddcc_bbaa_9988n;
  const lane = (code: Code, i: number) => run("i64", code.i64x2_extract_lane(i));
  assert.equal(lane(new Code().v128_const(low, high), 0), BigInt.asIntN(64, low));
  assert.equal(lane(new Code().v128_const(low, high), 1), BigInt.asIntN(64, high));
  assert.equal(lane(new Code().v128_const(-1n, -2n), 1), -2n);
  assert.equal(lane(new Code().v128_const32(1, 2, 3, 0xffff_ffff), 1), -0x1_0000_0000n + 3n);
  const reversed = [31, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
  const shuffled = new Code().v128_const(low, high).v128_const(low, high).i8x16_shuffle(reversed);
  assert.equal(lane(shuffled, 0), BigInt.asIntN(64, 0x8899_aabb_ccdd_eeffn));
});

test("blocks, loops, branches and select", () => {
  const sum = compile(
    { params: ["i32"], results: ["i64"] },
    new Code().block().loop()
      .local_get(0).i32_eqz().br_if(1)
      .local_get(0).i64_extend_i32_u().local_get(1).i64_add().local_set(1)
      .local_get(0).i32_const(1).i32_sub().local_tee(0).drop().br(0)
      .end().end().local_get(1),
    ["i64"],
  );
  assert.equal(sum(10), 55n);
  const table = compile(
    { params: ["i32"], results: ["i32"] },
    new Code().block().block().block()
      .local_get(0).br_table([0, 1], 2)
      .end().i32_const(100).return_()
      .end().i32_const(200).return_()
      .end().nop().i32_const(300),
  );
  assert.deepEqual([0, 1, 2, -1].map((i) => table(i)), [100, 200, 300, 300]);
  const choose = compile(
    { params: ["i32"], results: ["i32"] },
    new Code().local_get(0).if_("i32").i32_const(7).else_().i32_const(8).end()
      .i32_const(70).local_get(0).select().i32_const(700).local_get(0).select_t("i32"),
  );
  assert.deepEqual([choose(0), choose(1)], [700, 7]);
  assert.throws(() => run("i32", new Code().unreachable()), WebAssembly.RuntimeError);
});

test("blocks with a function type take parameters", () => {
  const writer = new ModuleWriter();
  // Enough types that the index needs two bytes, of which a signed reading must not be negative.
  for (let i = 0; i < 100; i++) writer.type({ params: Array(i).fill("i32"), results: ["f32"] });
  const swap = writer.type({ params: ["i32", "i32"], results: ["i32"] });
  const body = new Code().i32_const(50).i32_const(8).block(swap).i32_sub().end();
  writer.exportFunc("f", writer.func({ params: [], results: ["i32"] }, [], body));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()));
  assert.equal((instance.exports.f as Callable)(), 42);
});

test("memory grows, fills and copies", () => {
  const code = new Code().memory_size().i32_const(2).memory_grow().i32_add().drop()
    .i32_const(100).i32_const(0xab).i32_const(8).memory_fill()
    .i32_const(200).i32_const(96).i32_const(8).memory_copy()
    .i32_const(0).i64_load(200).memory_size().i64_extend_i32_u().i64_add();
  assert.equal(run("i64", code), BigInt.asIntN(64, 0xabab_abab_0000_0000n + 3n));
});

test("long code: the buffer grows, reset empties it, append continues it", () => {
  const code = new Code(1);
  const depths = Array.from({ length: 5000 }, () => 0);
  code.block().i32_const(3).br_table(depths, 0).end();
  for (let i = 0; i < 20000; i++) code.i64_const(-(1n << 62n)).drop();
  code.i32_const(9);
  const long = code.bytes().slice();
  assert.equal(long.length, code.length);
  assert.equal(run("i32", code), 9);
  assert.equal(code.reset().length, 0);
  code.nop().append(long);
  assert.equal(code.length, long.length + 1);
  assert.equal(run("i32", code), 9);
});

test("indices and offsets take one to five bytes; offsets may be given as signed numbers", () => {
  assert.deepEqual([...new Code().local_get(0x7f).bytes()], [0x20, 0x7f]);
  assert.deepEqual([...new Code().local_get(0x80).bytes()], [0x20, 0x80, 0x01]);
  const far = [0x28, 2, 0xff, 0xff, 0xff, 0xff, 0x0f];
  assert.deepEqual([...new Code().i32_load(0xffff_ffff).bytes()], far);
  assert.deepEqual([...new Code().i32_load(-1).bytes()], far);
});

test("every capacity at the start ends in the same bytes", () => {
  const fill = (code: Code) => {
    for (let i = 0; i < 40; i++) code.local_get(1).i32_const(3).i32_load(4).i64_const32(i).drop();
    return [...code.bytes()];
  };
  const expected = fill(new Code(1000));
  for (let capacity = 1; capacity < 70; capacity++) {
    assert.deepEqual(fill(new Code(capacity)), expected, `capacity ${capacity}`);
  }
});
