/** Helper functions in WebAssembly, as architectures declare them. */
import type { Helper, HelperCode } from "../engine/arch.ts";
import type { ValType } from "../wasm/types.ts";

/** A helper with at most one result, whose body is written in WebAssembly. */
export function wasmHelper(
  name: string,
  params: readonly ValType[],
  result: ValType | undefined,
  emit: (c: HelperCode) => void,
): Helper {
  return { name, params, results: result === undefined ? [] : [result], emit };
}
