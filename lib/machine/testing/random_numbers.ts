/** Random numbers from a seed, for fuzzing. */

/** A source of random numbers that gives the same ones for the same seed (xorshift). */
export class Random {
  #state: number;

  /** @param seed any integer. */
  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.word();
  }

  /** 32 bits, unsigned. */
  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** An integer from 0 below `limit`. */
  below(limit: number): number {
    return this.word() % limit;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** 64 bits, often all alike or of one end of the range. */
  long(): bigint {
    const value = (BigInt(this.word()) << 32n) | BigInt(this.word());
    switch (this.below(5)) {
      case 0:
        return value;
      case 1:
        return value >> BigInt(this.below(64));
      case 2:
        return BigInt.asUintN(64, ~(value >> BigInt(this.below(64))));
      case 3:
        return BigInt(this.below(256));
      default:
        return BigInt.asUintN(64, -1n << BigInt(this.below(64)));
    }
  }
}
