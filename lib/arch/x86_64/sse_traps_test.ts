/** Floating-point exceptions of SSE that are not masked: #XM, and what they leave. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Vector } from "./guest_fault.ts";
import { field } from "./layout.ts";
import { MXCSR, mxcsrField, writeMxcsr } from "./mxcsr.ts";
import { type Way, WAYS } from "./testing/bare_engine.ts";
import { EngineRig } from "./testing/engine_rig.ts";

const ONE = 0x3ff00000_00000000n;
const THREE = 0x40080000_00000000n;
const THIRD = 0x3fd55555_55555555n;
/** DIVSD XMM0,XMM1 and DIVSD XMM0,XMM2 */
const DIVIDE_BY_0 = "f2 0f 5e c1";
const DIVIDE_BY_3 = "f2 0f 5e c2";
const ZERO_DIVIDE_TRAPS = MXCSR.initial & ~(MXCSR.ZE << MXCSR.MASK_SHIFT);

/** A vCPU with 1, 0 and 3 in its first registers. */
function rigWith(way: Way, mxcsr: number): EngineRig {
  const rig = new EngineRig(way).long();
  const { state } = rig.engine;
  state.u64.set([ONE, 0n, 0n, 0n, THREE, 0n], field("xmm").address >>> 3);
  writeMxcsr(state, mxcsr);
  return rig;
}

const quotient = ({ engine }: EngineRig): bigint => engine.state.get64(field("xmm"));
const flags = ({ engine }: EngineRig): number => engine.state.get32(mxcsrField) & MXCSR.flags;

for (const way of WAYS) {
  test(`an exception that is not masked leaves the destination and sets its flag: ${way}`, () => {
    const rig = rigWith(way, ZERO_DIVIDE_TRAPS);
    assert.equal(rig.run(DIVIDE_BY_0), Vector.simd);
    assert.equal(quotient(rig), ONE);
    assert.equal(flags(rig), MXCSR.ZE);
  });

  test(`a flag that is set does not trap, nor does an exception of an earlier one: ${way}`, () => {
    const rig = rigWith(way, ZERO_DIVIDE_TRAPS);
    assert.equal(rig.run(DIVIDE_BY_0), Vector.simd);
    assert.equal(rig.run(DIVIDE_BY_3), undefined);
    assert.equal(quotient(rig), THIRD);
    assert.equal(flags(rig), MXCSR.ZE | MXCSR.PE);
  });

  test(`results are inexact at once where that is known, and trap if PE is not masked: ${way}`, () => {
    const rig = rigWith(way, MXCSR.initial | MXCSR.PE);
    assert.equal(rig.run(DIVIDE_BY_3), undefined);
    const strict = rigWith(way, (MXCSR.initial | MXCSR.PE) & ~MXCSR.PM);
    assert.equal(strict.run(DIVIDE_BY_3), Vector.simd);
    assert.equal(quotient(strict), ONE);
  });
}
