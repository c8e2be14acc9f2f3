/** Registers of the GICv3 distributor (IHI 0069, 12.9) with affinity routing: SPIs only. */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { GICD_CTLR, type GicV3 } from "./gicv3.ts";
import { SPI_BASE } from "./interrupt_table.ts";
import { ID_BITS } from "./lpi_set.ts";
import {
  GICD,
  ID_REGISTERS,
  readBits,
  readPriorities,
  readTriggers,
  writeBits,
  writePriorities,
  writeTriggers,
} from "./registers.ts";

/** Implementer Arm, as in GICD_IIDR and GICR_IIDR. */
export const IIDR = 0x43b;

/** PIDR4 to CIDR3; PIDR2 tells architecture version 3. */
const ID_VALUES = [0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1];

/**
 * GICD_TYPER: message-based SPIs, 16-bit interrupt ids, Aff3 may be other than 0, range selector for
 * SGIs.
 */
const TYPER_FIXED = (1 << 16) | ((ID_BITS - 1) << 19) | (1 << 24) | (1 << 26);
const TYPER_LPIS = 1 << 17;

/**
 * The distributor: 64 KiB. Reserved registers and accesses of a size that a register does not have
 * read as zero and write nothing. Its state is that of the whole controller.
 */
export class GicV3Distributor implements Device {
  /** For people. */
  readonly name = "gicv3-distributor";
  readonly #gic: GicV3;

  /** The registers of `gic`. */
  constructor(gic: GicV3) {
    this.#gic = gic;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const { offset, size } = access;
    const aligned = size === 4 && (offset & 3) === 0;
    if (access.write) {
      if (aligned) this.#write(offset, access.value);
      else if (size === 1) this.#writePriority(offset, 1, access.value);
      else if (size === 2) this.#writeMessage(offset, access.value);
    } else if (aligned) access.value = this.#read(offset);
    else if (size === 1 && offset >= GICD.IPRIORITYR && offset < GICD.ITARGETSR) {
      access.value = (this.#read(offset & ~3) >>> (8 * (offset & 3))) & 0xff;
    }
    return AccessResult.ok;
  }

  reset(): void {
    this.#gic.reset();
  }

  shutdown(): void {}

  state(): DeviceState {
    return this.#gic.state();
  }

  restore(state: DeviceState): void {
    this.#gic.restore(state);
  }

  #read(offset: number): number {
    const { table } = this.#gic;
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR) {
      const w = (offset >>> 2) & 31;
      return this.#sharedWord(w) === 0 ? 0 : readBits(table, offset, table.row(0, w));
    }
    if (offset >= GICD.IPRIORITYR && offset < GICD.ITARGETSR) {
      const intid = offset - GICD.IPRIORITYR;
      return this.#shared(intid) ? readPriorities(table, table.slot(0, intid)) : 0;
    }
    if (offset >= GICD.ICFGR && offset < GICD.ICFGR + 0x100) {
      const w = (offset >>> 3) & 31;
      if (this.#sharedWord(w) === 0) return 0;
      return readTriggers(table.edge[table.row(0, w)], (offset & 4) !== 0);
    }
    if (offset >= GICD.IROUTER && offset < GICD.IROUTER + 0x2000) {
      const intid = (offset - GICD.IROUTER) >>> 3;
      return this.#shared(intid) ? this.#gic.route(intid, (offset & 4) !== 0) : 0;
    }
    switch (offset) {
      case GICD.CTLR:
        return this.#gic.groupEnables | GICD_CTLR.ARE | GICD_CTLR.DS;
      case GICD.TYPER:
        return TYPER_FIXED | (this.#gic.lpis ? TYPER_LPIS : 0) | (table.words - 1);
      case GICD.IIDR:
        return IIDR;
      default:
        return offset >= ID_REGISTERS ? ID_VALUES[(offset - ID_REGISTERS) >>> 2] : 0;
    }
  }

  #write(offset: number, value: number): void {
    const { table } = this.#gic;
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR) {
      const w = (offset >>> 2) & 31;
      const mask = this.#sharedWord(w);
      if (mask === 0) return;
      const row = table.row(0, w);
      this.#gic.refreshWord(row, writeBits(table, offset, row, value, mask));
      if (offset < GICD.ISENABLER) this.#gic.evaluateAll();
      else this.#gic.settle();
    } else if (offset >= GICD.IPRIORITYR && offset < GICD.ITARGETSR) {
      this.#writePriority(offset, 4, value);
    } else if (offset >= GICD.ICFGR && offset < GICD.ICFGR + 0x100) {
      const w = (offset >>> 3) & 31;
      const mask = this.#sharedWord(w);
      if (mask === 0) return;
      const row = table.row(0, w);
      table.edge[row] = writeTriggers(table.edge[row], (offset & 4) !== 0, value) & mask;
      this.#gic.refreshWord(row, mask);
      this.#gic.settle();
    } else if (offset >= GICD.IROUTER && offset < GICD.IROUTER + 0x2000) {
      const intid = (offset - GICD.IROUTER) >>> 3;
      if (this.#shared(intid)) this.#gic.setRoute(intid, (offset & 4) !== 0, value);
    } else if (offset === GICD.CTLR) this.#gic.groupEnables = value;
    else this.#writeMessage(offset, value);
  }

  #writeMessage(offset: number, value: number): void {
    if (offset === GICD.SETSPI_NSR) this.#gic.messageSpi(value & 0x3ff, true);
    else if (offset === GICD.CLRSPI_NSR) this.#gic.messageSpi(value & 0x3ff, false);
  }

  #writePriority(offset: number, count: number, value: number): void {
    if (offset < GICD.IPRIORITYR || offset >= GICD.ITARGETSR) return;
    const { table } = this.#gic;
    const intid = offset - GICD.IPRIORITYR;
    if (!this.#shared(intid)) return;
    writePriorities(table, table.slot(0, intid), count, value);
    this.#gic.evaluateAll();
  }

  /** Whether an id is that of an SPI: SGIs and PPIs are the redistributors' with affinity routing. */
  #shared(intid: number): boolean {
    return intid >= SPI_BASE && this.#gic.table.exists(intid);
  }

  #sharedWord(w: number): number {
    return w === 0 ? 0 : this.#gic.table.implemented(w);
  }
}
