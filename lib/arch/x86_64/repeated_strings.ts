/**
 * REP MOVS and REP STOS (SDM volume 2, REP): the elements that lie in one page of RAM on all sides, or
 * one if that is not known; then, unless that was all, the same instruction again. So registers are as
 * an interrupt or a fault must find them whenever there can be one.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand as EngineOperand, Slot } from "../../engine/instruction.ts";
import { getPart, RCX, RDI, RSI, setPart } from "./implicit_registers.ts";
import { field } from "./layout.ts";
import type { Operand, Operands } from "./operands.ts";
import { RFLAGS } from "./registers.ts";
import type { X86Semantics } from "./row.ts";
import { constant, local, op, widen } from "./sized.ts";

/** The distance to the instruction itself; its record has no other immediate. */
const SELF: EngineOperand = { name: "self", kind: "imm", slot: Slot.imm, value: 0, high: 0 };

/** Bytes from which on the runtime's own copying and filling is faster than a loop. */
const MANY = 64;

/**
 * [] -> [] The frame of both: `work` gets locals with the number of elements (i32, 1 at least) and of their
 * bytes, and does them. `sides`: the strings with their registers.
 */
function repeat(
  b: Builder,
  o: Operands,
  sides: readonly (readonly [Operand, EngineOperand, "r" | "w"])[],
  limit: (elements: number) => void,
  work: (elements: number, bytes: number) => void,
): void {
  const { size } = o[0];
  const { addressSize } = o;
  const [count, distance] = [b.temp("i64"), b.temp("i64")];
  const [elements, bytes] = [b.temp("i32"), b.temp("i32")];
  getPart(b, RCX, addressSize);
  widen(b, addressSize);
  b.local_tee(count).i64_eqz().i32_eqz().if_();
  for (const [operand, , access] of sides) operand.probe(b, access);
  b.i32_const(1).local_set(elements);
  pushMayBeMany(b, sides.map(([operand]) => operand));
  b.if_();
  // Up to 4096: as many as a page has.
  b.local_get(count).i64_const32(4096).local_get(count).i64_const32(4096).i64_lt_u().select();
  b.i32_wrap_i64().local_set(elements);
  for (const [operand, register] of sides) {
    limitTo(b, elements, () => pushRun(b, operand));
    if (addressSize < 8) limitTo(b, elements, () => pushRunOfOffset(b, o, register));
  }
  limit(elements);
  b.end();
  b.local_get(elements).i32_const(Math.log2(size)).i32_shl().local_set(bytes);
  work(elements, bytes);
  // By one element if DF is set.
  b.local_get(bytes).i64_extend_i32_u();
  b.getState(field("df"));
  b.i64_const32(Math.log2(2 * size)).i64_shl().i64_sub().local_set(distance);
  for (const [, register] of sides) add(b, register, addressSize, distance);
  b.i64_const32(0).local_get(elements).i64_extend_i32_u().i64_sub().local_set(distance);
  add(b, RCX, addressSize, distance);
  b.end();
  getPart(b, RCX, addressSize);
  op(b, addressSize, "eqz");
  b.i32_eqz();
  b.jumpIf(SELF);
}

/** [] -> [] adds a distance (i64 local) to a register. */
function add(b: Builder, register: EngineOperand, size: number, distance: number): void {
  getPart(b, register, size);
  b.local_get(distance);
  if (size < 8) b.i32_wrap_i64();
  op(b, size, "add");
  setPart(b, register, size);
}

/** [] -> [i32] upwards, all in RAM, no single step. */
function pushMayBeMany(b: Builder, operands: readonly Operand[]): void {
  b.getState(field("df"));
  b.i64_eqz();
  b.getState(field("rflags"));
  b.i32_const(RFLAGS.TF).i32_and().i32_eqz().i32_and();
  for (const operand of operands) {
    const place = b.temp("i32");
    operand.place(b);
    b.local_set(place);
    b.isRam(place);
    b.i32_and();
  }
}

