/** The receiving half of a stream socket: pieces that wait for their reader. */
import { SocketError } from "./sockets.ts";

/** Bytes that wait in one direction before the other side has to. */
export const SOCKET_WINDOW = 65536;

/** Pieces in order, then the end or a failure. One reader at a time. */
export class ReadQueue {
  readonly #pieces: Uint8Array[] = [];
  readonly #taken: () => void;
  #bytes = 0;
  #ended = false;
  #error: SocketError | undefined;
  #wake: (() => void) | undefined;
  #reading = false;

  /** @param taken called when a reader waits, or has taken a piece. */
  constructor(taken: () => void) {
    this.#taken = taken;
  }

  /** Whether no more should come for now. */
  get full(): boolean {
    return this.#bytes >= SOCKET_WINDOW;
  }

  /** Whether the other side has ended; pieces may still wait. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why it failed. */
  get error(): SocketError | undefined {
    return this.#error;
  }

  /** Adds a piece, which is kept. */
  push(bytes: Uint8Array): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    this.#wake?.();
  }

  /** No more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Fails once what waits was read, unless it has ended; the first failure counts. */
  fail(error: SocketError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Fails at once: what waits is dropped. Nothing if all has come and was read. */
  abort(error: SocketError): void {
    if (this.#ended && this.#pieces.length === 0) return;
    this.#pieces.length = this.#bytes = 0;
    this.#ended = false;
    this.fail(error);
  }

  /** See `StreamSocket.read`. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#reading) throw new SocketError("other", "somebody reads already");
    this.#reading = true;
    while (this.#pieces.length === 0 && !this.#ended && this.#error === undefined) {
      this.#taken();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#reading = false;
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#bytes -= piece.length;
      this.#taken();
      return piece;
    }
    if (this.#ended) return undefined;
    throw this.#error as SocketError;
  }
}
