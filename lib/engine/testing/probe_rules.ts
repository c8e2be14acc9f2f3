/**
 * What `Builder` asks of memory probes, checked on a handler's semantics: an access that faults leaves,
 * and the instruction runs again from its start.
 */
import type { Handler } from "../instruction.ts";
import { MetaBuilder } from "../meta.ts";

/** A breach of the rules. */
export type ProbeBreach =
  | "two probes that read"
  | "two probes that write"
  | "a probe that reads after one that writes"
  | "a probe after a change of state";

class ProbeNotes extends MetaBuilder {
  readonly breaches: Set<ProbeBreach> = new Set();
  #read = false;
  #wrote = false;
  #changed = false;

  override readAddress(): void {
    this.#probe(true, false);
  }
  override writeAddress(): void {
    this.#probe(false, true);
  }
  override readWriteAddress(): void {
    this.#probe(true, true);
  }

  #probe(reads: boolean, writes: boolean): void {
    if (this.#changed) this.breaches.add("a probe after a change of state");
    if (this.#read && reads) this.breaches.add("two probes that read");
    if (this.#wrote && writes) this.breaches.add("two probes that write");
    // So nothing is stored before the last probe.
    if (this.#wrote && reads) this.breaches.add("a probe that reads after one that writes");
    this.#read ||= reads;
    this.#wrote ||= writes;
  }

  override set(): void {
    this.#changed = true;
  }
  override set32(): void {
    this.#changed = true;
  }
  override set16(): void {
    this.#changed = true;
  }
  override set8(): void {
    this.#changed = true;
  }
  override setV(): void {
    this.#changed = true;
  }
  override setD(): void {
    this.#changed = true;
  }
  override setS(): void {
    this.#changed = true;
  }
  override setState(): void {
    this.#changed = true;
  }
  override setFlags(kind: number): void {
    super.setFlags(kind);
    this.#changed = true;
  }
  override setFlagsIf(kind: number): void {
    super.setFlagsIf(kind);
    this.#changed = true;
  }
}

/** What the semantics of a handler do against the rules. */
export function probeBreaches(handler: Handler): ProbeBreach[] {
  const notes = new ProbeNotes();
  handler.emit(notes);
  return [...notes.breaches];
}
