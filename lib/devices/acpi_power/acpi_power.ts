/**
 * Power-off and reset of a board with hardware-reduced ACPI: the sleep control and sleep status
 * registers (ACPI 6.4, 4.8.3.7) and a reset register (4.8.3.6). The FADT says where they are.
 */
import { accessBytes, type BytePorts } from "../byte_ports.ts";
import type { AccessResult, BusAccess, Device, DeviceState } from "../vbus/device.ts";

/** Offsets, one byte each. */
export const AcpiPowerRegister = {
  /** SLEEP_CONTROL_REG (WO): SLP_TYPx in 4:2, SLP_EN in 5. */
  SLEEP_CONTROL: 0,
  /** SLEEP_STATUS_REG: WAK_STS in 7. This machine never sleeps, so it is always 0. */
  SLEEP_STATUS: 1,
  /** RESET_REG (WO). */
  RESET: 2,
} as const;

/** Bytes of the registers. */
export const ACPI_POWER_BYTES = 3;
/** SLP_TYP of the S5 state (soft off), for the DSDT's `_S5`. */
export const SLEEP_TYPE_S5 = 5;
/** RESET_VALUE of the FADT: what resets when written to RESET. */
export const RESET_VALUE = 0x42;

const SLP_EN = 1 << 5;

/** What the guest asks of the machine; called from within its access. */
export interface AcpiPowerEvents {
  /** The guest entered S5. */
  powerOff(): void;
  /** The guest reset the machine. */
  reset(): void;
}

/** The registers. Other sleep states and other reset values do nothing. They read as zero. */
export class AcpiPower implements Device, BytePorts {
  /** For people. */
  readonly name = "acpi-power";
  readonly #events: AcpiPowerEvents;

  /** `events` acts. */
  constructor(events: AcpiPowerEvents) {
    this.#events = events;
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  /** Every register reads as zero. */
  read(): number {
    return 0;
  }

  /** Writes a register. */
  write(offset: number, value: number): void {
    if (offset === AcpiPowerRegister.SLEEP_CONTROL) {
      const type = (value >>> 2) & 7;
      if ((value & SLP_EN) !== 0 && type === SLEEP_TYPE_S5) this.#events.powerOff();
    } else if (offset === AcpiPowerRegister.RESET && value === RESET_VALUE) this.#events.reset();
  }

  reset(): void {}

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError("acpi-power has no state");
  }
}
