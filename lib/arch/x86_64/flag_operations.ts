/** What each kind of lazy flags is computed from: the operations behind {@linkcode Flags}. */
import type { Code } from "../../wasm/code.ts";

/** Operands (i64 locals) of an operation on `bits` bits, zero-extended. */
type Part = (c: Code, o: readonly number[], bits: number) => void;

/** An operation that sets flags. */
export interface Operation {
  /** Number of i64 operands. */
  readonly operands: number;
  /** The result is zero in all its 64 bits if it is in its width. */
  readonly cut: boolean;
  /** [] -> [i64] the result. */
  readonly result: Part;
  /** [] -> [i32] CF. */
  readonly carry: Part;
  /** [] -> [i64] OF in the highest of `bits` bits. */
  readonly overflow: Part;
  /** [] -> [i64] AF in bit 4. */
  readonly adjust: Part;
  /** [] -> [i64] `flagCarries`, if there is a shorter way than by CF, OF and AF. */
  readonly carries?: Part;
  /** [] -> [i32] a condition by a shorter way; false, and nothing written, if there is none. */
  readonly direct?: (c: Code, o: readonly number[], bits: number, code: number) => boolean;
}

/**
 * [] -> [i64] `flagCarries` of a sum or difference with or without carry, all three (i64 locals) of `bits`
 * bits or more: carries go out where both bits are set, or one of them and the sum's is not. Borrows: the
 * same with the complement of x and of the difference.
 */
export function pushCarries(
  c: Code,
  bits: number,
  name: "add" | "sub",
  x: number,
  y: number,
  pushResult: () => void,
): void {
  const vector = (): void => {
    const pushX = (): void => {
      if (name === "sub") c.i64_const32(-1);
      c.local_get(x);
      if (name === "sub") c.i64_xor();
    };
    pushX();
    c.local_get(y).i64_and();
    pushX();
    c.local_get(y).i64_or();
    if (name === "add") c.i64_const32(-1);
    pushResult();
    if (name === "add") c.i64_xor();
    c.i64_and().i64_or();
  };
  vector();
  if (bits === 64) {
    c.i64_const_parts(8, -0x40000000).i64_and();
    return;
  }
  c.i64_const32(64 - bits).i64_shl().i64_const_parts(0, -0x40000000).i64_and();
  vector();
  c.i64_const32(8).i64_and().i64_or();
}

/** [] -> [i64] the highest of `bits` bits is OF: both operands differ from the sum in sign. */
const sumOverflow: Part = (c, [a, b], bits) => {
  c.local_get(a);
  add.result(c, [a, b], bits);
  c.i64_xor().local_get(b);
  add.result(c, [a, b], bits);
  c.i64_xor().i64_and();
};

const add: Operation = {
  operands: 2,
  cut: false,
  result: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_add();
  },
  carry: (c, [a, b], bits) => {
    c.local_get(a).local_get(b).i64_add();
    if (bits === 64) c.local_get(a).i64_lt_u();
    else c.i64_const32(bits).i64_shr_u().i32_wrap_i64();
  },
  overflow: sumOverflow,
  adjust: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_xor().local_get(a).local_get(b).i64_add().i64_xor();
  },
  carries: (c, o, bits) => pushCarries(c, bits, "add", o[0], o[1], () => add.result(c, o, bits)),
};

/** Comparisons of signed numbers: L, NL, LE, NLE. */
const SIGNED = ["lt_s", "ge_s", "le_s", "gt_s"] as const;
/** Comparisons of unsigned numbers by condition code; those that are none are left out. */
const UNSIGNED: Readonly<Record<number, "lt_u" | "ge_u" | "eq" | "ne" | "le_u" | "gt_u">> = {
  2: "lt_u",
  3: "ge_u",
  4: "eq",
  5: "ne",
  6: "le_u",
  7: "gt_u",
};

const sub: Operation = {
  operands: 2,
  cut: false,
  result: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_sub();
  },
  carry: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_lt_u();
  },
  overflow: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_xor();
    c.local_get(a).local_get(a).local_get(b).i64_sub().i64_xor().i64_and();
  },
  adjust: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_xor().local_get(a).local_get(b).i64_sub().i64_xor();
  },
  carries: (c, o, bits) => pushCarries(c, bits, "sub", o[0], o[1], () => sub.result(c, o, bits)),
  direct: (c, [a, b], bits, code) => {
    if (code >= 12 && code < 16) {
      const comparison = SIGNED[code - 12];
      for (const operand of [a, b]) {
        c.local_get(operand);
        if (bits < 64) c.i32_wrap_i64();
        if (bits === 8) c.i32_extend8_s();
        else if (bits === 16) c.i32_extend16_s();
      }
      if (bits === 64) c[`i64_${comparison}`]();
      else c[`i32_${comparison}`]();
      return true;
    }
    const comparison = UNSIGNED[code];
    if (comparison === undefined) return false;
    c.local_get(a).local_get(b)[`i64_${comparison}`]();
    return true;
  },
};

