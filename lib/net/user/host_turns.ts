/** When answers of the host reach the network, and work that waits for the end of a burst. */
import type { Clock, Timer } from "../../platform/platform.ts";

/** What the network asks of the loop that runs the guest. */
export interface NetworkHost {
  /** No guest code may run until the promise settles. */
  hold(promise: Promise<unknown>): void;
  /** The host's event loop should get its turn often, as long as the promise is open. */
  expect(promise: Promise<unknown>): void;
  /** Resolves when the event loop has turned once. */
  yield(): Promise<void>;
}

/** Nanoseconds after the last traffic for which the event loop gets more turns. */
const ATTENTION = 20e6;
/** Nanoseconds of guest time that a request takes to the host and back, in virtual time. */
const ROUND_TRIP = 100_000;

/**
 * In real time, answers are handled when they come, and the run loop is asked for turns while there
 * is traffic. In virtual time they wait for a turn at a time that does not depend on the host: one
 * round trip after something was asked, the guest stands still until all that is in memory has
 * answered. An answer that takes longer (real sockets, peers with timers) gets a turn when it comes.
 */
export class HostTurns {
  readonly #clock: Clock;
  readonly #host: NetworkHost | undefined;
  readonly #virtual: boolean;
  readonly #flush: () => void;
  readonly #arrived: (() => void)[] = [];
  #turn: Timer | undefined;
  #flushing = false;
  #lastTraffic = 0;
  #attention: (() => void) | undefined;
  #closed = false;

  /** @param flush does the work that {@linkcode HostTurns.later} has promised. */
  constructor(clock: Clock, host: NetworkHost | undefined, virtual: boolean, flush: () => void) {
    this.#clock = clock;
    this.#host = host;
    this.#virtual = virtual && host !== undefined;
    this.#flush = flush;
  }

  /** Something was asked of the host: an answer may come. */
  asked(): void {
    if (this.#virtual) this.#schedule();
    else this.#attend();
  }

  /** An answer of the host has come. The handler must not mind if the network was closed meanwhile. */
  arrived(handle: () => void): void {
    if (this.#closed) return handle();
    if (!this.#virtual) {
      this.#attend();
      return handle();
    }
    this.#arrived.push(handle);
    this.#schedule();
  }

  /** Calls `flush` once when the guest has sent all that it has now. */
  later(): void {
    if (this.#virtual) return this.#schedule();
    this.#attend();
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#closed) this.#flush();
    });
  }

  /** Answers are handled at once from now on, so that what they bring can be let go of. */
  close(): void {
    this.#closed = true;
    this.#turn?.cancel();
    for (const handle of this.#arrived.splice(0)) handle();
    this.#attention?.();
  }

  #schedule(): void {
    if (this.#closed || this.#turn !== undefined) return;
    this.#turn = this.#clock.at(this.#clock.now() + ROUND_TRIP, () => {
      const host = this.#host as NetworkHost;
      // The second turn of the event loop is for what the first one has brought about: else it would
      // come while the guest runs, at a time that depends on the host.
      host.hold(host.yield().then(() => this.#takeTurn()).then(() => host.yield()));
    });
  }

  #takeTurn(): void {
    this.#turn = undefined;
    if (this.#closed) return;
    for (const handle of this.#arrived.splice(0)) handle();
    this.#flush();
  }

  /** Asks for turns until there has been no traffic for a while. */
  #attend(): void {
    if (this.#host === undefined || this.#closed) return;
    this.#lastTraffic = this.#clock.now();
    if (this.#attention !== undefined) return;
    this.#host.expect(new Promise<void>((resolve) => this.#attention = resolve));
    this.#watch();
  }

  #watch(): void {
    this.#clock.at(this.#lastTraffic + ATTENTION, () => {
      if (!this.#closed && this.#clock.now() < this.#lastTraffic + ATTENTION) return this.#watch();
      this.#attention?.();
      this.#attention = undefined;
    });
  }
}
