/** Frames on their way into one receive queue of the guest, and those that wait for its buffers. */
import { type FrameOffload, MAX_FRAME } from "../../net/backend.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import type { VirtioTransport } from "../virtio/device.ts";
import type { VirtQueue } from "../virtio/virt_queue.ts";
import { NetHeader } from "./layout.ts";

/** Frames and bytes that wait for buffers of the guest. */
export const MAX_WAITING = 256;
export const MAX_WAITING_BYTES: number = 2 << 20;

/** What the header before a frame says (5.1.6). */
export interface ReceiveHeader {
  readonly flags: number;
  readonly gsoType: number;
  readonly headerBytes: number;
  readonly offload: FrameOffload;
}

/** What happened to a frame. */
export type Delivery = "delivered" | "dropped" | "no-room";

interface WaitingFrame {
  readonly header: Uint8Array;
  readonly frame: Uint8Array;
}

/** One receive queue of a card. */
export class ReceiveQueue {
  /** Number of the virtqueue. */
  readonly index: number;
  /** Bytes of the header before a frame. Set by the card. */
  headerBytes: number = NetHeader.bytes;
  /** Whether a frame may be spread over several chains. Set by the card. */
  mergeable = false;
  /** Whether a frame was refused since the network was last told of room. */
  refused = false;

  readonly #header = new Uint8Array(NetHeader.bytes);
  readonly #headerView = new DataView(this.#header.buffer);
  /** Chains that the frame being delivered takes. */
  readonly #chains: DescriptorChain[] = [];
  #transport: VirtioTransport | undefined;
  #waiting: WaitingFrame[] = [];
  #waitingBytes = 0;

  /** `index` is that of the virtqueue. */
  constructor(index: number) {
    this.index = index;
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  /**
   * Gives a frame to the guest, or keeps a copy until there are buffers. "no-room": neither; the
   * network is to be told of room later.
   */
  give(frame: Uint8Array, header: ReceiveHeader): Delivery {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return "no-room";
    this.#fillHeader(header);
    const queue = transport.queue(this.index);
    if (this.#waiting.length === 0) {
      const result = this.#deliver(queue, frame);
      if (result === "delivered") queue.signal();
      if (result !== "no-room" || !transport.active) return result;
    }
    if (
      this.#waiting.length >= MAX_WAITING || this.#waitingBytes + frame.length > MAX_WAITING_BYTES
    ) {
      this.refused = true;
      this.#askForBuffers(queue);
      return "no-room";
    }
    this.#waiting.push({ header: this.#header.slice(), frame: frame.slice() });
    this.#waitingBytes += frame.length;
    this.#askForBuffers(queue);
    return "delivered";
  }

  /**
   * Delivers what waits; gives the number of frames that were dropped because no buffers of this queue
   * can ever hold them.
   */
  deliverWaiting(): number {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return 0;
    const queue = transport.queue(this.index);
    let dropped = 0;
    let count = 0;
    for (; count < this.#waiting.length; count++) {
      const { header, frame } = this.#waiting[count];
      this.#header.set(header);
      const result = this.#deliver(queue, frame);
      if (result === "no-room") break;
      if (result === "dropped") dropped++;
      this.#waitingBytes -= frame.length;
    }
    this.#waiting.splice(0, count);
    this.#askForBuffers(queue);
    queue.signal();
    return dropped;
  }

  /** Whether the network should be told of room now: it was refused, and the guest has buffers again. */
  takeRoom(): boolean {
    const transport = this.#transport;
    if (!this.refused || this.#waiting.length > 0 || transport === undefined) return false;
    const queue = transport.queue(this.index);
    if (!transport.active || !queue.hasNext()) return false;
    this.refused = false;
    this.#askForBuffers(queue);
    return true;
  }

  /** Forgets what waits. */
  forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Frames that wait. */
  state(): DeviceState {
    return this.#waiting.map(({ header, frame }) => ({
      header: header.slice(),
      frame: frame.slice(),
    }));
  }

  /** Puts back what `state` gave; throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    const where = `receive queue ${this.index}`;
    const list = new StateReader({ waiting: state }, where).array("waiting", MAX_WAITING);
    const waiting = list.map((item) => {
      const from = new StateReader(item, where);
      const header = from.bytes("header", NetHeader.bytes);
      if (header.length !== NetHeader.bytes) throw new TypeError(`state of ${where}: header`);
      return { header, frame: from.bytes("frame", MAX_FRAME) };
    });
    this.#waiting = waiting;
    this.#waitingBytes = waiting.reduce((sum, { frame }) => sum + frame.length, 0);
  }

  #fillHeader({ flags, gsoType, headerBytes, offload }: ReceiveHeader): void {
    const view = this.#headerView;
    view.setUint8(NetHeader.flags, flags);
    view.setUint8(NetHeader.gsoType, gsoType);
    view.setUint16(NetHeader.headerBytes, headerBytes, true);
    view.setUint16(NetHeader.gsoSize, offload.segmentSize, true);
    view.setUint16(NetHeader.checksumStart, offload.checksumStart, true);
    view.setUint16(NetHeader.checksumOffset, offload.checksumOffset, true);
  }

  /** Lets the guest notify of input buffers only while a frame waits for one. */
  #askForBuffers(queue: VirtQueue): void {
    queue.setNotify(this.#waiting.length > 0 || this.refused);
  }

  /** Puts `#header` and a frame into the guest's buffers. */
  #deliver(queue: VirtQueue, frame: Uint8Array): Delivery {
    const { memory } = this.#transport as VirtioTransport;
    const needed = this.headerBytes + frame.length;
    let count = 0;
    let room = 0;
    while (room < needed) {
      const chain = queue.pop(this.#chains[count] ??= new DescriptorChain());
      if (chain === undefined) {
        this.#putBack(queue, count);
        return "no-room";
      }
      count++;
      room += chain.writableBytes;
      if (chain.writableBytes === 0 || this.#chains[0].writableBytes < this.headerBytes) {
        this.#transport?.fail("a receive buffer without room for a header");
        return "no-room";
      }
      if (room < needed && (!this.mergeable || count >= queue.size)) {
        this.#putBack(queue, count);
        return "dropped";
      }
    }
    this.#headerView.setUint16(NetHeader.buffers, count, true);
    let done = 0;
    for (let i = 0; i < count; i++) {
      const chain = this.#chains[i];
      let at = 0;
      if (i === 0) at = chain.write(memory, 0, this.#header.subarray(0, this.headerBytes));
      const written = chain.write(memory, at, done === 0 ? frame : frame.subarray(done));
      done += written;
      queue.push(chain, at + written);
    }
    return "delivered";
  }

  #putBack(queue: VirtQueue, count: number): void {
    while (count > 0) queue.unpop(this.#chains[--count]);
  }
}
