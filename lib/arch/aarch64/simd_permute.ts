/** Advanced SIMD permute, extract and table lookup (Arm ARM, C4.1.96). */
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import { lanes, words } from "../simd/lanes.ts";
import { setQ, vector } from "./simd_lanes.ts";

type Permute = Semantics<"Q" | "size" | "Vm" | "Vn" | "Vd">;

/** Selectors by Q and size. Of 64-bit vectors the upper eight bytes do not matter. */
function selectors(
  pick: (i: number, count: number) => { readonly second: boolean; readonly index: number },
): readonly (readonly (readonly number[])[])[] {
  return [0, 1].map((Q) =>
    [0, 1, 2, 3].map((size) => {
      const count = Math.max((Q ? 16 : 8) >> size, 1);
      return lanes(size, (i) => {
        const { second, index } = pick(i & count - 1, count);
        return (second ? 16 >> size : 0) + index;
      });
    })
  );
}

const unzip = (part: number) =>
  selectors((i, count) => ({
    second: i >= count / 2,
    index: 2 * (i & count / 2 - 1) + part,
  }));
const zip = (part: number) =>
  selectors((i, count) => ({ second: (i & 1) === 1, index: (i >> 1) + part * count / 2 }));
const transpose = (part: number) =>
  selectors((i) => ({ second: (i & 1) === 1, index: (i & ~1) + part }));

const permute = (table: readonly (readonly (readonly number[])[])[]): Permute => (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  b.i8x16_shuffle(table[f.Q][f.size]);
  setQ(b, f.Vd, f.Q);
};

/** Byte i of the result is byte i + index of Vm:Vn. */
const EXTRACT = [0, 1].map((Q) =>
  Array.from({ length: 16 }, (_, index) =>
    Array.from({ length: 16 }, (_, i) => {
      const byte = (Q ? i : i & 7) + index;
      return Q || byte < 8 ? byte : byte + 8 & 31;
    }))
);

const extract: Semantics<"Q" | "index" | "Vm" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  b.i8x16_shuffle(EXTRACT[f.Q][f.index]);
  setQ(b, f.Vd, f.Q);
};

/** TBL and TBX: `len` + 1 consecutive registers are one table of bytes. */
const lookUp: Semantics<"Q" | "len" | "keep" | "Vm" | "Vn" | "Vd"> = (b, f) => {
  const indexes = vector(b, f.Vm);
  for (let i = 0; i <= f.len; i++) {
    b.getV(f.Vn, i);
    b.local_get(indexes);
    if (i > 0) {
      // Indexes below this register wrap round to large ones: like those above it, they give zero.
      words(b, i * 0x10101010);
      b.i8x16_sub();
    }
    b.i8x16_swizzle();
    if (i > 0) b.v128_or();
  }
  if (f.keep) {
    b.getV(f.Vd);
    b.local_get(indexes);
    words(b, (f.len + 1) * 0x10101010);
    b.i8x16_lt_u().v128_bitselect();
  }
  setQ(b, f.Vd, f.Q);
};

const simd = "FEAT_AdvSIMD";
/** 64-bit elements only in 128-bit vectors. */
const any = {
  when: (f: { readonly Q: number; readonly size: number }): boolean => f.size !== 3 || f.Q === 1,
} as const;

/** Rearrangement of bytes and elements. */
export const simdPermuteRows: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm}", [
  row("0 Q 001110 size:2 0 Vm:5 0 001 10 Vn:5 Vd:5", "UZP1", simd, permute(unzip(0)), any),
  row("0 Q 001110 size:2 0 Vm:5 0 101 10 Vn:5 Vd:5", "UZP2", simd, permute(unzip(1)), any),
  row("0 Q 001110 size:2 0 Vm:5 0 010 10 Vn:5 Vd:5", "TRN1", simd, permute(transpose(0)), any),
  row("0 Q 001110 size:2 0 Vm:5 0 110 10 Vn:5 Vd:5", "TRN2", simd, permute(transpose(1)), any),
  row("0 Q 001110 size:2 0 Vm:5 0 011 10 Vn:5 Vd:5", "ZIP1", simd, permute(zip(0)), any),
  row("0 Q 001110 size:2 0 Vm:5 0 111 10 Vn:5 Vd:5", "ZIP2", simd, permute(zip(1)), any),
  row(
    "0 Q 101110 00 0 Vm:5 0 index:4 0 Vn:5 Vd:5",
    "EXT",
    simd,
    extract,
    { when: (f) => f.Q === 1 || f.index < 8, asm: "ext {Vd}, {Vn}, {Vm}, {index:decimal}" },
  ),
  row("0 Q 001110 00 0 Vm:5 0 len:2 keep 00 Vn:5 Vd:5", "TBL, TBX", simd, lookUp, {
    asm: "{keep:lookup} {Vd}, {Vn:table}, {Vm}",
  }),
]);
