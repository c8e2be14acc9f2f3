import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeImage } from "../boot/image.ts";
import type { MachineOptions } from "../config/machine_config.ts";
import { Machine } from "./machine.ts";
import { garbageCollector, memoryLevel } from "./testing/memory.ts";
import { echoProgram, helloProgram, timerProgram, words } from "./testing/programs.ts";

/*
1: wfi
   b 1b
*/
const waiting = words("d503207f 17ffffff");
/*
1: b 1b
*/
const busy = words("14000000");

function create(program: Uint8Array, options: MachineOptions = {}): Promise<Machine> {
  return Machine.create({ kernel: makeImage(program), memory: "16M", ...options });
}

/** A turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/*
  mov x1, #0x09000000       // PL011
  mov w0, #'r'
  strb w0, [x1]
  mov x0, #0x84000000       // PSCI SYSTEM_RESET
  add x0, x0, #9
  hvc #0
*/
const resetting = words("d2a12001 52800e40 39000020 d2b08000 91002400 d4000002");

test("a listener to the output before a reset ends the run, and the next one begins after the reset", async () => {
  const machine = await create(resetting, { time: "virtual" });
  const ends = [() => machine.stop(), () => abort.abort()];
  const abort = new AbortController();
  let output = "";
  machine.onSerial((bytes) => {
    output += new TextDecoder().decode(bytes);
    if (output.length % 3 === 0) ends.shift()?.();
  });
  for (const length of [3, 6]) {
    assert.equal((await machine.run(abort.signal)).reason, "stopped");
    assert.equal(output, "r".repeat(length));
    assert.equal(machine.statistics().resets, length);
  }
  await machine[Symbol.asyncDispose]();
});

for (const [name, program] of [["WFI", waiting], ["a busy loop", busy]] as const) {
  for (const time of ["real", "virtual"] as const) {
    test(`stop during ${name}, in ${time} time, twice, and go on`, async (t) => {
      const machine = await create(program, { time });
      t.after(() => machine[Symbol.asyncDispose]());
      for (let i = 0; i < 2; i++) {
        const run = machine.run();
        await turn();
        assert.equal(machine.running, true);
        machine.stop();
        machine.stop();
        assert.equal((await run).reason, "stopped");
        assert.equal(machine.running, false);
      }
    });

    test(`dispose during ${name}, in ${time} time`, async () => {
      const machine = await create(program, { time });
      const run = machine.run();
      await turn();
      await machine[Symbol.asyncDispose]();
      assert.equal((await run).reason, "stopped");
      await assert.rejects(machine.run(), /disposed/);
      machine.stop();
    });
  }
}

test("stop before run does nothing to the run that follows", async (t) => {
  const machine = await create(helloProgram);
  t.after(() => machine[Symbol.asyncDispose]());
  machine.stop();
  assert.equal((await machine.run()).reason, "power-off");
});

test("a signal that has aborted already ends the run before the guest begins", async (t) => {
  const machine = await create(helloProgram);
  t.after(() => machine[Symbol.asyncDispose]());
  const { reason, instructions } = await machine.run(AbortSignal.abort());
  assert.equal(reason, "stopped");
  assert.equal(instructions, 0);
  assert.equal((await machine.run()).reason, "power-off");
});

test("a signal aborts a guest that waits; afterwards it has no hold on the machine", async (t) => {
  const machine = await create(waiting);
  t.after(() => machine[Symbol.asyncDispose]());
  const abort = new AbortController();
  const first = machine.run(abort.signal);
  await turn();
  abort.abort();
  assert.equal((await first).reason, "stopped");
  const second = machine.run();
  await turn();
  assert.equal(machine.running, true);
  machine.stop();
  await second;
});

test("reset before run and after power-off", async (t) => {
  const machine = await create(helloProgram, { time: "virtual" });
  t.after(() => machine[Symbol.asyncDispose]());
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  machine.reset();
  await machine.run();
  machine.reset();
  await machine.run();
  assert.equal(output, "hello Yhello Y");
});

test("reset of a guest that runs, again and again", async (t) => {
  const machine = await create(busy);
  t.after(() => machine[Symbol.asyncDispose]());
  const run = machine.run();
  for (let resets = 1; resets <= 5; resets++) {
    machine.reset();
    while (machine.statistics().resets < resets) await turn();
    assert.equal(machine.running, true);
  }
  machine.stop();
  assert.equal((await run).reason, "stopped");
});

test("two machines at once in one process do not know each other", async (t) => {
  const one = await create(echoProgram);
  t.after(() => one[Symbol.asyncDispose]());
  const two = await create(echoProgram);
  t.after(() => two[Symbol.asyncDispose]());
  const outputs = ["", ""];
  one.onSerial((bytes) => outputs[0] += new TextDecoder().decode(bytes));
  two.onSerial((bytes) => outputs[1] += new TextDecoder().decode(bytes));
  const runs = [one.run(), two.run()];
  for (let i = 0; i < 20; i++) {
    one.serialInput(Uint8Array.of(0x41 + i));
    two.serialInput(Uint8Array.of(0x61 + (i % 10)));
    await turn();
  }
  one.serialInput(new TextEncoder().encode("q"));
  assert.equal((await runs[0]).reason, "power-off");
  assert.equal(two.running, true);
  await one[Symbol.asyncDispose]();
  two.serialInput(new TextEncoder().encode("q"));
  assert.equal((await runs[1]).reason, "power-off");
  assert.deepEqual(outputs, ["BCDEFGHIJKLMNOPQRSTU", "bcdefghijkbcdefghijk"]);
});

/** Machines of the leak test, and after how many memory must have settled. */
const LIVES = 200;
const SETTLED = 60;
/** What 140 machines may leave behind, in bytes: a few hundred kilobytes for each would be more. */
const LEAK = 12 * 2 ** 20;

test("200 lives of a machine leave no memory behind", async () => {
  const collect = garbageCollector();
  let settled = Infinity;
  for (let life = 0; life < LIVES; life++) {
    if (life === SETTLED) settled = (await memoryLevel(collect)).held;
    const machine = await create([helloProgram, timerProgram, waiting, echoProgram][life % 4], {
      memory: "128M",
      // Three seconds of the timer program pass at once.
      time: life % 4 < 2 ? "virtual" : "real",
      devices: ["virtio-rng", { type: "virtio-net", backend: "null" }],
    });
    const run = machine.run();
    if (life % 4 >= 2) {
      await turn();
      machine.stop();
    }
    await run;
    if (life % 5 === 0) {
      machine.reset();
      await machine.run(AbortSignal.abort());
    }
    await machine[Symbol.asyncDispose]();
  }
  const grown = (await memoryLevel(collect)).held - settled;
  assert.ok(grown < LEAK, `${(grown / 2 ** 20).toFixed(1)} MiB more`);
});

test("a process whose machines are gone, or stand still, ends by itself", () => {
  const program = fileURLToPath(new URL("./testing/lives.ts", import.meta.url));
  const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stdout, "end of the program\n", stderr);
  assert.equal(status, 0, stderr);
});
