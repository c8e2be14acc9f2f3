import assert from "node:assert/strict";
import { test } from "node:test";
import { makePvhElf } from "../boot/x86_64/pvh_elf.ts";
import type { MachineOptions } from "../config/machine_config.ts";
import { Machine } from "./machine.ts";
import {
  biosProgram,
  busyProgram,
  buttonProgram,
  echoProgram,
  helloProgram,
  nobodyProgram,
  resetProgram,
  smpProgram,
  timerProgram,
  tripleProgram,
} from "./testing/programs_x86.ts";

const MILLISECOND = 1_000_000;

function create(program: Uint8Array, options: MachineOptions = {}): Promise<Machine> {
  const kernel = makePvhElf(program);
  return Machine.create({ arch: "x86_64", kernel, memory: "16M", time: "virtual", ...options });
}

/** Runs a program to its end; gives its output, too. */
async function run(
  program: Uint8Array,
  options?: MachineOptions,
): Promise<{ output: string; reason: string; nanoseconds: number; machine: Machine }> {
  const machine = await create(program, options);
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  const { reason, nanoseconds } = await machine.run();
  await machine[Symbol.asyncDispose]();
  return { output, reason, nanoseconds, machine };
}

test("a program is told where the start info is, prints, and powers off", async () => {
  for (const time of ["virtual", "real"] as const) {
    const { output, reason } = await run(helloProgram, { time });
    assert.deepEqual([output, reason], ["hello Y", "power-off"]);
  }
});

test("the serial line has two directions", async () => {
  const machine = await create(echoProgram, { time: "real" });
  let output = "";
  machine.onSerial((bytes) => {
    output += new TextDecoder().decode(bytes);
    if (output === "typed") machine.serialInput(Uint8Array.of(4));
  });
  machine.serialInput(new TextEncoder().encode("typed"));
  assert.equal((await machine.run()).reason, "power-off");
  assert.equal(output, "typed");
  await machine[Symbol.asyncDispose]();
});

test("the local APIC's timer ends HLT, at its time", async () => {
  const { output, reason, nanoseconds } = await run(timerProgram);
  assert.deepEqual([output, reason], ["TTT", "power-off"]);
  assert.ok(nanoseconds >= 15 * MILLISECOND && nanoseconds < 16 * MILLISECOND, `${nanoseconds} ns`);
});

test("INIT and a start-up message begin the other vCPU in real mode", async () => {
  const { output, reason } = await run(smpProgram, { cpus: 2 });
  assert.deepEqual([output, reason], ["ABC", "power-off"]);
});

test("the power button is an interrupt", async () => {
  const machine = await create(buttonProgram, { time: "real" });
  let output = "";
  machine.onSerial((bytes) => {
    output += new TextDecoder().decode(bytes);
    if (output === "?") machine.powerButton();
  });
  assert.equal((await machine.run()).reason, "power-off");
  assert.equal(output, "?P");
  await machine[Symbol.asyncDispose]();
});

test("where nobody answers there are ones", async () => {
  const { output, reason } = await run(nobodyProgram);
  assert.deepEqual([output, reason], ["Y", "power-off"]);
});

for (
  const [what, program, letter] of [
    ["the reset register", resetProgram, "R"],
    ["a triple fault", tripleProgram, "!"],
    ["a jump to the reset vector", biosProgram, "B"],
  ] as const
) {
  test(`${what} resets the machine`, async () => {
    const { output, reason } = await run(program, { onReset: "stop", cpus: 2 });
    assert.deepEqual([output, reason], [letter, "reset"]);
    const machine = await create(program, { cpus: 2 });
    let again = "";
    machine.onSerial((bytes) => {
      again += new TextDecoder().decode(bytes);
      if (again.length === 3) machine.stop();
    });
    assert.equal((await machine.run()).reason, "stopped");
    assert.equal(again.slice(0, 3), letter.repeat(3));
    assert.ok(machine.statistics().resets >= 2);
    await machine[Symbol.asyncDispose]();
  });
}

test("devices, ports and settings are those of the board; there is no device tree", async () => {
  const machine = await create(helloProgram, { devices: ["virtio-rng"], cpus: 2 });
  const at = (address: number): string | undefined =>
    machine.regions.find((region) => region.address === address)?.device.name;
  assert.equal(at(0xfee0_0000), "local-apic");
  assert.equal(at(0xfec1_0000), "ioapic.1");
  assert.equal(machine.ports.find(({ address }) => address === 0x3f8)?.device.name, "uart16550");
  assert.equal(machine.fdt, undefined);
  assert.equal(machine.statistics().firmware, undefined);
  await machine[Symbol.asyncDispose]();
});

test("the debugger steps and reads registers", async () => {
  const machine = await create(busyProgram);
  const world = await machine.debugger.stop();
  for (let n = 0; n < 5; n++) assert.equal(machine.debugger.step(0), true);
  const { general, pc, system } = machine.debugger.registers(0);
  assert.deepEqual([general[0], pc, system.CS, system.CR0], [3n, 0x10_0001n, 0x10n, 0x11n]);
  await world.resume();
  await machine[Symbol.asyncDispose]();
});

test("a run in virtual time is the same each time", async () => {
  const one = await run(timerProgram, { cpus: 2, seed: 3 });
  const two = await run(timerProgram, { cpus: 2, seed: 3 });
  assert.deepEqual([one.output, one.nanoseconds], [two.output, two.nanoseconds]);
});
