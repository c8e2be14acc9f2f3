/**
 * The half of a TCP connection that sends to the guest: window, retransmission (RFC 6298), zero
 * window probes (RFC 9293, section 3.8.6), congestion control after a loss (RFC 5681, RFC 6582).
 */
import { SendBuffer } from "./send_buffer.ts";
import { advance, ahead } from "./tcp_segment.ts";

// Nanoseconds.
const FIRST_TIMEOUT = 1e9;
/** RFC 6298, section 2.4. The link loses nothing, but a guest may stand still while its host is busy. */
const SHORTEST_TIMEOUT = 1e9;
const LONGEST_TIMEOUT = 60e9;
/** How exact the clock is taken to be. */
const GRANULARITY = 1e6;
/** Timeouts in a row after which the guest is given up. */
const MAX_RETRIES = 10;
/** The same for a SYN. */
const MAX_SYN_RETRIES = 5;
/** Acknowledgements of the same that mean a loss. */
const DUPLICATES = 3;

/**
 * Sends `length` bytes from `offset` in the buffer with sequence number `sequence`; false if they did
 * not go out.
 */
export type SendSegment = (
  sequence: number,
  offset: number,
  length: number,
  fin: boolean,
) => boolean;

/** The sending half. Sequence numbers are those of RFC 9293, section 3.3.1. */
export class TcpSender {
  /** What is not acknowledged; the first byte has sequence number `una`. */
  readonly buffer: SendBuffer = new SendBuffer();
  /** SND.UNA: the oldest number that is not acknowledged. */
  una: number;
  /** SND.NXT: the next to send. */
  next: number;
  /** The number behind all that was ever sent. */
  max: number;
  /** SND.WND in bytes. */
  window = 0;
  /** Payload of one segment. */
  segmentSize = 536;
  /** Payload of what is handed over at once: a multiple of `segmentSize`. */
  burst = 536;
  /** The last byte of the buffer is followed by FIN. */
  ending = false;
  /** When something is to be done if no acknowledgement comes; Infinity: nothing. */
  deadline: number = Infinity;
  #largestWindow = 0;
  #congestionWindow = Infinity;
  #threshold = Infinity;
  #duplicates = 0;
  /** Until this number is acknowledged, a loss is being repaired. */
  #recover: number | undefined;
  /** RTO, without what is added by timeouts in a row. */
  #timeout = FIRST_TIMEOUT;
  /** Timeouts since the guest was heard last. */
  #retries = 0;
  #smoothed = -1;
  #variation = 0;
  /** Number and time of the segment whose round trip is measured. */
  #timed = -1;
  #timedAt = 0;
  /** The number of our FIN, once it was sent. */
  #fin: number | undefined;

  /** @param initial ISS: the number of our SYN. */
  constructor(initial: number) {
    this.una = this.next = this.max = initial;
  }

  /** Sequence numbers on their way. */
  get flight(): number {
    return ahead(this.next, this.una);
  }

  /** Whether our FIN was sent and acknowledged. */
  get finished(): boolean {
    return this.#fin !== undefined && ahead(this.una, this.#fin) > 0;
  }

