/**
 * One stream between guest and host (virtio 1.2, section 5.10.6): credit, half close, and the host's
 * end of it. Packets come and go through the device.
 */
import { SocketError } from "../../platform/sockets.ts";
import { ByteRing } from "./byte_ring.ts";
import { HOST_CID, Op, type PacketHeader, ShutdownFlag } from "./packet.ts";
import type { VsockAddress, VsockStream } from "./vsock.ts";

/** Bytes that the host gets by one read. */
const READ_BYTES = 65536;

/** What a connection asks of its device. */
export interface ConnectionHost {
  /** The connection has a packet for the guest. */
  ready(connection: Connection): void;
  /** The host has taken the last of a connection that the guest has left. */
  drained(connection: Connection): void;
}

/** A packet that a connection wants to send: the fields that its device cannot know. */
export interface OutgoingPacket {
  readonly op: number;
  readonly flags: number;
  /** Bytes of data that follow; {@linkcode Connection.takeData} gives them. */
  readonly length: number;
}

/**
 * `requested`: the guest waits for the host to accept. `connecting`: the host waits for the guest.
 * `resetting`: over, but the guest does not know yet. `gone`: over for the guest, the host may still
 * read what has come.
 */
export type ConnectionState = "requested" | "connecting" | "open" | "resetting" | "gone";

/** The stream. What the guest has sent is bounded by `window`, what the host has sent by the host. */
export class Connection implements VsockStream {
  readonly local: VsockAddress;
  readonly remote: VsockAddress;
  readonly closed: Promise<void>;
  /** Resolves when the guest has granted the host's request, rejects when it has not. */
  readonly opened: Promise<void>;
  readonly #host: ConnectionHost;
  readonly #window: number;
  #state: ConnectionState;
  #settleOpened: { resolve: () => void; reject: (error: SocketError) => void };
  #settleClosed: () => void = () => {};
  #error: SocketError | undefined;

  /** From guest to host. */
  readonly #incoming: ByteRing;
  /** Bytes that the host has read, and what the guest knows of it, modulo 2^32. */
  #forwarded = 0;
  #toldForwarded = 0;
  #wakeReader: (() => void) | undefined;

  /** From host to guest. */
  readonly #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  /** Bytes that were sent, modulo 2^32, and what the guest says of its buffer. */
  #sent = 0;
  #peerAllocated = 0;
  #peerForwarded = 0;
  #wakeWriters: (() => void)[] = [];

  /** What the guest has shut down, and what it was told that the host has. */
  #peerShutdown = 0;
  #toldShutdown = 0;
  #ended = false;
  #readEnd = false;
  #sendOpening: boolean;
  #sendCredit = false;
  /** The guest was asked for credit and has not answered. */
  #askedCredit = false;

