/**
 * A network of several machines of one process: an Ethernet switch in memory. It learns who is behind
 * which port and sends frames there; what is for nobody known, or for many, goes to all other ports.
 *
 * Frames go from card to card within the call of `send`, with the offloads of the sender's card. A
 * machine that has no room loses them, as behind a real switch; TCP sends them again.
 */
import {
  ALL_OFFLOADS,
  type FrameOffload,
  type FrameReceiver,
  MIN_FRAME,
  type NetBackend,
} from "./backend.ts";
import { OffloadSender } from "./offload_sender.ts";

/** Addresses that are remembered; then the one that was seen first is forgotten. */
export const MAX_LEARNED = 1024;
/** Most ports of one hub. */
export const MAX_PORTS = 256;
/** Calls of `send` inside each other: hubs joined in a ring would else never end. */
const MAX_DEPTH = 8;

/** Counters of a hub. */
export interface HubStatistics {
  /** Frames that came in. */
  frames: number;
  /** Frames sent to all ports. */
  flooded: number;
  /** Frames that a port had no room for. */
  dropped: number;
}

/** Where frames of a port go: into a card, or into a network. */
type Deliver = (frame: Uint8Array, offload: FrameOffload | undefined) => boolean;

interface Port {
  readonly deliver: Deliver;
}

/**
 * A switch.
 *
 * @example
 * ```ts ignore
 * const lan = new Hub();
 * const machines = await Promise.all([1, 2].map(() =>
 *   Machine.create({ kernel, devices: [{ type: "virtio-net", backend: lan.port() }] })
 * ));
 * ```
 */
export class Hub {
  /** What has happened so far. */
  readonly statistics: HubStatistics = { frames: 0, flooded: 0, dropped: 0 };
  readonly #ports = new Set<Port>();
  /** Port by address; the oldest first. */
  readonly #learned = new Map<number, Port>();
  #depth = 0;

  /** Ports in use. */
  get ports(): number {
    return this.#ports.size;
  }

  /** Addresses that are known. */
  get learned(): number {
    return this.#learned.size;
  }

  /**
   * A port for a card; `close` frees it.
   * @throws {RangeError} if the hub has {@linkcode MAX_PORTS}.
   */
  port(): NetBackend {
    let receiver: FrameReceiver = () => false;
    const port = this.#add((frame, offload) => receiver(frame, offload));
    return {
      offloads: ALL_OFFLOADS,
      send: (frame, offload) => this.#forward(port, frame, offload),
      onReceive: (cardReceiver) => void (receiver = cardReceiver),
      close: () => this.#remove(port),
    };
  }

  /**
   * Connects a network to a port, so that all machines have it in common: one that leads outside, or
   * another hub's port. Gives a function that disconnects it; the network is not closed.
   * @throws {RangeError} if the hub has {@linkcode MAX_PORTS}.
   */
  connect(network: NetBackend): () => void {
    const sender = new OffloadSender(network);
    const port = this.#add((frame, offload) => {
      if (network.sendReady === false) return false;
      if (offload === undefined || sender.check(frame, offload) === undefined) network.send(frame);
      else sender.send(frame, offload);
      return true;
    });
    network.onReceive((frame, offload) => {
      if (this.#ports.has(port)) this.#forward(port, frame, offload);
      return true; // a switch drops; it does not ask to wait
    });
    return () => this.#remove(port);
  }

  #add(deliver: Deliver): Port {
    if (this.#ports.size >= MAX_PORTS) throw new RangeError(`a hub has ${MAX_PORTS} ports at most`);
    const port = { deliver };
    this.#ports.add(port);
    return port;
  }

  #remove(port: Port): void {
    this.#ports.delete(port);
    for (const [address, other] of this.#learned) {
      if (other === port) this.#learned.delete(address);
    }
  }

  #forward(from: Port, frame: Uint8Array, offload: FrameOffload | undefined): void {
    if (frame.length < MIN_FRAME || !this.#ports.has(from)) return;
    this.statistics.frames++;
    this.#learn(addressAt(frame, 6), from);
    const toGroup = (frame[0] & 1) !== 0;
    const known = toGroup ? undefined : this.#learned.get(addressAt(frame, 0));
    if (known === from) return; // it is on the same side
    if (this.#depth >= MAX_DEPTH) {
      this.statistics.dropped++;
      return;
    }
    this.#depth++;
    try {
      if (known !== undefined) {
        if (!known.deliver(frame, offload)) this.statistics.dropped++;
        return;
      }
      this.statistics.flooded++;
      for (const port of [...this.#ports]) {
        if (port !== from && !port.deliver(frame, offload)) this.statistics.dropped++;
      }
    } finally {
      this.#depth--;
    }
  }

  #learn(address: number, port: Port): void {
    if (isGroup(address) || this.#learned.get(address) === port) return;
    this.#learned.delete(address);
    if (this.#learned.size >= MAX_LEARNED) {
      for (const oldest of this.#learned.keys()) {
        this.#learned.delete(oldest);
        break;
      }
    }
    this.#learned.set(address, port);
  }
}

/** An address as a number of 48 bits. */
function addressAt(frame: Uint8Array, at: number): number {
  const high = frame[at] << 8 | frame[at + 1];
  const low = frame[at + 2] << 24 | frame[at + 3] << 16 | frame[at + 4] << 8 | frame[at + 5];
  return high * 2 ** 32 + (low >>> 0);
}

function isGroup(address: number): boolean {
  return (Math.floor(address / 2 ** 40) & 1) !== 0;
}
