/** System control, translation, exceptions, thread ids, PSTATE: rows of the system register table. */
import { updateFpFast } from "./fp_fast.ts";
import { field } from "./layout.ts";
import { DAIF, SCTLR, SPSR, SPSR_MASK } from "./process_state.ts";
import { define, type SystemContext, type SystemRegister } from "./system_register.ts";

const FPCR = field("fpcr");
const FPSR = field("fpsr");

/**
 * SCTLR_EL1: nTLSMD, LSMAOE, EIS, TSCXT, EOS, SED and ITD are RES1 without AArch32 and FEAT_ExS; of
 * the bits that exist, stack alignment, WFI and WFE without traps and SPAN are set at reset.
 */
const SCTLR_RES1 = 0x30500980n;
const SCTLR_MASK = BigInt(
  SCTLR.M | SCTLR.A | SCTLR.C | SCTLR.SA | SCTLR.SA0 | SCTLR.UMA | SCTLR.I | SCTLR.DZE |
    SCTLR.UCT | SCTLR.nTWI | SCTLR.nTWE | SCTLR.WXN | SCTLR.SPAN | SCTLR.UCI,
);
const SCTLR_RESET = SCTLR_RES1 |
  BigInt(SCTLR.SA | SCTLR.SA0 | SCTLR.nTWI | SCTLR.nTWE | SCTLR.SPAN);
/** Bits whose change the TLBs must not survive. */
const SCTLR_TRANSLATION = BigInt(SCTLR.M | SCTLR.A | SCTLR.WXN);

/** T0SZ..TG1, IPS, AS, TBI0, TBI1; no HA, HD, HPD. */
const TCR_MASK = 0x77_ffffffbfn;
/** ASID and BADDR; no CnP. */
const TTBR_MASK = 0xffffffff_fffffffen;
/** AHP, DN, FZ, RMode; exceptions are not trapped. */
const FPCR_MASK = 0x07c00000n;
/** QC, IDC, IXC, UFC, OFC, DZC, IOC. */
const FPSR_MASK = 0x0800009fn;

const word = 0xffffffffn;
const baseChanged = (c: SystemContext): void => {
  c.mmu.configure();
  c.tlb.contextChanged();
};
const walkChanged = (c: SystemContext, value: bigint, before: bigint): void => {
  c.mmu.configure();
  c.tlb.contextChanged();
  if (value !== before) c.tlb.flushAll();
};

