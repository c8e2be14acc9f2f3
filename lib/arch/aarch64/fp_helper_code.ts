/** What the bodies of the floating-point helpers share. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { ValType } from "../../wasm/types.ts";
import { fpcrField, FPSR } from "./fp_fast.ts";
import type { Width } from "./fp_emit.ts";

/** A helper in WebAssembly. */
export function wasmHelper(
  name: string,
  params: readonly ValType[],
  result: ValType | undefined,
  emit: (c: HelperCode) => void,
): Helper {
  return { name, params, results: result === undefined ? [] : [result], emit };
}

/** [i64 or i32] -> [f64 or f32] */
export function fromBits(c: HelperCode, width: Width): void {
  if (width === 64) c.f64_reinterpret_i64();
  else c.i32_wrap_i64().f32_reinterpret_i32();
}

/** [f64 or f32] -> [i64] the bit pattern. */
export function toBits(c: HelperCode, width: Width): void {
  if (width === 64) c.i64_reinterpret_f64();
  else c.i32_reinterpret_f32().i64_extend_i32_u();
}

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

/** [] -> [i32] whether a local is no NaN. */
export function isNumber(c: HelperCode, width: Width, local: number): void {
  c.local_get(local).local_get(local)[`f${width}_eq`]();
}

/** [] -> [f64] a single-precision local as a double. */
export function widened(c: HelperCode, local: number): void {
  c.local_get(local).f64_promote_f32();
}

/** [] -> [i64] trailing zeros of the significand of a normal double, 0..52. */
export function significantZeros(c: HelperCode, local: number): void {
  c.local_get(local).i64_reinterpret_f64().i64_const_parts(0, 0x00100000).i64_or().i64_ctz();
}

/** [] -> [i32] FPCR allows the host's result. */
export function native(c: HelperCode, width: Width, a: number, b: number, r: number): void {
  c.local_get(a).local_get(b).local_get(r);
  c.callHelper(`fp.native.${width}`);
}

/** [] -> [i32] whether a local is finite. */
export function finite(c: HelperCode, width: Width, local: number): void {
  c.local_get(local)[`f${width}_abs`]();
  if (width === 64) c.f64_const(Infinity).f64_lt();
  else c.f32_const(Infinity).f32_lt();
}

/** [] -> [i32] whether a local's biased exponent lies in 2..top. */
export function ordinary(c: HelperCode, width: Width, local: number): void {
  c.local_get(local);
  if (width === 64) {
    c.i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const_parts(0, 0x00400000).i64_sub();
    c.i64_const_parts(0, 0xffa00000).i64_lt_u();
  } else {
    c.i32_reinterpret_f32().i32_const(1).i32_shl().i32_const(0x02000000).i32_sub();
    c.i32_const(0xfd000000).i32_lt_u();
  }
}

/** [] -> [f] 0 of the width. */
export function zeroF(c: HelperCode, width: Width): void {
  if (width === 64) c.f64_const(0);
  else c.f32_const(0);
}

/** [] -> [i32] whether a local is zero. */
export function isZero(c: HelperCode, width: Width, local: number): void {
  c.local_get(local);
  zeroF(c, width);
  c[`f${width}_eq`]();
}
