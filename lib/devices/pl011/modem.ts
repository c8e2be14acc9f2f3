/** Modem control lines of the PL011: four inputs, four outputs, and how loopback joins them. */
import { Control, Flag } from "./registers.ts";

/** Modem inputs: true is asserted (the pin, active low, is at 0). */
export interface ModemInputs {
  /** Clear to send. */
  readonly cts: boolean;
  /** Data set ready. */
  readonly dsr: boolean;
  /** Data carrier detect. */
  readonly dcd: boolean;
  /** Ring indicator. */
  readonly ri: boolean;
}

/** Modem outputs: true is asserted. */
export interface ModemOutputs {
  /** Request to send. */
  readonly rts: boolean;
  /** Data terminal ready. */
  readonly dtr: boolean;
  /** Often the carrier detect of the other side. */
  readonly out1: boolean;
  /** Often the ring indicator of the other side. */
  readonly out2: boolean;
}

/** The inputs as FR shows them. In loopback the outputs come back as inputs (DDI 0183, 2.4.5). */
export function modemFlags(cr: number, inputs: ModemInputs | undefined): number {
  const loopback = (cr & Control.loopback) !== 0;
  const line = (input: keyof ModemInputs, output: number): boolean =>
    loopback ? (cr & output) !== 0 : inputs?.[input] === true;
  return (line("cts", Control.rts) ? Flag.cts : 0) | (line("dsr", Control.dtr) ? Flag.dsr : 0) |
    (line("dcd", Control.out1) ? Flag.dcd : 0) | (line("ri", Control.out2) ? Flag.ri : 0);
}

/** What CR drives. In loopback the outputs are off. */
export function modemOutputs(cr: number): ModemOutputs {
  const on = (bit: number): boolean => (cr & Control.loopback) === 0 && (cr & bit) !== 0;
  return {
    rts: on(Control.rts),
    dtr: on(Control.dtr),
    out1: on(Control.out1),
    out2: on(Control.out2),
  };
}
