/** IN, OUT, INS and OUTS (SDM volume 1, chapter 19). Ports that nobody answers read as ones. */
import { Access, Outcome } from "../../engine/arch.ts";
import { AccessResult, type AccessSize, type BusAccess } from "../../devices/vbus/device.ts";
import { generalProtection } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { field } from "./layout.ts";
import type { Operand, Operands } from "./operands.ts";
import { Attribute, Gpr } from "./registers.ts";
import { Segment } from "./state.ts";
import { advanceIndex, elementAddress, readCount, readIndex } from "./string_registers.ts";

const LIMIT = field("segmentLimit");
/** Where the TSS tells the offset of its I/O permission bit map. */
const MAP_BASE = 102;

/** #GP unless the privilege level may access ports, or the TSS allows these. */
function checkPorts({ state, segments, system }: HostContext, port: number, size: number): void {
  if (!state.protectedMode || state.cpl <= state.iopl) return;
  const { base, attributes } = segments.get(Segment.tr);
  const limit = state.view.get32(LIMIT, Segment.tr);
  const wide = (attributes & Attribute.present) !== 0 && (attributes & 8) !== 0;
  if (!wide || limit < MAP_BASE + 1) throw generalProtection();
  const first = system.read16(base + MAP_BASE) + (port >>> 3);
  // The map ends with a byte of ones: two bytes are always there.
  if (first + 1 > limit) throw generalProtection();
  const bits = system.read16(base + first) >>> (port & 7);
  if ((bits & ((1 << size) - 1)) !== 0) throw generalProtection();
}

const access: BusAccess = { write: false, offset: 0, size: 4, value: 0, vcpu: 0 };

/** Does one access; an access that no device takes as a whole goes to its bytes. */
function perform(cpu: HostContext, port: number, size: AccessSize, value?: number): number {
  const { ports, index } = cpu.wiring;
  cpu.debug.portAccess(port, size);
  access.write = value !== undefined;
  access.size = size;
  access.value = value ?? 0;
  access.vcpu = index;
  const result = ports.access(port, access);
  if (result === AccessResult.ok) return access.value;
  if (result !== AccessResult.noDevice || size === 1) return 2 ** (8 * size) - 1;
  let all = 0;
  for (let i = 0; i < size; i++) {
    const byte = value === undefined ? undefined : (value >>> (8 * i)) & 0xff;
    if (port + i <= 0xffff) all += byteAt(cpu, port + i, byte) * 2 ** (8 * i);
    else all += 0xff * 2 ** (8 * i);
  }
  return all;
}

function byteAt(cpu: HostContext, port: number, value: number | undefined): number {
  access.write = value !== undefined;
  access.size = 1;
  access.value = value ?? 0;
  const result = cpu.wiring.ports.access(port, access);
  return result === AccessResult.ok ? access.value : 0xff;
}

/** The port that an operand names: an immediate, or DX. */
function portOf({ state }: HostContext, operand: Operand): number {
  return operand.kind === "immediate" ? operand.raw.value & 0xff : state.low(Gpr.rdx) & 0xffff;
}

const input: HostInstruction = (cpu, o) => {
  const size = o[0].size as AccessSize;
  const port = portOf(cpu, o[1]);
  checkPorts(cpu, port, size);
  cpu.operands.write(o[0], perform(cpu, port, size));
  return Outcome.next;
};

const output: HostInstruction = (cpu, o) => {
  const size = o[1].size as AccessSize;
  const port = portOf(cpu, o[0]);
  checkPorts(cpu, port, size);
  perform(cpu, port, size, cpu.operands.readLow(o[1]));
  return Outcome.next;
};

/** One element of INS or OUTS; with REP the instruction is executed again until RCX is zero. */
function string(
  element: (cpu: HostContext, o: Operands) => void,
  register: number,
): HostInstruction {
  return (cpu, o) => {
    const { state } = cpu;
    const { addressSize } = o;
    const repeated = o.repeat !== 0;
    if (repeated && readCount(state, Gpr.rcx, addressSize) === 0) return Outcome.next;
    element(cpu, o);
    const { size } = o[0].isMemory ? o[0] : o[1];
    const backwards = state.view.get64(field("df")) !== 0n;
    advanceIndex(state, register, addressSize, backwards ? -size : size);
    if (!repeated) return Outcome.next;
    advanceIndex(state, Gpr.rcx, addressSize, -1);
    return readCount(state, Gpr.rcx, addressSize) === 0 ? Outcome.next : Outcome.jumped;
  };
}

const inputElement = (cpu: HostContext, o: Operands): void => {
  const size = o[0].size as AccessSize;
  const port = portOf(cpu, o[1]);
  checkPorts(cpu, port, size);
  const address = elementOf(cpu, o, Segment.es, Gpr.rdi);
  cpu.data.probe(address, size, Access.write);
  cpu.data.write(address, size, perform(cpu, port, size));
};

const outputElement = (cpu: HostContext, o: Operands): void => {
  const size = o[1].size as AccessSize;
  const port = portOf(cpu, o[0]);
  checkPorts(cpu, port, size);
  const address = elementOf(cpu, o, o.segment, Gpr.rsi);
  perform(cpu, port, size, cpu.data.read(address, size));
};

/** Linear address of the element that rSI or rDI points to. */
function elementOf(cpu: HostContext, o: Operands, segment: number, register: number): number {
  const offset = readIndex(cpu.state, register, o.addressSize);
  return elementAddress(cpu, o.codeSize, segment, offset);
}

export const portInstructions: HostInstructions = {
  "in": input,
  "out": output,
  "ins": string(inputElement, Gpr.rdi),
  "outs": string(outputElement, Gpr.rsi),
};
