/** Calls of helper functions from tests. JavaScript has no v128, so all values go as bits. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { HelperTable } from "../../engine/helpers.ts";
import { ModuleStore } from "../../engine/module_store.ts";
import type { ValType } from "../../wasm/types.ts";
import { wasmHelper } from "../wasm_helper.ts";

/** Calls a helper by name: bits of its operands in, bits of its result out, from 0 up. */
export type HelperCall = (name: string, ...operands: bigint[]) => bigint;

/** Width of the types that helpers have. */
const BITS: Partial<Record<ValType, number>> = { i32: 32, f32: 32, i64: 64, f64: 64, v128: 128 };
const PAGES = 2;
/** Where operands and result stand, 16 bytes each: behind the state block. */
const OPERANDS = (PAGES - 1) * 0x10000;

type Memory = "i32" | "i64" | "f32" | "f64" | "v128";

/** A helper without parameters that has the operands from memory and puts the result there. */
function throughMemory({ name, params, results }: Helper): Helper {
  return wasmHelper(`memory ${name}`, [], undefined, (c: HelperCode) => {
    c.i32_const(0);
    params.forEach((type, i) => c.i32_const(0)[`${type as Memory}_load`](OPERANDS + 16 * i));
    c.callHelper(name);
    c[`${results[0] as Memory}_store`](OPERANDS);
  });
}

/** Compiles helpers with one result each. */
export function helperCalls(helpers: readonly Helper[]): HelperCall {
  const all = [...helpers, ...helpers.map(throughMemory)];
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const table = new WebAssembly.Table({ initial: all.length, element: "anyfunc" });
  new HelperTable(all, 0).install({ memory, table }, new ModuleStore(), all.length);
  const words = new BigUint64Array(memory.buffer, OPERANDS);
  const numbers = new Map(helpers.map(({ name }, i) => [name, i]));
  return (name, ...operands) => {
    const number = numbers.get(name);
    if (number === undefined) throw new Error(`no helper ${name}`);
    operands.forEach((bits, i) => {
      words[2 * i] = BigInt.asUintN(64, bits);
      words[2 * i + 1] = BigInt.asUintN(64, bits >> 64n);
    });
    table.get(helpers.length + number)();
    const width = BITS[helpers[number].results[0]] as number;
    return BigInt.asUintN(width, words[0] | words[1] << 64n);
  };
}
