/** True Random Number Generator firmware interface 1.0 (Arm DEN 0098). */

/** Fills an array with entropy. */
export type RandomSource = (into: Uint8Array) => void;

/** Function identifiers. */
export const TrngFunction = {
  VERSION: 0x84000050,
  FEATURES: 0x84000051,
  GET_UUID: 0x84000052,
  RND_32: 0x84000053,
  RND_64: 0xc4000053,
} as const;

const TRNG_1_0 = 0x10000n;
const NOT_SUPPORTED = -1n;
const INVALID_PARAMETERS = -2n;
/** 86f0beab-3d2c-4d53-9a44-7b5d3f6c1e20: names this back end. */
const UUID = [0xabbef086n, 0x534d2c3dn, 0x5d7b449an, 0x201e6c3fn];

/** Whether a function exists. */
export function trngImplements(id: number): boolean {
  return Object.values(TrngFunction).some((known) => known === id);
}

/** Answers a TRNG call with X1; undefined if `id` is none. */
export function trngCall(
  id: number,
  x1: bigint,
  random: RandomSource,
): readonly bigint[] | undefined {
  switch (id) {
    case TrngFunction.VERSION:
      return [TRNG_1_0];
    case TrngFunction.FEATURES:
      return [trngImplements(Number(BigInt.asUintN(32, x1))) ? 0n : NOT_SUPPORTED];
    case TrngFunction.GET_UUID:
      return UUID;
    case TrngFunction.RND_32:
      return entropy(x1, 32, random);
    case TrngFunction.RND_64:
      return entropy(x1, 64, random);
    default:
      return undefined;
  }
}

/** `bits` of entropy in X1 (most significant) to X3, zero above. At most three registers full. */
function entropy(bits: bigint, width: 32 | 64, random: RandomSource): readonly bigint[] {
  if (bits === 0n || bits > BigInt(3 * width)) return [INVALID_PARAMETERS, 0n, 0n, 0n];
  const bytes = new Uint8Array(24);
  random(bytes);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  value = BigInt.asUintN(Number(bits), value);
  const word = (n: number): bigint => BigInt.asUintN(width, value >> BigInt(n * width));
  return [0n, word(2), word(1), word(0)];
}
