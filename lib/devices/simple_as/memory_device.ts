/**
 * Memory that stands on a bus: a ROM, or RAM beside the guest's main memory. Each access goes through
 * the bus, so it is slow, and no code can run from it.
 */
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { MemoryRegion } from "./address_space.ts";
import { PagePermission, permits } from "./page_permission.ts";

/**
 * A region as a device. Reads and writes that the guest has no right to are refused (an external
 * abort). Little-endian, any alignment. A reset leaves the content.
 */
export class MemoryDevice implements Device {
  readonly name: string;
  readonly #region: MemoryRegion;
  readonly #view: DataView;

  /** Serves `region`; to be registered at its base with its size. */
  constructor(name: string, region: MemoryRegion) {
    this.name = name;
    this.#region = region;
    const { buffer, byteOffset, byteLength } = region.bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  access(access: BusAccess): AccessResult {
    const { offset, size, write } = access;
    const right = write ? PagePermission.write : PagePermission.read;
    const inside = offset >= 0 && offset + size <= this.#view.byteLength;
    if (!inside || !permits(this.#region.guest, right)) return AccessResult.refused;
    if (write) this.#store(offset, size, access.value);
    else access.value = this.#load(offset, size);
    return AccessResult.ok;
  }

  /** Memory keeps its content. */
  reset(): void {}

  shutdown(): void {}

  /** The content of what the guest can write; a ROM has none to save. */
  state(): DeviceState {
    return this.#writable ? new Uint8Array(this.#region.bytes) : null;
  }

  restore(state: DeviceState): void {
    const { bytes, base } = this.#region;
    if (!this.#writable) {
      if (state !== null) throw new TypeError(`state of ${this.name}: a ROM has none`);
      return;
    }
    if (!(state instanceof Uint8Array) || state.length !== bytes.length) {
      throw new TypeError(`state of ${this.name} is not ${bytes.length} bytes`);
    }
    bytes.set(state);
    this.#region.written?.(base, bytes.length);
  }

  get #writable(): boolean {
    return permits(this.#region.guest, PagePermission.write);
  }

  #load(offset: number, size: number): number {
    if (size === 1) return this.#view.getUint8(offset);
    return size === 2 ? this.#view.getUint16(offset, true) : this.#view.getUint32(offset, true);
  }

  #store(offset: number, size: number, value: number): void {
    if (size === 1) this.#view.setUint8(offset, value);
    else if (size === 2) this.#view.setUint16(offset, value, true);
    else this.#view.setUint32(offset, value, true);
    this.#region.written?.(this.#region.base + offset, size);
  }
}
