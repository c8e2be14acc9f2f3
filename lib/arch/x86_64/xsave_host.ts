/**
 * FXSAVE, XSAVE and their counterparts, XGETBV and XSETBV (SDM volume 1, 10.5, 13.5 to 13.9). State
 * components are x87 and SSE; XSAVEOPT leaves out what is in its initial state, but keeps no account
 * of what has changed.
 */
import { Access, Outcome } from "../../engine/arch.ts";
import { generalProtection, GuestFault, invalidOpcode, Vector } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { field } from "./layout.ts";
import { writeMxcsr } from "./mxcsr.ts";
import type { Operands } from "./operands.ts";
import { CR0, CR4, Gpr } from "./registers.ts";
import { requireCpl0 } from "./system_checks.ts";
import {
  AREA_BYTES,
  Component,
  componentsInUse,
  initialize,
  isValidMxcsr,
  LEGACY_BYTES,
  Place,
  XsaveArea,
} from "./xsave_area.ts";

const XCR0 = field("xcr0");
const area = new XsaveArea();

/** Address of the memory operand, which must be aligned. */
function addressOf(cpu: HostContext, o: Operands, alignment: 16 | 64): number {
  const address = cpu.operands.address(o[0]);
  if ((address & (alignment - 1)) !== 0) throw generalProtection();
  return address;
}

/** XMM registers that the code can name. */
const xmmCount = ({ state }: HostContext): number => (state.code64 ? 16 : 8);

/** A part of the image: from one place to another. */
const part = (from: number, to: number): Uint8Array => area.bytes.subarray(from, to);

const fxsave = (wide: boolean): HostInstruction => (cpu, o) => {
  const { view } = cpu.state;
  const at = addressOf(cpu, o, 16);
  area.storeX87(view, wide);
  area.storeMxcsr(view);
  area.storeXmm(view, xmmCount(cpu));
  cpu.data.writeBytes(at, part(0, Place.xmm + 16 * xmmCount(cpu)));
  return Outcome.next;
};

const fxrstor = (wide: boolean): HostInstruction => (cpu, o) => {
  const { view } = cpu.state;
  const at = addressOf(cpu, o, 16);
  cpu.data.readBytes(at, part(0, LEGACY_BYTES));
  if (!isValidMxcsr(area.mxcsr)) throw generalProtection();
  area.loadX87(view, wide);
  area.loadXmm(view, xmmCount(cpu));
  writeMxcsr(view, area.mxcsr);
  return Outcome.next;
};

/** What XSAVE and its like begin with. */
function requireXsave({ state }: HostContext): void {
  if ((state.cr4 & CR4.OSXSAVE) === 0) throw invalidOpcode();
}

function requireTaskNotSwitched({ state }: HostContext): void {
  if ((state.cr0 & CR0.TS) !== 0) throw new GuestFault(Vector.deviceNotAvailable);
}

/** RFBM: the components that EDX:EAX asks for, as far as XCR0 has them. */
function requested({ state }: HostContext): number {
  return state.low(Gpr.rax) & state.view.get32(XCR0);
}

const xsave = (wide: boolean, optimized: boolean): HostInstruction => (cpu, o) => {
  const { data, state: { view } } = cpu;
  requireXsave(cpu);
  requireTaskNotSwitched(cpu);
  const at = addressOf(cpu, o, 64);
  const wanted = requested(cpu);
  const used = componentsInUse(view);
  const written = optimized ? wanted & used : wanted;
  data.probe(at, AREA_BYTES, Access.write);
  // What is not saved is written as it was.
  data.readBytes(at, area.bytes);
  if ((written & Component.x87) !== 0) area.storeX87(view, wide);
  if ((wanted & Component.sse) !== 0) area.storeMxcsr(view);
  if ((written & Component.sse) !== 0) area.storeXmm(view, xmmCount(cpu));
  const [low, high] = area.xstateBv;
  area.xstateBv = [(low & ~wanted) | (used & wanted), high];
  data.writeBytes(at, area.bytes);
  return Outcome.next;
};

const xrstor = (wide: boolean): HostInstruction => (cpu, o) => {
  const { data, state: { view } } = cpu;
  requireXsave(cpu);
  requireTaskNotSwitched(cpu);
  const at = addressOf(cpu, o, 64);
  const wanted = requested(cpu);
  data.readBytes(at, area.bytes);
  const [low, high] = area.xstateBv;
  const unknown = (low & ~view.get32(XCR0)) | high;
  if (unknown !== 0 || !area.isStandard) throw generalProtection();
  if ((wanted & Component.sse) !== 0) {
    if (!isValidMxcsr(area.mxcsr)) throw generalProtection();
    writeMxcsr(view, area.mxcsr);
    if ((low & Component.sse) !== 0) area.loadXmm(view, xmmCount(cpu));
    else initialize(view, Component.sse, xmmCount(cpu));
  }
  if ((wanted & Component.x87) !== 0) {
    if ((low & Component.x87) !== 0) area.loadX87(view, wide);
    else initialize(view, Component.x87, 0);
  }
  return Outcome.next;
};

/** XGETBV: only XCR0. */
const xgetbv: HostInstruction = (cpu) => {
  const { state } = cpu;
  requireXsave(cpu);
  if (state.low(Gpr.rcx) !== 0) throw generalProtection();
  state.setLow(Gpr.rax, state.view.low(XCR0));
  state.setLow(Gpr.rdx, state.view.high(XCR0));
  return Outcome.next;
};

/** XSETBV: x87 is always there, SSE may be. */
const xsetbv: HostInstruction = (cpu) => {
  const { state } = cpu;
  requireXsave(cpu);
  requireCpl0(cpu);
  const value = state.low(Gpr.rax);
  const unknown = (value & ~Component.all) | state.low(Gpr.rdx) | state.low(Gpr.rcx);
  if (unknown !== 0 || (value & Component.x87) === 0) throw generalProtection();
  state.view.set64(XCR0, BigInt(value));
  return Outcome.next;
};

/** By the names that rows have in `host`. */
export const xsaveInstructions: HostInstructions = {
  fxsave: fxsave(false),
  fxsave64: fxsave(true),
  fxrstor: fxrstor(false),
  fxrstor64: fxrstor(true),
  xsave: xsave(false, false),
  xsave64: xsave(true, false),
  xsaveopt: xsave(false, true),
  xsaveopt64: xsave(true, true),
  xrstor: xrstor(false),
  xrstor64: xrstor(true),
  xgetbv,
  xsetbv,
};