/** The rows, in the order of their encodings. */
export function controlRegisters(): readonly SystemRegister[] {
  return [
    define("SCTLR_EL1", [3, 0, 1, 0, 0], {
      field: field("SCTLR_EL1"),
      mask: SCTLR_MASK,
      reset: SCTLR_RESET,
      changed: (c, value, before) => {
        c.mmu.configure();
        c.state.updateStackAlignment();
        if (((value ^ before) & SCTLR_TRANSLATION) !== 0n) c.tlb.flushAll();
      },
    }),
    define("ACTLR_EL1", [3, 0, 1, 0, 1], { field: field("ACTLR_EL1"), mask: 0n }),
    define("CPACR_EL1", [3, 0, 1, 0, 2], { field: field("CPACR_EL1"), mask: 0x300000n }),
    define("TTBR0_EL1", [3, 0, 2, 0, 0], {
      field: field("TTBR0_EL1"),
      mask: TTBR_MASK,
      changed: baseChanged,
    }),
    define("TTBR1_EL1", [3, 0, 2, 0, 1], {
      field: field("TTBR1_EL1"),
      mask: TTBR_MASK,
      changed: baseChanged,
    }),
    define("TCR_EL1", [3, 0, 2, 0, 2], {
      field: field("TCR_EL1"),
      mask: TCR_MASK,
      changed: walkChanged,
    }),
    define("SPSR_EL1", [3, 0, 4, 0, 0], { field: field("SPSR_EL1"), mask: BigInt(SPSR_MASK) }),
    define("ELR_EL1", [3, 0, 4, 0, 1], { field: field("ELR_EL1") }),
    define("SP_EL0", [3, 0, 4, 1, 0], { field: field("SP_EL0") }),
    define("SPSel", [3, 0, 4, 2, 0], {
      read: (c) => BigInt(c.state.spSel),
      write: (c, value) => c.state.setLevel(1, Number(value & 1n)),
    }),
    define("CurrentEL", [3, 0, 4, 2, 2], {
      el1: "r",
      mask: 0n,
      read: (c) => BigInt(c.state.el << 2),
    }),
    define("PAN", [3, 0, 4, 2, 3], {
      read: (c) => BigInt(c.state.pan !== 0 ? SPSR.PAN : 0),
      write: (c, value) => {
        c.state.pan = Number((value >> 22n) & 1n);
      },
    }),
    define("AFSR0_EL1", [3, 0, 5, 1, 0], { field: field("AFSR0_EL1"), mask: 0n }),
    define("AFSR1_EL1", [3, 0, 5, 1, 1], { field: field("AFSR1_EL1"), mask: 0n }),
    define("ESR_EL1", [3, 0, 5, 2, 0], { field: field("ESR_EL1"), mask: word }),
    define("FAR_EL1", [3, 0, 6, 0, 0], { field: field("FAR_EL1") }),
    define("PAR_EL1", [3, 0, 7, 4, 0], { field: field("PAR_EL1") }),
    define("MAIR_EL1", [3, 0, 10, 2, 0], { field: field("MAIR_EL1"), changed: walkChanged }),
    define("AMAIR_EL1", [3, 0, 10, 3, 0], { field: field("AMAIR_EL1"), mask: 0n }),
    define("VBAR_EL1", [3, 0, 12, 0, 0], {
      field: field("VBAR_EL1"),
      mask: 0xffffffff_fffff800n,
    }),
    define("RVBAR_EL1", [3, 0, 12, 0, 1], { el1: "r", mask: 0n }),
    define("ISR_EL1", [3, 0, 12, 1, 0], {
      el1: "r",
      mask: 0n,
      read: (c) => BigInt(c.inputs.levels),
    }),
    define("CONTEXTIDR_EL1", [3, 0, 13, 0, 1], { field: field("CONTEXTIDR_EL1"), mask: word }),
    define("TPIDR_EL1", [3, 0, 13, 0, 4], { field: field("TPIDR_EL1") }),
    define("NZCV", [3, 3, 4, 2, 0], {
      el0: "rw",
      read: (c) => BigInt(c.state.nzcv >>> 0),
      write: (c, value) => {
        c.state.nzcv = Number(value & 0xf0000000n);
      },
    }),
    define("DAIF", [3, 3, 4, 2, 1], {
      el0: "rw",
      trapped: (c) => (c.state.sctlr & SCTLR.UMA) === 0,
      read: (c) => BigInt(c.state.daif),
      write: (c, value) => {
        c.state.daif = Number(value & BigInt(DAIF.all));
      },
    }),
    define("FPCR", [3, 3, 4, 4, 0], {
      el0: "rw",
      floatingPoint: true,
      read: (c) => BigInt(c.state.view.get32(FPCR)),
      write: (c, value) => {
        c.state.view.set32(FPCR, Number(value & FPCR_MASK));
        updateFpFast(c.state.view);
      },
    }),
    define("FPSR", [3, 3, 4, 4, 1], {
      el0: "rw",
      floatingPoint: true,
      read: (c) => BigInt(c.state.view.get32(FPSR)),
      write: (c, value) => {
        c.state.view.set32(FPSR, Number(value & FPSR_MASK));
        updateFpFast(c.state.view);
      },
    }),
    define("TPIDR_EL0", [3, 3, 13, 0, 2], { el0: "rw", field: field("TPIDR_EL0") }),
    define("TPIDRRO_EL0", [3, 3, 13, 0, 3], { el0: "r", field: field("TPIDRRO_EL0") }),
  ];
}
