import { SimdFloatCode } from "./code_simd_float.ts";

/** Atomic accesses (threads proposal): address naturally aligned, `offset` in [0, 2^32). */
export class AtomicCode extends SimdFloatCode {
  /** [i32 i32] -> [i32] */
  memory_atomic_notify(offset = 0): this {
    return this.op_fe_memory(0x00, offset, 2);
  }
  /** [i32 i32 i64] -> [i32] */
  memory_atomic_wait32(offset = 0): this {
    return this.op_fe_memory(0x01, offset, 2);
  }
  /** [i32 i64 i64] -> [i32] */
  memory_atomic_wait64(offset = 0): this {
    return this.op_fe_memory(0x02, offset, 3);
  }
  /** [i32] -> [i32] */
  i32_atomic_load(offset = 0): this {
    return this.op_fe_memory(0x10, offset, 2);
  }
  /** [i32] -> [i64] */
  i64_atomic_load(offset = 0): this {
    return this.op_fe_memory(0x11, offset, 3);
  }
  /** [i32] -> [i32] */
  i32_atomic_load8_u(offset = 0): this {
    return this.op_fe_memory(0x12, offset, 0);
  }
  /** [i32] -> [i32] */
  i32_atomic_load16_u(offset = 0): this {
    return this.op_fe_memory(0x13, offset, 1);
  }
  /** [i32] -> [i64] */
  i64_atomic_load8_u(offset = 0): this {
    return this.op_fe_memory(0x14, offset, 0);
  }
  /** [i32] -> [i64] */
  i64_atomic_load16_u(offset = 0): this {
    return this.op_fe_memory(0x15, offset, 1);
  }
  /** [i32] -> [i64] */
  i64_atomic_load32_u(offset = 0): this {
    return this.op_fe_memory(0x16, offset, 2);
  }
  /** [i32 i32] -> [] */
  i32_atomic_store(offset = 0): this {
    return this.op_fe_memory(0x17, offset, 2);
  }
  /** [i32 i64] -> [] */
  i64_atomic_store(offset = 0): this {
    return this.op_fe_memory(0x18, offset, 3);
  }
  /** [i32 i32] -> [] */
  i32_atomic_store8(offset = 0): this {
    return this.op_fe_memory(0x19, offset, 0);
  }
  /** [i32 i32] -> [] */
  i32_atomic_store16(offset = 0): this {
    return this.op_fe_memory(0x1a, offset, 1);
  }
  /** [i32 i64] -> [] */
  i64_atomic_store8(offset = 0): this {
    return this.op_fe_memory(0x1b, offset, 0);
  }
  /** [i32 i64] -> [] */
  i64_atomic_store16(offset = 0): this {
    return this.op_fe_memory(0x1c, offset, 1);
  }
  /** [i32 i64] -> [] */
  i64_atomic_store32(offset = 0): this {
    return this.op_fe_memory(0x1d, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_add(offset = 0): this {
    return this.op_fe_memory(0x1e, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_add(offset = 0): this {
    return this.op_fe_memory(0x1f, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_add_u(offset = 0): this {
    return this.op_fe_memory(0x20, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_add_u(offset = 0): this {
    return this.op_fe_memory(0x21, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_add_u(offset = 0): this {
    return this.op_fe_memory(0x22, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_add_u(offset = 0): this {
    return this.op_fe_memory(0x23, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_add_u(offset = 0): this {
    return this.op_fe_memory(0x24, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_sub(offset = 0): this {
    return this.op_fe_memory(0x25, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_sub(offset = 0): this {
    return this.op_fe_memory(0x26, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_sub_u(offset = 0): this {
    return this.op_fe_memory(0x27, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_sub_u(offset = 0): this {
    return this.op_fe_memory(0x28, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_sub_u(offset = 0): this {
    return this.op_fe_memory(0x29, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_sub_u(offset = 0): this {
    return this.op_fe_memory(0x2a, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_sub_u(offset = 0): this {
    return this.op_fe_memory(0x2b, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_and(offset = 0): this {
    return this.op_fe_memory(0x2c, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_and(offset = 0): this {
    return this.op_fe_memory(0x2d, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_and_u(offset = 0): this {
    return this.op_fe_memory(0x2e, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_and_u(offset = 0): this {
    return this.op_fe_memory(0x2f, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_and_u(offset = 0): this {
    return this.op_fe_memory(0x30, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_and_u(offset = 0): this {
    return this.op_fe_memory(0x31, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_and_u(offset = 0): this {
    return this.op_fe_memory(0x32, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_or(offset = 0): this {
    return this.op_fe_memory(0x33, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_or(offset = 0): this {
    return this.op_fe_memory(0x34, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_or_u(offset = 0): this {
    return this.op_fe_memory(0x35, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_or_u(offset = 0): this {
    return this.op_fe_memory(0x36, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_or_u(offset = 0): this {
    return this.op_fe_memory(0x37, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_or_u(offset = 0): this {
    return this.op_fe_memory(0x38, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_or_u(offset = 0): this {
    return this.op_fe_memory(0x39, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_xor(offset = 0): this {
    return this.op_fe_memory(0x3a, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_xor(offset = 0): this {
    return this.op_fe_memory(0x3b, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_xor_u(offset = 0): this {
    return this.op_fe_memory(0x3c, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_xor_u(offset = 0): this {
    return this.op_fe_memory(0x3d, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_xor_u(offset = 0): this {
    return this.op_fe_memory(0x3e, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_xor_u(offset = 0): this {
    return this.op_fe_memory(0x3f, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_xor_u(offset = 0): this {
    return this.op_fe_memory(0x40, offset, 2);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw_xchg(offset = 0): this {
    return this.op_fe_memory(0x41, offset, 2);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw_xchg(offset = 0): this {
    return this.op_fe_memory(0x42, offset, 3);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw8_xchg_u(offset = 0): this {
    return this.op_fe_memory(0x43, offset, 0);
  }
  /** [i32 i32] -> [i32] */
  i32_atomic_rmw16_xchg_u(offset = 0): this {
    return this.op_fe_memory(0x44, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw8_xchg_u(offset = 0): this {
    return this.op_fe_memory(0x45, offset, 0);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw16_xchg_u(offset = 0): this {
    return this.op_fe_memory(0x46, offset, 1);
  }
  /** [i32 i64] -> [i64] */
  i64_atomic_rmw32_xchg_u(offset = 0): this {
    return this.op_fe_memory(0x47, offset, 2);
  }
  /** [i32 i32 i32] -> [i32] */
  i32_atomic_rmw_cmpxchg(offset = 0): this {
    return this.op_fe_memory(0x48, offset, 2);
  }
  /** [i32 i64 i64] -> [i64] */
  i64_atomic_rmw_cmpxchg(offset = 0): this {
    return this.op_fe_memory(0x49, offset, 3);
  }
  /** [i32 i32 i32] -> [i32] */
  i32_atomic_rmw8_cmpxchg_u(offset = 0): this {
    return this.op_fe_memory(0x4a, offset, 0);
  }
  /** [i32 i32 i32] -> [i32] */
  i32_atomic_rmw16_cmpxchg_u(offset = 0): this {
    return this.op_fe_memory(0x4b, offset, 1);
  }
  /** [i32 i64 i64] -> [i64] */
  i64_atomic_rmw8_cmpxchg_u(offset = 0): this {
    return this.op_fe_memory(0x4c, offset, 0);
  }
  /** [i32 i64 i64] -> [i64] */
  i64_atomic_rmw16_cmpxchg_u(offset = 0): this {
    return this.op_fe_memory(0x4d, offset, 1);
  }
  /** [i32 i64 i64] -> [i64] */
  i64_atomic_rmw32_cmpxchg_u(offset = 0): this {
    return this.op_fe_memory(0x4e, offset, 2);
  }
  /** [] -> [] sequentially consistent fence. */
  atomic_fence(): this {
    return this.op(0xfe).op(0x03).op(0x00);
  }
}
