import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../boot/image.ts";
import { makeElf } from "../boot/testing/elf.ts";
import type { MachineOptions } from "../config/machine_config.ts";
import { Machine, type RunResult } from "./machine.ts";
import type { MachineStatistics } from "./machine_statistics.ts";
import {
  echoProgram,
  helloProgram,
  printProgram,
  resetProgram,
  smpProgram,
  timerProgram,
} from "./testing/programs.ts";

interface Outcome {
  readonly output: string;
  readonly result: RunResult;
  readonly statistics: MachineStatistics;
}

/** Runs a program to its end; `input` is there from the start. */
async function run(
  program: Uint8Array,
  options: MachineOptions = {},
  input = "",
): Promise<Outcome> {
  const machine = await Machine.create({
    kernel: makeImage(program),
    memory: "16M",
    time: "virtual",
    ...options,
  });
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  machine.serialInput(new TextEncoder().encode(input));
  const result = await machine.run();
  const statistics = machine.statistics();
  await machine[Symbol.asyncDispose]();
  return { output, result, statistics };
}

test("a program finds its device tree, prints, and powers off", async () => {
  const { output, result } = await run(helloProgram);
  assert.equal(output, "hello Y");
  assert.equal(result.reason, "power-off");
  assert.equal(result.nanoseconds, result.instructions);
});

