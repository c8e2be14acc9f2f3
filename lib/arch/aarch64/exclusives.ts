/**
 * Load-exclusive, store-exclusive, load-acquire, store-release and CLREX (Arm ARM, C4.1.88, B2.9).
 *
 * The monitor remembers the address and the value that was loaded. A store-exclusive succeeds if the
 * address is the same and memory still holds that value, tested and written in one atomic step. Unlike
 * a hardware monitor it does not see a write that puts the same value back (as in QEMU).
 */
import type { Builder, ProbeSize } from "../../engine/builder.ts";
import { type Fields, type Row, row } from "../../engine/row.ts";
import { field } from "./layout.ts";
import { base31, getBase } from "./loads_stores.ts";

const BASE = "FEAT_AA64";

const exclusiveAddress = field("exclusiveAddress");
const exclusiveLow = field("exclusiveLow");
const exclusiveHigh = field("exclusiveHigh");

/** [] -> [] opens the monitor: no address is all ones, as exclusives are aligned. */
function clearMonitor(b: Builder): void {
  b.i64_const32(-1);
  b.setState(exclusiveAddress);
}

/** [i32 host address] -> [i64] */
function atomicLoad(b: Builder, bytes: number): void {
  if (bytes === 8) b.i64_atomic_load();
  else if (bytes === 4) b.i64_atomic_load32_u();
  else if (bytes === 2) b.i64_atomic_load16_u();
  else b.i64_atomic_load8_u();
}

/** [i32 host address, i64] -> [] */
function atomicStore(b: Builder, bytes: number): void {
  if (bytes === 8) b.i64_atomic_store();
  else if (bytes === 4) b.i64_atomic_store32();
  else if (bytes === 2) b.i64_atomic_store16();
  else b.i64_atomic_store8();
}

/** [i32 host address, i64 expected, i64 new] -> [i64 old] `expected` must not be wider than the access. */
export function atomicCompareExchange(b: Builder, bytes: number): void {
  if (bytes === 8) b.i64_atomic_rmw_cmpxchg();
  else if (bytes === 4) b.i64_atomic_rmw32_cmpxchg_u();
  else if (bytes === 2) b.i64_atomic_rmw16_cmpxchg_u();
  else b.i64_atomic_rmw8_cmpxchg_u();
}

type Bytes = 1 | 2 | 4 | 8;

const loadExclusive =
  (bytes: Bytes) => (b: Builder, f: Fields<"base31" | "Rn_sp" | "Rt">): void => {
    const address = b.temp("i64");
    const value = b.temp("i64");
    getBase(b, f);
    b.local_tee(address);
    b.readAddress(bytes, { aligned: true });
    atomicLoad(b, bytes);
    b.local_tee(value);
    b.setState(exclusiveLow);
    b.local_get(address);
    b.setState(exclusiveAddress);
    b.local_get(value);
    b.set(f.Rt);
  };

/** [] -> [] Rs gets the i32 in `failed`, the monitor is open. */
function finishStore(b: Builder, f: Fields<"Rs">, failed: number): void {
  clearMonitor(b);
  b.local_get(failed);
  b.set32(f.Rs);
}

const storeExclusive =
  (bytes: Bytes) => (b: Builder, f: Fields<"base31" | "Rn_sp" | "Rs" | "Rt">): void => {
    const address = b.temp("i64");
    const host = b.temp("i32");
    const expected = b.temp("i64");
    const value = b.temp("i64");
    const failed = b.temp("i32");
    getBase(b, f);
    b.local_tee(address);
    b.writeAddress(bytes, { aligned: true });
    b.local_set(host);
    b.get(f.Rt);
    b.local_set(value);
    b.getState(exclusiveLow);
    b.local_set(expected);
    b.local_get(address);
    b.getState(exclusiveAddress);
    b.i64_eq().if_("i32");
    b.local_get(host).local_get(expected).local_get(value);
    atomicCompareExchange(b, bytes);
    b.local_get(expected).i64_ne();
    b.else_().i32_const(1).end().local_set(failed);
    finishStore(b, f, failed);
  };

// ---- pairs

type LoadPairFields = "base31" | "Rn_sp" | "Rt" | "Rt2";
type StorePairFields = LoadPairFields | "Rs";

