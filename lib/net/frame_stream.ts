/**
 * A network at the other end of a stream socket: each frame after its length in four bytes, big-endian.
 * QEMU's `-netdev stream` and `-netdev socket`, passt and other machines of vml speak it.
 *
 * Nothing is lost on the way: while the guest has no room the socket is not read, and while the socket
 * takes no more the guest's frames stay in its ring. While nobody is connected, the guest's link is
 * down.
 */
import type { Timer } from "../platform/platform.ts";
import type { Sockets, StreamAddress, StreamSocket } from "../platform/sockets.ts";
import { FrameSplitter } from "./frame_splitter.ts";
import { type FrameReceiver, MAX_FRAME, type NetBackend } from "./backend.ts";

const LENGTH_BYTES = 4;
/** Bytes that wait for the socket before the guest has to. */
const MAX_PENDING = 1 << 20;
const FIRST_BUFFER = 1 << 16;
/** Milliseconds that the other side has for its end after `close`. */
const LINGER = 1000;

/** Options of a {@linkcode FrameStream}. */
export interface FrameStreamOptions {
  /** Sockets of the host. */
  readonly sockets: Sockets;
  /** Where to connect to or to listen. */
  readonly address: StreamAddress;
  /** Wait for the other side instead of connecting to it; one at a time. @default false */
  readonly listen?: boolean;
  /**
   * Milliseconds after which to connect again when the connection has ended, or could not be made.
   * 0: never; then the first attempt must succeed. One that listens always waits again. @default 0
   */
  readonly reconnect?: number;
  /** Timers of the host, for `reconnect`. */
  readonly after: (milliseconds: number, callback: () => void) => Timer;
  /** Something goes to the socket or has come from it: the host's event loop should have its turn. */
  readonly onActivity?: () => void;
  /** Hears of what happens to the connection, for people. */
  readonly log?: (message: string) => void;
}

/** Counters of a {@linkcode FrameStream}. */
export interface FrameStreamStatistics {
  /** Connections so far. */
  connections: number;
  /** Frames to the other side. */
  framesSent: number;
  /** Frames from the other side. */
  framesReceived: number;
  /** Frames of the guest while nobody was connected, or without room. */
  dropped: number;
}

/** The network. */
export class FrameStream implements NetBackend {
  /** What has happened so far. */
  readonly statistics: FrameStreamStatistics = {
    connections: 0,
    framesSent: 0,
    framesReceived: 0,
    dropped: 0,
  };
  readonly #options: FrameStreamOptions;
  #receiver: FrameReceiver = () => false;
  #onSendReady: () => void = () => {};
  #onLinkChange: () => void = () => {};
  #socket: StreamSocket | undefined;
  /** Frames with their lengths that the socket has not been given. */
  #pending = new Uint8Array(FIRST_BUFFER);
  #pendingBytes = 0;
  #writing = false;
  #wakeReader: (() => void) | undefined;
  #address: StreamAddress | undefined;
  #closeServer: (() => Promise<void>) | undefined;
  #timer: Timer | undefined;
  #closed = false;
  #lastLog = "";
  readonly #abort = new AbortController();

  /** Does nothing before `open`. */
  constructor(options: FrameStreamOptions) {
    this.#options = options;
  }

  /** Whether somebody is connected. */
  get linkUp(): boolean {
    return this.#socket !== undefined;
  }

  get sendReady(): boolean {
    return this.#pendingBytes < MAX_PENDING;
  }

  /** Where it listens, with the port that was chosen; undefined if it does not. */
  get address(): StreamAddress | undefined {
    return this.#address;
  }

  onReceive(receiver: FrameReceiver): void {
    this.#receiver = receiver;
  }

  onSendReady(callback: () => void): void {
    this.#onSendReady = callback;
  }

  onLinkChange(callback: () => void): void {
    this.#onLinkChange = callback;
  }

  receiveReady(): void {
    this.#wakeReader?.();
  }

