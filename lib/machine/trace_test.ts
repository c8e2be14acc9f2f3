import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../boot/image.ts";
import type { TraceEvent } from "../config/trace.ts";
import { LoopbackBackend } from "../net/loopback_backend.ts";
import { VmmDebug } from "../config/vmm_debug.ts";
import { Machine } from "./machine.ts";
import { NetTap } from "./net_tap.ts";
import { smpProgram, timerProgram, words } from "./testing/programs.ts";

/** Runs a program to its end with `trace` at a level; the events. */
async function traced(
  program: Uint8Array,
  levels: Readonly<Record<string, "condensed" | "detailed" | "full">>,
): Promise<TraceEvent[]> {
  const machine = await Machine.create({
    kernel: makeImage(program),
    memory: "16M",
    cpus: 2,
    time: "virtual",
  });
  const events: TraceEvent[] = [];
  machine.debug.onTrace((event) => events.push(event));
  for (const [component, level] of Object.entries(levels)) machine.debug.setLevel(component, level);
  await machine.run();
  await machine[Symbol.asyncDispose]();
  return events;
}

const brief = (events: readonly TraceEvent[]): string[] =>
  events.map(({ component, event, fields }) => `${component} ${event} ${Object.values(fields)}`);

test("a second vCPU is turned on: psci and vcpu tell it, in order and with the time", async () => {
  const events = await traced(smpProgram, { psci: "condensed", vcpu: "condensed" });
  const lines = brief(events);
  assert.match(lines[0], /^vcpu begin 0,0x/);
  const on = lines.findIndex((line) => line.startsWith("vcpu on 1,"));
  assert.ok(on > 0);
  assert.match(lines[on + 1], /^psci call 0,0xc?[48]4?0+3,/);
  assert.ok(lines.findIndex((line) => line.startsWith("vcpu begin 1,")) > on);
  const times = events.map(({ time }) => time);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

test("a timer interrupt: line, input, acknowledge; waits only when detailed", async () => {
  const levels = { timer: "condensed", gic: "condensed", msr: "full" } as const;
  const lines = brief(await traced(timerProgram, levels));
  const rise = lines.findIndex((line) => /^timer line 0,\d+,true$/.test(line));
  assert.ok(rise >= 0, lines.slice(0, 20).join("\n"));
  assert.ok(lines.some((line) => /^gic line 0,2[67]|^gic line 0,30/.test(line)));
  assert.ok(lines.some((line) => line.startsWith("msr write timer,S3_3_C14_C")));
  const waits = async (level: "condensed" | "detailed"): Promise<number> =>
    brief(await traced(timerProgram, { vcpu: level })).filter((l) => l.startsWith("vcpu wait"))
      .length;
  assert.equal(await waits("condensed"), 0);
  assert.ok(await waits("detailed") >= 3);
});

test("levels and statistics are switched while the machine runs", async (t) => {
  /*
     mov x1, #0x09000000
  1: ldr w0, [x1, #0x18]
     mrs x2, cntvct_el0
     b 1b
  */
  const program = words("d2a12001 b9401820 d53be042 17fffffe");
  const machine = await Machine.create({
    kernel: makeImage(program),
    memory: "16M",
    time: "virtual",
  });
  t.after(() => machine[Symbol.asyncDispose]());
  const events: string[] = [];
  machine.debug.onTrace(({ component, event }) => events.push(`${component} ${event}`));
  const run = machine.run();
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  await turn();
  assert.deepEqual([events.length, machine.statistics().devices.length], [0, 0]);
  machine.debug.setLevel("vbus", "condensed");
  machine.debug.setStatistics("*", true);
  await turn();
  machine.debug.setLevel("vbus", "none");
  const { devices, registers } = machine.statistics();
  // Thousands of reads of one device: the first, and at the end their number.
  assert.deepEqual(events, ["vbus read", "vbus repeated"]);
  assert.ok(devices.some(({ device, reads }) => device === "pl011" && reads > 100));
  assert.ok(registers.some(({ device, reads }) => device === "timer" && reads > 100));
  machine.debug.setStatistics("*", false);
  await turn();
  assert.deepEqual([events.length, machine.statistics().registers.length], [2, 0]);
  machine.stop();
  await run;
});

test("frames between a card and its network are told", () => {
  const debug = new VmmDebug();
  const events: TraceEvent[] = [];
  debug.onTrace((event) => events.push(event));
  const tap = new NetTap(new LoopbackBackend(), debug.tracer("net"), "virtio-net.0");
  let room = true;
  tap.onReceive(() => room);
  tap.send(new Uint8Array(60));
  debug.setLevel("net", "condensed");
  tap.send(new Uint8Array(64));
  room = false;
  tap.send(new Uint8Array(70));
  assert.deepEqual(brief(events), [
    "net transmit virtio-net.0,64",
    "net receive virtio-net.0,64",
    "net transmit virtio-net.0,70",
    "net receive virtio-net.0,70,true",
  ]);
});
