/** The native paths against the software floating point, on operands near the limits of exactness. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fpConversionRows } from "./fp_conversion.ts";
import { fpDataProcessingRows } from "./fp_data_processing.ts";
import { fpcrField, fpsrField, updateFpFast } from "./fp_fast.ts";
import { fpHelpers, relaxedMaddIsFused } from "./fp_helpers.ts";
import { codeOf, conversion, softFlags, softFloat, SoftOp } from "./softfloat_ops.ts";
import { simdFpRows } from "./simd_fp.ts";
import { RowRig } from "./testing/row_rig.ts";
import { random64 } from "../testing/random.ts";

interface Operation {
  readonly name: string;
  readonly word: number;
  readonly width: 32 | 64;
  readonly code: number;
  /** Third operand of the software. */
  readonly how?: bigint;
  /** The result is of the other width. */
  readonly converts?: boolean;
}

const binary = { FADD: SoftOp.add, FSUB: SoftOp.sub, FMUL: SoftOp.mul, FDIV: SoftOp.div } as const;
const OPCODES = { FMUL: 0x0800, FDIV: 0x1800, FADD: 0x2800, FSUB: 0x3800 } as const;

function operations(width: 32 | 64): Operation[] {
  const type = width === 64 ? 0x00400000 : 0;
  // Vd = 0, Vn = 1, Vm = 2, Va = 3
  return [
    ...(["FADD", "FSUB", "FMUL", "FDIV"] as const).map((name) => ({
      name: `${name} ${width}`,
      word: 0x1e220020 | type | OPCODES[name],
      width,
      code: codeOf(binary[name], width),
    })),
    { name: `FSQRT ${width}`, word: 0x1e21c020 | type, width, code: codeOf(SoftOp.sqrt, width) },
    { name: `FMADD ${width}`, word: 0x1f020c20 | type, width, code: codeOf(SoftOp.mulAdd, width) },
    {
      name: `FCVT from ${width}`,
      word: 0x1e224020 | type ^ (width === 64 ? 0 : 0x8000),
      width,
      code: codeOf(SoftOp.convert, width),
      how: width === 64 ? 0n : 1n,
      converts: true,
    },
    {
      name: `SCVTF to ${width}`,
      word: 0x9e220020 | type,
      width,
      code: codeOf(SoftOp.fromFixed, width),
      how: BigInt(conversion(64, false)),
    },
  ];
}

/**
 * Operands with few significant bits (exact results), many, in exponents that meet, seldom at the
 * ends of the range.
 */
function operand(next: () => bigint, width: 32 | 64): bigint {
  const [fraction, bias] = width === 64 ? [52n, 1023n] : [23n, 127n];
  const how = Number(next() & 15n);
  const bits = next() & (1n << fraction) - 1n;
  const kept = BigInt.asUintN(6, next()) % (fraction + 1n);
  const few = bits >> kept << kept;
  const sign = (next() & 1n) << BigInt(width - 1);
  const span = how < 10 ? 8n : how < 13 ? 64n : bias - 1n;
  const exponent = bias - span + next() % (2n * span);
  return sign | exponent << fraction | (how % 2 === 0 ? few : bits);
}

