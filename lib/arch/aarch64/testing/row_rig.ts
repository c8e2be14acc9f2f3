/**
 * A test rig that executes single instructions of a row table without the engine: each word becomes
 * a WebAssembly function over a register file, a window of memory and nothing else.
 *
 * ```ts ignore
 * const rig = new RowRig(simdCopyRows, simdHelpers);
 * rig.compile([0x4e080c20]); // dup v0.2d, x1
 * rig.x[1] = 5n;
 * rig.run(0x4e080c20);
 * rig.v(0); // 16 bytes
 * ```
 */
import type { FlagModel, Helper, HelperCode } from "../../../engine/arch.ts";
import { Builder, type ProbeSize } from "../../../engine/builder.ts";
import { STATE_BASE, STATE_SIZE, type StateField, StateView } from "../../../engine/layout.ts";
import { bindOperands } from "../../../engine/instruction.ts";
import type { Operand, Row } from "../../../engine/row.ts";
import { InstructionTable } from "../../../engine/table.ts";
import { Code } from "../../../wasm/code.ts";
import { ModuleWriter } from "../../../wasm/module.ts";
import type { ValType } from "../../../wasm/types.ts";
import { flagModel } from "../flags.ts";
import { field } from "../layout.ts";

/** Virtual address and bytes of the memory window: a page boundary is in its middle. */
export const WINDOW = { address: 0x50000800, size: 0x1000 } as const;
/** Address of every instruction. */
export const PC = 0x50002400;

/** How an instruction ended. */
export const Ending = {
  next: 0,
  /** An access outside the window: nothing may have changed. */
  miss: 1,
  /** `faultIf`. */
  fault: 2,
  /** A branch: the target is in the state's pc. */
  jumped: 3,
} as const;
/** One of {@linkcode Ending}. */
export type Ending = typeof Ending[keyof typeof Ending];

const HOST_WINDOW = 0x10000;
const FOREIGN = "AArch64 has no such operand";
const PAGES = 3;
const x = field("x");
const v = field("v");
const flags: FlagModel = flagModel;

/** State access that the rig's builder and its helper bodies share. */
function pushState(code: Code, { address, size, type }: StateField, index: number): void {
  code.i32_const(0);
  if (type === "u32") code.i32_load(address + index * size);
  else if (type === "u64") code.i64_load(address + index * size);
  else code.v128_load(address + index * size);
}

function popState(
  code: Code,
  { address, size, type }: StateField,
  index: number,
  local: (type: ValType) => number,
): void {
  const value = local(type === "u32" ? "i32" : type === "u64" ? "i64" : "v128");
  code.local_set(value).i32_const(0).local_get(value);
  if (type === "u32") code.i32_store(address + index * size);
  else if (type === "u64") code.i64_store(address + index * size);
  else code.v128_store(address + index * size);
}

/** Registers in the state block, operands as constants, memory as one window without a TLB. */
class RigBuilder extends Builder {
  readonly locals: ValType[] = [];
  readonly #helpers: ReadonlyMap<string, number>;

  constructor(helpers: ReadonlyMap<string, number>) {
    super();
    this.#helpers = helpers;
  }

  override temp(type: ValType): number {
    return this.locals.push(type) - 1;
  }
  override getState(stateField: StateField, index = 0): void {
    pushState(this, stateField, index);
  }
  override setState(stateField: StateField, index = 0): void {
    popState(this, stateField, index, (type) => this.temp(type));
  }
  override callHelper(name: string): void {
    const index = this.#helpers.get(name);
    if (index === undefined) throw new Error(`no helper ${name}`);
    this.call(index);
  }

