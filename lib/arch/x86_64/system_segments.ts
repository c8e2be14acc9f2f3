/** Instructions on segment registers, descriptor tables and descriptors that the host executes. */
import { Access, Outcome } from "../../engine/arch.ts";
import {
  type Descriptor,
  dplOf,
  isCode,
  isNull,
  limitOf,
  systemType,
} from "./descriptor_tables.ts";
import { Status } from "./flags.ts";
import { generalProtection, GuestFault, invalidOpcode } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { field } from "./layout.ts";
import type { Operand } from "./operands.ts";
import { Attribute, SystemType } from "./registers.ts";
import { Stack } from "./stack.ts";
import { Segment } from "./state.ts";
import { requireCpl0, requireNoUmip } from "./system_checks.ts";

const { next } = Outcome;

/** Index of a segment register by its number in an instruction. */
const segmentOf = (operand: Operand): number => operand.number + 1;

/** Loads a segment register; a load of SS keeps interrupts and single steps off for an instruction. */
function loadSegment(cpu: HostContext, segment: number, selector: number, length: number): void {
  cpu.segments.load(segment, selector);
  if (segment !== Segment.ss) return;
  cpu.state.shadowNext(length);
  cpu.debug.cancelStep();
}

const moveToSegment: HostInstruction = (cpu, o, length) => {
  const segment = segmentOf(o[0]);
  if (segment === Segment.cs) throw invalidOpcode();
  loadSegment(cpu, segment, cpu.operands.readLow(o[1]), length);
  return next;
};

const popSegment: HostInstruction = (cpu, o, length) => {
  const stack = new Stack(cpu.data);
  stack.beginCurrent(cpu.state);
  const selector = stack.pop(o.size) & 0xffff;
  loadSegment(cpu, segmentOf(o[0]), selector, length);
  stack.commit(cpu.state);
  return next;
};

/** LES, LDS, LSS, LFS, LGS: `segment` and a register from a far pointer. */
function loadFarPointer(segment: number): HostInstruction {
  return (cpu, o) => {
    const address = cpu.operands.address(o[1]);
    cpu.data.probe(address, o.size + 2, Access.read, o.size);
    const low = cpu.data.read(address, Math.min(o.size, 4));
    const high = o.size === 8 ? cpu.data.read32(address + 4) : 0;
    cpu.segments.load(segment, cpu.data.read16(address + o.size));
    cpu.operands.write(o[0], low, high);
    return next;
  };
}

/** LGDT and LIDT: a limit of 16 bits, a base of 24, 32 or 64. */
function loadTable(table: "gdtr" | "idtr"): HostInstruction {
  const base = field(`${table}Base`);
  const limit = field(`${table}Limit`);
  return (cpu, o) => {
    requireCpl0(cpu);
    const { state, data, operands } = cpu;
    const address = operands.address(o[0]);
    const long = o.codeSize === 8;
    data.probe(address, long ? 10 : 6, Access.read);
    const size = data.read16(address);
    const low = data.read32(address + 2);
    const high = long ? data.read32(address + 6) : 0;
    if ((high << 16) >> 16 !== (high | 0)) throw generalProtection();
    const cut = !long && o.size === 2 ? low & 0xffffff : low;
    state.words[base.address >>> 2] = cut;
    state.words[(base.address >>> 2) + 1] = high;
    state.view.set32(limit, size);
    return next;
  };
}

/** SGDT and SIDT. */
function storeTable(table: "gdtr" | "idtr"): HostInstruction {
  const base = field(`${table}Base`);
  const limit = field(`${table}Limit`);
  return (cpu, o) => {
    requireNoUmip(cpu);
    const { data, operands, state: { view } } = cpu;
    const address = operands.address(o[0]);
    const long = o.codeSize === 8;
    data.probe(address, long ? 10 : 6, Access.write);
    data.write16(address, view.get32(limit));
    data.write32(address + 2, view.low(base));
    if (long) data.write32(address + 6, view.high(base));
    return next;
  };
}

/** SLDT and STR. */
function storeSelector(segment: number): HostInstruction {
  return (cpu, o) => {
    requireNoUmip(cpu);
    cpu.operands.write(o[0], cpu.segments.selector(segment));
    return next;
  };
}

const loadLdt: HostInstruction = (cpu, o) => {
  requireCpl0(cpu);
  cpu.segments.loadLdt(cpu.operands.readLow(o[0]));
  return next;
};

