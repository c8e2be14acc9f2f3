/**
 * RETF and IRET (SDM volume 2, RET, IRET): in real mode, to the same or an outer privilege level, from
 * and to 64-bit code.
 *
 * Deviations: returns to virtual-8086 mode and to another task (NT) are #GP.
 */
import { type Descriptor, dplOf, isCode, isNull, isPresent } from "./descriptor_tables.ts";
import { generalProtection, selectorFault, Vector } from "./guest_fault.ts";
import { Attribute, Gpr, RFLAGS } from "./registers.ts";
import { canonical, Stack } from "./stack.ts";
import { Segment } from "./state.ts";
import type { HostContext } from "./host_context.ts";
import { Status } from "./flags.ts";

/** RFLAGS that IRET and POPF always restore, by operand size; IF and IOPL depend on privilege. */
const RESTORED_16 = Status.all | RFLAGS.TF | RFLAGS.DF | RFLAGS.NT;
const RESTORED = RESTORED_16 | RFLAGS.RF | RFLAGS.AC | RFLAGS.ID;

/** What is popped for a return. */
interface Frame {
  readonly rip: number;
  readonly selector: number;
  readonly rflags: number;
}

/** RETF with an operand size; `release` bytes of parameters are left out. */
export function returnFar(context: HostContext, size: number, release: number): void {
  const { state, segments, data } = context;
  const stack = new Stack(data);
  stack.beginCurrent(state);
  const rip = popOffset(stack, size);
  const selector = stack.pop(size) & 0xffff;
  if (!state.protectedMode) {
    stack.release(release);
    stack.commit(state);
    segments.setReal(Segment.cs, selector);
    state.jump(rip);
    return;
  }
  const code = checkCode(context, selector);
  const frame = { rip: checkRip(context, code, rip), selector, rflags: 0 };
  stack.release(release);
  if ((selector & 3) === state.cpl) returnSame(context, stack, frame, code);
  else returnOuter(context, stack, frame, code, size, release);
}

/** IRET with an operand size. */
export function returnFromInterrupt(context: HostContext, size: number): void {
  const { state, data } = context;
  if (state.protectedMode && (state.systemFlags & RFLAGS.NT) !== 0) throw generalProtection();
  const stack = new Stack(data);
  stack.beginCurrent(state);
  const rip = popOffset(stack, size);
  const selector = stack.pop(size) & 0xffff;
  const rflags = stack.pop(size);
  if (!state.protectedMode) {
    stack.commit(state);
    context.segments.setReal(Segment.cs, selector);
    state.setFlags(rflags, restoredFlags(state.cpl, state.iopl, size));
    state.jump(rip);
    return;
  }
  if (!state.longMode && state.cpl === 0 && size === 4 && (rflags & RFLAGS.VM) !== 0) {
    throw generalProtection();
  }
  const code = checkCode(context, selector);
  const frame = { rip: checkRip(context, code, rip), selector, rflags };
  const mask = restoredFlags(state.cpl, state.iopl, size);
  // 64-bit code always has SS:RSP in the frame.
  if ((selector & 3) !== state.cpl || state.code64) {
    returnOuter(context, stack, frame, code, size, 0);
  } else returnSame(context, stack, frame, code);
  state.setFlags(rflags, mask);
  if (!context.debug.breaksOnExecution) state.systemFlags &= ~RFLAGS.RF;
}

/** RFLAGS that a privilege level may restore. */
export function restoredFlags(cpl: number, iopl: number, size: number): number {
  return (size === 2 ? RESTORED_16 : RESTORED) | (cpl <= iopl ? RFLAGS.IF : 0) |
    (cpl === 0 ? RFLAGS.IOPL | (size === 2 ? 0 : RFLAGS.VIF | RFLAGS.VIP) : 0);
}

/** A popped offset as a number, NaN if it is not canonical. */
function popOffset(stack: Stack, size: number): number {
  const low = stack.pop(size);
  return size === 8 ? canonical(stack.high, low) : low;
}

/** The code segment that a return goes to. */
function checkCode({ state, tables }: HostContext, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  const rpl = selector & 3;
  const descriptor = tables.read(selector);
  const dpl = dplOf(descriptor);
  const conforming = (descriptor.attributes & Attribute.conforming) !== 0;
  const right = isCode(descriptor) && rpl >= state.cpl && (conforming ? dpl <= rpl : dpl === rpl);
  if (!right) throw generalProtection(selector);
  if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
  return descriptor;
}

function checkRip(
  { state }: HostContext,
  { attributes, selector }: Descriptor,
  rip: number,
): number {
  const long = state.longMode && (attributes & Attribute.long) !== 0;
  if (long && (attributes & Attribute.big) !== 0) throw generalProtection(selector);
  if (Number.isNaN(rip)) throw generalProtection();
  return long ? rip : rip % 2 ** 32;
}

function returnSame(context: HostContext, stack: Stack, frame: Frame, code: Descriptor): void {
  const { state, segments } = context;
  segments.setCode(frame.selector, code, state.cpl);
  stack.commit(state);
  state.jump(frame.rip);
}

function returnOuter(
  context: HostContext,
  stack: Stack,
  frame: Frame,
  code: Descriptor,
  size: number,
  release: number,
): void {
  const { state, segments } = context;
  const cpl = frame.selector & 3;
  const outer = cpl !== state.cpl;
  let low = stack.pop(size);
  let { high } = stack;
  const ss = stack.pop(size) & 0xffff;
  const long = state.longMode && (code.attributes & Attribute.long) !== 0;
  const stackSegment = isNull(ss)
    ? undefined
    : segments.stackDescriptor(ss, cpl, Vector.generalProtection);
  if (stackSegment === undefined && (!long || cpl === 3 || (ss & 3) !== cpl)) {
    throw generalProtection();
  }
  // May fault; then nothing has changed.
  if (stackSegment !== undefined) context.tables.setAccessed(stackSegment);
  segments.setCode(frame.selector, code, cpl);
  if (stackSegment === undefined) segments.setNull(Segment.ss, ss);
  else segments.setDescriptor(Segment.ss, ss, stackSegment);
  if (release !== 0) {
    const sum = low + release;
    if (sum > 0xffffffff) high++;
    low = sum >>> 0;
  }
  if (state.stackSize === 16) state.setLow16(Gpr.rsp, low);
  else state.setRegister(Gpr.rsp, long ? high : 0, low);
  if (outer) segments.dropPrivileged(cpl);
  state.jump(frame.rip);
}
