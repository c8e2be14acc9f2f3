/**
 * Far JMP and CALL: to code segments and through call gates (SDM volume 3, 5.8; volume 2, CALL, JMP).
 *
 * Deviation: there is no task switching; task gates and TSS descriptors are #GP.
 */
import {
  baseOf,
  type Descriptor,
  dplOf,
  isCode,
  isNull,
  isPresent,
  systemType,
} from "./descriptor_tables.ts";
import { generalProtection, GuestFault, selectorFault, Vector } from "./guest_fault.ts";
import { field } from "./layout.ts";
import { Attribute, SystemType } from "./registers.ts";
import { canonical, Stack } from "./stack.ts";
import { Segment } from "./state.ts";
import type { HostContext } from "./host_context.ts";

const SELECTOR = field("selector");

/** Where a far transfer goes: the offset in halves, as the instruction or a gate has it. */
export interface FarPointer {
  readonly selector: number;
  readonly low: number;
  readonly high: number;
}

/** JMP to a far pointer. */
export function jumpFar(context: HostContext, target: FarPointer): void {
  const { state, segments } = context;
  if (!state.protectedMode) {
    segments.setReal(Segment.cs, target.selector);
    state.jump(target.low);
    return;
  }
  const descriptor = readTarget(context, target.selector);
  if (isCode(descriptor)) {
    checkDirect(context, target.selector, descriptor);
    enterCode(context, target, descriptor, state.cpl);
    return;
  }
  const gate = readGate(context, descriptor);
  const code = readGateCode(context, gate.pointer.selector);
  const conforming = (code.attributes & Attribute.conforming) !== 0;
  if (!conforming && dplOf(code) !== state.cpl) throw generalProtection(gate.pointer.selector);
  enterCode(context, gate.pointer, code, state.cpl);
}

/** CALL to a far pointer with an operand size; `next` is the address to return to. */
export function callFar(
  context: HostContext,
  target: FarPointer,
  size: number,
  length: number,
): void {
  const { state, segments, data } = context;
  const stack = new Stack(data);
  const cs = state.view.get32(SELECTOR, Segment.cs);
  if (!state.protectedMode) {
    stack.beginCurrent(state);
    stack.push(size, cs);
    stack.push(size, nextRip(context, length));
    stack.commit(state);
    segments.setReal(Segment.cs, target.selector);
    state.jump(target.low);
    return;
  }
  const descriptor = readTarget(context, target.selector);
  if (isCode(descriptor)) {
    checkDirect(context, target.selector, descriptor);
    stack.beginCurrent(state);
    pushReturn(context, stack, size, length);
    enterCode(context, target, descriptor, state.cpl);
    stack.commit(state);
    return;
  }
  const gate = readGate(context, descriptor);
  const code = readGateCode(context, gate.pointer.selector);
  const dpl = dplOf(code);
  const conforming = (code.attributes & Attribute.conforming) !== 0;
  if (dpl > state.cpl) throw generalProtection(gate.pointer.selector);
  if (conforming || dpl === state.cpl) {
    stack.beginCurrent(state);
    pushReturn(context, stack, gate.size, length);
    enterCode(context, gate.pointer, code, state.cpl);
    stack.commit(state);
    return;
  }
  callInner(context, gate, code, dpl, length);
}

/** A call gate: where it leads, bytes of what is pushed, parameters to copy. */
interface Gate {
  readonly pointer: FarPointer;
  readonly size: number;
  readonly parameters: number;
}

function readTarget(context: HostContext, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  return context.tables.read(selector);
}

/** A code segment that is named directly must have the CPL, or be conforming. */
function checkDirect({ state }: HostContext, selector: number, descriptor: Descriptor): void {
  const dpl = dplOf(descriptor);
  const conforming = (descriptor.attributes & Attribute.conforming) !== 0;
  const allowed = conforming ? dpl <= state.cpl : dpl === state.cpl && (selector & 3) <= state.cpl;
  if (!allowed) throw generalProtection(selector);
  if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
}

