/** PUSHA, POPA and ENTER (SDM volume 2): many accesses to the stack, which all must succeed. */
import { Access, Outcome } from "../../engine/arch.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { GuestFault, Vector } from "./guest_fault.ts";
import { Gpr } from "./registers.ts";
import { Stack } from "./stack.ts";
import { Segment } from "./state.ts";
import { readIndex } from "./string_registers.ts";

const { next } = Outcome;

/** Faults unless `count` values of `size` bytes can be pushed. */
function probePushes(cpu: HostContext, size: number, count: number): void {
  const stack = new Stack(cpu.data);
  stack.beginCurrent(cpu.state);
  for (let n = 0; n < count; n++) {
    stack.release(-size);
    cpu.data.probe(stack.address, size, Access.write);
  }
}

/** In the order in which they are pushed; the stack pointer as it was before. */
const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

const pushAll: HostInstruction = (cpu, o) => {
  const { state, data } = cpu;
  probePushes(cpu, o.size, ALL.length);
  const stack = new Stack(data);
  stack.beginCurrent(state);
  for (const n of ALL) stack.push(o.size, state.low(n));
  stack.commit(state);
  return next;
};

/** What is there for the stack pointer is left out. */
const popAll: HostInstruction = (cpu, o) => {
  const { state, data } = cpu;
  const stack = new Stack(data);
  stack.beginCurrent(state);
  const values = ALL.map(() => stack.pop(o.size));
  stack.commit(state);
  values.forEach((value, i) => {
    const n = ALL.length - 1 - i;
    if (n === Gpr.rsp) return;
    if (o.size === 2) state.setLow16(n, value);
    else state.setLow(n, value);
  });
  return next;
};

/** The stack from where rBP points to. */
function outerFrames({ state, data }: HostContext): Stack {
  const bits = state.stackSize;
  const pointer = readIndex(state, Gpr.rbp, bits / 8);
  if (Number.isNaN(pointer)) throw new GuestFault(Vector.stackFault, 0);
  const stack = new Stack(data);
  stack.begin(bits === 64 ? 0 : state.segmentBase(Segment.ss), pointer, bits);
  return stack;
}

/**
 * Bytes of the frame, nesting level. Pushes rBP, from level 1 on the frame pointers of the levels
 * outside (from where rBP points to), and its own. Faults if the frame's end cannot be written.
 */
const enter: HostInstruction = (cpu, o) => {
  const { state, data } = cpu;
  const { size } = o;
  const bytes = o[0].raw.value & 0xffff;
  const level = o[1].raw.value & 31;
  probePushes(cpu, size, 1);
  const values = [{ low: state.low(Gpr.rbp), high: state.high(Gpr.rbp) }];
  if (level > 1) {
    const frames = outerFrames(cpu);
    for (let n = 1; n < level; n++) {
      frames.release(-size);
      values.push({ low: frames.pop(size), high: frames.high });
      frames.release(-size);
    }
  }
  const pushes = values.length + (level > 0 ? 1 : 0);
  probePushes(cpu, size, pushes);
  const stack = new Stack(data);
  stack.beginCurrent(state);
  stack.release(-(size * pushes + bytes));
  data.probe(stack.address, size, Access.write);
  stack.beginCurrent(state);
  stack.push(size, values[0].low, values[0].high);
  const frame = stack.pointer;
  for (const { low, high } of values.slice(1)) stack.push(size, low, high);
  if (level > 0) stack.push(size, frame, Math.floor(frame / 2 ** 32));
  stack.release(-bytes);
  stack.commit(state);
  if (size === 2 || state.stackSize === 16) state.setLow16(Gpr.rbp, frame);
  else state.setRegister(Gpr.rbp, Math.floor(frame / 2 ** 32), frame);
  return next;
};

export const stackInstructions: HostInstructions = {
  "pusha": pushAll,
  "popa": popAll,
  "enter": enter,
};
