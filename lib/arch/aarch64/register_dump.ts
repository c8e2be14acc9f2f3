/** The registers of a vCPU, for people and debuggers. */
import { field } from "./layout.ts";
import type { SystemContext } from "./system_register.ts";
import { readSystemRegister, systemRegisters } from "./system_registers.ts";

/** What an AArch64 vCPU holds between two instructions. */
export interface RegisterDump {
  /** X0 to X30. */
  readonly x: readonly bigint[];
  /** The current stack pointer. */
  readonly sp: bigint;
  /** Address of the next instruction. */
  readonly pc: bigint;
  /** PSTATE in the format of SPSR_EL1 (Arm ARM, C5.2.18). */
  readonly pstate: number;
  /** V0 to V31, 128 bits each. */
  readonly v: readonly bigint[];
  /** System registers that EL1 can read, by the manual's names; those of devices are not here. */
  readonly system: Readonly<Record<string, bigint>>;
}

const X = field("x");
const V = field("v");
const PC = field("pc");

/** Reads all registers of the vCPU whose state block is in place. Changes nothing. */
export function dumpRegisters(context: SystemContext): RegisterDump {
  const { state } = context;
  const { view } = state;
  const vector = (n: number): bigint => {
    const at = (V.address >>> 3) + 2 * n;
    return view.u64[at] | (view.u64[at + 1] << 64n);
  };
  const readable = systemRegisters.filter(({ el1 }) => el1.includes("r"));
  return {
    x: Array.from({ length: 31 }, (_, n) => view.get64(X, n)),
    sp: view.get64(X, 31),
    pc: view.get64(PC),
    pstate: state.spsr(),
    v: Array.from({ length: 32 }, (_, n) => vector(n)),
    system: Object.fromEntries(
      readable.map((register) => [register.name, readSystemRegister(context, register)]),
    ),
  };
}
