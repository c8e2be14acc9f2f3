/**
 * Makes, boots and disposes of machines in one process, and sees that nothing stays behind.
 *
 * Usage: node conformance/lifecycle/cycles.ts [CYCLES]
 *
 * 1000 cycles if not given. Two figures must not grow by more than 10 %:
 *
 * - what the program holds (JavaScript's heap, array buffers, whatever else the runtime accounts to
 *   it), from the end of the first ten cycles to the end of all;
 * - the resident memory of the process, from half of the cycles to the end. It is larger than the
 *   other, and grows in the first hundreds of cycles: the runtime compiles what it runs, and the C
 *   library keeps what compilers have freed. A machine that stayed would show in it a hundred times.
 *
 * Prints time and memory; exit code 1 if one has grown by more.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Machine } from "../../lib/machine/machine.ts";
import { monitorImage } from "../../guests/monitor/aarch64/image.ts";

const CYCLES = Number(process.argv[2] ?? 1000);
const FIRST = 10;
/** Garbage is collected after so many: what the runtime puts off would make its heap larger for good. */
const BATCH = 100;
/** What may stay, as a part of the level before. */
const GROWTH = 0.1;
const MIB = 2 ** 20;

/** Collects all garbage now; undefined where the runtime has no way to be told. */
function collector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    const gc: unknown = (globalThis as { gc?: unknown }).gc ?? runInNewContext("gc");
    // Gives back what the youngest objects had, too.
    const how = { type: "major", execution: "sync", flavor: "last-resort" };
    return typeof gc === "function" ? () => void gc(how) : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes. */
interface Level {
  readonly held: number;
  readonly resident: number;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Memory when what can go has gone: it may take the runtime some turns. */
async function level(collect: (() => void) | undefined): Promise<Level> {
  let held = Infinity;
  let resident = Infinity;
  for (let i = 0; i < 20; i++) {
    collect?.();
    await turn();
    const { heapUsed, external, rss } = process.memoryUsage();
    held = Math.min(held, heapUsed + external);
    resident = Math.min(resident, rss);
  }
  return { held, resident };
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
const levels = new Map<number, Level>();
const start = performance.now();
for (let i = 0; i < CYCLES; i++) {
  if (i === FIRST || i === CYCLES >> 1) levels.set(i, await level(collect));
  else if (i % BATCH === 0) await level(collect);
  await cycle(kernel);
}
const milliseconds = (performance.now() - start) / CYCLES;
levels.set(CYCLES, await level(collect));

console.log(`${CYCLES} cycles, ${milliseconds.toFixed(1)} ms each`);
for (const [i, { held, resident }] of levels) {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1).padStart(6);
  console.log(
    `after ${String(i).padStart(4)}: held ${mib(held)} MiB, resident ${mib(resident)} MiB`,
  );
}
const [first, half, end] = [...levels.values()];
const held = end.held / first.held - 1;
const resident = end.resident / half.resident - 1;
const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;
console.log(
  `growth: held ${percent(held)} since the first, resident ${percent(resident)} since half`,
);
process.exitCode = held <= GROWTH && resident <= GROWTH ? 0 : 1;
