/**
 * What a virtio device is to its transport and the other way round (virtio 1.2, section 2). The
 * transport owns status, features and queues; the device owns its configuration space and the
 * meaning of its buffers.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { VirtQueue } from "./virt_queue.ts";

/** Device ids (section 5). */
export const VirtioId = {
  net: 1,
  block: 2,
  console: 3,
  entropy: 4,
  socket: 19,
} as const;

/** Numbers of the feature bits that belong to the transport and the queues (section 6). */
export const VirtioFeature = {
  /** Descriptors may point to tables of descriptors. */
  INDIRECT_DESC: 28,
  /** Each side says at which buffer it wants to hear of the other. */
  EVENT_IDX: 29,
  /** Virtio 1.0 or later. */
  VERSION_1: 32,
  /** Addresses of rings and buffers are translated by the platform. */
  ACCESS_PLATFORM: 33,
  /** Queues have the packed format. */
  RING_PACKED: 34,
  /** The device returns buffers in the order in which they were made available. */
  IN_ORDER: 35,
  /** Memory is ordered as for a device of the platform; here it always is. */
  ORDER_PLATFORM: 36,
  /** Notifications carry the driver's position. */
  NOTIFICATION_DATA: 38,
  /** Queues can be reset one by one. */
  RING_RESET: 40,
} as const;

/** Bits of the device status (section 2.1). */
export const VirtioStatus = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  NEEDS_RESET: 0x40,
  FAILED: 0x80,
} as const;

/** What a transport does for its device. Valid from `attach` on. */
export interface VirtioTransport {
  /** Guest RAM, where the buffers are. */
  readonly memory: GuestMemory;
  /** Whether a feature (by bit number) was negotiated. False before FEATURES_OK. */
  has(feature: number): boolean;
  /** Queue `index`, below the number of the device's queues. Look at `ready` before use. */
  queue(index: number): VirtQueue;
  /** Whether the driver has set DRIVER_OK and nothing has gone wrong since. */
  readonly active: boolean;
  /** Counts the configuration generation up and, once the driver runs, interrupts it. */
  configChanged(): void;
  /** The driver broke the rules: NEEDS_RESET, and no queue is touched until it resets the device. */
  fail(reason: string): void;
  /**
   * Runs `work` after the guest had a chance to run, unless the device is reset before. For work
   * that would keep the host too long in one piece.
   */
  later(work: () => void): void;
}

/** Virtual hardware behind a virtio transport. Never throws on what a guest does. */
export interface VirtioDevice {
  /** For people: "virtio-net.0". */
  readonly name: string;
  /** See {@linkcode VirtioId}. */
  readonly id: number;
  /** Feature bits of this kind of device; those of transport and queues are added by the transport. */
  readonly features: bigint;
  /** Largest size of each queue: powers of two up to 32768. */
  readonly queueSizes: readonly number[];
  /** The configuration space as it reads now; the transport never writes to it. */
  readonly config: Uint8Array;
  /**
   * Whether features, all of them offered, may be chosen together; FEATURES_OK is refused if not. Left
   * out: all may.
   */
  accepts?(features: bigint): boolean;
  /** Called once, before anything else. */
  attach(transport: VirtioTransport): void;
  /** The driver writes `size` bytes (1, 2 or 4) inside the configuration space. */
  writeConfig(offset: number, size: number, value: number): void;
  /** The driver has set DRIVER_OK: features are negotiated, queues are ready. */
  activate(): void;
  /** The driver has put buffers into a queue. Only while active. */
  notify(queue: number): void;
  /**
   * The driver has taken one queue away (QueueReset, or QueueReady 0); chains of it that are still
   * held have gone stale. It may come back with its ring from the start.
   */
  queueStopped?(queue: number): void;
  /** Back to power-on state; every chain that is still held has gone stale. */
  reset(): void;
  /** The machine stops: let go of the back end. May be called many times. */
  shutdown(): void;
  /** All of the device that the guest could tell apart, and requests that the device holds. */
  state(): DeviceState;
  /** Puts back what `state` gave; called with transport and queues already restored. Throws a TypeError. */
  restore(state: DeviceState): void;
}

/** The mask of feature bits by number. */
export function featureMask(...bits: readonly number[]): bigint {
  return bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
}
