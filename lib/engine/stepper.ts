/**
 * What is executed one instruction at a time: the host's instructions, those whose accesses need the
 * host, and all of them while the guest debugs itself.
 */
import { type Arch, type ArchCpu, Outcome } from "./arch.ts";
import type { CodeCache } from "./code_cache.ts";
import type { CodeFetch } from "./code_fetch.ts";
import type { HandlerCode } from "./handler_code.ts";
import { bindOperands, type Decoded } from "./instruction.ts";
import type { Layout, StateView } from "./layout.ts";
import { Exit } from "./memory_map.ts";
import type { Slice } from "./slice.ts";
import type { SlowAccess } from "./slow_access.ts";
import type { ExitCounters } from "./statistics.ts";

/** Why a slice ends; undefined: it goes on. */
export type End = "budget" | "wait" | "yield" | undefined;

export interface StepperOptions {
  readonly arch: Arch;
  readonly state: StateView;
  readonly layout: Layout;
  readonly cache: CodeCache;
  readonly fetch: CodeFetch;
  readonly handlers: HandlerCode;
  readonly slice: Slice;
  readonly exits: ExitCounters;
  /** Makes room for functions of handlers, if need be. */
  readonly makeRoom: () => void;
}

export class Stepper {
  readonly #o: StepperOptions;
  readonly #u32: Uint32Array;
  readonly #u64: BigUint64Array;
  readonly #pc: number;
  readonly #tlb: number;
  readonly #record: number;
  readonly #faultNumber: number;

  constructor(options: StepperOptions) {
    const { state, layout } = options;
    this.#o = options;
    this.#u32 = state.u32;
    this.#u64 = state.u64;
    this.#pc = layout.get("pc").address >> 2;
    this.#tlb = layout.get("tlb").address >> 2;
    this.#record = layout.get("record").address >> 2;
    this.#faultNumber = layout.get("faultNumber").address >> 2;
  }

  /** Executes the instruction at `record`, which has no semantics. */
  host(cpu: ArchCpu): End {
    const { fetch, cache } = this.#o;
    return this.#hostInstruction(cpu, cache.hostInstruction(fetch.recordPage(), fetch.index));
  }

  #hostInstruction(cpu: ArchCpu, decoded: Decoded | undefined): End {
    const { arch, fetch, slice } = this.#o;
    if (decoded === undefined) {
      cpu.undefinedInstruction();
      slice.spend();
      return undefined;
    }
    const { host, feature } = decoded.handler.instruction;
    const enabled = arch.enabled(feature, fetch.mode);
    const name = enabled && host !== undefined ? host : `disabled:${feature}`;
    const { length } = decoded;
    bindOperands(decoded);
    const outcome = cpu.host(name, decoded);
    if (outcome === Outcome.retry) return undefined;
    slice.spend();
    if (outcome === Outcome.jumped) return undefined;
    if (outcome === Outcome.wait) return "wait";
    this.#advance(length);
    return outcome === Outcome.yield ? "yield" : undefined;
  }

  /** Takes the exception that the instruction at the pc asks for. */
  fault(cpu: ArchCpu): void {
    cpu.fault(this.#u32[this.#faultNumber]);
  }

  #advance(length: number): void {
    const low = this.#u32[this.#pc] + length;
    this.#u32[this.#pc] = low;
    if (low > 0xffffffff) this.#u32[this.#pc + 1]++;
  }

  /** Ends the instruction of the record that the interpreter stopped at: it is done. */
  finish(): void {
    this.#advance(this.#o.cache.lengthOf(this.#u32[this.#record]));
    this.#o.slice.spend();
  }

  /**
   * Executes the instruction at the pc alone; its memory access must hit the TLB. Takes the exception
   * for Exit.fault.
   */
  step(cpu: ArchCpu): Exit {
    const exit = this.#step(cpu);
    if (exit === Exit.fault) this.fault(cpu);
    return exit;
  }

  #step(cpu: ArchCpu): Exit {
    const { fetch, cache, handlers, slice } = this.#o;
    const page = fetch.decodedPage(cpu);
    if (page === undefined) return Exit.fetch;
    const decoded = fetch.instruction(page);
    if (decoded === undefined || cache.isHost(decoded.handler, fetch.mode)) return Exit.host;
    const { handler, length } = decoded;
    const exit = handlers.single(handler)(
      cache.record(page, fetch.index),
      this.#u64[this.#pc >> 1],
      this.#u32[this.#tlb],
    );
    if (exit === Exit.go) this.#advance(length);
    if (exit === Exit.go || exit === Exit.jumped) slice.spend();
    return exit;
  }

  /** Runs instruction by instruction while the guest debugs itself. */
  run(cpu: ArchCpu, slow: SlowAccess): End {
    const { slice, fetch, makeRoom } = this.#o;
    while (cpu.needsStepping() && !slice.exitRequested) {
      if (slice.left <= 0) return "budget";
      if (slice.isExhausted) return "yield";
      slice.visit();
      cpu.takeInterrupt();
      fetch.syncMode(cpu);
      makeRoom();
      if (!cpu.beforeStep()) {
        slice.spend();
        continue;
      }
      const end = this.#one(cpu, slow);
      cpu.afterStep();
      if (end !== undefined) return end;
    }
    return undefined;
  }

  #one(cpu: ArchCpu, slow: SlowAccess): End {
    const { fetch, slice, exits } = this.#o;
    const exit = this.step(cpu);
    exits.count(exit);
    switch (exit) {
      case Exit.fetch:
      case Exit.fault:
        slice.spend();
        return undefined;
      case Exit.miss: {
        const { left } = slice;
        if (!slow.access(cpu)) {
          slice.spend();
          return undefined;
        }
        // A filled TLB entry asks for another try; an instruction that is done has been counted, and
        // may have jumped to itself.
        return slice.left === left ? this.#one(cpu, slow) : undefined;
      }
      case Exit.host: {
        const page = fetch.page(cpu);
        return page && this.#hostInstruction(cpu, fetch.instruction(page));
      }
      default:
        return undefined;
    }
  }
}
