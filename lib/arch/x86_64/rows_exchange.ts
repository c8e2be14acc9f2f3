/** XCHG, XADD, CMPXCHG and its wide forms (SDM volume 1, 5.1.1, 8.1.2.2 of volume 3). */
import type { Builder } from "../../engine/builder.ts";
import { Flags, pushStatus, Status } from "./flags.ts";
import { AL, getPart, RAX, RBX, RCX, RDX, setPart } from "./implicit_registers.ts";
import type { Operand } from "./operands.ts";
import { atomicIf, ifAligned, modify } from "./read_modify_write.ts";
import { setSumFlags } from "./rows_arithmetic.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { Fault } from "./fault_numbers.ts";
import { local, op } from "./sized.ts";

/** Memory is locked with or without the prefix. */
const exchange: X86Semantics = (b, o) => {
  const { size } = o[0];
  const y = local(b, size);
  o[1].get(b);
  b.local_set(y);
  const operand = (): void => {
    b.local_get(y);
  };
  b.local_get(modify(b, o[0], operand, { name: "xchg", operand }));
  o[1].set(b);
};

const exchangeAndAdd: X86Semantics = (b, o) => {
  const { size } = o[0];
  const y = local(b, size);
  o[1].get(b);
  b.local_set(y);
  const operand = (): void => {
    b.local_get(y);
  };
  const add = (old: number): void => {
    b.local_get(old).local_get(y);
    op(b, size, "add");
  };
  const x = modify(b, o[0], add, atomicIf(o, "add", operand));
  b.local_get(x);
  o[1].set(b);
  if (!o[0].isMemory) {
    // Of one register twice the sum is what stays.
    add(x);
    o[0].set(b);
  }
  setSumFlags(b, size, "add", x, y);
};

// ---- compare and exchange

const compareAndExchange: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [expected, replacement, old] = [local(b, size), local(b, size), local(b, size)];
  o[0].probe(b, "rw");
  if (size === 1) b.get8(AL);
  else getPart(b, RAX, size);
  b.local_set(expected);
  o[1].get(b);
  b.local_set(replacement);
  const differs = b.temp("i32");
  const plain = (): void => {
    o[0].get(b);
    b.local_set(old);
    setAccumulator(b, size, expected, old);
    b.local_get(old).local_get(expected);
    op(b, size, "ne");
    if (o[0].isMemory) {
      // Written in any case.
      b.local_set(differs).local_get(old).local_get(replacement).local_get(differs).select();
      o[0].set(b);
    } else {
      b.i32_eqz().if_();
      b.local_get(replacement);
      o[0].set(b);
      b.end();
    }
  };
  if (o.lock) {
    ifAligned(b, o[0], () => {
      lockedCompareExchange(b, o[0], expected, replacement);
      b.local_set(old);
      setAccumulator(b, size, expected, old);
    }, plain);
  } else plain();
  setSumFlags(b, size, "sub", expected, old);
};

/** [] -> [value] what memory had. */
function lockedCompareExchange(
  b: Builder,
  memory: Operand,
  expected: number,
  replacement: number,
): void {
  memory.place(b);
  b.local_get(expected).local_get(replacement);
  if (memory.size === 8) b.i64_atomic_rmw_cmpxchg();
  else if (memory.size === 4) b.i32_atomic_rmw_cmpxchg();
  else if (memory.size === 2) b.i32_atomic_rmw16_cmpxchg_u();
  else b.i32_atomic_rmw8_cmpxchg_u();
}

/** [] -> [] AL to RAX gets what the destination had, unless it is what it was compared with. */
function setAccumulator(b: Builder, size: number, expected: number, old: number): void {
  if (size !== 4) {
    b.local_get(old);
    if (size === 1) b.set8(AL);
    else setPart(b, RAX, size);
    return;
  }
  // Equal, the high half stays.
  b.get(RAX);
  b.local_get(old).i64_extend_i32_u();
  b.local_get(old).local_get(expected).i32_eq().select();
  b.set(RAX);
}

