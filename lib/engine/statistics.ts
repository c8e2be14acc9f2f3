/** Counters of an engine. */
import { Exit } from "./memory_map.ts";

/** Names of the reasons for which generated code comes back to the host: those of `Exit`. */
export type ExitName =
  | "go"
  | "step"
  | "budget"
  | "fetch"
  | "decode"
  | "miss"
  | "host"
  | "hot"
  | "fault"
  | "jumped"
  | "cross";

/** Counters since the engine was made. */
export interface EngineStatistics {
  /** Guest instructions executed by all vCPUs. */
  readonly instructions: number;
  /** How often the interpreter came back to the host, by reason; "miss": also when it only asked. */
  readonly exits: Readonly<Record<ExitName, number>>;
  /** Instructions decoded into records. */
  readonly decodedInstructions: number;
  /** Pages of code that have records now. */
  readonly codePages: number;
  /** Regions compiled. */
  readonly regions: number;
  /** Guest instructions in them. */
  readonly regionInstructions: number;
  /** Bytes of WebAssembly in them. */
  readonly regionBytes: number;
  /** Time spent in compiling regions, in milliseconds. */
  readonly compileMilliseconds: number;
  /** Entries written into TLBs. */
  readonly tlbFills: number;
  /** Times that a whole TLB was emptied. */
  readonly tlbFlushes: number;
  /** Pages whose code was dropped because it was written to. */
  readonly invalidations: number;
}

/** Counts exits. */
export class ExitCounters {
  readonly #names: readonly ExitName[] = Object.keys(Exit satisfies Record<ExitName, Exit>) as (
    keyof typeof Exit
  )[];
  readonly #counts: number[] = this.#names.map(() => 0);

  count(exit: Exit): void {
    this.#counts[exit]++;
  }

  /** @param misses those that did not come back. */
  byName(misses: number): Record<ExitName, number> {
    const counts = Object.fromEntries(
      this.#names.map((name, i) => [name, this.#counts[i]]),
    ) as Record<ExitName, number>;
    return { ...counts, miss: counts.miss + misses };
  }
}
