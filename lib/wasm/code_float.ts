import { IntegerCode } from "./code_integer.ts";

/** f32 and f64 arithmetic and every conversion to and from integers. */
export class FloatCode extends IntegerCode {
  /** [f32 f32] -> [i32] */
  f32_eq(): this {
    return this.op(0x5b);
  }
  /** [f32 f32] -> [i32] */
  f32_ne(): this {
    return this.op(0x5c);
  }
  /** [f32 f32] -> [i32] */
  f32_lt(): this {
    return this.op(0x5d);
  }
  /** [f32 f32] -> [i32] */
  f32_gt(): this {
    return this.op(0x5e);
  }
  /** [f32 f32] -> [i32] */
  f32_le(): this {
    return this.op(0x5f);
  }
  /** [f32 f32] -> [i32] */
  f32_ge(): this {
    return this.op(0x60);
  }
  /** [f32] -> [f32] */
  f32_abs(): this {
    return this.op(0x8b);
  }
  /** [f32] -> [f32] */
  f32_neg(): this {
    return this.op(0x8c);
  }
  /** [f32] -> [f32] */
  f32_ceil(): this {
    return this.op(0x8d);
  }
  /** [f32] -> [f32] */
  f32_floor(): this {
    return this.op(0x8e);
  }
  /** [f32] -> [f32] */
  f32_trunc(): this {
    return this.op(0x8f);
  }
  /** [f32] -> [f32] */
  f32_nearest(): this {
    return this.op(0x90);
  }
  /** [f32] -> [f32] */
  f32_sqrt(): this {
    return this.op(0x91);
  }
  /** [f32 f32] -> [f32] */
  f32_add(): this {
    return this.op(0x92);
  }
  /** [f32 f32] -> [f32] */
  f32_sub(): this {
    return this.op(0x93);
  }
  /** [f32 f32] -> [f32] */
  f32_mul(): this {
    return this.op(0x94);
  }
  /** [f32 f32] -> [f32] */
  f32_div(): this {
    return this.op(0x95);
  }
  /** [f32 f32] -> [f32] */
  f32_min(): this {
    return this.op(0x96);
  }
  /** [f32 f32] -> [f32] */
  f32_max(): this {
    return this.op(0x97);
  }
  /** [f32 f32] -> [f32] */
  f32_copysign(): this {
    return this.op(0x98);
  }
  /** [f64 f64] -> [i32] */
  f64_eq(): this {
    return this.op(0x61);
  }
  /** [f64 f64] -> [i32] */
  f64_ne(): this {
    return this.op(0x62);
  }
  /** [f64 f64] -> [i32] */
  f64_lt(): this {
    return this.op(0x63);
  }
  /** [f64 f64] -> [i32] */
  f64_gt(): this {
    return this.op(0x64);
  }
  /** [f64 f64] -> [i32] */
  f64_le(): this {
    return this.op(0x65);
  }
  /** [f64 f64] -> [i32] */
  f64_ge(): this {
    return this.op(0x66);
  }
  /** [f64] -> [f64] */
  f64_abs(): this {
    return this.op(0x99);
  }
  /** [f64] -> [f64] */
  f64_neg(): this {
    return this.op(0x9a);
  }
  /** [f64] -> [f64] */
  f64_ceil(): this {
    return this.op(0x9b);
  }
  /** [f64] -> [f64] */
  f64_floor(): this {
    return this.op(0x9c);
  }
  /** [f64] -> [f64] */
  f64_trunc(): this {
    return this.op(0x9d);
  }
  /** [f64] -> [f64] */
  f64_nearest(): this {
    return this.op(0x9e);
  }
  /** [f64] -> [f64] */
  f64_sqrt(): this {
    return this.op(0x9f);
  }
  /** [f64 f64] -> [f64] */
  f64_add(): this {
    return this.op(0xa0);
  }
  /** [f64 f64] -> [f64] */
  f64_sub(): this {
    return this.op(0xa1);
  }
  /** [f64 f64] -> [f64] */
  f64_mul(): this {
    return this.op(0xa2);
  }
  /** [f64 f64] -> [f64] */
  f64_div(): this {
    return this.op(0xa3);
  }
  /** [f64 f64] -> [f64] */
  f64_min(): this {
    return this.op(0xa4);
  }
  /** [f64 f64] -> [f64] */
  f64_max(): this {
    return this.op(0xa5);
  }
  /** [f64 f64] -> [f64] */
  f64_copysign(): this {
    return this.op(0xa6);
  }
  /** [f32] -> [i32] */
  i32_trunc_f32_s(): this {
    return this.op(0xa8);
  }
  /** [f32] -> [i32] */
  i32_trunc_f32_u(): this {
    return this.op(0xa9);
  }
  /** [f64] -> [i32] */
  i32_trunc_f64_s(): this {
    return this.op(0xaa);
  }
  /** [f64] -> [i32] */
  i32_trunc_f64_u(): this {
    return this.op(0xab);
  }
  /** [f32] -> [i64] */
  i64_trunc_f32_s(): this {
    return this.op(0xae);
  }
  /** [f32] -> [i64] */
  i64_trunc_f32_u(): this {
    return this.op(0xaf);
  }
  /** [f64] -> [i64] */
  i64_trunc_f64_s(): this {
    return this.op(0xb0);
  }
  /** [f64] -> [i64] */
  i64_trunc_f64_u(): this {
    return this.op(0xb1);
  }
  /** [i32] -> [f32] */
  f32_convert_i32_s(): this {
    return this.op(0xb2);
  }
  /** [i32] -> [f32] */
  f32_convert_i32_u(): this {
    return this.op(0xb3);
  }
  /** [i64] -> [f32] */
  f32_convert_i64_s(): this {
    return this.op(0xb4);
  }
  /** [i64] -> [f32] */
  f32_convert_i64_u(): this {
    return this.op(0xb5);
  }
  /** [f64] -> [f32] */
  f32_demote_f64(): this {
    return this.op(0xb6);
  }
  /** [i32] -> [f64] */
  f64_convert_i32_s(): this {
    return this.op(0xb7);
  }
  /** [i32] -> [f64] */
  f64_convert_i32_u(): this {
    return this.op(0xb8);
  }
  /** [i64] -> [f64] */
  f64_convert_i64_s(): this {
    return this.op(0xb9);
  }
  /** [i64] -> [f64] */
  f64_convert_i64_u(): this {
    return this.op(0xba);
  }
  /** [f32] -> [f64] */
  f64_promote_f32(): this {
    return this.op(0xbb);
  }
  /** [f32] -> [i32] */
  i32_reinterpret_f32(): this {
    return this.op(0xbc);
  }
  /** [f64] -> [i64] */
  i64_reinterpret_f64(): this {
    return this.op(0xbd);
  }
  /** [i32] -> [f32] */
  f32_reinterpret_i32(): this {
    return this.op(0xbe);
  }
  /** [i64] -> [f64] */
  f64_reinterpret_i64(): this {
    return this.op(0xbf);
  }
  /** [f32] -> [i32] */
  i32_trunc_sat_f32_s(): this {
    return this.op_fc(0x00);
  }
  /** [f32] -> [i32] */
  i32_trunc_sat_f32_u(): this {
    return this.op_fc(0x01);
  }
  /** [f64] -> [i32] */
  i32_trunc_sat_f64_s(): this {
    return this.op_fc(0x02);
  }
  /** [f64] -> [i32] */
  i32_trunc_sat_f64_u(): this {
    return this.op_fc(0x03);
  }
  /** [f32] -> [i64] */
  i64_trunc_sat_f32_s(): this {
    return this.op_fc(0x04);
  }
  /** [f32] -> [i64] */
  i64_trunc_sat_f32_u(): this {
    return this.op_fc(0x05);
  }
  /** [f64] -> [i64] */
  i64_trunc_sat_f64_s(): this {
    return this.op_fc(0x06);
  }
  /** [f64] -> [i64] */
  i64_trunc_sat_f64_u(): this {
    return this.op_fc(0x07);
  }
}
