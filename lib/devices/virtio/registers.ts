/** Registers of virtio over MMIO, version 2 (virtio 1.2, section 4.2.2, table 4.1). */

/** Byte offsets. All registers have 32 bits; RO, WO, or RW as said. */
export const Register = {
  /** RO: "virt". */
  MagicValue: 0x000,
  /** RO: 2. The legacy interface, 1, is not there. */
  Version: 0x004,
  /** RO: 0 if nothing is in this slot. */
  DeviceID: 0x008,
  /** RO. */
  VendorID: 0x00c,
  /** RO: 32 of the bits that the device offers. */
  DeviceFeatures: 0x010,
  /** WO: which, 0 for bits 31:0, 1 for 63:32. */
  DeviceFeaturesSel: 0x014,
  /** WO: 32 of the bits that the driver accepts. */
  DriverFeatures: 0x020,
  /** WO: which. */
  DriverFeaturesSel: 0x024,
  /** WO: the queue that the registers from QueueNumMax to QueueReset are about. */
  QueueSel: 0x030,
  /** RO: 0 if there is no such queue. */
  QueueNumMax: 0x034,
  /** WO. */
  QueueNum: 0x038,
  /** RW: bit 0. */
  QueueReady: 0x044,
  /** WO: number of the queue, with NOTIFICATION_DATA in bits 15:0. */
  QueueNotify: 0x050,
  /** RO: bit 0 used buffers, bit 1 configuration. */
  InterruptStatus: 0x060,
  /** WO: bits to clear there. */
  InterruptACK: 0x064,
  /** RW: 0 resets. */
  Status: 0x070,
  /** WO, as the next five: addresses of the areas, in halves. */
  QueueDescLow: 0x080,
  QueueDescHigh: 0x084,
  QueueDriverLow: 0x090,
  QueueDriverHigh: 0x094,
  QueueDeviceLow: 0x0a0,
  QueueDeviceHigh: 0x0a4,
  /** WO: the shared memory region that the next four (RO) are about. */
  SHMSel: 0x0ac,
  SHMLenLow: 0x0b0,
  SHMLenHigh: 0x0b4,
  SHMBaseLow: 0x0b8,
  SHMBaseHigh: 0x0bc,
  /** RW, with RING_RESET: 1 resets the queue. */
  QueueReset: 0x0c0,
  /** RO. */
  ConfigGeneration: 0x0fc,
  /** Here the device's own configuration begins, accesses of any size. */
  Config: 0x100,
} as const;

/** Bits of InterruptStatus. */
export const Interrupt = { usedBuffer: 1, configuration: 2 } as const;

const MAGIC = 0x74726976;
const VERSION = 2;
/** "QEMU": programs for its board look for it. */
const VENDOR = 0x554d4551;

/** The registers that an empty slot has too; 0 for any other. */
export function identification(offset: number, deviceId: number): number {
  switch (offset) {
    case Register.MagicValue:
      return MAGIC;
    case Register.Version:
      return VERSION;
    case Register.DeviceID:
      return deviceId;
    case Register.VendorID:
      return VENDOR;
    default:
      return 0;
  }
}
