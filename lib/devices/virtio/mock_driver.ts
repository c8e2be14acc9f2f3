/**
 * The driver's side of virtio-mmio: for tests of devices, and for host code that wants to use a
 * device without a guest. It trusts the device.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { AccessSize, BusAccess, Device } from "../vbus/device.ts";
import { featureMask, VirtioFeature, VirtioStatus } from "./device.ts";

/** What the driver hands to the device in one request. */
export interface MockRequest {
  /** Buffers for the device to read. */
  readonly readable?: readonly Uint8Array[];
  /** Lengths of buffers for the device to write. */
  readonly writable?: readonly number[];
  /** Put the descriptors into a table of their own. */
  readonly indirect?: boolean;
}

/** A request that the device has returned. */
export interface MockCompletion {
  /** The number that {@linkcode MockQueue.add} gave. */
  readonly head: number;
  /** Bytes written, as the device says. */
  readonly written: number;
  /** The writable buffers one after the other, whole. */
  readonly data: Uint8Array;
}

/** Options of a {@linkcode MockDriver}. */
export interface MockDriverOptions {
  /** First guest-physical address that the driver may use. @default start of RAM */
  readonly base?: number;
  /** Bytes that it may use. @default up to the end of RAM */
  readonly length?: number;
}

/** Speaks to one virtio-mmio slot. */
export class MockDriver {
  /** Guest RAM that driver and device share. */
  readonly memory: GuestMemory;
  readonly #device: Device;
  readonly #access: BusAccess = { write: false, offset: 0, size: 4, value: 0, vcpu: 0 };
  readonly #end: number;
  #free: number;
  #features = 0n;

  /** `device` is a virtio-mmio slot. */
  constructor(device: Device, memory: GuestMemory, options: MockDriverOptions = {}) {
    this.#device = device;
    this.memory = memory;
    this.#free = options.base ?? memory.base;
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
    return this.read(0x70);
  }

  /** Feature bits that the device offers. */
  offered(): bigint {
    this.write(0x14, 1);
    const high = this.read(0x10);
    this.write(0x14, 0);
    return (BigInt(high) << 32n) | BigInt(this.read(0x10));
  }

  /**
   * Resets the device and negotiates `features` (all that are offered if left out); false if the
   * device refuses them.
   */
  negotiate(features: bigint = this.offered()): boolean {
    this.write(0x70, 0);
    this.write(0x70, VirtioStatus.ACKNOWLEDGE);
    this.write(0x70, VirtioStatus.ACKNOWLEDGE | VirtioStatus.DRIVER);
    this.write(0x24, 0);
    this.write(0x20, Number(features & 0xffff_ffffn));
    this.write(0x24, 1);
    this.write(0x20, Number(features >> 32n));
    this.write(0x70, this.status | VirtioStatus.FEATURES_OK);
    this.#features = features;
    return (this.status & VirtioStatus.FEATURES_OK) !== 0;
  }

  /** Sets up queue `index`. Throws if the device does not take it. */
  addQueue(index: number, size?: number): MockQueue {
    this.write(0x30, index);
    const length = size ?? this.read(0x34);
    const descriptors = this.allocate(16 * length, 16);
    const driverArea = this.allocate(6 + 2 * length, 2);
    const deviceArea = this.allocate(6 + 8 * length, 4);
    this.write(0x38, length);
    [descriptors, driverArea, deviceArea].forEach((address, i) => {
      this.write(0x80 + 0x10 * i, address % 0x1_0000_0000);
      this.write(0x84 + 0x10 * i, Math.floor(address / 0x1_0000_0000));
    });
    this.write(0x44, 1);
    if (this.read(0x44) !== 1) throw new Error(`queue ${index} does not become ready`);
    return new MockQueue(this, index, length, descriptors, driverArea, deviceArea);
  }

  /** DRIVER_OK. */
  start(): void {
    this.write(0x70, this.status | VirtioStatus.DRIVER_OK);
  }

