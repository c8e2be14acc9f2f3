/** One request of a virtio block device (virtio 1.2, section 5.2.6): header, data, status. */
import type { DescriptorChain } from "../virtio/chain.ts";
import type { VirtioTransport } from "../virtio/device.ts";
import { HEADER_BYTES, type RequestStatus } from "./layout.ts";

/** The data of a request, between header and status. */
export class Request {
  /** Number of the queue that it came from, and its name there. */
  readonly queue: number;
  readonly head: number;
  /** Bytes for the device to write, and to read. */
  readonly room: number;
  readonly given: number;
  buffer: Uint8Array | undefined;
  readonly #chain: DescriptorChain;
  readonly #transport: VirtioTransport;
  #written = 0;

  constructor(queue: number, chain: DescriptorChain, transport: VirtioTransport) {
    this.queue = queue;
    this.head = chain.head;
    this.#chain = chain;
    this.#transport = transport;
    this.room = chain.writableBytes - 1;
    this.given = chain.readableBytes - HEADER_BYTES;
  }

  /** Whether the driver took the queue away: guest memory must not be touched any more. */
  get stale(): boolean {
    const queue = this.#transport.queue(this.queue);
    return !queue.ready || this.#chain.epoch !== queue.epoch;
  }

  /** Copies from byte `at` of what the driver gave. */
  get(at: number, into: Uint8Array): void {
    this.#chain.read(this.#transport.memory, HEADER_BYTES + at, into);
  }

  /** Appends to what the driver gets. */
  put(bytes: Uint8Array): void {
    this.#written += this.#chain.write(this.#transport.memory, this.#written, bytes);
  }

  /**
   * Writes the status and returns the chain. The used length counts bytes from the start only, so
   * the status is in it when all before it was written.
   */
  finish(status: RequestStatus): void {
    const { memory } = this.#transport;
    const queue = this.#transport.queue(this.queue);
    this.#chain.write(memory, this.room, Uint8Array.of(status));
    queue.push(this.#chain, this.#written === this.room ? this.room + 1 : this.#written);
    queue.signal();
  }
}
