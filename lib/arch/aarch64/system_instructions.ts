/**
 * Branches, exception generating and system instructions (Arm ARM, C4.1.66): hints, barriers, moves
 * to and from PSTATE and system registers, system instructions, exceptions and their return.
 * HLT and DCPS are UNDEFINED without halting debug, DRPS outside Debug state: they have no rows.
 *
 * Frequent ones have semantics. Those that EL0 may not use belong to the feature "EL1" (or a finer
 * one, see mode.ts): where it is off, the host decides what happens.
 */
import type { Builder } from "../../engine/builder.ts";
import type { StateField } from "../../engine/layout.ts";
import { hostRow, type Operand, type Row, row } from "../../engine/row.ts";
import { systemRegister } from "../../devices/vbus/device.ts";
import { Fault } from "./faults.ts";
import { Flags, pushNzcv } from "./flags.ts";
import { CTR, DCZID, ZVA_BYTES } from "./id_registers.ts";
import { field } from "./layout.ts";
import { DAIF, SPSR_MASK } from "./process_state.ts";

const FEAT = "FEAT_AA64";

const daif = field("daif");
const interrupts = field("interrupts");
const fpcr = field("fpcr");
const fpsr = field("fpsr");

/** Fields of a hint that the host executes. */
const HINT = { WFE: 2, WFI: 3, SEV: 4, SEVL: 5 } as const;
/** DC ZVA in a SYS instruction: op1, CRn, CRm, op2. */
const DC_ZVA = (3 << 11) | (7 << 7) | (4 << 3) | 1;

const nothing = (): void => {};

/** [] -> [] leaves if an interrupt is pending that the new DAIF lets through. The last thing to do. */
function checkInterrupts(b: Builder): void {
  b.getState(interrupts);
  b.getState(daif);
  b.i32_const(-1).i32_xor().i32_and();
  b.faultIf(Fault.interruptUnmasked);
}

/** A bit pattern whose only field is Rt. */
type MovePattern = "1101010100 1 1 1 000 0000 0000 000 Rt:5";

/** Bits of MRS (`read`) or MSR of a register with op0 = 3. */
function movePattern(read: boolean, id: number): MovePattern {
  const bits = (shift: number, width: number): string =>
    ((id >>> shift) & ((1 << width) - 1)).toString(2).padStart(width, "0");
  return `1101010100 ${read ? 1 : 0} 1 1 ${bits(11, 3)} ${bits(7, 4)} ${bits(3, 4)} ${
    bits(0, 3)
  } Rt:5` as MovePattern;
}

/** A system register that semantics read or write in place. */
interface DirectRegister {
  readonly name: string;
  readonly id: number;
  readonly read?: (b: Builder, rt: Operand) => void;
  /** Feature that a read needs. */
  readonly readFeature: string;
  readonly write?: (b: Builder, rt: Operand) => void;
  readonly writeFeature: string;
}

/** A register whose reads and writes are plain moves from and to a field of 64 bits. */
function plain(
  name: string,
  id: number,
  feature: string,
  access: "r" | "rw",
  mask?: number,
): DirectRegister {
  const f: StateField = field(name);
  const read = (b: Builder, rt: Operand): void => {
    b.getState(f);
    b.set(rt);
  };
  const write = (b: Builder, rt: Operand): void => {
    b.get(rt);
    if (mask !== undefined) b.i64_const_parts(mask | 0, 0).i64_and();
    b.setState(f);
  };
  const base = { name, id, read, readFeature: feature, writeFeature: feature };
  return access === "r" ? base : { ...base, write };
}

/** Reads of a 32-bit field. */
function readWord(name: string, id: number, f: StateField, feature: string): DirectRegister {
  const read = (b: Builder, rt: Operand): void => {
    b.getState(f);
    b.set32(rt);
  };
  return { name, id, read, readFeature: feature, writeFeature: feature };
}

