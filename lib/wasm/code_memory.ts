import { FloatCode } from "./code_float.ts";

/** Loads, stores and bulk memory. `align` is the log2 of the promised alignment; `offset` is in [0, 2^32). */
export class MemoryCode extends FloatCode {
  /** [i32] -> [i32] */
  i32_load(offset = 0, align = 2): this {
    return this.op_memory(0x28, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load(offset = 0, align = 3): this {
    return this.op_memory(0x29, offset, align);
  }
  /** [i32] -> [f32] */
  f32_load(offset = 0, align = 2): this {
    return this.op_memory(0x2a, offset, align);
  }
  /** [i32] -> [f64] */
  f64_load(offset = 0, align = 3): this {
    return this.op_memory(0x2b, offset, align);
  }
  /** [i32] -> [i32] */
  i32_load8_s(offset = 0, align = 0): this {
    return this.op_memory(0x2c, offset, align);
  }
  /** [i32] -> [i32] */
  i32_load8_u(offset = 0, align = 0): this {
    return this.op_memory(0x2d, offset, align);
  }
  /** [i32] -> [i32] */
  i32_load16_s(offset = 0, align = 1): this {
    return this.op_memory(0x2e, offset, align);
  }
  /** [i32] -> [i32] */
  i32_load16_u(offset = 0, align = 1): this {
    return this.op_memory(0x2f, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load8_s(offset = 0, align = 0): this {
    return this.op_memory(0x30, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load8_u(offset = 0, align = 0): this {
    return this.op_memory(0x31, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load16_s(offset = 0, align = 1): this {
    return this.op_memory(0x32, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load16_u(offset = 0, align = 1): this {
    return this.op_memory(0x33, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load32_s(offset = 0, align = 2): this {
    return this.op_memory(0x34, offset, align);
  }
  /** [i32] -> [i64] */
  i64_load32_u(offset = 0, align = 2): this {
    return this.op_memory(0x35, offset, align);
  }
  /** [i32 i32] -> [] */
  i32_store(offset = 0, align = 2): this {
    return this.op_memory(0x36, offset, align);
  }
  /** [i32 i64] -> [] */
  i64_store(offset = 0, align = 3): this {
    return this.op_memory(0x37, offset, align);
  }
  /** [i32 f32] -> [] */
  f32_store(offset = 0, align = 2): this {
    return this.op_memory(0x38, offset, align);
  }
  /** [i32 f64] -> [] */
  f64_store(offset = 0, align = 3): this {
    return this.op_memory(0x39, offset, align);
  }
  /** [i32 i32] -> [] */
  i32_store8(offset = 0, align = 0): this {
    return this.op_memory(0x3a, offset, align);
  }
  /** [i32 i32] -> [] */
  i32_store16(offset = 0, align = 1): this {
    return this.op_memory(0x3b, offset, align);
  }
  /** [i32 i64] -> [] */
  i64_store8(offset = 0, align = 0): this {
    return this.op_memory(0x3c, offset, align);
  }
  /** [i32 i64] -> [] */
  i64_store16(offset = 0, align = 1): this {
    return this.op_memory(0x3d, offset, align);
  }
  /** [i32 i64] -> [] */
  i64_store32(offset = 0, align = 2): this {
    return this.op_memory(0x3e, offset, align);
  }
  /** [] -> [i32] pages of 64 KiB. */
  memory_size(): this {
    return this.op_index(0x3f, 0);
  }
  /** [i32 pages] -> [i32 old size, or -1] */
  memory_grow(): this {
    return this.op_index(0x40, 0);
  }
  /** [i32 destination, i32 source, i32 bytes] -> [] regions may overlap. */
  memory_copy(): this {
    return this.op_fc(0x0a).u32(0).u32(0);
  }
  /** [i32 destination, i32 byte, i32 bytes] -> [] */
  memory_fill(): this {
    return this.op_fc(0x0b).u32(0);
  }
}
