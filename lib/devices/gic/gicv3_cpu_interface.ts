/** ICC_* system registers of the GICv3 CPU interface (IHI 0069, 12.2), EL1 without EL2 and EL3. */
import { systemRegister, type SystemRegisters } from "../vbus/device.ts";
import { type GicV3, ICC_CTLR } from "./gicv3.ts";
import { SPURIOUS } from "./interrupt_table.ts";
import { MIN_BINARY_POINT, PRIORITY_BITS, PRIORITY_MASK } from "./priority.ts";

/** Numbers of the registers. */
export const ICC: {
  readonly PMR_EL1: number;
  readonly IAR0_EL1: number;
  readonly EOIR0_EL1: number;
  readonly HPPIR0_EL1: number;
  readonly BPR0_EL1: number;
  readonly AP0R0_EL1: number;
  readonly AP1R0_EL1: number;
  readonly DIR_EL1: number;
  readonly RPR_EL1: number;
  readonly SGI1R_EL1: number;
  readonly ASGI1R_EL1: number;
  readonly SGI0R_EL1: number;
  readonly IAR1_EL1: number;
  readonly EOIR1_EL1: number;
  readonly HPPIR1_EL1: number;
  readonly BPR1_EL1: number;
  readonly CTLR_EL1: number;
  readonly SRE_EL1: number;
  readonly IGRPEN0_EL1: number;
  readonly IGRPEN1_EL1: number;
} = {
  PMR_EL1: systemRegister(3, 0, 4, 6, 0),
  IAR0_EL1: systemRegister(3, 0, 12, 8, 0),
  EOIR0_EL1: systemRegister(3, 0, 12, 8, 1),
  HPPIR0_EL1: systemRegister(3, 0, 12, 8, 2),
  BPR0_EL1: systemRegister(3, 0, 12, 8, 3),
  AP0R0_EL1: systemRegister(3, 0, 12, 8, 4),
  AP1R0_EL1: systemRegister(3, 0, 12, 9, 0),
  DIR_EL1: systemRegister(3, 0, 12, 11, 1),
  RPR_EL1: systemRegister(3, 0, 12, 11, 3),
  SGI1R_EL1: systemRegister(3, 0, 12, 11, 5),
  ASGI1R_EL1: systemRegister(3, 0, 12, 11, 6),
  SGI0R_EL1: systemRegister(3, 0, 12, 11, 7),
  IAR1_EL1: systemRegister(3, 0, 12, 12, 0),
  EOIR1_EL1: systemRegister(3, 0, 12, 12, 1),
  HPPIR1_EL1: systemRegister(3, 0, 12, 12, 2),
  BPR1_EL1: systemRegister(3, 0, 12, 12, 3),
  CTLR_EL1: systemRegister(3, 0, 12, 12, 4),
  SRE_EL1: systemRegister(3, 0, 12, 12, 5),
  IGRPEN0_EL1: systemRegister(3, 0, 12, 12, 6),
  IGRPEN1_EL1: systemRegister(3, 0, 12, 12, 7),
};

/** ICC_CTLR_EL1: range selector, A3V, ids of 24 bits, and the number of priority bits less one. */
const CTLR_FIXED = (1 << 18) | (1 << 15) | (1 << 11) | ((PRIORITY_BITS - 1) << 8);
/** ICC_SRE_EL1: system registers only (SRE), no bypass (DFB, DIB). */
const SRE_FIXED = 7n;

/**
 * The CPU interfaces of all vCPUs. Of the active priorities registers only number 0 exists: five
 * priority bits need no more.
 */
export class GicV3CpuInterface implements SystemRegisters {
  readonly #gic: GicV3;

  /** The registers of `gic`. */
  constructor(gic: GicV3) {
    this.#gic = gic;
  }

