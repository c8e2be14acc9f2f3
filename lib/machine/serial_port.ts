/**
 * The host's end of a serial line or console: callbacks, and Web Streams with bounded windows.
 * Characters are collected while guest code runs and handed out between slices.
 */

/** Bytes kept in each direction for a reader that has not come, or a guest that does not read. */
export const SERIAL_WINDOW = 65536;
/** Characters that are collected into one piece. */
export const SERIAL_PIECE = 16384;

/** What the port asks of the run loop. */
export interface SerialHost {
  /** Something has come for the guest. */
  kick(): void;
  /** Guest code should stop soon, so that output can be handed out. */
  requestExit(): void;
  /** No guest code may run until the promise settles: the reader is behind. */
  hold(promise: Promise<unknown>): void;
}

/** How a listener gets output. */
export interface OutputOptions {
  /**
   * The array is only lent until the listener returns, which spares a copy; else it is the listener's.
   * @default false
   */
  readonly lent?: boolean;
}

/** The device at the guest's end. */
export interface SerialDevice {
  /** Offers bytes to the guest; gives how many were taken, from the front. */
  receive(bytes: Uint8Array): number;
  /** Called when there is room again after `receive` took less than it was given. */
  onReceiveReady(callback: () => void): void;
}

/** Bytes in both directions as Web Streams. */
export interface SerialStreams {
  /**
   * What the guest sends. While a reader holds the stream and is a window behind, the guest stands
   * still; without a reader the last 64 KiB are kept for one that comes.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the guest is to receive; writes wait while 64 KiB are not taken. */
  readonly writable: WritableStream<Uint8Array>;
}

export class SerialPort implements SerialStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #device: SerialDevice;
  readonly #host: SerialHost;
  readonly #listeners = new Map<(bytes: Uint8Array) => void, { readonly lent: boolean }>();
  #collected = new Uint8Array(SERIAL_PIECE);
  /** Arrays that can be collected in again. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;
  /** Full collections of this slice. */
  #full: Uint8Array<ArrayBuffer>[] = [];
  #fullBytes = 0;

  /** Output that the stream has not taken; at most a window and one collection. */
  readonly #output: Uint8Array<ArrayBuffer>[] = [];
  #outputBytes = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Resolves the read that waits for output. */
  #reader: (() => void) | undefined;
  /** Lets the guest go on when the reader has caught up. */
  #release: (() => void) | undefined;
  #cancelled = false;

  readonly #input: Uint8Array[] = [];
  #inputBytes = 0;
  /** Resolves the write that waits for room. */
  #writer: (() => void) | undefined;
  #closed = false;

  constructor(device: SerialDevice, host: SerialHost) {
    this.#device = device;
    this.#host = host;
    device.onReceiveReady(() => this.#feed());
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => {
        this.#cancelled = true;
        this.#output.length = this.#outputBytes = 0;
        this.#release?.();
      },
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({ write: (chunk) => this.#write(chunk) });
  }

  /** The guest sends a character (0..255). */
  transmit(character: number): void {
    this.#collected[this.#length++] = character;
    if (this.#length === SERIAL_PIECE) this.#collect();
  }

  /** The guest sends bytes, which are copied. */
  transmitBytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + SERIAL_PIECE - this.#length);
      this.#collected.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === SERIAL_PIECE) this.#collect();
    }
  }

  /** Calls back with what the guest sends. The result ends that. */
  onOutput(listener: (bytes: Uint8Array) => void, options: OutputOptions = {}): () => void {
    this.#listeners.set(listener, { lent: options.lent ?? false });
    return () => this.#listeners.delete(listener);
  }

  /** Queues bytes for the guest; gives how many fitted into the window, from the front. */
  input(bytes: Uint8Array): number {
    const accepted = this.#closed ? 0 : Math.min(bytes.length, SERIAL_WINDOW - this.#inputBytes);
    if (accepted > 0) {
      this.#input.push(bytes.slice(0, accepted));
      this.#inputBytes += accepted;
      this.#host.kick();
    }
    return accepted;
  }

  /** Moves what has come in both directions. Called between slices. */
  poll(): void {
    this.flush();
    this.#feed();
    if (this.#inputBytes < SERIAL_WINDOW) this.#writer?.();
  }

  /** Gives the guest what it takes. */
  #feed(): void {
    while (this.#input.length > 0) {
      const taken = this.#device.receive(this.#input[0]);
      this.#inputBytes -= taken;
      if (taken < this.#input[0].length) {
        this.#input[0] = this.#input[0].subarray(taken);
        break;
      }
      this.#input.shift();
    }
  }

  /** Hands out what was collected. Throws what a listener throws. */
  flush(): void {
    this.#collect();
    for (let bytes = this.#full.shift(); bytes !== undefined; bytes = this.#full.shift()) {
      this.#fullBytes -= bytes.length;
      this.#keep(bytes);
      for (const [listener, { lent }] of this.#listeners) listener(lent ? bytes : bytes.slice());
    }
  }

  /** No more output or input: readers see the end, writers are let go. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#input.length = this.#inputBytes = 0;
    this.#release?.();
    this.#writer?.();
    this.#finish();
  }

  /** Sets aside what was collected. */
  #collect(): void {
    if (this.#length === 0) return;
    if (this.#length < SERIAL_PIECE) this.#setAside(this.#collected.slice(0, this.#length));
    else {
      this.#setAside(this.#collected);
      this.#collected = this.#spare.pop() ?? new Uint8Array(SERIAL_PIECE);
    }
    this.#length = 0;
  }

  /** Listeners are the host's and must not run inside guest code. */
  #setAside(bytes: Uint8Array<ArrayBuffer>): void {
    this.#full.push(bytes);
    this.#fullBytes += bytes.length;
    if (this.#fullBytes >= SERIAL_WINDOW) this.#host.requestExit();
  }

  #keep(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#cancelled || this.#closed) return;
    this.#output.push(bytes);
    this.#outputBytes += bytes.length;
    this.#reader?.();
    if (this.#outputBytes <= SERIAL_WINDOW) return;
    if (this.readable.locked) {
      if (this.#release === undefined) {
        this.#host.hold(
          new Promise<void>((resolve) => {
            this.#release = () => {
              this.#release = undefined;
              resolve();
            };
          }),
        );
      }
      return;
    }
    while (this.#outputBytes > SERIAL_WINDOW) {
      const oldest = this.#output.shift() as Uint8Array<ArrayBuffer>;
      this.#outputBytes -= oldest.length;
      if (oldest.length === SERIAL_PIECE) this.#spare.push(oldest);
    }
  }

  async #pull(): Promise<void> {
    if (this.#output.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#reader = resolve);
      this.#reader = undefined;
    }
    const bytes = this.#output.shift();
    if (bytes !== undefined && !this.#cancelled) {
      this.#outputBytes -= bytes.length;
      this.#controller?.enqueue(bytes);
    }
    if (this.#outputBytes <= SERIAL_WINDOW / 2) this.#release?.();
    if (this.#closed) this.#finish();
  }

  /** Ends the stream once everything has been read. */
  #finish(): void {
    this.#reader?.();
    if (this.#output.length > 0 || this.#cancelled || this.#controller === undefined) return;
    this.#controller.close();
    this.#controller = undefined;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#closed;) {
      at += this.input(chunk.subarray(at));
      if (at < chunk.length) {
        await new Promise<void>((resolve) => this.#writer = resolve);
        this.#writer = undefined;
      }
    }
  }
}
