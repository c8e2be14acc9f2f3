/**
 * Model-specific registers of the processor itself (SDM volume 4). Those of the local APIC and of the
 * time stamp counter are devices' (lib/devices/apic); what nobody knows is #GP.
 */
import { RegisterBank, type RegisterRow } from "../../devices/msr/register_bank.ts";
import type { DeviceState } from "../../devices/vbus/device.ts";
import type { StateField, StateView } from "../../engine/layout.ts";
import { type ControlBits, writeEfer } from "./control_registers.ts";
import type { CpuModel } from "./cpu_models.ts";
import { field } from "./layout.ts";
import { Segment } from "./state.ts";
import type { HostContext } from "./host_context.ts";

/** A register that system code works with: it lives in the state block. */
interface StateMsr {
  readonly name: string;
  readonly id: number;
  readonly field: StateField;
  /** Element of the field. */
  readonly index?: number;
  /** Values that can be written; others are #GP. @default all */
  readonly valid?: (value: bigint) => boolean;
  /** Does the write instead. False: #GP. */
  readonly write?: (context: HostContext, value: bigint, bits: ControlBits) => boolean;
  /** The feature that brings it. @default none */
  readonly feature?: string;
}

const isCanonical = (value: bigint): boolean =>
  BigInt.asUintN(64, BigInt.asIntN(48, value)) === value;
const is32Bits = (value: bigint): boolean => value < 1n << 32n;

/** Types of memory: UC, WC, WT, WP, WB, and UC- in IA32_PAT. */
const MTRR_TYPES: ReadonlySet<bigint> = new Set([0n, 1n, 4n, 5n, 6n]);
const PAT_TYPES: ReadonlySet<bigint> = new Set([...MTRR_TYPES, 7n]);

function bytesAre(types: ReadonlySet<bigint>): (value: bigint) => boolean {
  return (value) => {
    for (let shift = 0n; shift < 64n; shift += 8n) {
      if (!types.has((value >> shift) & 0xffn)) return false;
    }
    return true;
  };
}

const stateMsrs: readonly StateMsr[] = [
  { name: "IA32_SYSENTER_CS", id: 0x174, field: field("sysenterCs") },
  { name: "IA32_SYSENTER_ESP", id: 0x175, field: field("sysenterEsp"), valid: isCanonical },
  { name: "IA32_SYSENTER_EIP", id: 0x176, field: field("sysenterEip"), valid: isCanonical },
  { name: "IA32_PAT", id: 0x277, field: field("pat"), valid: bytesAre(PAT_TYPES) },
  {
    name: "IA32_MTRR_DEF_TYPE",
    id: 0x2ff,
    field: field("mtrrDefType"),
    valid: (value) => (value & ~0xcffn) === 0n && MTRR_TYPES.has(value & 0xffn),
  },
  { name: "IA32_EFER", id: 0xc0000080, field: field("efer"), write: writeEfer },
  { name: "IA32_STAR", id: 0xc0000081, field: field("star") },
  { name: "IA32_LSTAR", id: 0xc0000082, field: field("lstar"), valid: isCanonical },
  { name: "IA32_CSTAR", id: 0xc0000083, field: field("cstar"), valid: isCanonical },
  { name: "IA32_FMASK", id: 0xc0000084, field: field("sfmask"), valid: is32Bits },
  {
    name: "IA32_FS_BASE",
    id: 0xc0000100,
    field: field("segmentBase"),
    index: Segment.fs,
    valid: isCanonical,
  },
  {
    name: "IA32_GS_BASE",
    id: 0xc0000101,
    field: field("segmentBase"),
    index: Segment.gs,
    valid: isCanonical,
  },
  { name: "IA32_KERNEL_GS_BASE", id: 0xc0000102, field: field("kernelGsBase"), valid: isCanonical },
  {
    name: "IA32_TSC_AUX",
    id: 0xc0000103,
    field: field("tscAux"),
    valid: is32Bits,
    feature: "rdtscp",
  },
];
const stateMsrById: ReadonlyMap<number, StateMsr> = new Map(stateMsrs.map((msr) => [msr.id, msr]));

/** Variable MTRRs. */
const MTRR_COUNT = 8;
/** What firmware leaves: write-back memory, fixed ranges on. */
export const MTRR_DEF_TYPE_RESET = 0xc06n;
export const PAT_RESET = 0x0007040600070406n;
const ALL_WRITE_BACK = 0x0606060606060606n;
/** Physical address bits of MTRRs, type and valid bit aside. */
const MTRR_ADDRESS = 0xff_ffff_f000n;

/** A register that holds a value and has no effect. */
interface StoredMsr extends RegisterRow {
  /** Values that can be written; others are #GP. @default all */
  readonly valid?: (value: bigint) => boolean;
}

const zero = (name: string, id: number): StoredMsr => ({ name, id, rights: "r" });
const fixedMtrr = (name: string, id: number): StoredMsr => ({
  name,
  id,
  reset: ALL_WRITE_BACK,
  valid: bytesAre(MTRR_TYPES),
});

