import assert from "node:assert/strict";
import test from "node:test";
import { Code } from "./code.ts";
import { ModuleWriter } from "./module.ts";
import type { FuncType } from "./types.ts";

type Callable = (...args: (number | bigint)[]) => unknown;

const BINARY: FuncType = { params: ["i32", "i32"], results: ["i32"] };
const UNARY: FuncType = { params: ["i32"], results: ["i32"] };

function instantiate(writer: ModuleWriter, imports = {}): Record<string, Callable> {
  const module = new WebAssembly.Module(writer.finish());
  return new WebAssembly.Instance(module, imports).exports as Record<string, Callable>;
}

test("an empty module is valid", () => {
  assert.deepEqual([...new ModuleWriter().finish()], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
});

test("equal types share an index, lists of types are not mixed up", () => {
  const writer = new ModuleWriter();
  assert.equal(writer.type(BINARY), 0);
  assert.equal(writer.type({ params: ["i32"], results: ["i32", "i32"] }), 1);
  assert.equal(writer.type({ params: ["i32", "i32"], results: ["i32"] }), 0);
});

test("shared memory is imported, and atomics work on it", () => {
  const writer = new ModuleWriter();
  writer.importMemory("host", "memory", { initial: 1, maximum: 2, shared: true });
  const i64Binary: FuncType = { params: ["i32", "i64"], results: ["i64"] };
  const exported: [string, FuncType, Code][] = [
    ["add", i64Binary, new Code().local_get(0).local_get(1).i64_atomic_rmw_add(8)],
    ["add8", BINARY, new Code().local_get(0).local_get(1).i32_atomic_rmw8_add_u(3)],
    ["cas", BINARY, new Code().i32_const(0).local_get(0).local_get(1).i32_atomic_rmw_cmpxchg(64)],
    ["notify", UNARY, new Code().local_get(0).i32_const(1).memory_atomic_notify().atomic_fence()],
  ];
  for (const [name, type, body] of exported) writer.exportFunc(name, writer.func(type, [], body));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  const { add, add8, cas, notify } = instantiate(writer, { host: { memory } });
  const words = new BigInt64Array(memory.buffer);
  words[2] = -5n;
  assert.equal(add(8, 7n), -5n);
  assert.equal(words[2], 2n);
  const bytes = new Uint8Array(memory.buffer);
  bytes[4] = 0xff;
  assert.equal(add8(1, 2), 0xff);
  assert.deepEqual([bytes[4], bytes[5]], [1, 0]);
  assert.equal(cas(0, 11), 0);
  assert.equal(cas(0, 12), 11);
  assert.equal(bytes[64], 11);
  assert.equal(notify(64), 0);
  assert.throws(() => add(1, 1n), WebAssembly.RuntimeError, "misaligned");
});

test("table elements are called, and an empty one traps", () => {
  const writer = new ModuleWriter();
  const table = writer.table({ initial: 300 });
  const add = writer.func(BINARY, [], new Code().local_get(0).local_get(1).i32_add());
  const sub = writer.func(BINARY, [], new Code().local_get(0).local_get(1).i32_sub());
  writer.elements(table, 200, [add, sub]);
  const call = new Code().i32_const(50).i32_const(8).local_get(0)
    .call_indirect(writer.type(BINARY), table);
  writer.exportFunc("call", writer.func(UNARY, [], call));
  const exports = instantiate(writer);
  assert.equal(exports.call(200), 58);
  assert.equal(exports.call(201), 42);
  assert.throws(() => exports.call(199), WebAssembly.RuntimeError);
  assert.throws(() => exports.call(300), WebAssembly.RuntimeError);
});

test("table instructions and references", () => {
  const writer = new ModuleWriter();
  const table = writer.table({ initial: 1, maximum: 9 });
  const seven = writer.func({ params: [], results: ["i32"] }, [], new Code().i32_const(7));
  writer.exportFunc("seven", seven);
  writer.exportTable("table", table);
  const body = new Code()
    .i32_const(0).table_get(table).ref_is_null() // 1
    .i32_const(0).ref_func(seven).table_set(table)
    .ref_null().i32_const(4).table_grow(table).i32_add() // + 1
    .i32_const(2).ref_func(seven).i32_const(3).table_fill(table)
    .table_size(table).i32_add(); // + 5
  writer.exportFunc("go", writer.func({ params: [], results: ["i32"] }, [], body));
  const exports = instantiate(writer);
  assert.equal(exports.go(), 7);
  const elements = exports.table as unknown as WebAssembly.Table;
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => elements.get(i) !== null), [
    true,
    false,
    true,
    true,
    true,
  ]);
});