for (const fusedMadd of [false, true]) {
  const skip = fusedMadd && !relaxedMaddIsFused() ? "the host does not fuse" : false;
  const rig = new RowRig([...fpDataProcessingRows, ...fpConversionRows], fpHelpers({ fusedMadd }));
  const all = [...operations(32), ...operations(64)];
  if (skip === false) rig.compile(all.map(({ word }) => word));
  for (const { name, word, width, code, how, converts } of all) {
    // Only the multiply-add depends on the host.
    if (fusedMadd && !name.startsWith("FMADD")) continue;
    test(`${name} is exact${fusedMadd ? ", fused by the host" : ""}`, { skip }, () => {
      const next = random64();
      const resultWidth = converts === true ? 96 - width : width;
      for (let i = 0; i < 1500; i++) {
        const [n, m, a] = [operand(next, width), operand(next, width), operand(next, width)];
        const integer = next() >> BigInt.asUintN(6, next());
        const isInteger = name.startsWith("SCVTF");
        [n, m, a].forEach((bits, v) => {
          rig.vectors[4 * v + 4] = Number(BigInt.asUintN(32, bits));
          rig.vectors[4 * v + 5] = Number(bits >> 32n);
        });
        rig.x[1] = integer;
        // Flush to zero changes nothing for normal results, but takes another path.
        const fpcr = i % 8 === 7 ? 0x01000000 : 0;
        for (const fpsr of [0, 16]) {
          rig.state.set32(fpcrField, fpcr);
          rig.state.set32(fpsrField, fpsr);
          updateFpFast(rig.state);
          rig.run(word);
          const bits = BigInt(rig.vectors[1]) << 32n | BigInt(rig.vectors[0]);
          const expected = softFloat(code, isInteger ? integer : n, m, how ?? a, fpcr);
          const seen = `${bits.toString(16)} ${rig.state.get32(fpsrField)}`;
          const right = `${BigInt.asUintN(resultWidth, expected).toString(16)} ${
            softFlags() | fpsr
          }`;
          assert.equal(seen, right, `${[n, m, a, integer].map((x) => x.toString(16))}`);
        }
      }
    });
  }
}

test("estimates are right for every entry of the table", () => {
  const rig = new RowRig(simdFpRows, fpHelpers({ fusedMadd: false }));
  const words = [
    [0x5ea1d820, 32, SoftOp.reciprocal],
    [0x5ee1d820, 64, SoftOp.reciprocal],
    [0x7ea1d820, 32, SoftOp.root],
    [0x7ee1d820, 64, SoftOp.root],
  ] as const;
  rig.compile(words.map(([word]) => word));
  for (const [word, width, op] of words) {
    const [fraction, special] = width === 64 ? [52, 2047] : [23, 255];
    for (const exponent of [0, 1, 2, special >> 1, (special >> 1) + 1, special - 2, special - 1]) {
      for (let top = 0; top < 512; top++) {
        // The sign, too, in every second half.
        const bits = BigInt(top & 1) << BigInt(width - 1) | BigInt(exponent) << BigInt(fraction) |
          BigInt(top >> 1) << BigInt(fraction - 8) | 5n;
        rig.vectors[4] = Number(BigInt.asUintN(32, bits));
        rig.vectors[5] = Number(bits >> 32n);
        rig.state.set32(fpcrField, 0);
        rig.state.set32(fpsrField, 0);
        updateFpFast(rig.state);
        rig.run(word);
        const seen = BigInt(rig.vectors[1]) << 32n | BigInt(rig.vectors[0]);
        assert.equal(seen, softFloat(codeOf(op, width), bits, 0n, 0n, 0), bits.toString(16));
        assert.equal(rig.state.get32(fpsrField), softFlags(), bits.toString(16));
      }
    }
  }
});

/** (2^-12 + 1)^2 is half-way between two singles; a tiny addend decides. */
test("a single half-way between two is rounded once, whatever the other lanes hold", () => {
  const rig = new RowRig(simdFpRows, fpHelpers({ fusedMadd: false }));
  const fmla = 0x4e22cc20; // v0.4s, v1.4s, v2.4s
  rig.compile([fmla]);
  const a = 0x3f800800;
  for (const other of [0, 0x3f800000]) {
    for (const addend of [0x00800000, 0x80800000, 0x0f800000, 0x8f800000]) {
      rig.vectors.set([addend, 0, 0, 0x3f800000, a, other, 0, other, a, other, other, other]);
      rig.state.set32(fpcrField, 0);
      rig.state.set32(fpsrField, 16);
      updateFpFast(rig.state);
      rig.run(fmla);
      const lane = (i: number): bigint => BigInt(rig.vectors[i]);
      const expected = [addend, 0, 0, 0x3f800000].map((z, i) =>
        softFloat(codeOf(SoftOp.mulAdd, 32), lane(4 + i), lane(8 + i), BigInt(z), 0)
      );
      assert.deepEqual([0, 1, 2, 3].map(lane), expected);
    }
  }
});