const loadTask: HostInstruction = (cpu, o) => {
  requireCpl0(cpu);
  cpu.segments.loadTask(cpu.operands.readLow(o[0]));
  return next;
};

/** The descriptor of a selector if it can be seen; #GP of its table does not count. */
function visible(cpu: HostContext, selector: number): Descriptor | undefined {
  if (isNull(selector)) return undefined;
  let descriptor: Descriptor;
  try {
    descriptor = cpu.tables.read(selector);
  } catch (fault) {
    if (fault instanceof GuestFault && fault.code === (selector & 0xfffc)) return undefined;
    throw fault;
  }
  const conforming = isCode(descriptor) && (descriptor.attributes & Attribute.conforming) !== 0;
  const enough = conforming || Math.max(cpu.state.cpl, selector & 3) <= dplOf(descriptor);
  return enough ? descriptor : undefined;
}

/** Types of system segments that LAR and LSL tell of. */
const LAR_TYPES = new Set<number>([
  SystemType.tss16,
  SystemType.ldt,
  SystemType.tss16Busy,
  SystemType.callGate16,
  SystemType.taskGate,
  SystemType.tss,
  SystemType.tssBusy,
  SystemType.callGate,
]);
const LSL_TYPES = new Set<number>([
  SystemType.tss16,
  SystemType.ldt,
  SystemType.tss16Busy,
  SystemType.tss,
  SystemType.tssBusy,
]);
/** Of those, what exists in IA-32e mode. */
const LONG_TYPES = new Set<number>([
  SystemType.ldt,
  SystemType.tss,
  SystemType.tssBusy,
  SystemType.callGate,
]);

/** LAR and LSL: ZF tells whether there is something to tell. */
function inspect(
  types: ReadonlySet<number>,
  value: (descriptor: Descriptor) => number,
): HostInstruction {
  return (cpu, o) => {
    const { state } = cpu;
    const descriptor = visible(cpu, cpu.operands.readLow(o[1]) & 0xffff);
    const type = descriptor === undefined ? 0 : systemType(descriptor);
    const told = type === -1 || (types.has(type) && (!state.longMode || LONG_TYPES.has(type)));
    if (descriptor !== undefined && told) cpu.operands.write(o[0], value(descriptor));
    state.setFlags(descriptor !== undefined && told ? Status.ZF : 0, Status.ZF);
    return next;
  };
}

/** VERR and VERW. */
function verify(write: boolean): HostInstruction {
  return (cpu, o) => {
    const descriptor = visible(cpu, cpu.operands.readLow(o[0]));
    let allowed = false;
    if (descriptor !== undefined && systemType(descriptor) === -1) {
      const usable = (descriptor.attributes & Attribute.writable) !== 0;
      allowed = isCode(descriptor) ? !write && usable : !write || usable;
    }
    cpu.state.setFlags(allowed ? Status.ZF : 0, Status.ZF);
    return next;
  };
}

/** ARPL: raises the RPL of a selector. */
const adjustRpl: HostInstruction = (cpu, o) => {
  const selector = cpu.operands.readLow(o[0]);
  const least = cpu.operands.readLow(o[1]) & 3;
  const raise = (selector & 3) < least;
  if (raise) cpu.operands.write(o[0], (selector & 0xfffc) | least);
  cpu.state.setFlags(raise ? Status.ZF : 0, Status.ZF);
  return next;
};

export const segmentInstructions: HostInstructions = {
  "mov sreg": moveToSegment,
  "pop sreg": popSegment,
  "les": loadFarPointer(Segment.es),
  "lds": loadFarPointer(Segment.ds),
  "lss": loadFarPointer(Segment.ss),
  "lfs": loadFarPointer(Segment.fs),
  "lgs": loadFarPointer(Segment.gs),
  "lgdt": loadTable("gdtr"),
  "lidt": loadTable("idtr"),
  "sgdt": storeTable("gdtr"),
  "sidt": storeTable("idtr"),
  "sldt": storeSelector(Segment.ldtr),
  "str": storeSelector(Segment.tr),
  "lldt": loadLdt,
  "ltr": loadTask,
  "lar": inspect(LAR_TYPES, ({ high }) => (high & 0x00f0ff00) >>> 0),
  "lsl": inspect(LSL_TYPES, limitOf),
  "verr": verify(false),
  "verw": verify(true),
  "arpl": adjustRpl,
};
