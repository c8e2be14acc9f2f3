/**
 * The engine: runs guest code in the interpreter and in compiled regions, and does what they leave
 * to the host: translation, devices, exceptions, decoding, compilation.
 */
import {
  Access,
  type Arch,
  type ArchCpu,
  type EngineServices,
  type Helper,
  Outcome,
} from "./arch.ts";
import { type BulkMemory, bulkMemory } from "./bulk_memory.ts";
import { CodeCache, type CodePage } from "./code_cache.ts";
import { type CodeContext, Slots } from "./code_context.ts";
import { GuestMemory } from "./guest_memory.ts";
import { HandlerCode } from "./handler_code.ts";
import { bindOperands, type Decoded } from "./instruction.ts";
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
import {
  Exit,
  PAGE_SIZE,
  RAM_BASE,
  RAM_LIMIT,
  savedState,
  TLB_BASE,
  TLB_STRIDE,
  VCPU_LIMIT,
} from "./memory_map.ts";
import { DIRECT_ACCESS, DIRECT_COMMIT } from "./region_builder.ts";
import { moduleStore } from "./module_store.ts";
import { type BusPort, SlowAccess } from "./slow_access.ts";
import { type EngineStatistics, ExitCounters } from "./statistics.ts";
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
  /** Jumps to an instruction before its code is compiled; 0: never compile. @default 4000 */
  readonly threshold?: number;
}

/** How a slice ended. */
export interface SliceResult {
  /** Instructions executed. */
  readonly executed: number;
  readonly reason: "budget" | "wait" | "yield";
}

/** Jumps to an instruction before its code is compiled. */
const THRESHOLD = 4000;
/**
 * Times that generated code may come back in one slice. What the host does for it takes 0.2 to 20 us
 * however few instructions that are: a guest must not keep the host's event loop for long.
 */
const VISITS = 8192;

/** Runs the vCPUs of one machine, one at a time. */
export class Engine {
  readonly memory: GuestMemory;
  readonly layout: Layout;
  readonly state: StateView;
  readonly #arch: Arch;
  readonly #context: CodeContext;
  readonly #moveState: BulkMemory["move"];
  readonly #tlb: Tlb;
  readonly #cache: CodeCache;
  readonly #handlers: HandlerCode;
  readonly #hotCode: HotCode;
  readonly #slow: SlowAccess;
  readonly #cpus: ArchCpu[] = [];
  readonly #threshold: number;
  readonly #exits = new ExitCounters();
  #current = 0;
  /** The vCPU that runs, or ran last. */
  #cpu: ArchCpu | undefined;
  /** Times that the interpreter has asked about an access and gone on. */
  #misses = 0;
  #mode = -1;
  #total = 0;
  #sliceStart = 0;
  #reserve = 0;
  /** Times that generated code has come back in this slice, and what compilation counts for. */
  #visits = 0;
  #exitRequested = false;
  /** Generated code must come back: records that it is about to execute are gone, or somebody asks. */
  #attention = false;
  readonly #pc: number;
  readonly #budget: number;
  readonly #record: number;
  readonly #faultNumber: number;

