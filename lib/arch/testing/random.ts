/** Random numbers for tests: a fixed sequence of 64-bit numbers for each seed but 0 (xorshift). */
export function random64(seed: bigint = 0x2545f4914f6cdd1dn): () => bigint {
  let state = seed;
  return () => {
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    return state;
  };
}
