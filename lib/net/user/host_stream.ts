/** The host's end of a guest's TCP connection: one read and one write under way at a time. */
import { SocketError, type SocketErrorCode, type StreamSocket } from "../../platform/sockets.ts";
import type { HostTurns } from "./host_turns.ts";

/** Pieces shorter than this are joined before they are written. */
const SMALL = 16 * 1024;

/** What the connection hears. Nothing is called after {@linkcode HostStream.abort}. */
export interface HostStreamEvents {
  /** Bytes of the host; they are the callee's. */
  received(bytes: Uint8Array): void;
  /** The host sends no more. */
  ended(): void;
  /** Bytes have been taken by the host. */
  drained(): void;
  /** The connection broke. */
  failed(code: SocketErrorCode): void;
}

/** A stream socket without promises for its user. */
export class HostStream {
  readonly #socket: StreamSocket;
  readonly #turns: HostTurns;
  readonly #events: HostStreamEvents;
  #reading = false;
  #readEnded = false;
  /** What is to be written after what is being written. */
  #queue: Uint8Array[] = [];
  #writing = false;
  #ending = false;
  #ended = false;
  #gone = false;
  /** Bytes that the host has not taken. */
  waiting = 0;

  constructor(socket: StreamSocket, turns: HostTurns, events: HostStreamEvents) {
    this.#socket = socket;
    this.#turns = turns;
    this.#events = events;
  }

  /** Whether all was written, and the end, too. */
  get finished(): boolean {
    return this.#ended || this.#gone;
  }

  /** Asks for the next bytes; nothing if that is under way. */
  read(): void {
    if (this.#reading || this.#readEnded || this.#gone) return;
    this.#reading = true;
    this.#turns.asked();
    this.#socket.read().then(
      (bytes) => this.#turns.arrived(() => this.#received(bytes)),
      (error) => this.#turns.arrived(() => this.#failed(error)),
    );
  }

  /** Writes bytes, which are kept. */
  write(bytes: Uint8Array): void {
    if (this.#gone || this.#ending) return;
    this.waiting += bytes.length;
    this.#queue.push(bytes);
    this.#writeNext();
  }

  /** Sends the end after all that was written. */
  end(): void {
    this.#ending = true;
    this.#writeNext();
  }

  /** Lets go at once. */
  abort(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#queue = [];
    this.waiting = 0;
    this.#socket.abort();
  }

  #received(bytes: Uint8Array | undefined): void {
    this.#reading = false;
    if (this.#gone) return;
    if (bytes !== undefined) return this.#events.received(bytes);
    this.#readEnded = true;
    this.#events.ended();
  }

  #writeNext(): void {
    if (this.#writing || this.#gone || this.#ended) return;
    const piece = this.#takePiece();
    if (piece === undefined) {
      if (!this.#ending) return;
      this.#ended = true;
      this.#socket.end();
      return;
    }
    this.#writing = true;
    this.#turns.asked();
    this.#socket.write(piece, { keep: true }).then(
      () => this.#turns.arrived(() => this.#written(piece.length)),
      (error) => this.#turns.arrived(() => this.#failed(error)),
    );
  }

  /** A long piece, or all short ones up to the next long one. */
  #takePiece(): Uint8Array | undefined {
    const queue = this.#queue;
    let count = 0;
    let bytes = 0;
    while (count < queue.length && bytes + queue[count].length <= SMALL) {
      bytes += queue[count++].length;
    }
    if (count <= 1) return queue.shift();
    const joined = new Uint8Array(bytes);
    let at = 0;
    for (const piece of queue.splice(0, count)) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }

  #written(bytes: number): void {
    this.#writing = false;
    if (this.#gone) return;
    this.waiting -= bytes;
    this.#writeNext();
    this.#events.drained();
  }

  #failed(error: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#queue = [];
    this.waiting = 0;
    this.#socket.abort();
    this.#events.failed(error instanceof SocketError ? error.code : "other");
  }
}
