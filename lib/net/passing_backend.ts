import type { DeviceState } from "../devices/vbus/device.ts";
import type { FrameOffload, FrameReceiver, NetBackend, NetOffloads } from "./backend.ts";

/** A network that hands everything on to another one. Subclasses look at what goes through. */
export class PassingBackend implements NetBackend {
  readonly #inner: NetBackend;

  /** Puts itself before `inner`. */
  constructor(inner: NetBackend) {
    this.#inner = inner;
  }

  get offloads(): NetOffloads | undefined {
    return this.#inner.offloads;
  }

  get sendReady(): boolean {
    return this.#inner.sendReady !== false;
  }

  get linkUp(): boolean {
    return this.#inner.linkUp !== false;
  }

  send(frame: Uint8Array, offload?: FrameOffload): void {
    this.#inner.send(frame, offload);
  }

  onReceive(receiver: FrameReceiver): void {
    this.#inner.onReceive(receiver);
  }

  receiveReady(): void {
    this.#inner.receiveReady?.();
  }

  onSendReady(callback: () => void): void {
    this.#inner.onSendReady?.(callback);
  }

  onLinkChange(callback: () => void): void {
    this.#inner.onLinkChange?.(callback);
  }

  async open(): Promise<void> {
    await this.#inner.open?.();
  }

  state(): DeviceState {
    return this.#inner.state?.() ?? null;
  }

  restore(state: DeviceState): void {
    if (state !== null) this.#inner.restore?.(state);
  }

  close(): void {
    this.#inner.close();
  }
}
