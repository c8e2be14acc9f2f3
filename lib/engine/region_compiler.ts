/** Compiles hot regions, several to a module, and installs them. */
import type { CodeCache, CodePage } from "./code_cache.ts";
import { type CodeContext, Slots } from "./code_context.ts";
import { instantiate, newModule, REGION_TYPE } from "./guest_module.ts";
import { EITHER_FLAGS, metaOf } from "./meta.ts";
import { type Block, findRegion, PageCode } from "./region.ts";
import { RegionBuilder } from "./region_builder.ts";
import { DYNAMIC, type RegionRegisters } from "./region_frame.ts";
import { NO_REGISTER, type Operand } from "./instruction.ts";
import type { ModuleWriter } from "../wasm/module.ts";

/** A region to be compiled: entry instruction, and the table slot that it gets. */
export interface RegionRequest {
  readonly page: CodePage;
  readonly index: number;
  readonly slot: number;
}

export class RegionCompiler {
  readonly #context: CodeContext;
  readonly #cache: CodeCache;
  regions = 0;
  instructions = 0;
  bytes = 0;

  constructor(context: CodeContext, cache: CodeCache) {
    this.#context = context;
    this.#cache = cache;
  }

  /** Compiles regions into one module and makes their records enter them. */
  compile(requests: readonly RegionRequest[]): void {
    if (requests.length === 0) return;
    const module = newModule(Slots.end);
    const pages = new Map<CodePage, PageCode>();
    for (const { page, index, slot } of requests) {
      let code = pages.get(page);
      if (code === undefined) {
        pages.set(page, code = new PageCode(page, this.#cache));
      }
      module.elements(0, slot, [this.#region(module, code, index)]);
    }
    const bytes = module.finish();
    this.bytes += bytes.length;
    instantiate(new WebAssembly.Module(bytes), this.#context.imports);
    for (const { page, index, slot } of requests) this.#cache.install(page, index, slot);
    this.regions += requests.length;
  }

  #region(module: ModuleWriter, code: PageCode, entry: number): number {
    const { arch, binding, layout, helpers } = this.#context;
    const blocks = findRegion(code, entry);
    const registers = this.#registers(code, blocks);
    flowFlags(blocks);
    const { mode } = code.page;
    const b = new RegionBuilder({
      binding,
      layout,
      links: helpers.links(module),
      mode,
      tlb: arch.tlbOf(mode),
      regionType: module.type(REGION_TYPE),
      registers,
    });
    new RegionWriter(b, code, entry).write(blocks[0]);
    b.finish();
    return module.func(REGION_TYPE, b.locals, b);
  }

  /** Registers that the blocks use; notes the flags that each block leaves. */
  #registers(code: PageCode, blocks: readonly Block[]): RegionRegisters {
    const general = new Uint8Array(32);
    const generalWritten = new Uint8Array(32);
    const vectors = new Uint8Array(32);
    const vectorsWritten = new Uint8Array(32);
    let flags = false;
    for (const block of blocks) {
      block.flagsOut = -2;
      for (let index = block.start; index < block.end; index = code.after(index)) {
        this.instructions++;
        const meta = metaOf(code.bind(index));
        for (const r of meta.reads) if (!this.#isZero(r)) general[registerOf(r)] = 1;
        for (const r of meta.writes) {
          if (!this.#isZero(r)) general[registerOf(r)] = generalWritten[registerOf(r)] = 1;
        }
        for (const { base, index } of meta.addresses) {
          if (base !== NO_REGISTER) general[base] = 1;
          if (index !== NO_REGISTER) general[index] = 1;
        }
        for (const { operand, plus } of meta.vectorReads) vectors[(operand.value + plus) & 31] = 1;
        for (const { operand, plus } of meta.vectorWrites) {
          const n = (operand.value + plus) & 31;
          vectors[n] = vectorsWritten[n] = 1;
        }
        if (meta.readsFlags) flags = true;
        if (meta.flags !== -1) {
          flags = true;
          block.flagsOut = meta.flags === EITHER_FLAGS ? DYNAMIC : meta.flags;
        }
      }
      const isCall = block.flow === "call" || block.flow === "indirect-call";
      if (isCall && block.next !== undefined) block.flagsOut = DYNAMIC;
    }
    return { general, generalWritten, vectors, vectorsWritten, flags };
  }

  #isZero(r: Operand): boolean {
    return this.#context.binding.zeroRegister && r.value === 31 && r.kind === "reg";
  }
}

/** Number of the register that an operand is, or is a part of. */
function registerOf(r: Operand): number {
  return r.kind === "reg8" ? r.value & 15 : r.value;
}

/** Rounds after which the search for the kinds of flags gives up: then all are found at run time. */
const FLAG_ROUNDS = 50;

/**
 * Finds the kind of flags at the start of each block. `flagsOut` comes in as -2 if the block leaves
 * them alone.
 */
function flowFlags(blocks: readonly Block[]): void {
  const own = blocks.map((block) => block.flagsOut);
  blocks[0].flagsIn = DYNAMIC;
  for (const block of blocks) block.flagsOut = -2;
  let rounds = 0;
  for (let changed = true; changed; rounds++) {
    if (rounds === FLAG_ROUNDS) {
      for (const block of blocks) block.flagsIn = DYNAMIC;
      return;
    }
    changed = false;
    for (const block of blocks) {
      let kind = block === blocks[0] ? DYNAMIC : -2;
      for (const before of block.predecessors) {
        if (before.flagsOut === -2) continue;
        kind = kind === -2 || kind === before.flagsOut ? before.flagsOut : DYNAMIC;
      }
      block.flagsIn = kind;
      const out = own[block.order] === -2 ? kind : own[block.order];
      if (out !== block.flagsOut) {
        block.flagsOut = out;
        changed = true;
      }
    }
  }
}

/** Of the kinds of flags that meet at a block, the one that comes from the latest, as in a loop. */
function likelyFlags({ predecessors }: Block): number {
  const known = predecessors.filter(({ flagsOut }) => flagsOut > 0);
  return known.length === 0 ? 0 : known[known.length - 1].flagsOut;
}

/** Writes blocks as structured control flow. */
class RegionWriter {
  readonly #b: RegionBuilder;
  readonly #code: PageCode;
  readonly #entry: number;
  /** Label of the `block` or `loop` that leads to a block. */
  readonly #labels = new Map<Block, number>();
  readonly #loops = new Map<Block, number>();

  constructor(b: RegionBuilder, code: PageCode, entry: number) {
    this.#b = b;
    this.#code = code;
    this.#entry = entry;
  }

  #offset(index: number): number {
    return (index - this.#entry) * this.#code.format.unit;
  }

  /** A block and everything that it dominates. */
  write(block: Block): void {
    if (!block.isLoop) {
      this.#within(block, 0);
      return;
    }
    this.#b.loop();
    this.#loops.set(block, this.#b.depth);
    this.#within(block, 0);
    this.#b.end();
    this.#loops.delete(block);
  }

  #within(block: Block, merge: number): void {
    if (merge === block.merges.length) {
      this.#body(block);
      return;
    }
    const target = block.merges[merge];
    this.#b.block();
    this.#labels.set(target, this.#b.depth);
    this.#within(block, merge + 1);
    this.#b.end();
    this.#labels.delete(target);
    this.write(target);
  }

  #body(block: Block): void {
    const b = this.#b;
    b.flags = block.flagsIn;
    b.likelyFlags = likelyFlags(block);
    let before = 0;
    for (let index = block.start; index < block.end; index = this.#code.after(index)) {
      const handler = this.#code.bind(index);
      const direct = this.#code.asksHost(index, handler);
      b.begin(this.#offset(index), this.#code.length(index), before++, direct);
      handler.emit(b);
      if (direct) b.endDirect(metaOf(handler).stores);
    }
    if (block.flow === "host") {
      b.begin(this.#offset(block.end), 0, block.count);
      b.exitStep();
      return;
    }
    b.takeBudget(block.count);
    switch (block.flow) {
      case undefined:
        this.#edge(block, block.next, block.end);
        return;
      case "branch":
        if (block.taken !== undefined && block.taken === block.next) {
          // To the next instruction: one edge, or a chain of these would be written 2^n times.
          b.drop();
          this.#edge(block, block.next, block.end);
          return;
        }
        b.if_();
        {
          const { flags } = b;
          this.#edge(block, block.taken, this.#code.destination(block.last));
          b.flags = flags;
        }
        b.end();
        this.#edge(block, block.next, block.end);
        return;
      case "jump":
        this.#edge(block, block.taken, this.#code.destination(block.last));
        return;
      case "call":
        b.pushPc(this.#offset(this.#code.destination(block.last)));
        b.local_set(b.target);
        this.#call(block);
        return;
      case "indirect-call":
        this.#call(block);
        return;
      case "return":
        b.exitReturn();
        return;
      default:
        b.exitGo();
    }
  }

  /** A call of the pc in `target`, and what follows it if that is in the region. */
  #call(block: Block): void {
    if (block.next === undefined) {
      this.#b.exitGo();
      return;
    }
    this.#b.nestedCall(this.#offset(block.end));
    this.#edge(block, block.next, block.end);
  }

  #edge(from: Block, to: Block | undefined, index: number): void {
    const b = this.#b;
    if (to === undefined) {
      b.exitTo(this.#offset(index));
      return;
    }
    if (to.flagsIn === DYNAMIC) b.settleFlags();
    if (to.order <= from.order) {
      b.checkBudget(this.#offset(to.start));
      b.branchTo(this.#loops.get(to) as number);
    } else if (to.forward > 1) b.branchTo(this.#labels.get(to) as number);
    else this.write(to);
  }
}
