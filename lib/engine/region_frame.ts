/**
 * The frame of a compiled region: its locals, how it is entered and left, and how it calls another.
 *
 * A region is a function (pc of the entry: i64) -> i32 `Exit`. Guest registers that it uses are locals,
 * loaded at its start and stored at every exit by shared code.
 */
import type { ArchBinding } from "./arch.ts";
import { CodeBuilder, type HelperLinks } from "./code_builder.ts";
import type { Layout } from "./layout.ts";
import { Exit, JUMP_BASE, JUMP_ENTRIES, JUMP_TAG_MASK } from "./memory_map.ts";

/** Flags whose kind is known only at run time. */
export const DYNAMIC = -1;

/** Region calls inside region calls at most. */
const DEPTH_LIMIT = 64;

/** Registers that a region uses. */
export interface RegionRegisters {
  readonly general: Uint8Array;
  readonly generalWritten: Uint8Array;
  readonly vectors: Uint8Array;
  readonly vectorsWritten: Uint8Array;
  readonly flags: boolean;
}

export interface RegionBuilderOptions {
  readonly binding: ArchBinding;
  readonly layout: Layout;
  readonly links: HelperLinks;
  readonly mode: number;
  /** Number of the mode's TLB. */
  readonly tlb: number;
  readonly regionType: number;
  readonly registers: RegionRegisters;
}

export abstract class RegionFrame extends CodeBuilder {
  protected readonly options: RegionBuilderOptions;
  /** Locals of guest registers. */
  protected readonly general: number[] = [];
  protected readonly vectors: number[] = [];
  readonly budget: number;
  readonly #packed: number;
  readonly target: number;
  /** Locals of the flags: kind, if it is known only at run time, and operands. */
  protected readonly flagKind: number;
  protected readonly flagA: number;
  protected readonly flagB: number;
  readonly #stepLabel: number;
  readonly #goLabel: number;
  readonly #leaveLabel: number;
  readonly #returnLabel: number;
  /** Kind of the flags at this point of the code. */
  flags: number = DYNAMIC;
  /** A kind that they probably have if that is dynamic; 0 for none. */
  likelyFlags = 0;
  /** Instruction that is being written, relative to the entry. */
  protected instructionOffset = 0;
  /** Instructions of its block before it. */
  protected before = 0;

  constructor(options: RegionBuilderOptions) {
    super(options.binding, options.links, 1);
    this.options = options;
    const { registers, layout } = options;
    this.budget = this.local("i32");
    this.#packed = this.local("i32");
    this.flagKind = this.local("i32");
    this.target = this.local("i64");
    this.flagA = this.local("i64");
    this.flagB = this.local("i64");
    this.i32_const(0).i32_load(layout.get("budget").address).local_tee(this.budget);
    this.i32_const(0).i32_le_s().if_();
    this.i32_const(0).local_get(0).i64_store(layout.get("pc").address);
    this.i32_const(Exit.go).return_();
    this.end();
    for (let n = 0; n < 32; n++) {
      if (registers.general[n] !== 0) this.general[n] = this.local("i64");
      if (registers.vectors[n] !== 0) this.vectors[n] = this.local("v128");
    }
    this.#loadAll();
    this.block();
    this.#stepLabel = this.depth;
    this.block();
    this.#leaveLabel = this.depth;
    this.block();
    this.#goLabel = this.depth;
    this.block();
    this.#returnLabel = this.depth;
  }

