/**
 * The builder of compiled regions: a function (pc of the entry: i64) -> i32 `Exit`. Guest registers
 * that the region uses are locals, loaded at its start and stored at every exit by shared code;
 * operands are constants; flags stay what their operands are until somebody asks.
 */
import type { ArchBinding } from "./arch.ts";
import type { AccessOptions } from "./builder.ts";
import { conditionHelper, RESTING_FLAGS } from "./flag_helpers.ts";
import { CodeBuilder, type HelperLinks, tlbAddress } from "./code_builder.ts";
import { type MemoryOperand, NO_REGISTER, type Operand } from "./instruction.ts";
import { pushRestCondition, segmentBases } from "./interpreter_builder.ts";
import { type Layout, Miss } from "./layout.ts";
import { Exit, JUMP_BASE, JUMP_ENTRIES, JUMP_TAG_MASK, SCRATCH, TLB_BASE } from "./memory_map.ts";

/** Flags whose kind is known only at run time. */
export const DYNAMIC = -1;

/** Helper by which a region has the host do an access: (high, low, missInfo) -> `DirectAnswer`. */
export const DIRECT_ACCESS = "engine:access";
/** Helper that does the write which the other one has begun: () -> `DirectAnswer`. */
export const DIRECT_COMMIT = "engine:commit";

/** What the host says about an access of a region. */
export const DirectAnswer = {
  /** It does not do it, nothing has happened: the interpreter must. */
  no: 0,
  /** Done; the bytes are in the scratch buffer, or those that are there are to be committed. */
  done: 1,
  /** Done, and the engine is wanted before the next instruction. */
  leave: 2,
} as const;
export type DirectAnswer = typeof DirectAnswer[keyof typeof DirectAnswer];

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

export class RegionBuilder extends CodeBuilder {
  readonly #o: RegionBuilderOptions;
  readonly #general: number[] = [];
  readonly #vectors: number[] = [];
  readonly budget: number;
  readonly #packed: number;
  readonly target: number;
  readonly #kind: number;
  readonly #a: number;
  readonly #b: number;
  readonly #stepLabel: number;
  readonly #goLabel: number;
  readonly #leaveLabel: number;
  readonly #returnLabel: number;
  /** Kind of the flags at this point of the code. */
  flags: number = DYNAMIC;
  /** A kind that they probably have if that is dynamic; 0 for none. */
  likelyFlags = 0;
  /** Instruction that is being written, relative to the entry. */
  #offset = 0;
  /** Bytes of it. */
  #length = 0;
  /** Instructions of its block before it. */
  #before = 0;
  /** Whether its access, if it misses, is done by the host without leaving. */
  #direct = false;
  /** What the host has said about that access: see DirectAnswer. */
  readonly #answer: number;

