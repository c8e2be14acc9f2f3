import { SimdIntegerCode } from "./code_simd_integer.ts";

/** Integer lanes of 32 and 64 bits. */
export class SimdWideCode extends SimdIntegerCode {
  /** [v128 v128] -> [v128] */
  i32x4_eq(): this {
    return this.op_fd(0x37);
  }
  /** [v128 v128] -> [v128] */
  i32x4_ne(): this {
    return this.op_fd(0x38);
  }
  /** [v128 v128] -> [v128] */
  i32x4_lt_s(): this {
    return this.op_fd(0x39);
  }
  /** [v128 v128] -> [v128] */
  i32x4_lt_u(): this {
    return this.op_fd(0x3a);
  }
  /** [v128 v128] -> [v128] */
  i32x4_gt_s(): this {
    return this.op_fd(0x3b);
  }
  /** [v128 v128] -> [v128] */
  i32x4_gt_u(): this {
    return this.op_fd(0x3c);
  }
  /** [v128 v128] -> [v128] */
  i32x4_le_s(): this {
    return this.op_fd(0x3d);
  }
  /** [v128 v128] -> [v128] */
  i32x4_le_u(): this {
    return this.op_fd(0x3e);
  }
  /** [v128 v128] -> [v128] */
  i32x4_ge_s(): this {
    return this.op_fd(0x3f);
  }
  /** [v128 v128] -> [v128] */
  i32x4_ge_u(): this {
    return this.op_fd(0x40);
  }
  /** [v128] -> [v128] */
  i32x4_extadd_pairwise_i16x8_s(): this {
    return this.op_fd(0x7e);
  }
  /** [v128] -> [v128] */
  i32x4_extadd_pairwise_i16x8_u(): this {
    return this.op_fd(0x7f);
  }
  /** [v128] -> [v128] */
  i32x4_abs(): this {
    return this.op_fd(0xa0);
  }
  /** [v128] -> [v128] */
  i32x4_neg(): this {
    return this.op_fd(0xa1);
  }
  /** [v128] -> [i32] */
  i32x4_all_true(): this {
    return this.op_fd(0xa3);
  }
  /** [v128] -> [i32] */
  i32x4_bitmask(): this {
    return this.op_fd(0xa4);
  }
  /** [v128] -> [v128] */
  i32x4_extend_low_i16x8_s(): this {
    return this.op_fd(0xa7);
  }
  /** [v128] -> [v128] */
  i32x4_extend_high_i16x8_s(): this {
    return this.op_fd(0xa8);
  }
  /** [v128] -> [v128] */
  i32x4_extend_low_i16x8_u(): this {
    return this.op_fd(0xa9);
  }
  /** [v128] -> [v128] */
  i32x4_extend_high_i16x8_u(): this {
    return this.op_fd(0xaa);
  }
  /** [v128 i32] -> [v128] */
  i32x4_shl(): this {
    return this.op_fd(0xab);
  }
  /** [v128 i32] -> [v128] */
  i32x4_shr_s(): this {
    return this.op_fd(0xac);
  }
  /** [v128 i32] -> [v128] */
  i32x4_shr_u(): this {
    return this.op_fd(0xad);
  }
  /** [v128 v128] -> [v128] */
  i32x4_add(): this {
    return this.op_fd(0xae);
  }
  /** [v128 v128] -> [v128] */
  i32x4_sub(): this {
    return this.op_fd(0xb1);
  }
  /** [v128 v128] -> [v128] */
  i32x4_mul(): this {
    return this.op_fd(0xb5);
  }
  /** [v128 v128] -> [v128] */
  i32x4_min_s(): this {
    return this.op_fd(0xb6);
  }
  /** [v128 v128] -> [v128] */
  i32x4_min_u(): this {
    return this.op_fd(0xb7);
  }
  /** [v128 v128] -> [v128] */
  i32x4_max_s(): this {
    return this.op_fd(0xb8);
  }
  /** [v128 v128] -> [v128] */
  i32x4_max_u(): this {
    return this.op_fd(0xb9);
  }
  /** [v128 v128] -> [v128] */
  i32x4_dot_i16x8_s(): this {
    return this.op_fd(0xba);
  }
  /** [v128 v128] -> [v128] */
  i32x4_extmul_low_i16x8_s(): this {
    return this.op_fd(0xbc);
  }
  /** [v128 v128] -> [v128] */
  i32x4_extmul_high_i16x8_s(): this {
    return this.op_fd(0xbd);
  }
  /** [v128 v128] -> [v128] */
  i32x4_extmul_low_i16x8_u(): this {
    return this.op_fd(0xbe);
  }
  /** [v128 v128] -> [v128] */
  i32x4_extmul_high_i16x8_u(): this {
    return this.op_fd(0xbf);
  }
  /** [v128] -> [v128] */
  i64x2_abs(): this {
    return this.op_fd(0xc0);
  }
  /** [v128] -> [v128] */
  i64x2_neg(): this {
    return this.op_fd(0xc1);
  }
  /** [v128] -> [i32] */
  i64x2_all_true(): this {
    return this.op_fd(0xc3);
  }
  /** [v128] -> [i32] */
  i64x2_bitmask(): this {
    return this.op_fd(0xc4);
  }
  /** [v128] -> [v128] */
  i64x2_extend_low_i32x4_s(): this {
    return this.op_fd(0xc7);
  }
  /** [v128] -> [v128] */
  i64x2_extend_high_i32x4_s(): this {
    return this.op_fd(0xc8);
  }
  /** [v128] -> [v128] */
  i64x2_extend_low_i32x4_u(): this {
    return this.op_fd(0xc9);
  }
  /** [v128] -> [v128] */
  i64x2_extend_high_i32x4_u(): this {
    return this.op_fd(0xca);
  }
  /** [v128 i32] -> [v128] */
  i64x2_shl(): this {
    return this.op_fd(0xcb);
  }
  /** [v128 i32] -> [v128] */
  i64x2_shr_s(): this {
    return this.op_fd(0xcc);
  }
  /** [v128 i32] -> [v128] */
  i64x2_shr_u(): this {
    return this.op_fd(0xcd);
  }
  /** [v128 v128] -> [v128] */
  i64x2_add(): this {
    return this.op_fd(0xce);
  }
  /** [v128 v128] -> [v128] */
  i64x2_sub(): this {
    return this.op_fd(0xd1);
  }
  /** [v128 v128] -> [v128] */
  i64x2_mul(): this {
    return this.op_fd(0xd5);
  }
  /** [v128 v128] -> [v128] */
  i64x2_eq(): this {
    return this.op_fd(0xd6);
  }
  /** [v128 v128] -> [v128] */
  i64x2_ne(): this {
    return this.op_fd(0xd7);
  }
  /** [v128 v128] -> [v128] */
  i64x2_lt_s(): this {
    return this.op_fd(0xd8);
  }
  /** [v128 v128] -> [v128] */
  i64x2_gt_s(): this {
    return this.op_fd(0xd9);
  }
  /** [v128 v128] -> [v128] */
  i64x2_le_s(): this {
    return this.op_fd(0xda);
  }
  /** [v128 v128] -> [v128] */
  i64x2_ge_s(): this {
    return this.op_fd(0xdb);
  }
  /** [v128 v128] -> [v128] */
  i64x2_extmul_low_i32x4_s(): this {
    return this.op_fd(0xdc);
  }
  /** [v128 v128] -> [v128] */
  i64x2_extmul_high_i32x4_s(): this {
    return this.op_fd(0xdd);
  }
  /** [v128 v128] -> [v128] */
  i64x2_extmul_low_i32x4_u(): this {
    return this.op_fd(0xde);
  }
  /** [v128 v128] -> [v128] */
  i64x2_extmul_high_i32x4_u(): this {
    return this.op_fd(0xdf);
  }
}
