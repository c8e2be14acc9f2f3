/**
 * The driver's side of virtio-mmio: for tests of devices, and for host code that wants to use a
 * device without a guest. It trusts the device.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { AccessSize, BusAccess, Device } from "../vbus/device.ts";
import { featureMask, VirtioFeature, VirtioStatus } from "./device.ts";
import { MockPackedQueue } from "./mock_packed_queue.ts";
import type { MockQueue, MockQueueParts } from "./mock_queue.ts";
import { MockSplitQueue } from "./mock_split_queue.ts";
import { Register } from "./registers.ts";

export type {
  MockBuffer,
  MockCompletion,
  MockQueue,
  MockQueueHost,
  MockQueueParts,
  MockRequest,
} from "./mock_queue.ts";

/** Options of a {@linkcode MockDriver}. */
export interface MockDriverOptions {
  /** First guest-physical address that the driver may use. @default start of RAM */
  readonly base?: number;
  /** Bytes that it may use. @default up to the end of RAM */
  readonly length?: number;
  /**
   * What the device is told for a guest-physical address: its I/O address behind an IOMMU.
   * @default the same
   */
  readonly toDevice?: (address: number) => number;
}

/**
 * Speaks to one virtio-mmio slot.
 *
 * @example A device of one's own, that says how many bytes it was given
 * ```ts
 * import assert from "node:assert/strict";
 * import {
 *   GuestMemory,
 *   MockDriver,
 *   type VirtioDevice,
 *   VirtioMmio,
 *   type VirtioTransport,
 * } from "@vml/vml";
 *
 * let transport: VirtioTransport;
 * const counter: VirtioDevice = {
 *   name: "counter",
 *   id: 42,
 *   features: 0n,
 *   queueSizes: [16],
 *   config: new Uint8Array(0),
 *   attach: (given) => void (transport = given),
 *   notify: (index) => {
 *     const queue = transport.queue(index);
 *     for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
 *       const answer = Uint8Array.of(chain.readableBytes);
 *       queue.push(chain, chain.write(transport.memory, 0, answer));
 *     }
 *     queue.signal();
 *   },
 *   activate: () => {},
 *   writeConfig: () => {},
 *   reset: () => {},
 *   shutdown: () => {},
 *   state: () => null,
 *   restore: () => {},
 * };
 *
 * const memory = new GuestMemory(new Uint8Array(0x10000), 0x4000_0000);
 * let interrupt = false;
 * const irq = { set: (level: boolean): void => void (interrupt = level) };
 * const driver = new MockDriver(new VirtioMmio(counter, { memory, irq }), memory);
 * driver.negotiate(); // all that is offered
 * const queue = driver.addQueue(0);
 * driver.start();
 *
 * queue.add({ readable: [Uint8Array.of(1, 2), Uint8Array.of(3)], writable: [4] });
 * queue.kick();
 * assert.deepEqual(queue.poll(), { head: 0, written: 1, data: Uint8Array.of(3, 0, 0, 0) });
 * assert.equal(interrupt, true);
 * ```
 */
export class MockDriver {
  /** Guest RAM that driver and device share. */
  readonly memory: GuestMemory;
  readonly #device: Device;
  readonly #access: BusAccess = { write: false, offset: 0, size: 4, value: 0, vcpu: 0 };
  readonly #end: number;
  /** What the device is told for a guest-physical address. */
  readonly toDevice: (address: number) => number;
  #free: number;
  #features = 0n;

  /** `device` is a virtio-mmio slot. */
  constructor(device: Device, memory: GuestMemory, options: MockDriverOptions = {}) {
    this.#device = device;
    this.memory = memory;
    this.#free = options.base ?? memory.base;
    this.toDevice = options.toDevice ?? ((address) => address);
    this.#end = this.#free + (options.length ?? memory.base + memory.size - this.#free);
  }

  /** Features that were negotiated. */
  get features(): bigint {
    return this.#features;
  }

  /** Reads a register, or 1, 2 or 4 bytes of the configuration space at 0x100. */
  read(offset: number, size: AccessSize = 4): number {
    const access = this.#access;
    access.write = false;
    access.offset = offset;
    access.size = size;
    access.value = 0;
    this.#device.access(access);
    return access.value;
  }

  /** Writes a register or configuration bytes. */
  write(offset: number, value: number, size: AccessSize = 4): void {
    const access = this.#access;
    access.write = true;
    access.offset = offset;
    access.size = size;
    access.value = value;
    this.#device.access(access);
  }

