/**
 * Automatic receive steering (virtio 1.2, section 5.1.6.5.6): answers to a flow come in the queue pair
 * in which the driver has sent last.
 */
import { emptyHeaders, findHeaders, IpProtocol, word } from "../../net/headers.ts";
import type { DeviceState } from "../vbus/device.ts";

/** Flows that are told apart; others share. A power of two. */
export const STEERING_BUCKETS = 256;
/** Nothing was sent yet. */
const UNKNOWN = 0xff;

/** Which pair of queues each flow has. */
export class Steering {
  readonly #pairs = new Uint8Array(STEERING_BUCKETS).fill(UNKNOWN);
  readonly #headers = emptyHeaders();
  /** Pairs that the driver uses: 1..128. */
  active = 1;

  /** One pair, and no flow is known. */
  reset(): void {
    this.active = 1;
    this.#pairs.fill(UNKNOWN);
  }

  /** A frame was sent in a pair. */
  sent(frame: Uint8Array, pair: number): void {
    if (this.active > 1) this.#pairs[this.#bucket(frame)] = pair;
  }

  /** The pair for a frame to the guest. */
  pairFor(frame: Uint8Array): number {
    if (this.active === 1) return 0;
    const bucket = this.#bucket(frame);
    const pair = this.#pairs[bucket];
    return pair < this.active ? pair : bucket % this.active;
  }

  state(): DeviceState {
    return { active: this.active, pairs: this.#pairs.slice() };
  }

  /** Takes what `state` gave, its fields checked by the card. */
  restore(active: number, pairs: Uint8Array): void {
    this.active = active;
    this.#pairs.set(pairs.subarray(0, STEERING_BUCKETS));
  }

  /** The same for both directions of a flow. */
  #bucket(frame: Uint8Array): number {
    const headers = findHeaders(frame, this.#headers);
    const { network, transport, version, protocol } = headers;
    let hash = protocol;
    const [from, to] = version === 4
      ? [network + 12, network + 20]
      : version === 6
      ? [network + 8, network + 40]
      : [0, 12];
    for (let at = from; at < to; at += 2) hash ^= word(frame, at);
    const hasPorts = protocol === IpProtocol.tcp || protocol === IpProtocol.udp;
    if (hasPorts && transport + 4 <= frame.length) {
      hash ^= word(frame, transport) ^ word(frame, transport + 2);
    }
    return Math.imul(hash, 0x9e3779b1) >>> 24;
  }
}
