/** Atomic memory operations (FEAT_LSE; Arm ARM, C4.1.88): CAS, CASP, SWP, LD<op>. All orderings are sequentially consistent here. */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type Row, row } from "../../engine/row.ts";
import { atomicCompareExchange } from "./exclusives.ts";
import { base31, getBase } from "./loads_stores.ts";

const LSE = "FEAT_LSE";

type Bytes = 1 | 2 | 4 | 8;

/** Operations that WebAssembly has as read-modify-write. */
type Modify = "add" | "and" | "or" | "xor" | "xchg";

/** [i32 host address, i64] -> [i64 old] */
function readModifyWrite(b: Builder, bytes: Bytes, name: Modify): void {
  if (bytes === 8) b[`i64_atomic_rmw_${name}`]();
  else if (bytes === 4) b[`i64_atomic_rmw32_${name}_u`]();
  else if (bytes === 2) b[`i64_atomic_rmw16_${name}_u`]();
  else b[`i64_atomic_rmw8_${name}_u`]();
}

type AtomicFields = "base31" | "Rn_sp" | "Rs" | "Rt";

/** Rt gets the old value, memory the result. LDCLR clears the bits that are set in Rs. */
const modify = (bytes: Bytes, name: Modify, invert: boolean) =>
(
  b: Builder,
  f: Fields<AtomicFields>,
): void => {
  getBase(b, f);
  b.readWriteAddress(bytes, { aligned: true });
  b.get(f.Rs);
  if (invert) b.i64_const32(-1).i64_xor();
  readModifyWrite(b, bytes, name);
  b.set(f.Rt);
};

/** [i64] -> [i64] the low `bytes` of a value, sign- or zero-extended. */
function narrow(b: Builder, bytes: Bytes, signed: boolean): void {
  if (bytes === 8) return;
  if (!signed) {
    b.i64_const_parts(bytes === 4 ? -1 : bytes === 2 ? 0xffff : 0xff, 0).i64_and();
  } else if (bytes === 4) b.i64_extend32_s();
  else if (bytes === 2) b.i64_extend16_s();
  else b.i64_extend8_s();
}

/** [i32 host address] -> [i64] zero-extended. */
function load(b: Builder, bytes: Bytes): void {
  if (bytes === 8) b.i64_atomic_load();
  else if (bytes === 4) b.i64_atomic_load32_u();
  else if (bytes === 2) b.i64_atomic_load16_u();
  else b.i64_atomic_load8_u();
}

/** Minimum and maximum: a compare-exchange loop, which repeats only if another vCPU interferes. */
const choose = (bytes: Bytes, signed: boolean, maximum: boolean) =>
(
  b: Builder,
  f: Fields<AtomicFields>,
): void => {
  const host = b.temp("i32");
  const source = b.temp("i64");
  const old = b.temp("i64");
  getBase(b, f);
  b.readWriteAddress(bytes, { aligned: true });
  b.local_set(host);
  b.get(f.Rs);
  narrow(b, bytes, signed);
  b.local_set(source);
  b.loop();
  b.local_get(host);
  b.local_get(host);
  load(b, bytes);
  b.local_tee(old);
  b.local_get(old).local_get(source);
  b.local_get(old);
  if (signed) narrow(b, bytes, true);
  b.local_get(source);
  if (signed) maximum ? b.i64_gt_s() : b.i64_lt_s();
  else maximum ? b.i64_gt_u() : b.i64_lt_u();
  b.select();
  atomicCompareExchange(b, bytes);
  b.local_get(old).i64_ne().br_if(0).end();
  b.local_get(old);
  b.set(f.Rt);
};

/** Compares with Rs, which gets the old value; stores Rt if equal. */
const compareAndSwap = (bytes: Bytes) => (b: Builder, f: Fields<AtomicFields>): void => {
  getBase(b, f);
  b.readWriteAddress(bytes, { aligned: true });
  b.get(f.Rs);
  narrow(b, bytes, false);
  b.get(f.Rt);
  atomicCompareExchange(b, bytes);
  b.set(f.Rs);
};

const SIZES = [
  { size: "00", bytes: 1, suffix: "b", width: "w" },
  { size: "01", bytes: 2, suffix: "h", width: "w" },
  { size: "10", bytes: 4, suffix: "", width: "w" },
  { size: "11", bytes: 8, suffix: "", width: "x" },
] as const;