function readGate(context: HostContext, descriptor: Descriptor): Gate {
  const { state, tables } = context;
  const { selector, low, high } = descriptor;
  const type = systemType(descriptor);
  const wide = type === SystemType.callGate;
  if (!wide && (type !== SystemType.callGate16 || state.longMode)) {
    throw generalProtection(selector);
  }
  if (dplOf(descriptor) < Math.max(state.cpl, selector & 3)) throw generalProtection(selector);
  if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
  const upper = state.longMode ? tables.upperWord(descriptor) : 0;
  const pointer = {
    selector: low >>> 16,
    low: wide ? ((low & 0xffff) | (high & 0xffff0000)) >>> 0 : low & 0xffff,
    high: upper,
  };
  return { pointer, size: state.longMode ? 8 : wide ? 4 : 2, parameters: high & 31 };
}

/** The code segment that a gate leads to. */
function readGateCode(context: HostContext, selector: number): Descriptor {
  const descriptor = readTarget(context, selector);
  const long = descriptor.attributes & (Attribute.long | Attribute.big);
  const right = isCode(descriptor) && dplOf(descriptor) <= context.state.cpl &&
    (!context.state.longMode || long === Attribute.long);
  if (!right) throw generalProtection(selector);
  if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
  return descriptor;
}

function callInner(
  context: HostContext,
  gate: Gate,
  code: Descriptor,
  cpl: number,
  length: number,
): void {
  const { state, segments, tables, system, data, exceptions } = context;
  const stack = new Stack(data);
  const outer = new Stack(data);
  const { size } = gate;
  const ss = state.view.get32(SELECTOR, Segment.ss);
  if (state.longMode) {
    const at = tables.tssField(4 + 8 * cpl, 8);
    system.readPair(at);
    const pointer = canonical(system.pairHigh, system.pairLow);
    if (Number.isNaN(pointer)) throw new GuestFault(Vector.stackFault, 0);
    data.rights = state.rights(cpl);
    stack.begin(0, pointer, 64);
    stack.push(8, ss);
    stack.push(8, state.low(4), state.high(4));
    pushReturn(context, stack, 8, length);
    checkOffset(context, gate.pointer, code);
    segments.setNull(Segment.ss, cpl);
  } else {
    const { selector, pointer } = exceptions.innerStack(cpl);
    if (isNull(selector)) throw new GuestFault(Vector.invalidTss, 0);
    const descriptor = segments.stackDescriptor(selector, cpl, Vector.invalidTss);
    const big = (descriptor.attributes & Attribute.big) !== 0;
    outer.beginCurrent(state);
    const parameters = Array.from({ length: gate.parameters }, () => outer.pop(size));
    data.rights = state.rights(cpl);
    stack.begin(baseOf(descriptor), pointer, big ? 32 : 16);
    stack.push(size, ss);
    stack.push(size, state.low(4));
    for (const value of parameters.reverse()) stack.push(size, value);
    pushReturn(context, stack, size, length);
    // May fault; then nothing has changed.
    tables.setAccessed(code);
    segments.setDescriptor(Segment.ss, selector, descriptor);
  }
  enterCode(context, gate.pointer, code, cpl);
  stack.commit(state);
}

function pushReturn(context: HostContext, stack: Stack, size: number, length: number): void {
  const { state } = context;
  const rip = nextRip(context, length);
  stack.push(size, state.view.get32(SELECTOR, Segment.cs));
  stack.push(size, rip, Math.floor(rip / 2 ** 32));
}

function nextRip({ state }: HostContext, length: number): number {
  return state.rip + length;
}

/** The offset as a number, which must be canonical in 64-bit code. Long segments must not have D. */
function checkOffset({ state }: HostContext, pointer: FarPointer, code: Descriptor): number {
  const long = state.longMode && (code.attributes & Attribute.long) !== 0;
  if (!long) return pointer.low;
  if ((code.attributes & Attribute.big) !== 0) throw generalProtection(pointer.selector);
  const rip = canonical(pointer.high, pointer.low);
  if (Number.isNaN(rip)) throw generalProtection();
  return rip;
}

function enterCode(
  context: HostContext,
  pointer: FarPointer,
  descriptor: Descriptor,
  cpl: number,
): void {
  const rip = checkOffset(context, pointer, descriptor);
  context.segments.setCode(pointer.selector, descriptor, cpl);
  context.state.jump(rip);
}
