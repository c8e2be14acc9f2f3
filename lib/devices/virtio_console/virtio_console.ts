/**
 * Virtio console with one port (virtio 1.2, section 5.3): a byte stream in each direction, the size
 * of the terminal, and emergency writes.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioId,
  type VirtioTransport,
} from "../virtio/device.ts";

/** Numbers of the feature bits. */
export const ConsoleFeature = { SIZE: 0, EMERG_WRITE: 2 } as const;

const RECEIVE = 0;
const TRANSMIT = 1;

// Offsets in the configuration space.
const COLUMNS = 0; // u16
const ROWS = 2; // u16
const PORTS = 4; // u32, for MULTIPORT
const EMERGENCY = 8; // u32, WO
const CONFIG_BYTES = 12;

/** Bytes that the host gets in one piece, and between two turns of the host. */
const PIECE = 16 * 1024;
const TURN_BYTES = 256 * 1024;

/** Options of a {@linkcode VirtioConsole}. */
export interface VirtioConsoleOptions {
  /** For people. @default "virtio-console" */
  readonly name?: string;
  /** Columns of the terminal, up to 65535. @default 80 */
  readonly columns?: number;
  /** Rows of the terminal, up to 65535. @default 25 */
  readonly rows?: number;
  /** Buffers in each ring, a power of two. @default 64 */
  readonly queueSize?: number;
}

/** Counters since the device was made. */
export interface VirtioConsoleStatistics {
  /** Bytes given to the host, emergency writes among them. */
  transmitted: number;
  /** Bytes taken from the host. */
  received: number;
}

/** The console. */
export class VirtioConsole implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.console;
  readonly features: bigint = featureMask(ConsoleFeature.SIZE, ConsoleFeature.EMERG_WRITE);
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(CONFIG_BYTES);
  /** What has happened so far. */
  readonly statistics: VirtioConsoleStatistics = { transmitted: 0, received: 0 };
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #piece = new Uint8Array(PIECE);
  readonly #receiveChain: DescriptorChain = new DescriptorChain();
  readonly #transmitChain: DescriptorChain = new DescriptorChain();
  #transport: VirtioTransport | undefined;
  #transmit: (bytes: Uint8Array) => void = () => {};
  #receiveReady: () => void = () => {};
  /** The chain that is being sent, and how far. */
  #sending: DescriptorChain | undefined;
  #sent = 0;
  #held = false;
  #busy = false;
  #deferred = false;
  /** The host was refused and waits for room. */
  #hostWaits = false;

  /** A console that nobody listens to. */
  constructor(options: VirtioConsoleOptions = {}) {
    const { name = "virtio-console", columns = 80, rows = 25, queueSize = 64 } = options;
    this.name = name;
    this.queueSizes = [queueSize, queueSize];
    this.#view.setUint16(COLUMNS, columns, true);
    this.#view.setUint16(ROWS, rows, true);
    this.#view.setUint32(PORTS, 1, true);
  }

  /** Whether the guest has given a buffer for input. */
  canReceive(): boolean {
    const transport = this.#transport;
    return transport !== undefined && transport.active && transport.queue(RECEIVE).hasNext();
  }

  /**
   * Offers bytes to the guest; gives how many were taken, from the front. After a partial take the
   * callback of {@linkcode VirtioConsole.onReceiveReady} says when to go on.
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

  /** Tells the guest the size of the terminal, up to 65535 each way. */
  resize(columns: number, rows: number): void {
    const view = this.#view;
    if (view.getUint16(COLUMNS, true) === columns && view.getUint16(ROWS, true) === rows) return;
    view.setUint16(COLUMNS, columns, true);
    view.setUint16(ROWS, rows, true);
    const transport = this.#transport;
    if (transport === undefined) return;
    if (!transport.active || transport.has(ConsoleFeature.SIZE)) transport.configChanged();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(offset: number, _size: number, value: number): void {
    if (offset !== EMERGENCY) return;
    this.statistics.transmitted++;
    this.#transmit(Uint8Array.of(value & 0xff));
  }

  activate(): void {
    // Linux reads the size only when it hears of a change, also the first time.
    if (this.#transport?.has(ConsoleFeature.SIZE)) this.#transport.configChanged();
    this.#resume();
  }

  notify(queue: number): void {
    if (queue === RECEIVE) this.#offerRoom();
    else this.#drain();
  }

  reset(): void {
    this.#sending = undefined;
    this.#sent = 0;
    this.#deferred = false;
  }

  shutdown(): void {
    this.#transmit = () => {};
    this.#receiveReady = () => {};
  }

  /** Size of the terminal, and the chain that is being sent. */
  state(): DeviceState {
    const { columns, rows } = this.size;
    return { columns, rows, sending: this.#sending?.head ?? -1, sent: this.#sent };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const columns = from.integer("columns", 0xffff);
    const rows = from.integer("rows", 0xffff);
    const sending = from.value("sending") === -1 ? -1 : from.integer("sending", 0xffff);
    const sent = from.integer("sent");
    this.#view.setUint16(COLUMNS, columns, true);
    this.#view.setUint16(ROWS, rows, true);
    if (sending >= 0) {
      this.#sending = this.#transport?.queue(TRANSMIT).retake(sending);
      this.#sent = sent;
    }
    if (this.#transport?.active) this.#resume();
  }

  /** Size of the terminal as the guest sees it. */
  get size(): { columns: number; rows: number } {
    return {
      columns: this.#view.getUint16(COLUMNS, true),
      rows: this.#view.getUint16(ROWS, true),
    };
  }

  #resume(): void {
    this.#waitForRoom(this.#hostWaits);
    this.#offerRoom();
    this.#drain();
  }

  /** Lets the guest notify of input buffers only while the host waits for one. */
  #waitForRoom(waits: boolean): void {
    this.#hostWaits = waits;
    const transport = this.#transport;
    if (transport !== undefined && transport.active) transport.queue(RECEIVE).setNotify(waits);
  }

  /** Copies into the guest's buffers; gives the number of bytes. */
  #fill(bytes: Uint8Array): number {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return 0;
    const queue = transport.queue(RECEIVE);
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
    const queue = transport.queue(TRANSMIT);
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
