/** Assembler syntax of the system instructions: their rows carry no templates of their own. */
import type { FieldValues, Format } from "../../engine/disassembler.ts";
import { systemRegisters } from "./system_registers.ts";

/** Hints with a name, by CRm:op2. */
const HINTS: { readonly [hint: number]: string } = {
  0: "nop",
  1: "yield",
  6: "dgh",
  7: "xpaclri",
  8: "pacia1716",
  10: "pacib1716",
  12: "autia1716",
  14: "autib1716",
  16: "esb",
  17: "psb csync",
  18: "tsb csync",
  20: "csdb",
  24: "paciaz",
  25: "paciasp",
  26: "pacibz",
  27: "pacibsp",
  28: "autiaz",
  29: "autiasp",
  30: "autibz",
  31: "autibsp",
  32: "bti",
  34: "bti c",
  36: "bti j",
  38: "bti jc",
};

/** Barrier options by CRm; empty where there is only a number. */
const BARRIERS: readonly string[] = [
  ...["", "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh"],
  ...["", "ishld", "ishst", "ish", "", "ld", "st", "sy"],
];

/** Cache, translation and TLB instructions by op1:CRn:CRm:op2; a `-` in front: no register. */
const OPERATIONS: ReadonlyMap<number, string> = new Map(
  ([
    [0, 7, 1, 0, "-ic ialluis"],
    [0, 7, 5, 0, "-ic iallu"],
    [3, 7, 5, 1, "ic ivau"],
    [0, 7, 6, 1, "dc ivac"],
    [0, 7, 6, 2, "dc isw"],
    [0, 7, 10, 2, "dc csw"],
    [0, 7, 14, 2, "dc cisw"],
    [3, 7, 4, 1, "dc zva"],
    [3, 7, 10, 1, "dc cvac"],
    [3, 7, 11, 1, "dc cvau"],
    [3, 7, 12, 1, "dc cvap"],
    [3, 7, 14, 1, "dc civac"],
    [0, 7, 8, 0, "at s1e1r"],
    [0, 7, 8, 1, "at s1e1w"],
    [0, 7, 8, 2, "at s1e0r"],
    [0, 7, 8, 3, "at s1e0w"],
    [0, 7, 9, 0, "at s1e1rp"],
    [0, 7, 9, 1, "at s1e1wp"],
    ...([[3, "is"], [7, ""]] as const).flatMap(([crm, shareable]) => ([
      [0, 8, crm, 0, `-tlbi vmalle1${shareable}`],
      [0, 8, crm, 1, `tlbi vae1${shareable}`],
      [0, 8, crm, 2, `tlbi aside1${shareable}`],
      [0, 8, crm, 3, `tlbi vaae1${shareable}`],
      [0, 8, crm, 5, `tlbi vale1${shareable}`],
      [0, 8, crm, 7, `tlbi vaale1${shareable}`],
    ] as const)),
  ] as const).map(([op1, crn, crm, op2, name]): [number, string] => [
    (op1 << 11) | (crn << 7) | (crm << 3) | op2,
    name,
  ]),
);

/** Registers of devices, which the table of the CPU does not have: op1, CRn, CRm, op2 with op0 = 3. */
const DEVICE_REGISTERS = ([
  [0, 4, 6, 0, "icc_pmr_el1"],
  [0, 12, 8, 0, "icc_iar0_el1"],
  [0, 12, 8, 1, "icc_eoir0_el1"],
  [0, 12, 8, 2, "icc_hppir0_el1"],
  [0, 12, 8, 3, "icc_bpr0_el1"],
  ...[0, 1, 2, 3].flatMap((
    n,
  ) => ([[0, 12, 8, 4 + n, `icc_ap0r${n}_el1`], [0, 12, 9, n, `icc_ap1r${n}_el1`]] as const)),
  [0, 12, 11, 1, "icc_dir_el1"],
  [0, 12, 11, 3, "icc_rpr_el1"],
  [0, 12, 11, 5, "icc_sgi1r_el1"],
  [0, 12, 11, 6, "icc_asgi1r_el1"],
  [0, 12, 11, 7, "icc_sgi0r_el1"],
  [0, 12, 12, 0, "icc_iar1_el1"],
  [0, 12, 12, 1, "icc_eoir1_el1"],
  [0, 12, 12, 2, "icc_hppir1_el1"],
  [0, 12, 12, 3, "icc_bpr1_el1"],
  [0, 12, 12, 4, "icc_ctlr_el1"],
  [0, 12, 12, 5, "icc_sre_el1"],
  [0, 12, 12, 6, "icc_igrpen0_el1"],
  [0, 12, 12, 7, "icc_igrpen1_el1"],
  [0, 14, 1, 0, "cntkctl_el1"],
  [3, 14, 0, 0, "cntfrq_el0"],
  [3, 14, 0, 1, "cntpct_el0"],
  [3, 14, 0, 2, "cntvct_el0"],
  [3, 14, 2, 0, "cntp_tval_el0"],
  [3, 14, 2, 1, "cntp_ctl_el0"],
  [3, 14, 2, 2, "cntp_cval_el0"],
  [3, 14, 3, 0, "cntv_tval_el0"],
  [3, 14, 3, 1, "cntv_ctl_el0"],
  [3, 14, 3, 2, "cntv_cval_el0"],
] as const).map(([op1, crn, crm, op2, name]): [number, string] => [
  0xc000 | (op1 << 11) | (crn << 7) | (crm << 3) | op2,
  name,
]);

