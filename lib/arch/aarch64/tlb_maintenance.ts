/**
 * What the TLBI instructions, ASID changes and changes of the translation registers do to the
 * engine's TLBs (Arm ARM, D8.13). The engine keeps 4 KiB translations of the current ASID only, so
 * a change of ASID drops what is not global, and one TLBI by address may stand for a whole block.
 *
 * The vCPUs of a machine run in turn and have the same TLBs, which hold only what is true for the one
 * that runs: what a TLBI drops is dropped for all of them, and when another one's turn comes, it keeps
 * what both translate alike, as vCPUs with FEAT_TTCNP would.
 */
import type { EngineServices } from "../../engine/arch.ts";
import { LargePages } from "../../engine/large_pages.ts";
import { Common, type SharedTlbs, whatStays } from "../../engine/shared_tlbs.ts";
import type { Mmu } from "./mmu.ts";

/** A TLBI. `low` and `high` are halves of the page address. */
export interface TlbInvalidation {
  readonly kind: "all" | "asid" | "page";
  readonly asid: number;
  readonly high: number;
  readonly low: number;
}

/** What the TLBs may hold; handed on from vCPU to vCPU. */
interface Contents extends SharedTlbs {
  /** TLBs (bit set) with translations of the current ASID. */
  nonGlobal: number;
  /** Like `staleGlobal`, for what is bound to the ASID. */
  staleNonGlobal: boolean;
  /** Blocks and large pages in use. */
  readonly blocks: LargePages;
}

/** Knows what the TLBs may hold, so that little has to be dropped. One for each vCPU. */
export class TlbMaintenance {
  readonly #mmu: Mmu;
  readonly #engine: EngineServices;
  #contents: Contents;
  /** Of this vCPU: the ASID and the first tables. */
  #asid = 0;
  #bases: Mmu["bases"] = [0, 0];

  constructor(mmu: Mmu, engine: EngineServices) {
    this.#mmu = mmu;
    this.#engine = engine;
    this.#contents = {
      nonGlobal: 0,
      lowerGlobal: false,
      staleNonGlobal: false,
      staleGlobal: false,
      blocks: new LargePages(engine),
    };
  }

  /** Notes that the translation which the walker found last enters TLB `tlb`. */
  filled(high: number, low: number, tlb: number): void {
    const mmu = this.#mmu;
    const contents = this.#contents;
    if (mmu.nonGlobal) contents.nonGlobal |= 1 << tlb;
    else if ((high & 0x800000) === 0) contents.lowerGlobal = true;
    if (contents.blocks.note(high, low, mmu.blockBits)) return;
    this.flushAll();
    this.filled(high, low, tlb);
  }

  /** Forgets everything. */
  flushAll(): void {
    const contents = this.#contents;
    contents.blocks.clear();
    contents.nonGlobal = 0;
    contents.lowerGlobal = contents.staleNonGlobal = contents.staleGlobal = false;
    this.#engine.flushTlb();
  }

  /** To be called after every write of TTBR0_EL1, TTBR1_EL1 and TCR_EL1: drops the old ASID. */
  contextChanged(): void {
    const { asid, bases } = this.#mmu;
    const contents = this.#contents;
    const [lower, upper] = this.#bases;
    this.#bases = bases;
    if (asid !== this.#asid) {
      this.#asid = asid;
      this.#flushNonGlobal();
    }
    if (lower !== bases[0]) {
      if (contents.nonGlobal !== 0) contents.staleNonGlobal = true;
      if (contents.lowerGlobal) contents.staleGlobal = true;
    }
    if (upper !== bases[1]) contents.staleGlobal = true;
  }

  /** After reset or when the state was replaced: nothing is known. */
  reset(): void {
    this.#asid = this.#mmu.asid;
    this.#bases = this.#mmu.bases;
    this.flushAll();
  }

  /** Executes an invalidation for the running vCPU, and so for all. */
  apply(invalidation: TlbInvalidation): void {
    switch (invalidation.kind) {
      case "all":
        this.flushAll();
        return;
      case "asid":
        if (invalidation.asid === this.#asid) this.#flushNonGlobal();
        return;
      default:
        if (!this.#contents.blocks.flush(invalidation.high, invalidation.low)) this.flushAll();
    }
  }

  /**
   * The vCPU with `previous` ran before this one: forgets what is not true for this one.
   * @param differs whether more than the walkers makes the two translate differently.
   */
  takeOver(previous: TlbMaintenance, differs: boolean): void {
    const contents = previous.#contents;
    this.#contents = contents;
    const common = differs ? Common.nothing : this.#mmu.common(previous.#mmu);
    const stays = whatStays(common, contents);
    if (stays === Common.nothing) this.flushAll();
    else if (stays === Common.upper || contents.staleNonGlobal) this.#flushNonGlobal();
  }

  #flushNonGlobal(): void {
    const contents = this.#contents;
    if (contents.nonGlobal === 0) return;
    this.#engine.flushTlbs(contents.nonGlobal);
    contents.nonGlobal = 0;
    contents.staleNonGlobal = false;
  }
}
