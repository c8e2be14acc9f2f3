/** Operands by kind: what writes their part of the semantics. See operands.ts for what each does. */
import type { AccessOptions, Builder, ProbeSize } from "../../engine/builder.ts";
import type { MemoryOperand, Operand as EngineOperand } from "../../engine/instruction.ts";
import { field } from "./layout.ts";
import type { Operand, ProbeAccess } from "./operands.ts";

const PROBE_SIZES: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/** What kinds of operands have in common: that they do not have most of it. */
abstract class OperandForm implements Operand {
  abstract readonly kind: Operand["kind"];
  readonly size: number;
  readonly raw: EngineOperand;
  readonly number: number;

  constructor(size: number, raw: EngineOperand, number = -1) {
    this.size = size;
    this.raw = raw;
    this.number = number;
  }

  get isMemory(): boolean {
    return false;
  }

  /** The semantics are written once more. */
  begin(): void {}

  probe(_b: Builder, _access: ProbeAccess, _options?: AccessOptions): void {}
  probePlus(_b: Builder, _access: ProbeAccess): void {
    this.#refuse("address");
  }
  get(_b: Builder): void {
    this.#refuse("value");
  }
  set(_b: Builder): void {
    this.#refuse("value that can be set");
  }
  getV(_b: Builder): void {
    this.#refuse("vector");
  }
  setV(_b: Builder): void {
    this.#refuse("vector");
  }
  getFloat(_b: Builder): void {
    this.#refuse("floating-point value");
  }
  place(_b: Builder): void {
    this.#refuse("place in memory");
  }
  address(_b: Builder): void {
    this.#refuse("address");
  }
  offset(_b: Builder): void {
    this.#refuse("address");
  }
  unsigned(_b: Builder): void {
    this.#refuse("immediate");
  }

  #refuse(what: string): never {
    throw new Error(`an operand of kind ${this.kind} and ${this.size} bytes has no ${what}`);
  }
}

export type { OperandForm };

/** A general register, or a byte of one. */
export class GeneralOperand extends OperandForm {
  override readonly kind = "general";

  override get(b: Builder): void {
    if (this.size === 1) b.get8(this.raw);
    else if (this.size === 2) b.get16(this.raw);
    else if (this.size === 4) b.get32(this.raw);
    else b.get(this.raw);
  }

  override set(b: Builder): void {
    if (this.size === 1) b.set8(this.raw);
    else if (this.size === 2) b.set16(this.raw);
    else if (this.size === 4) b.set32(this.raw);
    else b.set(this.raw);
  }
}

/** An XMM register; `size` is what the instruction uses of it. */
export class XmmOperand extends OperandForm {
  override readonly kind = "xmm";

  override get(b: Builder): void {
    b.getV(this.raw);
    if (this.size === 1) b.i8x16_extract_lane_u(0);
    else if (this.size === 2) b.i16x8_extract_lane_u(0);
    else if (this.size === 4) b.i32x4_extract_lane(0);
    else if (this.size === 8) b.i64x2_extract_lane(0);
  }

  override set(b: Builder): void {
    if (this.size !== 16) {
      const value = b.temp(this.size === 8 ? "i64" : "i32");
      b.local_set(value);
      b.getV(this.raw);
      b.local_get(value);
      if (this.size === 1) b.i8x16_replace_lane(0);
      else if (this.size === 2) b.i16x8_replace_lane(0);
      else if (this.size === 4) b.i32x4_replace_lane(0);
      else b.i64x2_replace_lane(0);
    }
    b.setV(this.raw);
  }

  override getV(b: Builder): void {
    b.getV(this.raw);
  }

  override setV(b: Builder): void {
    b.setV(this.raw);
  }

  override getFloat(b: Builder): void {
    if (this.size === 4) b.getS(this.raw);
    else b.getD(this.raw);
  }
}

/** MMn: the low 64 bits of Rn, whose exponent and sign become ones when it is written. */
export class MmxOperand extends OperandForm {
  override readonly kind = "mmx";

  override get(b: Builder): void {
    b.getState(field("x87"), this.number);
    if (this.size === 4) b.i32x4_extract_lane(0);
    else b.i64x2_extract_lane(0);
  }

  override set(b: Builder): void {
    const value = b.temp("i64");
    b.local_set(value);
    b.v128_const(0n, 0xffffn).local_get(value).i64x2_replace_lane(0);
    b.setState(field("x87"), this.number);
  }

  override getV(b: Builder): void {
    b.v128_const(0n, 0n);
    this.get(b);
    if (this.size === 4) b.i32x4_replace_lane(0);
    else b.i64x2_replace_lane(0);
  }

  override setV(b: Builder): void {
    b.i64x2_extract_lane(0);
    this.set(b);
  }
}

