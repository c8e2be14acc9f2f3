/** A network that echoes. */
import type { FrameReceiver, NetBackend } from "./backend.ts";

/** Gives every frame back to the guest that sent it. */
export class LoopbackBackend implements NetBackend {
  #receiver: FrameReceiver = () => false;

  send(frame: Uint8Array): void {
    this.#receiver(frame);
  }

  onReceive(receiver: FrameReceiver): void {
    this.#receiver = receiver;
  }

  close(): void {
    this.#receiver = () => false;
  }
}
