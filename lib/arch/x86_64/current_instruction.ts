/** The instruction at the pc, decoded again, for what depends on it besides its execution. */
import { operandsOf, X86Decoder } from "./decoder.ts";
import { GuestFault } from "./guest_fault.ts";
import type { HostContext } from "./host_context.ts";
import { LONGEST } from "./instruction_reader.ts";
import { instructionRows } from "./instruction_rows.ts";
import { Tlb } from "./mode.ts";
import type { Operand } from "./operands.ts";
import { Gpr } from "./registers.ts";
import { canonical } from "./stack.ts";

const PAGE_BYTES = 4096;
/** Instructions that access the stack besides what their operands say. */
const STACK_INSTRUCTIONS = /^(PUSH[AF]?|POP[AF]?|CALL|RET|ENTER|LEAVE)\b/;

/** A decoded instruction. */
type DecodedX86 = Exclude<ReturnType<X86Decoder["decode"]>, undefined | "cut">;

/** Made when the first instruction is asked for. */
let decoder: X86Decoder | undefined;

/** What a vCPU asks about the instruction at its pc. */
export class CurrentInstruction {
  readonly #context: Pick<HostContext, "state" | "system" | "operands">;

  /** Of the vCPU with these parts. */
  constructor(context: Pick<HostContext, "state" | "system" | "operands">) {
    this.#context = context;
  }

  /** The instruction; undefined if it cannot be read. */
  decode(): DecodedX86 | undefined {
    const code = new Uint8Array(LONGEST);
    // Not the memory that breakpoints on data watch.
    const { state, system } = this.#context;
    const at = canonical(state.pcHigh, state.pcLow);
    const onPage = Math.min(LONGEST, PAGE_BYTES - (state.pcLow & (PAGE_BYTES - 1)));
    system.rights = state.cpl === 3 ? Tlb.user : state.rights(state.cpl);
    let available = 0;
    try {
      system.readBytes(at, code.subarray(0, onPage));
      available = onPage;
      if (onPage < LONGEST) system.readBytes(at + onPage, code.subarray(onPage));
      available = LONGEST;
    } catch (fault) {
      if (!(fault instanceof GuestFault)) throw fault;
      if (available === 0) return undefined;
    }
    decoder ??= new X86Decoder(instructionRows);
    const decoded = decoder.decode(code, 0, available, state.mode);
    return decoded === "cut" ? undefined : decoded;
  }

  /** Whether it addresses memory at an address by RSP or RBP, which faults with #SS, not #GP. */
  usesStack(high: number, low: number): boolean {
    const decoded = this.decode();
    if (decoded === undefined) return false;
    const { handler } = decoded;
    const o = operandsOf(decoded);
    const both = STACK_INSTRUCTIONS.test(handler.row.title);
    for (let n = 0; n < o.length; n++) {
      if (o[n].raw !== handler.memory) continue;
      const { base, form } = handler.memory;
      if (both && !this.#isOperand(o[n], form.segmented, high, low)) continue;
      return !form.segmented && (base === Gpr.rsp || base === Gpr.rbp);
    }
    return both;
  }

  /** Whether an address that is not canonical is that of an operand, not of the stack. */
  #isOperand(operand: Operand, segmented: boolean, high: number, low: number): boolean {
    const { operands } = this.#context;
    if (!segmented) {
      const offset = operands.offset(operand);
      return offset.high === high && offset.low === low;
    }
    try {
      operands.address(operand);
      return false;
    } catch (fault) {
      if (fault instanceof GuestFault) return true;
      throw fault;
    }
  }
}
