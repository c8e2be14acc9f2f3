/** The module of an architecture's helper functions, one per machine, placed in the shared table. */
import type { Helper, HelperCode } from "./arch.ts";
import type { HelperLinks } from "./code_builder.ts";
import { type Imports, newModule } from "./guest_module.ts";
import type { ModuleStore } from "./module_store.ts";
import type { StateField } from "./layout.ts";
import { Code } from "../wasm/code.ts";
import type { ModuleWriter } from "../wasm/module.ts";
import type { ValType } from "../wasm/types.ts";

class HelperBody extends Code implements HelperCode {
  readonly locals: ValType[] = [];
  readonly #parameters: number;
  readonly #index: (name: string) => number;

  constructor(parameters: number, index: (name: string) => number) {
    super(1024);
    this.#parameters = parameters;
    this.#index = index;
  }

  local(type: ValType): number {
    this.locals.push(type);
    return this.#parameters + this.locals.length - 1;
  }

  callHelper(name: string): void {
    this.call(this.#index(name));
  }

  getState(field: StateField, index = 0): void {
    const address = field.address + index * field.size;
    this.i32_const(0);
    if (field.type === "u32") this.i32_load(address);
    else if (field.type === "u64") this.i64_load(address);
    else this.v128_load(address);
  }

  setState(field: StateField, index = 0): void {
    const address = field.address + index * field.size;
    const type = field.type === "u32" ? "i32" : field.type === "u64" ? "i64" : "v128";
    const value = this.local(type);
    this.local_set(value).i32_const(0).local_get(value);
    if (type === "i32") this.i32_store(address);
    else if (type === "i64") this.i64_store(address);
    else this.v128_store(address);
  }
}

/** Helpers by name, with their table slots. */
export class HelperTable {
  readonly #helpers: readonly Helper[];
  readonly #slots: Map<string, number> = new Map();
  readonly #base: number;

  constructor(helpers: readonly Helper[], base: number) {
    this.#helpers = helpers;
    this.#base = base;
    helpers.forEach((helper, i) => this.#slots.set(helper.name, base + i));
    if (this.#slots.size !== helpers.length) throw new Error("two helpers have one name");
  }

  /** The links of a module that calls helpers. */
  links(module: ModuleWriter): HelperLinks {
    return {
      slot: (name) => this.#slot(name),
      typeIndex: (name) => module.type(this.#helpers[this.#slot(name) - this.#base]),
    };
  }

  #slot(name: string): number {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new Error(`no helper ${name}`);
    return slot;
  }

  /** Compiles the helpers, unless another machine has, and puts them into the table. */
  install(imports: Imports, modules: ModuleStore, slots: number): void {
    if (this.#helpers.length === 0) return;
    const js: Record<string, WebAssembly.ImportValue> = {};
    for (const { name, js: run, emit } of this.#helpers) {
      if (emit === undefined) js[name] = run as WebAssembly.ImportValue;
    }
    const module = modules.get("helpers", () => this.#write(slots));
    new WebAssembly.Instance(module, { m: { ...imports }, js });
  }

  #write(slots: number): Uint8Array<ArrayBuffer> {
    const module = newModule(slots);
    const imports = new Map<string, number>();
    for (const { name, emit, params, results } of this.#helpers) {
      if (emit === undefined) imports.set(name, module.importFunc("js", name, { params, results }));
    }
    const indices = new Map<string, number>();
    for (const { name, params, results } of this.#helpers) {
      indices.set(name, module.declareFunc({ params, results }));
    }
    const index = (name: string): number => {
      const found = indices.get(name);
      if (found === undefined) throw new Error(`no helper ${name}`);
      return found;
    };
    for (const { name, emit, params } of this.#helpers) {
      const body = new HelperBody(params.length, index);
      if (emit !== undefined) emit(body);
      else {
        // The table has functions of WebAssembly only: those that it calls in its turn are imports.
        params.forEach((_, i) => body.local_get(i));
        body.call(imports.get(name) as number);
      }
      module.define(index(name), body.locals, body);
    }
    module.elements(0, this.#base, this.#helpers.map(({ name }) => index(name)));
    return module.finish();
  }
}
