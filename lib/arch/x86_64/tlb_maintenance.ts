/**
 * What INVLPG, INVPCID and writes of CR0, CR3 and CR4 do to the engine's TLBs (SDM volume 3, 4.10.4).
 * They hold 4 KiB translations of the current PCID only, so every change of CR3 drops what is not
 * global, whatever its bit 63 says.
 *
 * The vCPUs of a machine run in turn and have the same TLBs, which hold only what is true for the one
 * that runs: when another one's turn comes, it keeps what both translate alike.
 */
import type { EngineServices } from "../../engine/arch.ts";
import { LargePages } from "../../engine/large_pages.ts";
import { Common, type SharedTlbs, whatStays } from "../../engine/shared_tlbs.ts";
import type { Mmu } from "./mmu.ts";
import { Tlb } from "./mode.ts";

/** Pages that are not global in the TLBs of supervisors, dropped one by one; more drop the TLBs. */
const FEW_PAGES = 64;
/** TLBs of CPL 0 to 2 and of CPL 3 as bit masks. */
const SUPERVISOR = (1 << Tlb.supervisor) | (1 << Tlb.supervisorSmap);

/** What the TLBs may hold; handed on from vCPU to vCPU. */
interface Contents extends SharedTlbs {
  readonly largePages: LargePages;
  /** TLBs (bit set) of user code with pages that are not global. */
  users: number;
  /** Pages that are not global in the others: halves of their addresses. */
  readonly pages: Int32Array;
  /** Number of them; above {@linkcode FEW_PAGES}: too many to know. */
  pageCount: number;
}

/** Knows what the TLBs may hold, so that little has to be dropped. One for each vCPU. */
export class TlbMaintenance {
  readonly #mmu: Mmu;
  readonly #engine: EngineServices;
  readonly #alone: boolean;
  #contents: Contents;
  /** Of this vCPU: the top table. */
  #root = 0;

  /** @param alone there are no other vCPUs. */
  constructor(mmu: Mmu, engine: EngineServices, alone: boolean) {
    this.#mmu = mmu;
    this.#engine = engine;
    this.#alone = alone;
    this.#contents = {
      largePages: new LargePages(engine),
      users: 0,
      pages: new Int32Array(2 * FEW_PAGES),
      pageCount: 0,
      lowerGlobal: false,
      staleGlobal: false,
    };
  }

  /** Notes that the translation which the walker found last enters TLB `tlb`. */
  filled(high: number, low: number, tlb: number): void {
    const mmu = this.#mmu;
    const contents = this.#contents;
    if (!contents.largePages.note(high, low, mmu.pageBits)) {
      this.flushAll();
      contents.largePages.note(high, low, mmu.pageBits);
    }
    if (mmu.global) {
      if ((high & 0x80000000) === 0) contents.lowerGlobal = true;
    } else if ((SUPERVISOR & (1 << tlb)) === 0) contents.users |= 1 << tlb;
    else if (contents.pageCount < FEW_PAGES) {
      contents.pages[2 * contents.pageCount] = high;
      contents.pages[2 * contents.pageCount + 1] = low;
      contents.pageCount++;
    } else contents.pageCount = FEW_PAGES + 1;
  }

  /** Forgets everything. */
  flushAll(): void {
    const contents = this.#contents;
    contents.largePages.clear();
    contents.users = 0;
    contents.pageCount = 0;
    contents.lowerGlobal = contents.staleGlobal = false;
    this.#root = this.#mmu.root;
    this.#engine.flushTlb();
  }

  /** CR3 was written: forgets what is not global. */
  rootChanged(): void {
    const { root } = this.#mmu;
    this.#flushNonGlobal();
    if (root === this.#root || this.#alone) return;
    const contents = this.#contents;
    if (contents.lowerGlobal || !this.#mmu.sameUpper(this.#root)) contents.staleGlobal = true;
    this.#root = root;
  }

  /** INVLPG: forgets the page at an address, global or not. */
  flushPage(high: number, low: number): void {
    if (!this.#contents.largePages.flush(high, low)) this.flushAll();
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
    else if (stays === Common.upper) this.#flushNonGlobal();
  }

  #flushNonGlobal(): void {
    const contents = this.#contents;
    const many = contents.pageCount > FEW_PAGES;
    const tlbs = contents.users | (many ? SUPERVISOR : 0);
    if (tlbs !== 0) this.#engine.flushTlbs(tlbs);
    if (!many) {
      for (let n = 0; n < contents.pageCount; n++) {
        const high = contents.pages[2 * n] >>> 0;
        this.#engine.flushPage(high, (contents.pages[2 * n + 1] & -4096) >>> 0);
      }
    }
    contents.users = 0;
    contents.pageCount = 0;
  }
}
