/**
 * Addresses, interrupts and devices of the microvm board (x86_64): those of QEMU's with two I/O APICs,
 * so that kernels and test suites written for it run as they are. The bus and the ACPI tables are made
 * from what stands here.
 */
import { type MemoryMap, type MemoryRange, MemoryType } from "../boot/x86_64/memory_map.ts";

const MIB = 2 ** 20;

/** Guest-physical addresses. */
export const MicrovmMap = {
  /** RAM that is not there: the window of a PC's graphics card and option ROMs. */
  videoHole: 0xa_0000,
  /** ACPI tables, up to {@linkcode MicrovmMap}.resetVector; kernels without a pointer search from here. */
  acpi: 0xe_0000,
  /** Where processors look for firmware in real mode (F000:FFF0): 16 bytes. */
  resetVector: 0xf_fff0,
  highMemory: 0x10_0000,
  /** RAM ends here; the rest of it begins at `aboveDevices`. */
  deviceHole: 0xc000_0000,
  /** ACPI sleep and reset registers. */
  acpiPower: 0xfea0_0200,
  /** Slot 0 of {@linkcode MICROVM_VIRTIO_SLOTS}. */
  virtio: 0xfeb0_0000,
  ioApic: 0xfec0_0000,
  ioApic2: 0xfec1_0000,
  localApic: 0xfee0_0000,
  aboveDevices: 0x1_0000_0000,
} as const;

/** I/O ports. */
export const MicrovmPort = {
  pic: 0x20,
  pit: 0x40,
  /** System control port B: the speaker's gate, which measures time. */
  systemControl: 0x61,
  cmosRtc: 0x70,
  pic2: 0xa0,
  uart: 0x3f8,
  /** ELCR of both interrupt controllers. */
  picTriggers: 0x4d0,
} as const;

/** Global system interrupts: I/O APIC 0 has 0 to 23, I/O APIC 1 has 24 to 47. */
export const MicrovmGsi = {
  /** ISA interrupt 0; pin 2 as on all PCs. */
  pit: 2,
  uart: 4,
  cmosRtc: 8,
  /** A rising edge is a press of the power button. */
  powerButton: 9,
  /** Slot 0 of {@linkcode MICROVM_VIRTIO_SLOTS}. */
  virtio: 24,
} as const;

/** Pins of an I/O APIC. */
export const IO_APIC_PINS = 24;

/** virtio-mmio slots. Devices fill them from the last to the first, as QEMU does. */
export const MICROVM_VIRTIO_SLOTS = 24;
const VIRTIO_SLOT_BYTES = 0x200;

/** Address of a virtio-mmio slot. */
export function microvmVirtioAddress(slot: number): number {
  return MicrovmMap.virtio + slot * VIRTIO_SLOT_BYTES;
}

/** What e820 and PVH tell of `memory` bytes of RAM (at least 2 MiB). */
export function microvmMemory(memory: number): MemoryMap {
  const { videoHole, acpi, highMemory, deviceHole, aboveDevices } = MicrovmMap;
  if (!(memory >= 2 * MIB)) throw new RangeError(`the board has ${memory} bytes of RAM`);
  const lowEnd = Math.min(memory, deviceHole);
  const ranges: MemoryRange[] = [
    { address: 0, size: videoHole, type: MemoryType.ram },
    { address: acpi, size: highMemory - acpi, type: MemoryType.acpi },
    { address: highMemory, size: lowEnd - highMemory, type: MemoryType.ram },
  ];
  if (memory > deviceHole) {
    ranges.push({ address: aboveDevices, size: memory - deviceHole, type: MemoryType.ram });
  }
  return ranges;
}

/** Addresses or ports; bytes. */
export interface AddressRange {
  readonly address: number;
  readonly size: number;
}

/** A device that guests find in the ACPI tables. */
export interface MicrovmDevice {
  /** In the tables: four characters. */
  readonly name: string;
  /** _HID: "PNP0501". */
  readonly id: string;
  /** _UID: tells devices of one `id` apart. */
  readonly uid: number;
  readonly memory?: AddressRange;
  readonly ports?: AddressRange;
  /** Global system interrupt; below 16 edges, else a level. */
  readonly gsi: number;
  /** Whether it reads and writes RAM itself, through the caches. */
  readonly dma: boolean;
}

/** The board's devices. `virtioSlots`: in the order in which a guest should find them. */
export function microvmDevices(virtioSlots: readonly number[]): MicrovmDevice[] {
  return [
    {
      name: "COM1",
      id: "PNP0501",
      uid: 1,
      ports: { address: MicrovmPort.uart, size: 8 },
      gsi: MicrovmGsi.uart,
      dma: false,
    },
    {
      name: "RTC_",
      id: "PNP0B00",
      uid: 0,
      ports: { address: MicrovmPort.cmosRtc, size: 2 },
      gsi: MicrovmGsi.cmosRtc,
      dma: false,
    },
    ...virtioSlots.map(microvmVirtio),
  ];
}

/** The device in a virtio-mmio slot. */
export function microvmVirtio(slot: number): MicrovmDevice {
  if (!(slot >= 0 && slot < MICROVM_VIRTIO_SLOTS)) {
    throw new RangeError(`there is no virtio-mmio slot ${slot}`);
  }
  return {
    name: `VR${String(slot).padStart(2, "0")}`,
    id: "LNRO0005",
    uid: slot,
    memory: {
      address: microvmVirtioAddress(slot),
      size: VIRTIO_SLOT_BYTES,
    },
    gsi: MicrovmGsi.virtio + slot,
    dma: true,
  };
}