/** Two words are one doubleword in memory: Rt in its low half. */
function loadExclusiveWords(b: Builder, f: Fields<LoadPairFields>): void {
  const address = b.temp("i64");
  const value = b.temp("i64");
  getBase(b, f);
  b.local_tee(address);
  b.readAddress(8, { aligned: true });
  b.i64_atomic_load().local_tee(value);
  b.setState(exclusiveLow);
  b.local_get(address);
  b.setState(exclusiveAddress);
  b.local_get(value).i32_wrap_i64();
  b.set32(f.Rt);
  b.local_get(value).i64_const32(32).i64_shr_u();
  b.set(f.Rt2);
}

function storeExclusiveWords(b: Builder, f: Fields<StorePairFields>): void {
  const address = b.temp("i64");
  const host = b.temp("i32");
  const expected = b.temp("i64");
  const value = b.temp("i64");
  const failed = b.temp("i32");
  getBase(b, f);
  b.local_tee(address);
  b.writeAddress(8, { aligned: true });
  b.local_set(host);
  b.get32(f.Rt);
  b.i64_extend_i32_u();
  b.get(f.Rt2);
  b.i64_const32(32).i64_shl().i64_or().local_set(value);
  b.getState(exclusiveLow);
  b.local_set(expected);
  b.local_get(address);
  b.getState(exclusiveAddress);
  b.i64_eq().if_("i32");
  b.local_get(host).local_get(expected).local_get(value);
  b.i64_atomic_rmw_cmpxchg().local_get(expected).i64_ne();
  b.else_().i32_const(1).end().local_set(failed);
  finishStore(b, f, failed);
}

const pairSize: ProbeSize = 16;

function loadExclusiveDoublewords(b: Builder, f: Fields<LoadPairFields>): void {
  const address = b.temp("i64");
  const host = b.temp("i32");
  const low = b.temp("i64");
  const high = b.temp("i64");
  getBase(b, f);
  b.local_tee(address);
  b.readAddress(pairSize, { aligned: true });
  b.local_tee(host);
  b.i64_atomic_load().local_tee(low);
  b.setState(exclusiveLow);
  b.local_get(host).i64_atomic_load(8).local_tee(high);
  b.setState(exclusiveHigh);
  b.local_get(address);
  b.setState(exclusiveAddress);
  b.local_get(low);
  b.set(f.Rt);
  b.local_get(high);
  b.set(f.Rt2);
}

/**
 * WebAssembly has no 128-bit compare-exchange: compares, then stores the halves. Atomic as long as
 * vCPUs take turns in one thread.
 */
function storeExclusiveDoublewords(b: Builder, f: Fields<StorePairFields>): void {
  const host = b.temp("i32");
  const address = b.temp("i64");
  const low = b.temp("i64");
  const high = b.temp("i64");
  const failed = b.temp("i32");
  getBase(b, f);
  b.local_tee(address);
  b.writeAddress(pairSize, { aligned: true });
  b.local_set(host);
  b.get(f.Rt);
  b.local_set(low);
  b.get(f.Rt2);
  b.local_set(high);
  b.local_get(address);
  b.getState(exclusiveAddress);
  b.i64_ne();
  b.local_get(host).i64_load(0);
  b.getState(exclusiveLow);
  b.i64_ne().i32_or();
  b.local_get(host).i64_load(8);
  b.getState(exclusiveHigh);
  b.i64_ne().i32_or().local_tee(failed);
  b.i32_eqz().if_();
  b.local_get(host).local_get(low).i64_store(0);
  b.local_get(host).local_get(high).i64_store(8);
  b.end();
  finishStore(b, f, failed);
}

// ---- acquire and release

const loadAcquire = (bytes: Bytes) => (b: Builder, f: Fields<"base31" | "Rn_sp" | "Rt">): void => {
  getBase(b, f);
  b.readAddress(bytes, { aligned: true });
  atomicLoad(b, bytes);
  b.set(f.Rt);
};

const storeRelease = (bytes: Bytes) => (b: Builder, f: Fields<"base31" | "Rn_sp" | "Rt">): void => {
  getBase(b, f);
  b.writeAddress(bytes, { aligned: true });
  b.get(f.Rt);
  atomicStore(b, bytes);
};

// ---- rows

const SIZES = [
  { size: "00", bytes: 1, suffix: "B", width: "w" },
  { size: "01", bytes: 2, suffix: "H", width: "w" },
  { size: "10", bytes: 4, suffix: "", width: "w" },
  { size: "11", bytes: 8, suffix: "", width: "x" },
] as const;