  /** Reads and acknowledges the interrupt status: bit 0 used buffers, bit 1 configuration. */
  acknowledge(): number {
    const status = this.read(0x60);
    this.write(0x64, status);
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

interface Outstanding {
  readonly descriptors: readonly number[];
  readonly writable: readonly { readonly address: number; readonly length: number }[];
}

/** The driver's side of one split virtqueue. The memory of requests is not freed; see `MockDriver.mark`. */
export class MockQueue {
  /** Number of the queue. */
  readonly index: number;
  /** Descriptors in the table. */
  readonly size: number;
  /** Guest-physical address of the descriptor table, for tests that damage it. */
  readonly descriptors: number;
  /** Available ring. */
  readonly driverArea: number;
  /** Used ring. */
  readonly deviceArea: number;
  readonly #driver: MockDriver;
  readonly #free: number[];
  readonly #outstanding = new Map<number, Outstanding>();
  #nextAvail = 0;
  #nextUsed = 0;
  #kicked = 0;

  /** Made by `MockDriver.addQueue`. */
  constructor(
    driver: MockDriver,
    index: number,
    size: number,
    descriptors: number,
    driverArea: number,
    deviceArea: number,
  ) {
    this.#driver = driver;
    this.index = index;
    this.size = size;
    this.descriptors = descriptors;
    this.driverArea = driverArea;
    this.deviceArea = deviceArea;
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i);
  }

  /** Requests that the device has. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Puts a request into the available ring; gives its head. Throws if there is no room. */
  add(request: MockRequest): number {
    const { memory } = this.#driver;
    const { readable = [], writable = [], indirect = false } = request;
    const count = readable.length + writable.length;
    if (count === 0) throw new Error("a request needs a buffer");
    if (this.#free.length < (indirect ? 1 : count)) throw new Error("the queue is full");
    const buffers: { address: number; length: number; flags: number }[] = [];
    for (const bytes of readable) {
      const address = this.#driver.allocate(bytes.length);
      memory.write(address, bytes);
      buffers.push({ address, length: bytes.length, flags: 0 });
    }
    for (const length of writable) {
      buffers.push({ address: this.#driver.allocate(length), length, flags: 2 });
    }
    const indices: number[] = [];
    for (let i = 0; i < (indirect ? 1 : count); i++) indices.push(this.#free.pop() as number);
    let table = this.descriptors;
    let slots = indices;
    if (indirect) {
      table = this.#driver.allocate(16 * count);
      slots = buffers.map((_, i) => i);
      this.writeDescriptor(indices[0], table, 16 * count, 4, 0);
    }
    buffers.forEach(({ address, length, flags }, i) => {
      const last = i === count - 1;
      const next = last ? 0 : slots[i + 1];
      writeDescriptor(memory, table + 16 * slots[i], address, length, flags | (last ? 0 : 1), next);
    });
    this.#outstanding.set(indices[0], {
      descriptors: indices,
      writable: buffers.filter(({ flags }) => flags === 2),
    });
    this.offer(indices[0]);
    return indices[0];
  }

  /** Writes one descriptor of the table as it is. */
  writeDescriptor(
    index: number,
    address: number,
    length: number,
    flags: number,
    next: number,
  ): void {
    writeDescriptor(
      this.#driver.memory,
      this.descriptors + 16 * index,
      address,
      length,
      flags,
      next,
    );
  }

  /** Puts a head into the available ring. */
  offer(head: number): void {
    const { memory } = this.#driver;
    memory.write16(this.driverArea + 4 + 2 * (this.#nextAvail % this.size), head);
    this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
    memory.write16(this.driverArea + 2, this.#nextAvail);
  }

  /** Notifies the device if it wants that; tells whether it did. */
  kick(): boolean {
    const { memory, features } = this.#driver;
    let wanted: boolean;
    if ((features & featureMask(VirtioFeature.EVENT_IDX)) !== 0n) {
      const event = memory.read16(this.deviceArea + 4 + 8 * this.size) ?? 0;
      wanted =
        ((this.#nextAvail - event - 1) & 0xffff) < ((this.#nextAvail - this.#kicked) & 0xffff);
    } else {
      wanted = ((memory.read16(this.deviceArea) ?? 0) & 1) === 0;
    }
    this.#kicked = this.#nextAvail;
    if (wanted) this.notify();
    return wanted;
  }

  /** Notifies the device. */
  notify(): void {
    this.#driver.write(0x50, this.index);
  }

  /** Says whether used buffers are to interrupt: with an event index the next one, else all. */
  setInterrupts(on: boolean): void {
    const { memory, features } = this.#driver;
    if ((features & featureMask(VirtioFeature.EVENT_IDX)) === 0n) {
      memory.write16(this.driverArea, on ? 0 : 1);
    } else {
      const event = on ? this.#nextUsed : this.#nextUsed - 1;
      memory.write16(this.driverArea + 4 + 2 * this.size, event & 0xffff);
    }
  }

  /** The next request that the device has returned. */
  poll(): MockCompletion | undefined {
    const { memory } = this.#driver;
    if ((memory.read16(this.deviceArea + 2) ?? 0) === this.#nextUsed) return undefined;
    const entry = this.deviceArea + 4 + 8 * (this.#nextUsed % this.size);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    const head = memory.read32(entry) ?? 0;
    const written = memory.read32(entry + 4) ?? 0;
    const request = this.#outstanding.get(head);
    if (request === undefined) return { head, written, data: new Uint8Array(0) };
    this.#outstanding.delete(head);
    this.#free.push(...request.descriptors);
    const data = new Uint8Array(request.writable.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { address, length } of request.writable) {
      data.set(memory.slice(address, length) ?? [], at);
      at += length;
    }
    return { head, written, data };
  }

  /** Every request that the device has returned. */
  pollAll(): MockCompletion[] {
    const all: MockCompletion[] = [];
    for (let next = this.poll(); next !== undefined; next = this.poll()) all.push(next);
    return all;
  }
}

function writeDescriptor(
  memory: GuestMemory,
  at: number,
  address: number,
  length: number,
  flags: number,
  next: number,
): void {
  memory.write32(at, address % 0x1_0000_0000);
  memory.write32(at + 4, Math.floor(address / 0x1_0000_0000));
  memory.write32(at + 8, length);
  memory.write16(at + 12, flags);
  memory.write16(at + 14, next);
}