/** Reads of a constant below 2^32. */
function readConstant(name: string, id: number, value: number, feature: string): DirectRegister {
  const read = (b: Builder, rt: Operand): void => {
    b.i32_const(value | 0);
    b.set32(rt);
  };
  return { name, id, read, readFeature: feature, writeFeature: feature };
}

const direct: readonly DirectRegister[] = [
  plain("SPSR_EL1", systemRegister(3, 0, 4, 0, 0), "EL1", "rw", SPSR_MASK),
  plain("ELR_EL1", systemRegister(3, 0, 4, 0, 1), "EL1", "rw"),
  plain("SP_EL0", systemRegister(3, 0, 4, 1, 0), "EL1h", "rw"),
  readConstant("CurrentEL", systemRegister(3, 0, 4, 2, 2), 1 << 2, "EL1"),
  plain("ESR_EL1", systemRegister(3, 0, 5, 2, 0), "EL1", "r"),
  plain("FAR_EL1", systemRegister(3, 0, 6, 0, 0), "EL1", "r"),
  plain("TTBR0_EL1", systemRegister(3, 0, 2, 0, 0), "EL1", "r"),
  plain("TTBR1_EL1", systemRegister(3, 0, 2, 0, 1), "EL1", "r"),
  plain("TPIDR_EL1", systemRegister(3, 0, 13, 0, 4), "EL1", "rw"),
  plain("TPIDR_EL0", systemRegister(3, 3, 13, 0, 2), FEAT, "rw"),
  plain("TPIDRRO_EL0", systemRegister(3, 3, 13, 0, 3), FEAT, "r"),
  readConstant("CTR_EL0", systemRegister(3, 3, 0, 0, 1), CTR, "UCT"),
  readConstant("DCZID_EL0", systemRegister(3, 3, 0, 0, 7), DCZID, "DZE"),
  readWord("FPCR", systemRegister(3, 3, 4, 4, 0), fpcr, "FEAT_FP"),
  readWord("FPSR", systemRegister(3, 3, 4, 4, 1), fpsr, "FEAT_FP"),
  {
    name: "NZCV",
    id: systemRegister(3, 3, 4, 2, 0),
    read: (b, rt) => {
      pushNzcv(b);
      b.i32_const(28).i32_shl();
      b.set32(rt);
    },
    readFeature: FEAT,
    write: (b, rt) => {
      b.get(rt);
      b.i64_const32(28).i64_shr_u().i64_const32(15).i64_and();
      b.setFlags(Flags.nzcv);
    },
    writeFeature: FEAT,
  },
  {
    name: "DAIF",
    id: systemRegister(3, 3, 4, 2, 1),
    read: (b, rt) => {
      b.getState(daif);
      b.set32(rt);
    },
    readFeature: "EL1",
    write: (b, rt) => {
      b.get32(rt);
      b.i32_const(DAIF.all).i32_and();
      b.setState(daif);
      checkInterrupts(b);
    },
    writeFeature: "EL1",
  },
];

const directReads: ReadonlySet<number> = new Set(
  direct.filter((r) => r.read !== undefined).map((r) => r.id),
);
const directWrites: ReadonlySet<number> = new Set(
  direct.filter((r) => r.write !== undefined).map((r) => r.id),
);

/** Number of a system register from o0:op1:CRn:CRm:op2. */
const idOf = (system: number): number => 0x8000 | system;

function moveRows(): Row[] {
  const rows: Row[] = [];
  for (const { name, id, read, readFeature, write, writeFeature } of direct) {
    if (read !== undefined) {
      rows.push(
        row(movePattern(true, id), `MRS (${name})`, readFeature, (b, f) => read(b, f.Rt), {
          asm: `mrs {Rt}, ${name.toLowerCase()}`,
        }),
      );
    }
    if (write !== undefined) {
      rows.push(
        row(movePattern(false, id), `MSR (${name})`, writeFeature, (b, f) => write(b, f.Rt), {
          asm: `msr ${name.toLowerCase()}, {Rt}`,
        }),
      );
    }
  }
  return rows;
}

