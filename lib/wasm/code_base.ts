/** Bytes that no single instruction exceeds, apart from `br_table`, which asks for more. */
const HEADROOM = 32;

const float_bits = new DataView(new ArrayBuffer(8));

/**
 * Growable byte sink for instructions: the encodings that all instructions share, and constants
 * (WebAssembly core specification 5.2 and 5.4). The methods with a plain name (`op`, `u32`, ...)
 * are for the classes that name the instructions.
 */
export class CodeBase {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param capacity bytes to begin with; the buffer doubles when it is full. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, HEADROOM));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** What has been written: a view that the next instruction or `reset` makes stale. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything; the buffer is kept. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  /** Appends ready-made code. */
  append(code: Uint8Array): this {
    this.#room(code.length);
    this.#bytes.set(code, this.#length);
    this.#length += code.length;
    return this;
  }

  /** [] -> [i32] any number in [-2^31, 2^32). */
  i32_const(value: number): this {
    return this.op_s32(0x41, value | 0);
  }

  /** [] -> [i64] sign-extended from a number in [-2^31, 2^32), of which the low 32 bits count. */
  i64_const32(value: number): this {
    return this.op_s32(0x42, value | 0);
  }

  /** [] -> [i64] of two halves of 32 bits, signed or not. */
  i64_const_parts(low: number, high: number): this {
    this.#room(HEADROOM);
    const bytes = this.#bytes;
    let at = this.#length;
    let lo = low | 0;
    let hi = high | 0;
    bytes[at++] = 0x42;
    for (;;) {
      const byte = lo & 0x7f;
      lo = (lo >>> 7) | (hi << 25);
      hi >>= 7;
      // Done when what remains is nothing but copies of the sign bit just written.
      const sign = -(byte >> 6);
      if (lo === sign && hi === sign) {
        bytes[at++] = byte;
        break;
      }
      bytes[at++] = byte | 0x80;
    }
    this.#length = at;
    return this;
  }

  /** [] -> [i64] of the low 64 bits. Slow: `i64_const32` and `i64_const_parts` make no BigInt. */
  i64_const(value: bigint): this {
    return this.i64_const_parts(
      Number(BigInt.asIntN(32, value)),
      Number(BigInt.asIntN(32, value >> 32n)),
    );
  }

  /** [] -> [f32] rounded to nearest. NaN payloads may be lost: see `f32_const_bits`. */
  f32_const(value: number): this {
    float_bits.setFloat32(0, value);
    return this.f32_const_bits(float_bits.getInt32(0));
  }

  /** [] -> [f32] of a 32-bit pattern. */
  f32_const_bits(bits: number): this {
    return this.op(0x43).raw32(bits);
  }

  /** [] -> [f64] NaN payloads may be lost: see `f64_const_bits`. */
  f64_const(value: number): this {
    float_bits.setFloat64(0, value);
    return this.f64_const_bits(float_bits.getInt32(4), float_bits.getInt32(0));
  }

  /** [] -> [f64] of two 32-bit halves of the pattern. */
  f64_const_bits(low: number, high: number): this {
    return this.op(0x44).raw32(low).raw32(high);
  }

  /** One byte. */
  protected op(code: number): this {
    const at = this.#length;
    if (at === this.#bytes.length) this.#grow(1);
    this.#bytes[at] = code;
    this.#length = at + 1;
    return this;
  }

  /** An opcode and an index. */
  protected op_index(code: number, index: number): this {
    const at = this.#length;
    if ((index & ~0x7f) !== 0 || at + 2 > this.#bytes.length) return this.op(code).u32(index);
    const bytes = this.#bytes;
    bytes[at] = code;
    bytes[at + 1] = index;
    this.#length = at + 2;
    return this;
  }

  /** An opcode and a number in [-2^31, 2^31). */
  protected op_s32(code: number, value: number): this {
    const at = this.#length;
    if (value < -0x40 || value > 0x3f || at + 2 > this.#bytes.length) {
      return this.op(code).s32(value);
    }
    const bytes = this.#bytes;
    bytes[at] = code;
    bytes[at + 1] = value & 0x7f;
    this.#length = at + 2;
    return this;
  }

  /** Opcode behind the prefix of saturating and bulk instructions. */
  protected op_fc(code: number): this {
    return this.op(0xfc).op(code);
  }

  /** Opcode in [0, 2^14) behind the prefix of vector instructions. */
  protected op_fd(code: number): this {
    this.#room(HEADROOM);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = 0xfd;
    if (code >= 0x80) {
      bytes[at++] = (code & 0x7f) | 0x80;
      code >>>= 7;
    }
    bytes[at++] = code;
    this.#length = at;
    return this;
  }

  /** A vector opcode and a lane. */
  protected op_fd_lane(code: number, lane: number): this {
    return this.op_fd(code).op(lane);
  }

  /** A load or store. */
  protected op_memory(code: number, offset: number, align: number): this {
    const at = this.#length;
    if ((offset & ~0x7f) !== 0 || at + 3 > this.#bytes.length) {
      return this.op(code).op(align).u32(offset);
    }
    const bytes = this.#bytes;
    bytes[at] = code;
    bytes[at + 1] = align;
    bytes[at + 2] = offset;
    this.#length = at + 3;
    return this;
  }

  /** A vector load or store. */
  protected op_fd_memory(code: number, offset: number, align: number): this {
    return this.op_fd(code).op(align).u32(offset);
  }

  /** A vector load or store of one lane. */
  protected op_fd_memory_lane(code: number, lane: number, offset: number, align: number): this {
    return this.op_fd(code).op(align).u32(offset).op(lane);
  }

  /** An atomic access. */
  protected op_fe_memory(code: number, offset: number, align: number): this {
    return this.op(0xfe).op(code).op(align).u32(offset);
  }

  /** Unsigned LEB128 of the low 32 bits of a number. */
  protected u32(value: number): this {
    this.#room(HEADROOM);
    const bytes = this.#bytes;
    let at = this.#length;
    value >>>= 0;
    while (value > 0x7f) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    bytes[at++] = value;
    this.#length = at;
    return this;
  }

  /** Signed LEB128 of a number in [-2^31, 2^31). */
  protected s32(value: number): this {
    this.#room(HEADROOM);
    const bytes = this.#bytes;
    let at = this.#length;
    while (value < -0x40 || value > 0x3f) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>= 7;
    }
    bytes[at++] = value & 0x7f;
    this.#length = at;
    return this;
  }

  /** Four bytes, least significant first. */
  protected raw32(value: number): this {
    this.#room(HEADROOM);
    const bytes = this.#bytes;
    const at = this.#length;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#length = at + 4;
    return this;
  }

  #room(count: number): void {
    if (this.#length + count > this.#bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    const needed = this.#length + count;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
