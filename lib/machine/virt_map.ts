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
  /** Redistributors of a GICv3. */
  gicRedistributors: 0x080a_0000,
  pl011: 0x0900_0000,
  pl031: 0x0901_0000,
  /** Slot 0 of {@linkcode VIRTIO_SLOTS}. */
  virtio: 0x0a00_0000,
  ram: 0x4000_0000,
} as const;

/** Shared peripheral interrupts; 0 is GIC interrupt 32. */
export const VirtSpi = {
  pl011: 1,
  pl031: 2,
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

/** Number of shared peripheral interrupts of the GIC: 256 interrupts in all. */
export const VIRT_SPIS = 224;

/** virtio-mmio slots. Devices fill them from the last to the first, as QEMU does. */
export const VIRTIO_SLOTS = 32;
const VIRTIO_SLOT_BYTES = 0x200;

/** Address of a virtio-mmio slot. */
export function virtioAddress(slot: number): number {
  return VirtMap.virtio + slot * VIRTIO_SLOT_BYTES;
}
