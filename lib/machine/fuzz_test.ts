import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../boot/image.ts";
import { makePvhElf } from "../boot/x86_64/pvh_elf.ts";
import { virtualPlatform } from "../platform/virtual.ts";
import { Machine } from "./machine.ts";
import { AccessFuzz } from "./testing/access_fuzz.ts";
import { FuzzBoard } from "./testing/fuzz_board.ts";
import { fuzzGuests } from "./testing/fuzz_guests.ts";
import { hostilePrograms } from "./testing/hostile_programs.ts";
import { hostileProgramsX86 } from "./testing/hostile_programs_x86.ts";

/** Cases of each board. `conformance/fuzz` runs as many as one likes. */
const CASES = 24;

for (const [name, make] of Object.entries(fuzzGuests)) {
  test(`random code, tables and device accesses harm nobody: ${name}`, async () => {
    const globals = Object.getOwnPropertyNames(globalThis).length;
    const fuzz = new FuzzBoard(make);
    for (let seed = 0; seed < CASES; seed++) await fuzz.run(seed);
    fuzz.dispose();
    const { cases, instructions, compiled } = fuzz.totals;
    assert.equal(cases, CASES);
    // The cases do something: most slices go to their end, and code is compiled.
    assert.ok(instructions > CASES * 5000, `${instructions} instructions`);
    assert.ok(compiled > CASES);
    assert.equal(Object.getOwnPropertyNames(globalThis).length, globals);
  });
}

test("a case is the same each time", async () => {
  for (const make of [fuzzGuests["virt, GICv3"], fuzzGuests.microvm]) {
    const runs = [];
    for (let i = 0; i < 2; i++) {
      const fuzz = new FuzzBoard(make);
      for (let seed = 100; seed < 104; seed++) await fuzz.run(seed);
      runs.push(fuzz.totals);
      fuzz.dispose();
    }
    assert.deepEqual(runs[0], runs[1]);
  }
});

for (
  const [name, packed] of [
    ["virt, GICv3", false],
    ["virt, GICv2", true],
    ["microvm", false],
    ["microvm", true],
  ] as const
) {
  test(`random accesses to every device harm nobody: ${name}, ${packed ? "packed" : "split"} queues`, async () => {
    const fuzz = new AccessFuzz(new FuzzBoard((options) => fuzzGuests[name](options, packed)), 7);
    await fuzz.run(20_000);
    const { accesses, refused, restored } = fuzz.totals;
    fuzz.dispose();
    assert.equal(accesses, 20_000);
    assert.ok(fuzz.devices.length >= 12, `${fuzz.devices}`);
    assert.ok(refused < accesses / 10 && restored > 0);
  });
}

/** Turns of the host after which it stops a guest. */
const TURNS = 4;

const hostile = [
  ...Object.entries(hostilePrograms).map(([name, program]) =>
    ["aarch64", name, makeImage(program)] as const
  ),
  ...Object.entries(hostileProgramsX86).map(([name, program]) =>
    ["x86_64", name, makePvhElf(program)] as const
  ),
];

for (const [arch, name, kernel] of hostile) {
  test(`the host gets its turns and can stop a guest: ${arch}, ${name}`, async (t) => {
    const platform = virtualPlatform();
    let turns = 0;
    let lines = 0;
    const abort = new AbortController();
    const turn = (): void => {
      if (++turns === TURNS) abort.abort();
    };
    const machine = await Machine.create({
      arch,
      kernel,
      memory: "16M",
      time: "virtual",
      devices: ["virtio-rng"],
    }, {
      platform: {
        ...platform,
        // Host time that passes with the calls: slices and turns do not depend on the host's speed.
        monotonic: () => {
          platform.clock.advance(1_000_000);
          return platform.monotonic();
        },
        yield: () => {
          turn();
          return Promise.resolve();
        },
        after: (_milliseconds, callback) => {
          turn();
          queueMicrotask(callback);
          return { cancel: () => {} };
        },
        log: () => void lines++,
      },
    });
    t.after(() => machine[Symbol.asyncDispose]());
    const { reason, instructions } = await machine.run(abort.signal);
    assert.equal(reason, "stopped");
    assert.ok(instructions > 0);
    // One device, a burst of eight, and a line in ten seconds: none of these lasts that long.
    assert.ok(lines <= 8 + machine.statistics().resets, `${lines} lines`);
  });
}
