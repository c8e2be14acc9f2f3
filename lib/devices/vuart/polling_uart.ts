/**
 * The simplest serial port there is, without interrupts: for boards, firmware and tests that need
 * nothing but output, or poll for input. An invention of this library; no kernel has a driver for it.
 */
import { StateReader } from "../device_state.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { Uart } from "./uart.ts";

/** Registers of a {@linkcode PollingUart}, at any access size; what lies between reads as zero. */
export const PollingUartRegister = {
  /** Write: sends the low byte. Read: takes the oldest received character, 0 if there is none. */
  DATA: 0x00,
  /** Bit 0: a character can be read. Bit 1: a character can be written. Writes are ignored. */
  STATUS: 0x04,
} as const;

const STATUS_READABLE = 1;
const STATUS_WRITABLE = 2;

/** Characters that wait for the guest at most. */
const RECEIVE_LIMIT = 16;

/**
 * A polling UART in a window of 8 bytes or more. While the host holds the transmitter, one character
 * waits; further ones are lost unless the guest looks at STATUS.
 */
export class PollingUart implements Device, Uart {
  /** For people. */
  readonly name: string;
  #received: number[] = [];
  /** The character that waits for the host; -1 if none does. */
  #sending = -1;
  #held = false;
  #hostWaits = false;
  #transmit: (character: number) => void = () => {};
  #receiveReady: () => void = () => {};

  /** Nothing received, nothing connected. */
  constructor(name = "vuart") {
    this.name = name;
  }

  access(access: BusAccess): AccessResult {
    const { offset, write } = access;
    if (offset === PollingUartRegister.DATA) {
      if (write) this.#send(access.value & 0xff);
      else access.value = this.#take();
    } else if (offset === PollingUartRegister.STATUS && !write) {
      access.value = (this.#received.length > 0 ? STATUS_READABLE : 0) |
        (this.#sending < 0 ? STATUS_WRITABLE : 0);
    }
    return AccessResult.ok;
  }

  reset(): void {
    this.#received = [];
    this.#sending = -1;
    this.#offerRoom();
  }

  shutdown(): void {
    this.#transmit = () => {};
    this.#receiveReady = () => {};
  }

  canReceive(): number {
    return RECEIVE_LIMIT - this.#received.length;
  }

  receive(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.canReceive());
    this.#received.push(...bytes.subarray(0, count));
    if (count < bytes.length) this.#hostWaits = true;
    return count;
  }

  onReceiveReady(callback: () => void): void {
    this.#receiveReady = callback;
  }

  onTransmit(callback: (character: number) => void): void {
    this.#transmit = callback;
  }

  holdTransmit(hold: boolean): void {
    this.#held = hold;
    const character = this.#sending;
    if (hold || character < 0) return;
    this.#sending = -1;
    this.#transmit(character);
  }

  state(): DeviceState {
    return { received: [...this.#received], sending: this.#sending < 0 ? [] : [this.#sending] };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const received = from.integers("received", RECEIVE_LIMIT, 0xff);
    const [sending = -1] = from.integers("sending", 1, 0xff);
    this.#received = received;
    this.#sending = sending;
    this.holdTransmit(this.#held);
  }

  #send(character: number): void {
    if (!this.#held) this.#transmit(character);
    else if (this.#sending < 0) this.#sending = character;
  }

  #take(): number {
    const character = this.#received.shift() ?? 0;
    this.#offerRoom();
    return character;
  }

  /** Tells a host that was refused once half of the room is free. */
  #offerRoom(): void {
    if (!this.#hostWaits || this.canReceive() * 2 < RECEIVE_LIMIT) return;
    this.#hostWaits = false;
    this.#receiveReady();
  }
}
