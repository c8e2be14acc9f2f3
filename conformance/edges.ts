/**
 * Values at the edges of their types, as pairs of low and high word. Recorded cases draw from them:
 * after a change they must be recorded anew.
 */
export const EDGES: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0, 0],
  [1, 0],
  [-1, -1],
  [-1, 0],
  [0, 0x80000000],
  [-1, 0x7fffffff],
  [0x80000000, 0],
  [0x7fffffff, 0],
  [0x80000000, -1],
  [0, 1],
  [0, -1],
  [0x55555555, 0x55555555],
  [0xaaaaaaaa, 0xaaaaaaaa],
  [0x8000, 0],
  [0x7fff, 0],
  [0xffff8000, -1],
  [0x80, 0],
];
