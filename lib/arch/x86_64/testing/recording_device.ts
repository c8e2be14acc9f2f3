import { AccessResult, type BusAccess, type Device } from "../../../devices/vbus/device.ts";

/** A device whose every register reads as 0x1234. */
export class RecordingDevice implements Device {
  readonly name = "memory";
  /** "w2@4088", "r8@0": accesses with size and offset. */
  readonly seen: string[] = [];

  access(access: BusAccess): AccessResult {
    this.seen.push(`${access.write ? "w" : "r"}${access.size}@${access.offset}`);
    if (!access.write) access.value = 0x1234;
    return AccessResult.ok;
  }
  reset(): void {}
  shutdown(): void {}
  state(): null {
    return null;
  }
  restore(): void {}
}