  /** Our SYN has gone out, maybe again. */
  synSent(now: number): void {
    this.next = this.max = advance(this.una, 1);
    if (this.#retries === 0) this.#time(this.next, now);
    this.#arm(now);
  }

  /** Our SYN was acknowledged. */
  synAcknowledged(now: number): void {
    this.#measure(this.max, now);
    this.una = this.next = this.max;
    this.deadline = Infinity;
    this.#retries = 0;
  }

  /** The deadline has come before our SYN was acknowledged; true if it is to be sent again. */
  synTimeOut(): boolean {
    this.#timed = -1;
    return ++this.#retries <= MAX_SYN_RETRIES;
  }

  /** The other side's window, in bytes. */
  setWindow(window: number): void {
    this.window = window;
    this.#largestWindow = Math.max(this.#largestWindow, window);
  }

  /**
   * An acknowledgement of something in flight, or of the same as before. Gives "repeat" if the first
   * segment is to be sent again: {@linkcode TcpSender.repeat}.
   * @param bare it came without data and without a change of the window.
   */
  acknowledge(acknowledgement: number, now: number, bare: boolean): "repeat" | "fine" {
    const count = ahead(acknowledgement, this.una);
    if (count < 0) return "fine";
    this.#retries = 0;
    if (count === 0) {
      if (!bare || this.flight === 0) return "fine";
      if (++this.#duplicates !== DUPLICATES || this.#recover !== undefined) return "fine";
      this.#recover = this.max;
      this.#slowDown();
      this.#congestionWindow = this.#threshold;
      this.#timed = -1;
      return "repeat";
    }
    this.#measure(acknowledgement, now);
    this.buffer.drop(Math.min(count, this.buffer.length));
    this.una = acknowledgement;
    if (ahead(this.una, this.next) > 0) this.next = this.una;
    this.#duplicates = 0;
    this.#speedUp(count);
    this.deadline = Infinity;
    if (this.flight > 0) this.#arm(now);
    if (this.#recover === undefined) return "fine";
    if (ahead(this.una, this.#recover) < 0) return this.flight > 0 ? "repeat" : "fine";
    this.#recover = undefined;
    return "fine";
  }

  /** Sends what window and buffer allow; false if something did not go out. */
  output(send: SendSegment, now: number): boolean {
    for (;;) {
      if (this.#fin !== undefined && ahead(this.next, this.#fin) > 0) return true;
      const { flight } = this;
      const waiting = this.buffer.length - flight;
      const room = Math.min(this.window, this.#congestionWindow) - flight;
      let length = Math.min(waiting, room, this.burst);
      const fin = this.ending && waiting >= 0 && length === waiting;
      if (length <= 0 && !fin) {
        // A closed window: ask for it from time to time.
        if (waiting > 0 && flight === 0) this.#armProbe(now);
        return true;
      }
      if (length < waiting && length < this.segmentSize && length * 2 < this.#largestWindow) {
        // A silly window (RFC 9293, section 3.8.6.2.1).
        if (flight === 0) this.#armProbe(now);
        return true;
      }
      // The rest of a large piece waits for the acknowledgement, which comes at once, or for more.
      if (length < this.segmentSize && !fin && flight >= 2 * this.segmentSize) return true;
      if (length < waiting && length > this.segmentSize) length -= length % this.segmentSize;
      if (!this.#send(send, flight, length, fin, now)) return false;
    }
  }

  /** Sends the first segment again; false if it did not go out. */
  repeat(send: SendSegment): boolean {
    const length = Math.min(this.buffer.length, this.segmentSize, this.flight);
    const fin = this.#fin !== undefined && length === this.buffer.length;
    return send(this.una, 0, length, fin);
  }

  /**
   * The deadline has come: everything in flight is sent again, a closed window is asked for.
   * "gone": the guest has not answered for too long.
   */
  timeOut(send: SendSegment, now: number): "gone" | "fine" {
    if (this.#retries >= MAX_RETRIES) return "gone";
    this.deadline = Infinity;
    this.#timed = -1;
    this.#recover = undefined;
    this.#duplicates = 0;
    if (this.flight > 0) {
      this.#slowDown();
      this.#congestionWindow = this.segmentSize;
      this.next = this.una;
    }
    const length = Math.min(this.buffer.length, this.segmentSize, Math.max(this.window, 1));
    const fin = this.ending && length === this.buffer.length;
    // If the card has no room, that is not the guest's silence.
    if ((length > 0 || fin) && this.#send(send, 0, length, fin, now)) this.#retries++;
    // One byte more than the window has room for is not on its way.
    if (this.window === 0 && !fin) this.next = this.una;
    this.#arm(now);
    return "fine";
  }

  #send(
    send: SendSegment,
    flight: number,
    length: number,
    fin: boolean,
    now: number,
  ): boolean {
    const sequence = this.next;
    const end = advance(sequence, length + (fin ? 1 : 0));
    const isNew = ahead(end, this.max) > 0;
    if (!send(sequence, flight, length, fin)) return false;
    this.next = end;
    if (isNew) {
      this.max = end;
      if (this.#timed < 0) this.#time(end, now);
    }
    if (fin) this.#fin = advance(sequence, length);
    if (this.deadline === Infinity || flight === 0) this.#arm(now);
    return true;
  }

  #arm(now: number): void {
    this.deadline = now + Math.min(this.#timeout * 2 ** this.#retries, LONGEST_TIMEOUT);
  }

  #armProbe(now: number): void {
    if (this.deadline === Infinity) this.#arm(now);
  }

  #time(sequence: number, now: number): void {
    this.#timed = sequence;
    this.#timedAt = now;
  }

  /** The round trip of a segment that was sent once (RFC 6298, sections 2 and 3). */
  #measure(acknowledgement: number, now: number): void {
    if (this.#timed < 0 || ahead(acknowledgement, this.#timed) < 0) return;
    this.#timed = -1;
    const trip = now - this.#timedAt;
    if (this.#smoothed < 0) {
      this.#smoothed = trip;
      this.#variation = trip / 2;
    } else {
      this.#variation += (Math.abs(this.#smoothed - trip) - this.#variation) / 4;
      this.#smoothed += (trip - this.#smoothed) / 8;
    }
    const timeout = this.#smoothed + Math.max(GRANULARITY, 4 * this.#variation);
    this.#timeout = Math.min(Math.max(timeout, SHORTEST_TIMEOUT), LONGEST_TIMEOUT);
  }

  #slowDown(): void {
    this.#threshold = Math.max(this.flight >>> 1, 2 * this.segmentSize);
  }

  /** There is no congestion before a loss: the link is memory. */
  #speedUp(count: number): void {
    if (this.#congestionWindow === Infinity) return;
    if (this.#congestionWindow < this.#threshold) this.#congestionWindow += count;
    else this.#congestionWindow += Math.ceil(this.segmentSize * count / this.#congestionWindow);
    if (this.#congestionWindow > 2 * this.#largestWindow) this.#congestionWindow = Infinity;
  }
}
