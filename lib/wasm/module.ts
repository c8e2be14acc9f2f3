import { Bytes } from "./bytes.ts";
import { Code } from "./code.ts";
import { VALUE_TYPE } from "./types.ts";
import type { FuncType, ValType } from "./types.ts";

/** Size of a linear memory in pages of 64 KiB. */
export interface MemoryLimits {
  /** At most 65536. */
  readonly initial: number;
  /** At most 65536; needed if shared. */
  readonly maximum?: number;
  /** Whether several threads may have it. @default false */
  readonly shared?: boolean;
}

/** Size of a table of function references, in elements. */
export interface TableLimits {
  /** Size at the start. */
  readonly initial: number;
  /** Size that `table_grow` may reach. */
  readonly maximum?: number;
}

const MAGIC_AND_VERSION = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  element: 9,
  code: 10,
} as const;
const KIND = { func: 0, table: 1, memory: 2, global: 3 } as const;
/** The functions' part of the name section. */
const FUNCTION_NAMES = 1;

/**
 * Writes a WebAssembly module (core specification, section 5.5). Every method that adds something
 * returns its index. Imports come before own definitions of the same kind, because they take the
 * first indices; `finish` gives the bytes.
 *
 * ```ts
 * import { Code } from "./code.ts";
 * import { ModuleWriter } from "./module.ts";
 *
 * const writer = new ModuleWriter();
 * const body = new Code().local_get(0).local_get(1).i32_add();
 * const add = writer.func({ params: ["i32", "i32"], results: ["i32"] }, [], body);
 * writer.exportFunc("add", add);
 * const module = new WebAssembly.Module(writer.finish());
 * ```
 */
export class ModuleWriter {
  readonly #typeIndices = new Map<string, number>();
  readonly #types = new Bytes();
  readonly #imports = new Bytes();
  readonly #functions = new Bytes();
  readonly #tables = new Bytes(16);
  readonly #memories = new Bytes(16);
  readonly #globals = new Bytes(16);
  readonly #exports = new Bytes();
  readonly #elements = new Bytes(16);
  readonly #bodies: (Uint8Array | undefined)[] = [];
  readonly #names: [number, string][] = [];
  readonly #imported = { func: 0, table: 0, memory: 0, global: 0 };
  readonly #own = { table: 0, memory: 0, global: 0 };
  #importCount = 0;
  #exportCount = 0;
  #elementCount = 0;

