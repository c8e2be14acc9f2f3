import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { monitorImage as aarch64 } from "../guests/monitor/aarch64/image.ts";
import { monitorImage as x86_64 } from "../guests/monitor/x86_64/image.ts";
import type { MachineOptions } from "../lib/config/machine_config.ts";
import { Machine } from "../mod.ts";
import {
  expected,
  mask,
  MICROVM_SESSION,
  SESSION,
  SESSION_CPUS,
  SESSION_MEMORY_MIB,
} from "./monitor/session.ts";
import type { Step } from "./suite/case.ts";
import { Typist } from "./suite/typist.ts";

/** The transcript of a session in virtual time. */
async function session(options: MachineOptions, steps: readonly Step[]): Promise<string> {
  const machine = await Machine.create({
    ...options,
    memory: `${SESSION_MEMORY_MIB}M`,
    cpus: SESSION_CPUS,
    devices: ["virtio-rng"],
    time: "virtual",
  });
  const typist = new Typist(steps, (keys) => machine.serialInput(keys));
  machine.onSerial((bytes) => typist.push(bytes));
  const { reason } = await machine.run();
  await machine[Symbol.asyncDispose]();
  assert.equal(reason, "power-off", typist.output);
  assert.equal(typist.left, 0, typist.output);
  return typist.output;
}

for (const gic of [2, 3] as const) {
  test(`the monitor with a GICv${gic} says what it says on QEMU's board`, async () => {
    const options = { kernel: aarch64(), gic };
    const qemu = readFileSync(new URL(`monitor/gicv${gic}.txt`, import.meta.url), "utf8");
    const transcript = await session(options, SESSION);
    assert.equal(mask(transcript), expected(qemu));
    assert.equal(await session(options, SESSION), transcript, "the same again, to the character");
  });
}

test("the monitor on microvm says what it says on QEMU's board", async () => {
  const options = { kernel: x86_64(), arch: "x86_64" } as const;
  const qemu = readFileSync(new URL("monitor/microvm.txt", import.meta.url), "utf8");
  const transcript = await session(options, MICROVM_SESSION);
  assert.equal(mask(transcript), qemu);
  assert.equal(
    await session(options, MICROVM_SESSION),
    transcript,
    "the same again, to the character",
  );
});
