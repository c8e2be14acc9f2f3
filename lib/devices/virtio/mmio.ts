/**
 * Virtio over MMIO, version 2 (virtio 1.2, section 4.2). One device per slot of 0x200 bytes.
 *
 * Stricter than QEMU: FEATURES_OK is refused for bits that were not offered or without VERSION_1,
 * queues become ready after FEATURES_OK only, their registers are fixed while they are, and rings
 * outside RAM do not become ready.
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
import type { IoTranslator } from "./iommu.ts";
import { identification, Interrupt, Register } from "./registers.ts";
import { VirtQueue } from "./virt_queue.ts";

/** Bytes of one slot in the memory map. */
export const VIRTIO_MMIO_SIZE = 0x200;

const LOW = 0xffff_ffffn;

/** Features of transport and queues that a slot offers if nothing else is said. */
export const DEFAULT_TRANSPORT_FEATURES: bigint = featureMask(
  VirtioFeature.VERSION_1,
  VirtioFeature.EVENT_IDX,
  VirtioFeature.INDIRECT_DESC,
  VirtioFeature.RING_RESET,
);

/** The same and the packed format, which drivers prefer if they know it. */
export const PACKED_FEATURES: bigint = DEFAULT_TRANSPORT_FEATURES |
  featureMask(VirtioFeature.RING_PACKED);

/** All that a slot can offer. ACCESS_PLATFORM comes with `VirtioMmioOptions.translator`. */
const KNOWN_FEATURES = PACKED_FEATURES | featureMask(
  VirtioFeature.IN_ORDER,
  VirtioFeature.ORDER_PLATFORM,
  VirtioFeature.NOTIFICATION_DATA,
);

