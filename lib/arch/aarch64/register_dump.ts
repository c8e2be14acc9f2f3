/** The registers of a vCPU, for people and debuggers. */
import type { RegisterDump } from "../../vcpu/register_dump.ts";
import { field } from "./layout.ts";
import type { SystemContext } from "./system_register.ts";
import { readSystemRegister, systemRegisters } from "./system_registers.ts";

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
  // Those that EL1 can read.
  const readable = systemRegisters.filter(({ el1 }) => el1.includes("r"));
  return {
    pc: view.get64(PC),
    sp: view.get64(X, 31),
    general: Array.from({ length: 31 }, (_, n) => view.get64(X, n)),
    flags: state.spsr(),
    vectors: Array.from({ length: 32 }, (_, n) => vector(n)),
    system: Object.fromEntries(
      readable.map((register) => [register.name, readSystemRegister(context, register)]),
    ),
  };
}
