/** The registers of string instructions that the host executes: rSI, rDI and rCX by the address size. */
import { generalProtection } from "./guest_fault.ts";
import type { HostContext } from "./host_context.ts";
import type { ProcessorState } from "./processor_state.ts";
import { canonical } from "./stack.ts";
import { Segment } from "./state.ts";

/** A register cut to the address size; of 64 bits signed, NaN if it is not canonical. */
export function readIndex(state: ProcessorState, register: number, size: number): number {
  if (size === 8) return canonical(state.high(register), state.low(register));
  return size === 4 ? state.low(register) : state.low(register) & 0xffff;
}

/** Adds to a register, cut to the address size. */
export function advanceIndex(
  state: ProcessorState,
  register: number,
  size: number,
  by: number,
): void {
  const low = state.low(register) + by;
  if (size === 2) state.setLow16(register, low);
  else if (size === 4) state.setLow(register, low);
  else state.setRegister(register, state.high(register) + Math.floor(low / 2 ** 32), low);
}

/** What rCX counts; beyond 2^53 as a number nearby. */
export function readCount(state: ProcessorState, register: number, size: number): number {
  if (size === 8) return state.high(register) * 2 ** 32 + state.low(register);
  return readIndex(state, register, size);
}

/** Linear address of the element at an offset. #GP if it is not canonical. */
export function elementAddress(
  { state }: HostContext,
  codeSize: number,
  segment: number,
  offset: number,
): number {
  if (codeSize !== 8) return (offset + state.segmentBase(segment)) >>> 0;
  const address = offset + (segment >= Segment.fs ? state.segmentBase(segment) : 0);
  if (!(address >= -(2 ** 47) && address < 2 ** 47)) throw generalProtection();
  return address;
}
