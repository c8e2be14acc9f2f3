/**
 * Debian's kernel with its devices connected to something: networks, disks, ports, vsock.
 * node conformance/linux/devices.ts [--all] [--arch arm64,amd64] [--runtime node,deno,bun] [--binary FILE]
 * [--only TEXT] [--jobs N] [--sets FOLDER]. Each kind in each runtime, with one architecture after the other,
 * or with all of them. Needs what `vml image debian` needs. Exit code 1 on a fault.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createReadStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { DEBIAN, DEBIAN_ARCHES, type DebianArch } from "../../guests/linux/architectures.ts";
import { type DebianSet, debianSet } from "../../guests/linux/debian.ts";
import { withScript } from "../../guests/linux/overlay.ts";
import { EXT4_PROGRAMS, programFiles } from "../../guests/linux/programs.ts";
import {
  FILES_SCRIPT,
  HUB_SCRIPT,
  NETWORK_SCRIPT,
  PORTS_SCRIPT,
  VSOCK_SCRIPT,
} from "./device_scripts.ts";
import { performJobs } from "./jobs.ts";
import { HOSTED, PATIENCE, readNames, ROOT, type RuntimeName, vmlCommand } from "./runtimes.ts";

/** Bytes that the guest downloads. */
const DOWNLOAD = 100 * 2 ** 20;
const DISK = 64 * 2 ** 20;

const { values } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    arch: { type: "string", default: "arm64" },
    runtime: { type: "string", default: "node,deno,bun" },
    binary: { type: "string", default: "" },
    only: { type: "string", default: "" },
    jobs: { type: "string", default: "2" },
    sets: { type: "string", default: join(ROOT, ".cache") },
  },
});

const folder = mkdtempSync(join(tmpdir(), "vml-devices-"));

const md5 = (bytes: Uint8Array | string): string => createHash("md5").update(bytes).digest("hex");

/** Numbers from `first` to `last`, a line each: what `seq` prints. */
function numbers(first: number, last: number): string {
  let text = "";
  for (let i = first; i <= last; i++) text += `${i}\n`;
  return text;
}

/** What a scenario runs with. */
interface Subject {
  readonly runtime: RuntimeName;
  readonly arch: DebianArch;
  readonly set: DebianSet;
}

/** A name for files of one scenario. */
function fileName(name: string, { runtime, arch }: Subject): string {
  return join(folder, `${name}-${runtime}-${arch}`);
}

/** Writes an initramfs with a script; gives its name. */
function initrd(
  name: string,
  subject: Subject,
  script: string,
  files: Parameters<typeof withScript>[2] = [],
): string {
  const path = `${fileName(name, subject)}.cpio`;
  writeFileSync(path, withScript(new Uint8Array(readFileSync(subject.set.initrd)), script, files));
  return path;
}

/** A finished run. */
interface Run {
  readonly code: number;
  readonly text: string;
}

/** What a machine is started with. */
interface Start {
  readonly initrd: string;
  readonly options: readonly string[];
  /** Words of the kernel command line. */
  readonly parameters?: string;
  /** Called once, when the guest says VML-LISTEN. */
  readonly onListen?: () => Promise<void>;
}

/** Boots a machine until it is off. */
function run({ runtime, arch, set }: Subject, start: Start): Promise<Run> {
  const [program, ...before] = vmlCommand(runtime, values.binary) as string[];
  const target = DEBIAN[arch];
  const append = `console=${target.console} quiet vml=script ${start.parameters ?? ""}`;
  return runProgram(program, [
    ...[...before, "run", "--arch", target.arch, "--kernel", set.vmlinux ?? set.kernel],
    ...["--initrd", start.initrd, "--append", append],
    ...["--memory", "256M", "--timeout", `${PATIENCE}`, "--stats", ...start.options],
  ], start.onListen);
}

