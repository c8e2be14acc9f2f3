/** Writes of CR0, CR3, CR4, IA32_EFER: what they allow and what follows (SDM volume 3, 2.5, 4.10.4, 9.8.5). */
import { generalProtection } from "./guest_fault.ts";
import { field } from "./layout.ts";
import { PHYSICAL_BITS } from "./mmu.ts";
import { Attribute, CR0, CR4, EFER } from "./registers.ts";
import { Segment } from "./state.ts";
import type { HostContext } from "./host_context.ts";

const CR0_FIELD = field("cr0");
const CR3_FIELD = field("cr3");
const CR4_FIELD = field("cr4");
const EFER_FIELD = field("efer");

const CR0_BITS = 0xe005003f;
/** CR0 and CR4 bits on which translations depend. */
const CR0_TRANSLATION = CR0.PG | CR0.WP | CR0.PE;
const CR4_TRANSLATION = CR4.PSE | CR4.PAE | CR4.PGE | CR4.PCIDE | CR4.SMEP | CR4.SMAP;

/** Bits of CR4 and IA32_EFER that exist on a processor model. */
export interface ControlBits {
  readonly cr4: number;
  readonly efer: number;
}

/** MOV to CR0; the upper half must be zero. */
export function writeCr0(context: HostContext, value: number): void {
  const { state, mmu, tlb } = context;
  const { view } = state;
  const before = state.cr0;
  const next = ((value & CR0_BITS) | CR0.ET) >>> 0;
  const paging = (next & CR0.PG) !== 0;
  const wasPaging = (before & CR0.PG) !== 0;
  if (paging && (next & CR0.PE) === 0) throw generalProtection();
  if ((next & CR0.NW) !== 0 && (next & CR0.CD) === 0) throw generalProtection();
  const efer = state.efer;
  const long = (efer & EFER.LME) !== 0;
  if (paging && !wasPaging) {
    if (long) {
      const code = state.segmentAttributes(Segment.cs);
      if ((state.cr4 & CR4.PAE) === 0 || (code & Attribute.long) !== 0) throw generalProtection();
    } else checkPdptes(context, view.low(CR3_FIELD));
  }
  if (!paging && wasPaging) {
    if (state.code64 || (state.cr4 & CR4.PCIDE) !== 0) throw generalProtection();
  }
  view.set32(CR0_FIELD, next);
  view.set32(EFER_FIELD, paging && long ? efer | EFER.LMA : efer & ~EFER.LMA);
  if (((next ^ before) & CR0_TRANSLATION) === 0) return;
  mmu.configure();
  tlb.flushAll();
}

/** MOV to CR3. */
export function writeCr3(context: HostContext, high: number, low: number): void {
  const { state, mmu, tlb } = context;
  const index = CR3_FIELD.address >>> 2;
  const pcid = (state.cr4 & CR4.PCIDE) !== 0;
  if (state.longMode) {
    const bits = pcid ? high & 0x7fffffff : high;
    if (bits >= 2 ** (PHYSICAL_BITS - 32)) throw generalProtection();
    state.words[index + 1] = bits;
  } else {
    if ((state.cr0 & CR0.PG) !== 0) checkPdptes(context, low);
    state.words[index + 1] = 0;
  }
  state.words[index] = low;
  mmu.configure();
  tlb.rootChanged();
}

/** MOV to CR4. */
export function writeCr4(context: HostContext, value: number, { cr4: bits }: ControlBits): void {
  const { state, mmu, tlb } = context;
  const { view } = state;
  const before = state.cr4;
  const changed = value ^ before;
  if ((value & ~bits) !== 0) throw generalProtection();
  if (state.longMode && (value & CR4.PAE) === 0) throw generalProtection();
  if ((changed & value & CR4.PCIDE) !== 0) {
    if (!state.longMode || (view.low(CR3_FIELD) & 0xfff) !== 0) throw generalProtection();
  }
  const reload = (changed & (CR4.PAE | CR4.PSE | CR4.PGE)) !== 0 && !state.longMode;
  if (
    reload && (state.cr0 & CR0.PG) !== 0 && (value & CR4.PAE) !== 0 &&
    !mmu.pdptesValid(view.low(CR3_FIELD))
  ) {
    throw generalProtection();
  }
  view.set32(CR4_FIELD, value);
  if ((changed & CR4_TRANSLATION) === 0) return;
  mmu.configure();
  tlb.flushAll();
}

/** WRMSR of IA32_EFER. False if it is refused. */
export function writeEfer(
  context: HostContext,
  value: bigint,
  { efer: bits }: ControlBits,
): boolean {
  const { state, mmu, tlb } = context;
  const before = state.efer;
  if ((value & ~BigInt(bits | EFER.LMA)) !== 0n) return false;
  const next = (Number(value) & ~EFER.LMA) | (before & EFER.LMA);
  if (((next ^ before) & EFER.LME) !== 0 && (state.cr0 & CR0.PG) !== 0) return false;
  state.view.set32(EFER_FIELD, next);
  if (((next ^ before) & EFER.NXE) === 0) return true;
  mmu.configure();
  tlb.flushAll();
  return true;
}

/** With PAE paging the four PDPTEs must be valid. */
function checkPdptes({ state, mmu }: HostContext, cr3: number): void {
  if (state.longMode || (state.cr4 & CR4.PAE) === 0) return;
  if (!mmu.pdptesValid(cr3)) throw generalProtection();
}
