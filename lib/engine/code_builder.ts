/**
 * What both executors' builders share: scratch locals, label depths, state access, TLB probes.
 */
import type { ArchBinding } from "./arch.ts";
import { type AccessOptions, Builder, type ProbeSize } from "./builder.ts";
import { Miss, type StateField } from "./layout.ts";
import { RAM_BASE, TLB_MASK, TLB_STRIDE, TLB_WRITE } from "./memory_map.ts";
import type { BlockType } from "../wasm/code_control.ts";
import type { ValType } from "../wasm/types.ts";

/** Finds the table slot and type index of a helper function. */
export interface HelperLinks {
  slot(name: string): number;
  typeIndex(name: string): number;
}

/** Numbers of the pools of scratch locals. */
const TYPES: Record<ValType, number> = { i32: 0, i64: 1, f32: 2, f64: 3, v128: 4, funcref: 5 };

/** Bits of `missInfo` for a probe. */
export function missInfo(size: number, kind: number, options: AccessOptions | undefined): number {
  return size | kind | (options?.aligned ? Miss.aligned : 0);
}

export abstract class CodeBuilder extends Builder {
  protected readonly binding: ArchBinding;
  readonly #links: HelperLinks;
  /** Open blocks, loops and ifs. */
  depth = 0;
  /** Types of the locals after the parameters. */
  readonly locals: ValType[] = [];
  readonly #parameters: number;
  readonly #pools: number[][] = [[], [], [], [], [], []];
  /** Locals of each pool that this instruction has taken. */
  readonly #taken: Uint8Array = new Uint8Array(6);

  constructor(binding: ArchBinding, links: HelperLinks, parameters: number) {
    super(4096);
    this.binding = binding;
    this.#links = links;
    this.#parameters = parameters;
  }

  override block(type?: BlockType): this {
    this.depth++;
    return super.block(type);
  }
  override loop(type?: BlockType): this {
    this.depth++;
    return super.loop(type);
  }
  override if_(type?: BlockType): this {
    this.depth++;
    return super.if_(type);
  }
  override end(): this {
    this.depth--;
    return super.end();
  }

  /** Branches to the block or loop whose opening made the depth `label`. */
  branchTo(label: number): void {
    this.br(this.depth - label);
  }

  /** [i32] -> [] */
  branchIfTo(label: number): void {
    this.br_if(this.depth - label);
  }

  /** A local that is never reused. */
  local(type: ValType): number {
    this.locals.push(type);
    return this.#parameters + this.locals.length - 1;
  }

  override temp(type: ValType): number {
    const index = TYPES[type];
    const pool = this.#pools[index];
    const taken = this.#taken[index]++;
    if (taken === pool.length) pool.push(this.local(type));
    return pool[taken];
  }

  /** All scratch locals are free again. */
  protected releaseTemps(): void {
    this.#taken.fill(0);
  }

  override getState(field: StateField, index = 0): void {
    const address = field.address + index * field.size;
    this.i32_const(0);
    if (field.type === "u32") this.i32_load(address);
    else if (field.type === "u64") this.i64_load(address);
    else this.v128_load(address);
  }

  override setState(field: StateField, index = 0): void {
    const address = field.address + index * field.size;
    const type = field.type === "u32" ? "i32" : field.type === "u64" ? "i64" : "v128";
    const value = this.temp(type);
    this.local_set(value).i32_const(0).local_get(value);
    if (type === "i32") this.i32_store(address);
    else if (type === "i64") this.i64_store(address);
    else this.v128_store(address);
  }

  override callHelper(name: string): void {
    this.i32_const(this.#links.slot(name)).call_indirect(this.#links.typeIndex(name));
  }

  override isRam(hostAddress: number): void {
    this.local_get(hostAddress).i32_const(RAM_BASE).i32_ge_u();
  }

  override readAddress(size: ProbeSize, options?: AccessOptions): void {
    this.probe(size, Miss.read, options);
  }
  override writeAddress(size: ProbeSize, options?: AccessOptions): void {
    this.probe(size, Miss.write, options);
  }
  override readWriteAddress(size: ProbeSize, options?: AccessOptions): void {
    this.probe(size, Miss.read | Miss.write, options);
  }

  /**
   * [i64 va] -> [i32 host address]. Compares the page of the access's last byte with the tag of the
   * entry of its first: an access that crosses into the next page misses, a misaligned one does not.
   */
  protected probe(size: number, kind: number, options: AccessOptions | undefined): void {
    const address = this.temp("i64");
    const entry = this.temp("i32");
    this.local_tee(address);
    this.i64_const32(12).i64_shr_u().i32_wrap_i64().i32_const(TLB_MASK).i32_and();
    this.i32_const(4).i32_shl();
    this.tlbBase(kind, options);
    this.local_tee(entry);
    this.i64_load(this.tlbOffset(kind, options));
    this.probedPage(address, size, options);
    this.i64_ne();
    this.resolve(address, entry, missInfo(size, kind, options), kind, options);
    const both = (kind & Miss.read) !== 0 && (kind & Miss.write) !== 0;
    if (both && !this.binding.writableIsReadable) {
      this.local_get(entry).i64_load(this.tlbOffset(kind, options) - TLB_WRITE);
      this.probedPage(address, size, options);
      this.i64_ne();
      this.onMiss(address, missInfo(size, kind, options), options);
    }
  }

  /**
   * [i32] -> [i32 host address] of the address in a local with its TLB entry in another; not zero: the
   * probe in `info` has missed.
   */
  protected resolve(
    address: number,
    entry: number,
    info: number,
    kind: number,
    options: AccessOptions | undefined,
  ): void {
    this.onMiss(address, info, options);
    this.local_get(address).i32_wrap_i64();
    this.local_get(entry).i32_load(this.tlbOffset(kind, options) + 8).i32_add();
  }

  #pageMask(size: number, options: AccessOptions | undefined): number {
    return options?.aligned ? -4096 | (size - 1) : -4096;
  }

  protected probedPage(address: number, size: number, options: AccessOptions | undefined): void {
    this.local_get(address);
    if (!options?.aligned && size > 1) this.i64_const32(size - 1).i64_add();
    this.i64_const32(this.#pageMask(size, options)).i64_and();
  }

  /** [i32 offset of the entry] -> [i32] adds what of the TLB's address is not constant. */
  protected abstract tlbBase(kind: number, options: AccessOptions | undefined): void;
  /** The constant part of the TLB's address. */
  protected abstract tlbOffset(kind: number, options: AccessOptions | undefined): number;
  /** [i32] -> [] leaves if not zero: the probe in `info` of the address in a local has missed. */
  protected abstract onMiss(
    address: number,
    info: number,
    options: AccessOptions | undefined,
  ): void;
}

/** Address of TLB `number`'s entries for a kind of access, relative to the first TLB. */
export function tlbAddress(number: number, kind: number): number {
  return number * TLB_STRIDE + ((kind & Miss.write) !== 0 ? TLB_WRITE : 0);
}
