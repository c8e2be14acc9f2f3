/**
 * Makes, boots and disposes of machines in one process, and sees that nothing stays behind: the
 * process's memory after all cycles against that after the first ten. Before them come cycles that do not
 * count, in which the runtime compiles what it runs and its heap finds its size.
 *
 * Usage: MALLOC_ARENA_MAX=2 node --max-semi-space-size=4 conformance/lifecycle/cycles.ts [CYCLES]
 *
 * 1000 cycles if not given. The settings keep pools of the C library and of V8 small, one for each thread
 * that compiles: they come and go with the load of the host, and hide what is looked for.
 *
 * Prints time and memory; exit code 1 if memory has grown by more than 10 % in each of three rounds.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Machine } from "../../lib/machine/machine.ts";
import { monitorImage } from "../../guests/monitor/aarch64/image.ts";

const CYCLES = Number(process.argv[2] ?? 1000);
/** After so many, resident memory of V8 and JavaScriptCore no longer grows. */
const WARM_UP = 200;
const FIRST = 10;
/** Garbage is collected after so many: what the runtime puts off would make its heap larger for good. */
const BATCH = 100;
/** A pool of the runtime may still grow in one round; what we leave behind grows in each. */
const ROUNDS = 3;
/** What may stay, as a part of the level after the first cycles. */
const GROWTH = 0.1;
const MIB = 2 ** 20;

/** Collects garbage now; undefined where the runtime has no way to be told. */
function collector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    const gc: unknown = (globalThis as { gc?: unknown }).gc ?? runInNewContext("gc");
    return typeof gc === "function" ? () => void gc() : undefined;
  } catch {
    return undefined;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Resident memory in bytes when what can go has gone: it may take the runtime some turns. */
async function level(collect: (() => void) | undefined): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    collect?.();
    await turn();
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least;
}

/** One life: until the monitor's prompt, then off by its own command. */
async function cycle(kernel: Uint8Array): Promise<void> {
  const machine = await Machine.create({
    kernel,
    memory: "64M",
    cpus: 2,
    time: "virtual",
    devices: ["virtio-console", "virtio-rng", { type: "virtio-net", backend: "null" }],
  });
  let output = "";
  let asked = false;
  const decoder = new TextDecoder();
  machine.onSerial((bytes) => {
    output += decoder.decode(bytes, { stream: true });
    if (asked || !output.endsWith("> ")) return;
    asked = true;
    machine.serialInput(new TextEncoder().encode("poweroff\r"));
  });
  const { reason } = await machine.run();
  await machine[Symbol.asyncDispose]();
  if (reason !== "power-off") throw new Error(`a machine ended with ${reason}:\n${output}`);
}

const collect = collector();
if (collect === undefined) {
  console.log("this runtime cannot be told to collect garbage: memory is what it leaves");
}
const kernel = monitorImage();
for (let i = 0; i < WARM_UP; i++) {
  if (i % BATCH === 0) await level(collect);
  await cycle(kernel);
}

/** Cycles that count; gives how much memory has grown after the first ones, as a part of it. */
async function round(): Promise<number> {
  let start = 0;
  let base = 0;
  for (let i = 0; i < CYCLES; i++) {
    if (i === FIRST) {
      base = await level(collect);
      start = performance.now();
    }
    if (i % BATCH === 0) await level(collect);
    await cycle(kernel);
  }
  const milliseconds = (performance.now() - start) / (CYCLES - FIRST);
  const end = await level(collect);
  const growth = end / base - 1;
  console.log(
    `${CYCLES} cycles, ${milliseconds.toFixed(1)} ms each; memory ${(base / MIB).toFixed(0)} MiB ` +
      `after ${FIRST}, ${(end / MIB).toFixed(0)} MiB at the end: ${(growth * 100).toFixed(1)} %`,
  );
  return growth;
}

let growth = Infinity;
for (let i = 0; i < ROUNDS && growth > GROWTH; i++) growth = await round();
process.exitCode = growth <= GROWTH ? 0 : 1;
