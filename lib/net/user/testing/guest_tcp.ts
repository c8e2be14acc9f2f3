/**
 * A guest's side of TCP connections, for tests: simple, slow and independent of the network that it
 * tests. It resends all after a silence, keeps segments that come too early, and takes bytes only
 * as its user lets it.
 */
import type { Bench, Taken } from "./bench.ts";
import { MILLISECOND } from "./bench.ts";
import { ACK, FIN, GATEWAY, GUEST, PSH, readTcp, RST, type Segment, SYN, tcp } from "./packets.ts";

const RESEND = 300 * MILLISECOND;
const SEGMENT = 1460;
/** SYN's options: MSS 1460, window scale 2. */
const OPTIONS = [2, 4, 5, 180, 1, 3, 3, 2];
const SHIFT = 2;

/** What may happen to frames on the way. Each is a probability. */
export interface Trouble {
  readonly lose: number;
  readonly double: number;
  /** Comes up to 5 ms late, so that others overtake it. */
  readonly delay: number;
  readonly seed: number;
}

/** Hands frames of a bench's network to connections, and theirs back, with trouble. */
export class Wire {
  readonly bench: Bench;
  readonly peers: GuestTcp[] = [];
  /** All segments from the network, as they came. */
  readonly heard: Segment[] = [];
  /** Takes the SYN of a connection that the network makes. */
  onSyn: ((segment: Segment, from: string) => void) | undefined;
  #trouble: Trouble;
  #state: number;

  constructor(bench: Bench, trouble: Trouble = { lose: 0, double: 0, delay: 0, seed: 1 }) {
    this.bench = bench;
    this.#trouble = trouble;
    this.#state = trouble.seed;
    bench.onFrame = (taken) => {
      const frame = { ...taken, payload: taken.payload.slice() };
      // Not from within the network: a card takes frames, and its guest answers later.
      this.#pass(() => this.#hear(frame));
    };
    bench.hello();
  }

  /** Sends a frame to the network. */
  send(frame: Uint8Array): void {
    this.#pass(() => this.bench.send(frame));
  }

  #hear(taken: Taken): void {
    if (taken.protocol !== 6) return;
    const segment = readTcp(taken);
    this.heard.push(segment);
    const [remotePort, port] = segment.ports;
    const peer = this.peers.find((one) =>
      one.port === port && one.remotePort === remotePort && one.remote === taken.source
    );
    if (peer !== undefined) peer.receive(segment);
    else if (segment.flags === SYN) this.onSyn?.(segment, taken.source);
  }

  #pass(deliver: () => void): void {
    const { lose, double, delay } = this.#trouble;
    if (this.#random() < lose) return;
    const times = this.#random() < double ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const late = this.#random() < delay ? this.#random() * 5 * MILLISECOND : 0;
      const { clock } = this.bench;
      clock.at(clock.now() + 1000 + Math.floor(late), deliver);
    }
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }
}

/** One connection. */
export class GuestTcp {
  readonly port: number;
  readonly remotePort: number;
  readonly remote: string;
  /** What has come, in order, and was taken. */
  readonly received: number[] = [];
  state: "opening" | "open" | "reset" | "closed" = "opening";
  /** The other side has ended. */
  remoteEnded = false;
  /** Bytes that the user takes; what is beyond fills the window. */
  appetite: number = Infinity;
  /** Bytes that fit in. */
  capacity: number = 64 * 1024;
  /** The largest window that the network has announced, and the smallest. */
  readonly windows: number[] = [];
  readonly #wire: Wire;
  readonly #early = new Map<number, Segment>();
  /** In order, not taken. */
  #held: number[] = [];
  #out: Uint8Array = new Uint8Array(0);
  #una = 1000;
  #next = 1000;
  #max = 1000;
  #ending = false;
  #receiveNext = 0;
  #window = 0;
  #timer: { cancel(): void } | undefined;

  private constructor(wire: Wire, port: number, remote: string, remotePort: number) {
    this.#wire = wire;
    this.port = port;
    this.remote = remote;
    this.remotePort = remotePort;
    wire.peers.push(this);
  }

  /** Connects to somebody outside. */
  static connect(wire: Wire, port: number, remotePort: number, remote: string = GATEWAY): GuestTcp {
    const peer = new GuestTcp(wire, port, remote, remotePort);
    peer.#sendSyn();
    return peer;
  }

  /** Takes a connection from outside. */
  static accept(wire: Wire, syn: Segment, remote: string): GuestTcp {
    const peer = new GuestTcp(wire, syn.ports[1], remote, syn.ports[0]);
    peer.#receiveNext = (syn.sequence + 1) >>> 0;
    peer.#sendSyn();
    return peer;
  }

  /** Whether all that was sent is acknowledged. */
  get idle(): boolean {
    return this.#una === this.#max && this.#sent >= this.#out.length;
  }