/** [] -> [] ZF as in the local, the other flags stay. */
function setZero(b: Builder, zero: number): void {
  pushStatus(b);
  b.i32_const(~Status.ZF).i32_and();
  b.local_get(zero).i32_const(6).i32_shl().i32_or().i64_extend_i32_u();
  b.setFlags(Flags.status);
}

/** EDX:EAX with memory, ECX:EBX into it. */
const compareAndExchange8: X86Semantics = (b, o) => {
  const [expected, replacement, old] = [b.temp("i64"), b.temp("i64"), b.temp("i64")];
  const equal = b.temp("i32");
  o[0].probe(b, "rw");
  pushPair(b, RDX, RAX);
  b.local_set(expected);
  pushPair(b, RCX, RBX);
  b.local_set(replacement);
  const plain = (): void => {
    o[0].get(b);
    b.local_tee(old).local_get(expected).i64_eq().local_set(equal);
    b.local_get(replacement).local_get(old).local_get(equal).select();
    o[0].set(b);
  };
  if (o.lock) {
    ifAligned(b, o[0], () => {
      lockedCompareExchange(b, o[0], expected, replacement);
      b.local_tee(old).local_get(expected).i64_eq().local_set(equal);
    }, plain);
  } else plain();
  // Equal, the high halves stay.
  b.get(RAX);
  b.local_get(old).i64_const_parts(-1, 0).i64_and().local_get(equal).select();
  b.set(RAX);
  b.get(RDX);
  b.local_get(old).i64_const32(32).i64_shr_u().local_get(equal).select();
  b.set(RDX);
  setZero(b, equal);
};

/** [] -> [i64] the low halves of two registers. */
function pushPair(b: Builder, high: typeof RAX, low: typeof RAX): void {
  b.get(high);
  b.i64_const32(32).i64_shl();
  b.get32(low);
  b.i64_extend_i32_u().i64_or();
}

/**
 * RDX:RAX with memory, RCX:RBX into it. WebAssembly has no 128-bit compare-exchange: atomic as long as
 * vCPUs take turns in one thread.
 */
const compareAndExchange16: X86Semantics = (b, o) => {
  const place = b.temp("i32");
  const equal = b.temp("i32");
  const [low, high] = [b.temp("i64"), b.temp("i64")];
  o[0].address(b);
  b.i32_wrap_i64().i32_const(15).i32_and();
  b.faultIf(Fault.generalProtection);
  o[0].probe(b, "rw");
  o[0].place(b);
  b.local_tee(place).i64_load(0).local_tee(low);
  b.get(RAX);
  b.i64_eq();
  b.local_get(place).i64_load(8).local_tee(high);
  b.get(RDX);
  b.i64_eq().i32_and().local_set(equal);
  b.local_get(place);
  b.get(RBX);
  b.local_get(low).local_get(equal).select().i64_store(0);
  b.local_get(place);
  b.get(RCX);
  b.local_get(high).local_get(equal).select().i64_store(8);
  b.local_get(low);
  b.set(RAX);
  b.local_get(high);
  b.set(RDX);
  setZero(b, equal);
};

export const exchangeRows: readonly X86Row[] = [
  x86("XCHG Eb,Gb", "86 /r", "base", exchange, { lock: true }),
  x86("XCHG Ev,Gv", "87 /r", "base", exchange, { lock: true }),
  x86("XADD Eb,Gb", "0f c0 /r", "base", exchangeAndAdd, { lock: true }),
  x86("XADD Ev,Gv", "0f c1 /r", "base", exchangeAndAdd, { lock: true }),
  x86("CMPXCHG Eb,Gb", "0f b0 /r", "base", compareAndExchange, { lock: true }),
  x86("CMPXCHG Ev,Gv", "0f b1 /r", "base", compareAndExchange, { lock: true }),
  x86("CMPXCHG8B M8", "W0 0f c7 /1", "base", compareAndExchange8, { lock: true }),
  x86("CMPXCHG16B M16", "W1 0f c7 /1", "cx16", compareAndExchange16, { lock: true }),
];
