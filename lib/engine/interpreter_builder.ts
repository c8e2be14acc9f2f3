/**
 * The builder of the interpreter's handlers: operands come from the record, registers and flags live
 * in the state block. One kind of handler is a function of its own (`SingleBuilder`), the other is a
 * piece of the interpreter's loop (in interpreter.ts).
 */
import type { ArchBinding } from "./arch.ts";
import type { AccessOptions } from "./builder.ts";
import { CodeBuilder, type HelperLinks, tlbAddress } from "./code_builder.ts";
import type { Layout, StateField } from "./layout.ts";
import { Miss } from "./layout.ts";
import { Exit, Record, type RecordFormat, TLB_BASE, TLB_WRITE } from "./memory_map.ts";
import type { Meta } from "./meta.ts";
import { type MemoryOperand, NO_REGISTER, type Operand, Slot } from "./instruction.ts";

export abstract class InterpreterBuilder extends CodeBuilder {
  protected readonly layout: Layout;
  /** Notes about the handler that is being written. */
  protected meta: Meta | undefined;

  /** How the records lie that operands come from. */
  readonly format: RecordFormat;

  constructor(
    binding: ArchBinding,
    links: HelperLinks,
    layout: Layout,
    parameters: number,
    format: RecordFormat,
  ) {
    super(binding, links, parameters);
    this.layout = layout;
    this.format = format;
  }

  /** Begins a handler. */
  begin(meta: Meta): void {
    this.meta = meta;
    this.releaseTemps();
  }

  /** Local that holds the record's address. */
  protected abstract recordLocal(): number;
  /** Leaves, with the instruction at its pc not executed. */
  protected abstract leave(reason: Exit): void;
  /** Local with the address of the current mode's read TLB. */
  protected abstract tlbLocal(): number;

  // ---- operands