const storedMsrs: readonly StoredMsr[] = [
  zero("IA32_PLATFORM_ID", 0x17),
  zero("MSR_SMI_COUNT", 0x34),
  // Locked: no VMX, no SGX.
  { name: "IA32_FEATURE_CONTROL", id: 0x3a, rights: "r", reset: 1n },
  // Revision 1, whatever is written to have it told.
  { name: "IA32_BIOS_SIGN_ID", id: 0x8b, reset: 1n << 32n, mask: 0n },
  zero("MSR_PLATFORM_INFO", 0xce),
  { name: "IA32_MTRRCAP", id: 0xfe, rights: "r", reset: 0x500n | BigInt(MTRR_COUNT) },
  { name: "MSR_MISC_FEATURES_ENABLES", id: 0x140, mask: 0n, reserved: "refuse" },
  zero("IA32_MCG_CAP", 0x179),
  { name: "IA32_MCG_STATUS", id: 0x17a, mask: 7n },
  // Fast strings.
  { name: "IA32_MISC_ENABLE", id: 0x1a0, reset: 1n, mask: 1n },
  { name: "IA32_DEBUGCTL", id: 0x1d9, mask: 0n },
  ...Array.from({ length: MTRR_COUNT }, (_, n): StoredMsr[] => [
    {
      name: `IA32_MTRR_PHYSBASE${n}`,
      id: 0x200 + 2 * n,
      mask: MTRR_ADDRESS | 0xffn,
      reserved: "refuse",
      valid: (value) => MTRR_TYPES.has(value & 0xffn),
    },
    {
      name: `IA32_MTRR_PHYSMASK${n}`,
      id: 0x201 + 2 * n,
      mask: MTRR_ADDRESS | 0x800n,
      reserved: "refuse",
    },
  ]).flat(),
  fixedMtrr("IA32_MTRR_FIX64K_00000", 0x250),
  fixedMtrr("IA32_MTRR_FIX16K_80000", 0x258),
  fixedMtrr("IA32_MTRR_FIX16K_A0000", 0x259),
  ...Array.from(
    { length: 8 },
    (_, n) =>
      fixedMtrr(`IA32_MTRR_FIX4K_${(0xc0 + 8 * n).toString(16).toUpperCase()}000`, 0x268 + n),
  ),
  zero("MSR_UNC_CBO_CONFIG", 0x396),
  zero("MSR_PKG_ENERGY_STATUS", 0x611),
  zero("MSR_DRAM_ENERGY_STATUS", 0x619),
  zero("MSR_PP0_ENERGY_STATUS", 0x639),
  zero("MSR_PP1_ENERGY_STATUS", 0x641),
  zero("MSR_PLATFORM_ENERGY_COUNTER", 0x64d),
];

const storedMsrById: ReadonlyMap<number, StoredMsr> = new Map(
  storedMsrs.map((msr) => [msr.id, msr]),
);

/** The registers of one vCPU whose state block is in place. */
export class Msrs {
  readonly #model: CpuModel;
  readonly #bits: ControlBits;
  readonly #stored = new RegisterBank("model-specific registers", storedMsrs, 1);

  constructor(model: CpuModel, bits: ControlBits) {
    this.#model = model;
    this.#bits = bits;
  }

  /** Values after power-on, but for those that are zero in the state block. */
  reset(view: StateView): void {
    view.set64(field("pat"), PAT_RESET);
    view.set64(field("mtrrDefType"), MTRR_DEF_TYPE_RESET);
    this.#stored.reset();
  }

  /** Undefined if there is no such register. */
  read({ state: { view } }: HostContext, id: number): bigint | undefined {
    const msr = this.#find(id);
    if (msr === undefined) return this.#stored.readRegister(0, id);
    return msr.field.type === "u32"
      ? BigInt(view.get32(msr.field, msr.index))
      : view.get64(msr.field, msr.index);
  }

  /** False if there is no such register, or it does not take the value. */
  write(context: HostContext, id: number, value: bigint): boolean {
    const msr = this.#find(id);
    if (msr === undefined) {
      const valid = storedMsrById.get(id)?.valid?.(value) ?? true;
      return valid && this.#stored.writeRegister(0, id, value);
    }
    if (msr.write !== undefined) return msr.write(context, value, this.#bits);
    if (msr.valid?.(value) === false) return false;
    context.state.view.set64(msr.field, value, msr.index);
    return true;
  }

  /** What the state block does not hold. */
  state(): DeviceState {
    return this.#stored.state();
  }

  /** Puts back what `state` gave. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    this.#stored.restore(state);
  }

  #find(id: number): StateMsr | undefined {
    const msr = stateMsrById.get(id);
    if (msr?.feature === undefined || this.#model.features.has(msr.feature)) return msr;
    return undefined;
  }
}

const names: ReadonlyMap<number, string> = new Map(
  [...stateMsrs, ...storedMsrs].map(({ id, name }) => [id, name]),
);

/** Name of a register of the processor, undefined if it is none. */
export function msrName(id: number): string | undefined {
  return names.get(id);
}