  #number(r: Operand): number {
    return r.kind === "reg" && r.value === 31 ? 32 : r.value;
  }
  override get(r: Operand): void {
    this.getState(x, this.#number(r));
  }
  override get32(r: Operand): void {
    this.get(r);
    this.i32_wrap_i64();
  }
  override set(r: Operand): void {
    this.setState(x, r.kind === "reg" && r.value === 31 ? 33 : r.value);
  }
  override set32(r: Operand): void {
    this.i64_extend_i32_u();
    this.set(r);
  }
  override get16(): void {
    throw new Error(FOREIGN);
  }
  override set16(): void {
    throw new Error(FOREIGN);
  }
  override get8(): void {
    throw new Error(FOREIGN);
  }
  override set8(): void {
    throw new Error(FOREIGN);
  }
  override address(): void {
    throw new Error(FOREIGN);
  }
  override offset(): void {
    throw new Error(FOREIGN);
  }
  override getV(r: Operand, plus = 0): void {
    this.getState(v, r.value + plus & 31);
  }
  override setV(r: Operand, plus = 0): void {
    this.setState(v, r.value + plus & 31);
  }
  override getD(r: Operand): void {
    this.getV(r);
    this.f64x2_extract_lane(0);
  }
  override getS(r: Operand): void {
    this.getV(r);
    this.f32x4_extract_lane(0);
  }
  override setD(r: Operand): void {
    const value = this.temp("f64");
    this.local_set(value).v128_const32(0, 0, 0, 0).local_get(value).f64x2_replace_lane(0);
    this.setV(r);
  }
  override setS(r: Operand): void {
    const value = this.temp("f32");
    this.local_set(value).v128_const32(0, 0, 0, 0).local_get(value).f32x4_replace_lane(0);
    this.setV(r);
  }
  override imm(i: Operand): void {
    this.i64_const_parts(i.value, i.high);
  }
  override imm32(i: Operand): void {
    this.i32_const(i.value);
  }
  override pc(): void {
    this.i64_const32(PC);
  }
  override nextPc(): void {
    this.i64_const32(PC + 4);
  }
  override pcRelative(i: Operand): void {
    this.pc();
    this.imm(i);
    this.i64_add();
  }

  override setFlags(kind: number): void {
    if (kind !== 0) {
      const operands = flags.operands.length > kind
        ? Array.from({ length: flags.operands[kind] }, () => this.temp("i64"))
        : [];
      for (const operand of operands.toReversed()) this.local_set(operand);
      flags.materialize(this, kind, operands);
    }
    for (const flag of flags.fields.toReversed()) this.setState(flag);
  }
  override setFlagsIf(): void {
    throw new Error(FOREIGN);
  }
  override restingFlags(): void {
    throw new Error(FOREIGN);
  }
  override isRam(): void {
    throw new Error(FOREIGN);
  }
  override condition(code: number): void {
    const operands = flags.fields.map((flag) => {
      const local = this.temp("i64");
      this.getState(flag);
      this.local_set(local);
      return local;
    });
    flags.condition(this, 0, operands, code);
  }

  #leaveIf(ending: Ending): void {
    this.if_().i32_const(ending).return_().end();
  }
  #probe(size: ProbeSize): void {
    const offset = this.temp("i64");
    this.i64_const32(WINDOW.address).i64_sub().local_tee(offset);
    this.i64_const32(WINDOW.size - size).i64_gt_u();
    this.#leaveIf(Ending.miss);
    this.local_get(offset).i32_wrap_i64().i32_const(HOST_WINDOW).i32_add();
  }
  override readAddress(size: ProbeSize): void {
    this.#probe(size);
  }
  override writeAddress(size: ProbeSize): void {
    this.#probe(size);
  }
  override readWriteAddress(size: ProbeSize): void {
    this.#probe(size);
  }
  override faultIf(): void {
    this.#leaveIf(Ending.fault);
  }

  override jump(distance: Operand): void {
    this.pcRelative(distance);
    this.jumpTo();
  }
  override jumpIf(distance: Operand): void {
    this.if_();
    this.jump(distance);
    this.end();
  }
  override jumpTo(): void {
    this.setState(field("pc"));
    this.i32_const(Ending.jumped).return_();
  }
}

class RigHelperCode extends Code implements HelperCode {
  readonly locals: ValType[] = [];
  readonly #parameters: number;
  readonly #helpers: ReadonlyMap<string, number>;

