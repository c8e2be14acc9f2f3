import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  digest,
  isLiteral,
  type Machine,
  prepare,
  ROUNDS,
} from "../../../conformance/simd/cases.ts";
import { simdRows } from "../../../conformance/simd/words.ts";
import { AccessResult } from "../../devices/vbus/device.ts";
import { Engine } from "../../engine/engine.ts";
import { hostRow } from "../../engine/row.ts";
import { InstructionTable } from "../../engine/table.ts";
import { EndingCpu } from "../../engine/testing/ending_cpu.ts";
import { flagModel } from "./flags.ts";
import { simdHelpers } from "./simd_helpers.ts";
import { aarch64State } from "./state.ts";
import { PC, WINDOW } from "./testing/row_rig.ts";
import { branchRows } from "./branches.ts";

/** RAM; the window of memory is in its first two pages. */
const BASE = 0x50000000;
const CODE = 0x50004000;
/** Code pages after the window of memory; each word stands in a slot of `b .+4; word; end`. */
const PAGES = 40;
const SLOT = 12;
const SLOTS_PER_PAGE = Math.floor(4096 / SLOT);
/** Hot words that are compiled together. */
const BATCH = 32;
const BRANCH_TO_NEXT = 0x14000001;

const vectors = readFileSync(
  new URL("../../../conformance/simd/vectors.txt", import.meta.url),
  "utf8",
).trimEnd().split("\n").map((line) => line.split(" ").map((text) => parseInt(text, 16)));

/** Identity mapping. */
class FlatCpu extends EndingCpu {
  translate(_high: number, low: number): boolean {
    this.translation.page = low - low % 4096;
    return true;
  }
}

const rows = [...simdRows, ...branchRows, hostRow("0".repeat(32), "end", "", "end")];

function makeEngine(threshold: number): { engine: Engine; cpu: FlatCpu; machine: Machine } {
  const cpu = new FlatCpu();
  const engine = new Engine({
    arch: {
      name: "SIMD only",
      decoder: () => new InstructionTable(rows),
      state: aarch64State,
      bind: (layout) => ({
        flags: flagModel,
        helpers: simdHelpers,
        general: layout.get("x"),
        vector: layout.get("v"),
        zeroRegister: true,
        writableIsReadable: false,
      }),
      instructionAlignment: 4,
      tlbOf: () => 0,
      tlbCount: 1,
      common: { mode: 0, code: [] },
      enabled: () => true,
    },
    cpus: 1,
    ramBase: BASE,
    ramSize: PAGES * 4096,
    bus: { access: () => AccessResult.noDevice },
    makeCpu: () => cpu,
    threshold,
  });
  const { state, layout } = engine;
  const x = layout.get("x").address;
  const v = layout.get("v").address;
  const machine: Machine = {
    x: state.u64.subarray(x / 8, x / 8 + 32),
    vectors: state.u32.subarray(v / 4, v / 4 + 128),
    memory: engine.memory.bytes.subarray(
      WINDOW.address - BASE,
      WINDOW.address - BASE + WINDOW.size,
    ),
    clear: () => {
      state.set32(layout.get("fpsr"), 0);
      state.set32(layout.get("fpcr"), 0);
    },
  };
  return { engine, cpu, machine };
}

function run(threshold: number, words: readonly (readonly number[])[]): Engine {
  const { engine, cpu, machine } = makeEngine(threshold);
  const { state, layout } = engine;
  const pc = layout.get("pc");
  const fpsr = layout.get("fpsr");
  const wrong: string[] = [];
  const addresses = words.map(([word], i) => {
    const at = isLiteral(word)
      ? PC - 4
      : CODE + Math.floor(i / SLOTS_PER_PAGE) * 4096 + i % SLOTS_PER_PAGE * SLOT;
    return at;
  });
  const hashes = words.map(() => 0);
  for (let from = 0; from < words.length; from += BATCH) {
    const batch = words.slice(from, from + BATCH);
    for (let round = 0; round < ROUNDS; round++) {
      batch.forEach(([word], i) => {
        const at = addresses[from + i];
        if (round === 0 || isLiteral(word)) {
          engine.memory.write32(at, BRANCH_TO_NEXT);
          engine.memory.write32(at + 4, word);
          engine.memory.write32(at + 8, 0);
        }
        prepare(machine, word, round);
        state.set64(pc, BigInt(at));
        cpu.stopped = undefined;
        // A slice ends when code has been compiled.
        for (let slice = 0; slice < 4 && cpu.stopped === undefined; slice++) engine.run(0, 100);
        if (cpu.stopped !== "end" || state.get64(pc) !== BigInt(at + 8)) {
          wrong.push(`${word.toString(16)} round ${round}: ${cpu.stopped}`);
        }
        hashes[from + i] = digest(machine, state.get32(fpsr), word, hashes[from + i]);
      });
    }
  }
  words.forEach(([word, expected], i) => {
    if (hashes[i] >>> 0 === expected) return;
    wrong.push(`${word.toString(16)} ${new InstructionTable(rows).matches(word)[0].row.name}`);
  });
  assert.deepEqual(wrong, []);
  return engine;
}

/** Parts, each a test of its own: engines that have met fewer instructions, and results sooner. */
const PARTS = 6;

for (let part = 0; part < PARTS; part++) {
  const words = vectors.filter((_, i) => i % PARTS === part);

  test(`interpreted SIMD instructions do what QEMU's do (${part + 1} of ${PARTS})`, () => {
    run(0, words);
  });

  test(`compiled SIMD instructions do what QEMU's do (${part + 1} of ${PARTS})`, () => {
    const compiled = run(1, words).statistics.regions;
    assert.ok(compiled > words.length - 2 * BATCH, `only ${compiled} were compiled`);
  });
}