  /** Writes the shared exits. */
  finish(): void {
    const { layout } = this.options;
    const pc = layout.get("pc").address;
    this.unreachable();
    this.end(); // return: to the caller's region if that waits for it, else like go
    this.i32_const(0).i32_load(layout.get("depth").address);
    this.branchIfTo(this.#leaveLabel);
    this.end(); // go: to `target`, if possible into its region
    this.#storeAll();
    const entry = this.temp("i32");
    this.#findRegion(entry);
    this.if_();
    this.local_get(this.target);
    this.local_get(entry).i32_load(JUMP_BASE + 8).return_call_indirect(this.options.regionType);
    this.end();
    this.i32_const(0).local_get(this.target).i64_store(pc);
    this.i32_const(Exit.go).return_();
    this.end(); // leave: to the interpreter at `target`
    this.#storeAll();
    this.i32_const(0).local_get(this.target).i64_store(pc);
    this.i32_const(Exit.go).return_();
    this.end(); // step: the instruction in `packed` was not executed
    this.local_get(this.budget).local_get(this.#packed).i32_const(16).i32_shr_u().i32_sub();
    this.local_set(this.budget);
    this.#storeAll();
    this.i32_const(0).local_get(0);
    this.local_get(this.#packed).i32_extend16_s().i64_extend_i32_s().i64_add();
    this.i64_store(pc);
    this.i32_const(Exit.step);
  }

  /** [] -> [i32] whether the jump cache knows the region at `target`; its entry goes to a local. */
  #findRegion(entry: number): void {
    const { mode } = this.options;
    this.local_get(this.target).i64_const32(2).i64_shr_u().i32_wrap_i64();
    this.i32_const(JUMP_ENTRIES - 1).i32_and().i32_const(4).i32_shl().local_tee(entry);
    this.i64_load(JUMP_BASE);
    this.local_get(this.target).i64_const32(JUMP_TAG_MASK).i64_and();
    if (mode !== 0) this.i64_const32(mode << 2).i64_or();
    this.i64_eq();
  }

  #loadAll(): void {
    const { registers, layout, binding } = this.options;
    for (let n = 0; n < 32; n++) {
      if (registers.general[n] === 0) continue;
      this.i32_const(0).i64_load(binding.general.address + 8 * n).local_set(this.general[n]);
    }
    for (let n = 0; n < 32; n++) {
      if (registers.vectors[n] === 0) continue;
      this.i32_const(0).v128_load(binding.vector.address + 16 * n).local_set(this.vectors[n]);
    }
    if (!registers.flags) return;
    this.i32_const(0).i32_load(layout.get("lazyKind").address).local_set(this.flagKind);
    this.i32_const(0).i64_load(layout.get("lazyA").address).local_set(this.flagA);
    this.i32_const(0).i64_load(layout.get("lazyB").address).local_set(this.flagB);
  }

  #storeAll(): void {
    const { registers, layout, binding } = this.options;
    for (let n = 0; n < 32; n++) {
      if (registers.generalWritten[n] === 0) continue;
      this.i32_const(0).local_get(this.general[n]).i64_store(binding.general.address + 8 * n);
    }
    for (let n = 0; n < 32; n++) {
      if (registers.vectorsWritten[n] === 0) continue;
      this.i32_const(0).local_get(this.vectors[n]).v128_store(binding.vector.address + 16 * n);
    }
    if (registers.flags) {
      this.i32_const(0).local_get(this.flagKind).i32_store(layout.get("lazyKind").address);
      this.i32_const(0).local_get(this.flagA).i64_store(layout.get("lazyA").address);
      this.i32_const(0).local_get(this.flagB).i64_store(layout.get("lazyB").address);
    }
    this.i32_const(0).local_get(this.budget).i32_store(layout.get("budget").address);
  }

  // ---- exits

  /** Makes the flags' kind known at run time. */
  settleFlags(): void {
    if (this.flags !== DYNAMIC) this.i32_const(this.flags).local_set(this.flagKind);
  }

  /** Leaves for the interpreter to execute the current instruction. */
  exitStep(): void {
    this.exitAt(this.instructionOffset, this.before);
  }

  /** Leaves for the interpreter at `offset`; `before` instructions of the block are done. */
  protected exitAt(offset: number, before: number): void {
    this.settleFlags();
    this.i32_const((before << 16) | (offset & 0xffff)).local_set(this.#packed);
    this.branchTo(this.#stepLabel);
  }

  /** Leaves for the pc in `target`. */
  exitGo(): void {
    this.settleFlags();
    this.branchTo(this.#goLabel);
  }

  /** Leaves for the return address in `target`. */
  exitReturn(): void {
    this.settleFlags();
    this.branchTo(this.#returnLabel);
  }

  /**
   * Calls the region at the pc in `target` and goes on when it returns to `returnOffset`. Leaves
   * instead if there is none, calls are nested too deep, or it came out somewhere else.
   */
  nestedCall(returnOffset: number): void {
    const { layout } = this.options;
    const depth = layout.get("depth").address;
    const pc = layout.get("pc").address;
    const entry = this.temp("i32");
    this.settleFlags();
    this.i32_const(0).i32_load(depth).i32_const(DEPTH_LIMIT).i32_ge_u();
    this.branchIfTo(this.#goLabel);
    this.#findRegion(entry);
    this.i32_eqz();
    this.branchIfTo(this.#leaveLabel);
    this.#storeAll();
    this.i32_const(0).i32_const(0).i32_load(depth).i32_const(1).i32_add().i32_store(depth);
    this.local_get(this.target);
    this.local_get(entry).i32_load(JUMP_BASE + 8).call_indirect(this.options.regionType);
    this.local_tee(this.#packed).if_();
    this.local_get(this.#packed).return_();
    this.end();
    this.pushPc(returnOffset);
    this.i32_const(0).i64_load(pc).i64_ne().if_();
    this.i32_const(Exit.go).return_();
    this.end();
    this.i32_const(0).i32_const(0).i32_load(depth).i32_const(1).i32_sub().i32_store(depth);
    this.i32_const(0).i32_load(layout.get("budget").address).local_set(this.budget);
    this.#loadAll();
    this.flags = DYNAMIC;
    this.likelyFlags = 0;
  }

  /** Leaves for an address of the region's page. */
  exitTo(offset: number): void {
    this.pushPc(offset);
    this.local_set(this.target);
    this.exitGo();
  }

  /** Leaves for the interpreter at an address of the page if the budget is used up. */
  checkBudget(offset: number): void {
    this.local_get(this.budget).i32_const(0).i32_le_s().if_();
    this.pushPc(offset);
    this.local_set(this.target);
    this.settleFlags();
    this.branchTo(this.#leaveLabel);
    this.end();
  }

  takeBudget(count: number): void {
    if (count > 0) this.local_get(this.budget).i32_const(count).i32_sub().local_set(this.budget);
  }

  /** [] -> [i64] address at a distance from the entry. */
  pushPc(offset: number): void {
    this.local_get(0);
    if (offset !== 0) this.i64_const_parts(offset | 0, Math.floor(offset / 2 ** 32)).i64_add();
  }
}
