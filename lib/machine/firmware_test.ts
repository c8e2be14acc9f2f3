import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../boot/image.ts";
import type { MachineOptions } from "../config/machine_config.ts";
import { Machine } from "./machine.ts";
import { words } from "./testing/programs.ts";

/** Runs a program until it ends; gives what it printed and why it ended. */
async function run(
  program: Uint8Array,
  options: MachineOptions = {},
  during: (machine: Machine) => void = () => {},
): Promise<{ output: string; reason: string; resets: number }> {
  const config = {
    kernel: makeImage(program),
    memory: "16M",
    time: "virtual",
    ...options,
  } as const;
  // A guest that waits in a loop shall not take long for it.
  const machine = await Machine.create(config, { nanosecondsPerInstruction: 10_000 });
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  const ended = machine.run();
  during(machine);
  const { reason } = await ended;
  const { resets } = machine.statistics();
  await machine[Symbol.asyncDispose]();
  return { output, reason, resets };
}

/*
  mov x0, #0x84000000     // SYSTEM_OFF
  add x0, x0, #8
  smc #0
*/
const offBySmc = words("d2b08000 91002000 d4000003");

test("the conduit can be SMC", async () => {
  assert.equal((await run(offBySmc, { conduit: "smc" })).reason, "power-off");
});

/*
  mov x19, #0x09000000
  mov x20, #0x40f00000
  mov x0, #0x84000000
  add x0, x0, #0x13       // MEM_PROTECT: 0 at the first boot, 1 at the second
  mov x1, #1
  hvc #0
  cbnz x0, 2f
  mov w1, #'K'
  str w1, [x20]
  mov x0, #0x84000000
  add x0, x0, #9          // SYSTEM_RESET, or #0x12: SYSTEM_RESET2
  mov x1, #0
1: hvc #0
2: ldr w1, [x20]          // kept?
  mov w2, #'W'
  cmp w1, #0
  csel w1, w2, w1, eq
  strb w1, [x19]
  mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
*/
const protect = (reset: "cold" | "warm"): Uint8Array =>
  words(`
  d2a12013 d2a81e14 d2b08000 91004c00 d2800021 d4000002 b50000e0 52800961
  b9000281 d2b08000 ${reset === "cold" ? "91002400" : "91004800"} d2800001 d4000002 b9400281
  52800ae2 7100003f 1a810041 39000261 d2b08000 91002000 d4000002
`);

test("a cold reset overwrites protected memory, a warm one keeps it", async () => {
  assert.deepEqual(await run(protect("cold")), { output: "W", reason: "power-off", resets: 1 });
  assert.deepEqual(await run(protect("warm")), { output: "K", reason: "power-off", resets: 1 });
});

/*
  mov x19, #0x09030000
1: ldr w1, [x19, #0x20]   // pin 3 of the PL061
  cbz w1, 1b
2: ldr w1, [x19, #0x20]
  cbnz w1, 2b
  mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
*/
const untilButton = words(`
  d2a12073 b9402261 34ffffe1 b9402261 35ffffe1 d2b08000 91002000 d4000002
`);

test("the power button is pressed and comes up again", async () => {
  for (const time of ["virtual", "real"] as const) {
    const { reason } = await run(untilButton, { time }, (machine) => machine.powerButton());
    assert.equal(reason, "power-off");
  }
});

/*
  mov x19, #0x09000000
  mov x20, #0x09020000
  mov w1, #0x2000         // the first file, big-endian
  strh w1, [x20, #8]
1: ldrb w1, [x20]
  cbz w1, 2f
  strb w1, [x19]
  b 1b
2: mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
*/
const printFile = words(`
  d2a12013 d2a12054 52840001 79001281 39400281 34000061 39000261 17fffffd
  d2b08000 91002000 d4000002
`);

test("a guest reads the files of the configuration", async () => {
  const fwCfg = [{ name: "opt/org.example/key", string: "hello" }];
  assert.equal((await run(printFile, { fwCfg })).output, "hello");
  const bytes = { name: "opt/a", file: new TextEncoder().encode("bytes") };
  assert.equal((await run(printFile, { fwCfg: [...fwCfg, bytes] })).output, "bytes");
  await assert.rejects(run(printFile, { fwCfg: [{ name: "x", file: "a.txt" }] }), {
    path: "fwCfg[0].file",
  });
});
