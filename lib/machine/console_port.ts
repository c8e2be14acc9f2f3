/** The host's ends of the ports of virtio consoles. */
import type { VirtioConsolePort } from "../devices/virtio_console/port.ts";
import {
  type OutputOptions,
  type SerialHost,
  SerialPort,
  type SerialStreams,
} from "./serial_port.ts";

/** A port of a virtio console as the user of a machine sees it. */
export interface MachinePort extends SerialStreams {
  /** Name in the guest; "" for a console that has none. */
  readonly name: string;
  /** Whether somebody in the guest uses the port; what is sent before waits in the window. */
  readonly guestOpen: boolean;
  /** Calls back when the guest says that it opens or closes the port. The result ends that. */
  onGuestOpen(listener: (open: boolean) => void): () => void;
  /** Calls back with what the guest sends. The result ends that. */
  onOutput(listener: (bytes: Uint8Array) => void, options?: OutputOptions): () => void;
  /** Queues bytes for the guest; gives how many fitted into the window of 64 KiB. */
  input(bytes: Uint8Array): number;
  /** Tells the guest whether somebody on the host uses the port; it is told so at first. */
  setOpen(open: boolean): void;
}

/** A virtio console as the user of a machine sees it. */
export interface MachineConsole extends MachinePort {
  /** Tells the guest the size of the terminal in characters, 1..65535 each way. */
  resize(columns: number, rows: number): void;
}

export class ConsolePort extends SerialPort implements MachineConsole {
  readonly name: string;
  /** Whether it is a console rather than a plain port. */
  readonly isConsole: boolean;
  readonly #port: VirtioConsolePort;
  readonly #openListeners = new Set<(open: boolean) => void>();

  constructor(port: VirtioConsolePort, host: SerialHost) {
    super(port, host);
    this.name = port.name;
    this.isConsole = port.console;
    this.#port = port;
    port.onTransmit((bytes) => this.transmitBytes(bytes));
    // Listeners are the host's and must not run inside guest code.
    port.onGuestOpen((open) => {
      if (this.#openListeners.size > 0) queueMicrotask(() => this.#tellOpen(open));
    });
  }

  get guestOpen(): boolean {
    return this.#port.guestOpen;
  }

  onGuestOpen(listener: (open: boolean) => void): () => void {
    this.#openListeners.add(listener);
    return () => this.#openListeners.delete(listener);
  }

  setOpen(open: boolean): void {
    this.#port.setHostOpen(open);
  }

  resize(columns: number, rows: number): void {
    this.#port.resize(columns, rows);
  }

  #tellOpen(open: boolean): void {
    for (const listener of this.#openListeners) listener(open);
  }
}
