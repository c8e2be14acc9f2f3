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
const WORDS_PER_REGISTER = 4;
const REGISTERS = 8;

/** An image, and the registers of the running vCPU that it is made of. */
export class XsaveArea {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(AREA_BYTES);
  readonly #view: DataView = new DataView(this.bytes.buffer);
  readonly #words: Uint32Array = new Uint32Array(this.bytes.buffer);

  /** Puts the x87 state in; `wide`: with 64-bit pointers, without selectors. */
  storeX87(state: StateView, wide: boolean): void {
    const view = this.#view;
    const fpu = new X87Unit(state);
    const { pointers } = fpu;
    view.setUint16(Place.fcw, fpu.control, true);
    view.setUint16(Place.fsw, fpu.status, true);
    view.setUint16(Place.ftw, fpu.tags, true);
    view.setUint16(Place.fop, pointers.opcode, true);
    view.setBigUint64(Place.fip, pointers.instruction, true);
    view.setBigUint64(Place.fdp, pointers.operand, true);
    if (!wide) {
      view.setUint32(Place.fcs, pointers.codeSegment, true);
      view.setUint32(Place.fds, pointers.dataSegment, true);
    }
    for (let i = 0; i < REGISTERS; i++) {
      const from = X87_WORDS + WORDS_PER_REGISTER * ((fpu.top + i) & 7);
      const to = (Place.stack >>> 2) + WORDS_PER_REGISTER * i;
      for (let n = 0; n < 3; n++) this.#words[to + n] = state.u32[from + n];
      this.#words[to + 3] = 0;
    }
  }

  loadX87(state: StateView, wide: boolean): void {
    const view = this.#view;
    const fpu = new X87Unit(state);
    const pointer = (at: number): bigint =>
      wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
    fpu.control = view.getUint16(Place.fcw, true);
    fpu.status = view.getUint16(Place.fsw, true);
    fpu.tags = view.getUint8(Place.ftw);
    fpu.pointers = {
      instruction: pointer(Place.fip),
      codeSegment: wide ? 0 : view.getUint16(Place.fcs, true),
      operand: pointer(Place.fdp),
      dataSegment: wide ? 0 : view.getUint16(Place.fds, true),
      opcode: view.getUint16(Place.fop, true),
    };
    for (let i = 0; i < REGISTERS; i++) {
      const to = X87_WORDS + WORDS_PER_REGISTER * ((fpu.top + i) & 7);
      const from = (Place.stack >>> 2) + WORDS_PER_REGISTER * i;
      for (let n = 0; n < 2; n++) state.u32[to + n] = this.#words[from + n];
      state.u32[to + 2] = this.#words[from + 2] & 0xffff;
      state.u32[to + 3] = 0;
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
    this.#view.setUint32(Place.mxcsr, state.get32(mxcsrField), true);
    this.#view.setUint32(Place.mxcsrMask, MXCSR.valid, true);
  }

  /** MXCSR of the image. */
  get mxcsr(): number {
    return this.#view.getUint32(Place.mxcsr, true);
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
    return this.#words.subarray(Place.xcompBv >>> 2, Place.xcompBv + 16 >>> 2)
      .every((word) => word === 0);
  }
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
  const isZero = (from: number, words: number): boolean =>
    u32.subarray(from, from + words).every((word) => word === 0);
  const fpu = new X87Unit(state);
  const x87 = fpu.control !== INITIAL_CONTROL || fpu.status !== 0 || fpu.tags !== 0 ||
    !isZero(X87_WORDS, WORDS_PER_REGISTER * REGISTERS) ||
    Object.values(fpu.pointers).some((value) => BigInt(value) !== 0n);
  const sse = !isZero(XMM_WORDS, WORDS_PER_REGISTER * 16);
  return (x87 ? Component.x87 : 0) | (sse ? Component.sse : 0);
}

/** Whether MXCSR may have a value. */
export function isValidMxcsr(value: number): boolean {
  return (value & ~MXCSR.valid) === 0;
}
