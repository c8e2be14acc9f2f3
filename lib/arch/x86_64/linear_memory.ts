/**
 * Guest memory by linear address, as instructions see it that the host executes. Whatever refuses an
 * access throws the {@linkcode GuestFault} of it.
 *
 * Addresses are numbers: signed and canonical in 64-bit mode, 0 to 2^32 - 1 elsewhere. Every access
 * may cross a page, and reaches devices in pieces of at most four bytes.
 */
import { Access } from "../../engine/arch.ts";
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { AccessResult, type BusAccess } from "../../devices/vbus/device.ts";
import { generalProtection, GuestFault, Vector } from "./guest_fault.ts";
import { type Mmu, NOT_CANONICAL, TRANSLATED } from "./mmu.ts";
import { Tlb } from "./mode.ts";

const PAGE_BYTES = 4096;

/** Everything that is not RAM. */
export interface PhysicalBus {
  access(address: number, access: BusAccess): AccessResult;
}

/** Breakpoints on data. */
export interface DataWatch {
  /** Whether there are any. */
  readonly watchesData: boolean;
  /** Notes an access at an address in halves. */
  access(high: number, low: number, size: number, write: boolean): void;
}

/** Reads and writes with the access rights of one {@linkcode Tlb}. */
export class LinearMemory {
  readonly #mmu: Mmu;
  readonly #memory: GuestMemory;
  readonly #bus: PhysicalBus;
  readonly #view: DataView;
  readonly #watch: DataWatch | undefined;
  readonly #access: BusAccess = { write: false, offset: 0, size: 4, value: 0, vcpu: 0 };
  /** What {@linkcode LinearMemory.readPair} has read, unsigned. */
  pairLow = 0;
  pairHigh = 0;
  #rights: Tlb = Tlb.supervisor;
  /** Page that was read, written, executed last since `rights` was set; and where it is. */
  readonly #pages: Float64Array = new Float64Array(3).fill(NaN);
  readonly #places: Float64Array = new Float64Array(3);

