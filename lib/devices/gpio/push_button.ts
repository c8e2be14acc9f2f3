/** A push button on a pin: pressed for a moment, so that a guest that polls sees it too. */
import type { Clock, Timer } from "../../platform/platform.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";

/** Nanoseconds of guest time that a press lasts: 100 ms, as QEMU's gpio-key. */
export const PRESS_TIME = 100_000_000;

/** A button that drives a line high while it is pressed. */
export class PushButton {
  readonly #drive: (level: boolean) => void;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  /** When it is released; meaningless while it is up. */
  #release = 0;

  /** Up. */
  constructor(drive: (level: boolean) => void, clock: Clock) {
    this.#drive = drive;
    this.#clock = clock;
  }

  /** Whether it is down. */
  get pressed(): boolean {
    return this.#timer !== undefined;
  }

  /** Presses it; one that is down already is held longer. */
  press(): void {
    this.#hold(PRESS_TIME);
    this.#drive(true);
  }

  /** Up. */
  reset(): void {
    this.shutdown();
    this.#drive(false);
  }

  /** Lets go of its deadline. */
  shutdown(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Nanoseconds until it is released, 0 if it is up. */
  state(): DeviceState {
    return { left: this.pressed ? Math.max(1, this.#release - this.#clock.now()) : 0 };
  }

  /** Puts back what `state` gave; the line is the pin's to restore. Throws a TypeError. */
  restore(state: DeviceState): void {
    const left = new StateReader(state, "push button").integer("left", PRESS_TIME);
    this.shutdown();
    if (left > 0) this.#hold(left);
  }

  #hold(time: number): void {
    this.#timer?.cancel();
    this.#release = this.#clock.now() + time;
    this.#timer = this.#clock.at(this.#release, () => this.reset());
  }
}
