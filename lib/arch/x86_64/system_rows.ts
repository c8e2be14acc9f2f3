/**
 * System instructions: segment registers, far transfers, interrupts, control registers, ports (SDM
 * volume 3, 2.8; volume 2). Most are the host's: see host_instructions.ts.
 */
import type { Builder } from "../../engine/builder.ts";
import { Fault } from "./fault_numbers.ts";
import { field } from "./layout.ts";
import type { Operands } from "./operands.ts";
import { RFLAGS } from "./registers.ts";
import { x86, x86Host, type X86Row, type X86Semantics } from "./row.ts";
import { push } from "./rows_stack.ts";
import { fromI32 } from "./sized.ts";
import { Segment } from "./state.ts";

const selector = field("selector");
const segmentBase = field("segmentBase");
const kernelGsBase = field("kernelGsBase");
const tscAux = field("tscAux");
const rflags = field("rflags");
const shadow = field("shadow");
const interrupts = field("interrupts");

/** [] -> [value] selector of a segment register, 2, 4 or 8 bytes. */
function getSelector(b: Builder, number: number, size: number): void {
  b.getState(selector, number + 1);
  fromI32(b, size);
}

const moveFromSegment: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  getSelector(b, o[1].number, o[0].size);
  o[0].set(b);
};

const pushSegment: X86Semantics = (b, o) =>
  push(b, o, o.size, () => getSelector(b, o[0].number, o.size));

/** CLI where CPL is 0: nothing has to be asked. */
const clearInterruptFlag: X86Semantics = (b) => {
  b.getState(rflags);
  b.i32_const(~RFLAGS.IF).i32_and();
  b.setState(rflags);
};

/** STI where CPL is 0. The instruction behind it is not interrupted, if interrupts were off. */
const setInterruptFlag: X86Semantics = (b) => {
  b.getState(rflags);
  b.i32_const(RFLAGS.IF).i32_and().i32_eqz().if_();
  b.nextPc();
  b.setState(shadow);
  b.end();
  b.getState(rflags);
  b.i32_const(RFLAGS.IF).i32_or();
  b.setState(rflags);
  b.getState(interrupts);
  b.faultIf(Fault.interruptUnmasked);
};

const swapGs: X86Semantics = (b) => {
  b.getState(segmentBase, Segment.gs);
  b.getState(kernelGsBase);
  b.setState(segmentBase, Segment.gs);
  b.setState(kernelGsBase);
};

const readBase = (segment: number): X86Semantics => (b, o) => {
  b.getState(segmentBase, segment);
  if (o[0].size === 4) b.i32_wrap_i64();
  o[0].set(b);
};

/** [i64] -> [i32] whether an address is not canonical. */
function notCanonical(b: Builder, address: number): void {
  b.local_get(address).i64_const32(16).i64_shl().i64_const32(16).i64_shr_s();
  b.local_get(address).i64_ne();
}

const writeBase = (segment: number): X86Semantics => (b, o) => {
  const base = b.temp("i64");
  o[0].get(b);
  if (o[0].size === 4) b.i64_extend_i32_u();
  b.local_set(base);
  notCanonical(b, base);
  b.faultIf(Fault.generalProtection);
  b.local_get(base);
  b.setState(segmentBase, segment);
};

const readAux: X86Semantics = (b, o: Operands) => {
  b.getState(tscAux);
  if (o[0].size === 4) b.i32_wrap_i64();
  o[0].set(b);
};

/** There are no caches. */
const nothing: X86Semantics = () => {};

const FIXED = ["ES", "CS", "SS", "DS", "FS", "GS"];

