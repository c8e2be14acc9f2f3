/**
 * The builder of compiled regions: operands are constants, registers locals, flags stay what their
 * operands are until somebody asks.
 */
import type { AccessOptions } from "./builder.ts";
import { tlbAddress } from "./code_builder.ts";
import { DIRECT_ACCESS, DIRECT_COMMIT, DirectAnswer } from "./direct_access.ts";
import { conditionHelper, RESTING_FLAGS } from "./flag_helpers.ts";
import { type MemoryOperand, NO_REGISTER, type Operand } from "./instruction.ts";
import { pushRestCondition, segmentBases } from "./interpreter_builder.ts";
import { Miss } from "./layout.ts";
import { SCRATCH, TLB_BASE } from "./memory_map.ts";
import { DYNAMIC, RegionFrame } from "./region_frame.ts";

export class RegionBuilder extends RegionFrame {
  /** Bytes of the instruction that is being written. */
  #length = 0;
  /** Whether its access, if it misses, is done by the host without leaving. */
  #direct = false;
  /** What the host has said about that access: see DirectAnswer. */
  readonly #answer: number = this.local("i32");

  /** Begins an instruction. With `direct`, `endDirect` ends it. */
  begin(offset: number, length: number, before: number, direct: boolean = false): void {
    this.instructionOffset = offset;
    this.#length = length;
    this.before = before;
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
    this.i32_const(0).i32_load(this.options.layout.get("budget").address);
    this.i32_const(this.before).i32_add().local_set(this.budget);
    if (write) {
      this.local_get(this.#answer).i32_eqz().if_();
      this.exitStep();
      this.end();
    }
    this.local_get(this.#answer).i32_const(DirectAnswer.leave).i32_eq();
    this.i32_const(0).local_set(this.#answer);
    this.if_();
    this.exitAt(this.instructionOffset + this.#length, this.before + 1);
    this.end();
    this.end();
  }

  // ---- operands

  override get(r: Operand): void {
    if (this.#isZero(r)) this.i64_const32(0);
    else this.local_get(this.general[r.value]);
  }

  override get32(r: Operand): void {
    if (this.#isZero(r)) this.i32_const(0);
    else this.local_get(this.general[r.value]).i32_wrap_i64();
  }

  override set(r: Operand): void {
    if (this.#isZero(r)) this.drop();
    else this.local_set(this.general[r.value]);
  }

  override set32(r: Operand): void {
    if (this.#isZero(r)) this.drop();
    else this.i64_extend_i32_u().local_set(this.general[r.value]);
  }

  #isZero(r: Operand): boolean {
    return this.binding.zeroRegister && r.value === 31 && r.kind === "reg";
  }

  override get16(r: Operand): void {
    this.get32(r);
    this.i32_const(0xffff).i32_and();
  }

  override set16(r: Operand): void {
    this.#insert(this.general[r.value], 0xffff, 0);
  }

  override get8(r: Operand): void {
    this.local_get(this.general[r.value & 15]).i32_wrap_i64();
    if (r.value > 15) this.i32_const(8).i32_shr_u();
    this.i32_const(0xff).i32_and();
  }

  override set8(r: Operand): void {
    this.#insert(this.general[r.value & 15], 0xff, r.value > 15 ? 8 : 0);
  }

  /** [i32] -> [] puts the bits of a mask into a local, at a distance. */
  #insert(local: number, mask: number, shift: number): void {
    this.i32_const(mask).i32_and();
    if (shift > 0) this.i32_const(shift).i32_shl();
    this.i64_extend_i32_u();
    this.local_get(local).i64_const32(~(mask << shift)).i64_and().i64_or().local_set(local);
  }

  override getV(v: Operand, plus = 0): void {
    this.local_get(this.vectors[(v.value + plus) & 31]);
  }

  override setV(v: Operand, plus = 0): void {
    this.local_set(this.vectors[(v.value + plus) & 31]);
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
    this.pushPc(this.instructionOffset);
  }

  override pcRelative(i: Operand): void {
    this.pushPc(this.instructionOffset + i.high * 2 ** 32 + (i.value >>> 0));
  }

  override nextPc(): void {
    this.pushPc(this.instructionOffset + this.#length);
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
    if (kind === "pc") this.pushPc(this.instructionOffset + m.displacement);
    else if (kind === "absolute") this.i64_const_parts(m.value, m.high);
    else this.#sum(m, kind === "indexed" && m.index !== NO_REGISTER);
    if (size === 4) this.i32_wrap_i64().i64_extend_i32_u();
    else if (size === 2) this.i64_const32(0xffff).i64_and();
  }

  /** [] -> [i64] base, index and displacement. */
  #sum({ base, index, scale, displacement }: MemoryOperand, indexed: boolean): void {
    let terms = 0;
    if (base !== NO_REGISTER) {
      this.local_get(this.general[base]);
      terms++;
    }
    if (indexed) {
      this.local_get(this.general[index]);
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
      if (this.binding.flags.operands[kind] === 2) this.local_set(this.flagB);
      this.local_set(this.flagA);
    }
    this.flags = kind;
  }

  override setFlagsIf(kind: number): void {
    const wanted = this.temp("i32");
    this.local_set(wanted);
    const operands = this.binding.flags.operands[kind] === 2
      ? [this.flagA, this.flagB]
      : [this.flagA];
    const values = operands.map(() => this.temp("i64"));
    for (const value of values.toReversed()) this.local_set(value);
    this.settleFlags();
    this.local_get(wanted).if_();
    operands.forEach((operand, i) => this.local_get(values[i]).local_set(operand));
    this.i32_const(kind).local_set(this.flagKind);
    this.end();
    this.flags = DYNAMIC;
    this.likelyFlags = kind;
  }

  override restingFlags(): void {
    const { flags } = this.binding;
    if (this.flags === DYNAMIC) {
      this.local_get(this.flagKind).local_get(this.flagA).local_get(this.flagB);
      this.callHelper(RESTING_FLAGS);
    } else if (this.flags === 0) {
      for (const field of flags.fields) this.getState(field);
    } else flags.materialize(this, this.flags, [this.flagA, this.flagB]);
  }

  override condition(code: number): void {
    if (this.flags === 0) pushRestCondition(this, this.binding, code);
    else if (this.flags !== DYNAMIC) this.#lazyCondition(code, this.flags);
    else if (this.likelyFlags <= 0) this.#dynamicCondition(code);
    else {
      this.local_get(this.flagKind).i32_const(this.likelyFlags).i32_eq().if_("i32");
      this.#lazyCondition(code, this.likelyFlags);
      this.else_();
      this.#dynamicCondition(code);
      this.end();
    }
  }

  #lazyCondition(code: number, kind: number): void {
    this.binding.flags.condition(this, kind, [this.flagA, this.flagB], code);
  }

  #dynamicCondition(code: number): void {
    this.local_get(this.flagKind).local_get(this.flagA).local_get(this.flagB);
    this.callHelper(conditionHelper(code));
  }

  // ---- memory

  protected override tlbBase(): void {}

  protected override tlbOffset(kind: number, options: AccessOptions | undefined): number {
    return TLB_BASE + tlbAddress(options?.tlb ?? this.options.tlb, kind);
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
    const { layout, tlb } = this.options;
    this.if_("i32");
    this.i32_const(0).local_get(this.budget).i32_const(this.before).i32_sub();
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
