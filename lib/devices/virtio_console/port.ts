/** One port of a virtio console: a stream of bytes in each direction over a pair of queues. */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import type { VirtioTransport } from "../virtio/device.ts";
import { receiveQueue } from "./layout.ts";

/** Bytes that the host gets in one piece, and between two turns of the host. */
const PIECE = 16 * 1024;
const TURN_BYTES = 256 * 1024;

/** Counters since the device was made. */
export interface ConsolePortStatistics {
  /** Bytes given to the host, emergency writes among them. */
  transmitted: number;
  /** Bytes taken from the host. */
  received: number;
}

/** What a port asks of its device. */
export interface PortOwner {
  /** Whether ports are opened and closed by control messages. */
  multiport(): boolean;
  /** The host has opened or closed the port. */
  hostOpenChanged(port: VirtioConsolePort): void;
  /** The size of the port's terminal has changed. */
  sizeChanged(port: VirtioConsolePort): void;
}

/** What a port is. */
export interface PortDescription {
  /** Position in the device: 0 is the port that every driver knows. */
  readonly index: number;
  /** Name in the guest: /dev/virtio-ports/NAME in Linux. */
  readonly name: string;
  /** Whether it is a console (/dev/hvc0 in Linux) or a plain port. */
  readonly console: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** The host's end of a port. */
export class VirtioConsolePort {
  /** Position in the device. */
  readonly index: number;
  /** Name in the guest; "" if it has none. */
  readonly name: string;
  /** Whether it is a console. */
  readonly console: boolean;
  /** What has happened so far. */
  readonly statistics: ConsolePortStatistics = { transmitted: 0, received: 0 };
  readonly #owner: PortOwner;
  readonly #piece = new Uint8Array(PIECE);
  readonly #receiveChain: DescriptorChain = new DescriptorChain();
  readonly #transmitChain: DescriptorChain = new DescriptorChain();
  #transport: VirtioTransport | undefined;
  #transmit: (bytes: Uint8Array) => void = () => {};
  #receiveReady: () => void = () => {};
  #guestOpenChanged: (open: boolean) => void = () => {};
  #columns: number;
  #rows: number;
  #hostOpen = true;
  #guestOpen = false;
  /** The chain that is being sent, and how far. */
  #sending: DescriptorChain | undefined;
  #sent = 0;
  #held = false;
  #busy = false;
  #deferred = false;
  /** The host was refused and waits for room. */
  #hostWaits = false;

  constructor(owner: PortOwner, description: PortDescription) {
    this.#owner = owner;
    this.index = description.index;
    this.name = description.name;
    this.console = description.console;
    this.#columns = description.columns;
    this.#rows = description.rows;
  }