/** [] -> [] a number (local) to what `most` gives ([] -> [i32]), if that is less; at least 1. */
function limitTo(b: Builder, elements: number, most: () => void): void {
  const limit = b.temp("i32");
  most();
  b.local_set(limit);
  b.local_get(elements).local_get(limit).local_get(elements).local_get(limit).i32_lt_u().select();
  b.local_tee(elements).i32_eqz().if_().i32_const(1).local_set(elements).end();
}

/** [] -> [i32] elements up to the page's end. */
function pushRun(b: Builder, operand: Operand): void {
  b.i32_const(4096);
  operand.place(b);
  b.i32_const(4095).i32_and().i32_sub().i32_const(Math.log2(operand.size)).i32_shr_u();
}

/** [] -> [i32] elements that begin before the offset of 16 or 32 bits wraps. */
function pushRunOfOffset(b: Builder, o: Operands, register: EngineOperand): void {
  b.i32_const(o.addressSize === 2 ? 0xffff : -1);
  getPart(b, register, o.addressSize);
  b.i32_sub().i32_const(Math.log2(o[0].size)).i32_shr_u().i32_const(1).i32_add();
}

export const repeatedMove: X86Semantics = (b, o) => {
  const { size } = o[0];
  const ahead = b.temp("i32");
  // What was moved must not be moved again: up to there.
  const limit = (elements: number): void => {
    o[0].place(b);
    o[1].place(b);
    b.i32_sub().local_tee(ahead).i32_const(4096).i32_lt_u().if_();
    b.local_get(ahead).if_();
    limitTo(b, elements, () => {
      b.local_get(ahead).i32_const(Math.log2(size)).i32_shr_u();
    });
    b.end();
    b.end();
  };
  repeat(b, o, [[o[1], RSI, "r"], [o[0], RDI, "w"]], limit, (elements, bytes) => {
    b.local_get(elements).i32_const(1).i32_eq().if_();
    o[1].get(b);
    o[0].set(b);
    b.else_();
    o[0].place(b);
    o[1].place(b);
    b.local_get(bytes).memory_copy();
    b.end();
  });
};

export const repeatedStore: X86Semantics = (b, o) => {
  const { size } = o[0];
  repeat(b, o, [[o[0], RDI, "w"]], () => {}, (elements, bytes) => {
    b.local_get(elements).i32_const(1).i32_eq().if_();
    o[1].get(b);
    o[0].set(b);
    b.else_();
    pushUniform(b, o[1]);
    b.local_get(bytes).i32_const(MANY).i32_ge_u().i32_and().if_();
    o[0].place(b);
    o[1].get(b);
    if (size === 8) b.i32_wrap_i64();
    b.local_get(bytes).memory_fill();
    b.else_();
    storeEach(b, o, bytes);
    b.end();
    b.end();
  });
};

/** [] -> [i32] whether all bytes of a value are equal: rotated by a byte, it is the same. */
function pushUniform(b: Builder, operand: Operand): void {
  const { size } = operand;
  if (size === 1) {
    b.i32_const(1);
    return;
  }
  const value = local(b, size);
  operand.get(b);
  if (size === 2) {
    // Twice, for 32 bits.
    b.i32_const(0x10001).i32_mul();
  }
  b.local_tee(value).local_get(value);
  constant(b, size, 8);
  op(b, size, "rotl");
  op(b, size, "ne");
  b.i32_eqz();
}

/** [] -> [] stores the second operand again and again. */
function storeEach(b: Builder, o: Operands, bytes: number): void {
  const [at, end] = [b.temp("i32"), b.temp("i32")];
  o[0].place(b);
  b.local_tee(at).local_get(bytes).i32_add().local_set(end);
  b.loop();
  b.local_get(at);
  o[1].get(b);
  if (o[0].size === 8) b.i64_store();
  else if (o[0].size === 4) b.i32_store();
  else if (o[0].size === 2) b.i32_store16();
  else b.i32_store8();
  b.local_get(at).i32_const(o[0].size).i32_add().local_tee(at);
  b.local_get(end).i32_lt_u().br_if(0);
  b.end();
}