  constructor(parameters: number, helpers: ReadonlyMap<string, number>) {
    super();
    this.#parameters = parameters;
    this.#helpers = helpers;
  }
  local(type: ValType): number {
    return this.#parameters + this.locals.push(type) - 1;
  }
  callHelper(name: string): void {
    const index = this.#helpers.get(name);
    if (index === undefined) throw new Error(`no helper ${name}`);
    this.call(index);
  }
  getState(stateField: StateField, index = 0): void {
    pushState(this, stateField, index);
  }
  setState(stateField: StateField, index = 0): void {
    popState(this, stateField, index, (type) => this.local(type));
  }
}

/** A register file and a window of memory on which compiled words run. */
export class RowRig {
  /** The rows' decoder. */
  readonly table: InstructionTable;
  /** The state block. */
  readonly state: StateView;
  /** The bytes at {@linkcode WINDOW}. */
  readonly memory: Uint8Array;
  /** X0..X30, then SP. Elements 32 and 33 are what reads as zero and what takes writes to XZR. */
  readonly x: BigUint64Array;
  /** V0..V31 as 32-bit elements. */
  readonly vectors: Uint32Array;
  readonly #helpers: readonly Helper[];
  readonly #memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: PAGES });
  readonly #functions = new Map<number, () => number>();

  /** A rig for these rows; all registers and the window are zero. */
  constructor(rows: readonly Row[], helpers: readonly Helper[]) {
    this.table = new InstructionTable(rows);
    this.#helpers = helpers;
    const buffer = this.#memory.buffer;
    this.state = new StateView(buffer);
    this.memory = new Uint8Array(buffer, HOST_WINDOW, WINDOW.size);
    this.x = new BigUint64Array(buffer, x.address, 34);
    this.vectors = new Uint32Array(buffer, v.address, 128);
  }

  /** Bytes of a vector register. */
  v(number: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, v.address + number * 16, 16);
  }

  /** Clears the whole state block. */
  clear(): void {
    new Uint8Array(this.#memory.buffer, STATE_BASE, STATE_SIZE).fill(0);
  }

  /**
   * Compiles words into one module.
   * @throws {Error} if no row matches a word, or a row has no semantics.
   */
  compile(words: readonly number[]): void {
    const writer = new ModuleWriter();
    const indexes = new Map<string, number>();
    const imports: Record<string, (...args: never[]) => unknown> = {};
    writer.importMemory("rig", "memory", { initial: PAGES });
    for (const helper of this.#helpers) {
      if (helper.emit !== undefined || helper.js === undefined) continue;
      imports[helper.name] = helper.js;
      indexes.set(helper.name, writer.importFunc("js", helper.name, helper));
    }
    const written = this.#helpers.filter((helper) => helper.emit !== undefined);
    for (const helper of written) indexes.set(helper.name, writer.declareFunc(helper));
    for (const helper of written) {
      const code = new RigHelperCode(helper.params.length, indexes);
      helper.emit?.(code);
      writer.define(indexes.get(helper.name) as number, code.locals, code);
    }
    for (const word of words) {
      const decoded = this.table.decodeWord(word);
      if (decoded === undefined || decoded.handler.instruction.host !== undefined) {
        throw new Error(`no semantics for ${word.toString(16).padStart(8, "0")}`);
      }
      bindOperands(decoded);
      const builder = new RigBuilder(indexes);
      decoded.handler.emit(builder);
      builder.i32_const(Ending.next);
      const index = writer.func({ params: [], results: ["i32"] }, builder.locals, builder);
      writer.exportFunc(String(word >>> 0), index);
    }
    const instance = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()), {
      rig: { memory: this.#memory },
      js: imports as unknown as WebAssembly.ModuleImports,
    });
    for (const word of words) {
      const run = instance.exports[String(word >>> 0)] as () => number;
      this.#functions.set(word >>> 0, run);
    }
  }

  /**
   * Executes a compiled word once.
   * @throws {Error} if the word was not compiled.
   */
  run(word: number): Ending {
    const run = this.#functions.get(word >>> 0);
    if (run === undefined) throw new Error("the word was not compiled");
    this.x[32] = 0n;
    return run() as Ending;
  }
}
