/**
 * Accesses that generated code cannot do: TLB misses, devices, pages that hold code, accesses that
 * cross pages. A plain miss fills the TLB and the instruction runs again. Everything else runs the
 * one instruction against a scratch buffer, which stands in for the memory.
 *
 * The interpreter asks in the middle of an instruction (`direct`, `commit`): a plain miss, and an
 * access to a device that was there before, let it go on with that instruction.
 */
import { Access, type ArchCpu } from "./arch.ts";
import type { CodeCache } from "./code_cache.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { type Layout, Miss, STATE_BASE, type StateField, type StateView } from "./layout.ts";
import { Exit, PAGE_SIZE, RAM_BASE, SCRATCH } from "./memory_map.ts";
import { DirectAnswer } from "./direct_access.ts";
import type { Slice } from "./slice.ts";
import type { Stepper } from "./stepper.ts";
import type { Tlb } from "./tlb.ts";
import { AccessResult, type AccessSize, type BusAccess } from "../devices/vbus/device.ts";

/** Everything that is not RAM. */
export interface BusPort {
  access(address: number, access: BusAccess): AccessResult;
}

export interface SlowAccessOptions {
  readonly state: StateView;
  readonly layout: Layout;
  readonly memory: GuestMemory;
  readonly bus: BusPort;
  readonly tlb: Tlb;
  readonly cache: CodeCache;
  readonly buffer: ArrayBufferLike;
  readonly slice: Slice;
  readonly stepper: Stepper;
  /** See ArchBinding. */
  readonly writableIsReadable: boolean;
  /** General registers, which a refused write must leave as they were. */
  readonly general: StateField;
}

/** One access in so many is a sample; no round number, which loops might fall in with. */
const SAMPLE_EVERY = 17;

/** Where in the scratch buffer the bytes of an instruction's second probe are. */
const SECOND = 128;

/** Part of an access that lies in one page. */
interface Piece {
  /** Guest-physical address of its first byte. */
  address: number;
  /** Bytes. */
  length: number;
  isRam: boolean;
}

export class SlowAccess {
  readonly #o: SlowAccessOptions;
  readonly #u32: Uint32Array;
  readonly #scratch: DataView;
  readonly #scratchBytes: Uint8Array;
  readonly #scratchWords: Uint32Array;
  /** All of the memory. */
  readonly #bytes: Uint8Array;
  /** The running vCPU's state block, and as it was before a write that a device may refuse. */
  readonly #block: Uint8Array;
  readonly #before: Uint8Array;
  readonly #address: number;
  readonly #info: number;
  readonly #record: number;
  readonly #bus: BusAccess = { write: false, offset: 0, size: 4, value: 0, vcpu: 0 };
  readonly #registers: Uint8Array;
  readonly #registersBefore: Uint8Array;
  #filled = false;
  /** How the instruction ended that was executed against the scratch buffer, undefined if none was. */
  #ended: Exit | undefined;
  /** The probe at hand is the second one of an instruction whose first has the scratch buffer. */
  #isSecond = false;
  /** Where the instruction that asked finds the bytes; 0 if it must not go on. */
  #host = 0;
  /** The write to a device that `commit` does: guest-physical address and bytes. */
  #writeAddress = 0;
  #writeSize = 0;
  /** The write across pages that `commit` does: where its two parts go, and bytes of the first. */
  readonly #parts: [low: number, high: number] = [0, 0];
  #firstLength = 0;
  /** Accesses that the host did in the middle of an instruction, until the next sample. */
  #untilSample = SAMPLE_EVERY;
  /** Number of the running vCPU, told to devices. */
  vcpu = 0;

  constructor(options: SlowAccessOptions) {
    this.#o = options;
    this.#u32 = options.state.u32;
    this.#scratch = new DataView(options.buffer, SCRATCH, 256);
    this.#scratchBytes = new Uint8Array(options.buffer, SCRATCH, 256);
    this.#scratchWords = new Uint32Array(options.buffer, SCRATCH, 64);
    this.#bytes = new Uint8Array(options.buffer);
    this.#block = new Uint8Array(options.buffer, STATE_BASE, options.layout.end - STATE_BASE);
    this.#before = new Uint8Array(this.#block.length);
    const { general } = options;
    this.#registers = new Uint8Array(options.buffer, general.address, general.size * general.count);
    this.#registersBefore = new Uint8Array(this.#registers.length);
    this.#address = options.layout.get("missAddress").address >> 2;
    this.#info = options.layout.get("missInfo").address >> 2;
    this.#record = options.layout.get("record").address >> 2;
  }

