/** What floating point the host offers beyond WebAssembly's guarantees. */
import { Code } from "../../wasm/code.ts";
import { ModuleWriter } from "../../wasm/module.ts";

let answer: boolean | undefined;

/** Whether relaxed multiply-add rounds once on this host. False where relaxed SIMD does not exist. */
export function relaxedMaddIsFused(): boolean {
  return answer ??= ask();
}

/**
 * Asks the host for (1 + 2^-30)(1 - 2^-30) - 1, and the like in single precision: zero if the
 * product is rounded first.
 */
function ask(): boolean {
  const writer = new ModuleWriter();
  const type = { params: ["f64", "f64"], results: ["f64"] } as const;
  const double = new Code().local_get(0).f64x2_splat().local_get(1).f64x2_splat();
  double.f64_const(-1).f64x2_splat().f64x2_relaxed_madd().f64x2_extract_lane(0);
  const single = new Code().local_get(0).f32_demote_f64().f32x4_splat();
  single.local_get(1).f32_demote_f64().f32x4_splat().f32_const(-1).f32x4_splat();
  single.f32x4_relaxed_madd().f32x4_extract_lane(0).f64_promote_f32();
  writer.exportFunc("double", writer.func(type, [], double));
  writer.exportFunc("single", writer.func(type, [], single));
  const bytes = writer.finish();
  if (!WebAssembly.validate(bytes)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const f = exports as Record<string, (a: number, b: number) => number>;
  return f.double(1 + 2 ** -30, 1 - 2 ** -30) === -(2 ** -60) &&
    f.single(1 + 2 ** -13, 1 - 2 ** -13) === -(2 ** -26);
}
