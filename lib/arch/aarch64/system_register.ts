/** One row of the system register table, and how to write it. */
import type { StateField } from "../../engine/layout.ts";
import { systemRegister } from "../../devices/vbus/device.ts";
import type { Debug } from "./debug.ts";
import type { Exceptions } from "./exceptions.ts";
import type { InterruptInputs } from "./interrupt_inputs.ts";
import type { Mmu } from "./mmu.ts";
import type { ProcessState } from "./process_state.ts";
import type { TlbMaintenance } from "./tlb_maintenance.ts";

/** What the functions of the table work on: the parts of the running vCPU. */
export interface SystemContext {
  readonly state: ProcessState;
  readonly exceptions: Exceptions;
  readonly mmu: Mmu;
  readonly tlb: TlbMaintenance;
  readonly debug: Debug;
  /** MPIDR_EL1. */
  readonly mpidr: bigint;
  /** ICC_* system registers exist. */
  readonly gicV3: boolean;
  readonly inputs: InterruptInputs;
}

/** Who may do what. */
export type Rights = "" | "r" | "w" | "rw";

/** One system register. */
export interface SystemRegister {
  /** As in the manual. */
  readonly name: string;
  /** op0, op1, CRn, CRm, op2, see `systemRegister` in lib/devices/vbus/device.ts. */
  readonly id: number;
  /** Rights at EL0 and EL1; what is not granted is UNDEFINED. */
  readonly el0: Rights;
  readonly el1: Rights;
  readonly reset: bigint;
  /** Bits that can be written; the others keep `reset` (RES0, RES1, read-only). */
  readonly mask: bigint;
  /** Where the value lies, if it lies anywhere. */
  readonly field?: StateField;
  readonly element: number;
  /** Gives the value instead of the field. */
  readonly read?: (c: SystemContext) => bigint;
  /** Takes the value instead of the field. */
  readonly write?: (c: SystemContext, value: bigint) => void;
  /** Called when the field was written. */
  readonly changed?: (c: SystemContext, value: bigint, before: bigint) => void;
  /** Whether access from EL0 is trapped (EC 0x18) although EL0 has the right. */
  readonly trapped?: (c: SystemContext) => boolean;
  /** Access needs floating point to be enabled (CPACR_EL1.FPEN). */
  readonly floatingPoint: boolean;
}

/** op0, op1, CRn, CRm, op2. */
export type Encoding = readonly [number, number, number, number, number];

/** Makes a row of the table. Without further notice: EL1 reads and writes all 64 bits, reset is 0. */
export function define(
  name: string,
  encoding: Encoding,
  options: Partial<Omit<SystemRegister, "name" | "id">> = {},
): SystemRegister {
  return {
    name,
    id: systemRegister(...encoding),
    el0: "",
    el1: "rw",
    reset: 0n,
    mask: 0xffffffff_ffffffffn,
    element: 0,
    floatingPoint: false,
    ...options,
  };
}

/** A register that reads as a constant. */
export function constant(name: string, encoding: Encoding, value: bigint): SystemRegister {
  return define(name, encoding, { el1: "r", mask: 0n, reset: value });
}
