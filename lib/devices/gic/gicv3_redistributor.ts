/** Registers of the GICv3 redistributors (IHI 0069, 12.10 and 12.11). */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { GicV3 } from "./gicv3.ts";
import { IIDR } from "./gicv3_distributor.ts";
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

/** Bytes of one redistributor: the RD frame, then the SGI frame, 64 KiB each. */
export const REDISTRIBUTOR_BYTES = 0x20000;
const SGI_FRAME = 0x10000;

const GICR = {
  CTLR: 0x00,
  IIDR: 0x04,
  TYPER: 0x08,
  WAKER: 0x14,
  PROPBASER: 0x70,
  PENDBASER: 0x78,
  INVLPIR: 0xa0,
  INVALLR: 0xb0,
} as const;
/** GICR_CTLR: LPIs can be disabled again (CES), and there are invalidate registers (IR). */
const CTLR = { EnableLPIs: 1, CES: 2, IR: 4 } as const;
/** GICR_WAKER; ChildrenAsleep follows ProcessorSleep at once. */
const WAKER = { ProcessorSleep: 1 << 1, ChildrenAsleep: 1 << 2 } as const;
/** GICR_TYPER: physical LPIs. */
const TYPER_PLPIS = 1;
/** GICR_TYPER: last redistributor of the region. */
const TYPER_LAST = 1 << 4;
/** GICR_TYPER.CommonLPIAff: redistributors of one Aff3 share an LPI configuration table. */
const TYPER_COMMON_LPI_AFF = 1 << 24;

/** PIDR4 to CIDR3; PIDR2 tells architecture version 3. */
const ID_VALUES = [0x44, 0, 0, 0, 0x93, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1];

/**
 * All redistributors, one after the other, in the order of the vCPUs. Reserved registers and
 * accesses of a size that a register does not have read as zero and write nothing. State and reset
 * are the distributor's matter.
 */
export class GicV3Redistributors implements Device {
  /** For people. */
  readonly name = "gicv3-redistributors";
  /** Length of the region. */
  readonly bytes: number;
  readonly #gic: GicV3;

  /** The registers of `gic`. */
  constructor(gic: GicV3) {
    this.#gic = gic;
    this.bytes = gic.cpus * REDISTRIBUTOR_BYTES;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const { size } = access;
    const cpu = Math.floor(access.offset / REDISTRIBUTOR_BYTES);
    const offset = access.offset % REDISTRIBUTOR_BYTES;
    const priorities = offset >= SGI_FRAME + GICD.IPRIORITYR &&
      offset < SGI_FRAME + GICD.IPRIORITYR + 32;
    const aligned = size === 4 && (offset & 3) === 0;
    if (cpu >= this.#gic.cpus) return AccessResult.ok;
    if (priorities && (aligned || size === 1)) this.#priorities(cpu, offset & 31, access);
    else if (!aligned) return AccessResult.ok;
    else if (offset >= SGI_FRAME) {
      if (access.write) this.#writeSgiFrame(cpu, offset - SGI_FRAME, access.value);
      else access.value = this.#readSgiFrame(cpu, offset - SGI_FRAME);
    } else if (!access.write) access.value = this.#readRdFrame(cpu, offset);
    else this.#writeRdFrame(cpu, offset, access.value);
    return AccessResult.ok;
  }

  reset(): void {}

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError("redistributors have no state of their own");
  }

  #readRdFrame(cpu: number, offset: number): number {
    const { lpis } = this.#gic;
    const high = (offset & 4) !== 0 ? 1 : 0;
    switch (offset) {
      case GICR.CTLR:
        return lpis ? CTLR.CES | CTLR.IR | (lpis.enabled(cpu) ? CTLR.EnableLPIs : 0) : 0;
      case GICR.PROPBASER:
      case GICR.PROPBASER + 4:
        return lpis?.propbaser(cpu, high) ?? 0;
      case GICR.PENDBASER:
      case GICR.PENDBASER + 4:
        return lpis?.pendbaser(cpu, high) ?? 0;
      case GICR.IIDR:
        return IIDR;
      case GICR.TYPER:
        return (cpu << 8) | TYPER_COMMON_LPI_AFF | (lpis ? TYPER_PLPIS : 0) |
          (cpu === this.#gic.cpus - 1 ? TYPER_LAST : 0);
      case GICR.TYPER + 4:
        return this.#gic.affinity[cpu];
      case GICR.WAKER:
        return this.#gic.asleep[cpu] !== 0 ? WAKER.ProcessorSleep | WAKER.ChildrenAsleep : 0;
      default:
        return offset >= ID_REGISTERS ? ID_VALUES[(offset - ID_REGISTERS) >>> 2] : 0;
    }
  }

  #writeRdFrame(cpu: number, offset: number, value: number): void {
    if (offset === GICR.WAKER) {
      this.#gic.setAsleep(cpu, (value & WAKER.ProcessorSleep) !== 0);
      return;
    }
    const { lpis } = this.#gic;
    if (lpis === undefined) return;
    const high = (offset & 4) !== 0 ? 1 : 0;
    switch (offset) {
      case GICR.CTLR:
        lpis.setEnabled(cpu, (value & CTLR.EnableLPIs) !== 0);
        break;
      case GICR.PROPBASER:
      case GICR.PROPBASER + 4:
        lpis.setPropbaser(cpu, high, value);
        return;
      case GICR.PENDBASER:
      case GICR.PENDBASER + 4:
        lpis.setPendbaser(cpu, high, value);
        return;
      case GICR.INVLPIR:
        lpis.invalidate(cpu, value);
        break;
      case GICR.INVALLR:
        lpis.invalidateAll(cpu);
        break;
    }
    this.#gic.settle();
  }

  #readSgiFrame(cpu: number, offset: number): number {
    const { table } = this.#gic;
    // Only the first word of each register is there.
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR) {
      return (offset & 0x7f) === 0 ? readBits(table, offset, cpu) : 0;
    }
    if (offset === GICD.ICFGR || offset === GICD.ICFGR + 4) {
      return readTriggers(table.edge[cpu], offset !== GICD.ICFGR);
    }
    return 0;
  }

  #writeSgiFrame(cpu: number, offset: number, value: number): void {
    const { table } = this.#gic;
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR && (offset & 0x7f) === 0) {
      this.#gic.refreshWord(cpu, writeBits(table, offset, cpu, value, -1));
      this.#gic.evaluate(cpu);
    } else if (offset === GICD.ICFGR + 4) {
      table.edge[cpu] = writeTriggers(table.edge[cpu], true, value);
      this.#gic.refreshWord(cpu, -1);
      this.#gic.settle();
    }
  }

  #priorities(cpu: number, intid: number, access: BusAccess): void {
    const { table } = this.#gic;
    const slot = table.slot(cpu, intid);
    if (!access.write) {
      access.value = access.size === 4 ? readPriorities(table, slot) : table.priority[slot];
      return;
    }
    writePriorities(table, slot, access.size, access.value);
    this.#gic.evaluate(cpu);
  }
}
