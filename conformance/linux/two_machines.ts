/**
 * Two machines on a hub in one process: two_machines.ts DEBIAN-ARCH KERNEL INITRD. Prints what both say; the exit
 * code is 0 if both power off. For devices.ts.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { DEBIAN, type DebianArch } from "../../guests/linux/architectures.ts";
import { Machine } from "../../mod.ts";
import { PATIENCE } from "./runtimes.ts";

const [debianArch, ...paths] = process.argv.slice(2);
const { arch, console: serial } = DEBIAN[debianArch as DebianArch];
const [kernel, initrd] = paths.map((path) => new Uint8Array(readFileSync(path)));
const MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02"] as const;

/** Makes host 1 or 2; calls back with its text. */
async function machine(host: 1 | 2, hear: (text: string) => void): Promise<Machine> {
  const made = await Machine.create({
    arch,
    kernel,
    initrd,
    cmdline: `console=${serial} quiet vml=script vml_host=${host}`,
    memory: "256M",
    devices: [{
      type: "virtio-net",
      backend: { type: "hub", name: "lan" },
      mac: MACS[host - 1],
    }],
  });
  let line = "";
  made.onSerial((bytes) => {
    line += new TextDecoder("latin1").decode(bytes);
    const lines = line.split("\n");
    line = lines.pop() ?? "";
    for (const text of lines) {
      console.log(text.replace("\r", ""));
      hear(text);
    }
  });
  return made;
}

let listening: () => void = () => {};
const ready = new Promise<void>((resolve) => listening = resolve);
const server = await machine(1, (text) => {
  if (text.includes("VML-LISTEN")) listening();
});
const client = await machine(2, () => {});
const signal = AbortSignal.timeout(PATIENCE * 1000);
const serving = server.run(signal);
await Promise.race([ready, serving]);
const results = [await client.run(signal), await serving];
for (const vm of [server, client]) await vm[Symbol.asyncDispose]();
process.exitCode = results.every(({ reason }) => reason === "power-off") ? 0 : 1;
