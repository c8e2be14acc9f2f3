import type { Clock } from "../../platform/platform.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
export class Pl031 implements Device {
  readonly name = "pl031";
  constructor(_o: unknown) {}
  access(_a: BusAccess): AccessResult { return AccessResult.ok; }
  reset(): void {} shutdown(): void {} state(): DeviceState { return null; } restore(): void {}
}
