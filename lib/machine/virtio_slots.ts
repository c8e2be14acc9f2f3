/** The virtio-mmio slots of a board, with the devices of a configuration in them. */
import type { DeviceConfig } from "../config/device_config.ts";
import { TraceLevel } from "../config/trace.ts";
import type { IrqLine } from "../devices/irq_controller/irq_line.ts";
import type { Device } from "../devices/vbus/device.ts";
import { EmptyVirtioSlot } from "../devices/virtio/empty_slot.ts";
import { PACKED_FEATURES, VirtioMmio } from "../devices/virtio/mmio.ts";
import type { GuestMemory } from "../engine/guest_memory.ts";
import type { BoardOptions } from "./board.ts";
import { tapLine } from "./trace_taps.ts";
import { makeVirtioDevice } from "./virtio_devices.ts";

/** What the slots are made of. */
export interface VirtioSlotsOptions {
  /** Number of slots. */
  readonly count: number;
  readonly devices: readonly DeviceConfig[];
  readonly memory: GuestMemory;
  /** Interrupt of a slot. */
  readonly irq: (slot: number) => IrqLine;
}

/** Devices fill the slots from the last to the first, as QEMU does. */
export class VirtioSlots {
  /** In the order of the configuration. */
  readonly devices: readonly VirtioMmio[];
  /** The slots of these, in the same order. */
  readonly used: readonly number[];
  readonly #count: number;

  /** Makes the devices. Throws a ConfigError. */
  constructor(options: VirtioSlotsOptions, board: BoardOptions) {
    const { count, devices, memory, irq } = options;
    this.#count = count;
    this.used = devices.map((_, i) => this.#slotOf(i));
    const tracer = board.debug.tracer("virtio");
    const { clock } = board;
    this.devices = devices.map((device, i) => {
      const before = devices.slice(0, i).filter(({ type }) => type === device.type);
      const name = `${device.type}.${before.length}`;
      const parts = { ...board, name, index: before.length, path: `devices[${i}]` };
      return new VirtioMmio(makeVirtioDevice(device, parts), {
        memory,
        ...(device.packed === true && { features: PACKED_FEATURES }),
        irq: tapLine(irq(this.#slotOf(i)), tracer, "interrupt", { device: name }),
        // Between slices, at a time that does not depend on the host.
        later: (work) => {
          if (tracer.level !== TraceLevel.none) tracer.emit("notify", { device: name });
          clock.at(clock.now(), work);
        },
        onFailure: (device, reason) => {
          tracer.emit("failure", { device, reason });
          board.onFailure(device, reason);
        },
      });
    });
  }

  /** What answers in each slot, by number. */
  all(): Device[] {
    return Array.from(
      { length: this.#count },
      (_, slot) => this.devices[this.#slotOf(slot)] ?? new EmptyVirtioSlot(),
    );
  }

  /** Slot of the i-th device, and the other way round. */
  #slotOf(index: number): number {
    return this.#count - 1 - index;
  }
}
