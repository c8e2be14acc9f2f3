/** Interrupts by instruction, IRET, far transfers and system calls. */
import { Access, Outcome } from "../../engine/arch.ts";
import type { EventKind } from "./exceptions.ts";
import { callFar, type FarPointer, jumpFar } from "./far_transfers.ts";
import { returnFar, returnFromInterrupt } from "./far_returns.ts";
import { Status } from "./flags.ts";
import { Vector } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import type { Operands } from "./operands.ts";
import { RFLAGS } from "./registers.ts";
import { syscall, sysenter, sysexit, sysret } from "./system_calls.ts";

const { jumped, next } = Outcome;

/** An event whose return address is that of the next instruction. */
function trap(cpu: HostContext, vector: number, kind: EventKind, length: number): Outcome {
  const { state } = cpu;
  const { pcHigh, pcLow } = state;
  state.advance(length);
  // What is refused in the delivery is a fault of this instruction.
  cpu.exceptions.raise({ vector, kind, code: undefined }, undefined, { high: pcHigh, low: pcLow });
  return jumped;
}

const interrupt: HostInstruction = (cpu, o, length) =>
  trap(cpu, o[0].raw.value & 0xff, "software", length);
const breakpoint: HostInstruction = (cpu, _o, length) =>
  trap(cpu, Vector.breakpoint, "software", length);
const overflow: HostInstruction = (cpu, _o, length) => {
  if ((cpu.state.rflags & Status.OF) === 0) return next;
  return trap(cpu, Vector.overflow, "software", length);
};
const icebp: HostInstruction = (cpu, _o, length) => {
  cpu.debug.report(0);
  return trap(cpu, Vector.debug, "trap", length);
};

/** A far pointer: in memory behind the offset, or the two immediates of the instruction. */
function farPointer(cpu: HostContext, o: Operands): FarPointer {
  if (!o[0].isMemory) {
    const { value, high } = o[0].raw;
    return { selector: high & 0xffff, low: o.size === 2 ? value & 0xffff : value >>> 0, high: 0 };
  }
  const address = cpu.operands.address(o[0]);
  cpu.data.probe(address, o.size + 2, Access.read, o.size);
  return {
    low: cpu.data.read(address, Math.min(o.size, 4)),
    high: o.size === 8 ? cpu.data.read32(address + 4) : 0,
    selector: cpu.data.read16(address + o.size),
  };
}

const jump: HostInstruction = (cpu, o) => {
  jumpFar(cpu, farPointer(cpu, o));
  return jumped;
};
const call: HostInstruction = (cpu, o, length) => {
  callFar(cpu, farPointer(cpu, o), o.size, length);
  return jumped;
};
const farReturn: HostInstruction = (cpu, o) => {
  returnFar(cpu, o.size, o.length > 0 ? o[0].raw.value & 0xffff : 0);
  return jumped;
};
const interruptReturn: HostInstruction = (cpu, o) => {
  // Also if it faults (SDM volume 3, 6.7.1).
  cpu.inputs.nmiBlocked = false;
  returnFromInterrupt(cpu, o.size);
  return jumped;
};

const systemCall: HostInstruction = (cpu, _o, length) => {
  syscall(cpu, length);
  // A single step is due only where IA32_FMASK leaves TF set.
  if ((cpu.state.systemFlags & RFLAGS.TF) === 0) cpu.debug.cancelStep();
  return jumped;
};
const systemReturn: HostInstruction = (cpu, o) => {
  sysret(cpu, o.size);
  return jumped;
};
const systemEnter: HostInstruction = (cpu) => {
  sysenter(cpu);
  return jumped;
};
const systemExit: HostInstruction = (cpu, o) => {
  sysexit(cpu, o.size);
  return jumped;
};

export const transferInstructions: HostInstructions = {
  "int": interrupt,
  "int3": breakpoint,
  "into": overflow,
  "int1": icebp,
  "iret": interruptReturn,
  "jmp far": jump,
  "call far": call,
  "ret far": farReturn,
  "syscall": systemCall,
  "sysret": systemReturn,
  "sysenter": systemEnter,
  "sysexit": systemExit,
};
