/**
 * Makes, boots and disposes of machines in one process, and sees that nothing stays behind.
 *
 * Usage: node conformance/lifecycle/cycles.ts [CYCLES]
 *
 * 1000 cycles if not given. What the program holds (JavaScript's heap, array buffers, whatever else
 * the runtime accounts to it) must not grow by more than 10 % from the end of the first ten cycles to
 * the end of all.
 *
 * The resident memory of the process is larger, and grows in the first hundreds of cycles: the runtime
 * compiles what it runs, and the C library keeps what compilers have freed, more of it on a busy
 * machine. So it is looked at from half of the cycles on, and may grow by 64 MiB: 23 machines that stay
 * would be more.
 *
 * Prints time and memory; exit code 1 if one has grown by more.
 */
import process from "node:process";
import { Machine } from "../../lib/machine/machine.ts";
import {
  garbageCollector,
  type MemoryLevel,
  memoryLevel,
} from "../../lib/machine/testing/memory.ts";
import { monitorImage } from "../../guests/monitor/aarch64/image.ts";

const CYCLES = Number(process.argv[2] ?? 1000);
const FIRST = 10;
/** Garbage is collected after so many: what the runtime puts off would make its heap larger for good. */
const BATCH = 100;
/** What may stay of what is held, as a part of the level before. */
const GROWTH = 0.1;
const MIB = 2 ** 20;
/** By how many bytes resident memory may grow in the second half. */
const RESIDENT = 64 * MIB;

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

const collect = garbageCollector();
if (collect === undefined) {
  console.log("this runtime cannot be told to collect garbage: memory is what it leaves");
}
const kernel = monitorImage();
const levels = new Map<number, MemoryLevel>();
const start = performance.now();
for (let i = 0; i < CYCLES; i++) {
  if (i === FIRST || i === CYCLES >> 1) levels.set(i, await memoryLevel(collect));
  else if (i % BATCH === 0) await memoryLevel(collect);
  await cycle(kernel);
}
const milliseconds = (performance.now() - start) / CYCLES;
levels.set(CYCLES, await memoryLevel(collect));

console.log(`${CYCLES} cycles, ${milliseconds.toFixed(1)} ms each`);
for (const [i, { held, resident }] of levels) {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1).padStart(6);
  console.log(
    `after ${String(i).padStart(4)}: held ${mib(held)} MiB, resident ${mib(resident)} MiB`,
  );
}
const [first, half, end] = [...levels.values()];
const held = end.held / first.held - 1;
const resident = end.resident - half.resident;
console.log(
  `growth: held ${(held * 100).toFixed(1)} % since the first, ` +
    `resident ${(resident / MIB).toFixed(1)} MiB since half`,
);
process.exitCode = held <= GROWTH && resident <= RESIDENT ? 0 : 1;
