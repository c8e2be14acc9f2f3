/**
 * Virtio over MMIO, version 2 (virtio 1.2, section 4.2). One device per slot of 0x200 bytes.
 *
 * Stricter than QEMU: FEATURES_OK is refused for bits that were not offered or without VERSION_1,
 * registers of a queue are fixed while it is ready, and rings outside RAM do not become ready.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioFeature,
  VirtioStatus,
  type VirtioTransport,
} from "./device.ts";
import { VirtQueue } from "./virt_queue.ts";

/** Bytes of one slot in the memory map. */
export const VIRTIO_MMIO_SIZE = 0x200;

// Registers (table 4.1). All are 32 bits wide.
const MAGIC = 0x000; // RO
const VERSION = 0x004; // RO
const DEVICE_ID = 0x008; // RO, 0: nothing in this slot
const VENDOR_ID = 0x00c; // RO
const DEVICE_FEATURES = 0x010; // RO
const DEVICE_FEATURES_SEL = 0x014; // WO
const DRIVER_FEATURES = 0x020; // WO
const DRIVER_FEATURES_SEL = 0x024; // WO
const QUEUE_SEL = 0x030; // WO
const QUEUE_NUM_MAX = 0x034; // RO, 0: no such queue
const QUEUE_NUM = 0x038; // WO
const QUEUE_READY = 0x044; // RW
const QUEUE_NOTIFY = 0x050; // WO
const INTERRUPT_STATUS = 0x060; // RO
const INTERRUPT_ACK = 0x064; // WO
const STATUS = 0x070; // RW, 0 resets
/** WO: low and high halves of the addresses of descriptor table, driver area and device area. */
const QUEUE_AREAS: readonly number[] = [0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4];
const SHM_LEN_LOW = 0x0b0; // RO, as the next three
const SHM_LEN_HIGH = 0x0b4;
const SHM_BASE_LOW = 0x0b8;
const SHM_BASE_HIGH = 0x0bc;
const CONFIG_GENERATION = 0x0fc; // RO
const CONFIG = 0x100; // device-specific, any size

const MAGIC_VALUE = 0x74726976; // "virt"
/** "QEMU": programs for its board look for it. */
const VENDOR = 0x554d4551;

const Interrupt = { usedBuffer: 1, configuration: 2 } as const;
const LOW = 0xffff_ffffn;

/** Options of a {@linkcode VirtioMmio}. */
export interface VirtioMmioOptions {
  /** Where rings and buffers are. */
  readonly memory: GuestMemory;
  /** Interrupt of the slot, level-triggered. */
  readonly irq: IrqLine;
  /** Refuse drivers that do not accept VIRTIO_F_VERSION_1. @default true */
  readonly requireVersion1?: boolean;
  /**
   * Runs a piece of work soon, after guest and host had their turn. Left out: as soon as the
   * JavaScript stack is empty.
   */
  readonly later?: (work: () => void) => void;
  /** Hears why a device needs a reset. */
  readonly onFailure?: (device: string, reason: string) => void;
}

/** Counters of a transport. */
export interface VirtioMmioStatistics {
  /** Notifications by the driver. */
  notifications: number;
  /** Changes of the interrupt line from low to high. */
  interrupts: number;
  /** Resets by the driver. */
  resets: number;
  /** Times the device asked for a reset. */
  failures: number;
}

/** A slot without a device. */
export class EmptyVirtioSlot implements Device {
  readonly name: string;

  /** `name` is for people. */
  constructor(name = "virtio-mmio (empty)") {
    this.name = name;
  }