/** Options of a {@linkcode VirtioMmio}. */
export interface VirtioMmioOptions {
  /** Where rings and buffers are. */
  readonly memory: GuestMemory;
  /** Interrupt of the slot, level-triggered. */
  readonly irq: IrqLine;
  /**
   * Features of transport and queues to offer, a mask of {@linkcode VirtioFeature}: besides the
   * default ones RING_PACKED, IN_ORDER, ORDER_PLATFORM and NOTIFICATION_DATA. The driver chooses.
   * @default DEFAULT_TRANSPORT_FEATURES
   */
  readonly features?: bigint;
  /**
   * Translates the addresses of rings and buffers. The slot offers ACCESS_PLATFORM then, and
   * refuses drivers that do not accept it. @default addresses are guest-physical
   */
  readonly translator?: IoTranslator;
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

/** What a register does; without `read` it reads as zero, without `write` writes do nothing. */
interface RegisterAction {
  readonly read?: (slot: VirtioMmio) => number;
  readonly write?: (slot: VirtioMmio, value: number) => void;
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
  readonly #translated: boolean;
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
    const features = options.features ?? DEFAULT_TRANSPORT_FEATURES;
    if ((features & ~KNOWN_FEATURES) !== 0n) {
      throw new RangeError(`features ${features & ~KNOWN_FEATURES} are not of transport or queues`);
    }
    if (this.memory.bytes.byteOffset % 2 !== 0) {
      throw new RangeError("guest RAM begins at an odd offset of its buffer");
    }
    const { translator } = options;
    this.#translated = translator !== undefined;
    this.#offered = device.features | features |
      (this.#translated ? featureMask(VirtioFeature.ACCESS_PLATFORM) : 0n);
    const host = {
      memory: options.memory,
      translator,
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
    if (offset >= Register.Config) {
      this.#accessConfig(access, offset - Register.Config);
      return AccessResult.ok;
    }
    const register = size === 4 ? VirtioMmio.#registers.get(offset) : undefined;
    if (access.write) register?.write?.(this, access.value);
    else if (register !== undefined) access.value = register.read?.(this) ?? 0;
    else access.value = size === 4 ? identification(offset, this.device.id) : 0;
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
      const negotiated = (status & VirtioStatus.FEATURES_OK) !== 0;
      if (negotiated && !this.#acceptable()) {
        throw new TypeError(`state of ${this.name}: features that it does not offer`);
      }
      this.#negotiate();
      this.#queues.forEach((queue, index) => queue.restore(queues[index]));
      const usable = negotiated && (status & VirtioStatus.NEEDS_RESET) === 0;
      if (!usable && this.#queues.some((queue) => queue.ready)) {
        throw new TypeError(`state of ${this.name}: a queue that cannot be ready`);
      }
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

  /** Accesses of four bytes; nothing else reaches a register. */
  static readonly #registers: ReadonlyMap<number, RegisterAction> = new Map<number, RegisterAction>(
    [
      [Register.DeviceFeatures, {
        // Zero for selectors above 1.
        read: (slot) => Number((slot.#offered >> BigInt(32 * slot.#deviceFeaturesSelect)) & LOW),
      }],
      [Register.DeviceFeaturesSel, {
        write: (slot, value) => void (slot.#deviceFeaturesSelect = value),
      }],
      [Register.DriverFeatures, { write: (slot, value) => slot.#accept(value) }],
      [Register.DriverFeaturesSel, {
        write: (slot, value) => void (slot.#driverFeaturesSelect = value),
      }],
      [Register.QueueSel, { write: (slot, value) => void (slot.#queueSelect = value) }],
      [Register.QueueNumMax, { read: (slot) => slot.#selected?.maxSize ?? 0 }],
      [Register.QueueNum, {
        write: (slot, value) => {
          const queue = slot.#selected;
          if (queue !== undefined && !queue.ready && value <= queue.maxSize) queue.size = value;
        },
      }],
      [Register.QueueReady, {
        read: (slot) => slot.#selected?.ready ? 1 : 0,
        write: (slot, value) => slot.#writeReady(value),
      }],
      [Register.QueueNotify, { write: (slot, value) => slot.#notify(value) }],
      [Register.InterruptStatus, { read: (slot) => slot.#interruptStatus }],
      [Register.InterruptACK, {
        write: (slot, value) => slot.#setInterruptStatus(slot.#interruptStatus & ~value),
      }],
      [Register.Status, {
        read: (slot) => slot.#status,
        write: (slot, value) => slot.#writeStatus(value & 0xff),
      }],
      ...[
        Register.QueueDescLow,
        Register.QueueDescHigh,
        Register.QueueDriverLow,
        Register.QueueDriverHigh,
        Register.QueueDeviceLow,
        Register.QueueDeviceHigh,
      ].map((offset, half): [number, RegisterAction] => [offset, {
        write: (slot, value) => {
          const queue = slot.#selected;
          if (queue !== undefined && !queue.ready) queue.areas[half] = value;
        },
      }]),
      // There are no shared memory regions.
      ...[
        Register.SHMLenLow,
        Register.SHMLenHigh,
        Register.SHMBaseLow,
        Register.SHMBaseHigh,
      ].map((offset): [number, RegisterAction] => [offset, { read: () => 0xffff_ffff }]),
      // A reset is over before the driver can look: it reads as zero.
      [Register.QueueReset, { write: (slot, value) => slot.#resetQueue(value) }],
      [Register.ConfigGeneration, { read: (slot) => slot.#configGeneration }],
    ],
  );

  get #selected(): VirtQueue | undefined {
    return this.#queues[this.#queueSelect];
  }

  #accept(features: number): void {
    if ((this.#status & VirtioStatus.FEATURES_OK) !== 0) return;
    if (this.#driverFeaturesSelect > 1) return;
    this.#driverFeatures[this.#driverFeaturesSelect] = features;
  }

  #writeReady(value: number): void {
    const queue = this.#selected;
    if (queue === undefined) return;
    if ((value & 1) === 0) {
      if (!queue.ready) return;
      queue.disable();
      this.device.queueStopped?.(queue.index);
      return;
    }
    // Only now is it known what stands in a ring.
    const { FEATURES_OK, NEEDS_RESET } = VirtioStatus;
    if ((this.#status & (FEATURES_OK | NEEDS_RESET)) === FEATURES_OK) queue.enable();
  }

  /** Section 2.6.1. */
  #resetQueue(value: number): void {
    const queue = this.#selected;
    if (queue === undefined || (value & 1) === 0 || !this.has(VirtioFeature.RING_RESET)) return;
    queue.reset();
    this.device.queueStopped?.(queue.index);
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

  /** Whether the driver's features can be had: all offered, and those among them that must be. */
  #acceptable(): boolean {
    const [low, high] = this.#driverFeatures;
    const wanted = (BigInt(high) << 32n) | BigInt(low);
    if ((wanted & ~this.#offered) !== 0n) return false;
    if (this.device.accepts?.(wanted) === false) return false;
    const required = (this.#requireVersion1 ? featureMask(VirtioFeature.VERSION_1) : 0n) |
      (this.#translated ? featureMask(VirtioFeature.ACCESS_PLATFORM) : 0n);
    return (wanted & required) === required;
  }

  #negotiate(): void {
    const features = {
      packed: this.has(VirtioFeature.RING_PACKED),
      eventIndex: this.has(VirtioFeature.EVENT_IDX),
      indirect: this.has(VirtioFeature.INDIRECT_DESC),
      inOrder: this.has(VirtioFeature.IN_ORDER),
    };
    for (const queue of this.#queues) queue.negotiate(features);
  }

  #notify(value: number): void {
    this.statistics.notifications++;
    if (!this.active) return;
    // With NOTIFICATION_DATA the upper half says where the driver is; the ring says it too.
    const index = this.has(VirtioFeature.NOTIFICATION_DATA) ? value & 0xffff : value;
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
