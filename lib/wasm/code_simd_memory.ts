import { ControlCode } from "./code_control.ts";

/** v128 loads, stores, constants, splats and lanes. `align` is the log2 of the promised alignment; `offset` is in [0, 2^32). */
export class SimdMemoryCode extends ControlCode {
  /** [i32] -> [v128] */
  v128_load(offset = 0, align = 4): this {
    return this.op_fd_memory(0x00, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load8x8_s(offset = 0, align = 3): this {
    return this.op_fd_memory(0x01, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load8x8_u(offset = 0, align = 3): this {
    return this.op_fd_memory(0x02, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load16x4_s(offset = 0, align = 3): this {
    return this.op_fd_memory(0x03, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load16x4_u(offset = 0, align = 3): this {
    return this.op_fd_memory(0x04, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load32x2_s(offset = 0, align = 3): this {
    return this.op_fd_memory(0x05, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load32x2_u(offset = 0, align = 3): this {
    return this.op_fd_memory(0x06, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load8_splat(offset = 0, align = 0): this {
    return this.op_fd_memory(0x07, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load16_splat(offset = 0, align = 1): this {
    return this.op_fd_memory(0x08, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load32_splat(offset = 0, align = 2): this {
    return this.op_fd_memory(0x09, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load64_splat(offset = 0, align = 3): this {
    return this.op_fd_memory(0x0a, offset, align);
  }
  /** [i32 v128] -> [] */
  v128_store(offset = 0, align = 4): this {
    return this.op_fd_memory(0x0b, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load32_zero(offset = 0, align = 2): this {
    return this.op_fd_memory(0x5c, offset, align);
  }
  /** [i32] -> [v128] */
  v128_load64_zero(offset = 0, align = 3): this {
    return this.op_fd_memory(0x5d, offset, align);
  }
  /** [i32 v128] -> [v128] */
  v128_load8_lane(lane: number, offset = 0, align = 0): this {
    return this.op_fd_memory_lane(0x54, lane, offset, align);
  }
  /** [i32 v128] -> [v128] */
  v128_load16_lane(lane: number, offset = 0, align = 1): this {
    return this.op_fd_memory_lane(0x55, lane, offset, align);
  }
  /** [i32 v128] -> [v128] */
  v128_load32_lane(lane: number, offset = 0, align = 2): this {
    return this.op_fd_memory_lane(0x56, lane, offset, align);
  }
  /** [i32 v128] -> [v128] */
  v128_load64_lane(lane: number, offset = 0, align = 3): this {
    return this.op_fd_memory_lane(0x57, lane, offset, align);
  }
  /** [i32 v128] -> [] */
  v128_store8_lane(lane: number, offset = 0, align = 0): this {
    return this.op_fd_memory_lane(0x58, lane, offset, align);
  }
  /** [i32 v128] -> [] */
  v128_store16_lane(lane: number, offset = 0, align = 1): this {
    return this.op_fd_memory_lane(0x59, lane, offset, align);
  }
  /** [i32 v128] -> [] */
  v128_store32_lane(lane: number, offset = 0, align = 2): this {
    return this.op_fd_memory_lane(0x5a, lane, offset, align);
  }
  /** [i32 v128] -> [] */
  v128_store64_lane(lane: number, offset = 0, align = 3): this {
    return this.op_fd_memory_lane(0x5b, lane, offset, align);
  }
  /** [i32] -> [v128] */
  i8x16_splat(): this {
    return this.op_fd(0x0f);
  }
  /** [i32] -> [v128] */
  i16x8_splat(): this {
    return this.op_fd(0x10);
  }
  /** [i32] -> [v128] */
  i32x4_splat(): this {
    return this.op_fd(0x11);
  }
  /** [i64] -> [v128] */
  i64x2_splat(): this {
    return this.op_fd(0x12);
  }
  /** [f32] -> [v128] */
  f32x4_splat(): this {
    return this.op_fd(0x13);
  }
  /** [f64] -> [v128] */
  f64x2_splat(): this {
    return this.op_fd(0x14);
  }
  /** [v128] -> [i32] */
  i8x16_extract_lane_s(lane: number): this {
    return this.op_fd_lane(0x15, lane);
  }
  /** [v128] -> [i32] */
  i8x16_extract_lane_u(lane: number): this {
    return this.op_fd_lane(0x16, lane);
  }
  /** [v128 i32] -> [v128] */
  i8x16_replace_lane(lane: number): this {
    return this.op_fd_lane(0x17, lane);
  }
  /** [v128] -> [i32] */
  i16x8_extract_lane_s(lane: number): this {
    return this.op_fd_lane(0x18, lane);
  }
  /** [v128] -> [i32] */
  i16x8_extract_lane_u(lane: number): this {
    return this.op_fd_lane(0x19, lane);
  }
  /** [v128 i32] -> [v128] */
  i16x8_replace_lane(lane: number): this {
    return this.op_fd_lane(0x1a, lane);
  }
  /** [v128] -> [i32] */
  i32x4_extract_lane(lane: number): this {
    return this.op_fd_lane(0x1b, lane);
  }
  /** [v128 i32] -> [v128] */
  i32x4_replace_lane(lane: number): this {
    return this.op_fd_lane(0x1c, lane);
  }
  /** [v128] -> [i64] */
  i64x2_extract_lane(lane: number): this {
    return this.op_fd_lane(0x1d, lane);
  }
  /** [v128 i64] -> [v128] */
  i64x2_replace_lane(lane: number): this {
    return this.op_fd_lane(0x1e, lane);
  }
  /** [v128] -> [f32] */
  f32x4_extract_lane(lane: number): this {
    return this.op_fd_lane(0x1f, lane);
  }
  /** [v128 f32] -> [v128] */
  f32x4_replace_lane(lane: number): this {
    return this.op_fd_lane(0x20, lane);
  }
  /** [v128] -> [f64] */
  f64x2_extract_lane(lane: number): this {
    return this.op_fd_lane(0x21, lane);
  }
  /** [v128 f64] -> [v128] */
  f64x2_replace_lane(lane: number): this {
    return this.op_fd_lane(0x22, lane);
  }
  /** [] -> [v128] of two 64-bit halves; sign or zero extended values are both accepted. */
  v128_const(low: bigint, high: bigint): this {
    return this.v128_const32(
      Number(BigInt.asIntN(32, low)),
      Number(BigInt.asIntN(32, low >> 32n)),
      Number(BigInt.asIntN(32, high)),
      Number(BigInt.asIntN(32, high >> 32n)),
    );
  }
  /** [] -> [v128] of four 32-bit lanes, lane 0 first. */
  v128_const32(lane0: number, lane1: number, lane2: number, lane3: number): this {
    return this.op_fd(0x0c).raw32(lane0).raw32(lane1).raw32(lane2).raw32(lane3);
  }
  /** [v128 v128] -> [v128] lanes 0..15 are of the first operand, 16..31 of the second. */
  i8x16_shuffle(lanes: ArrayLike<number>): this {
    this.op_fd(0x0d);
    for (let i = 0; i < 16; i++) this.op(lanes[i]);
    return this;
  }
}
