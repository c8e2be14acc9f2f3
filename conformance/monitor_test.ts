import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { monitorImage } from "../guests/monitor/aarch64/image.ts";
import { Machine } from "../mod.ts";
import { expected, mask, SESSION_CPUS, SESSION_MEMORY_MIB, Typist } from "./monitor/session.ts";

/** The transcript of a session in virtual time. */
async function session(gic: 2 | 3): Promise<string> {
  const machine = await Machine.create({
    kernel: monitorImage(),
    memory: `${SESSION_MEMORY_MIB}M`,
    cpus: SESSION_CPUS,
    gic,
    devices: ["virtio-rng"],
    time: "virtual",
  });
  const typist = new Typist((bytes) => machine.serialInput(bytes));
  machine.onSerial((bytes) => typist.output(bytes));
  const { reason } = await machine.run();
  await machine[Symbol.asyncDispose]();
  assert.equal(reason, "power-off", typist.transcript);
  assert.equal(typist.left, 0, typist.transcript);
  return typist.transcript;
}

for (const gic of [2, 3] as const) {
  test(`the monitor with a GICv${gic} says what it says on QEMU's board`, async () => {
    const qemu = readFileSync(new URL(`monitor/gicv${gic}.txt`, import.meta.url), "utf8");
    const transcript = await session(gic);
    assert.equal(mask(transcript), expected(qemu));
    assert.equal(await session(gic), transcript, "the same again, to the character");
  });
}
