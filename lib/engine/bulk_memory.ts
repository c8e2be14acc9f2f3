/**
 * Moving and filling bytes of the machine's memory by WebAssembly's own instructions: methods of typed
 * arrays go byte by byte over memory that threads may share, twenty times slower in some runtimes.
 */
import { Code } from "../wasm/code.ts";
import { ModuleWriter } from "../wasm/module.ts";
import type { FuncType } from "../wasm/types.ts";

/** Places are byte offsets in one array. */
export interface BulkMemory {
  /** Copies `length` bytes; the two may overlap. */
  readonly move: (to: number, from: number, length: number) => void;
  /** Sets `length` bytes to `value`. */
  readonly fill: (at: number, value: number, length: number) => void;
}

const TYPE: FuncType = { params: ["i32", "i32", "i32"], results: [] };

/** One for all machines. */
let module: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  const writer = new ModuleWriter();
  writer.importMemory("m", "memory", { initial: 1, maximum: 65536, shared: true });
  const type = writer.type(TYPE);
  const operands = (): Code => new Code().local_get(0).local_get(1).local_get(2);
  writer.exportFunc("move", writer.func(type, [], operands().memory_copy()));
  writer.exportFunc("fill", writer.func(type, [], operands().memory_fill()));
  return new WebAssembly.Module(writer.finish());
}

/** For the part of a shared memory that begins at `base`. Throws a RuntimeError outside of the memory. */
export function bulkMemory(memory: WebAssembly.Memory, base: number): BulkMemory {
  module ??= compile();
  const { move, fill } = new WebAssembly.Instance(module, { m: { memory } }).exports as {
    readonly [name: string]: (a: number, b: number, length: number) => void;
  };
  return {
    move: (to, from, length) => move(base + to, base + from, length),
    fill: (at, value, length) => fill(base + at, value, length),
  };
}
