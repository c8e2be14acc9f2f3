import { SimdMemoryCode } from "./code_simd_memory.ts";

/** v128 bitwise operations, and integer lanes of 8 and 16 bits. */
export class SimdIntegerCode extends SimdMemoryCode {
  /** [v128 v128] -> [v128] */
  i8x16_swizzle(): this {
    return this.op_fd(0x0e);
  }
  /** [v128] -> [v128] */
  v128_not(): this {
    return this.op_fd(0x4d);
  }
  /** [v128 v128] -> [v128] */
  v128_and(): this {
    return this.op_fd(0x4e);
  }
  /** [v128 v128] -> [v128] */
  v128_andnot(): this {
    return this.op_fd(0x4f);
  }
  /** [v128 v128] -> [v128] */
  v128_or(): this {
    return this.op_fd(0x50);
  }
  /** [v128 v128] -> [v128] */
  v128_xor(): this {
    return this.op_fd(0x51);
  }
  /** [v128 v128 v128] -> [v128] */
  v128_bitselect(): this {
    return this.op_fd(0x52);
  }
  /** [v128] -> [i32] */
  v128_any_true(): this {
    return this.op_fd(0x53);
  }
  /** [v128 v128] -> [v128] */
  i8x16_eq(): this {
    return this.op_fd(0x23);
  }
  /** [v128 v128] -> [v128] */
  i8x16_ne(): this {
    return this.op_fd(0x24);
  }
  /** [v128 v128] -> [v128] */
  i8x16_lt_s(): this {
    return this.op_fd(0x25);
  }
  /** [v128 v128] -> [v128] */
  i8x16_lt_u(): this {
    return this.op_fd(0x26);
  }
  /** [v128 v128] -> [v128] */
  i8x16_gt_s(): this {
    return this.op_fd(0x27);
  }
  /** [v128 v128] -> [v128] */
  i8x16_gt_u(): this {
    return this.op_fd(0x28);
  }
  /** [v128 v128] -> [v128] */
  i8x16_le_s(): this {
    return this.op_fd(0x29);
  }
  /** [v128 v128] -> [v128] */
  i8x16_le_u(): this {
    return this.op_fd(0x2a);
  }
  /** [v128 v128] -> [v128] */
  i8x16_ge_s(): this {
    return this.op_fd(0x2b);
  }
  /** [v128 v128] -> [v128] */
  i8x16_ge_u(): this {
    return this.op_fd(0x2c);
  }
  /** [v128] -> [v128] */
  i8x16_abs(): this {
    return this.op_fd(0x60);
  }
  /** [v128] -> [v128] */
  i8x16_neg(): this {
    return this.op_fd(0x61);
  }
  /** [v128] -> [v128] */
  i8x16_popcnt(): this {
    return this.op_fd(0x62);
  }
  /** [v128] -> [i32] */
  i8x16_all_true(): this {
    return this.op_fd(0x63);
  }
  /** [v128] -> [i32] */
  i8x16_bitmask(): this {
    return this.op_fd(0x64);
  }
  /** [v128 v128] -> [v128] */
  i8x16_narrow_i16x8_s(): this {
    return this.op_fd(0x65);
  }
  /** [v128 v128] -> [v128] */
  i8x16_narrow_i16x8_u(): this {
    return this.op_fd(0x66);
  }
  /** [v128 i32] -> [v128] */
  i8x16_shl(): this {
    return this.op_fd(0x6b);
  }
  /** [v128 i32] -> [v128] */
  i8x16_shr_s(): this {
    return this.op_fd(0x6c);
  }
  /** [v128 i32] -> [v128] */
  i8x16_shr_u(): this {
    return this.op_fd(0x6d);
  }
  /** [v128 v128] -> [v128] */
  i8x16_add(): this {
    return this.op_fd(0x6e);
  }
  /** [v128 v128] -> [v128] */
  i8x16_add_sat_s(): this {
    return this.op_fd(0x6f);
  }
  /** [v128 v128] -> [v128] */
  i8x16_add_sat_u(): this {
    return this.op_fd(0x70);
  }
  /** [v128 v128] -> [v128] */
  i8x16_sub(): this {
    return this.op_fd(0x71);
  }
  /** [v128 v128] -> [v128] */
  i8x16_sub_sat_s(): this {
    return this.op_fd(0x72);
  }
  /** [v128 v128] -> [v128] */
  i8x16_sub_sat_u(): this {
    return this.op_fd(0x73);
  }
  /** [v128 v128] -> [v128] */
  i8x16_min_s(): this {
    return this.op_fd(0x76);
  }
  /** [v128 v128] -> [v128] */
  i8x16_min_u(): this {
    return this.op_fd(0x77);
  }
  /** [v128 v128] -> [v128] */
  i8x16_max_s(): this {
    return this.op_fd(0x78);
  }
  /** [v128 v128] -> [v128] */
  i8x16_max_u(): this {
    return this.op_fd(0x79);
  }
  /** [v128 v128] -> [v128] */
  i8x16_avgr_u(): this {
    return this.op_fd(0x7b);
  }
  /** [v128 v128] -> [v128] */
  i16x8_eq(): this {
    return this.op_fd(0x2d);
  }
  /** [v128 v128] -> [v128] */
  i16x8_ne(): this {
    return this.op_fd(0x2e);
  }
  /** [v128 v128] -> [v128] */
  i16x8_lt_s(): this {
    return this.op_fd(0x2f);
  }
  /** [v128 v128] -> [v128] */
  i16x8_lt_u(): this {
    return this.op_fd(0x30);
  }
  /** [v128 v128] -> [v128] */
  i16x8_gt_s(): this {
    return this.op_fd(0x31);
  }
  /** [v128 v128] -> [v128] */
  i16x8_gt_u(): this {
    return this.op_fd(0x32);
  }
  /** [v128 v128] -> [v128] */
  i16x8_le_s(): this {
    return this.op_fd(0x33);
  }
  /** [v128 v128] -> [v128] */
  i16x8_le_u(): this {
    return this.op_fd(0x34);
  }
  /** [v128 v128] -> [v128] */
  i16x8_ge_s(): this {
    return this.op_fd(0x35);
  }
  /** [v128 v128] -> [v128] */
  i16x8_ge_u(): this {
    return this.op_fd(0x36);
  }
  /** [v128] -> [v128] */
  i16x8_extadd_pairwise_i8x16_s(): this {
    return this.op_fd(0x7c);
  }
  /** [v128] -> [v128] */
  i16x8_extadd_pairwise_i8x16_u(): this {
    return this.op_fd(0x7d);
  }
  /** [v128] -> [v128] */
  i16x8_abs(): this {
    return this.op_fd(0x80);
  }
  /** [v128] -> [v128] */
  i16x8_neg(): this {
    return this.op_fd(0x81);
  }
  /** [v128 v128] -> [v128] */
  i16x8_q15mulr_sat_s(): this {
    return this.op_fd(0x82);
  }
  /** [v128] -> [i32] */
  i16x8_all_true(): this {
    return this.op_fd(0x83);
  }
  /** [v128] -> [i32] */
  i16x8_bitmask(): this {
    return this.op_fd(0x84);
  }
  /** [v128 v128] -> [v128] */
  i16x8_narrow_i32x4_s(): this {
    return this.op_fd(0x85);
  }
  /** [v128 v128] -> [v128] */
  i16x8_narrow_i32x4_u(): this {
    return this.op_fd(0x86);
  }
  /** [v128] -> [v128] */
  i16x8_extend_low_i8x16_s(): this {
    return this.op_fd(0x87);
  }
  /** [v128] -> [v128] */
  i16x8_extend_high_i8x16_s(): this {
    return this.op_fd(0x88);
  }
  /** [v128] -> [v128] */
  i16x8_extend_low_i8x16_u(): this {
    return this.op_fd(0x89);
  }
  /** [v128] -> [v128] */
  i16x8_extend_high_i8x16_u(): this {
    return this.op_fd(0x8a);
  }
  /** [v128 i32] -> [v128] */
  i16x8_shl(): this {
    return this.op_fd(0x8b);
  }
  /** [v128 i32] -> [v128] */
  i16x8_shr_s(): this {
    return this.op_fd(0x8c);
  }
  /** [v128 i32] -> [v128] */
  i16x8_shr_u(): this {
    return this.op_fd(0x8d);
  }
  /** [v128 v128] -> [v128] */
  i16x8_add(): this {
    return this.op_fd(0x8e);
  }
  /** [v128 v128] -> [v128] */
  i16x8_add_sat_s(): this {
    return this.op_fd(0x8f);
  }
  /** [v128 v128] -> [v128] */
  i16x8_add_sat_u(): this {
    return this.op_fd(0x90);
  }
  /** [v128 v128] -> [v128] */
  i16x8_sub(): this {
    return this.op_fd(0x91);
  }
  /** [v128 v128] -> [v128] */
  i16x8_sub_sat_s(): this {
    return this.op_fd(0x92);
  }
  /** [v128 v128] -> [v128] */
  i16x8_sub_sat_u(): this {
    return this.op_fd(0x93);
  }
  /** [v128 v128] -> [v128] */
  i16x8_mul(): this {
    return this.op_fd(0x95);
  }
  /** [v128 v128] -> [v128] */
  i16x8_min_s(): this {
    return this.op_fd(0x96);
  }
  /** [v128 v128] -> [v128] */
  i16x8_min_u(): this {
    return this.op_fd(0x97);
  }
  /** [v128 v128] -> [v128] */
  i16x8_max_s(): this {
    return this.op_fd(0x98);
  }
  /** [v128 v128] -> [v128] */
  i16x8_max_u(): this {
    return this.op_fd(0x99);
  }
  /** [v128 v128] -> [v128] */
  i16x8_avgr_u(): this {
    return this.op_fd(0x9b);
  }
  /** [v128 v128] -> [v128] */
  i16x8_extmul_low_i8x16_s(): this {
    return this.op_fd(0x9c);
  }
  /** [v128 v128] -> [v128] */
  i16x8_extmul_high_i8x16_s(): this {
    return this.op_fd(0x9d);
  }
  /** [v128 v128] -> [v128] */
  i16x8_extmul_low_i8x16_u(): this {
    return this.op_fd(0x9e);
  }
  /** [v128 v128] -> [v128] */
  i16x8_extmul_high_i8x16_u(): this {
    return this.op_fd(0x9f);
  }
}
