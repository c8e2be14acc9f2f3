/** SP alignment checking (Arm ARM, D1.8.2): a load or store whose base is SP faults if SP is misaligned. */
import type { Builder } from "../../engine/builder.ts";
import type { Operand } from "../../engine/row.ts";
import { Fault } from "./faults.ts";
import { field } from "./layout.ts";

const stackAlignmentMask = field("stackAlignmentMask");

/**
 * [] -> [] leaves with {@linkcode Fault.stackAlignment} if `sp` is misaligned and checking is on
 * (`stackAlignmentMask` is 15, by SCTLR_EL1.SA or SA0). Only for rows whose base register is SP.
 */
export function checkStackAlignment(b: Builder, sp: Operand): void {
  b.get(sp);
  b.getState(stackAlignmentMask);
  b.i64_and().i64_const32(0).i64_ne();
  b.faultIf(Fault.stackAlignment);
}
