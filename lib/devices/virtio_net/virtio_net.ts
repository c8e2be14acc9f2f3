/**
 * Virtio network card (virtio 1.2, section 5.1): several pairs of queues, a control queue, checksum
 * and segmentation offload in both directions. What the network at the other end does not do of the
 * offloads, the card does in software.
 *
 * Not offered: UDP fragmentation and segmentation, receive coalescing, hash reports, RSS, standby.
 * UDP checksums of frames that come with their checksum made are left for the driver to verify.
 */
import { type FrameOffload, MAX_FRAME, MIN_FRAME, type NetBackend } from "../../net/backend.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioFeature,
  VirtioId,
  type VirtioTransport,
} from "../virtio/device.ts";
import { type ControlledCard, executeCommand } from "./control.ts";
import { GUEST_OFFLOADS, GuestOffloads } from "./guest_offloads.ts";
import { areConsistent, NetConfigSpace, NetFeature, NetHeader, NetStatus } from "./layout.ts";
import { ReceiveFilter } from "./receive_filter.ts";
import { type ReceiveHeader, ReceiveQueue } from "./receive_queue.ts";
import { Steering, STEERING_BUCKETS } from "./steering.ts";
import { FrameSender } from "./transmit.ts";

/** Most pairs of queues that a card can have. */
export const MAX_QUEUE_PAIRS = 16;
const CONTROL_QUEUE_SIZE = 64;
/** Bytes that are sent before the guest has its turn again. */
const TURN_BYTES = 1 << 20;
const MAC_BYTES = 6;

/** Options of a {@linkcode VirtioNet}. */
export interface VirtioNetOptions {
  /** For people. @default "virtio-net" */
  readonly name?: string;
  /** Address of the card: six bytes, a unicast address. @default 52:54:00:12:34:56 */
  readonly mac?: Uint8Array;
  /** Largest payload of a frame, 68 to 65535. Left out: the driver decides. */
  readonly mtu?: number;
  /** Offer to spread a frame over several buffers. @default true */
  readonly mergeableBuffers?: boolean;
  /** Offer to leave checksums and TCP segmentation to the other side, both ways. @default true */
  readonly offloads?: boolean;
  /** Pairs of queues, 1 to {@linkcode MAX_QUEUE_PAIRS}. @default 1 */
  readonly queuePairs?: number;
  /** Buffers in each ring, a power of two. @default 256 */
  readonly queueSize?: number;
}

/** Counters since the card was made. */
export interface VirtioNetStatistics {
  /** Frames given to the network. */
  framesSent: number;
  /** Bytes of those frames. */
  bytesSent: number;
  /** Frames given to the guest, or waiting for its buffers. */
  framesReceived: number;
  /** Bytes of those frames. */
  bytesReceived: number;
  /** Frames from the guest that were malformed, or sent while the link was down. */
  sendDropped: number;
  /** Frames for the guest that found no room. */
  receiveDropped: number;
  /** Frames that the driver does not want; see `CTRL_RX`, `CTRL_VLAN`. */
  receiveFiltered: number;
}

