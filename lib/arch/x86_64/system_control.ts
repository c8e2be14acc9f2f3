/** Control and debug registers, model-specific registers, CPUID, time stamps, random numbers, HLT. */
import { Outcome } from "../../engine/arch.ts";
import { writeCr0, writeCr3, writeCr4 } from "./control_registers.ts";
import { cpuid } from "./cpuid.ts";
import { restoredFlags } from "./far_returns.ts";
import { Status } from "./flags.ts";
import { generalProtection, GuestFault, invalidOpcode, Vector } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { field } from "./layout.ts";
import { CR0, CR4, DR6, Gpr, RFLAGS } from "./registers.ts";
import { canonical, Stack } from "./stack.ts";
import { requireCpl0, requireFeature, requireNoUmip } from "./system_checks.ts";

const CR2 = field("cr2");
const CR3 = field("cr3");
const TSC_AUX = field("tscAux");
const { next, wait } = Outcome;
/** POPF leaves VIF and VIP alone. */
const VIRTUAL_KEPT = ~(RFLAGS.VIF | RFLAGS.VIP);

/** Fields that a CR number names in the trace of control writes. */
const named = (number: number): string => `CR${number}`;

// ---- control and debug registers

const moveFromControl: HostInstruction = (cpu, o) => {
  const { number } = o[1];
  if (![0, 2, 3, 4, 8].includes(number)) throw invalidOpcode();
  requireCpl0(cpu);
  const { state, operands, wiring } = cpu;
  const { view } = state;
  if (number === 0) operands.write(o[0], state.cr0);
  else if (number === 2) operands.write(o[0], view.low(CR2), view.high(CR2));
  else if (number === 3) operands.write(o[0], view.low(CR3), view.high(CR3));
  else if (number === 4) operands.write(o[0], state.cr4);
  else operands.write(o[0], wiring.apics.taskPriorityClass(wiring.index));
  return next;
};

const moveToControl: HostInstruction = (cpu, o) => {
  const { number } = o[0];
  if (![0, 2, 3, 4, 8].includes(number)) throw invalidOpcode();
  requireCpl0(cpu);
  const { state, wiring } = cpu;
  const { high, low } = cpu.operands.read(o[1]);
  if (number !== 2 && number !== 3 && high !== 0) throw generalProtection();
  wiring.controlWrite?.(wiring.index, named(number), (BigInt(high) << 32n) | BigInt(low));
  switch (number) {
    case 0:
      writeCr0(cpu, low);
      break;
    case 2:
      state.words[CR2.address >>> 2] = low;
      state.words[(CR2.address >>> 2) + 1] = high;
      break;
    case 3:
      writeCr3(cpu, high, low);
      break;
    case 4:
      writeCr4(cpu, low, cpu.controlBits);
      break;
    default:
      if (low > 15) throw generalProtection();
      wiring.apics.setTaskPriorityClass(wiring.index, low);
  }
  return next;
};

/** #DB of general detection, and what else MOV of debug registers begins with. */
function requireDebugAccess(cpu: HostContext, number: number): void {
  requireCpl0(cpu);
  cpu.debug.requireRegister(number);
  if (!cpu.debug.detectsAccess) return;
  cpu.debug.report(DR6.BD);
  throw new GuestFault(Vector.debug);
}

const moveFromDebug: HostInstruction = (cpu, o) => {
  requireDebugAccess(cpu, o[1].number);
  const value = cpu.debug.read(o[1].number);
  cpu.operands.write(o[0], Number(value & 0xffffffffn), Number(value >> 32n));
  return next;
};

const moveToDebug: HostInstruction = (cpu, o) => {
  const { number } = o[0];
  requireDebugAccess(cpu, number);
  const { high, low } = cpu.operands.read(o[1]);
  if (number >= 4 && high !== 0) throw generalProtection();
  if (cpu.debug.write(number, (BigInt(high) << 32n) | BigInt(low))) cpu.tlb.flushAll();
  return next;
};

