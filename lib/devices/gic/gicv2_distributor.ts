/** Registers of the GICv2 distributor (IHI 0048B, 4.3). */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { GicV2 } from "./gicv2.ts";
import {
  GICD,
  readBits,
  readPriorities,
  readTriggers,
  writeBits,
  writePriorities,
  writeTriggers,
} from "./registers.ts";

/** Implementer Arm. */
const IIDR = 0x43b;
/** Offset of PIDR4. */
const ID_REGISTERS = 0xfd0;
/** PIDR4 to CIDR3; PIDR2 tells architecture version 2. */
const ID_VALUES = [0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1];
/** SGIs in a word of interrupts. */
const SGIS = 0xffff;

/**
 * The distributor: 4 KiB. Registers take accesses of one, two and four bytes; misaligned ones and
 * reserved registers read as zero and write nothing. Its state is that of the whole controller.
 */
export class GicV2Distributor implements Device {
  /** For people. */
  readonly name = "gicv2-distributor";
  readonly #gic: GicV2;

  /** The registers of `gic`. */
  constructor(gic: GicV2) {
    this.#gic = gic;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const { offset, size } = access;
    if ((offset & (size - 1)) !== 0) return AccessResult.ok;
    const cpu = access.vcpu >= 0 && access.vcpu < this.#gic.cpus ? access.vcpu : 0;
    const shift = 8 * (offset & 3);
    if (access.write) this.#write(cpu, offset & ~3, access.value << shift, shift, size);
    else access.value = this.#read(cpu, offset & ~3) >>> shift;
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

  /** Reads the 32-bit register at `offset`. */
  #read(cpu: number, offset: number): number {
    const gic = this.#gic;
    const { table } = gic;
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR) {
      const w = (offset >>> 2) & 31;
      return w < table.words ? readBits(table, offset, table.row(cpu, w)) : 0;
    }
    if (offset >= GICD.IPRIORITYR && offset < GICD.ITARGETSR) {
      const intid = offset - GICD.IPRIORITYR;
      return table.exists(intid) ? readPriorities(table, table.slot(cpu, intid)) : 0;
    }
    if (offset >= GICD.ITARGETSR && offset < GICD.ICFGR) {
      return bytes((i) => gic.targets(cpu, offset - GICD.ITARGETSR + i));
    }
    if (offset >= GICD.ICFGR && offset < GICD.ICFGR + 0x100) {
      const w = (offset >>> 3) & 31;
      return w < table.words ? readTriggers(table.edge[table.row(cpu, w)], (offset & 4) !== 0) : 0;
    }
    if (offset >= GICD.CPENDSGIR && offset < GICD.SPENDSGIR + 16) {
      return bytes((i) => gic.sgiSources(cpu, (offset & 15) + i));
    }
    switch (offset) {
      case GICD.CTLR:
        return gic.groupEnables;
      case GICD.TYPER:
        return ((gic.cpus - 1) << 5) | (table.words - 1);
      case GICD.IIDR:
        return IIDR;
      default:
        return offset >= ID_REGISTERS ? ID_VALUES[(offset - ID_REGISTERS) >>> 2] : 0;
    }
  }

  /** Writes `size` bytes, the lowest `shift` bits up, of the register at `offset`. */
  #write(cpu: number, offset: number, value: number, shift: number, size: number): void {
    const gic = this.#gic;
    const { table } = gic;
    const first = shift >>> 3;
    const mask = (size === 4 ? 0xffffffff : (1 << (8 * size)) - 1) << shift;
    if (offset >= GICD.IGROUPR && offset < GICD.IPRIORITYR) {
      const w = (offset >>> 2) & 31;
      const row = table.row(cpu, w);
      const writable = mask & table.implemented(w) & ~readOnly(offset, w);
      if (writable === 0) return;
      gic.refreshWord(row, writeBits(table, offset, row, value, writable));
      if (offset < GICD.ISENABLER) gic.evaluateAll();
    } else if (offset >= GICD.IPRIORITYR && offset < GICD.ITARGETSR) {
      const intid = offset - GICD.IPRIORITYR;
      if (!table.exists(intid)) return;
      writePriorities(table, table.slot(cpu, intid) + first, size, value >>> shift);
      gic.evaluateAll();
    } else if (offset >= GICD.ITARGETSR && offset < GICD.ICFGR) {
      const intid = offset - GICD.ITARGETSR;
      for (let i = first; i < first + size; i++) {
        gic.setTargets(intid + i, (value >>> (8 * i)) & 0xff);
      }
    } else if (offset >= GICD.ICFGR && offset < GICD.ICFGR + 0x100) {
      const w = (offset >>> 3) & 31;
      const upper = (offset & 4) !== 0;
      if (w >= table.words || offset === GICD.ICFGR) return;
      const row = table.row(cpu, w);
      const merged = (readTriggers(table.edge[row], upper) & ~mask) | (value & mask);
      table.edge[row] = writeTriggers(table.edge[row], upper, merged) & table.implemented(w);
      gic.refreshWord(row, table.implemented(w));
    } else if (offset >= GICD.CPENDSGIR && offset < GICD.SPENDSGIR + 16) {
      for (let i = first; i < first + size; i++) {
        const sources = (value >>> (8 * i)) & 0xff;
        if (offset < GICD.SPENDSGIR) gic.removeSgi(cpu, (offset & 15) + i, sources);
        else gic.addSgi(cpu, (offset & 15) + i, sources);
      }
    } else if (offset === GICD.CTLR && (mask & 0xff) !== 0) gic.groupEnables = value;
    else if (offset === GICD.SGIR && size === 4) this.#sendSgi(cpu, value);
    gic.settle();
  }

  /** GICD_SGIR: to a list of vCPUs, to all others, or to the sender. */
  #sendSgi(cpu: number, value: number): void {
    const filter = (value >>> 24) & 3;
    const list = filter === 0
      ? (value >>> 16) & 0xff
      : filter === 1
      ? ~(1 << cpu)
      : filter === 2
      ? 1 << cpu
      : 0;
    for (let to = 0; to < this.#gic.cpus; to++) {
      if (((list >>> to) & 1) !== 0) this.#gic.addSgi(to, value & 15, 1 << cpu);
    }
  }
}

/** SGIs are always enabled, and pending only through GICD_SGIR and GICD_SPENDSGIR. */
function readOnly(offset: number, w: number): number {
  return w === 0 && offset >= GICD.ISENABLER && offset < GICD.ISACTIVER ? SGIS : 0;
}

function bytes(byte: (i: number) => number): number {
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}