  /** Sends bytes. */
  write(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#out.length + bytes.length);
    all.set(this.#out);
    all.set(bytes, this.#out.length);
    this.#out = all;
    this.#output();
  }

  /** Ends sending. */
  end(): void {
    this.#ending = true;
    this.#output();
  }

  /** Resets. */
  abort(): void {
    this.state = "reset";
    this.#send(RST | ACK, this.#next);
    this.#timer?.cancel();
  }

  /** Takes more. */
  take(count: number): void {
    this.appetite += count;
    this.#consume();
    this.#send(ACK, this.#next);
  }

  receive(segment: Segment): void {
    if (this.state === "reset" || this.state === "closed") return;
    const { flags } = segment;
    if ((flags & RST) !== 0) {
      this.state = "reset";
      this.#timer?.cancel();
      return;
    }
    if ((flags & SYN) !== 0) {
      if (this.state === "opening") this.#receiveNext = (segment.sequence + 1) >>> 0;
      else return this.#send(ACK, this.#next);
    }
    if ((flags & ACK) !== 0) this.#acknowledged(segment);
    if ((flags & SYN) !== 0) this.#send(ACK, this.#next);
    if (segment.payload.length > 0 || (flags & FIN) !== 0) this.#receiveData(segment);
    this.#output();
  }

  get #sent(): number {
    return this.state === "opening" ? 0 : this.#next - 1001;
  }

  #acknowledged(segment: Segment): void {
    const { acknowledgement, flags, window } = segment;
    if (acknowledgement > this.#max) throw new Error("something unsent was acknowledged");
    this.#window = (flags & SYN) !== 0 ? window : window << SHIFT << 2;
    this.windows.push(this.#window);
    if (this.state === "opening" && acknowledgement > 1000) this.state = "open";
    if (acknowledgement > this.#una) {
      this.#una = acknowledgement;
      this.#next = Math.max(this.#next, this.#una);
      this.#timer?.cancel();
      this.#timer = undefined;
      if (this.#una < this.#max) this.#arm();
    }
  }

  #receiveData(segment: Segment): void {
    const ahead = (segment.sequence - this.#receiveNext) | 0;
    if (ahead > 0) this.#early.set(segment.sequence, segment);
    else this.#takeSegment(segment, -ahead);
    for (;;) {
      const next = [...this.#early.values()].find(({ sequence }) =>
        ((sequence - this.#receiveNext) | 0) <= 0
      );
      if (next === undefined) break;
      this.#early.delete(next.sequence);
      this.#takeSegment(next, (this.#receiveNext - next.sequence) | 0);
    }
    this.#consume();
    this.#send(ACK, this.#next);
  }

  #takeSegment({ payload, flags }: Segment, skip: number): void {
    if (skip > payload.length || this.remoteEnded) return;
    const room = this.capacity - this.#held.length;
    const part = payload.subarray(skip, skip + room);
    this.#held.push(...part);
    this.#receiveNext = (this.#receiveNext + part.length) >>> 0;
    if ((flags & FIN) === 0 || skip + part.length < payload.length) return;
    this.remoteEnded = true;
    this.#receiveNext = (this.#receiveNext + 1) >>> 0;
  }

  #consume(): void {
    const count = Math.min(this.appetite, this.#held.length);
    for (const byte of this.#held.splice(0, count)) this.received.push(byte);
    this.appetite -= count;
  }

  #output(): void {
    if (this.state !== "open") return;
    for (;;) {
      const sent = this.#sent;
      const room = this.#window - (this.#next - this.#una);
      const length = Math.min(SEGMENT, this.#out.length - sent, Math.max(room, 0));
      const fin = this.#ending && sent + length === this.#out.length;
      if (length <= 0 && !(fin && sent === this.#out.length)) break;
      const payload = this.#out.subarray(sent, sent + length);
      this.#send(ACK | PSH | (fin ? FIN : 0), this.#next, payload);
      this.#next += length + (fin ? 1 : 0);
      this.#max = Math.max(this.#max, this.#next);
    }
    if (this.#sent < this.#out.length || this.#una < this.#max) this.#arm();
  }

  #arm(): void {
    const { clock } = this.#wire.bench;
    this.#timer ??= clock.at(clock.now() + RESEND, () => {
      this.#timer = undefined;
      if (this.state === "opening") return this.#sendSyn();
      if (this.state !== "open") return;
      this.#next = this.#una;
      if (this.#window > 0) return this.#output();
      // A closed window: one byte asks for it.
      this.#send(ACK, this.#next, this.#out.subarray(this.#sent, this.#sent + 1));
      this.#max = Math.max(this.#max, this.#next + (this.#sent < this.#out.length ? 1 : 0));
      this.#arm();
    });
  }

  #sendSyn(): void {
    const answer = this.#receiveNext !== 0;
    this.#send(SYN | (answer ? ACK : 0), 1000, new Uint8Array(0), OPTIONS);
    this.#next = this.#max = 1001;
    this.#arm();
  }

  #send(
    flags: number,
    sequence: number,
    payload: Uint8Array = new Uint8Array(0),
    options: readonly number[] = [],
  ): void {
    const free = this.capacity - this.#held.length;
    this.#wire.send(tcp({
      ports: [this.port, this.remotePort],
      sequence: sequence >>> 0,
      acknowledgement: this.#receiveNext,
      flags,
      window: options.length > 0 ? Math.min(free, 65535) : free >> SHIFT,
      options,
      payload,
    }, { source: GUEST, destination: this.remote }));
  }
}
