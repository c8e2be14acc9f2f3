/** Something to be proven. */
export interface Claim {
  /** Its number in the list, from 1. */
  readonly number: number;
  /** In a sentence. */
  readonly what: string;
  /** `FILE: NAME` of the tests that fail if it is not so; NAME as in the source. */
  readonly tests: readonly string[];
}

/** A fault that must not be there. */
export interface Fault extends Claim {
  /** Ways to put it into the code. Each one fails a test; each test fails by one of them. */
  readonly changes: readonly Change[];
}

/** A change of one place of the code. */
export interface Change {
  /** Path in the project. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly find: string;
  /** What the fault has in its place. */
  readonly replace: string;
}

/** The text with the change made. Throws an Error if there is not exactly one place for it. */
export function applyChange(text: string, { file, find, replace }: Change): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${file}: ${places} places like this, not one:\n${find}`);
  return text.replace(find, () => replace);
}

/** File and name of a test of a claim. Throws an Error if it does not name both. */
export function testOf(proof: string): { readonly file: string; readonly name: string } {
  const [, file, name] = /^(\S+): (.*)$/.exec(proof) ?? [];
  if (file === undefined) throw new Error(`not FILE: NAME: ${proof}`);
  return { file, name };
}
