/**
 * The image in memory of x87, MMX and SSE state that FXSAVE and XSAVE write (SDM volume 1, 10.5, 13.4):
 * the legacy region of 512 bytes, then the header.
 */
import { field } from "./layout.ts";
import { MXCSR, mxcsrField } from "./mxcsr.ts";
import type { StateView } from "../../engine/layout.ts";
import { INITIAL_CONTROL, X87Unit } from "./x87_unit.ts";

/** Bytes of the legacy region, and of all of the area. */
export const LEGACY_BYTES = 512;
export const AREA_BYTES = 576;

/** State components: bits of XCR0 and of the header's XSTATE_BV. */
export const Component = { x87: 1, sse: 2, all: 3 } as const;

/** Places of fields, in bytes. */
export const Place = {
  fcw: 0,
  fsw: 2,
  ftw: 4,
  fop: 6,
  /** 64 bits, or 32 bits and FCS. */
  fip: 8,
  fcs: 12,
  fdp: 16,
  fds: 20,
  mxcsr: 24,
  mxcsrMask: 28,
  /** ST(0) to ST(7) in 16 bytes each. */
  stack: 32,
  xmm: 160,
  xstateBv: 512,
  xcompBv: 520,
  headerEnd: 576,
} as const;

const XMM_WORDS = field("xmm").address >>> 2;
const X87_WORDS = field("x87").address >>> 2;
const FIP = field("fip").address >>> 2;
const FDP = field("fdp").address >>> 2;
const FOP = field("fop").address >>> 2;
const FCS = field("fcs").address >>> 2;
const FDS = field("fds").address >>> 2;
const WORDS_PER_REGISTER = 4;
const REGISTERS = 8;

/** An image, to and from the registers of the running vCPU. */
export class XsaveArea {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(AREA_BYTES);
  readonly #words: Uint32Array = new Uint32Array(this.bytes.buffer);

  /** Puts the x87 state in; `wide`: with 64-bit pointers, without selectors. */
  storeX87(state: StateView, wide: boolean): void {
    const { u32 } = state;
    const words = this.#words;
    const fpu = new X87Unit(state);
    words[Place.fcw >>> 2] = fpu.control | (fpu.status << 16);
    words[Place.ftw >>> 2] = fpu.tags | (u32[FOP] << 16);
    words[Place.fip >>> 2] = u32[FIP];
    words[Place.fcs >>> 2] = wide ? u32[FIP + 1] : u32[FCS];
    words[Place.fdp >>> 2] = u32[FDP];
    words[Place.fds >>> 2] = wide ? u32[FDP + 1] : u32[FDS];
    const { top } = fpu;
    for (let i = 0; i < REGISTERS; i++) {
      const from = X87_WORDS + WORDS_PER_REGISTER * ((top + i) & 7);
      const to = (Place.stack >>> 2) + WORDS_PER_REGISTER * i;
      for (let n = 0; n < WORDS_PER_REGISTER; n++) words[to + n] = u32[from + n];
    }
  }

  loadX87(state: StateView, wide: boolean): void {
    const { u32 } = state;
    const words = this.#words;
    const fpu = new X87Unit(state);
    fpu.control = words[Place.fcw >>> 2] & 0xffff;
    fpu.status = words[Place.fcw >>> 2] >>> 16;
    fpu.tags = words[Place.ftw >>> 2];
    u32[FOP] = (words[Place.ftw >>> 2] >>> 16) & 0x7ff;
    u32[FIP] = words[Place.fip >>> 2];
    u32[FIP + 1] = wide ? words[Place.fcs >>> 2] : 0;
    u32[FCS] = wide ? 0 : words[Place.fcs >>> 2] & 0xffff;
    u32[FDP] = words[Place.fdp >>> 2];
    u32[FDP + 1] = wide ? words[Place.fds >>> 2] : 0;
    u32[FDS] = wide ? 0 : words[Place.fds >>> 2] & 0xffff;
    const { top } = fpu;
    for (let i = 0; i < REGISTERS; i++) {
      const to = X87_WORDS + WORDS_PER_REGISTER * ((top + i) & 7);
      const from = (Place.stack >>> 2) + WORDS_PER_REGISTER * i;
      u32[to] = words[from];
      u32[to + 1] = words[from + 1];
      u32[to + 2] = words[from + 2] & 0xffff;
      u32[to + 3] = 0;
    }
  }

  /** Puts the first `count` XMM registers in. */
  storeXmm(state: StateView, count: number): void {
    const length = WORDS_PER_REGISTER * count;
    this.#words.set(state.u32.subarray(XMM_WORDS, XMM_WORDS + length), Place.xmm >>> 2);
  }

  loadXmm(state: StateView, count: number): void {
    const from = Place.xmm >>> 2;
    const length = WORDS_PER_REGISTER * count;
    state.u32.set(this.#words.subarray(from, from + length), XMM_WORDS);
  }

  storeMxcsr(state: StateView): void {
    this.#words[Place.mxcsr >>> 2] = state.get32(mxcsrField);
    this.#words[Place.mxcsrMask >>> 2] = MXCSR.valid;
  }

  /** MXCSR of the image. */
  get mxcsr(): number {
    return this.#words[Place.mxcsr >>> 2];
  }

  /** Low and high half of XSTATE_BV: the components that are not in their initial state. */
  get xstateBv(): readonly [low: number, high: number] {
    return [this.#words[Place.xstateBv >>> 2], this.#words[(Place.xstateBv >>> 2) + 1]];
  }
  set xstateBv([low, high]: readonly [low: number, high: number]) {
    this.#words[Place.xstateBv >>> 2] = low;
    this.#words[(Place.xstateBv >>> 2) + 1] = high;
  }

  /** Whether the rest of the header is zero, as the standard form wants it. */
  get isStandard(): boolean {
    return isZero(this.#words, Place.xcompBv >>> 2, 4);
  }
}

/** Whether `count` words from `from` on are zero. */
function isZero(words: Uint32Array, from: number, count: number): boolean {
  for (let n = from; n < from + count; n++) if (words[n] !== 0) return false;
  return true;
}

/** Gives a component its initial state. MXCSR is no part of that. */
export function initialize(state: StateView, component: number, xmmCount: number): void {
  if (component === Component.sse) {
    state.u32.fill(0, XMM_WORDS, XMM_WORDS + WORDS_PER_REGISTER * xmmCount);
    return;
  }
  new X87Unit(state).initialize();
  state.u32.fill(0, X87_WORDS, X87_WORDS + WORDS_PER_REGISTER * REGISTERS);
}

/** XINUSE: the components that are not in their initial state (SDM volume 1, 13.6). */
export function componentsInUse(state: StateView): number {
  const { u32 } = state;
  const fpu = new X87Unit(state);
  const x87 = fpu.control !== INITIAL_CONTROL || fpu.status !== 0 || fpu.tags !== 0 ||
    !isZero(u32, X87_WORDS, WORDS_PER_REGISTER * REGISTERS) || !isZero(u32, FIP, 2) ||
    !isZero(u32, FDP, 2) || (u32[FCS] | u32[FDS] | u32[FOP]) !== 0;
  const sse = !isZero(u32, XMM_WORDS, WORDS_PER_REGISTER * 16);
  return (x87 ? Component.x87 : 0) | (sse ? Component.sse : 0);
}

/** Whether MXCSR may have a value. */
export function isValidMxcsr(value: number): boolean {
  return (value & ~MXCSR.valid) === 0;
}
