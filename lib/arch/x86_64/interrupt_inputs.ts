/** Interrupt inputs of a vCPU: INTR, a level, and NMI, an edge (SDM volume 3, 6.3, 6.7). */
import type { DeviceState } from "../../devices/vbus/device.ts";
import { StateReader } from "../../devices/device_state.ts";
import { field } from "./layout.ts";
import type { ProcessorState } from "./processor_state.ts";

const INTERRUPTS = field("interrupts");

/** Bits of the state field `interrupts`. */
export const Input = { intr: 1, nmi: 2 } as const;

/** Inputs, which may change while another vCPU runs. */
export class InterruptInputs {
  readonly #state: ProcessorState;
  /** The local APIC has an interrupt. */
  intr = false;
  /** An NMI has come and was not taken. */
  nmi = false;
  /** From the delivery of an NMI to the next IRET. */
  nmiBlocked = false;
  /** The vCPU executed HLT with RFLAGS.IF set. */
  waitsForIntr = false;

  constructor(state: ProcessorState) {
    this.#state = state;
  }

  reset(): void {
    this.nmi = this.nmiBlocked = this.waitsForIntr = false;
  }

  /** Whether one would be taken now, but for the shadow of STI and MOV SS. */
  get unmasked(): boolean {
    return (this.nmi && !this.nmiBlocked) || (this.intr && this.#state.interruptsEnabled);
  }

  /** Whether the wait of HLT ends. */
  wakes(): boolean {
    return (this.nmi && !this.nmiBlocked) || (this.intr && this.waitsForIntr);
  }

  /** Copies the inputs to where the semantics of STI look. */
  sync(): void {
    const nmi = this.nmi && !this.nmiBlocked ? Input.nmi : 0;
    this.#state.view.set32(INTERRUPTS, (this.intr ? Input.intr : 0) | nmi);
  }

  /** Plain data. */
  state(): DeviceState {
    const { intr, nmi, nmiBlocked, waitsForIntr } = this;
    return { intr, nmi, nmiBlocked, waitsForIntr };
  }

  /** Puts back saved inputs. Throws a TypeError on anything else. */
  restore(saved: DeviceState): void {
    const from = new StateReader(saved, "inputs of a vCPU");
    const [intr, nmi] = [from.boolean("intr"), from.boolean("nmi")];
    const [nmiBlocked, waitsForIntr] = [from.boolean("nmiBlocked"), from.boolean("waitsForIntr")];
    Object.assign(this, { intr, nmi, nmiBlocked, waitsForIntr });
  }
}