  /** Identification reads as it should, all else as zero; writes do nothing. */
  access(access: BusAccess): AccessResult {
    if (!access.write) access.value = identification(access.offset, access.size, 0);
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

/** A slot with a device. */
export class VirtioMmio implements Device, VirtioTransport {
  readonly name: string;
  /** What the slot holds. */
  readonly device: VirtioDevice;
  /** Where rings and buffers are. */
  readonly memory: GuestMemory;
  /** What has happened so far. */
  readonly statistics: VirtioMmioStatistics = {
    notifications: 0,
    interrupts: 0,
    resets: 0,
    failures: 0,
  };
  readonly #irq: IrqLine;
  readonly #requireVersion1: boolean;
  readonly #later: (work: () => void) => void;
  readonly #onFailure: (device: string, reason: string) => void;
  readonly #queues: readonly VirtQueue[];
  readonly #offered: bigint;
  #status = 0;
  #deviceFeaturesSelect = 0;
  #driverFeaturesSelect = 0;
  /** What the driver wrote, bits 31:0 and 63:32. */
  #driverFeatures: [number, number] = [0, 0];
  #queueSelect = 0;
  #interruptStatus = 0;
  #configGeneration = 0;
  /** Counts lives of the device between resets. */
  #life = 0;

  /** Puts a device into the slot. */
  constructor(device: VirtioDevice, options: VirtioMmioOptions) {
    this.name = device.name;
    this.device = device;
    this.memory = options.memory;
    this.#irq = options.irq;
    this.#requireVersion1 = options.requireVersion1 ?? true;
    this.#later = options.later ?? ((work) => void Promise.resolve().then(work));
    this.#onFailure = options.onFailure ?? (() => {});
    this.#offered = device.features | featureMask(
      VirtioFeature.VERSION_1,
      VirtioFeature.EVENT_IDX,
      VirtioFeature.INDIRECT_DESC,
    );
    const host = {
      memory: options.memory,
      interrupt: () => this.#raise(Interrupt.usedBuffer),
      fail: (reason: string) => this.fail(reason),
    };
    this.#queues = device.queueSizes.map((size, index) => new VirtQueue(index, size, host));
    device.attach(this);
  }

  get active(): boolean {
    const { DRIVER_OK, FEATURES_OK, NEEDS_RESET } = VirtioStatus;
    const wanted = DRIVER_OK | FEATURES_OK;
    return (this.#status & (wanted | NEEDS_RESET)) === wanted;
  }

  has(feature: number): boolean {
    if ((this.#status & VirtioStatus.FEATURES_OK) === 0) return false;
    return (this.#driverFeatures[feature >>> 5] >>> (feature & 31) & 1) !== 0;
  }

  queue(index: number): VirtQueue {
    return this.#queues[index];
  }

  configChanged(): void {
    this.#configGeneration = (this.#configGeneration + 1) >>> 0;
    if (this.active) this.#raise(Interrupt.configuration);
  }

  fail(reason: string): void {
    if ((this.#status & VirtioStatus.NEEDS_RESET) !== 0) return;
    const told = (this.#status & VirtioStatus.DRIVER_OK) !== 0;
    this.#status |= VirtioStatus.NEEDS_RESET;
    this.statistics.failures++;
    for (const queue of this.#queues) queue.disable();
    if (told) this.#raise(Interrupt.configuration);
    this.#onFailure(this.name, reason);
  }

  later(work: () => void): void {
    const life = this.#life;
    this.#later(() => {
      if (life === this.#life && this.active) work();
    });
  }

  /** Registers answer to aligned accesses of four bytes, the configuration space to all. */
  access(access: BusAccess): AccessResult {
    const { offset, size } = access;
    if (offset >= CONFIG) this.#accessConfig(access, offset - CONFIG);
    else if (access.write) {
      if (size === 4 && (offset & 3) === 0) this.#write(offset, access.value);
    } else {
      access.value = this.#read(offset, size);
    }
    return AccessResult.ok;
  }

  reset(): void {
    this.#configGeneration = 0;
    this.#reset();
  }

  shutdown(): void {
    this.device.shutdown();
  }

  state(): DeviceState {
    return {
      status: this.#status,
      deviceFeaturesSelect: this.#deviceFeaturesSelect,
      driverFeaturesSelect: this.#driverFeaturesSelect,
      driverFeatures: [...this.#driverFeatures],
      queueSelect: this.#queueSelect,
      interruptStatus: this.#interruptStatus,
      configGeneration: this.#configGeneration,
      queues: this.#queues.map((queue) => queue.state()),
      device: this.device.state(),
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const status = from.integer("status", 0xff);
    const deviceFeaturesSelect = from.integer("deviceFeaturesSelect");
    const driverFeaturesSelect = from.integer("driverFeaturesSelect");
    const features = from.integers("driverFeatures", 2);
    const queueSelect = from.integer("queueSelect");
    const interruptStatus = from.integer("interruptStatus", 3);
    const configGeneration = from.integer("configGeneration");
    const queues = from.array("queues", this.#queues.length);
    if (features.length !== 2 || queues.length !== this.#queues.length) {
      throw new TypeError(`state of ${this.name} is of another device`);
    }
    this.#reset();
    try {
      this.#status = status;
      this.#deviceFeaturesSelect = deviceFeaturesSelect;
      this.#driverFeaturesSelect = driverFeaturesSelect;
      this.#driverFeatures = [features[0], features[1]];
      this.#queueSelect = queueSelect;
      this.#configGeneration = configGeneration;
      this.#negotiate();
      this.#queues.forEach((queue, index) => queue.restore(queues[index]));
      this.#setInterruptStatus(interruptStatus);
      this.device.restore(from.value("device"));
    } catch (error) {
      this.#reset();
      throw error;
    }
  }

  /** What the driver can undo by writing 0 to the status. */
  #reset(): void {
    this.#life++;
    this.#status = 0;
    this.#deviceFeaturesSelect = this.#driverFeaturesSelect = this.#queueSelect = 0;
    this.#driverFeatures = [0, 0];
    for (const queue of this.#queues) queue.reset();
    this.#setInterruptStatus(0);
    this.device.reset();
  }

  #read(offset: number, size: number): number {
    if (size !== 4) return 0;
    switch (offset) {
      case DEVICE_FEATURES:
        return this.#deviceFeaturesSelect > 1
          ? 0
          : Number((this.#offered >> BigInt(32 * this.#deviceFeaturesSelect)) & LOW);
      case QUEUE_NUM_MAX:
        return this.#queues[this.#queueSelect]?.maxSize ?? 0;
      case QUEUE_READY:
        return this.#queues[this.#queueSelect]?.ready ? 1 : 0;
      case INTERRUPT_STATUS:
        return this.#interruptStatus;
      case STATUS:
        return this.#status;
      case SHM_LEN_LOW:
      case SHM_LEN_HIGH:
      case SHM_BASE_LOW:
      case SHM_BASE_HIGH:
        return 0xffff_ffff; // no shared memory regions
      case CONFIG_GENERATION:
        return this.#configGeneration;
      default:
        return identification(offset, size, this.device.id);
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case DEVICE_FEATURES_SEL:
        this.#deviceFeaturesSelect = value;
        return;
      case DRIVER_FEATURES_SEL:
        this.#driverFeaturesSelect = value;
        return;
      case DRIVER_FEATURES:
        if ((this.#status & VirtioStatus.FEATURES_OK) !== 0) return;
        if (this.#driverFeaturesSelect <= 1) {
          this.#driverFeatures[this.#driverFeaturesSelect] = value;
        }
        return;
      case QUEUE_SEL:
        this.#queueSelect = value;
        return;
      case QUEUE_NOTIFY:
        this.#notify(value);
        return;
      case INTERRUPT_ACK:
        this.#setInterruptStatus(this.#interruptStatus & ~value);
        return;
      case STATUS:
        this.#writeStatus(value & 0xff);
        return;
      case QUEUE_READY: {
        const queue = this.#queues[this.#queueSelect];
        if (queue === undefined) return;
        if ((value & 1) === 0) queue.disable();
        else if ((this.#status & VirtioStatus.NEEDS_RESET) === 0) queue.enable();
        return;
      }
      default:
        this.#writeQueue(offset, value);
    }
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.#queues[this.#queueSelect];
    if (queue === undefined || queue.ready) return;
    if (offset === QUEUE_NUM) {
      if (value <= queue.maxSize) queue.size = value;
      return;
    }
    const half = QUEUE_AREAS.indexOf(offset);
    if (half >= 0) queue.areas[half] = value;
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.statistics.resets++;
      this.#reset();
      return;
    }
    const before = this.#status;
    const wasActive = this.active;
    // The driver may neither set nor clear NEEDS_RESET, and bits once set stay until reset.
    let status = before | (value & ~VirtioStatus.NEEDS_RESET);
    if ((status & ~before & VirtioStatus.FEATURES_OK) !== 0 && !this.#acceptable()) {
      status &= ~VirtioStatus.FEATURES_OK;
    }
    this.#status = status;
    if ((status & ~before & VirtioStatus.FEATURES_OK) !== 0) this.#negotiate();
    if (!wasActive && this.active) this.device.activate();
  }

  /** Whether the driver's features can be had: all offered, and VERSION_1 among them. */
  #acceptable(): boolean {
    const [low, high] = this.#driverFeatures;
    const wanted = (BigInt(high) << 32n) | BigInt(low);
    if ((wanted & ~this.#offered) !== 0n) return false;
    return !this.#requireVersion1 || (wanted & featureMask(VirtioFeature.VERSION_1)) !== 0n;
  }

  #negotiate(): void {
    const eventIndex = this.has(VirtioFeature.EVENT_IDX);
    const indirect = this.has(VirtioFeature.INDIRECT_DESC);
    for (const queue of this.#queues) queue.negotiate(eventIndex, indirect);
  }

  #notify(index: number): void {
    this.statistics.notifications++;
    if (!this.active) return;
    if (this.#queues[index]?.ready) this.device.notify(index);
  }

  #accessConfig(access: BusAccess, offset: number): void {
    const { config } = this.device;
    const { size } = access;
    if (offset + size > config.length) {
      // As QEMU: nothing there reads as ones.
      if (!access.write) access.value = size === 4 ? 0xffff_ffff : (1 << (8 * size)) - 1;
      return;
    }
    if (access.write) {
      this.device.writeConfig(offset, size, access.value);
      return;
    }
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + config[offset + i];
    access.value = value;
  }

  #raise(interrupt: number): void {
    this.#setInterruptStatus(this.#interruptStatus | interrupt);
  }

  /** The line is high while a cause is not acknowledged. */
  #setInterruptStatus(status: number): void {
    const before = this.#interruptStatus !== 0;
    const level = status !== 0;
    this.#interruptStatus = status;
    if (level === before) return;
    if (level) this.statistics.interrupts++;
    this.#irq.set(level);
  }
}

/** The registers that an empty slot has too. */
function identification(offset: number, size: number, id: number): number {
  if (size !== 4) return 0;
  switch (offset) {
    case MAGIC:
      return MAGIC_VALUE;
    case VERSION:
      return 2;
    case DEVICE_ID:
      return id;
    case VENDOR_ID:
      return VENDOR;
    default:
      return 0;
  }
}