  /** @throws {RangeError} if the RAM does not fit or the number of vCPUs is out of range. */
  constructor(options: EngineOptions) {
    const { arch, cpus, ramBase, ramSize } = options;
    if (ramSize > RAM_LIMIT) throw new RangeError(`at most ${RAM_LIMIT} bytes of RAM`);
    if (cpus < 1 || cpus > VCPU_LIMIT) throw new RangeError(`1 to ${VCPU_LIMIT} vCPUs`);
    this.#arch = arch;
    this.layout = defineLayout([...engineState, ...arch.state]);
    const memoryPages = Math.ceil((RAM_BASE + ramSize) / 65536);
    const memory = new WebAssembly.Memory({
      initial: memoryPages,
      maximum: memoryPages,
      shared: true,
    });
    const table = new WebAssembly.Table({ element: "anyfunc", initial: Slots.end });
    this.state = new StateView(memory.buffer);
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
          this.#visits++;
          return this.#slow.direct(this.#cpu as ArchCpu);
        },
        commit: () => this.#slow.commit(this.#cpu as ArchCpu) ? 1 : 0,
      },
    );
    this.#cache = new CodeCache({
      arch,
      decoder,
      memory,
      ram: this.memory.bytes,
      numberOf: (handler) => this.#handlers.numberOf(handler),
      onCodePage: (offset) => this.#tlb.protect(RAM_BASE + offset),
      onDrop: (regions) => {
        this.#attention = true;
        this.#hotCode.drop(regions);
        this.#tlb.flushJumps();
      },
      onRelease: () => {
        this.#attention = true;
        this.#tlb.flushCode();
      },
      onFlush: () => {
        this.#attention = true;
        this.#hotCode.forget();
        this.#tlb.flushCode();
      },
    });
    this.#hotCode = new HotCode(this.#context, this.#cache);
    this.#pc = this.layout.get("pc").address >> 2;
    this.#budget = this.layout.get("budget").address >> 2;
    this.#record = this.layout.get("record").address >> 2;
    this.#faultNumber = this.layout.get("faultNumber").address >> 2;
    this.#slow = new SlowAccess({
      state: this.state,
      layout: this.layout,
      memory: this.memory,
      bus: options.bus,
      tlb: this.#tlb,
      cache: this.#cache,
      buffer: memory.buffer,
      step: () => {
        const exit = this.#step();
        if (exit === Exit.fault) this.#cpus[this.#current].fault(this.state.u32[this.#faultNumber]);
        return exit;
      },
      attention: () => this.#attention || this.#visits >= VISITS,
      hold: () => {
        const { u32 } = this.state;
        this.#reserve += u32[this.#budget] | 0;
        u32[this.#budget] = 0;
      },
      finish: () => {
        this.#advance(this.#cache.lengthOf(this.state.u32[this.#record]));
        this.state.u32[this.#budget]--;
      },
      faulted: () => this.state.u32[this.#budget]--,
      general: binding.general,
      writableIsReadable: binding.writableIsReadable,
    });
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
          this.#visits++;
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
        this.#tlb.flushCode();
      },
      invalidateCode: (address, length) =>
        this.#cache.invalidate(address - this.memory.base, length),
      attend: () => {
        this.#attention = true;
      },
      instructions: () => this.instructions,
    };
  }

  /** Makes `run` come back soon; for devices and firmware, while an instruction calls them. */
  requestExit(): void {
    this.#exitRequested = true;
    this.#attention = true;
  }

  /** Lets go of all generated code. The engine cannot run again. */
  dispose(): void {
    this.#cache.flush();
    const { table } = this.#context.imports;
    for (let slot = 0; slot < Slots.end; slot++) table.set(slot, null);
  }

  /** Instructions executed by all vCPUs so far. */
  get instructions(): number {
    return this.#total + this.#sliceStart - (this.state.u32[this.#budget] | 0) - this.#reserve;
  }

  cpu(vcpu: number): ArchCpu {
    return this.#cpus[vcpu];
  }

  /** Makes a vCPU's state block the current one. */
  select(vcpu: number): void {
    if (vcpu === this.#current) return;
    const bytes = this.layout.end - STATE_BASE;
    this.#moveState(savedState(this.#current), STATE_BASE, bytes);
    this.#moveState(STATE_BASE, savedState(vcpu), bytes);
    this.#current = vcpu;
    this.#slow.vcpu = vcpu;
    this.#tlb.flush(-1);
    this.#tlb.flushCode();
    this.#mode = -1;
  }

  // Exceptions count as instructions: a guest that does nothing else must not run for ever.

  /** Runs a vCPU for about `instructions` instructions, or until it waits. */
  run(vcpu: number, instructions: number): SliceResult {
    this.select(vcpu);
    const { u32 } = this.state;
    const cpu = this.#cpus[vcpu];
    this.#cpu = cpu;
    const budget = this.#budget;
    u32[budget] = instructions;
    this.#sliceStart = instructions;
    this.#visits = 0;
    let reason: SliceResult["reason"] | undefined;
    while (reason === undefined) {
      if ((u32[budget] | 0) <= 0) {
        this.#releaseReserve();
        if ((u32[budget] | 0) <= 0) {
          reason = "budget";
          break;
        }
      }
      if (this.#exitRequested) {
        this.#exitRequested = false;
        reason = "yield";
        break;
      }
      if (cpu.needsStepping()) {
        reason = this.#stepSlice(cpu);
        continue;
      }
      if (this.#visits++ >= VISITS) {
        reason = "yield";
        break;
      }
      cpu.takeInterrupt();
      this.#syncMode(cpu);
      this.#cache.releaseDue();
      this.#hotCode.sweep();
      this.#makeRoom();
      this.#attention = false;
      const exit = this.#handlers.interpret();
      this.#exits.count(exit);
      switch (exit) {
        case Exit.go:
          // A miss, for which all is done.
          break;
        case Exit.budget:
          if (this.#hotCode.waiting) this.#compile();
          if ((u32[budget] | 0) + this.#reserve <= 0) reason = "budget";
          else this.#releaseReserve();
          break;
        case Exit.fetch:
          if (this.#fetch(cpu) === undefined) u32[budget]--;
          break;
        case Exit.decode: {
          const record = u32[this.#record];
          const page = this.#cache.pageOf(record);
          const from = record === page.records ? 0 : record;
          this.#cache.decode(page, this.#cache.indexOf(u32[this.#pc]), from);
          break;
        }
        case Exit.cross:
          if (!this.#cross(cpu, this.#cache.pageOf(u32[this.#record]))) u32[budget]--;
          break;
        case Exit.miss:
          if (!this.#slow.access(cpu)) u32[budget]--;
          break;
        case Exit.host:
          reason = this.#host(cpu);
          break;
        case Exit.hot:
          this.#hot();
          break;
        case Exit.fault:
          cpu.fault(u32[this.#faultNumber]);
          u32[budget]--;
          break;
        default:
          throw new Error(`the interpreter came back with ${exit}`);
      }
    }
    this.#releaseReserve();
    const executed = instructions - (u32[budget] | 0);
    this.#total += executed;
    this.#sliceStart = 0;
    u32[budget] = 0;
    return { executed, reason };
  }

  /** Makes room for functions of handlers, if need be: all records know those by their numbers. */
  #makeRoom(): void {
    if (!this.#handlers.isCrowded) return;
    this.#cache.flush();
    this.#handlers.clear();
  }

  /** Gives the slice back what was held back for a batch of hot code. */
  #releaseReserve(): void {
    const { u32 } = this.state;
    u32[this.#budget] = (u32[this.#budget] | 0) + this.#reserve;
    this.#reserve = 0;
  }

  /** Tells generated code the mode, if it has changed. */
  #syncMode(cpu: ArchCpu): void {
    const mode = cpu.mode();
    if (mode === this.#mode) return;
    this.#mode = mode;
    const { u32 } = this.state;
    u32[this.layout.get("mode").address >> 2] = mode;
    u32[this.layout.get("tlb").address >> 2] = TLB_BASE + this.#arch.tlbOf(mode) * TLB_STRIDE;
  }

  /** Finds the records of the page of the pc; undefined if it took an exception instead. */
  #fetch(cpu: ArchCpu): CodePage | undefined {
    return this.#fetchAt(cpu, this.state.u32[this.#pc + 1], this.state.u32[this.#pc]);
  }

  #fetchAt(cpu: ArchCpu, high: number, low: number): CodePage | undefined {
    const { instructionAlignment } = this.#arch;
    const tlb = this.#arch.tlbOf(this.#mode);
    if (!cpu.translate(high, low, Access.execute, tlb, instructionAlignment)) return undefined;
    const offset = cpu.translation.page - this.memory.base;
    if (!this.memory.contains(cpu.translation.page, PAGE_SIZE)) {
      cpu.busError(high, low, Access.execute, true);
      return undefined;
    }
    const page = this.#cache.page(offset, this.#mode);
    this.#tlb.fillFetch(high, low, this.#mode, page.records);
    return page;
  }

  /**
   * Finds the page that the instruction at the pc reaches into, and completes its record. False if it
   * took an exception instead.
   */
  #cross(cpu: ArchCpu, page: CodePage): boolean {
    const { u32 } = this.state;
    const low = ((u32[this.#pc] & -PAGE_SIZE) + PAGE_SIZE) >>> 0;
    const high = low === 0 ? (u32[this.#pc + 1] + 1) >>> 0 : u32[this.#pc + 1];
    const next = this.#fetchAt(cpu, high, low);
    if (next === undefined) return false;
    // Room for the next page may have been made by dropping this one.
    if (this.#cache.isLive(page)) {
      this.#cache.cross(page, this.#cache.indexOf(u32[this.#pc]), next);
    }
    return true;
  }

  /** Executes the instruction at `record`, which has no semantics. */
  #host(cpu: ArchCpu): SliceResult["reason"] | undefined {
    const page = this.#cache.pageOf(this.state.u32[this.#record]);
    const index = this.#cache.indexOf(this.state.u32[this.#pc]);
    return this.#hostInstruction(cpu, this.#cache.hostInstruction(page, index));
  }

  /** The instruction at the pc, in `page`; one that reaches into another has been completed. */
  #instruction(page: CodePage): Decoded | undefined {
    const index = this.#cache.indexOf(this.state.u32[this.#pc]);
    const next = this.#cache.crossed(page, index);
    if (next !== undefined) return this.#cache.decodeAcross(page, index, next);
    const decoded = this.#cache.decodeAt(page, index);
    return decoded === "cut" ? undefined : decoded;
  }

  #hostInstruction(
    cpu: ArchCpu,
    decoded: Decoded | undefined,
  ): SliceResult["reason"] | undefined {
    if (decoded === undefined) {
      cpu.undefinedInstruction();
      this.state.u32[this.#budget]--;
      return undefined;
    }
    const { host, feature } = decoded.handler.instruction;
    const enabled = this.#arch.enabled(feature, this.#mode);
    const name = enabled && host !== undefined ? host : `disabled:${feature}`;
    const { length } = decoded;
    bindOperands(decoded);
    const outcome = cpu.host(name, decoded);
    if (outcome === Outcome.retry) return undefined;
    this.state.u32[this.#budget]--;
    switch (outcome) {
      case Outcome.next:
        this.#advance(length);
        return undefined;
      case Outcome.yield:
        this.#advance(length);
        return "yield";
      case Outcome.wait:
        return "wait";
      default:
        return undefined;
    }
  }

  #advance(length: number): void {
    const { u32 } = this.state;
    const low = u32[this.#pc] + length;
    u32[this.#pc] = low;
    if (low > 0xffffffff) u32[this.#pc + 1]++;
  }

  /** Executes the instruction at the pc alone; its memory access must hit the TLB. */
  #step(): Exit {
    const cpu = this.#cpus[this.#current];
    const page = this.#fetchDecoded(cpu);
    if (page === undefined) return Exit.fetch;
    const { u32, u64 } = this.state;
    const decoded = this.#instruction(page);
    if (decoded === undefined || this.#cache.isHost(decoded.handler, this.#mode)) return Exit.host;
    const { handler, length } = decoded;
    const exit = this.#handlers.single(handler)(
      this.#cache.record(page, this.#cache.indexOf(u32[this.#pc])),
      u64[this.#pc >> 1],
      u32[this.layout.get("tlb").address >> 2],
    );
    if (exit === Exit.go) this.#advance(length);
    if (exit === Exit.go || exit === Exit.jumped) u32[this.#budget]--;
    return exit;
  }

  /** The page of the pc, whose instruction there is decoded; undefined if it took an exception. */
  #fetchDecoded(cpu: ArchCpu): CodePage | undefined {
    const index = this.#cache.indexOf(this.state.u32[this.#pc]);
    for (;;) {
      const page = this.#fetch(cpu);
      if (page === undefined) return undefined;
      this.#cache.decode(page, index);
      // A page whose records are used up is dropped.
      if (this.#cache.record(page, index) === 0) continue;
      if (!page.crossings.has(index)) return page;
      if (!this.#cross(cpu, page)) return undefined;
      if (this.#cache.crossed(page, index) !== undefined) return page;
    }
  }

  /** Runs instruction by instruction while the guest debugs itself. */
  #stepSlice(cpu: ArchCpu): SliceResult["reason"] | undefined {
    const { u32 } = this.state;
    while (cpu.needsStepping() && !this.#exitRequested) {
      if ((u32[this.#budget] | 0) <= 0) return "budget";
      if (this.#visits++ >= VISITS) return "yield";
      cpu.takeInterrupt();
      this.#syncMode(cpu);
      this.#makeRoom();
      if (!cpu.beforeStep()) {
        u32[this.#budget]--;
        continue;
      }
      const reason = this.#stepOne(cpu);
      cpu.afterStep();
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #stepOne(cpu: ArchCpu): SliceResult["reason"] | undefined {
    const exit = this.#step();
    this.#exits.count(exit);
    switch (exit) {
      case Exit.fetch:
        this.state.u32[this.#budget]--;
        return undefined;
      case Exit.miss: {
        const left = this.state.u32[this.#budget];
        if (!this.#slow.access(cpu)) {
          this.state.u32[this.#budget]--;
          return undefined;
        }
        // A filled TLB entry asks for another try; an instruction that is done has been counted, and
        // may have jumped to itself.
        return this.state.u32[this.#budget] === left ? this.#stepOne(cpu) : undefined;
      }
      case Exit.fault:
        cpu.fault(this.state.u32[this.#faultNumber]);
        this.state.u32[this.#budget]--;
        return undefined;
      case Exit.host: {
        const page = this.#fetch(cpu);
        if (page === undefined) return undefined;
        return this.#hostInstruction(cpu, this.#instruction(page));
      }
      default:
        return undefined;
    }
  }

  /** The instruction at `record` has become hot: its batch ends the slice before long. */
  #hot(): void {
    if (this.#threshold === 0) return;
    const { u32 } = this.state;
    if (!this.#hotCode.waiting) {
      const budget = u32[this.#budget] | 0;
      const now = Math.min(budget, BATCH_WAIT);
      this.#reserve += budget - now;
      u32[this.#budget] = now;
    }
    this.#hotCode.add(u32[this.#record]);
    if (!this.#hotCode.waiting) this.#visits = VISITS;
  }

  /** Compiles what is hot and ends the slice: it may have taken milliseconds. */
  #compile(): void {
    this.#hotCode.compile();
    this.#visits = VISITS;
  }

  /**
   * Compiles the code at virtual addresses of a vCPU at once, in its present mode. For tests and
   * warming up; addresses without executable RAM behind them are left out. Of the `count` instructions
   * at each address those that the entry reaches are part of its region as if they had been executed.
   */
  compileAt(vcpu: number, addresses: Iterable<number>, count = 1): void {
    this.select(vcpu);
    const cpu = this.#cpus[vcpu];
    this.#syncMode(cpu);
    for (const address of addresses) {
      const high = Math.floor(address / 2 ** 32);
      const low = address >>> 0;
      const tlb = this.#arch.tlbOf(this.#mode);
      if (!cpu.translate(high, low, Access.execute, tlb, this.#arch.instructionAlignment)) continue;
      const { page: physical } = cpu.translation;
      if (!this.memory.contains(physical, PAGE_SIZE)) continue;
      const page = this.#cache.page(physical - this.memory.base, this.#mode);
      let index = this.#cache.indexOf(low);
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
