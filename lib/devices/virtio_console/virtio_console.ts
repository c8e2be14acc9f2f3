/**
 * Virtio console (virtio 1.2, section 5.3): a byte stream in each direction, the size of the
 * terminal, emergency writes, and with several ports the control messages that go with them. A driver
 * without MULTIPORT uses port 0 alone.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioId,
  type VirtioTransport,
} from "../virtio/device.ts";
import { ConsoleControl } from "./control.ts";
import { Config, ConsoleFeature, MAX_PORTS, portOfQueue, Queue } from "./layout.ts";
import { type PortOwner, VirtioConsolePort } from "./port.ts";

/** A port besides port 0. */
export interface ConsolePortOptions {
  /** Name in the guest. */
  readonly name: string;
  /** Whether it is a console rather than a plain port. @default false */
  readonly console?: boolean;
}

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
  /**
   * Ports 1 to 30. Port 0 is a console in any case. MULTIPORT is offered only if this is given, if
   * only as an empty list. @default none
   */
  readonly ports?: readonly ConsolePortOptions[];
}

/** The console. */
export class VirtioConsole implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.console;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(Config.bytes);
  /** Port 0, the console, and those that the options name. */
  readonly ports: readonly VirtioConsolePort[];
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #control: ConsoleControl;
  readonly #offersPorts: boolean;
  #transport: VirtioTransport | undefined;

  /** A console that nobody listens to. Throws a RangeError if there are too many ports. */
  constructor(options: VirtioConsoleOptions = {}) {
    const { name = "virtio-console", columns = 80, rows = 25, queueSize = 64, ports } = options;
    const owner: PortOwner = {
      multiport: () => this.#multiport,
      hostOpenChanged: (port) => this.#control.hostOpenChanged(port),
      sizeChanged: (port) => this.#sizeChanged(port),
    };
    this.name = name;
    const all = [{ name: "", console: true }, ...ports ?? []];
    if (all.length > MAX_PORTS) throw new RangeError(`${all.length} ports; at most ${MAX_PORTS}`);
    this.ports = all.map((port, index) =>
      new VirtioConsolePort(owner, {
        index,
        name: port.name,
        console: port.console ?? false,
        columns,
        rows,
      })
    );
    this.#control = new ConsoleControl(this.ports);
    this.#offersPorts = ports !== undefined;
    const { SIZE, MULTIPORT, EMERG_WRITE } = ConsoleFeature;
    this.features = featureMask(SIZE, EMERG_WRITE, ...this.#offersPorts ? [MULTIPORT] : []);
    const queues = this.#offersPorts ? 2 * (all.length + 1) : 2;
    this.queueSizes = new Array<number>(queues).fill(queueSize);
    this.#view.setUint32(Config.maxPorts, all.length, true);
    this.#describeSize();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
    for (const port of this.ports) port.attach(transport);
    this.#control.attach(transport);
  }

  writeConfig(offset: number, _size: number, value: number): void {
    if (offset === Config.emergencyWrite) this.ports[0].emergencyWrite(value);
  }

  activate(): void {
    // Linux reads the size only when it hears of a change, also the first time.
    if (this.#transport?.has(ConsoleFeature.SIZE)) this.#transport.configChanged();
    this.#resume();
  }

  notify(queue: number): void {
    if (queue === Queue.receive || queue === Queue.transmit) this.ports[0].notify(queue);
    else if (!this.#multiport) return;
    else if (queue === Queue.controlReceive || queue === Queue.controlTransmit) this.#control.run();
    else this.ports[portOfQueue(queue)].notify(queue);
  }

  reset(): void {
    this.#control.reset();
    for (const port of this.ports) port.reset();
  }

  shutdown(): void {
    for (const port of this.ports) port.shutdown();
  }

  /** What the guest knows of each port, and the chains that are being sent. */
  state(): DeviceState {
    return { ports: this.ports.map((port) => port.state()), control: this.#control.state() };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const ports = from.array("ports", this.ports.length);
    if (ports.length !== this.ports.length) {
      throw new TypeError(`state of ${this.name}: another number of ports`);
    }
    this.#control.restore(from.value("control"));
    this.ports.forEach((port, i) => port.restore(ports[i]));
    this.#describeSize();
    if (this.#transport?.active) this.#resume();
  }

  get #multiport(): boolean {
    return this.#transport?.has(ConsoleFeature.MULTIPORT) ?? false;
  }

  #resume(): void {
    if (!this.#multiport) {
      this.ports[0].resume();
      return;
    }
    this.#control.run();
    for (const port of this.ports) port.resume();
  }

  #describeSize(): void {
    const { columns, rows } = this.ports[0].size;
    this.#view.setUint16(Config.columns, columns, true);
    this.#view.setUint16(Config.rows, rows, true);
  }

  /** The configuration space has the size of port 0; others are told by messages only. */
  #sizeChanged(port: VirtioConsolePort): void {
    if (port.index === 0) {
      this.#describeSize();
      const transport = this.#transport;
      if (transport === undefined) return;
      if (!transport.active || transport.has(ConsoleFeature.SIZE)) transport.configChanged();
    }
    this.#control.sizeChanged(port);
  }
}