test("the same with the host's time, and from a packed kernel", async () => {
  const stream = new Blob([makeImage(helloProgram)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const kernel = new Uint8Array(await new Response(stream).arrayBuffer());
  const { output, result } = await run(helloProgram, { kernel, time: "real" });
  assert.equal(output, "hello Y");
  assert.equal(result.reason, "power-off");
});

test("an ELF program runs where it is linked to", async () => {
  const nops = Uint8Array.of(0x1f, 0x20, 0x03, 0xd5, 0, 0, 0, 0);
  const program = new Uint8Array([...nops, ...helloProgram]);
  const { output } = await run(program, { kernel: makeElf(program, 8) });
  assert.equal(output, "hello Y");
});

test("input reaches the guest, also more than its FIFO holds", async () => {
  const text = "abcdefghijklmnopqrstuvwxyz".replace("q", "").repeat(10);
  const { output } = await run(echoProgram, {}, `${text}q`);
  assert.equal(output, text.replace(/./g, (c) => String.fromCharCode(c.charCodeAt(0) + 1)));
});

test("the serial line as Web Streams", async (t) => {
  const machine = await Machine.create({ kernel: makeImage(echoProgram), memory: "16M" });
  t.after(() => machine[Symbol.asyncDispose]());
  const running = machine.run();
  const writer = machine.serial.writable.getWriter();
  const reader = machine.serial.readable.getReader();
  let output = "";
  for (const text of ["HAL", "x", "y"]) {
    const before = output.length;
    await writer.write(new TextEncoder().encode(text));
    while (output.length < before + text.length) {
      output += new TextDecoder().decode((await reader.read()).value);
    }
  }
  await writer.write(new TextEncoder().encode("q"));
  assert.equal(output, "IBMyz");
  assert.equal((await running).reason, "power-off");
});

const PANIC =
  "Kernel panic - not syncing: no init\n---[ end Kernel panic - not syncing: no init ]---\n";
/** Function numbers of PSCI. */
const SYSTEM_OFF = 8;
const SYSTEM_RESET = 9;

test("a kernel that says that it panicked, and then spins, ends the run as a crash", async () => {
  const { result, output } = await run(printProgram(PANIC, 0));
  assert.deepEqual([result.reason, result.panic, output], ["crash", "no init", PANIC]);
});

test("a reset after a panic is a crash, too, and an orderly one is none", async () => {
  const panic = await run(printProgram(PANIC.slice(0, 40), SYSTEM_RESET));
  assert.deepEqual([panic.result.reason, panic.result.panic], ["crash", "no init"]);
  const text = `${PANIC}reboot: Restarting system\n`;
  const orderly = await run(printProgram(text, SYSTEM_RESET), { onReset: "stop" });
  assert.deepEqual([orderly.result.reason, orderly.result.panic], ["reset", undefined]);
});

test("what looks like a panic is none if the guest goes on, or if it was said to be ignored", async () => {
  const off = await run(printProgram(PANIC, SYSTEM_OFF));
  assert.deepEqual([off.result.reason, off.result.panic], ["power-off", undefined]);
  const ignored = await run(printProgram(PANIC, SYSTEM_RESET), {
    onPanic: "continue",
    onReset: "stop",
  });
  assert.deepEqual([ignored.result.reason, ignored.result.panic], ["reset", undefined]);
});

test("a reset starts the kernel again and keeps RAM", async () => {
  const { output, result, statistics } = await run(resetProgram);
  assert.equal(output, "123");
  assert.equal(result.reason, "power-off");
  assert.equal(statistics.resets, 2);
});

test("with onReset stop the run ends, and the next run goes on from the reset", async (t) => {
  const machine = await Machine.create({
    kernel: makeImage(resetProgram),
    memory: "16M",
    time: "virtual",
    onReset: "stop",
  });
  t.after(() => machine[Symbol.asyncDispose]());
  const reasons = [];
  for (let i = 0; i < 3; i++) reasons.push((await machine.run()).reason);
  assert.deepEqual(reasons, ["reset", "reset", "power-off"]);
});

test("idle seconds pass at once in virtual time, and exactly", async () => {
  const { output, result, statistics } = await run(timerProgram);
  assert.equal(output, "aaa");
  assert.ok(result.instructions < 1000, `${result.instructions} instructions`);
  const idle = result.nanoseconds - result.instructions;
  assert.ok(idle > 2.999e9 && idle < 3.001e9, `${idle} ns`);
  assert.ok(statistics.loop.waits >= 3);
});

test("a second vCPU is turned on and off", async () => {
  const { output, result } = await run(smpProgram, { cpus: 2 });
  // Which of the two prints first is nobody's business.
  assert.match(output, /^0(A1b|1Ab|1bA)!$/);
  assert.equal(result.reason, "power-off");
});

test("two runs in virtual time are the same to the instruction", async () => {
  for (const [program, options] of [[timerProgram, {}], [smpProgram, { cpus: 2 }]] as const) {
    const first = await run(program, options);
    const second = await run(program, options);
    assert.deepEqual(first.result, second.result);
    assert.equal(first.output, second.output);
  }
});

test("stop, abort and timeout end a run that goes on later", async (t) => {
  const machine = await Machine.create({ kernel: makeImage(echoProgram), memory: "16M" });
  t.after(() => machine[Symbol.asyncDispose]());
  const first = machine.run();
  await assert.rejects(machine.run(), /already running/);
  machine.stop();
  assert.equal((await first).reason, "stopped");
  const abort = new AbortController();
  const second = machine.run(abort.signal);
  abort.abort();
  assert.equal((await second).reason, "stopped");
  const timeout = new AbortController();
  const third = machine.run(timeout.signal);
  // What AbortSignal.timeout gives as its reason.
  timeout.abort(new DOMException("late", "TimeoutError"));
  assert.equal((await third).reason, "timeout");
  machine.serialInput(new TextEncoder().encode("q"));
  assert.equal((await machine.run()).reason, "power-off");
});

test("reset and pause from the host while the guest runs", async (t) => {
  const machine = await Machine.create({ kernel: makeImage(echoProgram), memory: "16M" });
  t.after(() => machine[Symbol.asyncDispose]());
  const running = machine.run();
  machine.pause();
  assert.equal(machine.paused, true);
  machine.reset();
  machine.resume();
  machine.serialInput(new TextEncoder().encode("q"));
  assert.equal((await running).reason, "power-off");
  assert.equal(machine.statistics().resets, 1);
});

test("a guest that takes exceptions without end stops neither the host nor virtual time", async (t) => {
  // mov x0, #0x20000000; msr vbar_el1, x0; svc #0: the vectors lie where nothing is.
  const program = Uint8Array.of(0, 0, 0xa4, 0xd2, 0, 0xc0, 0x18, 0xd5, 1, 0, 0, 0xd4);
  for (const time of ["real", "virtual"] as const) {
    const machine = await Machine.create({ kernel: makeImage(program), memory: "16M", time });
    t.after(() => machine[Symbol.asyncDispose]());
    const abort = new AbortController();
    const running = machine.run(abort.signal);
    const { nanoseconds } = machine.statistics();
    abort.abort();
    assert.equal((await running).reason, "stopped");
    assert.ok(nanoseconds > 0);
  }
});

test("a disposed machine ends its run and its streams", async () => {
  const machine = await Machine.create({ kernel: makeImage(echoProgram), memory: "16M" });
  const running = machine.run();
  const read = machine.serial.readable.getReader().read();
  await machine[Symbol.asyncDispose]();
  assert.equal((await running).reason, "stopped");
  assert.equal((await read).done, true);
  await assert.rejects(machine.run(), /disposed/);
  await machine[Symbol.asyncDispose]();
});

test("what cannot be booted is refused by name", async () => {
  const kernel = makeImage(helloProgram);
  await assert.rejects(Machine.create({}), { code: "missing", path: "kernel" });
  await assert.rejects(Machine.create({ kernel: "Image" }), {
    name: "ConfigError",
    path: "kernel",
  });
  await assert.rejects(Machine.create({ kernel: new Uint8Array(4096) }), { code: "bad-magic" });
  await assert.rejects(Machine.create({ kernel, initrd: new Uint8Array(0) }), {
    code: "bad-magic",
    message: /empty/,
  });
  await assert.rejects(
    Machine.create({ kernel: makeImage(helloProgram, 2 ** 25), memory: "16M" }),
    {
      code: "too-little-memory",
    },
  );
  await assert.rejects(
    Machine.create({ kernel, devices: [{ type: "virtio-block", file: "disk.img" }] }),
    { name: "ConfigError", message: /disk\.img/ },
  );
});
