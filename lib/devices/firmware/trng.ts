/** True Random Number Generator firmware interface 1.0 (Arm DEN 0098). */
import { NOT_SUPPORTED, type SmcccFunction, type SmcccFunctions, word } from "./smccc.ts";

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
const INVALID_PARAMETERS = -2n;
/** 86f0beab-3d2c-4d53-9a44-7b5d3f6c1e20: names this back end. */
const UUID = [0xabbef086n, 0x534d2c3dn, 0x5d7b449an, 0x201e6c3fn];

/** The TRNG calls over a source of entropy. */
export function trngFunctions(random: RandomSource): SmcccFunctions {
  const functions: Map<number, SmcccFunction> = new Map<number, SmcccFunction>([
    [TrngFunction.VERSION, () => [TRNG_1_0]],
    [TrngFunction.FEATURES, (_, id) => [functions.has(word(id)) ? 0n : NOT_SUPPORTED]],
    [TrngFunction.GET_UUID, () => UUID],
    [TrngFunction.RND_32, (_, bits) => entropy(bits, 32, random)],
    [TrngFunction.RND_64, (_, bits) => entropy(bits, 64, random)],
  ]);
  return functions;
}

/** `bits` of entropy in X1 (most significant) to X3, zero above. At most three registers full. */
function entropy(bits: bigint, width: 32 | 64, random: RandomSource): readonly bigint[] {
  if (bits === 0n || bits > BigInt(3 * width)) return [INVALID_PARAMETERS, 0n, 0n, 0n];
  const bytes = new Uint8Array(24);
  random(bytes);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  value = BigInt.asUintN(Number(bits), value);
  const part = (n: number): bigint => BigInt.asUintN(width, value >> BigInt(n * width));
  return [0n, part(2), part(1), part(0)];
}
