/** What the bodies of the floating-point helpers share. */
import type { HelperCode } from "../../engine/arch.ts";
import { toBits, type Width } from "../fp/number_code.ts";
import { fpcrField, FPSR } from "./fp_fast.ts";

/** [] -> [i64] result bits of the software; operands are locals of that width. */
export function callSoft(
  c: HelperCode,
  code: number,
  width: Width,
  operands: readonly number[],
  last?: () => void,
): void {
  c.i32_const(code);
  for (let i = 0; i < 3; i++) {
    if (i < operands.length) {
      c.local_get(operands[i]);
      toBits(c, width);
    } else if (i === 2 && last !== undefined) last();
    else c.i64_const32(0);
  }
  c.callHelper("fp.slow");
}

/** [] -> [i32] not zero if FPCR has none of `bits`. */
export function fpcrClear(c: HelperCode, bits: number): void {
  c.getState(fpcrField);
  c.i32_const(bits).i32_and().i32_eqz();
}

/** [i32] -> [] raises Inexact if not zero. */
export function raiseInexactIf(c: HelperCode): void {
  c.if_().i32_const(FPSR.IXC);
  c.callHelper("fp.raise");
  c.end();
}

/** [] -> [i32] FPCR allows the host's result. */
export function native(c: HelperCode, width: Width, a: number, b: number, r: number): void {
  c.local_get(a).local_get(b).local_get(r);
  c.callHelper(`fp.native.${width}`);
}
