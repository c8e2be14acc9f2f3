/** Trace events of the frames between a network card and its network. */
import { TraceLevel, type Tracer } from "../config/trace.ts";
import type { DeviceState } from "../devices/vbus/device.ts";
import type { FrameOffload, FrameReceiver, NetBackend, NetOffloads } from "../net/backend.ts";

/** A network that tells each frame, `transmit` and `receive` as the guest sees it. */
export class NetTap implements NetBackend {
  readonly #inner: NetBackend;
  readonly #tracer: Tracer;
  readonly #device: string;

  /** Puts itself before `inner`, the network of the card `device`. */
  constructor(inner: NetBackend, tracer: Tracer, device: string) {
    this.#inner = inner;
    this.#tracer = tracer;
    this.#device = device;
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
    if (this.#tracer.level !== TraceLevel.none) this.#tell("transmit", frame, true);
    this.#inner.send(frame, offload);
  }

  onReceive(receiver: FrameReceiver): void {
    this.#inner.onReceive((frame, offload) => {
      const taken = receiver(frame, offload);
      if (this.#tracer.level !== TraceLevel.none) this.#tell("receive", frame, taken);
      return taken;
    });
  }

  receiveReady(): void {
    this.#inner.receiveReady?.();
  }

  onSendReady(callback: () => void): void {
    this.#inner.onSendReady?.(callback);
  }

  onLinkChange(callback: () => void): void {
    this.#inner.onLinkChange?.(() => {
      if (this.#tracer.level !== TraceLevel.none) {
        this.#tracer.emit("link", { device: this.#device, up: this.linkUp });
      }
      callback();
    });
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

  #tell(event: string, frame: Uint8Array, taken: boolean): void {
    const fields = { device: this.#device, bytes: frame.length, ...(!taken && { dropped: true }) };
    this.#tracer.emit(event, fields);
  }
}
