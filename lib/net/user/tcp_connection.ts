/**
 * One TCP connection of a guest (RFC 9293), joined to a connection of the host: bytes that the guest
 * sends are acknowledged once they are in a bounded buffer for the host, and the window is what is
 * free of it; the host is read only while a bounded buffer for the guest has room.
 */
import type { SocketErrorCode, StreamSocket } from "../../platform/sockets.ts";
import type { Clock } from "../../platform/platform.ts";
import type { GuestLink } from "./guest_link.ts";
import { HostStream, type HostStreamEvents } from "./host_stream.ts";
import type { HostTurns } from "./host_turns.ts";
import { IPV4_HEADER, MAX_PACKET, TRANSPORT } from "./packet.ts";
import {
  advance,
  ahead,
  TCP_HEADER,
  TcpFlag,
  type TcpSegment,
  writeSegment,
} from "./tcp_segment.ts";
import { TcpSender } from "./tcp_sender.ts";

/** Bytes from the guest that the host has not taken. */
const RECEIVE_BUFFER = 512 * 1024;
/** Bytes from the host that the guest has not acknowledged; one read more may come. */
const SEND_BUFFER = 512 * 1024;
/** Shift of our windows: {@linkcode RECEIVE_BUFFER} fits into 16 bits. */
const WINDOW_SHIFT = 4;
/** Bytes that are acknowledged without waiting for the end of a burst. */
const ACKNOWLEDGE_NOW = RECEIVE_BUFFER / 4;
/** Nanoseconds for which the last segment of a connection can be repeated by the guest. */
const TIME_WAIT = 10e9;

/** States of RFC 9293, section 3.3.2; `connecting`: the guest's SYN waits for the host's connection. */
export type TcpState =
  | "connecting"
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait"
  | "closed";

/** The two ends of a connection as the guest sees them. */
export interface TcpEnds {
  readonly guest: number;
  readonly guestPort: number;
  readonly remote: number;
  readonly remotePort: number;
}

/** What connections have in common. */
export interface TcpParts {
  readonly link: GuestLink;
  readonly clock: Clock;
  readonly turns: HostTurns;
  /** Bytes of the longest IPv4 packet that guests should send. */
  readonly mtu: number;
  /** A number for a SYN that nobody can guess. */
  initialSequence(): number;
  /** The connection wants to be looked at no later than this, in nanoseconds. */
  arm(deadline: number): void;
  /** The connection has something to do when the burst is over: {@linkcode TcpConnection.flush}. */
  later(connection: TcpConnection): void;
  /** The card had no room: {@linkcode TcpConnection.proceed} when it has. */
  blocked(connection: TcpConnection): void;
  /** The connection is over. */
  closed(connection: TcpConnection): void;
}

/** A connection. */
export class TcpConnection implements HostStreamEvents {
  readonly ends: TcpEnds;
  state: TcpState;
  /** When the guest was heard last, in nanoseconds of the clock. */
  heard: number;
  readonly #parts: TcpParts;
  readonly #sender: TcpSender;
  #host: HostStream | undefined;
  /** IRS, and RCV.NXT. */
  #initial = 0;
  #receiveNext = 0;
  /** The number behind the window that the guest knows. */
  #edge = 0;
  /** Bytes that were taken and not acknowledged. */
  #unacknowledged = 0;
  /** Shifts of the windows; both 0 unless the guest scales. */
  #ownShift = 0;
  #guestShift = 0;
  /** SND.WL1, SND.WL2: the segment that the window is from. */
  #windowSequence = 0;
  #windowAcknowledgement = 0;
  #guestEnded = false;
  /** An acknowledgement found no room in the card. */
  #owes = false;
  /** End of TIME-WAIT. */
  #quietUntil = Infinity;

  private constructor(parts: TcpParts, ends: TcpEnds, state: TcpState) {
    this.#parts = parts;
    this.ends = ends;
    this.state = state;
    this.heard = parts.clock.now();
    this.#sender = new TcpSender(parts.initialSequence());
  }

  /** The guest connects: {@linkcode TcpConnection.connected} when the host has. */
  static fromGuest(parts: TcpParts, ends: TcpEnds, syn: TcpSegment): TcpConnection {
    const connection = new TcpConnection(parts, ends, "connecting");
    connection.#takeSyn(syn);
    return connection;
  }

  /** Somebody has connected to a forwarded port of the host. */
  static fromHost(parts: TcpParts, ends: TcpEnds, socket: StreamSocket): TcpConnection {
    const connection = new TcpConnection(parts, ends, "syn-sent");
    connection.#host = new HostStream(socket, parts.turns, connection);
    connection.#sendSyn();
    return connection;
  }

