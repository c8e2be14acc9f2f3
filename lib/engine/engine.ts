/**
 * The engine: runs guest code in the interpreter and in compiled regions, and does what they leave
 * to the host: translation, devices, exceptions, decoding, compilation.
 */
import type { Arch, ArchCpu, EngineServices, Helper } from "./arch.ts";
import { type BulkMemory, bulkMemory } from "./bulk_memory.ts";
import { CodeCache } from "./code_cache.ts";
import { type CodeContext, Slots } from "./code_context.ts";
import { CodeFetch } from "./code_fetch.ts";
import { GuestMemory } from "./guest_memory.ts";
import { HandlerCode } from "./handler_code.ts";
import { flagHelpers } from "./flag_helpers.ts";
import { HelperTable } from "./helpers.ts";
import { BATCH_WAIT, HotCode } from "./hot_code.ts";
import {
  defineLayout,
  engineState,
  type Layout,
  STATE_BASE,
  STATE_SIZE,
  StateView,
} from "./layout.ts";
import { Exit, RAM_BASE, RAM_LIMIT, savedState, VCPU_LIMIT } from "./memory_map.ts";
import { DIRECT_ACCESS, DIRECT_COMMIT } from "./direct_access.ts";
import { moduleStore } from "./module_store.ts";
import { HANDLER_VISITS, Slice } from "./slice.ts";
import { type BusPort, SlowAccess } from "./slow_access.ts";
import { type EngineStatistics, ExitCounters } from "./statistics.ts";
import { type End, Stepper } from "./stepper.ts";
import { Tlb } from "./tlb.ts";

/** What an engine is made of. */
export interface EngineOptions {
  readonly arch: Arch;
  /** 1 to 8. */
  readonly cpus: number;
  /** Guest-physical address of RAM, a multiple of 4 KiB. */
  readonly ramBase: number;
  /** Bytes, a multiple of 4 KiB. */
  readonly ramSize: number;
  /** Everything that is not RAM. */
  readonly bus: BusPort;
  readonly makeCpu: (
    index: number,
    parts: { state: StateView; memory: GuestMemory; engine: EngineServices },
  ) => ArchCpu;
  /** Jumps to an instruction before its code is compiled; 0: never compile. @default 16000 */
  readonly threshold?: number;
}

/** How a slice ended. */
export interface SliceResult {
  /** Instructions executed. */
  readonly executed: number;
  readonly reason: Exclude<End, undefined>;
}

/**
 * Jumps to an instruction before its code is compiled. Found by measuring the boots of Debian: below
 * it the runtime's own compilers, which work on regions once more, cost more than the interpreter.
 */
const THRESHOLD = 16_000;
/** What the host does for generated code that has come back; may end the slice. */
type Answer = (cpu: ArchCpu) => End;

/** Runs the vCPUs of one machine, one at a time. */
export class Engine {
  readonly memory: GuestMemory;
  readonly layout: Layout;
  readonly state: StateView;
  readonly #context: CodeContext;
  readonly #moveState: BulkMemory["move"];
  readonly #tlb: Tlb;
  readonly #cache: CodeCache;
  readonly #handlers: HandlerCode;
  readonly #hotCode: HotCode;
  readonly #slow: SlowAccess;
  readonly #slice: Slice;
  readonly #fetch: CodeFetch;
  readonly #stepper: Stepper;
  readonly #cpus: ArchCpu[] = [];
  readonly #threshold: number;
  readonly #exits = new ExitCounters();
  /** By `Exit`. */
  readonly #answers: readonly Answer[];
  readonly #record: number;
  #current = 0;
  /** The vCPU that runs, or ran last. */
  #cpu: ArchCpu | undefined;
  /** Times that the interpreter has asked about an access and gone on. */
  #misses = 0;