  /**
   * For the instruction at the pc whose probe has missed: the host address of the bytes, or 0 if all is
   * done for it and the vCPU goes on at the pc in the state. {@linkcode SCRATCH} for a write asks for
   * `commit` when the bytes are there.
   */
  direct(cpu: ArchCpu): number {
    const u32 = this.#u32;
    const low = u32[this.#address];
    const high = u32[this.#address + 1];
    const info = u32[this.#info];
    const size = info & Miss.size;
    const write = (info & Miss.write) !== 0;
    const tlb = info >>> Miss.tlbShift;
    const aligned = (info & Miss.aligned) !== 0;
    if (!aligned && crossing(low, size) && this.#across(tlb, write, high, low, size)) {
      this.#sample();
      return SCRATCH;
    }
    if (size <= 8 && (size & (size - 1)) === 0 && (low & (size - 1)) === 0) {
      const page = this.#o.tlb.findDevice(tlb, write, high, low);
      if (page >= 0) {
        this.#sample();
        const address = page + (low & (PAGE_SIZE - 1));
        return write ? this.#beginWrite(address, size) : this.#read(cpu, address, size);
      }
    }

    this.#host = 0;
    if (!this.#access(cpu, true)) this.#o.slice.spend();
    return this.#host;
  }

  /** From time to time tells which instruction has the host do its access. */
  #sample(): void {
    if (--this.#untilSample > 0) return;
    this.#untilSample = SAMPLE_EVERY;
    this.#o.cache.sampleAsker(this.#u32[this.#record]);
  }

  /** Like `direct`, for a region that goes on whatever the instruction is; see DirectAnswer. */
  regionAccess(high: number, low: number, info: number): DirectAnswer {
    const size = info & Miss.size;
    const write = (info & Miss.write) !== 0;
    const tlb = info >>> Miss.tlbShift;
    if (size <= 4 && (low & (size - 1)) === 0 && size !== 3) {
      const page = this.#o.tlb.findDevice(tlb, write, high, low);
      if (page < 0) return DirectAnswer.no;
      const address = page + (low & (PAGE_SIZE - 1));
      if (write) {
        this.#firstLength = 0;
        this.#writeAddress = address;
        this.#writeSize = size;
        return DirectAnswer.done;
      }
      if (!this.#device(address, 0, size as AccessSize, false)) return DirectAnswer.no;
      return this.#answer();
    }
    if ((info & Miss.aligned) !== 0 || !crossing(low, size)) return DirectAnswer.no;
    return this.#across(tlb, write, high, low, size) ? DirectAnswer.done : DirectAnswer.no;
  }

  /** Like `commit`, for what `regionAccess` has begun. */
  regionCommit(): DirectAnswer {
    if (this.#firstLength > 0) {
      this.#commitAcross();
      return DirectAnswer.done;
    }
    const size = this.#writeSize as AccessSize;
    if (!this.#device(this.#writeAddress, 0, size, true)) return DirectAnswer.no;
    return this.#answer();
  }

  /** Whether the vCPU must come back to the engine before the next instruction. */
  get #asked(): boolean {
    const { slice } = this.#o;
    return slice.attention || slice.isExhausted;
  }

  #answer(): DirectAnswer {
    if (!this.#asked) return DirectAnswer.done;
    this.#o.slice.hold(0);
    return DirectAnswer.leave;
  }

  /**
   * Lets an access whose two pages are in the TLB go on with the scratch buffer: false if they are
   * not. A write may leave some bytes of its probe alone, so the buffer has them all.
   */
  #across(tlb: number, write: boolean, high: number, low: number, size: number): boolean {
    const next = ((low & -PAGE_SIZE) + PAGE_SIZE) >>> 0;
    const nextHigh = next === 0 ? (high + 1) >>> 0 : high;
    const first = this.#o.tlb.find(tlb, write, high, low);
    const second = this.#o.tlb.find(tlb, write, nextHigh, next);
    if (first === 0 || second === 0) return false;
    const length = PAGE_SIZE - (low & (PAGE_SIZE - 1));
    this.#parts[0] = first;
    this.#parts[1] = second;
    this.#firstLength = length;
    this.#writeSize = size;
    const bytes = this.#bytes;
    const scratch = this.#scratchBytes;
    for (let i = 0; i < length; i++) scratch[i] = bytes[first + i];
    for (let i = length; i < size; i++) scratch[i] = bytes[second + i - length];
    return true;
  }

  /** Does the write that `#across` has begun. */
  #commitAcross(): void {
    const [first, second] = this.#parts;
    const length = this.#firstLength;
    const size = this.#writeSize;
    const bytes = this.#bytes;
    const scratch = this.#scratchBytes;
    for (let i = 0; i < length; i++) bytes[first + i] = scratch[i];
    for (let i = length; i < size; i++) bytes[second + i - length] = scratch[i];
    this.#firstLength = 0;
  }

  #read(cpu: ArchCpu, address: number, size: number): number {
    const whole = size === 8
      ? this.#device(address, 0, 4, false) && this.#device(address + 4, 4, 4, false)
      : this.#device(address, 0, size as AccessSize, false);
    if (whole && !this.#asked) return SCRATCH;
    const u32 = this.#u32;
    const low = u32[this.#address];
    const high = u32[this.#address + 1];
    if (!whole) {
      cpu.busError(high, low, Access.read, false);
      this.#o.slice.spend();
      return 0;
    }
    const tlb = u32[this.#info] >>> Miss.tlbShift;
    // With `aligned`, too: the access is.
    this.#o.tlb.fill(tlb, false, low, high, (low & -PAGE_SIZE) >>> 0, SCRATCH);
    this.#o.stepper.step(cpu);
    this.#o.tlb.drop(tlb, low);
    return 0;
  }

  #beginWrite(address: number, size: number): number {
    this.#firstLength = 0;
    this.#writeAddress = address;
    this.#writeSize = size;
    this.#registersBefore.set(this.#registers);
    return SCRATCH;
  }

  /** Does the write that `direct` has begun; false if the instruction must not go on. */
  commit(cpu: ArchCpu): boolean {
    if (this.#firstLength > 0) {
      this.#commitAcross();
      return true;
    }
    const address = this.#writeAddress;
    const size = this.#writeSize;
    const whole = size === 8
      ? this.#device(address, 0, 4, true) && this.#device(address + 4, 4, 4, true)
      : this.#device(address, 0, size as AccessSize, true);
    if (!whole) {
      const { u32 } = this.#o.state;
      this.#registers.set(this.#registersBefore);
      cpu.busError(u32[this.#address + 1], u32[this.#address], Access.write, false);
      this.#o.slice.spend();
      return false;
    }
    if (!this.#asked) return true;
    this.#o.stepper.finish();
    return false;
  }

  /** Does what the probe that missed needs; false if it took an exception instead. */
  access(cpu: ArchCpu): boolean {
    return this.#access(cpu, false);
  }

  /** `ongoing`: the instruction is in its middle and can go on with `#host`. */
  #access(cpu: ArchCpu, ongoing: boolean): boolean {
    const { u32 } = this.#o.state;
    const low = u32[this.#address];
    const high = u32[this.#address + 1];
    const info = u32[this.#info];
    const size = info & Miss.size;
    const tlb = info >>> Miss.tlbShift;
    const write = (info & Miss.write) !== 0;
    const read = (info & Miss.read) !== 0;
    if ((info & Miss.aligned) !== 0 && (low & (size - 1)) !== 0) {
      cpu.alignmentFault(high, low, read ? Access.read : Access.write);
      return false;
    }
    if (this.#plain(cpu, high, low, size, tlb, read, write)) return this.#filled;
    const first = Math.min(size, PAGE_SIZE - (low & (PAGE_SIZE - 1)));
    const pieces: Piece[] = [];
    const one = first === size;
    let plain = true;
    for (let done = 0; done < size;) {
      const length = done === 0 ? first : size - first;
      const at = low + done;
      const pieceHigh = (high + (at > 0xffffffff ? 1 : 0)) >>> 0;
      const pieceLow = at >>> 0;
      const reads = read && !(write && this.#o.writableIsReadable);
      if (reads && !cpu.translate(pieceHigh, pieceLow, Access.read, tlb, size)) return false;
      if (write && !cpu.translate(pieceHigh, pieceLow, Access.write, tlb, size)) return false;
      const { page, uncached, watched, strictAlignment } = cpu.translation;
      if (strictAlignment && misaligned(low, size)) {
        cpu.alignmentFault(high, low, read ? Access.read : Access.write);
        return false;
      }
      const isRam = this.#o.memory.contains(page, PAGE_SIZE);
      const address = page + (pieceLow & (PAGE_SIZE - 1));
      if (uncached || !isRam) plain = false;
      else if (!one) this.#fill(cpu, tlb, pieceHigh, pieceLow, address, read, write);
      if (!isRam && !watched && read !== write) {
        this.#o.tlb.fillDevice(tlb, write, pieceHigh, pieceLow, page);
      }
      pieces.push({ address, length, isRam });
      done += length;
    }
    if (plain && one && this.#fill(cpu, tlb, high, low, pieces[0].address, read, write)) {
      return true;
    }
    if (plain && !one && ongoing && this.#across(tlb, write, high, low, size)) {
      this.#host = SCRATCH;
      return true;
    }
    return this.#emulate(cpu, tlb, high, low, size, read, write, pieces);
  }

  /**
   * The common case, a miss on RAM in one page: true if that settled it, one way or the other
   * (`#filled` tells).
   */
  #plain(
    cpu: ArchCpu,
    high: number,
    low: number,
    size: number,
    tlb: number,
    read: boolean,
    write: boolean,
  ): boolean {
    const inPage = low & (PAGE_SIZE - 1);
    if (inPage + size > PAGE_SIZE || (read && write)) return false;
    const kind = write ? Access.write : Access.read;
    this.#filled = false;
    if (!cpu.translate(high, low, kind, tlb, size)) return true;
    const { page, uncached } = cpu.translation;
    if (uncached || !this.#o.memory.contains(page, PAGE_SIZE)) return false;
    this.#filled = this.#fill(cpu, tlb, high, low, page + inPage, read, write);
    if (this.#filled) this.#host = RAM_BASE + page + inPage - this.#o.memory.base;
    return this.#filled;
  }

  /** Fills the TLB for a page of RAM; false if it holds code that a write must not reach unseen. */
  #fill(
    cpu: ArchCpu,
    tlb: number,
    high: number,
    low: number,
    address: number,
    read: boolean,
    write: boolean,
  ): boolean {
    const offset = address - this.#o.memory.base;
    if (write && this.#o.cache.isCode(offset)) return false;
    const host = RAM_BASE + offset;
    const page = (low & -PAGE_SIZE) >>> 0;
    // A second probe must leave the entry of the first.
    if (read || (cpu.translation.readable && !this.#isSecond)) {
      this.#o.tlb.fill(tlb, false, low, high, page, host);
    }
    if (write) {
      this.#o.memory.opened(address);
      this.#o.tlb.fill(tlb, true, low, high, page, host);
    }
    return true;
  }

  #emulate(
    cpu: ArchCpu,
    tlb: number,
    high: number,
    low: number,
    size: number,
    read: boolean,
    write: boolean,
    pieces: readonly Piece[],
  ): boolean {
    const begin = this.#isSecond ? SECOND : 0;
    let at = begin;
    for (const piece of pieces) {
      // A write to RAM may leave some bytes of its probe alone: they must read as they are.
      if ((read || piece.isRam) && !this.#transfer(piece, at, false)) {
        cpu.busError(high, low, read ? Access.read : Access.write, false);
        return false;
      }
      at += piece.length;
    }
    const aligned = (this.#o.state.u32[this.#info] & Miss.aligned) !== 0;
    const end = low + (aligned ? 0 : size - 1);
    const tagHigh = (high + (end > 0xffffffff ? 1 : 0)) >>> 0;
    const tag = (end & -PAGE_SIZE) >>> 0;
    if (read) this.#o.tlb.fill(tlb, false, low, tagHigh, tag, SCRATCH + begin);
    if (write) this.#o.tlb.fill(tlb, true, low, tagHigh, tag, SCRATCH + begin);
    if (write && !pieces.every(({ isRam }) => isRam)) this.#before.set(this.#block);
    const exit = this.#execute(cpu);
    this.#ended = exit;
    this.#o.tlb.drop(tlb, low);
    if (exit === Exit.fault) return false;
    if (!write || (exit !== Exit.go && exit !== Exit.jumped)) return true;
    at = begin;
    for (const piece of pieces) {
      if (!this.#transfer(piece, at, true)) {
        this.#block.set(this.#before);
        cpu.busError(high, low, Access.write, false);
        return false;
      }
      at += piece.length;
    }
    return true;
  }

  /** Executes the instruction at the pc; does the access of a second probe that misses. */
  #execute(cpu: ArchCpu): Exit {
    const exit = this.#o.stepper.step(cpu);
    if (exit !== Exit.miss || this.#isSecond) return exit;
    this.#isSecond = true;
    this.#ended = undefined;
    const done = this.#access(cpu, false);
    const ended = done ? this.#ended ?? this.#o.stepper.step(cpu) : Exit.fault;
    this.#isSecond = false;
    return ended;
  }

  /** Between the scratch buffer at `at` and memory or a device. False if a device refuses. */
  #transfer(piece: Piece, at: number, write: boolean): boolean {
    const { memory } = this.#o;
    if (piece.isRam) {
      const scratch = this.#scratchBytes.subarray(at, at + piece.length);
      if (write) memory.write(piece.address, scratch);
      else scratch.set(memory.slice(piece.address, piece.length) as Uint8Array);
      return true;
    }
    for (let done = 0; done < piece.length;) {
      const size = sizeAt(piece.address + done, piece.length - done);
      if (!this.#device(piece.address + done, at + done, size, write)) return false;
      done += size;
    }
    return true;
  }

  #device(address: number, at: number, size: AccessSize, write: boolean): boolean {
    const access = this.#bus;
    access.write = write;
    access.size = size;
    access.vcpu = this.vcpu;
    access.value = write ? this.#load(at, size) : 0;
    const result = this.#o.bus.access(address, access);
    if (result !== AccessResult.ok) return false;
    if (!write) this.#store(at, size, access.value);
    return true;
  }

  #load(at: number, size: AccessSize): number {
    if (size === 4 && (at & 3) === 0) return this.#scratchWords[at >> 2];
    if (size === 1) return this.#scratch.getUint8(at);
    return size === 2 ? this.#scratch.getUint16(at, true) : this.#scratch.getUint32(at, true);
  }

  #store(at: number, size: AccessSize, value: number): void {
    if (size === 4 && (at & 3) === 0) this.#scratchWords[at >> 2] = value;
    else if (size === 1) this.#scratch.setUint8(at, value);
    else if (size === 2) this.#scratch.setUint16(at, value, true);
    else this.#scratch.setUint32(at, value, true);
  }
}

/** Whether an access reaches into the next page. */
function crossing(low: number, size: number): boolean {
  return (low & (PAGE_SIZE - 1)) + size > PAGE_SIZE;
}

/** Largest device access at an address that is aligned and not longer than `rest`. */
function sizeAt(address: number, rest: number): AccessSize {
  if (rest >= 4 && address % 4 === 0) return 4;
  return rest >= 2 && address % 2 === 0 ? 2 : 1;
}

/** Elements of an access of 16 bytes or more, or of an odd size, are at most 8 bytes long. */
function misaligned(low: number, size: number): boolean {
  const element = size === 12 || size === 24 || size >= 16 ? 4 : size;
  return low % element !== 0;
}
