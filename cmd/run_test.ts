import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { commandLine, outcomeOf, TestFolder, vml } from "./testing/program.ts";
import { ECHO, HELLO, REBOOT, SPIN } from "./testing/guests.ts";

const folder = new TestFolder();
after(() => folder.remove());
const hello = folder.file("hello", HELLO);
const reboot = folder.file("reboot", REBOOT);
const spin = folder.file("spin", SPIN);
const echo = folder.file("echo", ECHO);
const SMALL = ["--memory", "16M"];

test("power-off: the guest's output on standard output, exit code 0", async () => {
  const { code, stdout, stderr } = await vml("run", "--kernel", hello, ...SMALL);
  assert.deepEqual([code, stdout, stderr], [0, "hi\n", ""]);
});

test("a machine file does what the options do", async () => {
  const path = folder.file("hello.yaml", "kernel: hello\nmemory: 16M\ncpus: 2\ngic: 2\n");
  const { code, stdout } = await vml("run", path);
  assert.deepEqual([code, stdout], [0, "hi\n"]);
});

test("virtual time and every device", async () => {
  const disk = folder.file("disk.img", new Uint8Array(4096));
  const { code, stdout } = await vml(
    ...["run", "--kernel", hello, ...SMALL, "--virtual-time", "--seed", "7", "--disk", disk],
    ...["--disk", `${disk},readonly`, "--net", "null", "--net", "loopback"],
    ...["--device", "virtio-console,port=agent", "--device", "virtio-rng"],
    ...["--device", "virtio-sock,cid=9"],
  );
  assert.deepEqual([code, stdout], [0, "hi\n"]);
});

test("an overlay is made, and found again; the disk may be write-protected", async () => {
  const disk = folder.file("base.img", new Uint8Array(40_000));
  chmodSync(disk, 0o444);
  const overlay = join(folder.path, "changes");
  for (let i = 0; i < 2; i++) {
    const { code, stderr } = await vml(
      ...["run", "-k", hello, ...SMALL, "--disk", `${disk},overlay=${overlay}`],
      ...["--disk", `${disk},overlay=memory`],
    );
    assert.deepEqual([code, stderr], [0, ""]);
  }
  assert.equal(readFileSync(overlay).subarray(0, 8).toString("latin1"), "VMLOVRLY");
});

test("sockets of the host and files for ports, relative to the machine file", async () => {
  const path = folder.file(
    "sockets.yaml",
    `kernel: hello
memory: 16M
devices:
  - type: virtio-sock
    socket: guest.sock
    publish: ["tcp:127.0.0.1:0=22", "unix:ssh.sock=22"]
    connect: ["80=unix:web.sock"]
  - type: virtio-console
    ports: [agent=agent.log, { name: log, file: port.log }]
`,
  );
  const { code, stdout, stderr } = await vml("run", path);
  assert.deepEqual([code, stdout, stderr], [0, "hi\n", ""]);
  for (const name of ["agent.log", "port.log"]) {
    assert.equal(readFileSync(join(folder.path, name), "utf8"), "");
  }
  for (const name of ["guest.sock", "ssh.sock"]) {
    assert.equal(existsSync(join(folder.path, name)), false);
  }
});

test("a reset under --no-reboot ends the run with code 3", async () => {
  const { code, stdout, stderr } = await vml("run", "-k", reboot, ...SMALL, "--no-reboot");
  assert.deepEqual([code, stdout], [3, "again\n"]);
  assert.match(stderr, /^vml: [^\n]*reset\n$/);
});

test("--timeout ends a guest that computes, with code 124", async () => {
  const { code, stdout, stderr } = await vml("run", "-k", spin, ...SMALL, "--timeout", "0.3");
  assert.deepEqual([code, stdout], [124, "on\n"]);
  assert.match(stderr, /^vml: --timeout: [^\n]*\n$/);
});

