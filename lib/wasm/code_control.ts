import { MemoryCode } from "./code_memory.ts";
import { VALUE_TYPE } from "./types.ts";
import type { ValType } from "./types.ts";

/** Result type of a block, or the index of its function type; nothing for `[] -> []`. */
export type BlockType = ValType | number;

/** Control flow, variables, references and tables. */
export class ControlCode extends MemoryCode {
  /** [] -> (traps) */
  unreachable(): this {
    return this.op(0x00);
  }
  /** [] -> [] */
  nop(): this {
    return this.op(0x01);
  }
  /** Opens a block: a branch to it goes behind its end. */
  block(type?: BlockType): this {
    return this.#open(0x02, type);
  }
  /** Opens a loop: a branch to it goes to its beginning. */
  loop(type?: BlockType): this {
    return this.#open(0x03, type);
  }
  /** [i32] -> [] opens what is done if not zero. */
  if_(type?: BlockType): this {
    return this.#open(0x04, type);
  }
  /** Ends the first arm of `if_`. */
  else_(): this {
    return this.op(0x05);
  }
  /** Closes the innermost `block`, `loop` or `if_`. */
  end(): this {
    return this.op(0x0b);
  }
  /** Branches to the block `depth` levels out; 0 is the innermost. */
  br(depth: number): this {
    return this.op_index(0x0c, depth);
  }
  /** [i32] -> [] branches if not zero. */
  br_if(depth: number): this {
    return this.op_index(0x0d, depth);
  }
  /** [i32] -> [] branches to the depth at this position of the table, or to `otherwise` beyond it. */
  br_table(depths: ArrayLike<number>, otherwise: number): this {
    this.op_index(0x0e, depths.length);
    for (let i = 0; i < depths.length; i++) this.u32(depths[i]);
    return this.u32(otherwise);
  }
  /** Leaves the function with its results. */
  return_(): this {
    return this.op(0x0f);
  }
  /** [parameters] -> [results] */
  call(index: number): this {
    return this.op_index(0x10, index);
  }
  /** [parameters, i32 element] -> [results] traps on an empty element or another type. */
  call_indirect(typeIndex: number, tableIndex = 0): this {
    return this.op_index(0x11, typeIndex).u32(tableIndex);
  }
  /** [parameters] -> leaves the function with the callee's results; takes no stack. */
  return_call(index: number): this {
    return this.op_index(0x12, index);
  }
  /** [parameters, i32 element] -> leaves the function with the callee's results. */
  return_call_indirect(typeIndex: number, tableIndex = 0): this {
    return this.op_index(0x13, typeIndex).u32(tableIndex);
  }

  /** [any] -> [] */
  drop(): this {
    return this.op(0x1a);
  }
  /** [a, b, i32] -> [a if not zero, else b] for numbers and vectors. */
  select(): this {
    return this.op(0x1b);
  }
  /** [a, b, i32] -> [a if not zero, else b] for any type. */
  select_t(type: ValType): this {
    return this.op(0x1c).op(1).op(VALUE_TYPE[type]);
  }

  /** [] -> [value] */
  local_get(index: number): this {
    return this.op_index(0x20, index);
  }
  /** [value] -> [] */
  local_set(index: number): this {
    return this.op_index(0x21, index);
  }
  /** [value] -> [value] */
  local_tee(index: number): this {
    return this.op_index(0x22, index);
  }
  /** [] -> [value] */
  global_get(index: number): this {
    return this.op_index(0x23, index);
  }
  /** [value] -> [] */
  global_set(index: number): this {
    return this.op_index(0x24, index);
  }

  /** [] -> [funcref] the null reference. */
  ref_null(): this {
    return this.op(0xd0).op(VALUE_TYPE.funcref);
  }
  /** [funcref] -> [i32] */
  ref_is_null(): this {
    return this.op(0xd1);
  }
  /** [] -> [funcref] a function that an export or element segment names, too. */
  ref_func(index: number): this {
    return this.op_index(0xd2, index);
  }
  /** [i32] -> [funcref] */
  table_get(tableIndex = 0): this {
    return this.op_index(0x25, tableIndex);
  }
  /** [i32 funcref] -> [] */
  table_set(tableIndex = 0): this {
    return this.op_index(0x26, tableIndex);
  }
  /** [funcref, i32 elements] -> [i32 old size, or -1] */
  table_grow(tableIndex = 0): this {
    return this.op_fc(0x0f).u32(tableIndex);
  }
  /** [] -> [i32] elements. */
  table_size(tableIndex = 0): this {
    return this.op_fc(0x10).u32(tableIndex);
  }
  /** [i32 start, funcref, i32 elements] -> [] */
  table_fill(tableIndex = 0): this {
    return this.op_fc(0x11).u32(tableIndex);
  }

  #open(code: number, type: BlockType | undefined): this {
    this.op(code);
    if (type === undefined) return this.op(0x40);
    return typeof type === "number" ? this.s32(type) : this.op(VALUE_TYPE[type]);
  }
}
