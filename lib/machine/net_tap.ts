/** Trace events of the frames between a network card and its network. */
import { TraceLevel, type Tracer } from "../config/trace.ts";
import type { FrameOffload, FrameReceiver, NetBackend } from "../net/backend.ts";
import { PassingBackend } from "../net/passing_backend.ts";

/** A network that tells each frame, `transmit` and `receive` as the guest sees it. */
export class NetTap extends PassingBackend {
  readonly #tracer: Tracer;
  readonly #device: string;

  /** Puts itself before `inner`, the network of the card `device`. */
  constructor(inner: NetBackend, tracer: Tracer, device: string) {
    super(inner);
    this.#tracer = tracer;
    this.#device = device;
  }

  override send(frame: Uint8Array, offload?: FrameOffload): void {
    if (this.#tracer.level !== TraceLevel.none) this.#tell("transmit", frame, true);
    super.send(frame, offload);
  }

  override onReceive(receiver: FrameReceiver): void {
    super.onReceive((frame, offload) => {
      const taken = receiver(frame, offload);
      if (this.#tracer.level !== TraceLevel.none) this.#tell("receive", frame, taken);
      return taken;
    });
  }

  override onLinkChange(callback: () => void): void {
    super.onLinkChange(() => {
      if (this.#tracer.level !== TraceLevel.none) {
        this.#tracer.emit("link", { device: this.#device, up: this.linkUp });
      }
      callback();
    });
  }

  #tell(event: string, frame: Uint8Array, taken: boolean): void {
    const fields = { device: this.#device, bytes: frame.length, ...(!taken && { dropped: true }) };
    this.#tracer.emit(event, fields);
  }
}
