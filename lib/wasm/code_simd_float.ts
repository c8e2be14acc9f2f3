import { SimdWideCode } from "./code_simd_wide.ts";

/** Floating-point lanes, with the multiply-adds of relaxed SIMD (fused or not, as the host has it). */
export class SimdFloatCode extends SimdWideCode {
  /** [v128 v128] -> [v128] */
  f32x4_eq(): this {
    return this.op_fd(0x41);
  }
  /** [v128 v128] -> [v128] */
  f32x4_ne(): this {
    return this.op_fd(0x42);
  }
  /** [v128 v128] -> [v128] */
  f32x4_lt(): this {
    return this.op_fd(0x43);
  }
  /** [v128 v128] -> [v128] */
  f32x4_gt(): this {
    return this.op_fd(0x44);
  }
  /** [v128 v128] -> [v128] */
  f32x4_le(): this {
    return this.op_fd(0x45);
  }
  /** [v128 v128] -> [v128] */
  f32x4_ge(): this {
    return this.op_fd(0x46);
  }
  /** [v128 v128] -> [v128] */
  f64x2_eq(): this {
    return this.op_fd(0x47);
  }
  /** [v128 v128] -> [v128] */
  f64x2_ne(): this {
    return this.op_fd(0x48);
  }
  /** [v128 v128] -> [v128] */
  f64x2_lt(): this {
    return this.op_fd(0x49);
  }
  /** [v128 v128] -> [v128] */
  f64x2_gt(): this {
    return this.op_fd(0x4a);
  }
  /** [v128 v128] -> [v128] */
  f64x2_le(): this {
    return this.op_fd(0x4b);
  }
  /** [v128 v128] -> [v128] */
  f64x2_ge(): this {
    return this.op_fd(0x4c);
  }
  /** [v128] -> [v128] */
  f32x4_ceil(): this {
    return this.op_fd(0x67);
  }
  /** [v128] -> [v128] */
  f32x4_floor(): this {
    return this.op_fd(0x68);
  }
  /** [v128] -> [v128] */
  f32x4_trunc(): this {
    return this.op_fd(0x69);
  }
  /** [v128] -> [v128] */
  f32x4_nearest(): this {
    return this.op_fd(0x6a);
  }
  /** [v128] -> [v128] */
  f64x2_ceil(): this {
    return this.op_fd(0x74);
  }
  /** [v128] -> [v128] */
  f64x2_floor(): this {
    return this.op_fd(0x75);
  }
  /** [v128] -> [v128] */
  f64x2_trunc(): this {
    return this.op_fd(0x7a);
  }
  /** [v128] -> [v128] */
  f64x2_nearest(): this {
    return this.op_fd(0x94);
  }
  /** [v128] -> [v128] */
  f32x4_abs(): this {
    return this.op_fd(0xe0);
  }
  /** [v128] -> [v128] */
  f32x4_neg(): this {
    return this.op_fd(0xe1);
  }
  /** [v128] -> [v128] */
  f32x4_sqrt(): this {
    return this.op_fd(0xe3);
  }
  /** [v128 v128] -> [v128] */
  f32x4_add(): this {
    return this.op_fd(0xe4);
  }
  /** [v128 v128] -> [v128] */
  f32x4_sub(): this {
    return this.op_fd(0xe5);
  }
  /** [v128 v128] -> [v128] */
  f32x4_mul(): this {
    return this.op_fd(0xe6);
  }
  /** [v128 v128] -> [v128] */
  f32x4_div(): this {
    return this.op_fd(0xe7);
  }
  /** [v128 v128] -> [v128] */
  f32x4_min(): this {
    return this.op_fd(0xe8);
  }
  /** [v128 v128] -> [v128] */
  f32x4_max(): this {
    return this.op_fd(0xe9);
  }
  /** [v128 v128] -> [v128] */
  f32x4_pmin(): this {
    return this.op_fd(0xea);
  }
  /** [v128 v128] -> [v128] */
  f32x4_pmax(): this {
    return this.op_fd(0xeb);
  }
  /** [v128] -> [v128] */
  f64x2_abs(): this {
    return this.op_fd(0xec);
  }
  /** [v128] -> [v128] */
  f64x2_neg(): this {
    return this.op_fd(0xed);
  }
  /** [v128] -> [v128] */
  f64x2_sqrt(): this {
    return this.op_fd(0xef);
  }
  /** [v128 v128] -> [v128] */
  f64x2_add(): this {
    return this.op_fd(0xf0);
  }
  /** [v128 v128] -> [v128] */
  f64x2_sub(): this {
    return this.op_fd(0xf1);
  }
  /** [v128 v128] -> [v128] */
  f64x2_mul(): this {
    return this.op_fd(0xf2);
  }
  /** [v128 v128] -> [v128] */
  f64x2_div(): this {
    return this.op_fd(0xf3);
  }
  /** [v128 v128] -> [v128] */
  f64x2_min(): this {
    return this.op_fd(0xf4);
  }
  /** [v128 v128] -> [v128] */
  f64x2_max(): this {
    return this.op_fd(0xf5);
  }
  /** [v128 v128] -> [v128] */
  f64x2_pmin(): this {
    return this.op_fd(0xf6);
  }
  /** [v128 v128] -> [v128] */
  f64x2_pmax(): this {
    return this.op_fd(0xf7);
  }
  /** [v128] -> [v128] */
  f32x4_demote_f64x2_zero(): this {
    return this.op_fd(0x5e);
  }
  /** [v128] -> [v128] */
  f64x2_promote_low_f32x4(): this {
    return this.op_fd(0x5f);
  }
  /** [v128] -> [v128] */
  i32x4_trunc_sat_f32x4_s(): this {
    return this.op_fd(0xf8);
  }
  /** [v128] -> [v128] */
  i32x4_trunc_sat_f32x4_u(): this {
    return this.op_fd(0xf9);
  }
  /** [v128] -> [v128] */
  f32x4_convert_i32x4_s(): this {
    return this.op_fd(0xfa);
  }
  /** [v128] -> [v128] */
  f32x4_convert_i32x4_u(): this {
    return this.op_fd(0xfb);
  }
  /** [v128] -> [v128] */
  i32x4_trunc_sat_f64x2_s_zero(): this {
    return this.op_fd(0xfc);
  }
  /** [v128] -> [v128] */
  i32x4_trunc_sat_f64x2_u_zero(): this {
    return this.op_fd(0xfd);
  }
  /** [v128] -> [v128] */
  f64x2_convert_low_i32x4_s(): this {
    return this.op_fd(0xfe);
  }
  /** [v128] -> [v128] */
  f64x2_convert_low_i32x4_u(): this {
    return this.op_fd(0xff);
  }
  /** [v128 v128 v128] -> [v128] */
  f32x4_relaxed_madd(): this {
    return this.op_fd(0x105);
  }
  /** [v128 v128 v128] -> [v128] */
  f32x4_relaxed_nmadd(): this {
    return this.op_fd(0x106);
  }
  /** [v128 v128 v128] -> [v128] */
  f64x2_relaxed_madd(): this {
    return this.op_fd(0x107);
  }
  /** [v128 v128 v128] -> [v128] */
  f64x2_relaxed_nmadd(): this {
    return this.op_fd(0x108);
  }
}
