/** Interrupt inputs and event register of a vCPU (Arm ARM, D1.6, D1.3.6). */
import type { DeviceState } from "../../devices/vbus/device.ts";
import { field } from "./layout.ts";
import { DAIF, type ProcessState } from "./process_state.ts";

const INTERRUPTS = field("interrupts");

/** Levels of IRQ and FIQ, which may change while another vCPU runs. */
export class InterruptInputs {
  readonly #state: ProcessState;
  readonly #attend: () => void;
  /** As ISR_EL1 shows them and DAIF masks them: IRQ in bit 7, FIQ in bit 6. */
  levels = 0;
  /** The event register: set by SEV, SEVL and exception returns, cleared by WFE. */
  event = false;
  /** The vCPU waits by WFE, so that an event ends the wait. */
  waitsForEvent = false;

  /** `attend` is called when an input goes up. */
  constructor(state: ProcessState, attend: () => void) {
    this.#state = state;
    this.#attend = attend;
  }

  /** Drives DAIF.I or DAIF.F. */
  set(input: number, level: boolean): void {
    if (!level) this.levels &= ~input;
    else if ((this.levels & input) === 0) {
      this.levels |= input;
      this.#attend();
    }
  }

  /** Inputs that are high and not masked. */
  get unmasked(): number {
    return this.levels & ~this.#state.daif & DAIF.all;
  }

  /** Whether a wait ends: masked interrupts end it too. */
  wakes(): boolean {
    return this.levels !== 0 || (this.waitsForEvent && this.event);
  }

  /** Puts back saved inputs. Throws a TypeError on anything else. */
  restore(saved: DeviceState): void {
    const { levels, event, waitsForEvent } = (saved ?? {}) as Record<string, DeviceState>;
    const valid = typeof levels === "number" && (levels & ~(DAIF.I | DAIF.F)) === 0 &&
      typeof event === "boolean" && typeof waitsForEvent === "boolean";
    if (!valid) throw new TypeError("not the state of a vCPU");
    this.levels = levels;
    this.event = event;
    this.waitsForEvent = waitsForEvent;
  }

  /** Copies the levels to where the semantics of MSR DAIF look. */
  sync(): void {
    this.#state.view.set32(INTERRUPTS, this.levels);
  }
}
