/** CPUID (SDM volume 2, CPUID) from a processor model. */
import { type CpuModel, featureBits, type FeatureWord } from "./cpu_models.ts";
import { PHYSICAL_BITS } from "./mmu.ts";

/** EAX, EBX, ECX, EDX, unsigned. */
export type CpuidRegisters = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** What CPUID tells besides the model. */
export interface CpuidContext {
  /** Number of vCPUs, all cores of one package. */
  readonly cpus: number;
  /** This one; also its APIC id. */
  readonly index: number;
  /** Counts of the TSC per second. */
  readonly tscFrequency: number;
  /** IA32_APIC_BASE has the APIC enabled. */
  readonly apicEnabled: boolean;
  /** CR4.OSXSAVE. */
  readonly osxsave: boolean;
}

/** Family 6, model 28, stepping 10: see cpu_models.ts. */
const SIGNATURE = 0x106ca;
const LAST_BASIC = 0x16;
const LAST_EXTENDED = 0x80000008;
const LAST_HYPERVISOR = 0x40000000;
const OSXSAVE = 1 << 27;
const APIC = 1 << 9;
/** Bytes of a cache line by 8, as CLFLUSH takes them. */
const CLFLUSH_LINE = 8;
/** XSAVE area of x87 and SSE: legacy region and header. */
const XSAVE_BYTES = 576;

/** Counts of the crystal per second: those of the APIC timer (lib/devices/apic). */
const CRYSTAL = 1_000_000_000;

const ZERO: CpuidRegisters = [0, 0, 0, 0];

/** What CPUID gives for a leaf (EAX) and a subleaf (ECX). */
export function cpuid(
  model: CpuModel,
  context: CpuidContext,
  leaf: number,
  subleaf: number,
): CpuidRegisters {
  // Beyond the last leaf, Intel's processors give the last basic one.
  if (leaf >= 0x80000000) return extended(model, Math.min(leaf, LAST_EXTENDED + 1));
  if (leaf >= 0x40000000 && model.features.has("hypervisor")) {
    return leaf === LAST_HYPERVISOR ? signature(LAST_HYPERVISOR, "vmlvmlvmlvml") : ZERO;
  }
  return basic(model, context, Math.min(leaf, LAST_BASIC), subleaf);
}

function basic(
  model: CpuModel,
  context: CpuidContext,
  leaf: number,
  subleaf: number,
): CpuidRegisters {
  const { cpus, index } = context;
  const word = (name: FeatureWord): number => features(model, name);
  switch (leaf) {
    case 0: {
      const [eax, b, c, d] = signature(LAST_BASIC, "GenuineIntel");
      // The string stands in EBX, EDX, ECX.
      return [eax, b, d, c];
    }
    case 1: {
      const ebx = (index << 24) | (cpus << 16) | (CLFLUSH_LINE << 8);
      const ecx = word("1.ecx") | (context.osxsave ? OSXSAVE : 0);
      const edx = (word("1.edx") & (context.apicEnabled ? ~0 : ~APIC)) | (cpus > 1 ? 1 << 28 : 0);
      return unsigned(SIGNATURE, ebx, ecx, edx);
    }
    case 2:
      // Caches are told by leaf 4.
      return [0x00ff_ff01, 0, 0, 0];
    case 4:
      return cache(cpus, subleaf);
    case 6:
      return [word("6.eax"), 0, 0, 0];
    case 7:
      return subleaf === 0 ? unsigned(0, word("7.ebx"), word("7.ecx"), 0) : ZERO;
    case 0xb:
      return topology(cpus, index, subleaf);
    case 0xd:
      return xsave(model, subleaf);
    case 0x15: {
      // TSC = crystal * EBX / EAX. Small numbers: kernels multiply kHz and EBX in 32 bits.
      const common = greatestCommonDivisor(CRYSTAL, context.tscFrequency);
      return [CRYSTAL / common, context.tscFrequency / common, CRYSTAL, 0];
    }
    case 0x16: {
      const mhz = Math.round(context.tscFrequency / 1_000_000);
      return [mhz, mhz, 100, 0];
    }
    default:
      return ZERO;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function extended(model: CpuModel, leaf: number): CpuidRegisters {
  switch (leaf) {
    case 0x80000000:
      return [LAST_EXTENDED, 0, 0, 0];
    case 0x80000001:
      return unsigned(0, 0, features(model, "80000001.ecx"), features(model, "80000001.edx"));
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
      return text(model.brand, (leaf - 0x80000002) * 16);
    case 0x80000006:
      // L2 of 512 KiB, 8 ways, lines of 64 bytes.
      return [0, 0, 0x02006040, 0];
    case 0x80000007:
      return [0, 0, 0, features(model, "80000007.edx")];
    case 0x80000008:
      return [PHYSICAL_BITS | (48 << 8), 0, 0, 0];
    default:
      return ZERO;
  }
}

/** The feature bits of one register. */
function features({ features }: CpuModel, word: FeatureWord): number {
  let bits = 0;
  for (const feature of features) {
    const [place, bit] = featureBits[feature];
    if (place === word) bits |= 1 << bit;
  }
  return bits >>> 0;
}

/** Deterministic cache parameters: L1 data and instructions of 32 KiB, L2 of 512 KiB for each core. */
function cache(cpus: number, subleaf: number): CpuidRegisters {
  const cores = Math.max(0, cpus - 1) << 26;
  const ways = (n: number): number => ((n - 1) << 22) | 63;
  switch (subleaf) {
    case 0:
      return unsigned(0x121 | cores, ways(8), 63, 0);
    case 1:
      return unsigned(0x122 | cores, ways(8), 63, 0);
    case 2:
      return unsigned(0x143 | cores, ways(8), 1023, 0);
    default:
      return ZERO;
  }
}

/** Extended topology: one thread for each core, all cores in one package. */
function topology(cpus: number, index: number, subleaf: number): CpuidRegisters {
  const bits = Math.ceil(Math.log2(cpus));
  if (subleaf === 0) return [0, 1, 0x100, index];
  if (subleaf === 1) return [bits, cpus, 0x201, index];
  return [0, 0, subleaf & 0xff, index];
}

/** Processor extended states: x87 and SSE. */
function xsave({ features: claimed }: CpuModel, subleaf: number): CpuidRegisters {
  if (!claimed.has("xsave")) return ZERO;
  if (subleaf === 0) return [3, XSAVE_BYTES, XSAVE_BYTES, 0];
  return subleaf === 1 ? [claimed.has("xsaveopt") ? 1 : 0, 0, 0, 0] : ZERO;
}

/** EAX and twelve characters in EBX, ECX, EDX. */
function signature(eax: number, characters: string): CpuidRegisters {
  const [ebx, ecx, edx] = text(characters, 0);
  return [eax, ebx, ecx, edx];
}

/** Sixteen characters from `at` on, zeros behind the end. */
function text(characters: string, at: number): CpuidRegisters {
  const word = (n: number): number => {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const code = characters.charCodeAt(at + n * 4 + i);
      value |= (Number.isNaN(code) ? 0 : code & 0x7f) << (8 * i);
    }
    return value >>> 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

function unsigned(eax: number, ebx: number, ecx: number, edx: number): CpuidRegisters {
  return [eax >>> 0, ebx >>> 0, ecx >>> 0, edx >>> 0];
}
