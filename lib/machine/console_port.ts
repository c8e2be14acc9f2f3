/** The host's end of a virtio console. */
import type { VirtioConsole } from "../devices/virtio_console/virtio_console.ts";
import { type SerialHost, SerialPort, type SerialStreams } from "./serial_port.ts";

/** A virtio console as the user of a machine sees it. */
export interface MachineConsole extends SerialStreams {
  /** Calls back with what the guest sends; the array is the callee's. The result ends that. */
  onOutput(listener: (bytes: Uint8Array) => void): () => void;
  /** Queues bytes for the guest; gives how many fitted into the window of 64 KiB. */
  input(bytes: Uint8Array): number;
  /** Tells the guest the size of the terminal in characters, 1..65535 each way. */
  resize(columns: number, rows: number): void;
}

export class ConsolePort extends SerialPort implements MachineConsole {
  readonly #console: VirtioConsole;

  constructor(console: VirtioConsole, host: SerialHost) {
    super(console, host);
    this.#console = console;
    console.onTransmit((bytes) => this.transmitBytes(bytes));
  }

  resize(columns: number, rows: number): void {
    this.#console.resize(columns, rows);
  }
}