  /**
   * Listens, or connects: without `reconnect` the first attempt must succeed.
   * @throws {SocketError} (rejects).
   */
  async open(): Promise<void> {
    const { sockets, address, listen = false, reconnect = 0 } = this.#options;
    if (listen) {
      const server = await sockets.listen(address, (socket) => this.#accept(socket));
      this.#address = server.address;
      this.#closeServer = () => server.close();
      if (this.#closed) await server.close();
    } else if (reconnect === 0) {
      this.#connected(await sockets.connect(address, this.#abort.signal));
    } else {
      await this.#connect();
    }
  }

  send(frame: Uint8Array): void {
    const bytes = LENGTH_BYTES + frame.length;
    if (this.#socket === undefined || this.#pendingBytes + bytes > MAX_PENDING + MAX_FRAME + 4) {
      this.statistics.dropped++;
      return;
    }
    if (this.#pendingBytes + bytes > this.#pending.length) {
      const larger = new Uint8Array(2 * (this.#pendingBytes + bytes));
      larger.set(this.#pending.subarray(0, this.#pendingBytes));
      this.#pending = larger;
    }
    const at = this.#pendingBytes;
    new DataView(this.#pending.buffer).setUint32(at, frame.length);
    this.#pending.set(frame, at + LENGTH_BYTES);
    this.#pendingBytes += bytes;
    this.statistics.framesSent++;
    if (this.#writing) return;
    this.#options.onActivity?.();
    void this.#write(this.#socket);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort.abort();
    this.#timer?.cancel();
    void this.#closeServer?.();
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    this.#wakeReader?.();
    // What the guest sent last is still to arrive.
    const last = this.#pending.subarray(0, this.#pendingBytes);
    if (last.length > 0) socket.write(last).catch(() => {});
    socket.end();
    const linger = this.#options.after(LINGER, () => socket.abort());
    void socket.closed.then(() => linger.cancel());
  }

  #accept(socket: StreamSocket): void {
    if (this.#closed || this.#socket !== undefined) {
      if (!this.#closed) this.#log("refused another connection");
      socket.abort();
      return;
    }
    this.#connected(socket);
  }

  async #connect(): Promise<void> {
    const { sockets, address } = this.#options;
    try {
      this.#connected(await sockets.connect(address, this.#abort.signal));
    } catch (error) {
      if (!this.#closed) this.#again(messageOf(error));
    }
  }

  #again(reason: string): void {
    const { reconnect = 0, listen = false } = this.#options;
    if (listen || reconnect === 0) {
      this.#log(reason);
      return;
    }
    this.#log(`${reason}; trying again every ${reconnect} ms`);
    this.#timer = this.#options.after(reconnect, () => void this.#connect());
  }

  #connected(socket: StreamSocket): void {
    if (this.#closed) {
      socket.abort();
      return;
    }
    this.#socket = socket;
    this.#writing = false;
    this.statistics.connections++;
    this.#lastLog = "";
    this.#onLinkChange();
    void this.#read(socket);
  }

  /** The connection is over; nothing more is sent to or taken from it. */
  #disconnected(socket: StreamSocket, reason: string): void {
    socket.abort();
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#pendingBytes = 0;
    this.#onLinkChange();
    this.#onSendReady();
    this.#again(reason);
  }

  async #write(socket: StreamSocket): Promise<void> {
    this.#writing = true;
    try {
      // The frames of one turn go out in one piece.
      await undefined;
      while (this.#socket === socket && this.#pendingBytes > 0) {
        const written = socket.write(this.#pending.subarray(0, this.#pendingBytes));
        this.#pendingBytes = 0;
        this.#onSendReady();
        await written;
      }
    } catch (error) {
      this.#disconnected(socket, messageOf(error));
    }
    if (this.#socket === socket) this.#writing = false;
  }

  async #read(socket: StreamSocket): Promise<void> {
    const splitter = new FrameSplitter();
    let reason = "the other side has ended the connection";
    try {
      for (;;) {
        const bytes = await socket.read();
        if (bytes === undefined || this.#socket !== socket) break;
        this.#options.onActivity?.();
        splitter.push(bytes);
        for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) {
          while (this.#socket === socket && !this.#receiver(frame)) {
            await new Promise<void>((resolve) => this.#wakeReader = resolve);
            this.#wakeReader = undefined;
          }
          if (this.#socket !== socket) break;
          this.statistics.framesReceived++;
        }
      }
    } catch (error) {
      reason = messageOf(error);
    }
    this.#disconnected(socket, reason);
  }

  #log(message: string): void {
    if (message === this.#lastLog) return;
    this.#lastLog = message;
    this.#options.log?.(message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
