/** From the pc of the running vCPU to the records of its code. */
import { Access, type Arch, type ArchCpu } from "./arch.ts";
import type { CodeCache, CodePage } from "./code_cache.ts";
import type { GuestMemory } from "./guest_memory.ts";
import type { Decoded } from "./instruction.ts";
import type { Layout, StateView } from "./layout.ts";
import { PAGE_SIZE, TLB_BASE, TLB_STRIDE } from "./memory_map.ts";
import type { Tlb } from "./tlb.ts";

export interface CodeFetchOptions {
  readonly arch: Arch;
  readonly state: StateView;
  readonly layout: Layout;
  readonly memory: GuestMemory;
  readonly cache: CodeCache;
  readonly tlb: Tlb;
}

export class CodeFetch {
  readonly #arch: Arch;
  readonly #memory: GuestMemory;
  readonly #cache: CodeCache;
  readonly #tlb: Tlb;
  readonly #u32: Uint32Array;
  readonly #pc: number;
  readonly #record: number;
  readonly #modeField: number;
  readonly #tlbField: number;
  #mode = -1;

  constructor({ arch, state, layout, memory, cache, tlb }: CodeFetchOptions) {
    this.#arch = arch;
    this.#memory = memory;
    this.#cache = cache;
    this.#tlb = tlb;
    this.#u32 = state.u32;
    this.#pc = layout.get("pc").address >> 2;
    this.#record = layout.get("record").address >> 2;
    this.#modeField = layout.get("mode").address >> 2;
    this.#tlbField = layout.get("tlb").address >> 2;
  }

  /** The running vCPU's mode; see ArchCpu. */
  get mode(): number {
    return this.#mode;
  }

  /** Index of the pc in its page. */
  get index(): number {
    return this.#cache.indexOf(this.#u32[this.#pc]);
  }

  /** Another vCPU runs: its mode is not known. */
  forgetMode(): void {
    this.#mode = -1;
  }

  /** Tells generated code the running vCPU's mode, if it has changed. */
  syncMode(cpu: ArchCpu): void {
    const mode = cpu.mode();
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#u32[this.#modeField] = mode;
    this.#u32[this.#tlbField] = TLB_BASE + this.#arch.tlbOf(mode) * TLB_STRIDE;
  }

  /** The page of the pc; undefined if the vCPU took an exception instead. */
  page(cpu: ArchCpu): CodePage | undefined {
    return this.#pageAt(cpu, this.#u32[this.#pc + 1], this.#u32[this.#pc]);
  }

  #pageAt(cpu: ArchCpu, high: number, low: number): CodePage | undefined {
    if (!this.#translate(cpu, high, low)) return undefined;
    const { page: physical, global } = cpu.translation;
    if (!this.#memory.contains(physical, PAGE_SIZE)) {
      cpu.busError(high, low, Access.execute, true);
      return undefined;
    }
    const page = this.#cache.page(physical - this.#memory.base, this.#mode);
    this.#tlb.fillFetch(high, low, this.#mode, page.records, global);
    return page;
  }

  #translate(cpu: ArchCpu, high: number, low: number): boolean {
    const { instructionAlignment } = this.#arch;
    const tlb = this.#arch.tlbOf(this.#mode);
    return cpu.translate(high, low, Access.execute, tlb, instructionAlignment);
  }

  /** The page of a virtual address that has RAM behind it; undefined for others. */
  mapped(cpu: ArchCpu, address: number): CodePage | undefined {
    if (!this.#translate(cpu, Math.floor(address / 2 ** 32), address >>> 0)) return undefined;
    const { page } = cpu.translation;
    if (!this.#memory.contains(page, PAGE_SIZE)) return undefined;
    return this.#cache.page(page - this.#memory.base, this.#mode);
  }

  /** Decodes what follows the record that the interpreter stopped at. */
  decode(): void {
    const record = this.#u32[this.#record];
    const page = this.#cache.pageOf(record);
    this.#cache.decode(page, this.index, record === page.records ? 0 : record);
  }

  /**
   * Finds the page that the instruction at the pc reaches into, and completes its record. False if the
   * vCPU took an exception instead.
   */
  cross(cpu: ArchCpu, page: CodePage): boolean {
    const low = ((this.#u32[this.#pc] & -PAGE_SIZE) + PAGE_SIZE) >>> 0;
    const high = low === 0 ? (this.#u32[this.#pc + 1] + 1) >>> 0 : this.#u32[this.#pc + 1];
    const next = this.#pageAt(cpu, high, low);
    if (next === undefined) return false;
    // Room for the next page may have been made by dropping this one.
    if (this.#cache.isLive(page)) this.#cache.cross(page, this.index, next);
    return true;
  }

  /** The page of the record that the interpreter stopped at. */
  recordPage(): CodePage {
    return this.#cache.pageOf(this.#u32[this.#record]);
  }

  /** The page of the pc, whose instruction there is decoded; undefined if it took an exception. */
  decodedPage(cpu: ArchCpu): CodePage | undefined {
    const { index } = this;
    for (;;) {
      const page = this.page(cpu);
      if (page === undefined) return undefined;
      this.#cache.decode(page, index);
      // A page whose records are used up is dropped.
      if (this.#cache.record(page, index) === 0) continue;
      if (!page.crossings.has(index)) return page;
      if (!this.cross(cpu, page)) return undefined;
      if (this.#cache.crossed(page, index) !== undefined) return page;
    }
  }

  /** The instruction at the pc, in `page`; one that reaches into another has been completed. */
  instruction(page: CodePage): Decoded | undefined {
    const { index } = this;
    const next = this.#cache.crossed(page, index);
    if (next !== undefined) return this.#cache.decodeAcross(page, index, next);
    const decoded = this.#cache.decodeAt(page, index);
    return decoded === "cut" ? undefined : decoded;
  }
}