test("--json: one object on standard output, the console on standard error", async () => {
  const { code, stdout, stderr } = await vml("run", "-k", hello, ...SMALL, "--json");
  assert.deepEqual([code, stderr], [0, "hi\n"]);
  const result = JSON.parse(stdout);
  assert.deepEqual([result.reason, result.exitCode], ["power-off", 0]);
  assert.ok(result.seconds > 0 && typeof result.statistics === "object");
});

test("--stats: on standard error", async () => {
  const { stdout, stderr } = await vml("run", "-k", hello, ...SMALL, "--stats");
  assert.equal(stdout, "hi\n");
  assert.match(
    stderr,
    /^vml: reason: power-off\nvml: seconds: [\d.]+\nvml: mips: \d+\n(vml: [\w.\[\]*-]+: .*\n)+$/,
  );
});

test("--console file: and none", async () => {
  const log = join(folder.path, "console.log");
  const file = await vml("run", "-k", hello, ...SMALL, "--console", `file:${log}`);
  assert.deepEqual([file.code, file.stdout, readFileSync(log, "utf8")], [0, "", "hi\n"]);
  const none = await vml("run", "-k", hello, ...SMALL, "--console", "none");
  assert.deepEqual([none.code, none.stdout], [0, ""]);
});

test("input from a pipe reaches the guest", async () => {
  const [program, args] = commandLine("vml.ts");
  const run = [...args, "run", "-k", echo, ...SMALL];
  const { code, stdout } = await outcomeOf(program, run, "ab\x01cq");
  assert.deepEqual([code, stdout], [0, "echo\nab\x01cq"]);
});

test("more input than the guest has room for waits", async () => {
  const [program, args] = commandLine("vml.ts");
  const text = Array.from({ length: 8000 }, (_, i) => `line ${i}\n`).join("");
  const run = [...args, "run", "-k", echo, ...SMALL];
  const { code, stdout } = await outcomeOf(program, run, `${text}q`);
  assert.equal(code, 0);
  assert.ok(stdout === `echo\n${text}q`, `${stdout.length} of ${text.length + 6} characters`);
});

test("a reader that goes away ends the run", async () => {
  const [program, args] = commandLine("vml.ts");
  const line = [program, ...args, "run", "-k", echo, ...SMALL].map((word) => `'${word}'`).join(" ");
  const shell = `{ while echo more; do :; done; } | { ${line}; echo code $? >&2; } | head -1`;
  const { stdout, stderr } = await outcomeOf("/bin/sh", ["-c", shell]);
  assert.deepEqual([stdout, stderr], ["echo\n", "code 141\n"]);
});

/** Runs vml on a terminal of its own (script(1)), types when the guest is ready. */
function onTerminal(guest: string, keys: string): Promise<string> {
  const [program, args] = commandLine("vml.ts");
  const line = [program, ...args, "run", "-k", guest, ...SMALL].map((word) => `'${word}'`).join(
    " ",
  );
  const inner = `stty -g; ${line}; echo code $?; stty -g`;
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["-qec", inner, "/dev/null"], {
      env: { ...process.env, NO_COLOR: "1", SHELL: "/bin/sh" },
    });
    let text = "";
    let typed = false;
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (!typed && /^(echo|on)\r?$/m.test(text)) {
        typed = true;
        child.stdin.write(keys);
      }
    });
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}

const noTerminal = spawnSync("script", ["--version"]).status !== 0
  ? "needs the program script"
  : false;

test("on a terminal: keys are announced, Ctrl-C is the guest's", { skip: noTerminal }, async () => {
  const text = await onTerminal(echo, "\x03\x01\x01q");
  assert.match(text, /^vml: Ctrl-A x quits/m);
  assert.ok(text.includes("\x03\x01q"), JSON.stringify(text));
  assert.match(text, /code 0\r?$/m);
});

test("on a terminal: Ctrl-A x leaves a guest that computes", { skip: noTerminal }, async () => {
  const lines = (await onTerminal(spin, "\x01x")).split(/\r?\n/).filter((line) => line !== "");
  assert.ok(lines.includes("code 0"), lines.join("|"));
  assert.equal(lines.at(-1), lines[0], "the settings of the terminal");
});
