/**
 * Addresses and interrupts of the virt board: those of QEMU's, so that firmware, kernels and test
 * suites written for it run as they are.
 */

/** Guest-physical addresses. */
export const VirtMap = {
  /** Distributor of the GIC. */
  gic: 0x0800_0000,
  /** CPU interface of a GICv2. */
  gicCpu: 0x0801_0000,
  /** MSI frame of a GICv2. */
  gicV2m: 0x0802_0000,
  /** Interrupt translation service of a GICv3. */
  gicIts: 0x0808_0000,
  /** Redistributors of a GICv3. */
  gicRedistributors: 0x080a_0000,
  pl011: 0x0900_0000,
  pl031: 0x0901_0000,
  fwCfg: 0x0902_0000,
  pl061: 0x0903_0000,
  /** Stolen time structures of the vCPUs. */
  stolenTime: 0x090a_0000,
  /** Slot 0 of {@linkcode VIRTIO_SLOTS}. */
  virtio: 0x0a00_0000,
  ram: 0x4000_0000,
} as const;

/** Shared peripheral interrupts; 0 is GIC interrupt 32. */
export const VirtSpi = {
  pl011: 1,
  pl031: 2,
  pl061: 7,
  /** Slot 0 of {@linkcode VIRTIO_SLOTS}. */
  virtio: 16,
} as const;

/** Private peripheral interrupts of the generic timer; 0 is GIC interrupt 16. */
export const VirtPpi = {
  secureTimer: 13,
  physicalTimer: 14,
  virtualTimer: 11,
  hypervisorTimer: 10,
} as const;

/** Pin of the PL061 that the power button is on. */
export const POWER_BUTTON_PIN = 3;

/** Number of shared peripheral interrupts by version of the GIC: QEMU 7.2 leaves out 32 of a GICv3's. */
export const VIRT_SPIS = { 2: 256, 3: 224 } as const;

/** Bytes of the window of the stolen time structures. */
export const STOLEN_TIME_SIZE = 0x1_0000;

/** virtio-mmio slots. Devices fill them from the last to the first, as QEMU does. */
export const VIRTIO_SLOTS = 32;
const VIRTIO_SLOT_BYTES = 0x200;

/** Address of a virtio-mmio slot. */
export function virtioAddress(slot: number): number {
  return VirtMap.virtio + slot * VIRTIO_SLOT_BYTES;
}
