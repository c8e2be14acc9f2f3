/** A virtio-mmio slot of the board that holds nothing (virtio 1.2, section 4.2.2: device id 0). */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { identification } from "./registers.ts";

/** A slot without a device. */
export class EmptyVirtioSlot implements Device {
  readonly name: string;

  /** `name` is for people. */
  constructor(name = "virtio-mmio (empty)") {
    this.name = name;
  }

  /** Identification reads as it should, all else as zero; writes do nothing. */
  access(access: BusAccess): AccessResult {
    if (!access.write) access.value = access.size === 4 ? identification(access.offset, 0) : 0;
    return AccessResult.ok;
  }

  reset(): void {}
  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError(`state of ${this.name} is not null`);
  }
}
