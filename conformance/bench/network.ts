/**
 * Compares TCP through the user-mode network with QEMU's (slirp): Linux fetches a file from a server of
 * this host, and serves one through a published port.
 *
 * Usage: node conformance/bench/network.ts [--arch aarch64|x86_64] [--runtimes node,deno,bun] [--rounds 3]
 *                                          [--megabytes 64] [--sets FOLDER]
 *
 * In each round, each runtime's run comes right after one of QEMU. The host takes the time from the first
 * byte to the last. Needs what `vml image debian` needs, and qemu-system-aarch64 or
 * qemu-system-x86_64.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DEBIAN, DEBIAN_ARCHES, type DebianArch } from "../../guests/linux/architectures.ts";
import { debianSet } from "../../guests/linux/debian.ts";
import { withScript } from "../../guests/linux/overlay.ts";
import {
  formatTable,
  type Guest,
  measure,
  MeasureError,
  median,
  qemuCommand,
  qemuKernelParameters,
  readArch,
  readCount,
  readRuntimes,
  runProgram,
  type Runtime,
  vmlCommand,
  warnIfBusy,
} from "./measure.ts";

const MEGABYTE = 2 ** 20;
const SECONDS = 300;

const SCRIPT = String.raw`
for word in $(cat /proc/cmdline); do
  case $word in vml_*) eval "$word" ;; esac
done
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
wget -q -O /dev/null http://10.0.2.2:$vml_source/
mkdir /tmp/www
truncate -s "$vml_count"M /tmp/www/file
httpd -p 80 -h /tmp/www
echo VML-LISTEN
# Until the host has fetched it.
nc -l -p 9 < /dev/null
echo VML-DONE
finish
`;

/** Seconds of the two directions. */
interface Times {
  in: number;
  out: number;
}

/** The server of the guest's download. */
class Source {
  seconds = NaN;
  readonly #server: Server;

  constructor(bytes: number) {
    const block = new Uint8Array(MEGABYTE);
    this.#server = createServer(async (_, response) => {
      const start = performance.now();
      response.writeHead(200, { "content-length": bytes });
      for (let sent = 0; sent < bytes; sent += block.length) {
        if (!response.write(block)) await once(response, "drain");
      }
      response.end();
      await once(response, "close");
      this.seconds = (performance.now() - start) / 1000;
    });
  }

  async open(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

/** Fetches the guest's file through a published port and tells the guest; gives the seconds. */
async function fetchFile(web: number, done: number, bytes: number): Promise<number> {
  const response = await ready(() => fetch(`http://127.0.0.1:${web}/file`));
  const start = performance.now();
  let got = 0;
  for await (const part of response.body ?? []) got += part.length;
  const seconds = (performance.now() - start) / 1000;
  const socket = connect(done, "127.0.0.1");
  socket.end("fetched");
  await once(socket.resume(), "close");
  if (got !== bytes) throw new MeasureError(`the guest sent ${got} bytes, not ${bytes}`);
  return seconds;
}

/** Tries again while the guest's server is about to come up. */
async function ready<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 50;; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A port of this host that nobody uses now. */
async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

await runProgram(async () => {
  const { values } = parseArgs({
    options: {
      arch: { type: "string" },
      runtimes: { type: "string" },
      rounds: { type: "string" },
      megabytes: { type: "string" },
      sets: { type: "string" },
    },
  });
  const arch = readArch(values.arch);
  const debianArch = DEBIAN_ARCHES.find((name) => DEBIAN[name].arch === arch) as DebianArch;
  const rounds = readCount("--rounds", values.rounds, 3);
  const megabytes = readCount("--megabytes", values.megabytes, 64);
  const sets = values.sets ?? fileURLToPath(new URL("../../.cache", import.meta.url));
  const set = await debianSet({
    arch: debianArch,
    kernel: "cloud",
    rootfs: "none",
    folder: sets,
    update: false,
    progress: (text) => console.error(text),
  });
  const folder = mkdtempSync(join(tmpdir(), "vml-bench-"));
  const bytes = megabytes * MEGABYTE;
  const source = new Source(bytes);
  try {
    const port = await source.open();
    const [web, done] = [await freePort(), await freePort()];
    const initrd = join(folder, "initrd.cpio");
    writeFileSync(initrd, withScript(new Uint8Array(readFileSync(set.initrd)), SCRIPT));
    const guest: Guest = {
      arch,
      kernel: set.vmlinux ?? set.kernel,
      initrd,
      append: `console=${DEBIAN[debianArch].console} quiet vml=script vml_source=${port} ` +
        `vml_count=${megabytes}`,
      memoryMib: 256,
    };
    const run = async (command: readonly string[]): Promise<Times> => {
      let out: Promise<number> | undefined;
      let said = "";
      const onText = (text: string): void => {
        said += text;
        if (said.includes("VML-LISTEN")) out ??= fetchFile(web, done, bytes);
      };
      await measure(command, { seconds: SECONDS, until: "VML-DONE", onText });
      return { in: source.seconds, out: await (out ?? NaN) };
    };
    const forwards = `hostfwd=tcp:127.0.0.1:${web}-:80,hostfwd=tcp:127.0.0.1:${done}-:9`;
    const qemuNet = ["-global", "virtio-mmio.force-legacy=false"];
    const results = new Map<Runtime, { qemu: Times; vml: Times }[]>();
    warnIfBusy();
    for (let round = 1; round <= rounds; round++) {
      for (const runtime of readRuntimes(values.runtimes)) {
        console.error(`round ${round} of ${rounds}: QEMU, ${runtime}`);
        const qemu = await run([
          ...qemuCommand(guest, `${guest.append} ${qemuKernelParameters(arch)}`),
          ...[...qemuNet, "-netdev", `user,id=net,${forwards}`],
          ...["-device", "virtio-net-device,netdev=net"],
        ]);
        const vml = await run([...vmlCommand(runtime, guest), "--net", `user,${forwards}`]);
        results.set(runtime, [...results.get(runtime) ?? [], { qemu, vml }]);
      }
    }
    const row = (
      name: string,
      key: keyof Times,
      pairs: { qemu: Times; vml: Times }[],
    ): string[] => [
      name,
      (megabytes / median(pairs.map(({ vml }) => vml[key]))).toFixed(1),
      (megabytes / median(pairs.map(({ qemu }) => qemu[key]))).toFixed(1),
      median(pairs.map(({ qemu, vml }) => qemu[key] / vml[key])).toFixed(2),
    ];
    console.log(`TCP through the user-mode network, ${megabytes} MiB, medians of ${rounds}\n`);
    console.log(formatTable([
      ["", "MiB/s", "QEMU's", "ratio"],
      ...[...results].flatMap(([runtime, pairs]) => [
        row(`${runtime} in`, "in", pairs),
        row(`${runtime} out`, "out", pairs),
      ]),
    ]));
  } finally {
    source.close();
    rmSync(folder, { recursive: true });
  }
});