/** Single-register forms. Fields named raw here should be all ones; other values are ignored. */
const singleRows: readonly Row[] = SIZES.flatMap(({ size, bytes, suffix, width }): Row[] => {
  const options = (mnemonic: string): { derive: { base31: typeof base31 }; asm: string } => ({
    derive: { base31 },
    asm: `${mnemonic}${suffix.toLowerCase()} {Rt:${width}}, [{Rn_sp:xsp}]`,
  });
  const storeOptions = (mnemonic: string): { derive: { base31: typeof base31 }; asm: string } => ({
    derive: { base31 },
    asm: `${mnemonic}${suffix.toLowerCase()} {Rs:w}, {Rt:${width}}, [{Rn_sp:xsp}]`,
  });
  return [
    row(
      `${size} 001000 000 Rs:5 0 rawRt2:5 Rn_sp:5 Rt:5`,
      `STXR${suffix} (${width})`,
      BASE,
      storeExclusive(bytes),
      storeOptions("stxr"),
    ),
    row(
      `${size} 001000 000 Rs:5 1 rawRt2:5 Rn_sp:5 Rt:5`,
      `STLXR${suffix} (${width})`,
      BASE,
      storeExclusive(bytes),
      storeOptions("stlxr"),
    ),
    row(
      `${size} 001000 010 rawRs:5 0 rawRt2:5 Rn_sp:5 Rt:5`,
      `LDXR${suffix} (${width})`,
      BASE,
      loadExclusive(bytes),
      options("ldxr"),
    ),
    row(
      `${size} 001000 010 rawRs:5 1 rawRt2:5 Rn_sp:5 Rt:5`,
      `LDAXR${suffix} (${width})`,
      BASE,
      loadExclusive(bytes),
      options("ldaxr"),
    ),
    row(
      `${size} 001000 100 rawRs:5 1 rawRt2:5 Rn_sp:5 Rt:5`,
      `STLR${suffix} (${width})`,
      BASE,
      storeRelease(bytes),
      options("stlr"),
    ),
    row(
      `${size} 001000 110 rawRs:5 1 rawRt2:5 Rn_sp:5 Rt:5`,
      `LDAR${suffix} (${width})`,
      BASE,
      loadAcquire(bytes),
      options("ldar"),
    ),
  ];
});

const pairRows: readonly Row[] = ([
  ["0", "w", storeExclusiveWords, loadExclusiveWords],
  ["1", "x", storeExclusiveDoublewords, loadExclusiveDoublewords],
] as const).flatMap(([sz, width, store, load]): Row[] => [
  row(`1 ${sz} 001000 001 Rs:5 0 Rt2:5 Rn_sp:5 Rt:5`, `STXP (${width})`, BASE, store, {
    derive: { base31 },
    asm: `stxp {Rs:w}, {Rt:${width}}, {Rt2:${width}}, [{Rn_sp:xsp}]`,
  }),
  row(`1 ${sz} 001000 001 Rs:5 1 Rt2:5 Rn_sp:5 Rt:5`, `STLXP (${width})`, BASE, store, {
    derive: { base31 },
    asm: `stlxp {Rs:w}, {Rt:${width}}, {Rt2:${width}}, [{Rn_sp:xsp}]`,
  }),
  row(`1 ${sz} 001000 011 rawRs:5 0 Rt2:5 Rn_sp:5 Rt:5`, `LDXP (${width})`, BASE, load, {
    derive: { base31 },
    asm: `ldxp {Rt:${width}}, {Rt2:${width}}, [{Rn_sp:xsp}]`,
  }),
  row(`1 ${sz} 001000 011 rawRs:5 1 Rt2:5 Rn_sp:5 Rt:5`, `LDAXP (${width})`, BASE, load, {
    derive: { base31 },
    asm: `ldaxp {Rt:${width}}, {Rt2:${width}}, [{Rn_sp:xsp}]`,
  }),
]);

/** Exclusives, acquire and release, CLREX. */
export const exclusiveRows: readonly Row[] = [
  ...singleRows,
  ...pairRows,
  row("1101010100 0 00 011 0011 rawCRm:4 010 11111", "CLREX", BASE, clearMonitor, {
    asm: "clrex{barrier}",
  }),
];
