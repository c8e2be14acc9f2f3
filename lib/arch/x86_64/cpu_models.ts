/**
 * Processor models: what CPUID tells, by name. None claims what is not implemented.
 *
 * Every model is an Intel Atom of the in-order kind (family 6, model 28): Linux then knows that there
 * is no speculation to mitigate, and takes the frequencies of TSC and APIC timer from CPUID leaf 0x15.
 */
import type { X86CpuName } from "../../config/machine_config.ts";
import { CR4, EFER } from "./registers.ts";
import type { ControlBits } from "./control_registers.ts";

/** Registers of CPUID that have feature bits, by leaf. */
export type FeatureWord =
  | "1.ecx"
  | "1.edx"
  | "6.eax"
  | "7.ebx"
  | "7.ecx"
  | "d1.eax"
  | "80000001.ecx"
  | "80000001.edx"
  | "80000007.edx";

/** Where CPUID tells of a feature. */
export const featureBits: Readonly<Record<string, readonly [FeatureWord, bit: number]>> = {
  sse3: ["1.ecx", 0],
  pclmul: ["1.ecx", 1],
  ssse3: ["1.ecx", 9],
  cx16: ["1.ecx", 13],
  pcid: ["1.ecx", 17],
  sse4_1: ["1.ecx", 19],
  sse4_2: ["1.ecx", 20],
  x2apic: ["1.ecx", 21],
  movbe: ["1.ecx", 22],
  popcnt: ["1.ecx", 23],
  tsc_deadline: ["1.ecx", 24],
  aes: ["1.ecx", 25],
  xsave: ["1.ecx", 26],
  rdrand: ["1.ecx", 30],
  hypervisor: ["1.ecx", 31],
  x87: ["1.edx", 0],
  de: ["1.edx", 2],
  pse: ["1.edx", 3],
  tsc: ["1.edx", 4],
  msr: ["1.edx", 5],
  pae: ["1.edx", 6],
  mce: ["1.edx", 7],
  cx8: ["1.edx", 8],
  apic: ["1.edx", 9],
  sep: ["1.edx", 11],
  mtrr: ["1.edx", 12],
  pge: ["1.edx", 13],
  mca: ["1.edx", 14],
  cmov: ["1.edx", 15],
  pat: ["1.edx", 16],
  pse36: ["1.edx", 17],
  clflush: ["1.edx", 19],
  mmx: ["1.edx", 23],
  fxsr: ["1.edx", 24],
  sse: ["1.edx", 25],
  sse2: ["1.edx", 26],
  arat: ["6.eax", 2],
  fsgsbase: ["7.ebx", 0],
  tsc_adjust: ["7.ebx", 1],
  bmi1: ["7.ebx", 3],
  smep: ["7.ebx", 7],
  bmi2: ["7.ebx", 8],
  erms: ["7.ebx", 9],
  invpcid: ["7.ebx", 10],
  rdseed: ["7.ebx", 18],
  adx: ["7.ebx", 19],
  smap: ["7.ebx", 20],
  clflushopt: ["7.ebx", 23],
  clwb: ["7.ebx", 24],
  sha: ["7.ebx", 29],
  umip: ["7.ecx", 2],
  rdpid: ["7.ecx", 22],
  xsaveopt: ["d1.eax", 0],
  lahf_lm: ["80000001.ecx", 0],
  lzcnt: ["80000001.ecx", 5],
  prefetchw: ["80000001.ecx", 8],
  syscall: ["80000001.edx", 11],
  nx: ["80000001.edx", 20],
  pdpe1gb: ["80000001.edx", 26],
  rdtscp: ["80000001.edx", 27],
  lm: ["80000001.edx", 29],
  invtsc: ["80000007.edx", 8],
};

/** What QEMU's model of this name has, but for SVM; and what tells Linux of its clocks. */
const QEMU64 = [
  ..."x87 de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr".split(
    " ",
  ),
  ..."sse sse2 sse3 cx16 hypervisor arat syscall nx lm lahf_lm invtsc tsc_adjust".split(" "),
];

/** The level of that name (System V ABI, AMD64 supplement), and what hypervisors have with it. */
const V2 = [
  ...QEMU64,
  ..."ssse3 sse4_1 sse4_2 popcnt x2apic tsc_deadline rdtscp pdpe1gb".split(" "),
];

/** All that is implemented. */
const MAX = [
  ...V2,
  ..."pclmul aes movbe xsave xsaveopt rdrand rdseed fsgsbase bmi1 bmi2 erms adx sha".split(" "),
  ..."lzcnt prefetchw smep smap umip pcid invpcid rdpid clflushopt clwb".split(" "),
];

/** What a processor is. */
export interface CpuModel {
  readonly name: X86CpuName;
  readonly features: ReadonlySet<string>;
  /** Brand string, at most 47 characters. */
  readonly brand: string;
}

function model(name: X86CpuName, features: readonly string[]): CpuModel {
  return { name, features: new Set(features), brand: `Virtual CPU (${name})` };
}

/** All models by name. */
export const cpuModels: Readonly<Record<X86CpuName, CpuModel>> = {
  qemu64: model("qemu64", QEMU64),
  "x86-64-v2": model("x86-64-v2", V2),
  max: model("max", MAX),
};

/** Bits of CR4 that come with a feature. */
const CR4_FEATURES: readonly (readonly [feature: string, bits: number])[] = [
  ["tsc", CR4.TSD],
  ["de", CR4.DE],
  ["pse", CR4.PSE],
  ["pae", CR4.PAE],
  ["mce", CR4.MCE],
  ["pge", CR4.PGE],
  ["msr", CR4.PCE],
  ["fxsr", CR4.OSFXSR],
  ["sse", CR4.OSXMMEXCPT],
  ["umip", CR4.UMIP],
  ["fsgsbase", CR4.FSGSBASE],
  ["pcid", CR4.PCIDE],
  ["xsave", CR4.OSXSAVE],
  ["smep", CR4.SMEP],
  ["smap", CR4.SMAP],
];

/** Control bits that exist on a model. */
export function controlBits({ features }: CpuModel): ControlBits {
  let cr4 = 0;
  for (const [feature, bits] of CR4_FEATURES) if (features.has(feature)) cr4 |= bits;
  return { cr4, efer: EFER.SCE | EFER.LME | (features.has("nx") ? EFER.NXE : 0) };
}