export const systemInstructionRows: readonly Row[] = [
  // ---- exception generation and return
  hostRow("11010100 000 rawImm:16 000 01", "SVC", FEAT, "svc"),
  hostRow("11010100 000 rawImm:16 000 10", "HVC", FEAT, "hvc"),
  hostRow("11010100 000 rawImm:16 000 11", "SMC", FEAT, "smc"),
  hostRow("11010100 001 rawImm:16 000 00", "BRK", FEAT, "brk"),
  hostRow("1101011 0100 11111 000000 11111 00000", "ERET", FEAT, "eret"),

  // ---- hints
  hostRow("1101010100 0 00 011 0010 0000 010 11111", "WFE", FEAT, "wfe"),
  hostRow("1101010100 0 00 011 0010 0000 011 11111", "WFI", FEAT, "wfi"),
  hostRow("1101010100 0 00 011 0010 0000 100 11111", "SEV", FEAT, "sev"),
  hostRow("1101010100 0 00 011 0010 0000 101 11111", "SEVL", FEAT, "sevl"),
  row("1101010100 0 00 011 0010 rawHint:7 11111", "HINT", FEAT, nothing, {
    when: (f) => f.rawHint < HINT.WFE || f.rawHint > HINT.SEVL,
  }),

  // ---- barriers: vCPUs take turns, and stores to code are seen at once
  row("1101010100 0 00 011 0011 rawCRm:4 100 11111", "DSB", FEAT, nothing),
  row("1101010100 0 00 011 0011 rawCRm:4 101 11111", "DMB", FEAT, nothing),
  row("1101010100 0 00 011 0011 rawCRm:4 110 11111", "ISB", FEAT, nothing),

  // ---- PSTATE
  row("1101010100 0 00 011 0100 immM:4 110 11111", "MSR (DAIFSet)", "EL1", (b, f) => {
    b.getState(daif);
    b.imm32(f.immM);
    b.i32_const(6).i32_shl().i32_or();
    b.setState(daif);
  }),
  row("1101010100 0 00 011 0100 immM:4 111 11111", "MSR (DAIFClr)", "EL1", (b, f) => {
    b.getState(daif);
    b.imm32(f.immM);
    b.i32_const(6).i32_shl().i32_const(-1).i32_xor().i32_and();
    b.setState(daif);
    checkInterrupts(b);
  }),
  hostRow("1101010100 0 00 000 0100 rawCRm:4 100 11111", "MSR (PAN)", "FEAT_PAN", "msrPan"),
  hostRow("1101010100 0 00 000 0100 rawCRm:4 101 11111", "MSR (SPSel)", FEAT, "msrSpSel"),

  // ---- system registers
  ...moveRows(),
  hostRow("1101010100 1 1 rawSystem:15 rawRt:5", "MRS", FEAT, "mrs", {
    when: (f) => !directReads.has(idOf(f.rawSystem)),
  }),
  hostRow("1101010100 0 1 rawSystem:15 rawRt:5", "MSR (register)", FEAT, "msr", {
    when: (f) => !directWrites.has(idOf(f.rawSystem)),
  }),

  // ---- system instructions
  row("1101010100 0 01 011 0111 0100 001 Rt:5", "DC ZVA", "DZE", (b, f) => {
    const host = b.temp("i32");
    b.get(f.Rt);
    b.i64_const32(-ZVA_BYTES).i64_and();
    b.writeAddress(ZVA_BYTES);
    b.local_set(host);
    for (let offset = 0; offset < ZVA_BYTES; offset += 16) {
      b.local_get(host).v128_const(0n, 0n).v128_store(offset);
    }
  }),
  hostRow("1101010100 0 01 rawSystem:14 rawRt:5", "SYS", FEAT, "sys", {
    when: (f) => f.rawSystem !== DC_ZVA,
  }),
  hostRow("1101010100 1 01 rawSystem:14 rawRt:5", "SYSL", FEAT, "sysl"),
];