export const systemRows: readonly X86Row[] = [
  // Segment registers.
  x86("MOV Rv,S", "8c /r", "base", moveFromSegment),
  x86("MOV Mw,S", "8c /r", "base", moveFromSegment),
  x86Host("MOV S,Ew", "8e /r", "base", "mov sreg"),
  ...FIXED.slice(0, 4).map((name, n) =>
    x86(`PUSH ${name}`, byte(0x06 + 8 * n), "base", pushSegment, { i64: true, sized: true })
  ),
  ...FIXED.slice(4).map((name, n) =>
    x86(`PUSH ${name}`, `0f ${byte(0xa0 + 8 * n)}`, "base", pushSegment, { d64: true, sized: true })
  ),
  ...[0, 2, 3].map((n) =>
    x86Host(`POP ${FIXED[n]}`, byte(0x07 + 8 * n), "base", "pop sreg", { i64: true, sized: true })
  ),
  ...FIXED.slice(4).map((name, n) =>
    x86Host(`POP ${name}`, `0f ${byte(0xa1 + 8 * n)}`, "base", "pop sreg", {
      d64: true,
      sized: true,
    })
  ),
  x86Host("LES Gv,Mp", "c4 /r", "base", "les", { i64: true }),
  x86Host("LDS Gv,Mp", "c5 /r", "base", "lds", { i64: true }),
  x86Host("LSS Gv,Mp", "0f b2 /r", "base", "lss"),
  x86Host("LFS Gv,Mp", "0f b4 /r", "base", "lfs"),
  x86Host("LGS Gv,Mp", "0f b5 /r", "base", "lgs"),
  x86("SWAPGS", "0f 01 f8", "cpl0", swapGs, { o64: true }),
  x86("RDFSBASE Ry", "f3 0f ae /0", "fsgsbase", readBase(Segment.fs), { o64: true }),
  x86("RDGSBASE Ry", "f3 0f ae /1", "fsgsbase", readBase(Segment.gs), { o64: true }),
  x86("WRFSBASE Ry", "f3 0f ae /2", "fsgsbase", writeBase(Segment.fs), { o64: true }),
  x86("WRGSBASE Ry", "f3 0f ae /3", "fsgsbase", writeBase(Segment.gs), { o64: true }),

  // Descriptor tables and descriptors.
  x86Host("SGDT M0", "0f 01 /0", "base", "sgdt", { sized: true }),
  x86Host("SIDT M0", "0f 01 /1", "base", "sidt", { sized: true }),
  x86Host("LGDT M0", "0f 01 /2", "base", "lgdt", { sized: true }),
  x86Host("LIDT M0", "0f 01 /3", "base", "lidt", { sized: true }),
  x86Host("SLDT Rv", "0f 00 /0", "base", "sldt", { protectedOnly: true }),
  x86Host("SLDT Mw", "0f 00 /0", "base", "sldt", { protectedOnly: true }),
  x86Host("STR Rv", "0f 00 /1", "base", "str", { protectedOnly: true }),
  x86Host("STR Mw", "0f 00 /1", "base", "str", { protectedOnly: true }),
  x86Host("LLDT Ew", "0f 00 /2", "base", "lldt", { protectedOnly: true }),
  x86Host("LTR Ew", "0f 00 /3", "base", "ltr", { protectedOnly: true }),
  x86Host("VERR Ew", "0f 00 /4", "base", "verr", { protectedOnly: true }),
  x86Host("VERW Ew", "0f 00 /5", "base", "verw", { protectedOnly: true }),
  x86Host("LAR Gv,Ew", "0f 02 /r", "base", "lar", { protectedOnly: true }),
  x86Host("LSL Gv,Ew", "0f 03 /r", "base", "lsl", { protectedOnly: true }),
  x86Host("ARPL Ew,Gw", "63 /r", "base", "arpl", { i64: true, protectedOnly: true }),

  // Far transfers and interrupts.
  x86Host("CALLF A", "9a", "base", "call far", { i64: true, sized: true }),
  x86Host("JMPF A", "ea", "base", "jmp far", { i64: true, sized: true }),
  x86Host("CALLF Mp", "ff /3", "base", "call far", { sized: true }),
  x86Host("JMPF Mp", "ff /5", "base", "jmp far", { sized: true }),
  x86Host("RETF Iw", "ca", "base", "ret far", { sized: true }),
  x86Host("RETF", "cb", "base", "ret far", { sized: true }),
  x86Host("INT3", "cc", "base", "int3"),
  x86Host("INT Ib", "cd", "base", "int"),
  x86Host("INTO", "ce", "base", "into", { i64: true }),
  x86Host("IRET", "cf", "base", "iret", { sized: true }),
  x86Host("INT1", "f1", "base", "int1"),
  x86Host("SYSCALL", "0f 05", "base", "syscall", { o64: true }),
  x86Host("SYSRET", "0f 07", "base", "sysret", { o64: true, sized: true }),
  x86Host("SYSENTER", "0f 34", "base", "sysenter"),
  x86Host("SYSEXIT", "0f 35", "base", "sysexit", { sized: true }),
  x86Host("RSM", "0f aa", "base", "rsm"),

  // Flags of system code, and waiting.
  x86("CLI", "fa", "cpl0", clearInterruptFlag),
  x86("STI", "fb", "cpl0", setInterruptFlag),
  x86Host("POPF", "9d", "base", "popf", { d64: true, sized: true }),
  x86Host("STAC", "NP 0f 01 cb", "base", "stac"),
  x86Host("CLAC", "NP 0f 01 ca", "base", "clac"),
  x86Host("HLT", "f4", "base", "hlt"),

  // Control, debug and model-specific registers.
  x86Host("MOV Ry,C", "0f 20 /r", "base", "mov from cr", { f64: true }),
  x86Host("MOV C,Ry", "0f 22 /r", "base", "mov to cr", { f64: true }),
  x86Host("MOV Ry,D", "0f 21 /r", "base", "mov from dr", { f64: true }),
  x86Host("MOV D,Ry", "0f 23 /r", "base", "mov to dr", { f64: true }),
  x86Host("SMSW Rv", "0f 01 /4", "base", "smsw"),
  x86Host("SMSW Mw", "0f 01 /4", "base", "smsw"),
  x86Host("LMSW Ew", "0f 01 /6", "base", "lmsw"),
  x86Host("CLTS", "0f 06", "base", "clts"),
  x86Host("INVLPG M0", "0f 01 /7", "base", "invlpg"),
  x86Host("INVPCID Gy,M16", "66 0f 38 82 /r", "base", "invpcid", {
    f64: true,
    protectedOnly: true,
  }),
  x86("INVD", "0f 08", "cpl0", nothing),
  x86("WBINVD", "0f 09", "cpl0", nothing),
  x86Host("RDMSR", "0f 32", "base", "rdmsr"),
  x86Host("WRMSR", "0f 30", "base", "wrmsr"),

  // Identification, time, entropy.
  x86Host("CPUID", "0f a2", "base", "cpuid"),
  x86Host("RDTSC", "0f 31", "base", "rdtsc"),
  x86Host("RDTSCP", "0f 01 f9", "base", "rdtscp"),
  x86Host("RDPMC", "0f 33", "base", "rdpmc"),
  x86Host("RDRAND Rv", "NFx 0f c7 /6", "base", "rdrand"),
  x86Host("RDSEED Rv", "NFx 0f c7 /7", "base", "rdseed"),
  x86("RDPID Ry", "f3 0f c7 /7", "base", readAux, { f64: true }),

  // Ports.
  x86Host("IN AL,Ib", "e4", "base", "in"),
  x86Host("IN eAX,Ib", "e5", "base", "in"),
  x86Host("OUT Ib,AL", "e6", "base", "out"),
  x86Host("OUT Ib,eAX", "e7", "base", "out"),
  x86Host("IN AL,DX", "ec", "base", "in"),
  x86Host("IN eAX,DX", "ed", "base", "in"),
  x86Host("OUT DX,AL", "ee", "base", "out"),
  x86Host("OUT DX,eAX", "ef", "base", "out"),
  x86Host("INS Yb,DX", "6c", "base", "ins"),
  x86Host("INS Yz,DX", "6d", "base", "ins"),
  x86Host("OUTS DX,Xb", "6e", "base", "outs"),
  x86Host("OUTS DX,Xz", "6f", "base", "outs"),
  x86Host("REP INS Yb,DX", "REP 6c", "base", "ins"),
  x86Host("REP INS Yz,DX", "REP 6d", "base", "ins"),
  x86Host("REP OUTS DX,Xb", "REP 6e", "base", "outs"),
  x86Host("REP OUTS DX,Xz", "REP 6f", "base", "outs"),
];

/** Two hexadecimal digits. */
function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
