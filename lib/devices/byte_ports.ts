/** Devices with registers of one byte behind I/O ports, as they stood on the ISA bus. */
import { AccessResult, type BusAccess } from "./vbus/device.ts";

/** Registers of one byte each, by offset. */
export interface BytePorts {
  /** Reads one, 0 to 255. */
  read(offset: number): number;
  /** Writes one, 0 to 255. */
  write(offset: number, value: number): void;
}

/** An access of two or four bytes is as many accesses of one, lowest port first. */
export function accessBytes(ports: BytePorts, access: BusAccess): AccessResult {
  const { offset, size, write } = access;
  let value = 0;
  for (let i = 0; i < size; i++) {
    if (write) ports.write(offset + i, (access.value >>> (8 * i)) & 0xff);
    else value |= ports.read(offset + i) << (8 * i);
  }
  if (!write) access.value = value >>> 0;
  return AccessResult.ok;
}
