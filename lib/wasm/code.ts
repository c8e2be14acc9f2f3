import { AtomicCode } from "./code_atomic.ts";

/**
 * The body of one WebAssembly function: a byte sink with one method per instruction, named as the
 * text format names it with dots turned into underscores, and an underscore behind reserved words.
 * Comments give the stack effect as `[before] -> [after]`. Nothing is checked: the engine validates
 * when the module is compiled.
 *
 * ```wat
 * local.get 0
 * i64.const 4
 * i64.add
 * ```
 * ```ts
 * import { Code } from "./code.ts";
 * const code = new Code().local_get(0).i64_const32(4).i64_add();
 * ```
 *
 * Covers WebAssembly 2.0, the tail calls, threads and multiply-adds of relaxed SIMD.
 */
export class Code extends AtomicCode {}
