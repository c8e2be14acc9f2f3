/** GICv2m: a frame of registers that turns message-signalled interrupts into SPIs (Arm SBSA, appendix E). */
import type { IrqLine, MsiController } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { SPI_BASE } from "./interrupt_table.ts";

const V2M = { MSI_TYPER: 0x008, MSI_SETSPI_NS: 0x040, MSI_IIDR: 0xfcc } as const;
/** The same product as on QEMU's board, so that drivers behave alike. */
const IIDR = 0x51 << 20;

/** The frame: 4 KiB, words only. The SPIs have to be configured as edge-triggered. */
export class GicV2m implements Device, MsiController {
  /** For people. */
  readonly name = "gicv2m";
  readonly #first: number;
  readonly #lines: readonly IrqLine[];

  /** `lines` are those of the SPIs from number `first` on. */
  constructor(first: number, lines: readonly IrqLine[]) {
    this.#first = first;
    this.#lines = lines;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    if (access.size !== 4) return AccessResult.ok;
    if (access.write) {
      if (access.offset === V2M.MSI_SETSPI_NS) this.message(0, access.value);
    } else if (access.offset === V2M.MSI_TYPER) {
      access.value = ((this.#first + SPI_BASE) << 16) | this.#lines.length;
    } else if (access.offset === V2M.MSI_IIDR) access.value = IIDR;
    return AccessResult.ok;
  }

  /** What a write of `data` to MSI_SETSPI_NS does: an edge on that SPI if it is one of the frame's. */
  message(_device: number, data: number): void {
    const line = this.#lines[(data & 0x3ff) - SPI_BASE - this.#first];
    line?.set(true);
    line?.set(false);
  }

  reset(): void {}

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError("an MSI frame has no state");
  }
}
