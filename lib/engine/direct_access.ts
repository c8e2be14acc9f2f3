/** Accesses that a region has the host do without leaving: what the two say to each other. */

/** Helper by which a region has the host do an access: (high, low, missInfo) -> `DirectAnswer`. */
export const DIRECT_ACCESS = "engine:access";
/** Helper that does the write which the other one has begun: () -> `DirectAnswer`. */
export const DIRECT_COMMIT = "engine:commit";

/** What the host says about an access of a region. */
export const DirectAnswer = {
  /** It does not do it, nothing has happened: the interpreter must. */
  no: 0,
  /** Done; the bytes are in the scratch buffer, or those that are there are to be committed. */
  done: 1,
  /** Done, and the engine is wanted before the next instruction. */
  leave: 2,
} as const;
export type DirectAnswer = typeof DirectAnswer[keyof typeof DirectAnswer];
