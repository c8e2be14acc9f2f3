/** Instructions that have become hot, and the regions that are made of them. */
import type { CodeCache, Region } from "./code_cache.ts";
import { type CodeContext, Slots } from "./code_context.ts";
import { Special } from "./memory_map.ts";
import { RegionCompiler, type RegionRequest } from "./region_compiler.ts";

/** Hot instructions compiled together. */
const BATCH = 32;
/** The first of a batch waits for others at most this many instructions. */
export const BATCH_WAIT = 50_000;

/**
 * Modules, and bytes of them, that are made before all code is dropped and begins anew. What the
 * runtime makes of a module, 20 KB at least, goes with the last of its regions, and a guest may keep
 * one of each.
 */
const MODULES = 4096;
const MODULE_BYTES = 128 * 2 ** 20;

export class HotCode {
  readonly compiler: RegionCompiler;
  readonly #context: CodeContext;
  readonly #cache: CodeCache;
  /** Addresses of records. */
  readonly #pending: Set<number> = new Set();
  readonly #free: number[] = [];
  /** Slots of dropped regions. */
  readonly #dropped: number[] = [];
  #next: number = Slots.regions;
  /** Modules since the code was last dropped, and bytes of all modules then. */
  #modules = 0;
  #bytes = 0;
  /** Time spent in compilation, in milliseconds of `performance.now`. */
  milliseconds = 0;

  constructor(context: CodeContext, cache: CodeCache) {
    this.#context = context;
    this.#cache = cache;
    this.compiler = new RegionCompiler(context, cache);
  }

  /** Whether hot instructions wait to be compiled. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Notes the instruction of a record; compiles when there are enough. */
  add(record: number): void {
    this.#pending.add(record);
    if (this.#pending.size >= BATCH) this.compile();
  }

  /** Forgets what waits: its records are gone. */
  forget(): void {
    this.#pending.clear();
  }

  /** Compiles what waits. */
  compile(): void {
    if (this.#modules >= MODULES || this.compiler.bytes - this.#bytes >= MODULE_BYTES) {
      this.#modules = 0;
      this.#bytes = this.compiler.bytes;
      this.#cache.flush();
      return;
    }
    this.sweep();
    const start = performance.now();
    const batch: RegionRequest[] = [];
    for (const record of this.#pending) {
      const found = this.#cache.find(record);
      if (found === undefined) continue;
      const { page, index } = found;
      if (page.regions.has(index)) continue;
      if (this.#cache.handlerNumber(page, index) < Special.first) continue;
      const slot = this.#free.pop() ?? this.#next++;
      if (slot >= Slots.end) {
        this.#next = Slots.end;
        for (const request of batch) this.#free.push(request.slot);
        this.#cache.flush();
        return;
      }
      batch.push({ page, index, slot });
    }
    this.#pending.clear();
    this.compiler.compile(batch);
    this.#modules++;
    this.milliseconds += performance.now() - start;
  }

  /** Regions are dropped; one of them may be running. */
  drop(regions: Iterable<Region>): void {
    for (const { slot } of regions) this.#dropped.push(slot);
  }

  /** Takes dropped regions out of the function table, while none runs. */
  sweep(): void {
    if (this.#dropped.length === 0) return;
    for (const slot of this.#dropped) {
      this.#context.imports.table.set(slot, null);
      this.#free.push(slot);
    }
    this.#dropped.length = 0;
  }
}
