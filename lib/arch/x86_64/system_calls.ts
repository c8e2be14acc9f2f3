/** SYSCALL, SYSRET, SYSENTER and SYSEXIT (SDM volume 3, 5.8.7 and 5.8.8): flat segments, no tables. */
import { generalProtection, invalidOpcode } from "./guest_fault.ts";
import { field } from "./layout.ts";
import { EFER, Gpr, RFLAGS } from "./registers.ts";
import type { ProcessorState } from "./processor_state.ts";
import type { Segments, SegmentValue } from "./segments.ts";
import { canonical } from "./stack.ts";
import { Segment } from "./state.ts";
import type { HostContext } from "./host_context.ts";

const STAR = field("star");
const LSTAR = field("lstar");
const SFMASK = field("sfmask");
const SYSENTER_CS = field("sysenterCs");
const SYSENTER_ESP = field("sysenterEsp");
const SYSENTER_EIP = field("sysenterEip");

/** Accessed, readable code of DPL 0; G and present. 64-bit, or 32-bit. */
const CODE_64 = 0xa09b;
const CODE_32 = 0xc09b;
/** Accessed, writable data of DPL 0; G, B and present. */
const DATA = 0xc093;
/** RFLAGS that SYSRET restores from R11. */
const SYSRET_FLAGS = 0x3c7fd7;

function flat(selector: number, attributes: number, dpl: number): SegmentValue {
  return {
    selector: (selector & 0xfffc) | dpl,
    base: 0,
    limit: 0xffffffff,
    attributes: attributes | (dpl << 5),
  };
}

function setSegments(
  state: ProcessorState,
  segments: Segments,
  code: number,
  stack: number,
  attributes: number,
  cpl: number,
): void {
  segments.set(Segment.cs, flat(code, attributes, cpl));
  segments.set(Segment.ss, flat(stack, DATA, cpl));
  state.cpl = cpl;
}

/** SYSCALL: to IA32_LSTAR. As on Intel's processors it is for 64-bit code only, and so is SYSRET. */
export function syscall({ state, segments }: HostContext, length: number): void {
  const { view } = state;
  if ((state.efer & EFER.SCE) === 0) throw invalidOpcode();
  const next = state.rip + length;
  const rflags = state.rflags & ~RFLAGS.RF;
  const selector = view.high(STAR) & 0xffff;
  state.setRegister(Gpr.rcx, Math.floor(next / 2 ** 32), next);
  state.setRegister(Gpr.r11, 0, rflags);
  state.rflags = rflags & ~view.low(SFMASK);
  setSegments(state, segments, selector, selector + 8, CODE_64, 0);
  state.setPc(view.high(LSTAR), view.low(LSTAR));
}

/** SYSRET: to RCX, in 64-bit mode or in compatibility mode by the operand size. */
export function sysret({ state, segments }: HostContext, size: number): void {
  if ((state.efer & EFER.SCE) === 0) throw invalidOpcode();
  if (state.cpl !== 0) throw generalProtection();
  const selector = state.view.high(STAR) >>> 16;
  const long = size === 8;
  const low = state.low(Gpr.rcx);
  const rip = long ? canonical(state.high(Gpr.rcx), low) : low;
  if (Number.isNaN(rip)) throw generalProtection();
  state.rflags = state.low(Gpr.r11) & SYSRET_FLAGS;
  const code = long ? selector + 16 : selector;
  setSegments(state, segments, code, selector + 8, long ? CODE_64 : CODE_32, 3);
  state.jump(rip);
}

/** SYSENTER: to IA32_SYSENTER_EIP with the stack at IA32_SYSENTER_ESP. */
export function sysenter({ state, segments }: HostContext): void {
  const { view } = state;
  const selector = view.low(SYSENTER_CS) & 0xfffc;
  if (!state.protectedMode || selector === 0) throw generalProtection();
  const long = state.longMode;
  state.systemFlags &= ~(RFLAGS.VM | RFLAGS.IF | RFLAGS.RF);
  setSegments(state, segments, selector, selector + 8, long ? CODE_64 : CODE_32, 0);
  state.setRegister(Gpr.rsp, long ? view.high(SYSENTER_ESP) : 0, view.low(SYSENTER_ESP));
  state.setPc(long ? view.high(SYSENTER_EIP) : 0, view.low(SYSENTER_EIP));
}

/** SYSEXIT: to RDX with the stack at RCX. */
export function sysexit({ state, segments }: HostContext, size: number): void {
  const selector = state.view.low(SYSENTER_CS) & 0xfffc;
  if (!state.protectedMode || selector === 0 || state.cpl !== 0) throw generalProtection();
  const long = size === 8;
  const rip = long ? canonical(state.high(Gpr.rdx), state.low(Gpr.rdx)) : state.low(Gpr.rdx);
  const rsp = long ? canonical(state.high(Gpr.rcx), state.low(Gpr.rcx)) : state.low(Gpr.rcx);
  if (Number.isNaN(rip) || Number.isNaN(rsp)) throw generalProtection();
  const code = selector + (long ? 32 : 16);
  setSegments(state, segments, code, code + 8, long ? CODE_64 : CODE_32, 3);
  state.setRegister(Gpr.rsp, Math.floor(rsp / 2 ** 32), rsp);
  state.jump(rip);
}