const logic: Operation = {
  operands: 1,
  cut: true,
  result: (c, [result]) => {
    c.local_get(result);
  },
  carry: (c) => {
    c.i32_const(0);
  },
  overflow: (c) => {
    c.i64_const32(0);
  },
  adjust: (c) => {
    c.i64_const32(0);
  },
  carries: (c) => {
    c.i64_const32(0);
  },
  direct: (c, [result], bits, code) => {
    // O and B never hold. BE is Z, L is S; LE is a comparison with zero.
    if (code < 4) c.i32_const(code & 1);
    else if (code >= 6 && code < 8) {
      c.local_get(result).i64_eqz();
      if (code === 7) c.i32_eqz();
    } else if (code >= 12 && code < 16) {
      c.local_get(result);
      if (bits === 8) c.i64_extend8_s();
      else if (bits === 16) c.i64_extend16_s();
      else if (bits === 32) c.i64_extend32_s();
      c.i64_const32(0)[`i64_${SIGNED[code - 12]}`]();
    } else return false;
    return true;
  },
};

/** INC and DEC overflow to, and carry out of the low four bits to, one value of the result. */
const step = (overflowed: (c: Code, bits: number) => void, adjusted: number): Operation => ({
  operands: 2,
  cut: true,
  result: (c, [result]) => {
    c.local_get(result);
  },
  carry: (c, [, carry]) => {
    c.local_get(carry).i32_wrap_i64();
  },
  overflow: (c, [result], bits) => {
    c.local_get(result);
    overflowed(c, bits);
    c.i64_eq().i64_extend_i32_u().i64_const32(bits - 1).i64_shl();
  },
  adjust: (c, [result]) => {
    c.local_get(result).i64_const32(15).i64_and().i64_const32(adjusted).i64_eq();
    c.i64_extend_i32_u().i64_const32(4).i64_shl();
  },
});

/** [] -> [i64] 2^(bits - 1) */
function lowest(c: Code, bits: number): void {
  c.i64_const_parts(bits === 64 ? 0 : 1 << (bits - 1), bits === 64 ? -0x80000000 : 0);
}

/** [] -> [i64] 2^(bits - 1) - 1 */
function largest(c: Code, bits: number): void {
  c.i64_const_parts(bits === 64 ? -1 : 2 ** (bits - 1) - 1, bits === 64 ? 0x7fffffff : 0);
}

/**
 * [operand, count]: the operand with all but one of the bits shifted decides. Its lowest or highest bit
 * goes to CF; OF is whether the last bit changes the sign.
 */
const shift = (
  name: "shl" | "shr_u" | "shr_s",
  cut: boolean,
  carry: Part,
  carries: Part,
): Operation => ({
  operands: 2,
  cut,
  carries,
  result: (c, [operand, count]) => {
    c.local_get(operand).local_get(count)[`i64_${name}`]();
  },
  carry,
  overflow: (c, [operand, count]) => {
    c.local_get(operand).local_get(count)[`i64_${name}`]();
    allButOne(c, name, operand, count);
    c.i64_xor();
  },
  adjust: (c) => {
    c.i64_const32(0);
  },
});

/** [] -> [i64] an operand shifted by one bit less than `count`. */
function allButOne(
  c: Code,
  name: "shl" | "shr_u" | "shr_s",
  operand: number,
  count: number,
): void {
  c.local_get(operand).local_get(count).i64_const32(1).i64_sub()[`i64_${name}`]();
}

/** The two bits that go out and on top with the last step to the left. */
const highestTwo: Part = (c, [operand, count], bits) => {
  allButOne(c, "shl", operand, count);
  if (bits < 64) c.i64_const32(64 - bits).i64_shl();
  c.i64_const_parts(0, -0x40000000).i64_and();
};

/** To the right, OF is the sign that the last step clears. */
const lowestAndSign: Part = (c, [operand, count], bits) => {
  const lowest = (): void => {
    allButOne(c, "shr_u", operand, count);
    c.i64_const32(63).i64_shl();
  };
  lowest();
  lowest();
  allButOne(c, "shr_u", operand, count);
  if (bits < 64) c.i64_const32(64 - bits).i64_shl();
  c.i64_xor().i64_const32(1).i64_shr_u().i64_const_parts(0, 0x40000000).i64_and().i64_or();
};

