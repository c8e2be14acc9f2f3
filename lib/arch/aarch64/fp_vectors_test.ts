/** The rows of floating point against results recorded from QEMU, by checksum. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Row } from "../../engine/row.ts";
import { fpConversionRows } from "./fp_conversion.ts";
import { fpDataProcessingRows } from "./fp_data_processing.ts";
import { fpcrField, fpsrField, updateFpFast } from "./fp_fast.ts";
import { fpHelpers, relaxedMaddIsFused } from "./fp_helpers.ts";
import { field } from "./layout.ts";
import { simdFpRows } from "./simd_fp.ts";
import { fpCases, MODES } from "./testing/fp_operands.ts";
import { RowRig } from "./testing/row_rig.ts";

/** Checksums recorded with conformance/fp/vectors.c, which says how. */
const fpVectors = readFileSync(new URL("./testing/fp_vectors.txt", import.meta.url), "utf8");
const rows: readonly Row[] = [...fpDataProcessingRows, ...fpConversionRows, ...simdFpRows];
const flags = ["flagN", "flagZ", "flagC", "flagV"].map(field);

interface Vector {
  readonly word: number;
  readonly kind: number;
  readonly checksums: readonly string[];
}

const vectors: Vector[] = fpVectors.trim().split("\n").map((line) => {
  const [word, kind, ...checksums] = line.split(" ");
  return { word: parseInt(word, 16), kind: Number(kind), checksums };
});

/** Runs all cases of an instruction under one FPCR and gives the checksum that vectors.c prints. */
function checksum(rig: RowRig, { word, kind }: Vector, fpcr: number): string {
  let hash = 0x811c9dc5;
  const mix = (value: number): void => {
    hash = Math.imul(hash ^ value, 16777619);
    hash ^= hash >>> 15;
  };
  for (const { v, x, fpsr, nzcv } of fpCases(word, fpcr, kind)) {
    const { state, vectors } = rig;
    v.forEach((halves, i) =>
      halves.forEach((bits, half) => {
        vectors[i * 4 + half * 2] = Number(BigInt.asUintN(32, bits));
        vectors[i * 4 + half * 2 + 1] = Number(bits >> 32n);
      })
    );
    rig.x[0] = x[0];
    rig.x[1] = x[1];
    state.set64(flags[0], BigInt(nzcv >> 3) << 63n);
    state.set64(flags[1], BigInt(nzcv >> 2 & 1 ^ 1));
    state.set64(flags[2], BigInt(nzcv >> 1 & 1));
    state.set64(flags[3], BigInt(nzcv & 1) << 63n);
    state.set32(fpcrField, fpcr);
    state.set32(fpsrField, fpsr);
    updateFpFast(state);
    rig.run(word);
    for (const i of [0, 1, 2, 3]) mix(vectors[i]);
    mix(Number(BigInt.asUintN(32, rig.x[0])));
    mix(Number(rig.x[0] >> 32n));
    const n = Number(state.get64(flags[0]) >> 63n);
    const z = state.get64(flags[1]) === 0n ? 1 : 0;
    const c = Number(state.get64(flags[2]));
    const overflow = Number(state.get64(flags[3]) >> 63n);
    mix(n << 3 | z << 2 | c << 1 | overflow);
    mix(state.get32(fpsrField));
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

for (const fusedMadd of [false, true]) {
  const skip = fusedMadd && !relaxedMaddIsFused() ? "the host does not fuse" : false;
  const rig = new RowRig(rows, fpHelpers({ fusedMadd }));
  if (skip === false) rig.compile(vectors.map(({ word }) => word));
  MODES.forEach((fpcr, i) => {
    const how = fusedMadd ? "host's" : "own";
    test(`FPCR ${fpcr.toString(16)}, ${how} fused multiply-add: as QEMU`, { skip }, () => {
      const wrong = vectors.filter((vector) => checksum(rig, vector, fpcr) !== vector.checksums[i]);
      const words = wrong.map(({ word }) => word.toString(16));
      assert.deepEqual(words, [], "instruction words; see conformance/fp/vectors.c");
    });
  });
}
