/**
 * What the TLBI instructions, ASID changes and changes of the translation registers do to the
 * engine's TLBs (Arm ARM, D8.13). The engine keeps 4 KiB translations of the current ASID only, so
 * a change of ASID drops what is not global, and one TLBI by address may stand for a whole block.
 */
import type { EngineServices } from "../../engine/arch.ts";
import { LargePages } from "../../engine/large_pages.ts";
import type { Mmu } from "./mmu.ts";

/** A TLBI that other vCPUs must hear of. `low` and `high` are halves of the page address. */
export interface TlbInvalidation {
  readonly kind: "all" | "asid" | "page";
  readonly asid: number;
  readonly high: number;
  readonly low: number;
}

/** Invalidations kept for a vCPU that does not run before they become one of everything. */
const DEFERRED_LIMIT = 64;

/** Knows what a vCPU's TLBs may hold, so that little has to be dropped. */
export class TlbMaintenance {
  readonly #mmu: Mmu;
  readonly #engine: EngineServices;
  /** TLBs (bit set) with translations of the current ASID. */
  #nonGlobal = 0;
  #asid = 0;
  /** Blocks and large pages in use. */
  readonly #blocks: LargePages;
  #deferred: TlbInvalidation[] = [];

  constructor(mmu: Mmu, engine: EngineServices) {
    this.#mmu = mmu;
    this.#engine = engine;
    this.#blocks = new LargePages(engine);
  }

  /** Notes that the translation which the walker found last enters TLB `tlb`. */
  filled(high: number, low: number, tlb: number): void {
    const mmu = this.#mmu;
    if (mmu.nonGlobal) this.#nonGlobal |= 1 << tlb;
    if (this.#blocks.note(high, low, mmu.blockBits)) return;
    this.flushAll();
    this.filled(high, low, tlb);
  }

  /** Forgets everything. */
  flushAll(): void {
    this.#blocks.clear();
    this.#nonGlobal = 0;
    this.#engine.flushTlb();
  }

  /** To be called after every write of TTBR0_EL1, TTBR1_EL1 and TCR_EL1: drops the old ASID. */
  contextChanged(): void {
    const { asid } = this.#mmu;
    if (asid === this.#asid) return;
    this.#asid = asid;
    this.#flushNonGlobal();
  }

  /** After reset or when the state was replaced: nothing is known. */
  reset(): void {
    this.#asid = this.#mmu.asid;
    this.#deferred = [];
    this.flushAll();
  }

  /** Executes an invalidation for the running vCPU. */
  apply(invalidation: TlbInvalidation): void {
    switch (invalidation.kind) {
      case "all":
        this.flushAll();
        return;
      case "asid":
        if (invalidation.asid === this.#asid) this.#flushNonGlobal();
        return;
      default:
        if (!this.#blocks.flush(invalidation.high, invalidation.low)) this.flushAll();
    }
  }

  /** Keeps an invalidation until this vCPU runs again ({@linkcode applyDeferred}). */
  defer(invalidation: TlbInvalidation): void {
    if (invalidation.kind === "all" || this.#deferred.length >= DEFERRED_LIMIT) {
      this.#deferred = [{ kind: "all", asid: 0, high: 0, low: 0 }];
    } else if (this.#deferred[0]?.kind !== "all") this.#deferred.push(invalidation);
  }

  /** Executes what was deferred. */
  applyDeferred(): void {
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const invalidation of deferred) this.apply(invalidation);
  }

  #flushNonGlobal(): void {
    if (this.#nonGlobal === 0) return;
    this.#engine.flushTlbs(this.#nonGlobal);
    this.#nonGlobal = 0;
  }
}
