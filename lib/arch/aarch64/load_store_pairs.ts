/** Loads and stores of register pairs (Arm ARM, C4.1.88): LDP, STP, LDPSW, LDNP, STNP. */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type RawFields, type Row, row } from "../../engine/row.ts";
import { base31, getBase, loadValue, storeValue } from "./loads_stores.ts";

const BASE = "FEAT_AA64";

interface Pair {
  readonly opc: "00" | "01" | "10";
  readonly load: "0" | "1";
  /** Bytes of one register in memory. */
  readonly bytes: 4 | 8;
  readonly signed: boolean;
  readonly mnemonic: string;
}

const pairs: readonly Pair[] = [
  { opc: "00", load: "0", bytes: 4, signed: false, mnemonic: "STP" },
  { opc: "00", load: "1", bytes: 4, signed: false, mnemonic: "LDP" },
  { opc: "01", load: "1", bytes: 4, signed: true, mnemonic: "LDPSW" },
  { opc: "10", load: "0", bytes: 8, signed: false, mnemonic: "STP" },
  { opc: "10", load: "1", bytes: 8, signed: false, mnemonic: "LDP" },
];

type PairFields = "base31" | "Rn_sp" | "Rt" | "Rt2" | "imm";
type Writeback = "none" | "pre" | "post";

/**
 * One probe covers both registers. Where the manual leaves the result open we do as QEMU does: the
 * written back address wins over a loaded value, the first loaded value over the second.
 */
const pairAccess = (p: Pair, writeback: Writeback) => (b: Builder, f: Fields<PairFields>): void => {
  const address = b.temp("i64");
  const host = b.temp("i32");
  getBase(b, f);
  if (writeback !== "post") {
    b.imm(f.imm);
    b.i64_add();
  }
  if (writeback !== "none") b.local_tee(address);
  if (p.load === "1") {
    const first = b.temp("i64");
    b.readAddress(p.bytes === 8 ? 16 : 8);
    b.local_tee(host);
    loadValue(b, p.bytes, p.signed);
    b.local_set(first);
    b.local_get(host).i32_const(p.bytes).i32_add();
    loadValue(b, p.bytes, p.signed);
    b.set(f.Rt2);
    b.local_get(first);
    b.set(f.Rt);
  } else {
    b.writeAddress(p.bytes === 8 ? 16 : 8);
    b.local_tee(host);
    b.get(f.Rt);
    storeValue(b, p.bytes);
    b.local_get(host).i32_const(p.bytes).i32_add();
    b.get(f.Rt2);
    storeValue(b, p.bytes);
  }
  if (writeback === "none") return;
  b.local_get(address);
  if (writeback === "post") {
    b.imm(f.imm);
    b.i64_add();
  }
  b.set(f.Rn_sp);
};

function pairRows(p: Pair): Row[] {
  const { opc, load, bytes } = p;
  const width = bytes === 8 || p.signed ? "x" : "w";
  /** Signed 7-bit offset in units of a register. */
  const imm = (f: RawFields<"rawImm7">): number => ((f.rawImm7 << 25) >> 25) * bytes;
  const asm = (mnemonic: string, address: string): string =>
    `${mnemonic.toLowerCase()} {Rt:${width}}, {Rt2:${width}}, ${address}`;
  const rows = [
    row(
      `${opc} 101 0 001 ${load} rawImm7:7 Rt2:5 Rn_sp:5 Rt:5`,
      `${p.mnemonic} (post-index, ${width})`,
      BASE,
      pairAccess(p, "post"),
      { derive: { imm, base31 }, asm: asm(p.mnemonic, "{post}") },
    ),
    row(
      `${opc} 101 0 010 ${load} rawImm7:7 Rt2:5 Rn_sp:5 Rt:5`,
      `${p.mnemonic} (signed offset, ${width})`,
      BASE,
      pairAccess(p, "none"),
      { derive: { imm, base31 }, asm: asm(p.mnemonic, "{offset}") },
    ),
    row(
      `${opc} 101 0 011 ${load} rawImm7:7 Rt2:5 Rn_sp:5 Rt:5`,
      `${p.mnemonic} (pre-index, ${width})`,
      BASE,
      pairAccess(p, "pre"),
      { derive: { imm, base31 }, asm: asm(p.mnemonic, "{pre}") },
    ),
  ];
  if (p.signed) return rows;
  // The non-temporal hint means nothing here.
  const mnemonic = load === "1" ? "LDNP" : "STNP";
  rows.push(row(
    `${opc} 101 0 000 ${load} rawImm7:7 Rt2:5 Rn_sp:5 Rt:5`,
    `${mnemonic} (${width})`,
    BASE,
    pairAccess(p, "none"),
    { derive: { imm, base31 }, asm: asm(mnemonic, "{offset}") },
  ));
  return rows;
}

/** Loads and stores of register pairs. */
export const loadStorePairRows: readonly Row[] = pairs.flatMap(pairRows);
