/** The operands of conformance/fp/vectors.c, made by the same generator. */

/** Executions per instruction and FPCR value. */
export const CASES = 32;

/** Values of FPCR in the order of the recorded checksums. */
export const MODES: readonly number[] = [
  0,
  0x00400000,
  0x00800000,
  0x00c00000,
  0x01000000,
  0x02000000,
  0x04000000,
  0x03400000,
  0x07800000,
  0x05c00000,
];

// deno-fmt-ignore
const DOUBLES: readonly bigint[] = [
  0n, 1n, 2n, 0x000fffffffffffffn, 0x0008000000000000n, 0x0010000000000000n,
  0x0010000000000001n, 0x0020000000000000n, 0x3ca0000000000000n, 0x3fdfffffffffffffn,
  0x3fe0000000000000n, 0x3fe0000000000001n, 0x3fefffffffffffffn, 0x3ff0000000000000n,
  0x3ff0000000000001n, 0x3ff8000000000000n, 0x4000000000000000n, 0x4004000000000000n,
  0x4008000000000000n, 0x40efffc000000000n, 0x40effe0000000000n, 0x40f0000000000000n,
  0x3f10000000000000n, 0x3e60000000000000n, 0x41dfffffffc00000n, 0x41e0000000000000n,
  0x41efffffffe00000n, 0x41f0000000000000n, 0x4330000000000000n, 0x4330000000000001n,
  0x43e0000000000000n, 0x43dfffffffffffffn, 0x43f0000000000000n, 0x3810000000000000n,
  0x380fffffffffffffn, 0x36a0000000000000n, 0x47efffffe0000000n, 0x47efffffefffffffn,
  0x47effffff0000000n, 0x7fd0000000000000n, 0x7fe0000000000000n, 0x7fefffffffffffffn,
  0x7ff0000000000000n, 0x7ff8000000000000n, 0x7ff8000000000001n, 0x7ff0000000000001n,
  0x7ff4000000000123n,
];

// deno-fmt-ignore
const SINGLES: readonly bigint[] = [
  0n, 1n, 2n, 0x007fffffn, 0x00400000n, 0x00200000n, 0x001fffffn, 0x00800000n, 0x00800001n,
  0x01000000n, 0x25800000n, 0x33000000n, 0x33800000n, 0x38800000n, 0x387fffffn, 0x3effffffn,
  0x3f000000n, 0x3f000001n, 0x3f7fffffn, 0x3f800000n, 0x3f800001n, 0x3fc00000n, 0x40000000n,
  0x40200000n, 0x40400000n, 0x477fe000n, 0x477fefffn, 0x477ff000n, 0x47800000n, 0x4effffffn,
  0x4f000000n, 0x4f7fffffn, 0x4f800000n, 0x4b800001n, 0x5effffffn, 0x5f000000n, 0x5f800000n,
  0x7e800000n, 0x7f000000n, 0x7f7fffffn, 0x7f800000n, 0x7fc00000n, 0x7fc00001n, 0x7f800001n,
  0x7fa01234n, 0x40490fdbn,
];

// deno-fmt-ignore
const HALVES: readonly bigint[] = [
  0n, 1n, 0x03ffn, 0x0200n, 0x0400n, 0x0401n, 0x3800n, 0x3c00n, 0x3c01n, 0x4000n, 0x7bffn,
  0x7800n, 0x7c00n, 0x7c01n, 0x7d55n, 0x7e00n, 0x7e01n, 0x7fffn,
];

// deno-fmt-ignore
const INTEGERS: readonly bigint[] = [
  0n, 1n, 2n, 3n, 0x7fn, 0x00ffffffn, 0x01000001n, 0x01ffffffn, 0x7fffffffn, 0x80000000n,
  0x80000001n, 0xffffffffn, 0x7fffff80n, 0x7fffffc0n, 0xffffff7fn, 0x001fffffffffffffn,
  0x0020000000000001n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn,
  0x7ffffffffffffe00n, 0xfffffffffffffbffn, 0x40000000ffffffffn, 0x3fffffffc0000000n,
  0xc0000000bfffffffn,
];

/** Registers before one execution. Vectors are pairs of 64-bit halves, low first. */
export interface FpCase {
  readonly v: readonly (readonly [bigint, bigint])[];
  readonly x: readonly [bigint, bigint];
  readonly fpsr: number;
  readonly nzcv: number;
}

/** The cases of one instruction under one FPCR. `class`: 0 singles, 1 doubles, 2 halves, 3 integers. */
export function* fpCases(word: number, fpcr: number, kind: number): Generator<FpCase> {
  let state = (word ^ fpcr ^ 0x9e3779b9) >>> 0;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>>= 0;
  };
  const next64 = (): bigint => {
    const high = BigInt(next());
    return high << 32n | BigInt(next());
  };
  const lane = (bits: number): bigint => {
    const how = next();
    const random = next64();
    const sign = BigInt(how >>> 31) << BigInt(bits - 1);
    const pick = how >>> 8 & 0xffff;
    const from = (pool: readonly bigint[]): bigint => pool[pick % pool.length];
    if (kind === 3) return (how & 1) !== 0 ? from(INTEGERS) : random >> BigInt(pick & 63);
    switch (how & 7) {
      case 0:
      case 1:
      case 2:
        return sign | from(bits === 64 ? DOUBLES : bits === 32 ? SINGLES : HALVES);
      case 3:
        return random;
      case 4:
        if (bits === 64) {
          return sign | BigInt(1018 + pick % 10) << 52n | (random & 0xffn) << 44n;
        }
        if (bits === 32) return sign | BigInt(122 + pick % 10) << 23n | (random & 0xffn) << 15n;
        return random;
      default:
        if (bits === 64) return sign | BigInt(993 + pick % 100) << 52n | random >> 12n;
        if (bits === 32) return sign | BigInt(97 + pick % 60) << 23n | (random & 0x7fffffn);
        return random;
    }
  };
  const fill = (other?: readonly bigint[]): [bigint, bigint] => {
    const v: [bigint, bigint] = [0n, 0n];
    const width = kind === 1 || kind === 3 ? 64 : kind === 0 ? 32 : 16;
    for (const half of [0, 1]) {
      for (let shift = 0; shift < 64; shift += width) {
        v[half] |= BigInt.asUintN(width, lane(width)) << BigInt(shift);
      }
      const how = next();
      if (other !== undefined && (how & 7) === 0) {
        v[half] = other[half] ^ BigInt(how >>> 8 & 3) ^ BigInt(how >>> 16) << 48n;
      }
      if (other !== undefined && (how & 7) === 1) v[half] = other[half];
    }
    return v;
  };
  for (let number = 0; number < CASES; number++) {
    const n = fill();
    const m = fill(n);
    const a = fill(n);
    const d = fill(m);
    const x0 = next64();
    const x1 = lane64Integer(next, next64);
    const fpsr = (number & 1) !== 0 ? 0x10 : 0;
    yield { v: [d, n, m, a], x: [x0, x1], fpsr, nzcv: next() >>> 28 };
  }
}

function lane64Integer(next: () => number, next64: () => bigint): bigint {
  const how = next();
  const random = next64();
  const pick = how >>> 8 & 0xffff;
  return (how & 1) !== 0 ? INTEGERS[pick % INTEGERS.length] : random >> BigInt(pick & 63);
}
