/**
 * Virtio network card (virtio 1.2, section 5.1) with one pair of queues: no offloads and no control
 * queue, so it takes every frame that its network has.
 */
import { MAX_FRAME, MIN_FRAME, type NetBackend } from "../../net/backend.ts";
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
import type { VirtQueue } from "../virtio/virt_queue.ts";

/** Numbers of the feature bits. */
export const NetFeature = { MTU: 3, MAC: 5, MRG_RXBUF: 15, STATUS: 16 } as const;

const RECEIVE = 0;
const TRANSMIT = 1;

// Offsets in the configuration space.
const MAC = 0; // 6 bytes
const STATUS = 6; // u16
const QUEUE_PAIRS = 8; // u16, for MQ
const MTU = 10; // u16
const CONFIG_BYTES = 12;
const STATUS_LINK_UP = 1;

/** Bytes of the header before each frame; drivers without VERSION_1 leave out its last field. */
const HEADER = 12;
const LEGACY_HEADER = 10;
const NUM_BUFFERS = 10; // u16, offset in the header

/** Frames and bytes that wait for a buffer of the guest. */
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 1 << 20;

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
  /** Buffers in each ring, a power of two. @default 256 */
  readonly queueSize?: number;
}

/** Counters since the card was made. */
export interface VirtioNetStatistics {
  /** Frames given to the network. */
  framesSent: number;
  /** Bytes of those frames. */
  bytesSent: number;
  /** Frames given to the guest. */
  framesReceived: number;
  /** Bytes of those frames. */
  bytesReceived: number;
  /** Frames from the guest that were too short or too long, or sent while the link was down. */
  sendDropped: number;
  /** Frames for the guest that found no room. */
  receiveDropped: number;
}

