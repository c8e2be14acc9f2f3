/** Identification, cache geometry: the read-only part of the system register table (D17.2). */
import {
  CCSIDR,
  CLIDR,
  CTR,
  DCZID,
  DCZID_DZP,
  idRegisters,
  MIDR,
  PFR0_GIC,
  REVIDR,
} from "./id_registers.ts";
import { field } from "./layout.ts";
import { SCTLR } from "./process_state.ts";
import { constant, define, type SystemRegister } from "./system_register.ts";

const CSSELR = field("CSSELR_EL1");

/** The rows, in the order of their encodings. */
export function identificationRegisters(): readonly SystemRegister[] {
  return [
    constant("MIDR_EL1", [3, 0, 0, 0, 0], MIDR),
    define("MPIDR_EL1", [3, 0, 0, 0, 5], { el1: "r", mask: 0n, read: (c) => c.mpidr }),
    constant("REVIDR_EL1", [3, 0, 0, 0, 6], REVIDR),
    ...features(),
    define("CCSIDR_EL1", [3, 1, 0, 0, 0], {
      el1: "r",
      mask: 0n,
      read: (c) => BigInt(CCSIDR[c.state.view.low(CSSELR)] ?? 0),
    }),
    constant("CLIDR_EL1", [3, 1, 0, 0, 1], CLIDR),
    constant("AIDR_EL1", [3, 1, 0, 0, 7], 0n),
    define("CSSELR_EL1", [3, 2, 0, 0, 0], { field: CSSELR, mask: 0xfn }),
    define("CTR_EL0", [3, 3, 0, 0, 1], {
      el0: "r",
      el1: "r",
      mask: 0n,
      reset: BigInt(CTR),
      trapped: (c) => (c.state.sctlr & SCTLR.UCT) === 0,
    }),
    define("DCZID_EL0", [3, 3, 0, 0, 7], {
      el0: "r",
      el1: "r",
      mask: 0n,
      read: (c) => {
        const prohibited = c.state.el === 0 && (c.state.sctlr & SCTLR.DZE) === 0;
        return BigInt(prohibited ? DCZID | DCZID_DZP : DCZID);
      },
    }),
  ];
}

/** op0 = 3, op1 = 0, CRn = 0, CRm = 1..7: what is not defined reads as zero. */
function features(): SystemRegister[] {
  const rows: SystemRegister[] = [];
  for (let crm = 1; crm <= 7; crm++) {
    for (let op2 = 0; op2 <= 7; op2++) {
      const known = idRegisters.find((r) => r.crm === crm && r.op2 === op2);
      const name = known?.name ?? `S3_0_C0_C${crm}_${op2}`;
      const value = known?.value ?? 0n;
      rows.push(
        name === "ID_AA64PFR0_EL1"
          ? define(name, [3, 0, 0, crm, op2], {
            el1: "r",
            mask: 0n,
            reset: value,
            read: (c) => c.gicV3 ? value | PFR0_GIC : value,
          })
          : constant(name, [3, 0, 0, crm, op2], value),
      );
    }
  }
  return rows;
}