  /** `vcpu` is the number told to devices. Accesses are told to `watch`. */
  constructor(
    mmu: Mmu,
    memory: GuestMemory,
    bus: PhysicalBus,
    vcpu: number,
    watch?: DataWatch,
  ) {
    this.#mmu = mmu;
    this.#memory = memory;
    this.#bus = bus;
    this.#access.vcpu = vcpu;
    this.#watch = watch;
    const { buffer, byteOffset, byteLength } = memory.bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** Whose rights accesses have. To be set at the beginning of each instruction. */
  get rights(): Tlb {
    return this.#rights;
  }

  set rights(rights: Tlb) {
    this.#rights = rights;
    const pages = this.#pages;
    pages[0] = pages[1] = pages[2] = NaN;
  }

  /** Physical address of a byte. */
  translate(address: number, access: Access): number {
    const offset = address & (PAGE_BYTES - 1);
    const page = address - offset;
    if (this.#pages[access] === page) return this.#places[access] + offset;
    const low = address >>> 0;
    const high = Math.floor(address / 2 ** 32) >>> 0;
    const why = this.#mmu.translate(high, low, access, this.#rights);
    if (why === TRANSLATED) {
      this.#pages[access] = page;
      this.#places[access] = this.#mmu.page;
      return this.#mmu.page + offset;
    }
    if (why === NOT_CANONICAL) throw generalProtection();
    throw new GuestFault(Vector.pageFault, why, high, low);
  }

  /** Faults as an access of `size` bytes would, which should be aligned to `alignment`. */
  probe(address: number, size: number, access: Access, alignment: number = size): void {
    if (this.#rights === Tlb.userAligned && address % alignment !== 0 && alignment <= 8) {
      throw new GuestFault(Vector.alignmentCheck, 0);
    }
    this.translate(address, access);
    if (!crosses(address, size)) return;
    const last = address + size - 1;
    this.translate(last - (last & (PAGE_BYTES - 1)), access);
  }

  read8(address: number): number {
    const at = this.#ram(address, 1, Access.read);
    return at >= 0 ? this.#view.getUint8(at) : this.#readPieces(address, 1);
  }

  read16(address: number): number {
    const at = this.#ram(address, 2, Access.read);
    return at >= 0 ? this.#view.getUint16(at, true) : this.#readPieces(address, 2);
  }

  read32(address: number): number {
    const at = this.#ram(address, 4, Access.read);
    return at >= 0 ? this.#view.getUint32(at, true) : this.#readPieces(address, 4);
  }

  /** Reads eight bytes into `pairLow` and `pairHigh`. */
  readPair(address: number): void {
    const at = this.#ram(address, 8, Access.read);
    this.pairLow = at >= 0 ? this.#view.getUint32(at, true) : this.read32(address);
    this.pairHigh = at >= 0 ? this.#view.getUint32(at + 4, true) : this.read32(address + 4);
  }

  read64(address: number): bigint {
    const at = this.#ram(address, 8, Access.read);
    if (at >= 0) return this.#view.getBigUint64(at, true);
    return BigInt(this.read32(address)) | (BigInt(this.read32(address + 4)) << 32n);
  }

  /** Reads 1, 2 or 4 bytes. */
  read(address: number, size: number): number {
    return size === 4
      ? this.read32(address)
      : size === 2
      ? this.read16(address)
      : this.read8(address);
  }

  write8(address: number, value: number): void {
    const at = this.#ram(address, 1, Access.write);
    if (at < 0) return this.#writePieces(address, 1, value);
    this.#view.setUint8(at, value);
    this.#memory.written(this.#memory.base + at, 1);
  }

  write16(address: number, value: number): void {
    const at = this.#ram(address, 2, Access.write);
    if (at < 0) return this.#writePieces(address, 2, value);
    this.#view.setUint16(at, value, true);
    this.#memory.written(this.#memory.base + at, 2);
  }

  write32(address: number, value: number): void {
    const at = this.#ram(address, 4, Access.write);
    if (at < 0) return this.#writePieces(address, 4, value);
    this.#view.setUint32(at, value, true);
    this.#memory.written(this.#memory.base + at, 4);
  }

  /** Writes eight bytes, given as halves. */
  writePair(address: number, high: number, low: number): void {
    const at = this.#ram(address, 8, Access.write);
    if (at < 0) {
      // Both pages are there: neither half can fault.
      this.write32(address, low);
      this.write32(address + 4, high);
      return;
    }
    this.#view.setUint32(at, low, true);
    this.#view.setUint32(at + 4, high, true);
    this.#memory.written(this.#memory.base + at, 8);
  }

  write64(address: number, value: bigint): void {
    this.writePair(address, Number((value >> 32n) & 0xffffffffn), Number(value & 0xffffffffn));
  }

  /** Writes 1, 2 or 4 bytes. */
  write(address: number, size: number, value: number): void {
    if (size === 4) this.write32(address, value);
    else if (size === 2) this.write16(address, value);
    else this.write8(address, value);
  }

  /** Reads bytes; all of them, or a fault. */
  readBytes(address: number, into: Uint8Array): void {
    this.probe(address, into.length, Access.read);
    this.#note(address, into.length, Access.read);
    this.#eachPage(address, into.length, Access.read, (at, from, length) => {
      if (at >= 0) into.set(this.#memory.bytes.subarray(at, at + length), from);
      else for (let i = from; i < from + length; i++) into[i] = this.read8(address + i);
    });
  }

  /** Writes bytes; all of them, or a fault and nothing. */
  writeBytes(address: number, bytes: Uint8Array): void {
    this.probe(address, bytes.length, Access.write);
    this.#note(address, bytes.length, Access.write);
    this.#eachPage(address, bytes.length, Access.write, (at, from, length) => {
      if (at >= 0) {
        this.#memory.bytes.set(bytes.subarray(from, from + length), at);
        this.#memory.written(this.#memory.base + at, length);
      } else for (let i = from; i < from + length; i++) this.write8(address + i, bytes[i]);
    });
  }

  /** Parts of an access by pages: where in RAM, or -1; the part's first byte, its length. */
  #eachPage(
    address: number,
    size: number,
    access: Access,
    visit: (at: number, from: number, length: number) => void,
  ): void {
    for (let from = 0; from < size;) {
      const start = address + from;
      const length = Math.min(size - from, PAGE_BYTES - (start & (PAGE_BYTES - 1)));
      const at = this.translate(start, access);
      visit(this.#memory.contains(at, length) ? at - this.#memory.base : -1, from, length);
      from += length;
    }
  }

  /** Where in RAM an access is that lies in one page of it; -1 for all others, which are probed. */
  #ram(address: number, size: number, access: Access): number {
    if (this.#rights === Tlb.userAligned || crosses(address, size)) {
      this.probe(address, size, access);
      if (crosses(address, size)) {
        this.#note(address, size, access);
        return -1;
      }
    }
    const at = this.translate(address, access);
    this.#note(address, size, access);
    return this.#memory.contains(at, size) ? at - this.#memory.base : -1;
  }

  #note(address: number, size: number, access: Access): void {
    if (this.#watch?.watchesData !== true) return;
    const high = Math.floor(address / 2 ** 32) >>> 0;
    this.#watch.access(high, address >>> 0, size, access === Access.write);
  }

  /** Byte by byte where pages or devices ask for it. */
  #readPieces(address: number, size: number): number {
    if (!crosses(address, size)) return this.#device(this.translate(address, Access.read), size);
    let value = 0;
    for (let i = 0; i < size; i++) {
      const at = this.translate(address + i, Access.read);
      const byte = this.#memory.contains(at, 1)
        ? this.#view.getUint8(at - this.#memory.base)
        : this.#device(at, 1);
      value += byte * 2 ** (8 * i);
    }
    return value;
  }

  #writePieces(address: number, size: number, value: number): void {
    if (!crosses(address, size)) {
      const at = this.translate(address, Access.write);
      this.#device(at, size, value);
      return;
    }
    for (let i = 0; i < size; i++) {
      const at = this.translate(address + i, Access.write);
      const byte = (value >>> (8 * i)) & 0xff;
      if (this.#memory.contains(at, 1)) {
        this.#view.setUint8(at - this.#memory.base, byte);
        this.#memory.written(at, 1);
      } else this.#device(at, 1, byte);
    }
  }

  /** Reads, or writes `value`. Where nobody answers there are ones, and writes go nowhere. */
  #device(address: number, size: number, value?: number): number {
    const access = this.#access;
    access.write = value !== undefined;
    access.size = size as BusAccess["size"];
    access.value = value ?? 0;
    const result = this.#bus.access(address, access);
    return result === AccessResult.ok ? access.value : (2 ** (8 * size)) - 1;
  }
}

/** Whether an access reaches into the next page. */
function crosses(address: number, size: number): boolean {
  return (address & (PAGE_BYTES - 1)) + size > PAGE_BYTES;
}
