/** Checks that many system instructions begin with. */
import { generalProtection, invalidOpcode } from "./guest_fault.ts";
import type { HostContext } from "./host_context.ts";
import { CR4 } from "./registers.ts";

/** #GP unless CPL is 0. */
export function requireCpl0({ state }: HostContext): void {
  if (state.cpl !== 0) throw generalProtection();
}

/** #GP unless CPL is 0 or CR4.UMIP is off: SGDT, SIDT, SLDT, SMSW, STR. */
export function requireNoUmip({ state }: HostContext): void {
  if ((state.cr4 & CR4.UMIP) !== 0 && state.cpl !== 0) throw generalProtection();
}

/** #UD unless the model has a feature. */
export function requireFeature({ model }: HostContext, feature: string): void {
  if (!model.features.has(feature)) throw invalidOpcode();
}
