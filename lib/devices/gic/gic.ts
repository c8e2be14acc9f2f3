/** The interrupt controllers of a board, GICv2 or GICv3, with the places of their registers. */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { CpuInterrupts, IrqController, MsiController } from "../irq_controller/irq_line.ts";
import type { Device, SystemRegisters } from "../vbus/device.ts";
import { GicV2 } from "./gicv2.ts";
import { GicV2CpuInterface } from "./gicv2_cpu_interface.ts";
import { GicV2Distributor } from "./gicv2_distributor.ts";
import { GicV2m } from "./gicv2m.ts";
import { GicV3 } from "./gicv3.ts";
import { GicV3CpuInterface } from "./gicv3_cpu_interface.ts";
import { GicV3Distributor } from "./gicv3_distributor.ts";
import { GicV3Its, ITS_BYTES } from "./gicv3_its.ts";
import { GicV3Redistributors } from "./gicv3_redistributor.ts";

/** What a board asks for. */
export interface GicOptions {
  /** Number of vCPUs: up to 8 with GICv2, up to 512 with GICv3. */
  readonly cpus: number;
  /** Shared peripheral interrupts, 1 to 988; rounded up to a multiple of 32. */
  readonly spis: number;
  /** The interrupt inputs of the vCPUs; not called before something is signalled. */
  readonly cpuInterrupts: CpuInterrupts;
  /** Affinity of a vCPU as Aff3:Aff2:Aff1:Aff0 (GICv3). @default sixteen vCPUs per Aff1 */
  readonly affinity?: (cpu: number) => number;
  /**
   * Guest RAM for the tables of LPIs and of an ITS, and how the host gets a turn during long work.
   * GICv3 has neither without it.
   */
  readonly its?: {
    /** Asked when the guest first uses it. */
    readonly memory: () => GuestMemory;
    /** Calls back soon, between slices. */
    readonly later: (work: () => void) => void;
  };
  /** SPIs that the GICv2m frame of a GICv2 raises. @default 64 from SPI 48, as far as they exist */
  readonly msi?: { readonly first: number; readonly count: number };
}

/** Registers of a controller. */
export interface GicRegion {
  /** Which registers. */
  readonly name: "distributor" | "redistributors" | "its" | "cpu-interface" | "v2m";
  /** What answers there. */
  readonly device: Device;
  /** Offset from the address of the distributor. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** An interrupt controller ready to be put on a board. */
export interface Gic {
  /** GICv2 or GICv3. */
  readonly version: 2 | 3;
  /** The interrupt lines. */
  readonly controller: IrqController;
  /** What goes on the bus. */
  readonly regions: readonly GicRegion[];
  /** System registers of the CPU interface; GICv2 has none. */
  readonly registers: SystemRegisters | undefined;
  /** Where messages of devices go: GICv2m, ITS, or the message-based SPIs of a GICv3 without ITS. */
  readonly msi: MsiController;
}

/**
 * Makes a GIC. Its regions go on the bus as interrupt controllers, at the offsets of QEMU's virt
 * board from the distributor's address.
 *
 * @throws RangeError if it cannot serve so many vCPUs or interrupts.
 */
export function createGic(version: 2 | 3, options: GicOptions): Gic {
  return version === 2 ? createGicV2(options) : createGicV3(options);
}

function createGicV2(options: GicOptions): Gic {
  const gic = new GicV2(options);
  const { first, count } = options.msi ?? { first: 48, count: 64 };
  const lines = [];
  for (let n = first; n < first + count && n < options.spis; n++) lines.push(gic.spi(n));
  const msi = new GicV2m(first, lines);
  return {
    version: 2,
    controller: gic,
    regions: [
      { name: "distributor", device: new GicV2Distributor(gic), offset: 0, size: 0x1000 },
      { name: "cpu-interface", device: new GicV2CpuInterface(gic), offset: 0x10000, size: 0x2000 },
      { name: "v2m", device: msi, offset: 0x20000, size: 0x1000 },
    ],
    registers: undefined,
    msi,
  };
}

function createGicV3(options: GicOptions): Gic {
  const { cpus, its } = options;
  const lpis = its && { memory: its.memory, longWork: (): void => its.later(() => {}) };
  const gic = new GicV3({ ...options, ...(lpis && { lpis }) });
  const redistributors = new GicV3Redistributors(gic);
  const { bytes } = redistributors;
  const regions: GicRegion[] = [
    { name: "distributor", device: new GicV3Distributor(gic), offset: 0, size: 0x10000 },
    { name: "redistributors", device: redistributors, offset: 0xa0000, size: bytes },
  ];
  let msi: MsiController = { message: (_device, data) => gic.messageSpi(data, true) };
  if (its !== undefined && gic.lpis !== undefined) {
    const settle = (): void => gic.settle();
    const device = new GicV3Its({ ...its, cpus, lpis: gic.lpis, settle });
    regions.push({ name: "its", device, offset: 0x80000, size: ITS_BYTES });
    msi = device;
  }
  return {
    version: 3,
    controller: gic,
    regions,
    registers: new GicV3CpuInterface(gic),
    msi,
  };
}