  /** The device status. */
  get status(): number {
    return this.read(Register.Status);
  }

  /** Feature bits that the device offers. */
  offered(): bigint {
    this.write(Register.DeviceFeaturesSel, 1);
    const high = this.read(Register.DeviceFeatures);
    this.write(Register.DeviceFeaturesSel, 0);
    return (BigInt(high) << 32n) | BigInt(this.read(Register.DeviceFeatures));
  }

  /**
   * Resets the device and negotiates `features` (all that are offered if left out); false if the
   * device refuses them.
   */
  negotiate(features: bigint = this.offered()): boolean {
    this.write(Register.Status, 0);
    this.write(Register.Status, VirtioStatus.ACKNOWLEDGE);
    this.write(Register.Status, VirtioStatus.ACKNOWLEDGE | VirtioStatus.DRIVER);
    this.write(Register.DriverFeaturesSel, 0);
    this.write(Register.DriverFeatures, Number(features & 0xffff_ffffn));
    this.write(Register.DriverFeaturesSel, 1);
    this.write(Register.DriverFeatures, Number(features >> 32n));
    this.write(Register.Status, this.status | VirtioStatus.FEATURES_OK);
    this.#features = features;
    return (this.status & VirtioStatus.FEATURES_OK) !== 0;
  }

  /** Whether a feature, by number, was negotiated. */
  has(feature: number): boolean {
    return (this.#features & featureMask(feature)) !== 0n;
  }

  /**
   * Sets up queue `index` in the format that was negotiated, with `size` entries or as many as the
   * device can. Throws an Error if the device does not take it.
   */
  addQueue(index: number, size?: number): MockQueue {
    this.write(Register.QueueSel, index);
    if (this.read(Register.QueueReady) !== 0) throw new Error(`queue ${index} is there already`);
    const length = size ?? this.read(Register.QueueNumMax);
    const packed = this.has(VirtioFeature.RING_PACKED);
    const descriptors = this.allocate(16 * length, 16);
    const driverArea = this.allocate(packed ? 4 : 6 + 2 * length, 4);
    const deviceArea = this.allocate(packed ? 4 : 6 + 8 * length, 4);
    this.write(Register.QueueNum, length);
    [descriptors, driverArea, deviceArea].forEach((area, i) => {
      const address = this.toDevice(area);
      this.write(Register.QueueDescLow + 0x10 * i, address % 0x1_0000_0000);
      this.write(Register.QueueDescHigh + 0x10 * i, Math.floor(address / 0x1_0000_0000));
    });
    this.write(Register.QueueReady, 1);
    if (this.read(Register.QueueReady) !== 1) {
      throw new Error(`queue ${index} does not become ready`);
    }
    const parts: MockQueueParts = {
      driver: this,
      index,
      size: length,
      descriptors,
      driverArea,
      deviceArea,
    };
    return packed ? new MockPackedQueue(parts) : new MockSplitQueue(parts);
  }

  /** Resets queue `index` (RING_RESET); its {@linkcode MockQueue} is of no use any more. */
  resetQueue(index: number): void {
    this.write(Register.QueueSel, index);
    this.write(Register.QueueReset, 1);
    const { QueueReset, QueueReady } = Register;
    if (this.read(QueueReset) !== 0 || this.read(QueueReady) !== 0) {
      throw new Error(`queue ${index} is not reset`);
    }
  }

  /** DRIVER_OK. */
  start(): void {
    this.write(Register.Status, this.status | VirtioStatus.DRIVER_OK);
  }

  /** Reads and acknowledges the interrupt status: bit 0 used buffers, bit 1 configuration. */
  acknowledge(): number {
    const status = this.read(Register.InterruptStatus);
    this.write(Register.InterruptACK, status);
    return status;
  }

  /** Takes zeroed guest memory for good. Throws if there is none left. */
  allocate(bytes: number, align = 16): number {
    const address = Math.ceil(this.#free / align) * align;
    if (address + bytes > this.#end) throw new Error("the driver's memory is used up");
    this.#free = address + bytes;
    this.memory.write(address, new Uint8Array(bytes));
    return address;
  }

  /** Where the next allocation begins; give it to {@linkcode MockDriver.release} to free all later ones. */
  mark(): number {
    return this.#free;
  }

  /** Frees all that was allocated since the mark was taken. */
  release(mark: number): void {
    this.#free = mark;
  }
}