function runProgram(
  program: string,
  options: readonly string[],
  onListen?: () => Promise<void>,
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), (PATIENCE + 30) * 1000);
    let text = "";
    let heard: Promise<void> | undefined;
    const take = (part: string): void => {
      text += part;
      if (onListen !== undefined && heard === undefined && text.includes("VML-LISTEN")) {
        heard = onListen().catch((error: unknown) => void (text += `\nhost: ${error}\n`));
      }
    };
    child.stdout.setEncoding("latin1").on("data", take);
    child.stderr.setEncoding("latin1").on("data", take);
    child.on("error", reject);
    child.on("close", async (code) => {
      clearTimeout(timer);
      await heard;
      resolve({ code: code ?? -1, text });
    });
  });
}

/** Faults of a run: every part of the script has to be ok. */
function faultsOf({ code, text }: Run, parts: number): string[] {
  const passed = text.match(/^VML-TEST ok /gm)?.length ?? 0;
  const failed = text.match(/^(VML-TEST FAIL.*|host: .*)$/gm) ?? [];
  const faults = failed.map((line) => line.trim());
  if (code !== 0) faults.push(`exit code ${code}`);
  if (passed !== parts) faults.push(`${passed} parts are ok, not ${parts}`);
  if (!text.includes("VML-SELFTEST PASS")) faults.push("no VML-SELFTEST PASS");
  if (/BUG:|Oops|rcu.*stall|Internal error/.test(text)) faults.push("the kernel complains");
  if (faults.length > 0) faults.push(text.slice(-4000).replaceAll(/^/gm, "    "));
  return faults;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return port;
}

/** Sends text to a port of this host and ends. */
async function send(port: number, text: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.end(text);
  await once(socket.resume(), "close");
}

async function network(subject: Subject): Promise<string[]> {
  const data = join(folder, "download");
  const http = createHttpServer((_, response) => {
    response.writeHead(200, { "content-length": DOWNLOAD });
    createReadStream(data).pipe(response);
  });
  const sink = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash("md5");
    socket.on("data", (bytes) => hash.update(bytes)).on(
      "end",
      () => socket.end(hash.digest("hex")),
    );
  });
  const [httpPort, sinkPort] = [await listen(http), await listen(sink)];
  const [web, done, closed] = [await freePort(), await freePort(), await freePort()];
  try {
    const result = await run(subject, {
      initrd: initrd("network", subject, NETWORK_SCRIPT),
      options: ["--net", "user", "--publish", `tcp:${web}=80`, "--publish", `tcp:${done}=9`],
      parameters: `vml_http=${httpPort} vml_md5=${downloadSum} vml_sink=${sinkPort} ` +
        `vml_closed=${closed}`,
      onListen: async () => {
        const text = await (await fetch(`http://127.0.0.1:${web}/numbers`)).text();
        await send(done, text === numbers(1, 200_000) ? "fetched" : "wrong");
      },
    });
    return faultsOf(result, 6);
  } finally {
    http.close();
    sink.close();
  }
}

/** Two machines in one process, by a program of its own. */
async function hub(subject: Subject): Promise<string[]> {
  const [program, ...before] = (vmlCommand(subject.runtime, "") as string[]).slice(0, -1);
  const path = initrd("hub", subject, HUB_SCRIPT);
  const script = join(ROOT, "conformance/linux/two_machines.ts");
  const { arch, set } = subject;
  return faultsOf(
    await runProgram(program, [...before, script, arch, set.vmlinux ?? set.kernel, path]),
    3,
  );
}

async function files(subject: Subject): Promise<string[]> {
  const path = initrd("files", subject, FILES_SCRIPT, await ext4Programs(subject.arch));
  const disk = `${fileName("files", subject)}.img`;
  writeFileSync(disk, "");
  truncateSync(disk, DISK);
  const faults: string[] = [];
  for (const step of [1, 2]) {
    const result = await run(subject, {
      initrd: path,
      options: ["--disk", disk],
      parameters: `vml_step=${step}`,
    });
    faults.push(...faultsOf(result, 2));
  }
  return faults;
}

