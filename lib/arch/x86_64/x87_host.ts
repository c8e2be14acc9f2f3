/**
 * x87 instructions as the host executes them: pending exceptions, memory operands, RFLAGS, and where
 * the last instruction lay.
 *
 * Deviations: pending exceptions are #MF whatever CR0.NE is; the last opcode (FOP) stays 0, and
 * so do FCS and FDS, as on CPUs that have given them up.
 */
import { Access, Outcome } from "../../engine/arch.ts";
import { writeStatus } from "./flags.ts";
import { GuestFault, Vector } from "./guest_fault.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import type { Operand, Operands } from "./operands.ts";
import { CR0, Gpr } from "./registers.ts";
import { controlOperations } from "./x87_control.ts";
import { type Operation, operations, type X87Context } from "./x87_instructions.ts";
import { X87Unit } from "./x87_unit.ts";

/** The operands of one x87 instruction. */
class X87Instruction implements X87Context {
  readonly fpu: X87Unit;
  readonly i: number;
  readonly size: number;
  readonly #cpu: HostContext;
  readonly #memory: Operand | undefined;
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(10);
  readonly #view: DataView = new DataView(this.#bytes.buffer);
  #address: number | undefined;

  constructor(cpu: HostContext, o: Operands) {
    this.#cpu = cpu;
    this.fpu = new X87Unit(cpu.state.view);
    this.size = o.size;
    let i = 0;
    for (let n = 0; n < o.length; n++) {
      if (o[n].isMemory) this.#memory = o[n];
      // ST is ST(0).
      else if (o[n].kind === "number") i = Math.max(i, o[n].number);
    }
    this.i = i;
  }

  get memory(): Operand | undefined {
    return this.#memory;
  }

  get #start(): number {
    if (this.#memory === undefined) throw new Error("the instruction has no memory operand");
    return this.#address ??= this.#cpu.operands.address(this.#memory);
  }

  load(size: number, offset: number = 0): bigint {
    const { data } = this.#cpu;
    const at = this.#start + offset;
    if (size === 8) return data.read64(at);
    if (size !== 10) return BigInt(data.read(at, size));
    if (offset === 0) this.#probe(size, Access.read);
    data.readBytes(at, this.#bytes);
    return this.#view.getBigUint64(0, true) | (BigInt(this.#view.getUint16(8, true)) << 64n);
  }

  probe(size: number): void {
    this.#probe(size, Access.write);
  }

  /** What is larger than 8 bytes must be aligned as its first part. */
  #probe(size: number, access: Access): void {
    const { data } = this.#cpu;
    if (size > 8) data.probe(this.#start, size === 10 ? 8 : Math.min(this.size, 4), access);
    data.probe(this.#start, size, access);
  }

  store(size: number, bits: bigint, offset: number = 0): void {
    const { data } = this.#cpu;
    const at = this.#start + offset;
    if (size === 10) {
      this.#view.setBigUint64(0, bits, true);
      this.#view.setUint16(8, Number(bits >> 64n), true);
      data.writeBytes(at, this.#bytes);
    } else if (size === 8) data.write64(at, bits);
    else data.write(at, size, Number(bits));
  }

  get flags(): number {
    return this.#cpu.state.rflags;
  }

  compared(flags: number): void {
    writeStatus(this.#cpu.state.view, flags);
  }

  setAx(value: number): void {
    this.#cpu.state.setLow16(Gpr.rax, value);
  }
}

/** Executed although exceptions are pending. */
const isPatient = (title: string): boolean => title.startsWith("FN") && title !== "FNOP";

function hostInstruction(title: string, operation: Operation, isControl: boolean): HostInstruction {
  const waits = !isPatient(title);
  return (cpu, o) => {
    const x = new X87Instruction(cpu, o);
    if (waits && x.fpu.pending) throw new GuestFault(Vector.x87);
    operation(x);
    if (!isControl) noteAddresses(cpu, x);
    return Outcome.next;
  };
}

function noteAddresses(cpu: HostContext, { fpu, memory }: X87Instruction): void {
  const { state } = cpu;
  fpu.noteInstruction(state.code64 ? state.pcHigh : 0, state.code64 ? state.pcLow : state.rip);
  if (memory === undefined) return;
  const offset = cpu.operands.offset(memory);
  fpu.noteOperand(offset.high, offset.low);
}

/** FWAIT: only looks for exceptions; #NM if CR0.MP and TS say so. */
const wait: HostInstruction = (cpu) => {
  const both = CR0.MP | CR0.TS;
  if ((cpu.state.cr0 & both) === both) throw new GuestFault(Vector.deviceNotAvailable);
  if (new X87Unit(cpu.state.view).pending) throw new GuestFault(Vector.x87);
  return Outcome.next;
};

/** By the titles of the rows. */
export const x87Instructions: HostInstructions = Object.fromEntries([
  ["FWAIT", wait],
  ...[...operations].map(([title, run]) => [title, hostInstruction(title, run, false)]),
  ...[...controlOperations].map(([title, run]) => [title, hostInstruction(title, run, true)]),
]);