  /** @param window bytes that the guest may send before the host reads: a power of two from 4096. */
  constructor(
    host: ConnectionHost,
    local: VsockAddress,
    remote: VsockAddress,
    state: "requested" | "connecting",
    window: number,
  ) {
    this.#host = host;
    this.local = local;
    this.remote = remote;
    this.#state = state;
    this.#window = window;
    this.#incoming = new ByteRing(window);
    this.#sendOpening = state === "connecting";
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
    this.#settleOpened = { resolve: () => {}, reject: () => {} };
    this.opened = new Promise((resolve, reject) => this.#settleOpened = { resolve, reject });
    // Nobody may wait for it.
    this.opened.catch(() => {});
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Bytes from the guest that the host has not read. */
  get unread(): number {
    return this.#incoming.length;
  }

  /** Both sides have said that they are done; only the guest's word that it knows is missing. */
  get finishing(): boolean {
    return this.#toldShutdown === ShutdownFlag.both;
  }

  // The host's end.

  async read(): Promise<Uint8Array | undefined> {
    if (this.#wakeReader !== undefined) throw new SocketError("other", "somebody reads already");
    while (this.#incoming.length === 0 && !this.#noMoreData && this.#error === undefined) {
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#wakeReader = undefined;
    }
    if (this.#incoming.length > 0) return this.#take();
    if (this.#noMoreData) {
      this.#readEnd = true;
      this.#settleIfClosed();
      return undefined;
    }
    throw this.#error as SocketError;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#checkWritable();
    if (bytes.length > 0) {
      this.#outgoing.push(bytes.slice());
      this.#outgoingBytes += bytes.length;
      this.#host.ready(this);
    }
    while (this.#outgoingBytes >= this.#window && this.#writeError() === undefined) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
    const error = this.#writeError();
    if (error !== undefined) throw error;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settleIfClosed();
    this.#host.ready(this);
  }

  abort(): void {
    this.reset("closed", "the connection was aborted here");
  }

  /** The host takes the connection that the guest has asked for. */
  accept(): void {
    if (this.#state !== "requested") return;
    this.#state = "open";
    this.#sendOpening = true;
    this.#host.ready(this);
  }

  // The guest's end.

  /** What every packet of the guest tells. */
  credit({ bufAlloc, fwdCnt }: PacketHeader): void {
    this.#peerAllocated = bufAlloc;
    this.#peerForwarded = fwdCnt;
    this.#askedCredit = false;
  }

  /** The guest has granted the host's request. */
  open(): void {
    this.#state = "open";
    this.#settleOpened.resolve();
  }

  /**
   * The guest sends so many bytes; `fill` copies them. False if that is more than it was allowed to,
   * or after it has said that it sends no more.
   */
  receive(count: number, fill: (into: Uint8Array, at: number) => void): boolean {
    if ((this.#peerShutdown & ShutdownFlag.noSend) !== 0) return false;
    if (count > this.#window - this.#incoming.length) return false;
    this.#incoming.push(count, fill);
    this.#wakeReader?.();
    return true;
  }

  /** The guest ends directions. True if both are ended now. */
  shutdown(flags: number): boolean {
    this.#peerShutdown |= flags & ShutdownFlag.both;
    if ((this.#peerShutdown & ShutdownFlag.noReceive) !== 0) this.#dropOutgoing();
    this.#wakeReader?.();
    return this.#peerShutdown === ShutdownFlag.both;
  }

  /** The guest wants to know how much it may send. */
  creditRequested(): void {
    this.#sendCredit = true;
  }

  /**
   * The guest has left, orderly (`error` undefined) or not. What it has sent before an orderly end
   * stays to be read; true if there is such.
   */
  leave(error: SocketError | undefined): boolean {
    this.#state = "gone";
    const orderly = error === undefined || this.#noMoreData;
    this.#fail(error ?? new SocketError("reset", "the guest has closed the connection"), !orderly);
    return this.#incoming.length > 0;
  }

  /** The host gives up: the guest is told by a reset. */
  reset(code: "closed" | "reset", reason: string): void {
    const told = this.#state === "resetting" || this.#state === "gone";
    if (!told) this.#state = "resetting";
    // An end that came before must not look like the end of what was read.
    this.#peerShutdown = 0;
    const drained = this.#state === "gone" && this.#incoming.length > 0;
    this.#fail(new SocketError(code, reason), true);
    if (drained) this.#host.drained(this);
    if (!told) this.#host.ready(this);
  }

  /** The packet to send next, with up to `room` bytes of data; undefined if there is none. */
  next(room: number): OutgoingPacket | undefined {
    if (this.#state === "resetting") return packet(Op.reset);
    if (this.#state === "gone") return undefined;
    if (this.#sendOpening) {
      this.#sendOpening = false;
      return packet(this.#state === "connecting" ? Op.request : Op.response);
    }
    if (this.#state !== "open") return undefined;
    const length = Math.min(this.#outgoingBytes, this.#peerCredit(), room);
    if (length > 0) return packet(Op.rw, 0, length);
    if (this.#sendCredit) return packet(Op.creditUpdate);
    if (this.#outgoingBytes > 0) {
      if (this.#askedCredit) return undefined;
      this.#askedCredit = true;
      return packet(Op.creditRequest);
    }
    const flags = this.#shutdownFlags();
    if ((flags & ~this.#toldShutdown) === 0) return undefined;
    this.#toldShutdown |= flags;
    return packet(Op.shutdown, flags);
  }

  /** Takes the data of a packet out; `put` gets the pieces with their position in the packet. */
  takeData(length: number, put: (bytes: Uint8Array, at: number) => void): void {
    this.#sent = (this.#sent + length) >>> 0;
    this.#outgoingBytes -= length;
    for (let at = 0; at < length;) {
      const chunk = this.#outgoing[0];
      const part = chunk.subarray(0, length - at);
      put(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#outgoing.shift();
      else this.#outgoing[0] = chunk.subarray(part.length);
    }
    if (this.#outgoingBytes < this.#window) this.#letWriters();
  }

  /** What the guest is told with every packet. */
  tellCredit(): { bufAlloc: number; fwdCnt: number } {
    this.#sendCredit = false;
    this.#toldForwarded = this.#forwarded;
    return { bufAlloc: this.#window, fwdCnt: this.#forwarded };
  }

  get #noMoreData(): boolean {
    return (this.#peerShutdown & ShutdownFlag.noSend) !== 0;
  }

  /** Bytes that the guest has room for; nonsense counts as none. */
  #peerCredit(): number {
    const underway = (this.#sent - this.#peerForwarded) >>> 0;
    return Math.max(0, this.#peerAllocated - underway);
  }

  /** What the host has shut down: when both sides send no more, the guest need not wait either. */
  #shutdownFlags(): number {
    if (!this.#ended) return 0;
    return this.#noMoreData ? ShutdownFlag.both : ShutdownFlag.noSend;
  }

  #take(): Uint8Array {
    const bytes = this.#incoming.take(READ_BYTES);
    this.#forwarded = (this.#forwarded + bytes.length) >>> 0;
    if (this.#state === "gone") {
      if (this.#incoming.length === 0) this.#host.drained(this);
    } else if (((this.#forwarded - this.#toldForwarded) >>> 0) >= this.#window / 4) {
      this.#sendCredit = true;
      this.#host.ready(this);
    }
    return bytes;
  }

  #checkWritable(): void {
    const error = this.#writeError();
    if (error !== undefined) throw error;
    if (this.#ended) throw new SocketError("closed", "the connection was ended here");
  }

  #writeError(): SocketError | undefined {
    if (this.#error !== undefined) return this.#error;
    return (this.#peerShutdown & ShutdownFlag.noReceive) !== 0
      ? new SocketError("reset", "the guest receives no more")
      : undefined;
  }

  #dropOutgoing(): void {
    this.#outgoing.length = this.#outgoingBytes = 0;
    this.#letWriters();
  }

  #letWriters(): void {
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }

  /** The first error counts. */
  #fail(error: SocketError, dropIncoming: boolean): void {
    this.#error ??= error;
    if (dropIncoming) this.#incoming.clear();
    this.#dropOutgoing();
    this.#wakeReader?.();
    this.#settleOpened.reject(error);
    this.#settleClosed();
  }

  #settleIfClosed(): void {
    if (this.#ended && this.#readEnd) this.#settleClosed();
  }
}

function packet(op: number, flags = 0, length = 0): OutgoingPacket {
  return { op, flags, length };
}

/** The host's end of a connection to port `port` of the host. */
export function hostAddress(port: number): VsockAddress {
  return { cid: HOST_CID, port };
}