const programs = new Map<DebianArch, ReturnType<typeof programFiles>>();
function ext4Programs(arch: DebianArch): ReturnType<typeof programFiles> {
  const made = programs.get(arch) ??
    programFiles({ arch, folder: values.sets, ...EXT4_PROGRAMS });
  programs.set(arch, made);
  return made;
}

async function ports(subject: Subject): Promise<string[]> {
  const output = `${fileName("port", subject)}.txt`;
  const result = await run(subject, {
    initrd: initrd("ports", subject, PORTS_SCRIPT),
    options: ["--device", `virtio-console,port=org.vml.data=${output}`],
  });
  const faults = faultsOf(result, 2);
  const wanted = md5(numbers(1, 300_000));
  if (md5(readFileSync(output)) !== wanted) faults.push("the port's file is not what was sent");
  return faults;
}

async function vsock(subject: Subject): Promise<string[]> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  const [echoPort, guestPort] = [await listen(echo), await freePort()];
  try {
    const result = await run(subject, {
      initrd: initrd("vsock", subject, VSOCK_SCRIPT),
      options: [
        "--device",
        `virtio-sock,connect=5000=tcp:127.0.0.1:${echoPort},publish=tcp:127.0.0.1:${guestPort}=7`,
      ],
      parameters: "vml_vsock=5000",
      onListen: async () => {
        const sent = numbers(1, 200_000);
        const answer = await exchange(guestPort, sent);
        if (answer !== sent) throw new Error("the guest's echo is not what was sent");
      },
    });
    return faultsOf(result, 2);
  } finally {
    echo.close();
  }
}

/** Sends text to a port of this host; what comes back. Tries again until the guest listens. */
async function exchange(port: number, text: string): Promise<string> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    socket.setEncoding("latin1").on("data", (part: string) => answer += part);
    socket.on("error", () => {});
    socket.end(text);
    await once(socket, "close").catch(() => {});
    if (answer !== "") return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const KINDS: Readonly<Record<string, (subject: Subject) => Promise<string[]>>> = {
  network,
  hub,
  files,
  ports,
  vsock,
};

const names: RuntimeName[] = readNames("--runtime", values.runtime, HOSTED);
if (values.binary !== "") names.push("binary");
const sets = new Map<DebianArch, DebianSet>();
for (const arch of readNames("--arch", values.arch, DEBIAN_ARCHES)) {
  sets.set(
    arch,
    await debianSet({
      arch,
      kernel: "cloud",
      rootfs: "none",
      folder: values.sets,
      update: false,
      progress: (text) => console.error(text),
    }),
  );
}
const jobs = names.flatMap((runtime, r) =>
  Object.entries(KINDS).flatMap(([kind, perform], k) =>
    [...sets].filter((_, i) => values.all || i === (r + k) % sets.size).map(([arch, set]) => ({
      name: `${runtime} ${arch} ${kind}`,
      subject: { runtime, arch, set },
      perform,
    }))
  )
).filter(({ name, subject: { runtime } }) => {
  if (!name.includes(values.only)) return false;
  const reason = vmlCommand(runtime, values.binary) === undefined
    ? `${runtime} is not found`
    : runtime === "binary" && name.endsWith(" hub")
    ? "the executable runs one machine"
    : undefined;
  if (reason !== undefined) console.error(`${name}: left out, ${reason}`);
  return reason === undefined;
});

// No two blocks of it are the same.
const block = new TextEncoder().encode(numbers(1, 99_999));
const download = new Uint8Array(DOWNLOAD);
for (let at = 0; at < DOWNLOAD; at += block.length) {
  download.set(block.subarray(0, DOWNLOAD - at), at);
}
writeFileSync(join(folder, "download"), download);
const downloadSum = md5(download);

let failed: number;
try {
  failed = await performJobs(
    jobs.map(({ name, subject, perform }) => ({ name, perform: () => perform(subject) })),
    Number(values.jobs),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.error(`linux devices: ${jobs.length} runs, ${failed} failed`);
process.exitCode = failed > 0 || jobs.length === 0 ? 1 : 0;
