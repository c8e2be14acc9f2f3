import type { IrqLine } from "../irq_controller/irq_line.ts";
import { unconnected } from "../irq_controller/lines.ts";
import { type InterruptTable, SPI_BASE } from "./interrupt_table.ts";

const PPI_BASE = 16;
const PPI_COUNT = 16;

/** The wires of devices into a GIC. They drive the levels of its table. */
export class InputLines {
  readonly #table: InterruptTable;
  readonly #lines: readonly IrqLine[];

  /** `changed` hears of each interrupt whose level changed. */
  constructor(table: InterruptTable, changed: (slot: number) => void) {
    this.#table = table;
    this.#lines = Array.from({ length: table.slots }, (_, slot) => ({
      set: (level: boolean): void => {
        if (table.setLevel(slot, level)) changed(slot);
      },
    }));
  }

  /** Shared peripheral interrupt `n`; leads nowhere if there is no such interrupt. */
  spi(n: number): IrqLine {
    const table = this.#table;
    return n >= 0 && table.exists(SPI_BASE + n)
      ? this.#lines[table.slot(0, SPI_BASE + n)]
      : unconnected;
  }

  /** Private peripheral interrupt `n` (0 to 15) of a vCPU; leads nowhere if there is none such. */
  ppi(vcpu: number, n: number): IrqLine {
    const table = this.#table;
    return n >= 0 && n < PPI_COUNT && vcpu >= 0 && vcpu < table.cpus
      ? this.#lines[table.slot(vcpu, PPI_BASE + n)]
      : unconnected;
  }
}