/** The card. */
export class VirtioNet implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.net;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(NetConfigSpace.bytes);
  /** What has happened so far. */
  readonly statistics: VirtioNetStatistics = {
    framesSent: 0,
    bytesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    sendDropped: 0,
    receiveDropped: 0,
    receiveFiltered: 0,
  };
  /** What is at the other end. */
  readonly network: NetBackend;
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #permanentMac: Uint8Array;
  readonly #queuePairs: number;
  readonly #filter: ReceiveFilter = new ReceiveFilter();
  readonly #steering: Steering = new Steering();
  readonly #guestOffloads: GuestOffloads = new GuestOffloads();
  readonly #sender: FrameSender;
  readonly #receivers: readonly ReceiveQueue[];
  readonly #chain: DescriptorChain = new DescriptorChain();
  readonly #frame = new Uint8Array(MAX_FRAME);
  readonly #header = new Uint8Array(NetHeader.bytes);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #card: ControlledCard;
  #transport: VirtioTransport | undefined;
  #headerBytes: number = NetHeader.bytes;
  #cable = true;
  #announcing = false;
  #sending = false;
  /** Queues that go on after the guest's turn. */
  readonly #deferred = new Set<number>();

  /** Becomes the receiver of `backend`. */
  constructor(backend: NetBackend, options: VirtioNetOptions = {}) {
    const { name = "virtio-net", mtu, mergeableBuffers = true, offloads = true } = options;
    const { queuePairs = 1, queueSize = 256 } = options;
    this.name = name;
    this.network = backend;
    this.#queuePairs = queuePairs;
    this.#permanentMac = (options.mac ?? Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56))
      .slice(0, MAC_BYTES);
    this.queueSizes = [
      ...Array<number>(2 * queuePairs).fill(queueSize),
      Math.min(queueSize, CONTROL_QUEUE_SIZE),
    ];
    this.features = featureMask(
      NetFeature.MAC,
      NetFeature.STATUS,
      NetFeature.CTRL_VQ,
      NetFeature.CTRL_RX,
      NetFeature.CTRL_RX_EXTRA,
      NetFeature.CTRL_VLAN,
      NetFeature.CTRL_MAC_ADDR,
      NetFeature.GUEST_ANNOUNCE,
      ...(mtu === undefined ? [] : [NetFeature.MTU]),
      ...(mergeableBuffers ? [NetFeature.MRG_RXBUF] : []),
      ...(queuePairs > 1 ? [NetFeature.MQ] : []),
      ...(offloads ? OFFLOAD_FEATURES : []),
    );
    this.#sender = new FrameSender(backend);
    this.#receivers = Array.from({ length: queuePairs }, (_, i) => new ReceiveQueue(2 * i));
    this.#card = {
      filter: this.#filter,
      setAddress: (address) => this.config.set(address, NetConfigSpace.mac),
      setQueuePairs: (pairs) => this.#setQueuePairs(pairs),
      setGuestOffloads: (wanted) => this.#setGuestOffloads(wanted),
      announced: () => this.#setAnnouncing(false),
    };
    this.config.set(this.#permanentMac, NetConfigSpace.mac);
    this.#view.setUint16(NetConfigSpace.maxQueuePairs, queuePairs, true);
    this.#view.setUint16(NetConfigSpace.mtu, mtu ?? 0, true);
    this.#writeStatus();
    backend.onReceive((frame, offload) => this.#receive(frame, offload));
    backend.onSendReady?.(() => this.#sendAll());
    backend.onLinkChange?.(() => this.#statusChanged());
  }

  /** Whether the guest sees a link: the cable is in here and at the other end. */
  get linkUp(): boolean {
    return this.#cable && this.network.linkUp !== false;
  }

  /** Pulls or plugs the cable. */
  setLink(up: boolean): void {
    this.#cable = up;
    this.#statusChanged();
  }

  /**
   * Asks the guest to tell the network where it is, after a move to another one. False if its driver
   * cannot.
   */
  announce(): boolean {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return false;
    if (!transport.has(NetFeature.GUEST_ANNOUNCE)) return false;
    this.#setAnnouncing(true);
    transport.configChanged();
    return true;
  }

  accepts(features: bigint): boolean {
    return areConsistent(features);
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
    for (const receiver of this.#receivers) receiver.attach(transport);
  }

  writeConfig(): void {
    // Modern drivers change the address by the control queue only.
  }

  activate(): void {
    const transport = this.#transport as VirtioTransport;
    if (transport.has(NetFeature.CTRL_VLAN)) this.#filter.filterVlans();
    this.#guestOffloads.enabled = this.#negotiatedGuestOffloads(transport);
    this.#takeFeatures(transport);
    this.#start();
  }

  notify(queue: number): void {
    const transport = this.#transport as VirtioTransport;
    if (queue === this.#controlQueue(transport)) this.#control(queue);
    else if (queue >= 2 * this.#pairs(transport)) return;
    else if ((queue & 1) === 0) this.#deliver(queue >> 1);
    else this.#send(queue);
  }

  reset(): void {
    for (const receiver of this.#receivers) receiver.forget();
    this.#deferred.clear();
    this.#filter.reset();
    this.#steering.reset();
    this.#guestOffloads.enabled = 0n;
    this.#announcing = false;
    this.config.set(this.#permanentMac, NetConfigSpace.mac);
    this.#writeStatus();
  }

  shutdown(): void {
    this.network.close();
  }

  state(): DeviceState {
    return {
      mac: this.config.slice(NetConfigSpace.mac, NetConfigSpace.mac + MAC_BYTES),
      cable: this.#cable,
      announcing: this.#announcing,
      guestOffloads: Number(this.#guestOffloads.enabled),
      filter: this.#filter.state(),
      steering: this.#steering.state(),
      waiting: this.#receivers.map((receiver) => receiver.state()),
      network: this.network.state?.() ?? null,
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const mac = from.bytes("mac", MAC_BYTES);
    const cable = from.boolean("cable");
    const announcing = from.boolean("announcing");
    const guestOffloads = from.integer("guestOffloads", Number(GUEST_OFFLOADS));
    const steering = new StateReader(from.value("steering"), this.name);
    const active = steering.integer("active", this.#queuePairs);
    const pairs = steering.bytes("pairs", STEERING_BUCKETS);
    const waiting = from.array("waiting", this.#queuePairs);
    if (
      mac.length !== MAC_BYTES || active === 0 || waiting.length !== this.#queuePairs ||
      pairs.length !== STEERING_BUCKETS
    ) throw new TypeError(`state of ${this.name} is of another card`);
    const network = from.value("network");
    if (network !== null) this.network.restore?.(network);
    this.#filter.restore(from.value("filter"));
    this.#receivers.forEach((receiver, i) => receiver.restore(waiting[i]));
    this.#steering.restore(active, pairs);
    this.config.set(mac, NetConfigSpace.mac);
    this.#cable = cable;
    this.#announcing = announcing;
    this.#guestOffloads.enabled = BigInt(guestOffloads);
    this.#writeStatus();
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    this.#takeFeatures(transport);
    // The other devices are to have their state, too.
    transport.later(() => this.#start());
  }

  /** Pairs that the driver can use. */
  #pairs(transport: VirtioTransport): number {
    return transport.has(NetFeature.MQ) ? this.#queuePairs : 1;
  }

  /** Number of the control queue, which comes after all pairs; -1 without one. */
  #controlQueue(transport: VirtioTransport): number {
    return transport.has(NetFeature.CTRL_VQ) ? 2 * this.#pairs(transport) : -1;
  }

  #takeFeatures(transport: VirtioTransport): void {
    const mergeable = transport.has(NetFeature.MRG_RXBUF);
    this.#headerBytes = mergeable || transport.has(VirtioFeature.VERSION_1)
      ? NetHeader.bytes
      : NetHeader.legacyBytes;
    for (const receiver of this.#receivers) {
      receiver.mergeable = mergeable;
      receiver.headerBytes = this.#headerBytes;
    }
    const checksum = transport.has(NetFeature.CSUM);
    this.#sender.features = {
      checksum,
      tcp4: checksum && transport.has(NetFeature.HOST_TSO4),
      tcp6: checksum && transport.has(NetFeature.HOST_TSO6),
    };
  }

  #negotiatedGuestOffloads(transport: VirtioTransport): bigint {
    return OFFLOAD_FEATURES.filter((feature) => transport.has(feature))
      .reduce((mask, feature) => mask | featureMask(feature), 0n) & GUEST_OFFLOADS;
  }

  /** Takes up all queues: the driver is there. */
  #start(): void {
    const transport = this.#transport as VirtioTransport;
    const pairs = this.#pairs(transport);
    for (let pair = 0; pair < pairs; pair++) this.#deliver(pair);
    this.#sendAll();
    const control = this.#controlQueue(transport);
    if (control >= 0) this.#control(control);
  }

  #sendAll(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const pairs = this.#pairs(transport);
    for (let pair = 0; pair < pairs; pair++) this.#send(2 * pair + 1);
  }

  /** Sends what the guest has in a transmit queue. */
  #send(index: number): void {
    const transport = this.#transport;
    // The network may answer, or have room again, from within `send`.
    if (transport === undefined || !transport.active || this.#sending) return;
    const queue = transport.queue(index);
    const { statistics } = this;
    let bytes = 0;
    this.#sending = true;
    for (let i = 0; i < queue.size && bytes < TURN_BYTES; i++) {
      if (this.network.sendReady === false && this.linkUp) break;
      const chain = queue.pop(this.#chain);
      if (chain === undefined) break;
      const sent = this.#sendChain(transport, chain, index >> 1);
      queue.push(chain, 0);
      bytes += sent;
      if (sent === 0) {
        statistics.sendDropped++;
      } else {
        statistics.framesSent++;
        statistics.bytesSent += sent;
      }
    }
    this.#sending = false;
    queue.signal();
    if (this.network.sendReady === false && this.linkUp) return;
    if (queue.hasNext()) this.#defer(index, () => this.#send(index));
  }

  /** Sends one frame; gives the bytes that went out, 0 if it was dropped. */
  #sendChain(transport: VirtioTransport, chain: DescriptorChain, pair: number): number {
    const bytes = chain.readableBytes - this.#headerBytes;
    if (bytes < MIN_FRAME || bytes > MAX_FRAME || !this.linkUp) return 0;
    chain.read(transport.memory, 0, this.#header.subarray(0, this.#headerBytes));
    const frame = this.#frame.subarray(0, bytes);
    chain.read(transport.memory, this.#headerBytes, frame);
    this.#steering.sent(frame, pair);
    return this.#sender.send(this.#headerView, frame);
  }

  /** A frame for the guest; see `FrameReceiver`. */
  #receive(frame: Uint8Array, offload: FrameOffload | undefined): boolean {
    const transport = this.#transport;
    const { statistics } = this;
    if (frame.length < MIN_FRAME || frame.length > MAX_FRAME) {
      statistics.receiveDropped++;
      return true; // asking again would not help
    }
    if (transport === undefined || !transport.active || !this.linkUp) {
      statistics.receiveDropped++;
      this.#receivers[0].refused = true;
      return false;
    }
    if (!this.#filter.takes(frame, this.config)) {
      statistics.receiveFiltered++;
      return true;
    }
    const receiver = this.#receivers[this.#steering.pairFor(frame)];
    return this.#guestOffloads.fit(
      frame,
      offload,
      (part, header) => this.#give(receiver, part, header),
    );
  }

  #give(receiver: ReceiveQueue, frame: Uint8Array, header: ReceiveHeader): boolean {
    const result = receiver.give(frame, header);
    if (result === "delivered") {
      this.statistics.framesReceived++;
      this.statistics.bytesReceived += frame.length;
    } else {
      this.statistics.receiveDropped++;
    }
    return result !== "no-room";
  }

  /** The guest has put buffers into the receive queue of a pair. */
  #deliver(pair: number): void {
    const receiver = this.#receivers[pair];
    this.statistics.receiveDropped += receiver.deliverWaiting();
    if (this.linkUp && receiver.takeRoom()) this.network.receiveReady?.();
  }

  #control(index: number): void {
    const transport = this.#transport as VirtioTransport;
    const queue = transport.queue(index);
    for (let i = 0; i < queue.size; i++) {
      const chain = queue.pop(this.#chain);
      if (chain === undefined) break;
      if (!executeCommand(transport, chain, this.#card)) {
        transport.fail("a command without room for its answer");
        return;
      }
      queue.push(chain, 1);
    }
    queue.signal();
    if (queue.hasNext()) this.#defer(index, () => this.#control(index));
  }

  /** Goes on after the guest's turn. */
  #defer(index: number, work: () => void): void {
    const transport = this.#transport as VirtioTransport;
    if (this.#deferred.has(index) || !transport.active) return;
    this.#deferred.add(index);
    transport.later(() => {
      this.#deferred.delete(index);
      work();
    });
  }

  #setQueuePairs(pairs: number): boolean {
    if (pairs < 1 || pairs > this.#queuePairs) return false;
    this.#steering.active = pairs;
    return true;
  }

  #setGuestOffloads(wanted: bigint): boolean {
    const transport = this.#transport as VirtioTransport;
    if ((wanted & ~this.#negotiatedGuestOffloads(transport)) !== 0n) return false;
    this.#guestOffloads.enabled = wanted;
    return true;
  }

  #setAnnouncing(on: boolean): void {
    this.#announcing = on;
    this.#writeStatus();
  }

  #writeStatus(): void {
    const status = (this.linkUp ? NetStatus.linkUp : 0) |
      (this.#announcing ? NetStatus.announce : 0);
    this.#view.setUint16(NetConfigSpace.status, status, true);
  }

  /** Looks at the cable again, and tells the driver of a change. */
  #statusChanged(): void {
    const before = this.#view.getUint16(NetConfigSpace.status, true);
    this.#writeStatus();
    if (this.#view.getUint16(NetConfigSpace.status, true) === before) return;
    if (!this.linkUp) { for (const receiver of this.#receivers) receiver.forget(); }
    const transport = this.#transport;
    if (transport === undefined) return;
    if (!transport.active || transport.has(NetFeature.STATUS)) transport.configChanged();
    if (transport.active) this.#start();
  }
}

/** Features of the option `offloads`. */
const OFFLOAD_FEATURES: readonly number[] = [
  NetFeature.CSUM,
  NetFeature.GUEST_CSUM,
  NetFeature.CTRL_GUEST_OFFLOADS,
  NetFeature.GUEST_TSO4,
  NetFeature.GUEST_TSO6,
  NetFeature.GUEST_ECN,
  NetFeature.HOST_TSO4,
  NetFeature.HOST_TSO6,
  NetFeature.HOST_ECN,
];