  /** Whether the guest has given a buffer for input, and somebody there uses the port. */
  canReceive(): boolean {
    const transport = this.#transport;
    return transport !== undefined && this.guestOpen &&
      transport.queue(this.#receiveQueue).hasNext();
  }

  /**
   * Offers bytes to the guest; gives how many were taken, from the front. After a partial take the
   * callback of {@linkcode VirtioConsolePort.onReceiveReady} says when to go on.
   */
  receive(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    let done = this.#fill(bytes);
    if (done < bytes.length) {
      // Look again once the guest knows that we wait.
      this.#waitForRoom(true);
      done += this.#fill(bytes.subarray(done));
    }
    this.#waitForRoom(done < bytes.length);
    this.statistics.received += done;
    return done;
  }

  /** Called when there is room again after `receive` took less than it was given. One callback. */
  onReceiveReady(callback: () => void): void {
    this.#receiveReady = callback;
  }

  /**
   * Called with what the guest sends; the array is valid during the call only. One callback; it
   * must not throw.
   */
  onTransmit(callback: (bytes: Uint8Array) => void): void {
    this.#transmit = callback;
  }

  /** While held, output waits in the guest's buffers. */
  holdTransmit(hold: boolean): void {
    this.#held = hold;
    if (!hold) this.#drain();
  }

  /** Whether somebody in the guest uses the port; with a driver that does not tell, its being there. */
  get guestOpen(): boolean {
    return this.#transport?.active === true && (this.#guestOpen || !this.#owner.multiport());
  }

  /**
   * Called when the guest says that it opens or closes the port. One callback; it must not throw.
   */
  onGuestOpen(callback: (open: boolean) => void): void {
    this.#guestOpenChanged = callback;
  }

  /** Whether somebody on the host uses the port, as the guest is told. True at first. */
  get hostOpen(): boolean {
    return this.#hostOpen;
  }

  /** Tells the guest whether somebody on the host uses the port. */
  setHostOpen(open: boolean): void {
    if (open === this.#hostOpen) return;
    this.#hostOpen = open;
    this.#owner.hostOpenChanged(this);
  }

  /** Tells the guest the size of the terminal in characters, up to 65535 each way. */
  resize(columns: number, rows: number): void {
    if (this.#columns === columns && this.#rows === rows) return;
    this.#columns = columns;
    this.#rows = rows;
    this.#owner.sizeChanged(this);
  }

  /** Size of the terminal as the guest is told. */
  get size(): { columns: number; rows: number } {
    return { columns: this.#columns, rows: this.#rows };
  }

  // For the device.

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  /** The guest sends one byte without a queue. */
  emergencyWrite(character: number): void {
    this.statistics.transmitted++;
    this.#transmit(Uint8Array.of(character & 0xff));
  }

  /** The guest opens or closes the port. */
  setGuestOpen(open: boolean): void {
    if (open === this.#guestOpen) return;
    this.#guestOpen = open;
    this.#guestOpenChanged(open);
    this.#offerRoom();
  }

  /** The driver has put buffers into one of the port's queues. */
  notify(queue: number): void {
    if (queue === this.#receiveQueue) this.#offerRoom();
    else this.#drain();
  }

  /** The driver has begun to run, or the port was restored. */
  resume(): void {
    this.#waitForRoom(this.#hostWaits);
    this.#offerRoom();
    this.#drain();
  }

  reset(): void {
    this.#sending = undefined;
    this.#sent = 0;
    this.#deferred = false;
    this.setGuestOpen(false);
  }

  shutdown(): void {
    this.#transmit = () => {};
    this.#receiveReady = () => {};
    this.#guestOpenChanged = () => {};
  }

  state(): DeviceState {
    return {
      columns: this.#columns,
      rows: this.#rows,
      guestOpen: this.#guestOpen,
      sending: this.#sending?.head ?? -1,
      sent: this.#sent,
    };
  }

  /** Throws a TypeError. The caller lets the port `resume`. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, `port ${this.index}`);
    const columns = from.integer("columns", 0xffff);
    const rows = from.integer("rows", 0xffff);
    const guestOpen = from.boolean("guestOpen");
    const sending = from.value("sending") === -1 ? -1 : from.integer("sending", 0xffff);
    const sent = from.integer("sent");
    this.#columns = columns;
    this.#rows = rows;
    if (sending >= 0) {
      this.#sending = this.#transport?.queue(this.#transmitQueue).retake(sending);
      this.#sent = sent;
    }
    this.setGuestOpen(guestOpen);
  }

  get #receiveQueue(): number {
    return receiveQueue(this.index);
  }

  get #transmitQueue(): number {
    return receiveQueue(this.index) + 1;
  }

  /** Lets the guest notify of input buffers only while the host waits for one. */
  #waitForRoom(waits: boolean): void {
    this.#hostWaits = waits;
    const transport = this.#transport;
    if (transport !== undefined && transport.active) {
      transport.queue(this.#receiveQueue).setNotify(waits);
    }
  }

  /** Copies into the guest's buffers; gives the number of bytes. */
  #fill(bytes: Uint8Array): number {
    const transport = this.#transport;
    if (transport === undefined || !this.guestOpen) return 0;
    const queue = transport.queue(this.#receiveQueue);
    let done = 0;
    // As many buffers as the ring has: a guest could hand over empty ones for ever.
    for (let i = 0; i < queue.size && done < bytes.length; i++) {
      const chain = queue.pop(this.#receiveChain);
      if (chain === undefined) break;
      const written = chain.write(transport.memory, 0, bytes.subarray(done));
      queue.push(chain, written);
      done += written;
    }
    queue.signal();
    return done;
  }

  #offerRoom(): void {
    if (!this.#hostWaits || !this.canReceive()) return;
    this.#waitForRoom(false);
    this.#receiveReady();
  }

  /** Gives the host what the guest has sent; a chain goes back as soon as it is empty. */
  #drain(): void {
    const transport = this.#transport;
    // The callback may hold, release, or make the guest's transport call again.
    if (transport === undefined || this.#busy) return;
    this.#busy = true;
    const queue = transport.queue(this.#transmitQueue);
    // The driver may have taken the queue away and given it back.
    if (this.#sending?.epoch !== queue.epoch) this.#sending = undefined;
    let bytes = 0;
    let chains = 0;
    while (!this.#held && transport.active && bytes < TURN_BYTES && chains < queue.size) {
      if (this.#sending === undefined) {
        this.#sending = queue.pop(this.#transmitChain);
        this.#sent = 0;
        if (this.#sending === undefined) break;
      }
      const chain = this.#sending;
      const count = chain.read(transport.memory, this.#sent, this.#piece);
      this.#sent += count;
      if (this.#sent >= chain.readableBytes || count === 0) {
        this.#sending = undefined;
        queue.push(chain, 0);
        chains++;
      }
      bytes += count;
      this.statistics.transmitted += count;
      if (count > 0) this.#transmit(this.#piece.subarray(0, count));
    }
    this.#busy = false;
    queue.signal();
    const more = this.#sending !== undefined || queue.hasNext();
    if (!more || this.#held || this.#deferred || !transport.active) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.#drain();
    });
  }
}