/** o3:opc, the mnemonic that follows LD, and the semantics for a size. */
const OPERATIONS = [
  { o3: "0", opc: "000", mnemonic: "ldadd", make: (n: Bytes) => modify(n, "add", false) },
  { o3: "0", opc: "001", mnemonic: "ldclr", make: (n: Bytes) => modify(n, "and", true) },
  { o3: "0", opc: "010", mnemonic: "ldeor", make: (n: Bytes) => modify(n, "xor", false) },
  { o3: "0", opc: "011", mnemonic: "ldset", make: (n: Bytes) => modify(n, "or", false) },
  { o3: "0", opc: "100", mnemonic: "ldsmax", make: (n: Bytes) => choose(n, true, true) },
  { o3: "0", opc: "101", mnemonic: "ldsmin", make: (n: Bytes) => choose(n, true, false) },
  { o3: "0", opc: "110", mnemonic: "ldumax", make: (n: Bytes) => choose(n, false, true) },
  { o3: "0", opc: "111", mnemonic: "ldumin", make: (n: Bytes) => choose(n, false, false) },
  { o3: "1", opc: "000", mnemonic: "swp", make: (n: Bytes) => modify(n, "xchg", false) },
] as const;

/** Acquire and release bits are one row with the plain form: they need nothing here. */
const operationRows: readonly Row[] = OPERATIONS.flatMap(({ o3, opc, mnemonic, make }): Row[] =>
  SIZES.map(({ size, bytes, suffix, width }): Row =>
    row(
      `${size} 111 0 00 rawA rawR 1 Rs:5 ${o3} ${opc} 00 Rn_sp:5 Rt:5`,
      `${mnemonic.toUpperCase()}${suffix.toUpperCase()} (${width})`,
      LSE,
      make(bytes),
      {
        derive: { base31 },
        asm: `${mnemonic}{order}${suffix} {Rs:${width}}, {Rt:${width}}, [{Rn_sp:xsp}]`,
      },
    )
  )
);

const compareRows: readonly Row[] = SIZES.map(({ size, bytes, suffix, width }): Row =>
  row(
    `${size} 001000 1 rawA 1 Rs:5 rawR 11111 Rn_sp:5 Rt:5`,
    `CAS${suffix.toUpperCase()} (${width})`,
    LSE,
    compareAndSwap(bytes),
    {
      derive: { base31 },
      asm: `cas{order}${suffix} {Rs:${width}}, {Rt:${width}}, [{Rn_sp:xsp}]`,
    },
  )
);

// ---- compare and swap pair

type PairFields = AtomicFields | "Rs2" | "Rt2";

/** Two words are one doubleword in memory: Rs and Rt in its low half. */
function compareAndSwapWords(b: Builder, f: Fields<PairFields>): void {
  const old = b.temp("i64");
  getBase(b, f);
  b.readWriteAddress(8, { aligned: true });
  b.get32(f.Rs);
  b.i64_extend_i32_u();
  b.get(f.Rs2);
  b.i64_const32(32).i64_shl().i64_or();
  b.get32(f.Rt);
  b.i64_extend_i32_u();
  b.get(f.Rt2);
  b.i64_const32(32).i64_shl().i64_or();
  atomicCompareExchange(b, 8);
  b.local_tee(old).i32_wrap_i64();
  b.set32(f.Rs);
  b.local_get(old).i64_const32(32).i64_shr_u();
  b.set(f.Rs2);
}

/**
 * WebAssembly has no 128-bit compare-exchange: compares, then stores the halves. Atomic as long as
 * vCPUs take turns in one thread.
 */
function compareAndSwapDoublewords(b: Builder, f: Fields<PairFields>): void {
  const host = b.temp("i32");
  const [low, high, newLow, newHigh] = [0, 1, 2, 3].map(() => b.temp("i64"));
  getBase(b, f);
  b.readWriteAddress(16, { aligned: true });
  b.local_tee(host).i64_atomic_load(0).local_set(low);
  b.local_get(host).i64_atomic_load(8).local_set(high);
  b.get(f.Rt);
  b.local_set(newLow);
  b.get(f.Rt2);
  b.local_set(newHigh);
  b.get(f.Rs);
  b.local_get(low).i64_xor();
  b.get(f.Rs2);
  b.local_get(high).i64_xor();
  b.i64_or().i64_eqz().if_();
  b.local_get(host).local_get(newLow).i64_atomic_store(0);
  b.local_get(host).local_get(newHigh).i64_atomic_store(8);
  b.end();
  b.local_get(low);
  b.set(f.Rs);
  b.local_get(high);
  b.set(f.Rs2);
}

/** Odd register numbers are unallocated. */
const pairRows: readonly Row[] = ([
  ["0", "w", compareAndSwapWords],
  ["1", "x", compareAndSwapDoublewords],
] as const).map(([sz, width, semantics]): Row =>
  row(`0 ${sz} 001000 0 rawA 1 Rs:5 rawR 11111 Rn_sp:5 Rt:5`, `CASP (${width})`, LSE, semantics, {
    when: (f) => ((f.Rs | f.Rt) & 1) === 0,
    derive: { base31, Rs2: (f) => f.Rs + 1, Rt2: (f) => f.Rt + 1 },
    asm: `casp{order} {Rs:${width}}, {Rs2:${width}}, {Rt:${width}}, {Rt2:${width}}, [{Rn_sp:xsp}]`,
  })
);

/** Atomic read-modify-write, swap, compare and swap. */
export const atomicRows: readonly Row[] = [...operationRows, ...compareRows, ...pairRows];