/** Memory. Where it is stands in a local from the probe on. */
export class MemoryForm extends OperandForm {
  override readonly kind = "memory";
  readonly memory: MemoryOperand;
  #place = -1;

  constructor(size: number, memory: MemoryOperand) {
    super(size, memory);
    this.memory = memory;
  }

  override get isMemory(): boolean {
    return true;
  }

  override begin(): void {
    this.#place = -1;
  }

  override probe(b: Builder, access: ProbeAccess, options?: AccessOptions): void {
    b.address(this.memory);
    this.#probeAddress(b, access, options);
  }

  override probePlus(b: Builder, access: ProbeAccess): void {
    const { size, segmented, linear32 } = this.memory.form;
    b.offset(this.memory);
    b.i64_add();
    cutAddress(b, size);
    if (segmented) {
      // The segment's base.
      b.address(this.memory);
      b.offset(this.memory);
      b.i64_sub().i64_add();
      if (linear32) cutAddress(b, 4);
    }
    this.#probeAddress(b, access, undefined);
  }

  /** [i64] -> [] */
  #probeAddress(b: Builder, access: ProbeAccess, options: AccessOptions | undefined): void {
    if (!PROBE_SIZES.includes(this.size)) throw new Error(`a probe of ${this.size} bytes`);
    const size = this.size as ProbeSize;
    if (access === "r") b.readAddress(size, options);
    else if (access === "w") b.writeAddress(size, options);
    else b.readWriteAddress(size, options);
    this.#place = b.temp("i32");
    b.local_set(this.#place);
  }

  override place(b: Builder): void {
    if (this.#place < 0) throw new Error("memory that was not probed");
    b.local_get(this.#place);
  }

  #readable(b: Builder): void {
    if (this.#place < 0) this.probe(b, "r");
    b.local_get(this.#place);
  }

  /** [value] -> [i32, value] */
  #writable(b: Builder, type: "i32" | "i64" | "v128"): void {
    const value = b.temp(type);
    b.local_set(value);
    if (this.#place < 0) this.probe(b, "w");
    b.local_get(this.#place).local_get(value);
  }

  override get(b: Builder): void {
    this.#readable(b);
    if (this.size === 1) b.i32_load8_u();
    else if (this.size === 2) b.i32_load16_u();
    else if (this.size === 4) b.i32_load();
    else if (this.size === 8) b.i64_load();
    else b.v128_load();
  }

  override set(b: Builder): void {
    this.#writable(b, this.size < 8 ? "i32" : this.size === 8 ? "i64" : "v128");
    if (this.size === 1) b.i32_store8();
    else if (this.size === 2) b.i32_store16();
    else if (this.size === 4) b.i32_store();
    else if (this.size === 8) b.i64_store();
    else b.v128_store();
  }

  override getV(b: Builder): void {
    if (this.size < 4) {
      b.v128_const(0n, 0n);
      this.get(b);
      b.i32x4_replace_lane(0);
      return;
    }
    this.#readable(b);
    if (this.size === 4) b.v128_load32_zero();
    else if (this.size === 8) b.v128_load64_zero();
    else b.v128_load();
  }

  override setV(b: Builder): void {
    this.#writable(b, "v128");
    if (this.size === 1) b.v128_store8_lane(0);
    else if (this.size === 2) b.v128_store16_lane(0);
    else if (this.size === 4) b.v128_store32_lane(0);
    else if (this.size === 8) b.v128_store64_lane(0);
    else b.v128_store();
  }

  override getFloat(b: Builder): void {
    this.#readable(b);
    if (this.size === 4) b.f32_load();
    else b.f64_load();
  }

  override address(b: Builder): void {
    b.address(this.memory);
  }

  override offset(b: Builder): void {
    b.offset(this.memory);
  }
}

/** [i64] -> [i64] the low bytes. */
export function cutAddress(b: Builder, size: number): void {
  if (size === 4) b.i32_wrap_i64().i64_extend_i32_u();
  else if (size === 2) b.i64_const32(0xffff).i64_and();
}

/** An immediate. The decoder has it extended to the operand size, and above that by zeros. */
export class ImmediateOperand extends OperandForm {
  override readonly kind = "immediate";
  readonly #wide: boolean;

  /** @param operandSize what `get` extends to */
  constructor(size: number, raw: EngineOperand, operandSize: number, number: number) {
    super(size, raw, number);
    this.#wide = operandSize === 8;
  }

  override get(b: Builder): void {
    if (this.#wide) b.imm(this.raw);
    else b.imm32(this.raw);
  }

  override unsigned(b: Builder): void {
    b.imm32(this.raw);
    if (this.size === 1) b.i32_const(0xff).i32_and();
    else if (this.size === 2) b.i32_const(0xffff).i32_and();
  }
}

/** What has only a number. */
export class NumberOperand extends OperandForm {
  override readonly kind = "number";
}
