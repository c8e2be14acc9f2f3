/**
 * What INVLPG, INVPCID and writes of CR0, CR3 and CR4 do to the engine's TLBs (SDM volume 3, 4.10.4).
 * They hold 4 KiB translations of the current PCID only, so every change of CR3 drops what is not
 * global, whatever its bit 63 says.
 */
import type { EngineServices } from "../../engine/arch.ts";
import { LargePages } from "../../engine/large_pages.ts";
import type { Mmu } from "./mmu.ts";
import { Tlb } from "./mode.ts";

/** Pages that are not global in the TLBs of supervisors, dropped one by one; more drop the TLBs. */
const FEW_PAGES = 64;
/** TLBs of CPL 0 to 2 and of CPL 3 as bit masks. */
const SUPERVISOR = (1 << Tlb.supervisor) | (1 << Tlb.supervisorSmap);

/** Knows what a vCPU's TLBs may hold, so that little has to be dropped. */
export class TlbMaintenance {
  readonly #mmu: Mmu;
  readonly #engine: EngineServices;
  readonly #largePages: LargePages;
  /** TLBs (bit set) of user code with pages that are not global. */
  #users = 0;
  /** Pages that are not global in the others: halves of their addresses; -1: too many. */
  readonly #pages: Int32Array = new Int32Array(2 * FEW_PAGES);
  #pageCount = 0;

  constructor(mmu: Mmu, engine: EngineServices) {
    this.#mmu = mmu;
    this.#engine = engine;
    this.#largePages = new LargePages(engine);
  }

  /** Notes that the translation which the walker found last enters TLB `tlb`. */
  filled(high: number, low: number, tlb: number): void {
    const mmu = this.#mmu;
    if (!this.#largePages.note(high, low, mmu.pageBits)) {
      this.flushAll();
      this.#largePages.note(high, low, mmu.pageBits);
    }
    if (mmu.global) return;
    if ((SUPERVISOR & (1 << tlb)) === 0) this.#users |= 1 << tlb;
    else if (this.#pageCount < FEW_PAGES) {
      this.#pages[2 * this.#pageCount] = high;
      this.#pages[2 * this.#pageCount + 1] = low;
      this.#pageCount++;
    } else this.#pageCount = FEW_PAGES + 1;
  }

  /** Forgets everything. */
  flushAll(): void {
    this.#largePages.clear();
    this.#users = 0;
    this.#pageCount = 0;
    this.#engine.flushTlb();
  }

  /** CR3 was written: forgets what is not global. */
  flushNonGlobal(): void {
    const many = this.#pageCount > FEW_PAGES;
    const tlbs = this.#users | (many ? SUPERVISOR : 0);
    if (tlbs !== 0) this.#engine.flushTlbs(tlbs);
    if (!many) {
      for (let n = 0; n < this.#pageCount; n++) {
        this.#engine.flushPage(this.#pages[2 * n] >>> 0, (this.#pages[2 * n + 1] & -4096) >>> 0);
      }
    }
    this.#users = 0;
    this.#pageCount = 0;
  }

  /** INVLPG: forgets the page at an address, global or not. */
  flushPage(high: number, low: number): void {
    if (!this.#largePages.flush(high, low)) this.flushAll();
  }
}
