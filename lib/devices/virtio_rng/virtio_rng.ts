/**
 * Virtio entropy device (virtio 1.2, section 5.4): fills buffers with random bytes, at most a ring of
 * requests of {@linkcode MAX_ENTROPY_BYTES} between two turns of the host.
 */
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import { type VirtioDevice, VirtioId, type VirtioTransport } from "../virtio/device.ts";

/** Bytes that one request gets at most; the driver asks again for more. */
export const MAX_ENTROPY_BYTES = 4096;

/** Options of a {@linkcode VirtioRng}. */
export interface VirtioRngOptions {
  /** For people. @default "virtio-rng" */
  readonly name?: string;
  /** Buffers in the ring, a power of two. @default 8 */
  readonly queueSize?: number;
}

/** The entropy source. */
export class VirtioRng implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.entropy;
  readonly features: bigint = 0n;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(0);
  /** Counters since the device was made. */
  readonly statistics: { requests: number; bytes: number } = { requests: 0, bytes: 0 };
  readonly #random: (into: Uint8Array) => void;
  readonly #bytes = new Uint8Array(MAX_ENTROPY_BYTES);
  readonly #chain: DescriptorChain = new DescriptorChain();
  #transport: VirtioTransport | undefined;
  #deferred = false;

  /** `random` fills an array with entropy. */
  constructor(random: (into: Uint8Array) => void, options: VirtioRngOptions = {}) {
    const { name = "virtio-rng", queueSize = 8 } = options;
    this.name = name;
    this.queueSizes = [queueSize];
    this.#random = random;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(): void {
    // There is no configuration space.
  }

  activate(): void {
    this.notify();
  }

  notify(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const queue = transport.queue(0);
    for (let i = 0; i < queue.size; i++) {
      const chain = queue.pop(this.#chain);
      if (chain === undefined) break;
      if (chain.writableBytes === 0) {
        transport.fail("a request for entropy without room");
        return;
      }
      const bytes = this.#bytes.subarray(0, Math.min(chain.writableBytes, MAX_ENTROPY_BYTES));
      this.#random(bytes);
      this.statistics.requests++;
      this.statistics.bytes += bytes.length;
      queue.push(chain, chain.write(transport.memory, 0, bytes));
      // What the guest got is nobody else's business.
      bytes.fill(0);
    }
    queue.signal();
    if (!queue.hasNext() || this.#deferred || !transport.active) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.notify();
    });
  }

  reset(): void {
    this.#deferred = false;
  }

  shutdown(): void {}

  /** Nothing: what waits is in the ring. */
  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError(`state of ${this.name} is not null`);
    // The other devices are to have their state, too.
    this.#transport?.later(() => this.notify());
  }
}
