/**
 * System instructions (SYS): cache maintenance, TLB maintenance, address translation (Arm ARM,
 * C5.3 to C5.5). Caches are not modelled: maintenance by address only checks the address.
 */
import { systemRegister } from "../../devices/vbus/device.ts";
import { Tlb } from "./mode.ts";
import { SCTLR } from "./process_state.ts";
import { FSC } from "./syndrome.ts";
import type { SystemContext } from "./system_register.ts";
import type { TlbInvalidation } from "./tlb_maintenance.ts";
import { WALK_OK } from "./mmu.ts";

/** What a system instruction is. */
export type Operation =
  | { readonly kind: "nothing" }
  /** By virtual address; `write` needs write access (DC IVAC). */
  | { readonly kind: "cache"; readonly instruction: boolean; readonly write: boolean }
  /** Whether of this vCPU or of all is the same (tlb_maintenance.ts). */
  | { readonly kind: "tlb"; readonly scope: TlbInvalidation["kind"] }
  | { readonly kind: "translate"; readonly tlb: number; readonly write: boolean };

/** A system instruction: its name, and whether EL0 may use it (if SCTLR_EL1 lets it). */
export interface SystemOperation {
  readonly name: string;
  readonly operation: Operation;
  readonly el0: boolean;
}

const table = new Map<number, SystemOperation>();

function define(
  name: string,
  [op1, crn, crm, op2]: readonly [number, number, number, number],
  operation: Operation,
): void {
  // What EL0 may use has op1 = 3.
  table.set(systemRegister(1, op1, crn, crm, op2), { name, operation, el0: op1 === 3 });
}

const nothing: Operation = { kind: "nothing" };
const clean: Operation = { kind: "cache", instruction: false, write: false };

define("IC IALLUIS", [0, 7, 1, 0], nothing);
define("IC IALLU", [0, 7, 5, 0], nothing);
define("IC IVAU", [3, 7, 5, 1], { kind: "cache", instruction: true, write: false });
define("DC IVAC", [0, 7, 6, 1], { kind: "cache", instruction: false, write: true });
define("DC ISW", [0, 7, 6, 2], nothing);
define("DC CSW", [0, 7, 10, 2], nothing);
define("DC CISW", [0, 7, 14, 2], nothing);
define("DC CVAC", [3, 7, 10, 1], clean);
define("DC CVAU", [3, 7, 11, 1], clean);
define("DC CIVAC", [3, 7, 14, 1], clean);
define("AT S1E1R", [0, 7, 8, 0], { kind: "translate", tlb: Tlb.el1, write: false });
define("AT S1E1W", [0, 7, 8, 1], { kind: "translate", tlb: Tlb.el1, write: true });
define("AT S1E0R", [0, 7, 8, 2], { kind: "translate", tlb: Tlb.el0, write: false });
define("AT S1E0W", [0, 7, 8, 3], { kind: "translate", tlb: Tlb.el0, write: true });
for (const [suffix, crm] of [["IS", 3], ["", 7]] as const) {
  const page: Operation = { kind: "tlb", scope: "page" };
  define(`TLBI VMALLE1${suffix}`, [0, 8, crm, 0], { kind: "tlb", scope: "all" });
  define(`TLBI VAE1${suffix}`, [0, 8, crm, 1], page);
  define(`TLBI ASIDE1${suffix}`, [0, 8, crm, 2], { kind: "tlb", scope: "asid" });
  define(`TLBI VAAE1${suffix}`, [0, 8, crm, 3], page);
  define(`TLBI VALE1${suffix}`, [0, 8, crm, 5], page);
  define(`TLBI VAALE1${suffix}`, [0, 8, crm, 7], page);
}

/** All system instructions by number (`systemRegister` with op0 = 1), DC ZVA excepted. */
export const systemOperations: ReadonlyMap<number, SystemOperation> = table;

/** The invalidation that a TLBI's operand asks for: ASID in bits 63:48, VA[55:12] in 43:0. */
export function tlbInvalidation(
  c: SystemContext,
  kind: TlbInvalidation["kind"],
  operandHigh: number,
  operandLow: number,
): TlbInvalidation {
  const asid = (operandHigh >>> 16) & c.mmu.asidMask;
  // VA[55:44] are in 43:32 of the operand; bit 55 extends to the top.
  const high = ((operandHigh & 0xfff) << 12) | (operandLow >>> 20);
  return { kind, asid, high: ((high << 8) >> 8) >>> 0, low: (operandLow << 12) >>> 0 };
}

/**
 * AT: the value for PAR_EL1 (D17.2.107). An external abort of the walk is an exception instead: then
 * its fault status code.
 */
export function translateAddress(
  c: SystemContext,
  high: number,
  low: number,
  tlb: number,
  write: boolean,
): { readonly par: bigint } | { readonly fault: number } {
  const { mmu } = c;
  let status = mmu.walk(high, low);
  if ((status & ~3) === FSC.externalAbortOnWalk) return { fault: status };
  if (status === WALK_OK && !allowed(c, tlb, write)) status = FSC.permission | mmu.level;
  if (status !== WALK_OK) return { par: BigInt(status << 1) | PAR_RES1 | 1n };
  const attributes = BigInt(mmu.memoryAttributes) << 56n;
  // Device memory is reported as outer shareable.
  const shareability = BigInt((mmu.device ? 2 : mmu.shareability) << 7);
  return { par: attributes | BigInt(mmu.page) | PAR_RES1 | PAR_NS | shareability };
}

const PAR_RES1 = 1n << 11n;
const PAR_NS = 1n << 9n;

/** Rights of AT: PAN does not count (that is AT S1E1RP). */
function allowed({ mmu }: SystemContext, tlb: number, write: boolean): boolean {
  if (tlb === Tlb.el0) return write ? mmu.writeEl0 : mmu.readEl0;
  return !write || mmu.writeEl1;
}

/** Whether cache maintenance is trapped at EL0 (SCTLR_EL1.UCI). */
export function cacheMaintenanceTrapped(c: SystemContext): boolean {
  return c.state.el === 0 && (c.state.sctlr & SCTLR.UCI) === 0;
}
