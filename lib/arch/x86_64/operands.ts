/**
 * What the semantics of an x86 instruction see of it: its operands and what is structural. The
 * notation that rows name operands in stands in row.ts.
 *
 * Values on the WebAssembly stack have the type of their size: 1, 2 and 4 bytes are an i32
 * (zero-extended), 8 bytes an i64, 16 bytes a v128.
 *
 * @example ADD, for all its encodings:
 * ```ts ignore
 * const add = (b: Builder, o: Operands): void => {
 *   o[0].probe(b, "rw"); // memory: may fault; registers: nothing
 *   o[0].get(b);
 *   o[1].get(b);
 *   if (o.size === 8) b.i64_add(); else b.i32_add();
 *   o[0].set(b);
 * };
 * ```
 */
import type { AccessOptions, Builder } from "../../engine/builder.ts";
import type { Operand as EngineOperand } from "../../engine/row.ts";

/** What a probe makes sure of: that memory can be read, written, or both. */
export type ProbeAccess = "r" | "w" | "rw";

/** One operand of an instruction. */
export interface Operand {
  /** Bytes. 16 for an XMM register (V, U), whatever the instruction uses of it. */
  readonly size: number;
  /**
   * Where it is. `number` kinds have no value at run time: only {@linkcode Operand.number}.
   * - general: register; 1-byte ones include AH, CH, DH, BH
   * - xmm, mmx: vector registers
   * - memory: as ModRM, or the instruction, addresses it
   * - immediate
   * - number: ST(i), segment, control or debug register, a fixed 1
   */
  readonly kind: "general" | "xmm" | "mmx" | "memory" | "immediate" | "number";
  readonly isMemory: boolean;
  /**
   * Structural: the number of an MMX, ST(i), segment (0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS), control or
   * debug register; the value of an immediate whose row has the option `constant`. Else -1.
   */
  readonly number: number;
  /** What the builder wants: a general or XMM register, a "mem" or an immediate. */
  readonly raw: EngineOperand;

  /**
   * [] -> [] Memory: translates the address and keeps the place for `get` and `set`; leaves, without
   * effect, if that faults. Anything else: nothing. All probes stand before any change of state.
   * `options.aligned` is for what must be aligned (#GP otherwise): 16-byte operands of SSE.
   */
  probe(b: Builder, access: ProbeAccess, options?: AccessOptions): void;
  /** [i64] -> [] the same of memory so many bytes further: BT with a register. */
  probePlus(b: Builder, access: ProbeAccess): void;
  /**
   * [] -> [value] Immediates are sign-extended to the row's operand size (`Operands.size`): i64 for
   * 8, else i32. Memory that was not probed is probed for reading here.
   * XMM registers as operand W4 or W8 give their low lane.
   */
  get(b: Builder): void;
  /**
   * [value] -> [] A 32-bit general register clears its high half, 8 and 16 bits leave the others. An
   * XMM register as operand W4 or W8 keeps its other lanes. Memory that was not probed is probed for
   * writing here: only for what changes no other state before.
   */
  set(b: Builder): void;
  /** [] -> [v128] XMM register, all of it; memory: its bytes, zeros above. */
  getV(b: Builder): void;
  /** [v128] -> [] XMM register, all of it; memory: as many low bytes as it has. */
  setV(b: Builder): void;
  /** [] -> [f32 or f64] operands of 4 or 8 bytes: XMM register or memory. */
  getFloat(b: Builder): void;
  /** [] -> [i32] host address of memory that was probed, for what `get` and `set` do not do. */
  place(b: Builder): void;
  /** [] -> [i64] linear address of memory. */
  address(b: Builder): void;
  /** [] -> [i64] offset in its segment of memory (LEA), not yet cut to the operand size. */
  offset(b: Builder): void;
  /** [] -> [i32] an immediate, zero-extended from the size that it is encoded in (Ib, Iw). */
  unsigned(b: Builder): void;
}

/** The operands of an instruction in the order of its title, and what is structural about it. */
export interface Operands {
  readonly [index: number]: Operand;
  readonly length: number;
  /**
   * Operand size in bytes. Rows with an operand whose size varies (v, y, z), or with the option
   * `sized`: the effective one, 2, 4 or 8. Else the size of the first operand; 0 if there is none.
   */
  readonly size: number;
  /** Address size in bytes: 2, 4, 8. Rows with X, Y or the option `addressSized`; else 0. */
  readonly addressSize: number;
  /** Segment of X, index of `segmentBase`, for the same rows: DS or an override. 0: none, base 0. */
  readonly segment: number;
  /** 8 in 64-bit mode, 4 or 2 in 32-bit and 16-bit code. */
  readonly codeSize: number;
  /** Bytes of the stack pointer that PUSH and its like use: RSP, ESP or SP. */
  readonly stackSize: number;
  /** Condition of rows with `+cc`, 0..15: O, NO, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G. */
  readonly cc: number;
  /** Whether the instruction has LOCK. Only rows with the option `lock` ever see true. */
  readonly lock: boolean;
  /** The repeat prefix: 0, 0xf2 (REPNE), 0xf3 (REP, REPE). Not 0 only in rows that have one. */
  readonly repeat: number;

  /** [i64] -> [i64] linear address of an offset in `segment`, cut to the address size: XLAT. */
  linear(b: Builder): void;
  /** [] -> [i64] offset in CS of the next instruction: what CALL pushes. See also `b.nextPc()`. */
  nextIp(b: Builder): void;
  /**
   * [i64] -> [] the last thing that semantics do: goes to an offset in CS, cut to the operand size
   * (in 64-bit mode it is not). Direct jumps use `b.jump(o[0].raw)` and `b.jumpIf(o[0].raw)`.
   */
  jumpTo(b: Builder): void;
}
