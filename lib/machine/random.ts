/** Randomness of machines in virtual time: the same seed gives the same bytes. Not for secrets. */

/** Makes a source from a seed of 32 bits (SplitMix with the finaliser of MurmurHash3). */
export function seededRandom(seed: number): (into: Uint8Array) => void {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  return (into) => {
    for (let i = 0; i < into.length; i++) into[i] = next() >>> 24;
  };
}
