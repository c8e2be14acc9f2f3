/** Near branches, calls and returns (SDM volume 1, 5.1.7). Their operand size is 64 bits in 64-bit mode. */
import type { Builder } from "../../engine/builder.ts";
import { Fault } from "./fault_numbers.ts";
import { Condition } from "./flags.ts";
import { getPart, RCX, RSP, setPart } from "./implicit_registers.ts";
import type { Operands } from "./operands.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { push, top } from "./rows_stack.ts";
import { constant, fromI32, local, op, widen } from "./sized.ts";
import { addToStackPointer } from "./stack_slots.ts";

const jump: X86Semantics = (b, o) => b.jump(o[0].raw);

const jumpIf: X86Semantics = (b, o) => {
  b.condition(o.cc);
  b.jumpIf(o[0].raw);
};

/** [value] -> [] a target in a register, a variable or on the stack, to a local. */
function takeTarget(b: Builder, o: Operands, target: number): void {
  widen(b, o.size);
  b.local_set(target);
}

/** [] -> [] #GP if the target is not canonical. */
function checkTarget(b: Builder, o: Operands, target: number): void {
  if (o.codeSize !== 8) return;
  b.local_get(target).i64_const32(16).i64_shl().i64_const32(16).i64_shr_s();
  b.local_get(target).i64_ne();
  b.faultIf(Fault.generalProtection);
}

const jumpIndirect: X86Semantics = (b, o) => {
  const target = b.temp("i64");
  o[0].get(b);
  takeTarget(b, o, target);
  checkTarget(b, o, target);
  b.local_get(target);
  o.jumpTo(b);
};

/** [] -> [] pushes the address of the next instruction. */
function pushNext(b: Builder, o: Operands, check?: () => void): void {
  push(
    b,
    o,
    o.size,
    () => {
      o.nextIp(b);
      if (o.size < 8) b.i32_wrap_i64();
    },
    check,
  );
}

const call: X86Semantics = (b, o) => {
  pushNext(b, o);
  b.jump(o[0].raw);
};

const callIndirect: X86Semantics = (b, o) => {
  const target = b.temp("i64");
  o[0].get(b);
  takeTarget(b, o, target);
  pushNext(b, o, () => checkTarget(b, o, target));
  b.local_get(target);
  o.jumpTo(b);
};

/** RET, with an operand after leaving out so many bytes. */
const ret: X86Semantics = (b, o) => {
  const target = b.temp("i64");
  top(b, o, o.size);
  takeTarget(b, o, target);
  checkTarget(b, o, target);
  addToStackPointer(b, o, o.size);
  if (o.length > 0) {
    const size = o.stackSize;
    getPart(b, RSP, size);
    o[0].unsigned(b);
    fromI32(b, size);
    op(b, size, "add");
    setPart(b, RSP, size);
  }
  b.local_get(target);
  o.jumpTo(b);
};

/** LOOP: counts rCX down; jumps unless it is zero, LOOPE and LOOPNE by ZF too. */
const loop = (condition?: number): X86Semantics => (b, o) => {
  const size = o.addressSize;
  const count = local(b, size);
  if (condition !== undefined) b.condition(condition);
  getPart(b, RCX, size);
  constant(b, size, 1);
  op(b, size, "sub");
  b.local_tee(count);
  setPart(b, RCX, size);
  pushNotZero(b, size, count);
  if (condition !== undefined) b.i32_and();
  b.jumpIf(o[0].raw);
};

/** [] -> [i32] whether a count of 2, 4 or 8 bytes is not zero. */
function pushNotZero(b: Builder, size: number, count: number): void {
  b.local_get(count);
  if (size === 2) b.i32_const(0xffff).i32_and();
  op(b, size, "eqz");
  b.i32_eqz();
}

/** JCXZ, JECXZ, JRCXZ. */
const jumpIfCountZero: X86Semantics = (b, o) => {
  getPart(b, RCX, o.addressSize);
  op(b, o.addressSize, "eqz");
  b.jumpIf(o[0].raw);
};

const f64 = true;
const branch = { flow: "branch", f64 } as const;
const counted = { ...branch, addressSized: true } as const;

export const branchRows: readonly X86Row[] = [
  x86("Jcc Jb", "70+cc", "base", jumpIf, branch),
  x86("Jcc Jz", "0f 80+cc", "base", jumpIf, branch),
  x86("LOOPNE Jb", "e0", "base", loop(Condition.Z + 1), counted),
  x86("LOOPE Jb", "e1", "base", loop(Condition.Z), counted),
  x86("LOOP Jb", "e2", "base", loop(), counted),
  x86("JRCXZ Jb", "e3", "base", jumpIfCountZero, counted),
  x86("JMP Jb", "eb", "base", jump, { flow: "jump", f64 }),
  x86("JMP Jz", "e9", "base", jump, { flow: "jump", f64 }),
  x86("JMP Ev", "ff /4", "base", jumpIndirect, { flow: "indirect", f64 }),
  x86("CALL Jz", "e8", "base", call, { flow: "call", f64 }),
  x86("CALL Ev", "ff /2", "base", callIndirect, { flow: "indirect-call", f64 }),
  x86("RET", "c3", "base", ret, { flow: "return", f64, sized: true }),
  x86("RET Iw", "c2", "base", ret, { flow: "return", f64, sized: true }),
];
