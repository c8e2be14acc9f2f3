/** Value types of WebAssembly 2.0 with SIMD. */
export type ValType = "i32" | "i64" | "f32" | "f64" | "v128" | "funcref";

/** Parameters and results of a function. */
export interface FuncType {
  /** Types of the parameters, first to last. */
  readonly params: readonly ValType[];
  /** Types of the results, first to last. */
  readonly results: readonly ValType[];
}

/** Encoding of each value type (WebAssembly core specification 5.3.1 to 5.3.4). */
export const VALUE_TYPE: { readonly [type in ValType]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
};
