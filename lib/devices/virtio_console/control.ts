/**
 * The control queues of a console with several ports (virtio 1.2, section 5.3.6.2). What there is to
 * tell about a port is a set of flags, so a guest that gives no buffers makes nothing pile up.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import type { VirtioTransport } from "../virtio/device.ts";
import { ConsoleFeature, CONTROL_BYTES, ControlEvent, Queue } from "./layout.ts";
import type { VirtioConsolePort } from "./port.ts";

/** What the guest is still to be told about a port, in the order in which it is told. */
const PENDING = [
  ControlEvent.portAdd,
  ControlEvent.consolePort,
  ControlEvent.portName,
  ControlEvent.portOpen,
  ControlEvent.resize,
] as const;
type Pending = typeof PENDING[number];

/** Control messages of one device. */
export class ConsoleControl {
  readonly #ports: readonly VirtioConsolePort[];
  /** For each port the events that are to be told, a bit each, and whether the driver knows it. */
  readonly #pending: number[];
  readonly #known: boolean[];
  readonly #sendChain: DescriptorChain = new DescriptorChain();
  readonly #takeChain: DescriptorChain = new DescriptorChain();
  readonly #message = new Uint8Array(CONTROL_BYTES);
  #transport: VirtioTransport | undefined;
  #deferred = false;

  constructor(ports: readonly VirtioConsolePort[]) {
    this.#ports = ports;
    this.#pending = ports.map(() => 0);
    this.#known = ports.map(() => false);
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  reset(): void {
    this.#pending.fill(0);
    this.#known.fill(false);
    this.#deferred = false;
  }

  /** The host has opened or closed a port. */
  hostOpenChanged(port: VirtioConsolePort): void {
    this.#tell(port, ControlEvent.portOpen);
  }

  /** A port's terminal has another size. */
  sizeChanged(port: VirtioConsolePort): void {
    if (this.#tellsSize(port)) this.#tell(port, ControlEvent.resize);
  }

  /** Takes what the driver has sent, sends what there is to tell. */
  run(): void {
    this.#take();
    this.#send();
  }

  state(): DeviceState {
    return { pending: [...this.#pending], known: this.#known.map(Number) };
  }

  /** Throws a TypeError. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, "console control");
    const pending = from.integers("pending", this.#ports.length, 0xff);
    const known = from.integers("known", this.#ports.length, 1);
    if (pending.length !== this.#ports.length || known.length !== this.#ports.length) {
      throw new TypeError("state of console control: another number of ports");
    }
    pending.forEach((bits, i) => this.#pending[i] = bits);
    known.forEach((bit, i) => this.#known[i] = bit === 1);
  }

  #take(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const queue = transport.queue(Queue.controlTransmit);
    for (let i = 0; i < queue.size; i++) {
      const chain = queue.pop(this.#takeChain);
      if (chain === undefined) break;
      const whole = chain.read(transport.memory, 0, this.#message) === CONTROL_BYTES;
      queue.push(chain, 0);
      if (whole) this.#obey();
    }
    queue.signal();
    if (!queue.hasNext() || this.#deferred) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.run();
    });
  }

  /** Does what a message says; what makes no sense has no effect. */
  #obey(): void {
    const view = new DataView(this.#message.buffer);
    const index = view.getUint32(0, true);
    const event = view.getUint16(4, true);
    const value = view.getUint16(6, true);
    if (event === ControlEvent.deviceReady) {
      if (value === 0) return;
      this.#ports.forEach((_, i) => this.#add(i, ControlEvent.portAdd));
      return;
    }
    const port = this.#ports[index];
    if (port === undefined) return;
    if (event === ControlEvent.portReady) {
      this.#known[index] = value !== 0;
      if (value === 0) {
        this.#pending[index] = 0;
        return;
      }
      if (port.console) this.#add(index, ControlEvent.consolePort);
      if (port.name !== "") this.#add(index, ControlEvent.portName);
      if (port.hostOpen) this.#add(index, ControlEvent.portOpen);
      if (this.#tellsSize(port)) this.#add(index, ControlEvent.resize);
    } else if (event === ControlEvent.portOpen) {
      port.setGuestOpen(value !== 0);
    }
  }

  /** Sizes are for drivers that have asked for them. */
  #tellsSize(port: VirtioConsolePort): boolean {
    return port.console && this.#transport?.has(ConsoleFeature.SIZE) === true;
  }

  #add(index: number, event: Pending): void {
    this.#pending[index] |= 1 << event;
  }

  #tell(port: VirtioConsolePort, event: Pending): void {
    if (!this.#known[port.index]) return;
    this.#add(port.index, event);
    this.#send();
  }

  /** One message per buffer, port after port. */
  #send(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const queue = transport.queue(Queue.controlReceive);
    for (const port of this.#ports) {
      for (const event of PENDING) {
        if ((this.#pending[port.index] & (1 << event)) === 0) continue;
        const chain = queue.pop(this.#sendChain);
        if (chain === undefined) {
          queue.signal();
          return;
        }
        const message = encode(port, event);
        if (chain.writableBytes < message.length) {
          transport.fail("a buffer without room for a control message");
          return;
        }
        this.#pending[port.index] &= ~(1 << event);
        queue.push(chain, chain.write(transport.memory, 0, message));
      }
    }
    queue.signal();
  }
}

function encode(port: VirtioConsolePort, event: Pending): Uint8Array {
  const { columns, rows } = port.size;
  const rest = event === ControlEvent.portName
    ? new TextEncoder().encode(port.name)
    : event === ControlEvent.resize
    ? Uint8Array.of(columns & 0xff, columns >> 8, rows & 0xff, rows >> 8)
    : new Uint8Array(0);
  const bytes = new Uint8Array(CONTROL_BYTES + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, port.index, true);
  view.setUint16(4, event, true);
  view.setUint16(6, event === ControlEvent.portOpen && !port.hostOpen ? 0 : 1, true);
  bytes.set(rest, CONTROL_BYTES);
  return bytes;
}
