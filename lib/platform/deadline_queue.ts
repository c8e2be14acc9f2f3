import type { Timer } from "./platform.ts";

/** A deadline in the queue. */
class Entry implements Timer {
  readonly queue: DeadlineQueue;
  readonly deadline: number;
  readonly callback: () => void;
  /** Order of registration. */
  sequence: number = 0;
  /** Position in the heap, or one of the two below. */
  position: number = GONE;

  constructor(queue: DeadlineQueue, deadline: number, callback: () => void) {
    this.queue = queue;
    this.deadline = deadline;
    this.callback = callback;
  }

  cancel(): void {
    this.queue.remove(this);
  }
}

/** Position of an entry that has run or was cancelled. */
const GONE = -1;
/** Position of an entry that came due while callbacks run, and waits for the next round. */
const HELD = -2;

/**
 * Deadlines of a clock, earliest first, equal ones in order of registration: a binary heap in which
 * cancelling takes the entry out at once, because guests re-arm timers without end.
 */
export class DeadlineQueue {
  readonly #heap: Entry[] = [];
  readonly #held = new Set<Entry>();
  #sequence = 0;
  #running = false;

  /** Deadlines that are neither run nor cancelled. */
  get size(): number {
    return this.#heap.length + this.#held.size;
  }

  /** The earliest deadline in nanoseconds; Infinity if there is none. */
  next(): number {
    return this.#heap.length > 0 ? this.#heap[0].deadline : Infinity;
  }

  /**
   * Adds a deadline. One that is due already and is added by a callback runs in the next round, so
   * that callbacks which arm themselves again cannot keep a round from ending.
   * @throws {RangeError} if the deadline is not a number.
   */
  add(deadline: number, now: number, callback: () => void): Timer {
    if (Number.isNaN(deadline)) throw new RangeError("deadline is not a number");
    const entry = new Entry(this, deadline, callback);
    if (this.#running && deadline <= now) {
      entry.position = HELD;
      this.#held.add(entry);
    } else {
      this.#insert(entry);
    }
    return entry;
  }

  /** Takes an entry out; nothing if it is out already. */
  remove(entry: Entry): void {
    const position = entry.position;
    entry.position = GONE;
    if (position === HELD) this.#held.delete(entry);
    if (position < 0) return;
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (last === entry) return;
    this.#place(last, position);
    this.#up(last);
    this.#down(last);
  }

  /**
   * Runs callbacks in order while `due` accepts the earliest deadline. Callbacks may add and cancel
   * deadlines; a call from inside a callback does nothing.
   */
  run(due: (deadline: number) => boolean): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#heap.length > 0 && due(this.#heap[0].deadline)) {
        const entry = this.#heap[0];
        this.remove(entry);
        entry.callback();
      }
    } finally {
      this.#running = false;
      for (const entry of this.#held) this.#insert(entry);
      this.#held.clear();
    }
  }

  #insert(entry: Entry): void {
    entry.sequence = this.#sequence++;
    this.#place(entry, this.#heap.length);
    this.#up(entry);
  }

  #place(entry: Entry, position: number): void {
    this.#heap[position] = entry;
    entry.position = position;
  }

  #up(entry: Entry): void {
    while (entry.position > 0) {
      const parent = this.#heap[(entry.position - 1) >> 1];
      if (!before(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: Entry): void {
    const heap = this.#heap;
    for (;;) {
      let child = 2 * entry.position + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], entry)) return;
      this.#swap(entry, heap[child]);
    }
  }

  #swap(a: Entry, b: Entry): void {
    const position = a.position;
    this.#place(a, b.position);
    this.#place(b, position);
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.sequence < b.sequence);
}
