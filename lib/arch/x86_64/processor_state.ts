/**
 * The vCPU whose state block is in place, as system code sees it: RIP, RFLAGS, privilege, modes,
 * general registers. Nothing is kept here: the block is the state.
 *
 * Linear addresses and RIP are numbers where they are canonical: signed, 48 bits. Values that a guest
 * may have made anything of are pairs of halves.
 */
import type { StateField, StateView } from "../../engine/layout.ts";
import { readStatus, Status, writeStatus } from "./flags.ts";
import { field } from "./layout.ts";
import { Mode, Tlb } from "./mode.ts";
import { Attribute, CR0, CR4, EFER, RFLAGS } from "./registers.ts";
import { Segment } from "./state.ts";

const index = (f: StateField): number => f.address >>> 2;
const PC = index(field("pc"));
const R = index(field("r"));
const DF = index(field("df"));
const REST = index(field("rflags"));
const CPL = index(field("cpl"));
const CR0_FIELD = index(field("cr0"));
const CR4_FIELD = index(field("cr4"));
const EFER_FIELD = index(field("efer"));
const BASE = index(field("segmentBase"));
const ATTRIBUTES = index(field("segmentAttributes"));
const SHADOW = index(field("shadow"));

/** RFLAGS bits that exist. */
const EXISTING = 0x3f7fd7;

/** System state of the running vCPU. */
export class ProcessorState {
  readonly view: StateView;
  readonly words: Uint32Array;

  constructor(view: StateView) {
    this.view = view;
    this.words = view.u32;
  }

  // ---- instruction pointer

  /** Linear address of the current instruction, halves unsigned. */
  get pcHigh(): number {
    return this.words[PC + 1];
  }
  get pcLow(): number {
    return this.words[PC];
  }

  setPc(high: number, low: number): void {
    this.words[PC] = low;
    this.words[PC + 1] = high;
  }

  /** Goes to an address within CS; `rip` is canonical, or of 32 bits outside of 64-bit code. */
  jump(rip: number): void {
    const at = rip + this.segmentBase(Segment.cs);
    if (this.code64) this.setPc(Math.floor(at / 2 ** 32), at);
    else this.setPc(0, at);
  }

  /** RIP: the pc relative to CS. A number as above if it is canonical. */
  get rip(): number {
    if (this.code64) return (this.words[PC + 1] | 0) * 2 ** 32 + this.words[PC];
    return (this.words[PC] - this.words[BASE + 2 * Segment.cs]) >>> 0;
  }

  /** Moves the pc behind an instruction of `length` bytes. */
  advance(length: number): void {
    const low = this.words[PC] + length;
    this.words[PC] = low;
    if (low > 0xffffffff) this.words[PC + 1]++;
  }

  // ---- general registers

  /** Halves of a general register, unsigned. */
  low(n: number): number {
    return this.words[R + 2 * n];
  }
  high(n: number): number {
    return this.words[R + 2 * n + 1];
  }

  setRegister(n: number, high: number, low: number): void {
    this.words[R + 2 * n] = low;
    this.words[R + 2 * n + 1] = high;
  }

  /** Writes the low 32 bits, clears the others. */
  setLow(n: number, low: number): void {
    this.words[R + 2 * n] = low;
    this.words[R + 2 * n + 1] = 0;
  }

  /** Writes the low 16 bits, keeps the others. */
  setLow16(n: number, low: number): void {
    this.words[R + 2 * n] = (this.words[R + 2 * n] & 0xffff0000) | (low & 0xffff);
  }

  // ---- privilege and modes

  get cpl(): number {
    return this.words[CPL];
  }
  set cpl(value: number) {
    this.words[CPL] = value;
  }
  get cr0(): number {
    return this.words[CR0_FIELD];
  }
  get cr4(): number {
    return this.words[CR4_FIELD];
  }
  get efer(): number {
    return this.words[EFER_FIELD];
  }
  get protectedMode(): boolean {
    return (this.words[CR0_FIELD] & CR0.PE) !== 0;
  }
  /** IA-32e mode: 64-bit code or compatibility mode. */
  get longMode(): boolean {
    return (this.words[EFER_FIELD] & EFER.LMA) !== 0;
  }
  /** 64-bit code runs. */
  get code64(): boolean {
    return this.longMode && (this.words[ATTRIBUTES + Segment.cs] & Attribute.long) !== 0;
  }
  /** Bits of a stack pointer: 16, 32 or 64. */
  get stackSize(): 16 | 32 | 64 {
    if (this.code64) return 64;
    return (this.words[ATTRIBUTES + Segment.ss] & Attribute.big) !== 0 ? 32 : 16;
  }