  #slot(operand: Operand): void {
    this.local_get(this.recordLocal()).i32_load8_u(Record.slots + operand.slot);
  }

  /** [] -> [i32] distance of a register in an array of registers of `2 ** shift` bytes. */
  #scaled(r: Operand, shift: number): void {
    if (r.slot === Slot.fixed) this.i32_const(r.value << shift);
    else {
      this.#slot(r);
      this.i32_const(shift).i32_shl();
    }
  }

  override get(r: Operand): void {
    this.#scaled(r, 3);
    this.i64_load(this.binding.general.address);
  }

  override get32(r: Operand): void {
    this.#scaled(r, 3);
    this.i32_load(this.binding.general.address);
  }

  override get16(r: Operand): void {
    this.#scaled(r, 3);
    this.i32_load16_u(this.binding.general.address);
  }

  override set16(r: Operand): void {
    const value = this.temp("i32");
    this.local_set(value);
    this.#scaled(r, 3);
    this.local_get(value).i32_store16(this.binding.general.address);
  }

  /** [] -> [i32] distance of a byte register: what its slot in the record holds. */
  #byte(r: Operand): void {
    if (r.slot === Slot.fixed) this.i32_const(byteRegisterOffset(r.value));
    else this.#slot(r);
  }

  override get8(r: Operand): void {
    this.#byte(r);
    this.i32_load8_u(this.binding.general.address);
  }

  override set8(r: Operand): void {
    const value = this.temp("i32");
    this.local_set(value);
    this.#byte(r);
    this.local_get(value).i32_store8(this.binding.general.address);
  }

  override set(r: Operand): void {
    const value = this.temp("i64");
    this.local_set(value);
    this.#scaled(r, 3);
    this.local_get(value).i64_store(this.binding.general.address);
    // A zero register that is read as well as written has the slot that reads as zero.
    if (this.binding.zeroRegister && r.kind === "reg" && this.meta?.reads.has(r)) {
      this.i32_const(0).i64_const32(0).i64_store(this.binding.general.address + 32 * 8);
    }
  }

  override set32(r: Operand): void {
    this.i64_extend_i32_u();
    this.set(r);
  }

  #vector(v: Operand, plus: number): void {
    if (v.slot === Slot.fixed) {
      this.i32_const(((v.value + plus) & 31) << 4);
      return;
    }
    this.#slot(v);
    if (plus > 0) this.i32_const(plus).i32_add().i32_const(31).i32_and();
    this.i32_const(4).i32_shl();
  }

  override getV(v: Operand, plus = 0): void {
    this.#vector(v, plus);
    this.v128_load(this.binding.vector.address);
  }

  override setV(v: Operand, plus = 0): void {
    const value = this.temp("v128");
    this.local_set(value);
    this.#vector(v, plus);
    this.local_get(value).v128_store(this.binding.vector.address);
  }

  override getD(v: Operand): void {
    this.#vector(v, 0);
    this.f64_load(this.binding.vector.address);
  }

  override getS(v: Operand): void {
    this.#vector(v, 0);
    this.f32_load(this.binding.vector.address);
  }

  override setD(v: Operand): void {
    const value = this.temp("f64");
    this.local_set(value);
    this.v128_const(0n, 0n).local_get(value).f64x2_replace_lane(0);
    this.setV(v);
  }

  override setS(v: Operand): void {
    const value = this.temp("f32");
    this.local_set(value);
    this.v128_const(0n, 0n).local_get(value).f32x4_replace_lane(0);
    this.setV(v);
  }

  override imm(i: Operand): void {
    this.local_get(this.recordLocal());
    if (i.slot >= 0) this.i64_load8_u(Record.slots + i.slot);
    else this.i64_load(Record.imm);
  }

  override imm32(i: Operand): void {
    if (i.slot >= 0) this.#slot(i);
    else this.local_get(this.recordLocal()).i32_load(Record.imm);
  }

  override pcRelative(i: Operand): void {
    this.pc();
    this.imm(i);
    this.i64_add();
  }

  override nextPc(): void {
    this.pc();
    if (this.format.linked) this.local_get(this.recordLocal()).i64_load8_u(Record.length);
    else this.i64_const32(this.format.unit);
    this.i64_add();
  }

  // ---- addresses

  override address(m: MemoryOperand): void {
    this.offset(m);
    if (m.form.segmented) {
      this.#segmentBase(m);
      this.i64_add();
    }
    if (m.form.linear32) this.i32_wrap_i64().i64_extend_i32_u();
  }

  override offset(m: MemoryOperand): void {
    const { kind, size } = m.form;
    if (kind === "absolute") {
      if (m.slot === Slot.fixed) this.i64_const_parts(m.value, m.high);
      else this.local_get(this.recordLocal()).i64_load(Record.imm);
    } else {
      if (kind === "pc") this.pc();
      else this.#addressRegister(m, m.base, Record.address);
      if (kind === "indexed") {
        this.#addressRegister(m, m.index, Record.address + 1);
        if (m.slot === Slot.fixed) this.i64_const32(m.scale);
        else this.local_get(this.recordLocal()).i64_load8_u(Record.address + 2);
        this.i64_shl().i64_add();
      }
      if (m.slot === Slot.fixed) this.i64_const32(m.displacement);
      else this.local_get(this.recordLocal()).i64_load32_s(Record.displacement);
      this.i64_add();
    }
    if (size === 4) this.i32_wrap_i64().i64_extend_i32_u();
    else if (size === 2) this.i64_const32(0xffff).i64_and();
  }

  /** [] -> [i64] general register of an address, whose number is `fixed` or at a place in the record. */
  #addressRegister(m: MemoryOperand, fixed: number, at: number): void {
    if (m.slot !== Slot.fixed) this.local_get(this.recordLocal()).i32_load8_u(at);
    else if (fixed === NO_REGISTER) {
      this.i64_const32(0);
      return;
    } else this.i32_const(fixed);
    this.i32_const(3).i32_shl().i64_load(this.binding.general.address);
  }

  #segmentBase(m: MemoryOperand): void {
    if (m.slot === Slot.fixed) this.i32_const(m.segment);
    else this.local_get(this.recordLocal()).i32_load8_u(Record.address + 3);
    this.i32_const(3).i32_shl().i64_load(segmentBases(this.binding).address);
  }

  // ---- flags

  override setFlags(kind: number): void {
    const { flags } = this.binding;
    if (kind !== 0) {
      const operands = this.#take(flags.operands[kind]);
      flags.materialize(this, kind, operands);
    }
    for (let i = flags.fields.length - 1; i >= 0; i--) this.setState(flags.fields[i]);
  }

  override setFlagsIf(kind: number): void {
    const wanted = this.temp("i32");
    this.local_set(wanted);
    const operands = this.#take(this.binding.flags.operands[kind]);
    this.local_get(wanted).if_();
    for (const operand of operands) this.local_get(operand);
    this.setFlags(kind);
    this.end();
  }

  #take(count: number): number[] {
    const operands: number[] = [];
    for (let i = 0; i < count; i++) operands.push(this.temp("i64"));
    for (let i = count - 1; i >= 0; i--) this.local_set(operands[i]);
    return operands;
  }

  override restingFlags(): void {
    for (const field of this.binding.flags.fields) this.getState(field);
  }

  override condition(code: number): void {
    pushRestCondition(this, this.binding, code);
  }

  // ---- memory

  protected override tlbBase(_kind: number, options: AccessOptions | undefined): void {
    if (options?.tlb === undefined) this.local_get(this.tlbLocal()).i32_add();
  }

  protected override tlbOffset(kind: number, options: AccessOptions | undefined): number {
    if (options?.tlb !== undefined) return TLB_BASE + tlbAddress(options.tlb, kind);
    return (kind & Miss.write) !== 0 ? TLB_WRITE : 0;
  }

  protected override onMiss(
    address: number,
    info: number,
    options: AccessOptions | undefined,
  ): void {
    this.if_();
    this.storeMiss(address, info, options);
    this.leave(Exit.miss);
    this.end();
  }

  /** Tells the host which probe has missed. */
  protected storeMiss(address: number, info: number, options: AccessOptions | undefined): void {
    this.i32_const(0).local_get(address).i64_store(this.layout.get("missAddress").address);
    this.i32_const(0);
    if (options?.tlb !== undefined) this.i32_const(info | (options.tlb << Miss.tlbShift));
    else {
      // TLB number from the address of the TLB.
      this.local_get(this.tlbLocal()).i32_const(TLB_BASE).i32_sub();
      this.i32_const(17 - Miss.tlbShift).i32_shr_u().i32_const(info).i32_or();
    }
    this.i32_store(this.layout.get("missInfo").address);
  }

  override faultIf(fault: number): void {
    this.if_();
    this.i32_const(0).i32_const(fault).i32_store(this.layout.get("faultNumber").address);
    this.leave(Exit.fault);
    this.end();
  }
}

