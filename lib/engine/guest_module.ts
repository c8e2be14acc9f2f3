/** WebAssembly modules of generated code: what they import, and the types of their functions. */
import { ModuleWriter } from "../wasm/module.ts";
import type { FuncType } from "../wasm/types.ts";

/** What every generated module imports. */
export interface Imports {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
}

export const SINGLE_TYPE: FuncType = { params: ["i32", "i64", "i32"], results: ["i32"] };
export const REGION_TYPE: FuncType = { params: ["i64"], results: ["i32"] };

/** A module that imports the machine's memory and table as "m" "memory" and "m" "table". */
export function newModule(slots: number): ModuleWriter {
  const module = new ModuleWriter();
  // Any memory will do: a machine's code fits another's.
  module.importMemory("m", "memory", { initial: 1, maximum: 65536, shared: true });
  module.importTable("m", "table", { initial: slots });
  return module;
}

/** What the interpreter asks the host for in the middle of an instruction: see SlowAccess. */
export interface HostFunctions {
  /** Host address for the probe that has missed, 0 to come back with {@linkcode Exit.go}. */
  readonly access: () => number;
  /** 1 to go on, 0 to come back with {@linkcode Exit.go}. */
  readonly commit: () => number;
}

/** Instantiates a module made with {@linkcode newModule}. */
export function instantiate(
  module: WebAssembly.Module,
  imports: Imports,
  host: HostFunctions | Record<string, never> = {},
): WebAssembly.Exports {
  return new WebAssembly.Instance(module, { m: { ...imports }, host: { ...host } }).exports;
}