  constructor(options: RegionBuilderOptions) {
    super(options.binding, options.links, 1);
    this.#o = options;
    const { registers, layout } = options;
    this.budget = this.local("i32");
    this.#packed = this.local("i32");
    this.#kind = this.local("i32");
    this.#answer = this.local("i32");
    this.target = this.local("i64");
    this.#a = this.local("i64");
    this.#b = this.local("i64");
    this.i32_const(0).i32_load(layout.get("budget").address).local_tee(this.budget);
    this.i32_const(0).i32_le_s().if_();
    this.i32_const(0).local_get(0).i64_store(layout.get("pc").address);
    this.i32_const(Exit.go).return_();
    this.end();
    for (let n = 0; n < 32; n++) {
      if (registers.general[n] !== 0) this.#general[n] = this.local("i64");
      if (registers.vectors[n] !== 0) this.#vectors[n] = this.local("v128");
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

  /** Begins an instruction. With `direct`, `endDirect` ends it. */
  begin(offset: number, length: number, before: number, direct: boolean = false): void {
    this.#offset = offset;
    this.#length = length;
    this.#before = before;
    this.#direct = direct;
    this.releaseTemps();
  }

  /**
   * Ends an instruction whose access the host may have done: hands over what it has
   * written, and leaves if it was refused (then it has changed nothing) or if the engine is wanted.
   */
  endDirect(write: boolean): void {
    this.local_get(this.#answer).if_();
    if (write) {
      this.callHelper(DIRECT_COMMIT);
      this.local_set(this.#answer);
    }
    this.i32_const(0).i32_load(this.#o.layout.get("budget").address);
    this.i32_const(this.#before).i32_add().local_set(this.budget);
    if (write) {
      this.local_get(this.#answer).i32_eqz().if_();
      this.exitStep();
      this.end();
    }
    this.local_get(this.#answer).i32_const(DirectAnswer.leave).i32_eq();
    this.i32_const(0).local_set(this.#answer);
    this.if_();
    this.#exitAt(this.#offset + this.#length, this.#before + 1);
    this.end();
    this.end();
  }

  /** Writes the shared exits. */
  finish(): void {
    const { layout } = this.#o;
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
    this.local_get(entry).i32_load(JUMP_BASE + 8).return_call_indirect(this.#o.regionType);
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
    const { mode } = this.#o;
    this.local_get(this.target).i64_const32(2).i64_shr_u().i32_wrap_i64();
    this.i32_const(JUMP_ENTRIES - 1).i32_and().i32_const(4).i32_shl().local_tee(entry);
    this.i64_load(JUMP_BASE);
    this.local_get(this.target).i64_const32(JUMP_TAG_MASK).i64_and();
    if (mode !== 0) this.i64_const32(mode << 2).i64_or();
    this.i64_eq();
  }

  #loadAll(): void {
    const { registers, layout, binding } = this.#o;
    for (let n = 0; n < 32; n++) {
      if (registers.general[n] === 0) continue;
      this.i32_const(0).i64_load(binding.general.address + 8 * n).local_set(this.#general[n]);
    }
    for (let n = 0; n < 32; n++) {
      if (registers.vectors[n] === 0) continue;
      this.i32_const(0).v128_load(binding.vector.address + 16 * n).local_set(this.#vectors[n]);
    }
    if (!registers.flags) return;
    this.i32_const(0).i32_load(layout.get("lazyKind").address).local_set(this.#kind);
    this.i32_const(0).i64_load(layout.get("lazyA").address).local_set(this.#a);
    this.i32_const(0).i64_load(layout.get("lazyB").address).local_set(this.#b);
  }

  #storeAll(): void {
    const { registers, layout, binding } = this.#o;
    for (let n = 0; n < 32; n++) {
      if (registers.generalWritten[n] === 0) continue;
      this.i32_const(0).local_get(this.#general[n]).i64_store(binding.general.address + 8 * n);
    }
    for (let n = 0; n < 32; n++) {
      if (registers.vectorsWritten[n] === 0) continue;
      this.i32_const(0).local_get(this.#vectors[n]).v128_store(binding.vector.address + 16 * n);
    }
    if (registers.flags) {
      this.i32_const(0).local_get(this.#kind).i32_store(layout.get("lazyKind").address);
      this.i32_const(0).local_get(this.#a).i64_store(layout.get("lazyA").address);
      this.i32_const(0).local_get(this.#b).i64_store(layout.get("lazyB").address);
    }
    this.i32_const(0).local_get(this.budget).i32_store(layout.get("budget").address);
  }

  // ---- exits

  /** Makes the flags' kind known at run time. */
  settleFlags(): void {
    if (this.flags !== DYNAMIC) this.i32_const(this.flags).local_set(this.#kind);
  }

  /** Leaves for the interpreter to execute the current instruction. */
  exitStep(): void {
    this.#exitAt(this.#offset, this.#before);
  }

  /** Leaves for the interpreter at `offset`; `before` instructions of the block are done. */
  #exitAt(offset: number, before: number): void {
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
    const { layout } = this.#o;
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
    this.local_get(entry).i32_load(JUMP_BASE + 8).call_indirect(this.#o.regionType);
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

  // ---- operands

  override get(r: Operand): void {
    if (this.#isZero(r)) this.i64_const32(0);
    else this.local_get(this.#general[r.value]);
  }

  override get32(r: Operand): void {
    if (this.#isZero(r)) this.i32_const(0);
    else this.local_get(this.#general[r.value]).i32_wrap_i64();
  }

  override set(r: Operand): void {
    if (this.#isZero(r)) this.drop();
    else this.local_set(this.#general[r.value]);
  }

  override set32(r: Operand): void {
    if (this.#isZero(r)) this.drop();
    else this.i64_extend_i32_u().local_set(this.#general[r.value]);
  }

  #isZero(r: Operand): boolean {
    return this.binding.zeroRegister && r.value === 31 && r.kind === "reg";
  }

  override get16(r: Operand): void {
    this.get32(r);
    this.i32_const(0xffff).i32_and();
  }

  override set16(r: Operand): void {
    this.#insert(this.#general[r.value], 0xffff, 0);
  }

  override get8(r: Operand): void {
    this.local_get(this.#general[r.value & 15]).i32_wrap_i64();
    if (r.value > 15) this.i32_const(8).i32_shr_u();
    this.i32_const(0xff).i32_and();
  }

  override set8(r: Operand): void {
    this.#insert(this.#general[r.value & 15], 0xff, r.value > 15 ? 8 : 0);
  }

  /** [i32] -> [] puts the bits of a mask into a local, at a distance. */
  #insert(local: number, mask: number, shift: number): void {
    this.i32_const(mask).i32_and();
    if (shift > 0) this.i32_const(shift).i32_shl();
    this.i64_extend_i32_u();
    this.local_get(local).i64_const32(~(mask << shift)).i64_and().i64_or().local_set(local);
  }

  override getV(v: Operand, plus = 0): void {
    this.local_get(this.#vectors[(v.value + plus) & 31]);
  }

  override setV(v: Operand, plus = 0): void {
    this.local_set(this.#vectors[(v.value + plus) & 31]);
  }

  override getD(v: Operand): void {
    this.getV(v);
    this.f64x2_extract_lane(0);
  }

  override getS(v: Operand): void {
    this.getV(v);
    this.f32x4_extract_lane(0);
  }

  override setD(v: Operand): void {
    const value = this.temp("f64");
    this.local_set(value).v128_const(0n, 0n).local_get(value).f64x2_replace_lane(0);
    this.setV(v);
  }

  override setS(v: Operand): void {
    const value = this.temp("f32");
    this.local_set(value).v128_const(0n, 0n).local_get(value).f32x4_replace_lane(0);
    this.setV(v);
  }

  override imm(i: Operand): void {
    this.i64_const_parts(i.value, i.high);
  }

  override imm32(i: Operand): void {
    this.i32_const(i.value);
  }

  override pc(): void {
    this.pushPc(this.#offset);
  }

  override pcRelative(i: Operand): void {
    this.pushPc(this.#offset + i.high * 2 ** 32 + (i.value >>> 0));
  }

  override nextPc(): void {
    this.pushPc(this.#offset + this.#length);
  }

  // ---- addresses

  override address(m: MemoryOperand): void {
    this.offset(m);
    if (m.form.segmented && m.segment !== 0) {
      this.getState(segmentBases(this.binding), m.segment);
      this.i64_add();
    }
    if (m.form.linear32) this.i32_wrap_i64().i64_extend_i32_u();
  }

  override offset(m: MemoryOperand): void {
    const { kind, size } = m.form;
    if (kind === "pc") this.pushPc(this.#offset + m.displacement);
    else if (kind === "absolute") this.i64_const_parts(m.value, m.high);
    else this.#sum(m, kind === "indexed" && m.index !== NO_REGISTER);
    if (size === 4) this.i32_wrap_i64().i64_extend_i32_u();
    else if (size === 2) this.i64_const32(0xffff).i64_and();
  }

  /** [] -> [i64] base, index and displacement. */
  #sum({ base, index, scale, displacement }: MemoryOperand, indexed: boolean): void {
    let terms = 0;
    if (base !== NO_REGISTER) {
      this.local_get(this.#general[base]);
      terms++;
    }
    if (indexed) {
      this.local_get(this.#general[index]);
      if (scale > 0) this.i64_const32(scale).i64_shl();
      if (terms++ > 0) this.i64_add();
    }
    if (displacement !== 0 || terms === 0) {
      this.i64_const32(displacement);
      if (terms > 0) this.i64_add();
    }
  }

  // ---- flags

  override setFlags(kind: number): void {
    if (kind === 0) {
      const { fields } = this.binding.flags;
      for (let i = fields.length - 1; i >= 0; i--) this.setState(fields[i]);
    } else {
      if (this.binding.flags.operands[kind] === 2) this.local_set(this.#b);
      this.local_set(this.#a);
    }
    this.flags = kind;
  }

  override setFlagsIf(kind: number): void {
    const wanted = this.temp("i32");
    this.local_set(wanted);
    const operands = this.binding.flags.operands[kind] === 2 ? [this.#a, this.#b] : [this.#a];
    const values = operands.map(() => this.temp("i64"));
    for (const value of values.toReversed()) this.local_set(value);
    this.settleFlags();
    this.local_get(wanted).if_();
    operands.forEach((operand, i) => this.local_get(values[i]).local_set(operand));
    this.i32_const(kind).local_set(this.#kind);
    this.end();
    this.flags = DYNAMIC;
    this.likelyFlags = kind;
  }

  override restingFlags(): void {
    const { flags } = this.binding;
    if (this.flags === DYNAMIC) {
      this.local_get(this.#kind).local_get(this.#a).local_get(this.#b);
      this.callHelper(RESTING_FLAGS);
    } else if (this.flags === 0) {
      for (const field of flags.fields) this.getState(field);
    } else flags.materialize(this, this.flags, [this.#a, this.#b]);
  }

  override condition(code: number): void {
    if (this.flags === 0) pushRestCondition(this, this.binding, code);
    else if (this.flags !== DYNAMIC) this.#lazyCondition(code, this.flags);
    else if (this.likelyFlags <= 0) this.#dynamicCondition(code);
    else {
      this.local_get(this.#kind).i32_const(this.likelyFlags).i32_eq().if_("i32");
      this.#lazyCondition(code, this.likelyFlags);
      this.else_();
      this.#dynamicCondition(code);
      this.end();
    }
  }

  #lazyCondition(code: number, kind: number): void {
    this.binding.flags.condition(this, kind, [this.#a, this.#b], code);
  }

  #dynamicCondition(code: number): void {
    this.local_get(this.#kind).local_get(this.#a).local_get(this.#b);
    this.callHelper(conditionHelper(code));
  }

  // ---- memory

  protected override tlbBase(): void {}

  protected override tlbOffset(kind: number, options: AccessOptions | undefined): number {
    return TLB_BASE + tlbAddress(options?.tlb ?? this.#o.tlb, kind);
  }

  protected override onMiss(): void {
    this.if_();
    this.exitStep();
    this.end();
  }

  protected override resolve(
    address: number,
    entry: number,
    info: number,
    kind: number,
    options: AccessOptions | undefined,
  ): void {
    if (!this.#direct) {
      super.resolve(address, entry, info, kind, options);
      return;
    }
    const { layout, tlb } = this.#o;
    this.if_("i32");
    this.i32_const(0).local_get(this.budget).i32_const(this.#before).i32_sub();
    this.i32_store(layout.get("budget").address);
    this.local_get(address).i64_const32(32).i64_shr_u().i32_wrap_i64();
    this.local_get(address).i32_wrap_i64();
    this.i32_const(info | ((options?.tlb ?? tlb) << Miss.tlbShift));
    this.callHelper(DIRECT_ACCESS);
    this.local_tee(this.#answer).i32_eqz().if_();
    this.exitStep();
    this.end();
    this.i32_const(SCRATCH);
    this.else_();
    this.local_get(address).i32_wrap_i64();
    this.local_get(entry).i32_load(this.tlbOffset(kind, options) + 8).i32_add();
    this.end();
  }

  override faultIf(_fault: number): void {
    this.if_();
    this.exitStep();
    this.end();
  }

  // ---- control flow: the compiler takes it from the region's shape

  override jump(_distance: Operand): void {}
  /** Leaves the condition on the stack. */
  override jumpIf(_distance: Operand): void {}
  override jumpTo(): void {
    this.local_set(this.target);
  }
}