/** Distance of a byte register from general register 0, see `Operand.value`. */
export function byteRegisterOffset(value: number): number {
  return value < 16 ? 8 * value : 8 * (value - 16) + 1;
}

/** The byte register at a distance from general register 0. */
export function byteRegisterAt(offset: number): number {
  return (offset >> 3) + ((offset & 1) === 0 ? 0 : 16);
}

/** The field with the segments' bases. Throws if the architecture has none. */
export function segmentBases({ segmentBases }: ArchBinding): StateField {
  if (segmentBases === undefined) throw new Error("the architecture has no segments");
  return segmentBases;
}

/** [] -> [i32] condition for flags at rest in the state block. */
export function pushRestCondition(b: CodeBuilder, binding: ArchBinding, code: number): void {
  const { flags } = binding;
  const needed = flags.needed(code);
  const operands = flags.fields.map((field: StateField, i: number): number => {
    if ((needed & (1 << i)) === 0) return -1;
    const local = b.temp("i64");
    b.getState(field);
    b.local_set(local);
    return local;
  });
  flags.condition(b, 0, operands, code);
}

/**
 * One handler as a function (record: i32, pc: i64, tlb: i32) -> i32 `Exit`: `go` means that the next
 * instruction follows, `jumped` that the pc in the state was set.
 */
export class SingleBuilder extends InterpreterBuilder {
  constructor(binding: ArchBinding, links: HelperLinks, layout: Layout, format: RecordFormat) {
    super(binding, links, layout, 3, format);
  }

  protected override recordLocal(): number {
    return 0;
  }
  protected override tlbLocal(): number {
    return 2;
  }
  protected override leave(reason: Exit): void {
    this.i32_const(reason).return_();
  }
  override pc(): void {
    this.local_get(1);
  }

  override jump(distance: Operand): void {
    this.pcRelative(distance);
    this.jumpTo();
  }
  override jumpIf(distance: Operand): void {
    this.if_();
    this.jump(distance);
    this.end();
  }
  override jumpTo(): void {
    this.setState(this.layout.get("pc"));
    this.i32_const(Exit.jumped).return_();
  }
}