  /** @throws {RangeError} if the RAM does not fit or the number of vCPUs is out of range. */
  constructor(options: EngineOptions) {
    const { arch, cpus, ramBase, ramSize } = options;
    if (ramSize > RAM_LIMIT) throw new RangeError(`at most ${RAM_LIMIT} bytes of RAM`);
    if (cpus < 1 || cpus > VCPU_LIMIT) throw new RangeError(`1 to ${VCPU_LIMIT} vCPUs`);
    this.layout = defineLayout([...engineState, ...arch.state]);
    const memoryPages = Math.ceil((RAM_BASE + ramSize) / 65536);
    const memory = new WebAssembly.Memory({
      initial: memoryPages,
      maximum: memoryPages,
      shared: true,
    });
    const table = new WebAssembly.Table({ element: "anyfunc", initial: Slots.end });
    this.state = new StateView(memory.buffer);
    this.#slice = new Slice(this.state, this.layout);
    this.#moveState = bulkMemory(memory, 0).move;
    const ram = new Uint8Array(memory.buffer, RAM_BASE, ramSize);
    this.memory = new GuestMemory(ram, ramBase);
    this.memory.onProtect(() => this.#tlb.flush(-1));
    this.memory.observe((address, length) => this.#cache.invalidate(address - ramBase, length));
    const decoder = arch.decoder();
    const binding = arch.bind(this.layout);
    this.#context = {
      arch,
      binding,
      layout: this.layout,
      decoder,
      helpers: new HelperTable([
        ...binding.helpers,
        ...flagHelpers(binding.flags),
        ...this.#directHelpers(),
      ], Slots.helpers),
      imports: { memory, table },
      modules: moduleStore(decoder),
    };
    this.#context.helpers.install(this.#context.imports, this.#context.modules, Slots.end);
    this.#tlb = new Tlb(memory.buffer);
    this.#threshold = options.threshold ?? THRESHOLD;
    this.#handlers = new HandlerCode(
      this.#context,
      this.#threshold,
      {
        access: () => {
          this.#misses++;
          this.#slice.visit();
          return this.#slow.direct(this.#cpu as ArchCpu);
        },
        commit: () => this.#slow.commit(this.#cpu as ArchCpu) ? 1 : 0,
      },
      () => this.#slice.visit(HANDLER_VISITS),
    );
    this.#cache = new CodeCache({
      arch,
      decoder,
      memory,
      ram: this.memory.bytes,
      numberOf: (handler) => this.#handlers.numberOf(handler),
      onCodePage: (offset) => this.#tlb.protect(RAM_BASE + offset),
      onDrop: (regions) => {
        this.#slice.attention = true;
        this.#hotCode.drop(regions);
        this.#tlb.flushJumps();
      },
      onRelease: ({ records }) => {
        this.#slice.attention = true;
        this.#tlb.flushRecords(records);
      },
      onFlush: () => {
        this.#slice.attention = true;
        this.#hotCode.forget();
        this.#tlb.flushCode();
      },
    });
    this.#hotCode = new HotCode(this.#context, this.#cache);
    const { state, layout } = this;
    this.#fetch = new CodeFetch({
      arch,
      state,
      layout,
      memory: this.memory,
      cache: this.#cache,
      tlb: this.#tlb,
    });
    this.#stepper = new Stepper({
      arch,
      state,
      layout,
      cache: this.#cache,
      fetch: this.#fetch,
      handlers: this.#handlers,
      slice: this.#slice,
      exits: this.#exits,
      makeRoom: () => this.#makeRoom(),
    });
    this.#slow = new SlowAccess({
      state,
      layout,
      memory: this.memory,
      bus: options.bus,
      tlb: this.#tlb,
      cache: this.#cache,
      buffer: memory.buffer,
      slice: this.#slice,
      stepper: this.#stepper,
      general: binding.general,
      writableIsReadable: binding.writableIsReadable,
    });
    this.#record = layout.get("record").address >> 2;
    this.#answers = this.#makeAnswers();
    const saved = new Uint8Array(memory.buffer, 0, savedState(VCPU_LIMIT));
    for (let index = 0; index < cpus; index++) {
      this.#cpus.push(options.makeCpu(index, {
        state: this.state,
        memory: this.memory,
        engine: this.#services(),
      }));
      saved.copyWithin(savedState(index), STATE_BASE, STATE_BASE + STATE_SIZE);
    }
  }

  /** What regions call when an access is the host's. */
  #directHelpers(): Helper[] {
    return [
      {
        name: DIRECT_ACCESS,
        params: ["i32", "i32", "i32"],
        results: ["i32"],
        js: (high: number, low: number, info: number) => {
          this.#slice.visit();
          return this.#slow.regionAccess(high, low, info);
        },
      },
      {
        name: DIRECT_COMMIT,
        params: [],
        results: ["i32"],
        js: () => this.#slow.regionCommit(),
      },
    ];
  }

  #services(): EngineServices {
    return {
      flushTlb: () => {
        this.#tlb.flush(-1);
        this.#tlb.flushCode();
      },
      flushPage: (high, low) => this.#tlb.flushPage(high, low),
      flushTlbs: (tlbs) => {
        this.#tlb.flush(tlbs);
        this.#tlb.flushLocalCode();
      },
      invalidateCode: (address, length) =>
        this.#cache.invalidate(address - this.memory.base, length),
      attend: () => {
        this.#slice.attention = true;
      },
      instructions: () => this.instructions,
    };
  }

  /** Makes `run` come back soon; for devices and firmware, while an instruction calls them. */
  requestExit(): void {
    this.#slice.exitRequested = true;
    this.#slice.attention = true;
  }

  /** Lets go of all generated code. The engine cannot run again. */
  dispose(): void {
    this.#cache.flush();
    const { table } = this.#context.imports;
    for (let slot = 0; slot < Slots.end; slot++) table.set(slot, null);
  }

  /** Instructions executed by all vCPUs so far. */
  get instructions(): number {
    return this.#slice.instructions;
  }

  cpu(vcpu: number): ArchCpu {
    return this.#cpus[vcpu];
  }

  /** Makes a vCPU's state block the current one. */
  select(vcpu: number): void {
    if (vcpu === this.#current) return;
    const bytes = this.layout.end - STATE_BASE;
    const previous = this.#cpus[this.#current];
    this.#moveState(savedState(this.#current), STATE_BASE, bytes);
    this.#moveState(STATE_BASE, savedState(vcpu), bytes);
    this.#current = vcpu;
    this.#slow.vcpu = vcpu;
    this.#cpus[vcpu].takeOver(previous);
    this.#fetch.forgetMode();
  }

  /** Runs a vCPU for about `instructions` instructions, or until it waits. */
  run(vcpu: number, instructions: number): SliceResult {
    this.select(vcpu);
    const slice = this.#slice;
    const cpu = this.#cpus[vcpu];
    this.#cpu = cpu;
    slice.begin(instructions);
    let reason: End;
    while (reason === undefined) {
      if (slice.left <= 0) {
        slice.release();
        if (slice.left <= 0) {
          reason = "budget";
          break;
        }
      }
      if (slice.exitRequested) {
        slice.exitRequested = false;
        reason = "yield";
        break;
      }
      if (cpu.needsStepping()) {
        reason = this.#stepper.run(cpu, this.#slow);
        continue;
      }
      if (slice.isExhausted) {
        reason = "yield";
        break;
      }
      slice.visit();
      cpu.takeInterrupt();
      this.#fetch.syncMode(cpu);
      this.#cache.releaseDue();
      this.#hotCode.sweep();
      this.#makeRoom();
      slice.attention = false;
      const exit = this.#handlers.interpret();
      this.#exits.count(exit);
      reason = this.#answers[exit](cpu);
    }
    return { executed: slice.end(), reason };
  }

  /**
   * Each a function of its own, called by its number: the loop of `run` stays small, and what the
   * runtime has made of it good, whichever of them a guest needs for the first time.
   */
  #makeAnswers(): Answer[] {
    const slice = this.#slice;
    const fetch = this.#fetch;
    const stepper = this.#stepper;
    const unexpected: Answer = () => {
      throw new Error("the interpreter came back for what only a single step comes back for");
    };
    const answers: Record<keyof typeof Exit, Answer> = {
      step: unexpected,
      jumped: unexpected,
      // A miss, for which all is done.
      go: () => undefined,
      budget: () => {
        if (this.#hotCode.waiting) this.#compile();
        if (slice.isOver) return "budget";
        slice.release();
        return undefined;
      },
      fetch: (cpu) => {
        if (fetch.page(cpu) === undefined) slice.spend();
        return undefined;
      },
      decode: () => {
        fetch.decode();
        return undefined;
      },
      cross: (cpu) => {
        if (!fetch.cross(cpu, fetch.recordPage())) slice.spend();
        return undefined;
      },
      miss: (cpu) => {
        if (!this.#slow.access(cpu)) slice.spend();
        return undefined;
      },
      host: (cpu) => stepper.host(cpu),
      hot: () => {
        this.#hot();
        return undefined;
      },
      fault: (cpu) => {
        stepper.fault(cpu);
        slice.spend();
        return undefined;
      },
    };
    const list: Answer[] = [];
    for (const [name, exit] of Object.entries(Exit)) {
      list[exit] = answers[name as keyof typeof Exit];
    }
    return list;
  }

  /** Makes room for functions of handlers, if need be: all records know those by their numbers. */
  #makeRoom(): void {
    if (!this.#handlers.isCrowded) return;
    this.#cache.flush();
    this.#handlers.clear();
  }

  /** The instruction at `record` has become hot: its batch ends the slice before long. */
  #hot(): void {
    if (this.#threshold === 0) return;
    if (!this.#hotCode.waiting) this.#slice.hold(BATCH_WAIT);
    this.#hotCode.add(this.state.u32[this.#record]);
    if (!this.#hotCode.waiting) this.#slice.exhaust();
  }

  /** Compiles what is hot and ends the slice: it may have taken milliseconds. */
  #compile(): void {
    this.#hotCode.compile();
    this.#slice.exhaust();
  }

  /**
   * Compiles the code at virtual addresses of a vCPU at once, in its present mode. For tests and
   * warming up; addresses without executable RAM behind them are left out. Of the `count` instructions
   * at each address those that the entry reaches are part of its region as if they had been executed.
   */
  compileAt(vcpu: number, addresses: Iterable<number>, count = 1): void {
    this.select(vcpu);
    const cpu = this.#cpus[vcpu];
    this.#fetch.syncMode(cpu);
    for (const address of addresses) {
      const page = this.#fetch.mapped(cpu, address);
      if (page === undefined) continue;
      let index = this.#cache.indexOf(address >>> 0);
      for (let n = 0; n < count && index < this.#cache.format.units; n++) {
        this.#cache.decode(page, index);
        const record = this.#cache.record(page, index);
        if (record === 0) break;
        if (n === 0) this.#hotCode.add(record);
        index += this.#cache.lengthOf(record) / this.#cache.format.unit;
      }
    }
    this.#hotCode.compile();
  }

  /** Counters so far. */
  get statistics(): EngineStatistics {
    const { compiler } = this.#hotCode;
    return {
      instructions: this.instructions,
      exits: this.#exits.byName(this.#misses),
      decodedInstructions: this.#cache.decodes,
      codePages: this.#cache.pages,
      regions: compiler.regions,
      regionInstructions: compiler.instructions,
      regionBytes: compiler.bytes,
      compileMilliseconds: this.#hotCode.milliseconds,
      tlbFills: this.#tlb.fills,
      tlbFlushes: this.#tlb.flushes,
      invalidations: this.#cache.invalidations,
    };
  }
}
