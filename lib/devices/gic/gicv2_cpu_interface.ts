/** Registers of the GICv2 CPU interface (IHI 0048B, 4.4), banked by the vCPU that asks. */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { GICC_CTLR, type GicV2 } from "./gicv2.ts";

const GICC = {
  CTLR: 0x000,
  PMR: 0x004,
  BPR: 0x008,
  IAR: 0x00c,
  EOIR: 0x010,
  RPR: 0x014,
  HPPIR: 0x018,
  ABPR: 0x01c,
  AIAR: 0x020,
  AEOIR: 0x024,
  AHPPIR: 0x028,
  APR: 0x0d0,
  NSAPR: 0x0e0,
  IIDR: 0x0fc,
  DIR: 0x1000,
} as const;

/** Architecture version 2, implementer Arm. */
const IIDR = 0x2043b;

/**
 * The CPU interfaces: 8 KiB, GICC_DIR being in the second half. Accesses other than of an aligned
 * word read as zero and write nothing. State and reset are the distributor's matter.
 */
export class GicV2CpuInterface implements Device {
  /** For people. */
  readonly name = "gicv2-cpu-interface";
  readonly #gic: GicV2;

  /** The registers of `gic`. */
  constructor(gic: GicV2) {
    this.#gic = gic;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const cpu = access.vcpu >= 0 && access.vcpu < this.#gic.cpus ? access.vcpu : 0;
    if (access.size !== 4) return AccessResult.ok;
    if (access.write) this.#write(cpu, access.offset, access.value);
    else access.value = this.#read(cpu, access.offset);
    return AccessResult.ok;
  }

  reset(): void {}

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError("CPU interfaces have no state of their own");
  }

  #read(cpu: number, offset: number): number {
    const gic = this.#gic;
    switch (offset) {
      case GICC.IAR:
        return gic.acknowledge(cpu, false);
      case GICC.CTLR:
        return gic.control[cpu];
      case GICC.PMR:
        return gic.pmr[cpu];
      case GICC.BPR:
        return gic.bpr[cpu];
      case GICC.RPR:
        return gic.runningPriority(cpu);
      case GICC.HPPIR:
        return gic.pending(cpu, false);
      case GICC.ABPR:
        return gic.abpr[cpu];
      case GICC.AIAR:
        return gic.acknowledge(cpu, true);
      case GICC.AHPPIR:
        return gic.pending(cpu, true);
      case GICC.IIDR:
        return IIDR;
      default: {
        const word = this.#activeWord(cpu, offset);
        return word < 0 ? 0 : this.#activeWords(offset)[word];
      }
    }
  }

  #write(cpu: number, offset: number, value: number): void {
    const gic = this.#gic;
    switch (offset) {
      case GICC.EOIR:
        gic.endOfInterrupt(cpu, value & 0x3ff, false);
        return;
      case GICC.AEOIR:
        gic.endOfInterrupt(cpu, value & 0x3ff, true);
        return;
      case GICC.DIR:
        gic.deactivate(cpu, value & 0x3ff);
        return;
      case GICC.CTLR:
        gic.control[cpu] = value & GICC_CTLR.all;
        break;
      case GICC.PMR:
        gic.pmr[cpu] = value;
        break;
      case GICC.BPR:
        gic.bpr[cpu] = value & 7;
        break;
      case GICC.ABPR:
        // Group 1's binary point counts from one.
        gic.abpr[cpu] = Math.max(value & 7, 1);
        break;
      default: {
        const word = this.#activeWord(cpu, offset);
        if (word >= 0) this.#activeWords(offset)[word] = value;
      }
    }
    gic.evaluate(cpu);
  }

  /** Index of the word of active priorities that GICC_APR<n> or GICC_NSAPR<n> shows, else -1. */
  #activeWord(cpu: number, offset: number): number {
    if (offset < GICC.APR || offset >= GICC.NSAPR + 16 || (offset & 3) !== 0) return -1;
    return cpu * 4 + ((offset >>> 2) & 3);
  }

  #activeWords(offset: number): Uint32Array {
    return offset < GICC.NSAPR ? this.#gic.active0 : this.#gic.active1;
  }
}