test("a million tail calls, direct and through an imported table, take no stack", () => {
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 4 });
  const writer = new ModuleWriter();
  const imported = writer.importTable("host", "table", { initial: 4 });
  const even = writer.declareFunc(UNARY);
  const odd = writer.declareFunc(UNARY);
  const next = () => new Code().local_get(0).i32_eqz().if_();
  const down = (code: Code) => code.local_get(0).i32_const(1).i32_sub();
  writer.define(even, [], down(next().i32_const(1).return_().end()).return_call(odd));
  const indirect = down(next().i32_const(0).return_().end()).i32_const(3)
    .return_call_indirect(writer.type(UNARY), imported);
  writer.define(odd, [], indirect);
  writer.elements(imported, 3, [even]);
  writer.exportFunc("even", even);
  const exports = instantiate(writer, { host: { table } });
  assert.equal(exports.even(1_000_000), 1);
  assert.equal(exports.even(1_000_001), 0);
});

test("imported functions and globals take the first indices", () => {
  const writer = new ModuleWriter();
  const twice = writer.importFunc("host", "twice", UNARY);
  const counter = writer.importGlobal("host", "counter", "i64", true);
  const limit = writer.global("i32", false, -7);
  const sum = writer.global("f64", true, 0.5);
  writer.global("i64", false, -(1n << 63n));
  writer.global("f32", false, 1);
  writer.global("v128", true);
  writer.global("funcref", true);
  writer.exportGlobal("sum", sum);
  const body = new Code()
    .global_get(counter).i64_const32(1).i64_add().global_set(counter)
    .f64_const(2.25).global_set(sum)
    .local_get(0).call(twice).global_get(limit).i32_add();
  const f = writer.func(UNARY, [], body);
  assert.deepEqual([twice, f, counter, limit], [0, 1, 0, 1]);
  writer.exportFunc("f", f);
  assert.throws(() => writer.importFunc("host", "late", UNARY), /host\.late/);
  const global = new WebAssembly.Global({ value: "i64", mutable: true }, 41n);
  const host = { twice: (n: number) => 2 * n, counter: global };
  const exports = instantiate(writer, { host });
  assert.equal(exports.f(10), 13);
  assert.equal(global.value, 42n);
  assert.equal((exports.sum as unknown as WebAssembly.Global).value, 2.25);
});

test("locals of every type, in runs, are numbered behind the parameters", () => {
  const writer = new ModuleWriter();
  const body = new Code().local_get(0).local_set(3).f64_const(0.5).local_set(4)
    .local_get(0).i32x4_splat().local_set(5)
    .local_get(3).local_get(4).i32_trunc_sat_f64_s().i32_add();
  writer.exportFunc("f", writer.func(UNARY, ["i64", "i64", "i32", "f64", "v128", "funcref"], body));
  assert.equal(instantiate(writer).f(5), 5);
});

test("the body is copied when it is given", () => {
  const writer = new ModuleWriter();
  const code = new Code().i32_const(1);
  const type: FuncType = { params: [], results: ["i32"] };
  writer.exportFunc("one", writer.func(type, [], code));
  writer.exportFunc("two", writer.func(type, [], code.reset().i32_const(2).bytes()));
  const { one, two } = instantiate(writer);
  assert.deepEqual([one(), two()], [1, 2]);
});

test("own memory is exported; a function without a body is an error", () => {
  const writer = new ModuleWriter();
  writer.exportMemory("memory", writer.memory({ initial: 2 }));
  const { memory } = instantiate(writer);
  assert.equal((memory as unknown as WebAssembly.Memory).buffer.byteLength, 2 * 65536);
  writer.declareFunc(UNARY);
  assert.throws(() => writer.finish(), /function 0 has no body/);
});

test("function names are written in order of their index", () => {
  const writer = new ModuleWriter();
  const type: FuncType = { params: [], results: [] };
  writer.func(type, [], new Code());
  writer.func(type, [], new Code());
  writer.nameFunc(1, "second");
  writer.nameFunc(0, "f\u00fcr");
  const module = new WebAssembly.Module(writer.finish());
  const [section] = WebAssembly.Module.customSections(module, "name");
  const text = [
    ...new TextEncoder().encode("f\u00fcr"),
    1,
    6,
    ...new TextEncoder().encode("second"),
  ];
  assert.deepEqual([...new Uint8Array(section)], [1, 3 + 1 + text.length - 1, 2, 0, 4, ...text]);
});
