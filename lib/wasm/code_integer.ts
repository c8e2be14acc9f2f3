import { CodeBase } from "./code_base.ts";

/** i32 and i64 arithmetic, comparison and conversion, including sign extension. */
export class IntegerCode extends CodeBase {
  /** [i32] -> [i32] */
  i32_eqz(): this {
    return this.op(0x45);
  }
  /** [i32 i32] -> [i32] */
  i32_eq(): this {
    return this.op(0x46);
  }
  /** [i32 i32] -> [i32] */
  i32_ne(): this {
    return this.op(0x47);
  }
  /** [i32 i32] -> [i32] */
  i32_lt_s(): this {
    return this.op(0x48);
  }
  /** [i32 i32] -> [i32] */
  i32_lt_u(): this {
    return this.op(0x49);
  }
  /** [i32 i32] -> [i32] */
  i32_gt_s(): this {
    return this.op(0x4a);
  }
  /** [i32 i32] -> [i32] */
  i32_gt_u(): this {
    return this.op(0x4b);
  }
  /** [i32 i32] -> [i32] */
  i32_le_s(): this {
    return this.op(0x4c);
  }
  /** [i32 i32] -> [i32] */
  i32_le_u(): this {
    return this.op(0x4d);
  }
  /** [i32 i32] -> [i32] */
  i32_ge_s(): this {
    return this.op(0x4e);
  }
  /** [i32 i32] -> [i32] */
  i32_ge_u(): this {
    return this.op(0x4f);
  }
  /** [i32] -> [i32] */
  i32_clz(): this {
    return this.op(0x67);
  }
  /** [i32] -> [i32] */
  i32_ctz(): this {
    return this.op(0x68);
  }
  /** [i32] -> [i32] */
  i32_popcnt(): this {
    return this.op(0x69);
  }
  /** [i32 i32] -> [i32] */
  i32_add(): this {
    return this.op(0x6a);
  }
  /** [i32 i32] -> [i32] */
  i32_sub(): this {
    return this.op(0x6b);
  }
  /** [i32 i32] -> [i32] */
  i32_mul(): this {
    return this.op(0x6c);
  }
  /** [i32 i32] -> [i32] */
  i32_div_s(): this {
    return this.op(0x6d);
  }
  /** [i32 i32] -> [i32] */
  i32_div_u(): this {
    return this.op(0x6e);
  }
  /** [i32 i32] -> [i32] */
  i32_rem_s(): this {
    return this.op(0x6f);
  }
  /** [i32 i32] -> [i32] */
  i32_rem_u(): this {
    return this.op(0x70);
  }
  /** [i32 i32] -> [i32] */
  i32_and(): this {
    return this.op(0x71);
  }
  /** [i32 i32] -> [i32] */
  i32_or(): this {
    return this.op(0x72);
  }
  /** [i32 i32] -> [i32] */
  i32_xor(): this {
    return this.op(0x73);
  }
  /** [i32 i32] -> [i32] */
  i32_shl(): this {
    return this.op(0x74);
  }
  /** [i32 i32] -> [i32] */
  i32_shr_s(): this {
    return this.op(0x75);
  }
  /** [i32 i32] -> [i32] */
  i32_shr_u(): this {
    return this.op(0x76);
  }
  /** [i32 i32] -> [i32] */
  i32_rotl(): this {
    return this.op(0x77);
  }
  /** [i32 i32] -> [i32] */
  i32_rotr(): this {
    return this.op(0x78);
  }
  /** [i64] -> [i32] */
  i64_eqz(): this {
    return this.op(0x50);
  }
  /** [i64 i64] -> [i32] */
  i64_eq(): this {
    return this.op(0x51);
  }
  /** [i64 i64] -> [i32] */
  i64_ne(): this {
    return this.op(0x52);
  }
  /** [i64 i64] -> [i32] */
  i64_lt_s(): this {
    return this.op(0x53);
  }
  /** [i64 i64] -> [i32] */
  i64_lt_u(): this {
    return this.op(0x54);
  }
  /** [i64 i64] -> [i32] */
  i64_gt_s(): this {
    return this.op(0x55);
  }
  /** [i64 i64] -> [i32] */
  i64_gt_u(): this {
    return this.op(0x56);
  }
  /** [i64 i64] -> [i32] */
  i64_le_s(): this {
    return this.op(0x57);
  }
  /** [i64 i64] -> [i32] */
  i64_le_u(): this {
    return this.op(0x58);
  }
  /** [i64 i64] -> [i32] */
  i64_ge_s(): this {
    return this.op(0x59);
  }
  /** [i64 i64] -> [i32] */
  i64_ge_u(): this {
    return this.op(0x5a);
  }
  /** [i64] -> [i64] */
  i64_clz(): this {
    return this.op(0x79);
  }
  /** [i64] -> [i64] */
  i64_ctz(): this {
    return this.op(0x7a);
  }
  /** [i64] -> [i64] */
  i64_popcnt(): this {
    return this.op(0x7b);
  }
  /** [i64 i64] -> [i64] */
  i64_add(): this {
    return this.op(0x7c);
  }
  /** [i64 i64] -> [i64] */
  i64_sub(): this {
    return this.op(0x7d);
  }
  /** [i64 i64] -> [i64] */
  i64_mul(): this {
    return this.op(0x7e);
  }
  /** [i64 i64] -> [i64] */
  i64_div_s(): this {
    return this.op(0x7f);
  }
  /** [i64 i64] -> [i64] */
  i64_div_u(): this {
    return this.op(0x80);
  }
  /** [i64 i64] -> [i64] */
  i64_rem_s(): this {
    return this.op(0x81);
  }
  /** [i64 i64] -> [i64] */
  i64_rem_u(): this {
    return this.op(0x82);
  }
  /** [i64 i64] -> [i64] */
  i64_and(): this {
    return this.op(0x83);
  }
  /** [i64 i64] -> [i64] */
  i64_or(): this {
    return this.op(0x84);
  }
  /** [i64 i64] -> [i64] */
  i64_xor(): this {
    return this.op(0x85);
  }
  /** [i64 i64] -> [i64] */
  i64_shl(): this {
    return this.op(0x86);
  }
  /** [i64 i64] -> [i64] */
  i64_shr_s(): this {
    return this.op(0x87);
  }
  /** [i64 i64] -> [i64] */
  i64_shr_u(): this {
    return this.op(0x88);
  }
  /** [i64 i64] -> [i64] */
  i64_rotl(): this {
    return this.op(0x89);
  }
  /** [i64 i64] -> [i64] */
  i64_rotr(): this {
    return this.op(0x8a);
  }
  /** [i64] -> [i32] */
  i32_wrap_i64(): this {
    return this.op(0xa7);
  }
  /** [i32] -> [i64] */
  i64_extend_i32_s(): this {
    return this.op(0xac);
  }
  /** [i32] -> [i64] */
  i64_extend_i32_u(): this {
    return this.op(0xad);
  }
  /** [i32] -> [i32] */
  i32_extend8_s(): this {
    return this.op(0xc0);
  }
  /** [i32] -> [i32] */
  i32_extend16_s(): this {
    return this.op(0xc1);
  }
  /** [i64] -> [i64] */
  i64_extend8_s(): this {
    return this.op(0xc2);
  }
  /** [i64] -> [i64] */
  i64_extend16_s(): this {
    return this.op(0xc3);
  }
  /** [i64] -> [i64] */
  i64_extend32_s(): this {
    return this.op(0xc4);
  }
}