  readRegister(vcpu: number, id: number): bigint | undefined {
    const value = this.#read(vcpu, id);
    return value === undefined ? undefined : BigInt(value);
  }

  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    const gic = this.#gic;
    const low = Number(value & 0xffff_ffffn);
    switch (id) {
      case ICC.EOIR1_EL1:
      case ICC.EOIR0_EL1:
        gic.endOfInterrupt(vcpu, id === ICC.EOIR1_EL1, low & 0xffffff);
        return true;
      case ICC.DIR_EL1:
        gic.deactivate(vcpu, low & 0xffffff);
        return true;
      case ICC.PMR_EL1:
        gic.pmr[vcpu] = low & PRIORITY_MASK;
        break;
      case ICC.SGI1R_EL1:
      case ICC.ASGI1R_EL1:
      case ICC.SGI0R_EL1:
        this.#sendSgi(vcpu, low, Number((value >> 32n) & 0xffff_ffffn), id !== ICC.SGI0R_EL1);
        return true;
      case ICC.BPR0_EL1:
        gic.bpr0[vcpu] = Math.max(low & 7, MIN_BINARY_POINT);
        break;
      case ICC.BPR1_EL1:
        if ((gic.control[vcpu] & ICC_CTLR.CBPR) !== 0) return true;
        gic.bpr1[vcpu] = Math.max(low & 7, MIN_BINARY_POINT + 1);
        break;
      case ICC.CTLR_EL1:
        gic.control[vcpu] = low & (ICC_CTLR.CBPR | ICC_CTLR.EOImode);
        break;
      case ICC.IGRPEN0_EL1:
      case ICC.IGRPEN1_EL1:
        (id === ICC.IGRPEN0_EL1 ? gic.enable0 : gic.enable1)[vcpu] = low & 1;
        gic.evaluateAll();
        return true;
      case ICC.AP0R0_EL1:
        gic.active0[vcpu] = low;
        break;
      case ICC.AP1R0_EL1:
        gic.active1[vcpu] = low;
        break;
      case ICC.SRE_EL1:
        return true;
      default:
        return false;
    }
    gic.evaluate(vcpu);
    return true;
  }

  #read(vcpu: number, id: number): number | bigint | undefined {
    const gic = this.#gic;
    switch (id) {
      case ICC.IAR1_EL1:
        return gic.acknowledge(vcpu, true);
      case ICC.IAR0_EL1:
        return gic.acknowledge(vcpu, false);
      case ICC.PMR_EL1:
        return gic.pmr[vcpu];
      case ICC.RPR_EL1:
        return gic.runningPriority(vcpu);
      case ICC.HPPIR0_EL1:
      case ICC.HPPIR1_EL1: {
        const intid = gic.highest(vcpu);
        if (intid === SPURIOUS) return SPURIOUS;
        return gic.isGroup1(vcpu, intid) === (id === ICC.HPPIR1_EL1) ? intid : SPURIOUS;
      }
      case ICC.BPR0_EL1:
        return gic.bpr0[vcpu];
      case ICC.BPR1_EL1:
        return gic.binaryPoint1(vcpu);
      case ICC.CTLR_EL1:
        return CTLR_FIXED | gic.control[vcpu];
      case ICC.SRE_EL1:
        return SRE_FIXED;
      case ICC.IGRPEN0_EL1:
        return gic.enable0[vcpu];
      case ICC.IGRPEN1_EL1:
        return gic.enable1[vcpu];
      case ICC.AP0R0_EL1:
        return gic.active0[vcpu];
      case ICC.AP1R0_EL1:
        return gic.active1[vcpu];
      default:
        return undefined;
    }
  }

  /**
   * ICC_SGI<n>R_EL1 (IHI 0069, 12.2.19): to all others, or to those of one cluster whose Aff0 is
   * 16 * RS plus the number of a bit in the target list.
   */
  #sendSgi(sender: number, low: number, high: number, group1: boolean): void {
    const gic = this.#gic;
    const intid = (low >>> 24) & 15;
    if ((high & (1 << 8)) !== 0) {
      for (let to = 0; to < gic.cpus; to++) if (to !== sender) gic.sendSgi(to, intid, group1);
    } else {
      const range = (high >>> 12) & 15;
      const cluster = (((high >>> 16) & 0xff) << 24) | ((high & 0xff) << 16) |
        (((low >>> 16) & 0xff) << 8) | (range << 4);
      for (let n = 0; n < 16; n++) {
        if (((low >>> n) & 1) === 0) continue;
        const to = gic.cpuWithAffinity(cluster | n);
        if (to !== undefined) gic.sendSgi(to, intid, group1);
      }
    }
    gic.settle();
  }
}