/** The card. */
export class VirtioNet implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.net;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(CONFIG_BYTES);
  /** What has happened so far. */
  readonly statistics: VirtioNetStatistics = {
    framesSent: 0,
    bytesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    sendDropped: 0,
    receiveDropped: 0,
  };
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #backend: NetBackend;
  readonly #sendChain: DescriptorChain = new DescriptorChain();
  readonly #frame = new Uint8Array(MAX_FRAME);
  readonly #header = new Uint8Array(HEADER);
  /** Chains that the frame being delivered takes. */
  readonly #chains: DescriptorChain[] = [];
  #transport: VirtioTransport | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #refused = false;
  #deferred = false;
  #sending = false;

  /** Becomes the receiver of `backend`. */
  constructor(backend: NetBackend, options: VirtioNetOptions = {}) {
    const { name = "virtio-net", mtu, mergeableBuffers = true, queueSize = 256 } = options;
    const mac = options.mac ?? Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
    this.name = name;
    this.#backend = backend;
    this.queueSizes = [queueSize, queueSize];
    this.features = featureMask(NetFeature.MAC, NetFeature.STATUS) |
      (mtu === undefined ? 0n : featureMask(NetFeature.MTU)) |
      (mergeableBuffers ? featureMask(NetFeature.MRG_RXBUF) : 0n);
    this.config.set(mac.subarray(0, 6), MAC);
    this.#view.setUint16(STATUS, STATUS_LINK_UP, true);
    this.#view.setUint16(QUEUE_PAIRS, 1, true);
    this.#view.setUint16(MTU, mtu ?? 0, true);
    backend.onReceive((frame) => this.#receive(frame));
  }

  /** Whether the cable is in. */
  get linkUp(): boolean {
    return (this.#view.getUint16(STATUS, true) & STATUS_LINK_UP) !== 0;
  }

  /** Pulls or plugs the cable. */
  setLink(up: boolean): void {
    if (up === this.linkUp) return;
    this.#view.setUint16(STATUS, up ? STATUS_LINK_UP : 0, true);
    if (!up) this.#forget();
    const transport = this.#transport;
    if (transport === undefined) return;
    if (!transport.active || transport.has(NetFeature.STATUS)) transport.configChanged();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(): void {
    // Modern drivers change the address by the control queue only.
  }

  activate(): void {
    this.#deliverWaiting();
    this.#drain();
  }

  notify(queue: number): void {
    if (queue === RECEIVE) this.#deliverWaiting();
    else this.#drain();
  }

  reset(): void {
    this.#forget();
    this.#deferred = false;
  }

  shutdown(): void {
    this.#backend.close();
  }

  /** Frames that wait are lost, as a network may lose frames. */
  state(): DeviceState {
    return { mac: this.config.slice(MAC, MAC + 6), linkUp: this.linkUp };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const mac = from.bytes("mac", 6);
    const linkUp = from.boolean("linkUp");
    if (mac.length !== 6) throw new TypeError(`state of ${this.name}: mac is not six bytes`);
    this.config.set(mac, MAC);
    this.#view.setUint16(STATUS, linkUp ? STATUS_LINK_UP : 0, true);
    if (this.#transport?.active) this.activate();
  }

  get #headerBytes(): number {
    const transport = this.#transport as VirtioTransport;
    return transport.has(VirtioFeature.VERSION_1) || transport.has(NetFeature.MRG_RXBUF)
      ? HEADER
      : LEGACY_HEADER;
  }

  /** Sends what the guest has in its ring. */
  #drain(): void {
    const transport = this.#transport;
    // The network may answer from within `send`, and the guest's line may call us again.
    if (transport === undefined || !transport.active || this.#sending) return;
    this.#sending = true;
    const queue = transport.queue(TRANSMIT);
    const header = this.#headerBytes;
    for (let i = 0; i < queue.size; i++) {
      const chain = queue.pop(this.#sendChain);
      if (chain === undefined) break;
      const bytes = chain.readableBytes - header;
      if (bytes < MIN_FRAME || bytes > MAX_FRAME || !this.linkUp) {
        this.statistics.sendDropped++;
        queue.push(chain, 0);
        continue;
      }
      const frame = this.#frame.subarray(0, bytes);
      chain.read(transport.memory, header, frame);
      queue.push(chain, 0);
      this.statistics.framesSent++;
      this.statistics.bytesSent += bytes;
      this.#backend.send(frame);
    }
    this.#sending = false;
    queue.signal();
    if (!queue.hasNext() || this.#deferred || !transport.active) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.#drain();
    });
  }

  /** A frame for the guest; see `FrameReceiver`. */
  #receive(frame: Uint8Array): boolean {
    const transport = this.#transport;
    if (frame.length < MIN_FRAME || frame.length > MAX_FRAME) {
      this.statistics.receiveDropped++;
      return true; // asking again would not help
    }
    if (transport === undefined || !transport.active || !this.linkUp) {
      return this.#refuse();
    }
    const queue = transport.queue(RECEIVE);
    if (this.#waiting.length === 0 && this.#deliver(queue, frame)) {
      queue.signal();
      return true;
    }
    if (!transport.active) return this.#refuse();
    if (
      this.#waiting.length >= MAX_WAITING ||
      this.#waitingBytes + frame.length > MAX_WAITING_BYTES
    ) return this.#refuse();
    this.#waiting.push(frame.slice());
    this.#waitingBytes += frame.length;
    this.#waitForRoom();
    // A buffer may have come before the guest saw that we wait.
    if (queue.hasNext()) this.#deliverWaiting();
    return true;
  }

  #refuse(): false {
    this.statistics.receiveDropped++;
    this.#refused = true;
    return false;
  }

  #deliverWaiting(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const queue = transport.queue(RECEIVE);
    let count = 0;
    while (count < this.#waiting.length && this.#deliver(queue, this.#waiting[count])) {
      this.#waitingBytes -= this.#waiting[count++].length;
    }
    this.#waiting.splice(0, count);
    this.#waitForRoom();
    queue.signal();
    if (!this.#refused || this.#waiting.length > 0 || !queue.hasNext()) return;
    this.#refused = false;
    this.#waitForRoom();
    this.#backend.receiveReady?.();
  }

  /** Lets the guest notify of input buffers only while a frame waits for one. */
  #waitForRoom(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    transport.queue(RECEIVE).setNotify(this.#waiting.length > 0 || this.#refused);
  }

  /** Puts a frame into the guest's buffers; false if it must wait. A frame that never fits is dropped. */
  #deliver(queue: VirtQueue, frame: Uint8Array): boolean {
    const transport = this.#transport as VirtioTransport;
    const { memory } = transport;
    const header = this.#headerBytes;
    const mergeable = transport.has(NetFeature.MRG_RXBUF);
    const needed = header + frame.length;
    let count = 0;
    let room = 0;
    while (room < needed) {
      const chain = queue.pop(this.#chains[count] ??= new DescriptorChain());
      if (chain === undefined) {
        this.#putBack(queue, count);
        return false;
      }
      count++;
      room += chain.writableBytes;
      const broken = chain.writableBytes === 0 || this.#chains[0].writableBytes < header;
      if (broken) {
        transport.fail("a receive buffer without room for a header");
        return false;
      }
      const full = count >= queue.size;
      if (room < needed && (!mergeable || full)) {
        this.#putBack(queue, count);
        this.statistics.receiveDropped++;
        return true;
      }
    }
    // All fields are zero but the number of buffers.
    new DataView(this.#header.buffer).setUint16(NUM_BUFFERS, count, true);
    let done = 0;
    for (let i = 0; i < count; i++) {
      const chain = this.#chains[i];
      let at = 0;
      if (i === 0) at = chain.write(memory, 0, this.#header.subarray(0, header));
      const written = chain.write(memory, at, frame.subarray(done));
      done += written;
      queue.push(chain, at + written);
    }
    this.statistics.framesReceived++;
    this.statistics.bytesReceived += frame.length;
    return true;
  }

  #putBack(queue: VirtQueue, count: number): void {
    while (count > 0) queue.unpop(this.#chains[--count]);
  }

  #forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