/** With the sign, OF is clear. */
const lowestTwice: Part = (c, [operand, count]) => {
  allButOne(c, "shr_s", operand, count);
  c.i64_const32(63).i64_shl().i64_const32(1).i64_shr_s();
};

/** The bit that goes out on the right. */
const lowestOut = (name: "shr_u" | "shr_s"): Part => (c, [operand, count]) => {
  allButOne(c, name, operand, count);
  c.i32_wrap_i64().i32_const(1).i32_and();
};

/** The product of two signed numbers: CF and OF are set if it does not fit. */
const imul: Operation = {
  operands: 2,
  cut: false,
  result: (c, [a, b]) => {
    c.local_get(a).local_get(b).i64_mul();
  },
  carry: (c, [a, b], bits) => {
    c.local_get(a).local_get(b).i64_mul();
    if (bits < 64) {
      c.local_get(a).local_get(b).i64_mul();
      if (bits === 16) c.i64_extend16_s();
      else c.i64_extend32_s();
      c.i64_ne();
      return;
    }
    // What is lost is a multiple of 2^64: far more than what the doubles round off.
    c.f64_convert_i64_s();
    c.local_get(a).f64_convert_i64_s().local_get(b).f64_convert_i64_s().f64_mul();
    c.f64_sub().f64_abs().f64_const(2 ** 62).f64_gt();
  },
  overflow: (c, o, bits) => {
    imul.carry(c, o, bits);
    c.i64_extend_i32_u().i64_const32(bits - 1).i64_shl();
  },
  adjust: (c) => {
    c.i64_const32(0);
  },
};

export const operations: Readonly<
  Record<
    "add" | "sub" | "logic" | "inc" | "dec" | "shl" | "shr" | "sar" | "imul",
    Operation
  >
> = {
  add,
  sub,
  logic,
  inc: step(lowest, 0),
  dec: step(largest, 15),
  shl: shift("shl", false, (c, [operand, count], bits) => {
    c.local_get(operand).i64_const32(bits).local_get(count).i64_sub().i64_shr_u();
    c.i32_wrap_i64().i32_const(1).i32_and();
  }, highestTwo),
  shr: shift("shr_u", true, lowestOut("shr_u"), lowestAndSign),
  sar: shift("shr_s", true, lowestOut("shr_s"), lowestTwice),
  imul,
};

/** [] -> [i32] of two doubles */
function compareDoubles(
  c: Code,
  [a, b]: readonly number[],
  name: "eq" | "ne" | "lt" | "gt" | "ge",
): void {
  c.local_get(a).f64_reinterpret_i64().local_get(b).f64_reinterpret_i64()[`f64_${name}`]();
}

/** [] -> [i32] whether one of two doubles is a NaN. */
function unordered(c: Code, [a, b]: readonly number[]): void {
  compareDoubles(c, [a, a], "ne");
  compareDoubles(c, [b, b], "ne");
  c.i32_or();
}

/** [] -> [i32] whether two doubles are less or greater, not equal and not unordered. */
function apart(c: Code, o: readonly number[]): void {
  compareDoubles(c, o, "lt");
  compareDoubles(c, o, "gt");
  c.i32_or();
}

/**
 * Flags of COMISD and the like (SDM volume 2, COMISD): CF less or unordered, ZF equal or unordered, PF
 * unordered; the others are clear.
 */
export const compare = {
  /** [] -> [i64, i64] flags at rest. */
  rest(c: Code, o: readonly number[]): void {
    // 0 has PF by itself: not to be if they are equal.
    apart(c, o);
    c.i64_extend_i32_u();
    c.i64_const32(0);
    compareDoubles(c, o, "ge");
    c.i32_eqz().i64_extend_i32_u().i64_sub().i64_const_parts(0, -0x40000000).i64_and();
    compareDoubles(c, o, "eq");
    c.i64_extend_i32_u().i64_const32(8).i64_shl().i64_or();
  },

  /** [] -> [i32] an even condition code. */
  condition(c: Code, o: readonly number[], code: number): void {
    switch (code) {
      case 2: // B
        compareDoubles(c, o, "ge");
        c.i32_eqz();
        return;
      case 4: // Z
      case 14: // LE
        apart(c, o);
        c.i32_eqz();
        return;
      case 6: // BE
        compareDoubles(c, o, "gt");
        c.i32_eqz();
        return;
      case 10: // P
        unordered(c, o);
        return;
      default: // O, S, L, A
        c.i32_const(0);
    }
  },
} as const;