  /** Index of a function type; equal types have one index. */
  type(type: FuncType): number {
    const key = type.params.join() + ">" + type.results.join();
    let index = this.#typeIndices.get(key);
    if (index === undefined) {
      index = this.#typeIndices.size;
      this.#typeIndices.set(key, index);
      this.#types.u8(0x60);
      writeTypes(this.#types, type.params);
      writeTypes(this.#types, type.results);
    }
    return index;
  }

  /** Imports a function. @throws {Error} after the first own function. */
  importFunc(module: string, name: string, type: FuncType | number): number {
    this.#import("func", this.#bodies.length, module, name);
    this.#imports.u32(this.#typeIndex(type));
    return this.#imported.func++;
  }

  /** Imports a table. @throws {Error} after the first own table. */
  importTable(module: string, name: string, limits: TableLimits): number {
    this.#import("table", this.#own.table, module, name);
    writeTable(this.#imports, limits);
    return this.#imported.table++;
  }

  /** Imports a memory. @throws {Error} after the first own memory. */
  importMemory(module: string, name: string, limits: MemoryLimits): number {
    this.#import("memory", this.#own.memory, module, name);
    writeLimits(this.#imports, limits.initial, limits.maximum, limits.shared);
    return this.#imported.memory++;
  }

  /** Imports a global. @throws {Error} after the first own global. */
  importGlobal(module: string, name: string, type: ValType, mutable: boolean): number {
    this.#import("global", this.#own.global, module, name);
    this.#imports.u8(VALUE_TYPE[type]).u8(mutable ? 1 : 0);
    return this.#imported.global++;
  }

  /**
   * Adds a function. The body is copied now and ends by itself: it has no `end` of its own.
   * Locals are numbered behind the parameters.
   */
  func(type: FuncType | number, locals: readonly ValType[], body: Code | Uint8Array): number {
    const index = this.declareFunc(type);
    this.define(index, locals, body);
    return index;
  }

  /** Gives a function its index; `define` brings the body (functions that call each other). */
  declareFunc(type: FuncType | number): number {
    this.#functions.u32(this.#typeIndex(type));
    return this.#imported.func + this.#bodies.push(undefined) - 1;
  }

  /** Writes the body of a declared function; see `func`. */
  define(index: number, locals: readonly ValType[], body: Code | Uint8Array): void {
    const code = body instanceof Code ? body.bytes() : body;
    const bytes = new Bytes(code.length + 16);
    let runs = 0;
    for (let i = 0; i < locals.length; i++) if (locals[i] !== locals[i - 1]) runs++;
    bytes.u32(runs);
    for (let i = 0; i < locals.length;) {
      const start = i;
      while (i < locals.length && locals[i] === locals[start]) i++;
      bytes.u32(i - start).u8(VALUE_TYPE[locals[start]]);
    }
    bytes.append(code).u8(0x0b);
    this.#bodies[index - this.#imported.func] = bytes.take();
  }

  /** Adds a table of function references. */
  table(limits: TableLimits): number {
    writeTable(this.#tables, limits);
    return this.#imported.table + this.#own.table++;
  }

  /** Adds a memory. */
  memory(limits: MemoryLimits): number {
    writeLimits(this.#memories, limits.initial, limits.maximum, limits.shared);
    return this.#imported.memory + this.#own.memory++;
  }

  /** Adds a number or, without a value, a null reference or zero. Only i64 takes a bigint. */
  global(type: ValType, mutable: boolean, initial: number | bigint = 0): number {
    const value = new Code(32);
    if (type === "i32") value.i32_const(Number(initial));
    else if (type === "i64") value.i64_const(BigInt(initial));
    else if (type === "f32") value.f32_const(Number(initial));
    else if (type === "f64") value.f64_const(Number(initial));
    else if (type === "v128") value.v128_const(0n, 0n);
    else value.ref_null();
    this.#globals.u8(VALUE_TYPE[type]).u8(mutable ? 1 : 0).append(value.end().bytes());
    return this.#imported.global + this.#own.global++;
  }

  /** Fills a table from element `offset` on when the module is instantiated. */
  elements(table: number, offset: number, functions: readonly number[]): void {
    const start = new Code(32).i32_const(offset).end();
    // Flag 2: active, with a table index and a kind (0: function indices).
    this.#elements.u32(2).u32(table).append(start.bytes()).u8(0).u32(functions.length);
    for (const index of functions) this.#elements.u32(index);
    this.#elementCount++;
  }

  /** Exports a function. */
  exportFunc(name: string, index: number): void {
    this.#export("func", name, index);
  }

  /** Exports a table. */
  exportTable(name: string, index = 0): void {
    this.#export("table", name, index);
  }

  /** Exports a memory. */
  exportMemory(name: string, index = 0): void {
    this.#export("memory", name, index);
  }

  /** Exports a global. */
  exportGlobal(name: string, index: number): void {
    this.#export("global", name, index);
  }

  /** Name of a function in stack traces and profiles; optional. */
  nameFunc(index: number, name: string): void {
    this.#names.push([index, name]);
  }

  /**
   * The module.
   * @throws {Error} if a declared function has no body.
   */
  finish(): Uint8Array<ArrayBuffer> {
    const bodies = this.#bodies;
    const code = new Bytes(bodies.reduce((sum, body) => sum + (body?.length ?? 0) + 5, 0));
    for (let i = 0; i < bodies.length; i++) {
      const body = bodies[i];
      if (!body) throw new Error(`function ${this.#imported.func + i} has no body`);
      code.u32(body.length).append(body);
    }
    const out = new Bytes(code.length + 1024).append(MAGIC_AND_VERSION)
      .section(SECTION.type, this.#typeIndices.size, this.#types)
      .section(SECTION.import, this.#importCount, this.#imports)
      .section(SECTION.function, bodies.length, this.#functions)
      .section(SECTION.table, this.#own.table, this.#tables)
      .section(SECTION.memory, this.#own.memory, this.#memories)
      .section(SECTION.global, this.#own.global, this.#globals)
      .section(SECTION.export, this.#exportCount, this.#exports)
      .section(SECTION.element, this.#elementCount, this.#elements)
      .section(SECTION.code, bodies.length, code);
    if (this.#names.length > 0) out.sized(SECTION.custom, this.#nameSection());
    return out.take();
  }

  #nameSection(): Bytes {
    const sorted = [...new Map(this.#names)].sort((a, b) => a[0] - b[0]);
    const names = new Bytes().u32(sorted.length);
    for (const [index, name] of sorted) names.u32(index).name(name);
    return new Bytes().name("name").sized(FUNCTION_NAMES, names);
  }

  #typeIndex(type: FuncType | number): number {
    return typeof type === "number" ? type : this.type(type);
  }

  #import(kind: keyof typeof KIND, own: number, module: string, name: string): void {
    if (own > 0) throw new Error(`import of a ${kind} after an own ${kind}: ${module}.${name}`);
    this.#imports.name(module).name(name).u8(KIND[kind]);
    this.#importCount++;
  }

  #export(kind: keyof typeof KIND, name: string, index: number): void {
    this.#exports.name(name).u8(KIND[kind]).u32(index);
    this.#exportCount++;
  }
}

function writeTypes(out: Bytes, types: readonly ValType[]): void {
  out.u32(types.length);
  for (const type of types) out.u8(VALUE_TYPE[type]);
}

function writeTable(out: Bytes, limits: TableLimits): void {
  out.u8(VALUE_TYPE.funcref);
  writeLimits(out, limits.initial, limits.maximum, false);
}

function writeLimits(out: Bytes, initial: number, maximum?: number, shared = false): void {
  out.u8((maximum === undefined ? 0 : 1) | (shared ? 2 : 0)).u32(initial);
  if (maximum !== undefined) out.u32(maximum);
}