const REGISTERS: ReadonlyMap<number, string> = new Map([
  ...systemRegisters.map(({ id, name }): [number, string] => [id, name.toLowerCase()]),
  ...DEVICE_REGISTERS,
]);

/** Bits high:low. */
const bits = (value: number | bigint, high: number, low: number): number =>
  (Number(value) >> low) & ((1 << (high - low + 1)) - 1);

/** s<op0>_<op1>_c<n>_c<m>_<op2> for registers without a name. */
function registerName(value: number | bigint): string {
  const id = 0x8000 | Number(value);
  const name = REGISTERS.get(id);
  if (name !== undefined) return name;
  const [op0, op1] = [id >> 14, bits(id, 13, 11)];
  return `s${op0}_${op1}_c${bits(id, 10, 7)}_c${bits(id, 6, 3)}_${bits(id, 2, 0)}`;
}

/** #op1, Cn, Cm, #op2 */
function operation(value: number | bigint): string {
  return `#${bits(value, 13, 11)}, C${bits(value, 10, 7)}, C${bits(value, 6, 3)}, #${
    bits(value, 2, 0)
  }`;
}

/** Formats that only these instructions use. */
export const systemFormats: { readonly [name: string]: Format } = {
  sysreg: registerName,
  operation,
  hint: (value) => HINTS[Number(value)] ?? `hint #0x${value.toString(16)}`,
  option: (value) => {
    const name = BARRIERS[Number(value)];
    return name === "" ? `#0x${value.toString(16).padStart(2, "0")}` : name;
  },
};

type Alias = (f: FieldValues) => string | undefined;

function system(f: FieldValues): string {
  const name = OPERATIONS.get(Number(f.rawSystem));
  const bare = f.rawRt === 31;
  if (name === undefined || (name.startsWith("-") && !bare)) {
    return `sys {rawSystem:operation}${bare ? "" : ", {rawRt:x}"}`;
  }
  return name.startsWith("-") ? name.slice(1) : `${name}, {rawRt:x}`;
}

/** Templates by name of row. */
export const systemTemplates: { readonly [row: string]: Alias } = {
  SVC: () => "svc {rawImm:hex}",
  HVC: () => "hvc {rawImm:hex}",
  SMC: () => "smc {rawImm:hex}",
  BRK: () => "brk {rawImm:hex}",
  ERET: () => "eret",
  WFE: () => "wfe",
  WFI: () => "wfi",
  SEV: () => "sev",
  SEVL: () => "sevl",
  HINT: () => "{rawHint:hint}",
  DSB: (f) => f.rawCRm === 0 ? "ssbb" : f.rawCRm === 4 ? "pssbb" : "dsb {rawCRm:option}",
  DMB: () => "dmb {rawCRm:option}",
  ISB: (f) => f.rawCRm === 15 ? "isb" : "isb {rawCRm:hex}",
  "MSR (DAIFSet)": () => "msr daifset, {immM:hex}",
  "MSR (DAIFClr)": () => "msr daifclr, {immM:hex}",
  "MSR (PAN)": () => "msr pan, {rawCRm:hex}",
  "MSR (SPSel)": () => "msr spsel, {rawCRm:hex}",
  MRS: () => "mrs {rawRt:x}, {rawSystem:sysreg}",
  "MSR (register)": () => "msr {rawSystem:sysreg}, {rawRt:x}",
  "DC ZVA": () => "dc zva, {Rt:x}",
  SYS: system,
  SYSL: () => "sysl {rawRt:x}, {rawSystem:operation}",
};
