/** A program of its own: the process must end when this does, whatever its machines were doing. */
import { makeImage } from "../../boot/image.ts";
import { Machine } from "../machine.ts";
import { helloProgram, timerProgram } from "./programs.ts";

const kernel = (program: Uint8Array): Uint8Array => makeImage(program);
const never = await Machine.create({ kernel: kernel(helloProgram), memory: "16M" });
const off = await Machine.create({ kernel: kernel(helloProgram), memory: "16M" });
await off.run();
// Stopped while it waits for a timer a second away.
const stopped = await Machine.create({
  kernel: kernel(timerProgram),
  memory: "16M",
  devices: ["virtio-console", { type: "virtio-net", backend: "null" }],
});
const run = stopped.run();
await new Promise((resolve) => setTimeout(resolve, 0));
stopped.stop();
await run;
const gone = await Machine.create({ kernel: kernel(timerProgram), memory: "16M" });
const last = gone.run();
await gone[Symbol.asyncDispose]();
await last;
console.log(never.running ? "running" : "end of the program");