  /** Whether a SYN is a new attempt with the same ports, not the old one again. */
  isReplacedBy(syn: TcpSegment): boolean {
    if (this.state === "closed") return true;
    if (this.state === "connecting") return syn.sequence !== this.#initial;
    return this.state === "time-wait" && ahead(syn.sequence, this.#receiveNext) > 0;
  }

  /** When it wants to be looked at. */
  get deadline(): number {
    return Math.min(this.#sender.deadline, this.#quietUntil);
  }

  /** Bytes that it holds for host and guest. */
  get buffered(): number {
    return this.#sender.buffer.length + (this.#host?.waiting ?? 0);
  }

  /** The numbers that a reset needs which the guest believes. */
  get numbers(): { sequence: number; acknowledgement: number } {
    return { sequence: this.#sender.next, acknowledgement: this.#receiveNext };
  }

  /** The host's connection is there. */
  connected(socket: StreamSocket): void {
    if (this.state !== "connecting") return socket.abort();
    this.#host = new HostStream(socket, this.#parts.turns, this);
    this.state = "syn-received";
    this.#sendSyn();
  }

  /** Handles a segment of the guest. */
  receive(segment: TcpSegment): void {
    if (this.state === "closed") return;
    this.heard = this.#parts.clock.now();
    if (this.state === "connecting") {
      // RST in answer to nothing: the guest does not want to connect any more.
      if (segment.has(TcpFlag.rst) && segment.sequence === this.#receiveNext) this.drop();
      return;
    }
    if (this.state === "syn-sent") {
      if (!this.#receiveInSynSent(segment)) return;
    } else if (!this.#isAcceptable(segment)) return;
    if (!segment.has(TcpFlag.ack) || !this.#receiveAcknowledgement(segment)) return;
    this.#receiveData(segment);
    this.proceed();
  }

  /** Sends what can be sent. */
  proceed(): void {
    if (this.#owes && this.state !== "closed") this.#acknowledge();
    if (!this.#hasData) return;
    if (!this.#sender.output(this.#sendData, this.#parts.clock.now())) this.#parts.blocked(this);
    this.#parts.arm(this.#sender.deadline);
  }

  /** The burst is over: acknowledges what has not been. */
  flush(): void {
    if (this.#unacknowledged > 0 && this.state !== "closed") this.#acknowledge();
  }

  /** A deadline may have come. */
  look(now: number): void {
    if (now >= this.#quietUntil) {
      // The guest has all; the host may still have to take the rest.
      if (this.#host?.finished !== false) return this.#close();
      this.#quietUntil = now + TIME_WAIT;
    }
    if (now >= this.#sender.deadline) this.#timeOut(now);
    this.#parts.arm(this.deadline);
  }

  /** The Ethernet address of the guest has become known: a SYN that could not go out goes now. */
  reachable(): void {
    if (this.state === "syn-sent") this.#sendSyn();
    else this.proceed();
  }

  /** Resets both sides. */
  reset(): void {
    if (this.state === "closed") return;
    if (this.state === "connecting") this.refuse();
    else {
      this.#send(TcpFlag.rst | TcpFlag.ack, 0, 0);
      this.drop();
    }
  }

  /** Tells the guest that nobody takes the connection. */
  refuse(): void {
    this.#send(TcpFlag.rst | TcpFlag.ack, 0, 0);
    this.drop();
  }

  /** Lets go of the host's side; the guest is told nothing. */
  drop(): void {
    this.#host?.abort();
    this.#close();
  }

  received(bytes: Uint8Array): void {
    this.#sender.buffer.push(bytes);
    this.proceed();
    this.#readHost();
  }

  ended(): void {
    this.#sender.ending = true;
    if (this.state === "established") this.state = "fin-wait-1";
    else if (this.state === "close-wait") this.state = "last-ack";
    this.proceed();
  }

  drained(): void {
    if (this.state === "closed") return;
    this.#finishIfDone();
    // A window that was small is announced again when it is worth it (RFC 9293, section 3.8.6.2.2).
    const opened = this.#free - ahead(this.#edge, this.#receiveNext);
    if (!this.#guestEnded && opened >= RECEIVE_BUFFER / 4) this.#acknowledge();
  }

  failed(code: SocketErrorCode): void {
    // Both sides had ended: nothing to tell.
    if (this.state === "time-wait" || code === "closed") return this.drop();
    this.reset();
  }

  get #hasData(): boolean {
    return this.state !== "connecting" && this.state !== "syn-sent" &&
      this.state !== "syn-received" && this.state !== "closed" && this.state !== "time-wait";
  }

  get #free(): number {
    return Math.max(0, RECEIVE_BUFFER - (this.#host?.waiting ?? 0));
  }

  #takeSyn(syn: TcpSegment): void {
    const { mtu } = this.#parts;
    this.#initial = syn.sequence;
    this.#receiveNext = this.#edge = advance(syn.sequence, 1);
    const sender = this.#sender;
    sender.segmentSize = Math.min(syn.maximumSegment, mtu - IPV4_HEADER - TCP_HEADER);
    const most = MAX_PACKET - IPV4_HEADER - TCP_HEADER;
    sender.burst = most - most % sender.segmentSize;
    if (syn.windowShift >= 0) {
      this.#guestShift = syn.windowShift;
      this.#ownShift = WINDOW_SHIFT;
    }
    // The window of a SYN is not scaled.
    this.#takeWindow(syn, syn.window);
  }

  #sendSyn(): void {
    const now = this.#parts.clock.now();
    const answer = this.state === "syn-received";
    this.#sender.next = this.#sender.una;
    this.#send(TcpFlag.syn | (answer ? TcpFlag.ack : 0), 0, 0);
    this.#sender.synSent(now);
    this.#parts.arm(this.#sender.deadline);
  }

  /** SYN-SENT (RFC 9293, section 3.10.7.3); true if the segment is to be handled further. */
  #receiveInSynSent(segment: TcpSegment): boolean {
    const acknowledged = segment.has(TcpFlag.ack);
    if (acknowledged && segment.acknowledgement !== this.#sender.max) {
      if (!segment.has(TcpFlag.rst)) {
        this.#sender.next = segment.acknowledgement;
        this.#send(TcpFlag.rst, 0, 0);
      }
      return false;
    }
    if (segment.has(TcpFlag.rst)) {
      if (acknowledged) this.drop();
      return false;
    }
    if (!segment.has(TcpFlag.syn)) return false;
    this.#takeSyn(segment);
    if (!acknowledged) {
      // Both sides have begun at once.
      this.state = "syn-received";
      this.#sendSyn();
      return false;
    }
    this.#establish();
    this.#acknowledge();
    // Data with the SYN comes again.
    return false;
  }

  /** Sequence number, RST, SYN (RFC 9293, section 3.10.7.4; RFC 5961); false ends the segment. */
  #isAcceptable(segment: TcpSegment): boolean {
    const { sequence, span } = segment;
    const next = this.#receiveNext;
    const again = segment.has(TcpFlag.syn) && sequence === this.#initial;
    if (this.state === "syn-received" && again) {
      this.#sendSyn();
      return false;
    }
    const window = ahead(this.#edge, next);
    const first = ahead(sequence, next);
    const last = first + Math.max(span, 1) - 1;
    const inside = span === 0 && first === 0 ||
      first < window && last >= 0 && (span === 0 ? first >= 0 : true);
    if (segment.has(TcpFlag.rst)) {
      if (first === 0) this.drop();
      else if (inside) this.#acknowledge();
      return false;
    }
    if (!inside || segment.has(TcpFlag.syn)) {
      this.#acknowledge();
      return false;
    }
    return true;
  }

  /** The acknowledgement and window of a segment; false ends the segment. */
  #receiveAcknowledgement(segment: TcpSegment): boolean {
    const sender = this.#sender;
    const { acknowledgement } = segment;
    const now = this.#parts.clock.now();
    if (this.state === "syn-received") {
      if (acknowledgement !== sender.max) {
        sender.next = acknowledgement;
        this.#send(TcpFlag.rst, 0, 0);
        sender.next = sender.max;
        return false;
      }
      this.#establish();
    }
    if (ahead(acknowledgement, sender.max) > 0) {
      this.#acknowledge();
      return false;
    }
    const window = segment.window << this.#guestShift;
    const bare = segment.span === 0 && window === sender.window;
    const result = sender.acknowledge(acknowledgement, now, bare);
    if (
      ahead(acknowledgement, sender.una) === 0 &&
      (ahead(segment.sequence, this.#windowSequence) >= 0 ||
        ahead(acknowledgement, this.#windowAcknowledgement) > 0)
    ) this.#takeWindow(segment, window);
    if (result === "repeat") sender.repeat(this.#sendData);
    this.#parts.arm(sender.deadline);
    this.#readHost();
    if (!sender.finished) return true;
    if (this.state === "fin-wait-1") this.state = "fin-wait-2";
    else if (this.state === "closing") this.#waitForEnd();
    else if (this.state === "last-ack") this.#finishIfDone();
    return true;
  }

  #establish(): void {
    this.#sender.synAcknowledged(this.#parts.clock.now());
    this.state = "established";
    this.#readHost();
  }

  #takeWindow(segment: TcpSegment, window: number): void {
    this.#sender.setWindow(window);
    this.#windowSequence = segment.sequence;
    this.#windowAcknowledgement = segment.acknowledgement;
  }

  /** Data and FIN. What is not next is not kept: the guest sends it again. */
  #receiveData(segment: TcpSegment): void {
    const { length } = segment;
    const fin = segment.has(TcpFlag.fin);
    if (length === 0 && !fin) return;
    const skip = -ahead(segment.sequence, this.#receiveNext);
    if (skip < 0 || this.#guestEnded || this.#host === undefined) return this.#acknowledge();
    const room = ahead(this.#edge, this.#receiveNext);
    const count = Math.min(length - skip, room);
    if (count > 0) {
      const at = segment.start + skip;
      this.#host.write(segment.frame.slice(at, at + count));
      this.#receiveNext = advance(this.#receiveNext, count);
      this.#unacknowledged += count;
    }
    if (fin && skip + Math.max(count, 0) === length) return this.#receiveFin();
    if (count <= 0 || this.#unacknowledged >= ACKNOWLEDGE_NOW) this.#acknowledge();
    else this.#parts.later(this);
  }

  #receiveFin(): void {
    this.#guestEnded = true;
    this.#receiveNext = advance(this.#receiveNext, 1);
    this.#host?.end();
    if (this.state === "established") this.state = "close-wait";
    else if (this.state === "fin-wait-1") this.state = "closing";
    else if (this.state === "fin-wait-2") this.#waitForEnd();
    this.#acknowledge();
  }

  /** Both sides have ended; the guest may not have seen our last acknowledgement. */
  #waitForEnd(): void {
    this.state = "time-wait";
    this.#quietUntil = this.#parts.clock.now() + TIME_WAIT;
    this.#parts.arm(this.#quietUntil);
  }

  /** The guest has ended, and has all; the host may still have to take the rest. */
  #finishIfDone(): void {
    if (this.state === "last-ack" && this.#sender.finished && this.#host?.finished !== false) {
      this.#close();
    }
  }

  #timeOut(now: number): void {
    const sender = this.#sender;
    if (this.state === "syn-sent" || this.state === "syn-received") {
      if (sender.synTimeOut()) this.#sendSyn();
      else this.reset();
    } else if (sender.timeOut(this.#sendData, now) === "gone") this.reset();
  }

  #readHost(): void {
    if (!this.#hasData || this.#sender.ending) return;
    if (this.#sender.buffer.length < SEND_BUFFER) this.#host?.read();
  }

  #acknowledge(): void {
    this.#owes = !this.#send(TcpFlag.ack, 0, 0);
    if (this.#owes) this.#parts.blocked(this);
  }

  readonly #sendData = (
    sequence: number,
    offset: number,
    length: number,
    fin: boolean,
  ): boolean => {
    const last = offset + length === this.#sender.buffer.length;
    const flags = TcpFlag.ack | (last && length > 0 ? TcpFlag.psh : 0) | (fin ? TcpFlag.fin : 0);
    return this.#send(flags, offset, length, sequence);
  };

  /** Sends a segment; false if it did not go out. */
  #send(flags: number, offset: number, length: number, sequence = this.#sender.next): boolean {
    const { link, mtu } = this.#parts;
    const syn = (flags & TcpFlag.syn) !== 0;
    const header = writeSegment(link.frame, TRANSPORT, {
      sourcePort: this.ends.remotePort,
      destinationPort: this.ends.guestPort,
      sequence,
      acknowledgement: (flags & TcpFlag.ack) !== 0 ? this.#receiveNext : 0,
      flags,
      window: this.#nextWindow(syn ? 0 : this.#ownShift),
      ...(syn && { maximumSegment: mtu - IPV4_HEADER - TCP_HEADER }),
      ...(syn && (this.state === "syn-sent" || this.#ownShift > 0) &&
        { windowShift: WINDOW_SHIFT }),
    });
    this.#sender.buffer.copy(offset, length, link.frame, TRANSPORT + header);
    const { segmentSize } = this.#sender;
    const result = link.sendTcp(
      this.ends.remote,
      this.ends.guest,
      header + length,
      length > segmentSize ? segmentSize : 0,
    );
    if (result !== "sent") return false;
    this.#unacknowledged = 0;
    this.#owes = false;
    return true;
  }

  /** The window for the next segment as it stands in a header; the edge only moves on. */
  #nextWindow(shift: number): number {
    let window = Math.min(this.#free >>> shift, 0xffff);
    const edge = advance(this.#receiveNext, window << shift);
    if (ahead(edge, this.#edge) >= 0) this.#edge = edge;
    else window = Math.min(ahead(this.#edge, this.#receiveNext) >>> shift, 0xffff);
    return window;
  }

  #close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#parts.closed(this);
  }
}