  /** TLB of accesses to data at a privilege level. */
  rights(cpl: number): Tlb {
    const rest = this.words[REST];
    if (cpl === 3) {
      const aligned = (rest & RFLAGS.AC) !== 0 && (this.cr0 & CR0.AM) !== 0;
      return aligned ? Tlb.userAligned : Tlb.user;
    }
    return (this.cr4 & CR4.SMAP) !== 0 && (rest & RFLAGS.AC) === 0
      ? Tlb.supervisorSmap
      : Tlb.supervisor;
  }

  /** TLB of accesses to descriptor tables and the TSS, whatever the privilege level. */
  get systemRights(): Tlb {
    return (this.cr4 & CR4.SMAP) !== 0 ? Tlb.supervisorSmap : Tlb.supervisor;
  }

  /** Translation mode of the code that runs. */
  get mode(): number {
    const words = this.words;
    const cr0 = words[CR0_FIELD];
    const cr4 = words[CR4_FIELD];
    const cpl = words[CPL];
    let mode: number = this.rights(cpl);
    const attributes = words[ATTRIBUTES + Segment.cs];
    if (this.longMode && (attributes & Attribute.long) !== 0) mode |= Mode.code64;
    else {
      if ((attributes & Attribute.big) !== 0) mode |= Mode.code32;
      if ((words[ATTRIBUTES + Segment.ss] & Attribute.big) !== 0) mode |= Mode.stack32;
    }
    if ((cr0 & CR0.PE) !== 0) mode |= Mode.protected;
    if (cpl === 0) mode |= Mode.cpl0;
    if ((cr0 & (CR0.EM | CR0.TS)) === 0) {
      mode |= Mode.fpu;
      if ((cr4 & CR4.OSFXSR) !== 0) mode |= Mode.sse;
    }
    if ((cr4 & CR4.FSGSBASE) !== 0) mode |= Mode.fsgsbase;
    return mode;
  }

  // ---- RFLAGS

  /** RFLAGS bits 31:0; the others are zero. */
  get rflags(): number {
    const direction = this.words[DF] !== 0 ? RFLAGS.DF : 0;
    return this.words[REST] | direction | readStatus(this.view);
  }

  /** Sets all of RFLAGS; bits that do not exist are dropped. */
  set rflags(value: number) {
    this.words[REST] = (value & EXISTING & ~(Status.all | RFLAGS.DF)) | RFLAGS.fixed;
    this.words[DF] = (value & RFLAGS.DF) !== 0 ? 1 : 0;
    this.words[DF + 1] = 0;
    writeStatus(this.view, value);
  }

  /** Sets the RFLAGS bits of `mask`, keeps the others. */
  setFlags(value: number, mask: number): void {
    this.rflags = (this.rflags & ~mask) | (value & mask);
  }

  /** The bits of RFLAGS that no field of their own holds; the one that is always set is one of them. */
  get systemFlags(): number {
    return this.words[REST];
  }
  set systemFlags(value: number) {
    this.words[REST] = value;
  }
  get iopl(): number {
    return (this.words[REST] >>> 12) & 3;
  }
  get interruptsEnabled(): boolean {
    return (this.words[REST] & RFLAGS.IF) !== 0;
  }

  /** Takes no interrupt before the instruction at the pc (SDM volume 3, 6.8.3). */
  shadowNext(length: number): void {
    const low = this.words[PC] + length;
    this.words[SHADOW] = low;
    this.words[SHADOW + 1] = low > 0xffffffff ? this.words[PC + 1] + 1 : this.words[PC + 1];
  }
  /** Whether the instruction at the pc stands in the shadow of the one before. */
  get inShadow(): boolean {
    return this.words[SHADOW] === this.words[PC] && this.words[SHADOW + 1] === this.words[PC + 1];
  }
  clearShadow(): void {
    this.words[SHADOW] = this.words[SHADOW + 1] = 0xffffffff;
  }

  // ---- segments

  /** Base of a segment: a linear address. */
  segmentBase(segment: number): number {
    return (this.words[BASE + 2 * segment + 1] | 0) * 2 ** 32 + this.words[BASE + 2 * segment];
  }
  setSegmentBase(segment: number, base: number): void {
    this.words[BASE + 2 * segment] = base;
    this.words[BASE + 2 * segment + 1] = Math.floor(base / 2 ** 32);
  }
  segmentAttributes(segment: number): number {
    return this.words[ATTRIBUTES + segment];
  }
}
