/**
 * The contract between a bus and a device.
 */

/** Bytes of one device access. Eight-byte accesses reach a device as two of four, low half first. */
export type AccessSize = 1 | 2 | 4;

/** One access. The bus reuses the object: a device must not keep it. */
export interface BusAccess {
  /** False for a read. */
  write: boolean;
  /** Byte offset in the device's region. */
  offset: number;
  /** Bytes. */
  size: AccessSize;
  /** Unsigned. Given for a write, to be set for a read (zero when the device is called). */
  value: number;
  /** Number of the vCPU that asks; -1 for the host. */
  vcpu: number;
}

/** How an access ended. */
export const AccessResult = {
  /** Done. */
  ok: 0,
  /** The device refuses; the guest gets an external abort. */
  refused: 1,
  /** Nothing at that address. */
  noDevice: 2,
} as const;
/** One of the values of {@linkcode AccessResult}. */
export type AccessResult = typeof AccessResult[keyof typeof AccessResult];

/** Plain data that structuredClone and JSON can carry (bytes as Uint8Array). */
export type DeviceState =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly DeviceState[]
  | { readonly [key: string]: DeviceState };

/** Virtual hardware. Never throws on what a guest does. */
export interface Device {
  /** For people: "pl011", "virtio-net.0". */
  readonly name: string;
  /** Does one access. */
  access(access: BusAccess): AccessResult;
  /** Back to power-on state; lines go low. */
  reset(): void;
  /** The machine stops: let go of timers and back ends. May be called many times. */
  shutdown(): void;
  /** All that the guest could tell apart. */
  state(): DeviceState;
  /** Puts back what `state` gave. Throws a TypeError on anything else. */
  restore(state: DeviceState): void;
}

/** A device that also answers system registers (interrupt controller CPU interface, timers). */
export interface SystemRegisters {
  /** Value of register `id` (see {@linkcode systemRegister}) for a vCPU, undefined if unknown here or undefined in its state. */
  readRegister(vcpu: number, id: number): bigint | undefined;
  /** False if unknown here. */
  writeRegister(vcpu: number, id: number, value: bigint): boolean;
}

/** Number of an AArch64 system register: op0:op1:CRn:CRm:op2 as in the MRS encoding, 16 bits. */
export function systemRegister(
  op0: number,
  op1: number,
  crn: number,
  crm: number,
  op2: number,
): number {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}
