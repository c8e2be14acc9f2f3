/**
 * Division of 128 by 64 bits, for DIV and IDIV of 64-bit operands whose dividend does not fit into
 * 64 bits. Schoolbook division with digits of 32 bits (Knuth, The Art of Computer Programming, volume
 * 2, 4.3.1, algorithm D).
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";

/** `divide128` (high, low, divisor) -> quotient, remainder; high is below the divisor. */
function divide128(c: HelperCode): void {
  const [high, low, divisor] = [0, 1, 2];
  const [shift, d1, d0, q1, q0, rest] = Array.from({ length: 6 }, () => c.local("i64"));
  // The divisor's highest bit is to be set.
  c.local_get(divisor).i64_clz().local_set(shift);
  c.local_get(divisor).local_get(shift).i64_shl().local_tee(divisor);
  c.i64_const32(32).i64_shr_u().local_set(d1);
  c.local_get(divisor).i64_const_parts(-1, 0).i64_and().local_set(d0);
  // Without a shift, nothing comes from `low`: by 1 and then by the rest.
  c.local_get(high).local_get(shift).i64_shl();
  c.local_get(low).i64_const32(1).i64_shr_u();
  c.i64_const32(63).local_get(shift).i64_sub().i64_shr_u().i64_or().local_set(high);
  c.local_get(low).local_get(shift).i64_shl().local_set(low);
  const digit = (quotient: number, next: () => void): void => {
    // `high` by the divisor's high digit is at most 2 too large.
    c.local_get(high).local_get(d1).i64_div_u().local_set(quotient);
    c.local_get(high).local_get(quotient).local_get(d1).i64_mul().i64_sub().local_set(rest);
    c.block().loop();
    // While it is no digit, or too large in view of the next digit.
    c.local_get(quotient).i64_const32(32).i64_shr_u().i64_eqz();
    c.local_get(quotient).local_get(d0).i64_mul();
    c.local_get(rest).i64_const32(32).i64_shl();
    next();
    c.i64_or().i64_le_u().i32_and().br_if(1);
    c.local_get(quotient).i64_const32(1).i64_sub().local_set(quotient);
    c.local_get(rest).local_get(d1).i64_add().local_tee(rest);
    c.i64_const32(32).i64_shr_u().i64_eqz().br_if(0);
    c.end().end();
    // What is left, and the next digit.
    c.local_get(high).i64_const32(32).i64_shl();
    next();
    c.i64_or().local_get(quotient).local_get(divisor).i64_mul().i64_sub().local_set(high);
  };
  digit(q1, () => c.local_get(low).i64_const32(32).i64_shr_u());
  digit(q0, () => c.local_get(low).i64_const_parts(-1, 0).i64_and());
  c.local_get(q1).i64_const32(32).i64_shl().local_get(q0).i64_add();
  c.local_get(high).local_get(shift).i64_shr_u();
}

/** [] -> [] negates a local if the sign of another is negative. */
function negateIf(c: HelperCode, value: number, sign: number): void {
  c.local_get(value).local_get(sign).i64_xor().local_get(sign).i64_sub().local_set(value);
}

/**
 * `divide128s` (high, low, divisor) -> quotient, remainder, and whether the quotient does not fit. By
 * magnitudes; the remainder has the dividend's sign.
 */
function divide128s(c: HelperCode): void {
  const [high, low, divisor] = [0, 1, 2];
  const [dividendSign, sign, quotient, remainder] = [0, 1, 2, 3].map(() => c.local("i64"));
  c.local_get(high).i64_const32(63).i64_shr_s().local_tee(dividendSign);
  c.local_get(divisor).i64_const32(63).i64_shr_s().local_tee(sign);
  c.i64_xor();
  negateIf(c, divisor, sign);
  c.local_set(sign);
  c.local_get(dividendSign).i64_eqz().i32_eqz().if_();
  c.i64_const32(-1).local_get(high).i64_xor();
  c.local_get(low).i64_eqz().i64_extend_i32_u().i64_add().local_set(high);
  c.i64_const32(0).local_get(low).i64_sub().local_set(low);
  c.end();
  c.local_get(high).local_get(divisor).i64_ge_u().if_();
  c.i64_const32(0).i64_const32(0).i32_const(1).return_();
  c.end();
  c.local_get(high).local_get(low).local_get(divisor).callHelper("divide128");
  c.local_set(remainder).local_set(quotient);
  negateIf(c, remainder, dividendSign);
  negateIf(c, quotient, sign);
  c.local_get(quotient).local_get(remainder);
  // The sign is not what it must be, and not because the quotient is zero.
  c.local_get(quotient).local_get(sign).i64_xor().i64_const32(0).i64_lt_s();
  c.local_get(quotient).i64_eqz().i32_eqz().i32_and();
}

export const divideHelpers: readonly Helper[] = [
  {
    name: "divide128",
    params: ["i64", "i64", "i64"],
    results: ["i64", "i64"],
    emit: divide128,
  },
  {
    name: "divide128s",
    params: ["i64", "i64", "i64"],
    results: ["i64", "i64", "i32"],
    emit: divide128s,
  },
];
