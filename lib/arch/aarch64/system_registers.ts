/**
 * The system registers of the core in one table: encoding, who may access them, reset value, bits
 * that can be written, where the value lies. Reads, writes, reset, traps and documentation come from
 * it. Registers of the interrupt controller (ICC_*) and the timer (CNT*) belong to those devices.
 */
import type { SystemContext, SystemRegister } from "./system_register.ts";
import { controlRegisters } from "./system_registers_control.ts";
import { debugRegisters } from "./system_registers_debug.ts";
import { identificationRegisters } from "./system_registers_id.ts";

/** All system registers of the core. */
export const systemRegisters: readonly SystemRegister[] = [
  ...identificationRegisters(),
  ...controlRegisters(),
  ...debugRegisters(),
];

const byId: ReadonlyMap<number, SystemRegister> = new Map(
  systemRegisters.map((register) => [register.id, register]),
);

/** The register with that number. */
export function findSystemRegister(id: number): SystemRegister | undefined {
  return byId.get(id);
}

/** Value as MRS gives it. */
export function readSystemRegister(c: SystemContext, register: SystemRegister): bigint {
  if (register.read !== undefined) return register.read(c);
  const { field, element } = register;
  return field === undefined ? register.reset : c.state.view.get64(field, element);
}

/** Writes as MSR does. */
export function writeSystemRegister(
  c: SystemContext,
  register: SystemRegister,
  value: bigint,
): void {
  if (register.write !== undefined) {
    register.write(c, value);
    return;
  }
  const { field, element, mask, reset } = register;
  if (field === undefined) return;
  const { view } = c.state;
  const before = view.get64(field, element);
  const after = (value & mask) | (reset & ~mask);
  view.set64(field, after, element);
  register.changed?.(c, after, before);
}

/** Puts the reset values into the state block. */
export function resetSystemRegisters(c: SystemContext): void {
  const { view } = c.state;
  for (const { field, element, reset } of systemRegisters) {
    if (field !== undefined) view.set64(field, reset, element);
  }
}