/** LMSW: PE, MP, EM, TS; PE cannot be cleared. */
const loadStatusWord: HostInstruction = (cpu, o) => {
  requireCpl0(cpu);
  const { cr0 } = cpu.state;
  const bits = CR0.PE | CR0.MP | CR0.EM | CR0.TS;
  const value = cpu.operands.readLow(o[0]) & bits;
  writeCr0(cpu, (cr0 & ~bits) | value | (cr0 & CR0.PE));
  return next;
};

const storeStatusWord: HostInstruction = (cpu, o) => {
  requireNoUmip(cpu);
  cpu.operands.write(o[0], cpu.state.cr0);
  return next;
};

const clearTaskSwitched: HostInstruction = (cpu) => {
  requireCpl0(cpu);
  writeCr0(cpu, cpu.state.cr0 & ~CR0.TS);
  return next;
};

const invalidatePage: HostInstruction = (cpu, o) => {
  requireCpl0(cpu);
  let { high, low } = cpu.operands.offset(o[0]);
  const segment = o.segment === 0 ? 0 : cpu.state.segmentBase(o.segment);
  const sum = low + (segment >>> 0);
  high = (high + Math.floor(segment / 2 ** 32) + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  low = sum >>> 0;
  // An address that is not canonical is in no TLB.
  cpu.tlb.flushPage(cpu.state.code64 ? high : 0, low);
  return next;
};

/** INVPCID: what the four types name is dropped, and everything else that is not global with it. */
const invalidatePcid: HostInstruction = (cpu, o) => {
  requireFeature(cpu, "invpcid");
  requireCpl0(cpu);
  const { state, operands, data, tlb } = cpu;
  const type = operands.read(o[0]);
  const address = operands.address(o[1]);
  const descriptor = data.read64(address);
  const linear = data.read64(address + 8);
  if (type.high !== 0 || type.low > 3 || (descriptor >> 12n) !== 0n) throw generalProtection();
  const pcid = descriptor & 0xfffn;
  if (type.low < 2 && pcid !== 0n && (state.cr4 & CR4.PCIDE) === 0) throw generalProtection();
  if (type.low === 0) {
    const high = Number(linear >> 32n);
    const low = Number(linear & 0xffffffffn);
    if (Number.isNaN(canonical(high, low))) throw generalProtection();
    tlb.flushPage(high, low);
  } else tlb.flushAll();
  return next;
};

// ---- model-specific registers

const readMsr: HostInstruction = (cpu) => {
  requireCpl0(cpu);
  const { state, msrs, wiring } = cpu;
  const id = state.low(Gpr.rcx);
  const value = wiring.registers.readRegister(wiring.index, id) ?? msrs.read(cpu, id);
  if (value === undefined) throw generalProtection();
  state.setLow(Gpr.rax, Number(value & 0xffffffffn));
  state.setLow(Gpr.rdx, Number(value >> 32n));
  return next;
};

const writeMsr: HostInstruction = (cpu) => {
  requireCpl0(cpu);
  const { state, msrs, wiring } = cpu;
  const id = state.low(Gpr.rcx);
  const value = (BigInt(state.low(Gpr.rdx)) << 32n) | BigInt(state.low(Gpr.rax));
  const done = msrs.write(cpu, id, value) ||
    wiring.registers.writeRegister(wiring.index, id, value);
  if (!done) throw generalProtection();
  return next;
};

// ---- identification, time, entropy

const identify: HostInstruction = (cpu) => {
  const { state, model, wiring } = cpu;
  const { index, cpus, tsc, apics } = wiring;
  const [eax, ebx, ecx, edx] = cpuid(
    model,
    {
      cpus,
      index,
      tscFrequency: tsc.frequency,
      apicEnabled: apics.isEnabled(index),
      osxsave: (state.cr4 & CR4.OSXSAVE) !== 0,
    },
    state.low(Gpr.rax),
    state.low(Gpr.rcx),
  );
  state.setLow(Gpr.rax, eax);
  state.setLow(Gpr.rbx, ebx);
  state.setLow(Gpr.rcx, ecx);
  state.setLow(Gpr.rdx, edx);
  return next;
};

const timeStamp: HostInstruction = (cpu) => {
  const { state, wiring } = cpu;
  if ((state.cr4 & CR4.TSD) !== 0 && state.cpl !== 0) throw generalProtection();
  const value = wiring.tsc.read(wiring.index);
  state.setLow(Gpr.rax, Number(value & 0xffffffffn));
  state.setLow(Gpr.rdx, Number(value >> 32n));
  return next;
};

const timeStampAndAux: HostInstruction = (cpu, o, length) => {
  requireFeature(cpu, "rdtscp");
  timeStamp(cpu, o, length);
  cpu.state.setLow(Gpr.rcx, cpu.state.view.low(TSC_AUX));
  return next;
};

/** RDPMC: there are no counters. */
const performanceCounter: HostInstruction = () => {
  throw generalProtection();
};

const entropy = new Uint8Array(8);
const entropyView = new DataView(entropy.buffer);

/** RDRAND and RDSEED: always successful. */
function randomNumber(feature: string): HostInstruction {
  return (cpu, o) => {
    requireFeature(cpu, feature);
    cpu.wiring.random(entropy);
    cpu.operands.write(o[0], entropyView.getUint32(0, true), entropyView.getUint32(4, true));
    cpu.state.setFlags(1, Status.all);
    return next;
  };
}

// ---- interrupts

const halt: HostInstruction = (cpu, _o, length) => {
  requireCpl0(cpu);
  cpu.state.advance(length);
  cpu.state.clearShadow();
  cpu.inputs.waitsForIntr = cpu.state.interruptsEnabled;
  return wait;
};

/** CLI and STI where CPL is not 0: IOPL decides. */
const clearInterrupt: HostInstruction = (cpu) => {
  if (cpu.state.cpl > cpu.state.iopl) throw generalProtection();
  cpu.state.systemFlags &= ~RFLAGS.IF;
  return next;
};

const setInterrupt: HostInstruction = (cpu, _o, length) => {
  if (cpu.state.cpl > cpu.state.iopl) throw generalProtection();
  if (!cpu.state.interruptsEnabled) cpu.state.shadowNext(length);
  cpu.state.systemFlags |= RFLAGS.IF;
  return next;
};

/** POPF. RF is cleared, VM stays. */
const popFlags: HostInstruction = (cpu, o) => {
  const { state, data } = cpu;
  const stack = new Stack(data);
  stack.beginCurrent(state);
  const value = stack.pop(o.size);
  stack.commit(state);
  state.setFlags(value & ~RFLAGS.RF, restoredFlags(state.cpl, state.iopl, o.size) & VIRTUAL_KEPT);
  return next;
};

/** STAC and CLAC. */
function alignmentFlag(value: number): HostInstruction {
  return (cpu) => {
    requireFeature(cpu, "smap");
    if (cpu.state.cpl !== 0) throw invalidOpcode();
    cpu.state.systemFlags = (cpu.state.systemFlags & ~RFLAGS.AC) | value;
    return next;
  };
}

/** An instruction of more than 15 bytes. */
const tooLong: HostInstruction = () => {
  throw generalProtection();
};

/** RSM outside of system management mode. */
const undefinedHere: HostInstruction = () => {
  throw invalidOpcode();
};

export const controlInstructions: HostInstructions = {
  "mov from cr": moveFromControl,
  "mov to cr": moveToControl,
  "mov from dr": moveFromDebug,
  "mov to dr": moveToDebug,
  "lmsw": loadStatusWord,
  "smsw": storeStatusWord,
  "clts": clearTaskSwitched,
  "invlpg": invalidatePage,
  "invpcid": invalidatePcid,
  "rdmsr": readMsr,
  "wrmsr": writeMsr,
  "cpuid": identify,
  "rdtsc": timeStamp,
  "rdtscp": timeStampAndAux,
  "rdpmc": performanceCounter,
  "rdrand": randomNumber("rdrand"),
  "rdseed": randomNumber("rdseed"),
  "hlt": halt,
  "cli": clearInterrupt,
  "sti": setInterrupt,
  "popf": popFlags,
  "stac": alignmentFlag(RFLAGS.AC),
  "clac": alignmentFlag(0),
  "too long": tooLong,
  "rsm": undefinedHere,
};
