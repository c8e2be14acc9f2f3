/** A network with nobody on it. */
import type { NetBackend } from "./backend.ts";

/** Swallows every frame. */
export class NullBackend implements NetBackend {
  /** Frames swallowed. */
  frames = 0;

  send(): void {
    this.frames++;
  }

  onReceive(): void {}

  close(): void {}
}
