/**
 * Boots Debian's kernels in the runtimes and checks what the guests say:
 * node conformance/linux/boot.ts [--all] [--arch arm64,amd64] [--runtime node,deno,bun] [--binary FILE]
 * [--jobs N] [--only TEXT] [--sets FOLDER]. Needs what `vml image debian` needs. Exit code 1 on a fault.
 */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { DEBIAN, DEBIAN_ARCHES, type DebianArch } from "../../guests/linux/architectures.ts";
import { type DebianSet, debianSet } from "../../guests/linux/debian.ts";
import {
  diskFaults,
  endUptime,
  machineClockFaults,
  readAllowed,
  type RunJson,
  selfTestFaults,
} from "./checks.ts";
import { CLOCK_DIALOGUE, clockFaults } from "./clock.ts";
import { performJobs } from "./jobs.ts";
import {
  type DialogueStep,
  type Ended,
  HOSTED,
  PATIENCE,
  readNames,
  ROOT,
  type RuntimeName,
  talk,
  vmlCommand,
} from "./runtimes.ts";
import {
  allScenarios,
  ROOTS,
  type Scenario,
  type ScenarioKind,
  scenarioName,
  SETUPS,
  someScenarios,
} from "./scenarios.ts";

const DISK_BYTES = 65 * 2 ** 20;

const { values } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    arch: { type: "string", default: "arm64" },
    runtime: { type: "string", default: "node,deno,bun" },
    binary: { type: "string", default: "" },
    jobs: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    sets: { type: "string", default: join(ROOT, ".cache") },
  },
});

/** Warnings that guests may print. */
function allowed(arch: DebianArch): RegExp[] {
  return readAllowed(new URL(`./allowed_warnings/${arch}.txt`, import.meta.url));
}

const folder = mkdtempSync(join(tmpdir(), "vml-linux-"));
/** Console bytes of the first run of each scenario in virtual time, by all but the runtime. */
const virtualRuns = new Map<string, { readonly name: string; readonly bytes: Uint8Array }>();

/**
 * Types commands at the shell; "RUN", "BACK", "RATE" are printed only by what the commands do. Ctrl-C
 * is typed once `cat` has answered: ash loses one that comes while it starts a command, on QEMU too.
 */
const SHELL_DIALOGUE: readonly DialogueStep[] = [
  ...CLOCK_DIALOGUE,
  { after: /# /, type: "echo R''UN; cat\n" },
  { after: /RUN\r\n/, type: "answer\n" },
  { after: /answer\r\nanswer\r\n/, type: "\x03" },
  { after: /\^C[^]*# /, type: "echo BA''CK $?; stty rate 2>/dev/null; echo 12*3 | tr '*' 'x'\n" },
  { after: /BACK 130[^]*12x3[^]*# /, type: "reboot -f\n" },
  { after: /VML-SHELL[^]*# /, type: "poweroff -f\n" },
];

const FAILED_UNITS = "systemctl show --state=failed --property=Id,Result '*'";

/** What is written before the reboot is there after it. */
const LOGIN_DIALOGUE: readonly DialogueStep[] = [
  { after: /vml login: /, type: "root\n" },
  {
    after: /root@vml:~# /,
    type: `systemctl is-system-running --wait; ${FAILED_UNITS}; findmnt -n /\n`,
  },
  { after: /root@vml:~# /, type: "echo KE''PT > kept; cat kept; reboot\n" },
  { after: /KEPT[^]*vml login: /, type: "root\n" },
  { after: /root@vml:~# /, type: "cat kept; poweroff\n" },
];

const KINDS: Record<ScenarioKind, {
  readonly append: string;
  readonly options?: readonly string[];
  readonly dialogue?: readonly DialogueStep[];
  readonly code: number;
}> = {
  test: { append: "vml=test", code: 0 },
  virtual: { append: "vml=off", options: ["--virtual-time", "--seed", "7"], code: 0 },
  shell: { append: "vml=shell quiet", dialogue: SHELL_DIALOGUE, code: 0 },
  login: { append: "vml=root quiet", dialogue: LOGIN_DIALOGUE, code: 0 },
  panic: { append: "rdinit=/none root=/dev/none", code: 1 },
  "panic-reset": { append: "rdinit=/none root=/dev/none panic=-1", code: 1 },
};

/** Boots once; gives console bytes and faults. */
async function boot(
  scenario: Scenario,
  set: DebianSet,
  id: string,
): Promise<{ transcript: string; faults: string[] }> {
  const kind = KINDS[scenario.kind];
  const setup = SETUPS[scenario.setup];
  const disk = join(folder, `${id}.img`);
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  const output = join(folder, `${id}.txt`);
  const command = vmlCommand(scenario.runtime, values.binary) ?? [];
  // deno-fmt-ignore
  const ended = await talk([
    ...command, "run", ...setup.options, "--kernel", setup.kernel(set), "--initrd", set.initrd,
    "--append", `console=${DEBIAN[setup.arch].console} ${kind.append} vmlcpus=${scenario.cpus}`,
    "--memory", "512M", "--cpus", `${scenario.cpus}`,
    "--disk", ROOTS[scenario.kind] === "none" ? disk : `${set.folder}/root.img,overlay=memory`,
    "--net", "loopback", "--device", "virtio-console", "--device", "virtio-rng",
    "--json", "--console", kind.dialogue === undefined ? `file:${output}` : "stdio",
    "--timeout", `${PATIENCE}`, ...kind.options ?? [],
  ], kind.dialogue ?? []);
  const transcript = kind.dialogue === undefined ? readFileSync(output, "latin1") : ended.stderr;
  const faults: string[] = [];
  if (ended.code !== kind.code) faults.push(`exit code ${ended.code}, not ${kind.code}`);
  let result: RunJson | undefined;
  try {
    result = JSON.parse(ended.stdout) as RunJson;
  } catch {
    faults.push(`no result: ${ended.stderr.slice(-500)}`);
  }
  if (/BUG:|Oops|rcu.*stall|Internal error/.test(transcript)) faults.push("the kernel complains");
  if (result !== undefined) faults.push(...kindFaults(scenario, transcript, result, ended));
  if (scenario.kind === "test") faults.push(...diskFaults(disk));
  rmSync(disk);
  return { transcript, faults };
}

function kindFaults(
  scenario: Scenario,
  transcript: string,
  result: RunJson,
  ended: Ended,
): string[] {
  const expect = (holds: boolean, otherwise: string): string[] => holds ? [] : [otherwise];
  switch (scenario.kind) {
    case "test":
      return [
        ...selfTestFaults(transcript, allowed(SETUPS[scenario.setup].arch)),
        ...machineClockFaults(result, ended.seconds, endUptime(transcript)),
      ];
    case "shell":
      return [
        ...expect(result.statistics.resets === 1, `${result.statistics.resets} resets, not 1`),
        ...expect(
          transcript.split("VML-GUEST-READY").length === 3,
          "the guest did not come up a second time",
        ),
        ...clockFaults(transcript, ended.moments),
        ...machineClockFaults(result, ended.seconds),
      ];
    case "login":
      return [
        ...expect(result.statistics.resets === 1, `${result.statistics.resets} resets, not 1`),
        ...expect(/^(running|degraded)\r?$/m.test(transcript), "systemd did not come up"),
        // On a host that is busy a service may be too slow for systemd.
        ...expect(!/^Result=(?!timeout|watchdog)/m.test(transcript), "a service failed"),
        ...expect(/\/dev\/vda +ext4 /.test(transcript), "the root file system is not on the disk"),
        ...expect(
          transcript.split(/^KEPT\r?$/m).length === 3,
          "the disk lost what was written before the reboot",
        ),
      ];
    case "panic":
    case "panic-reset":
      return [
        ...expect(result.reason === "crash", `ended by ${result.reason}, not by a crash`),
        ...expect(/root fs|init/.test(result.panic ?? ""), `no reason of the panic`),
      ];
    case "virtual":
      return expect(transcript.includes("VML-GUEST-READY"), "the guest did not come up");
  }
}

/** All boots of a scenario. */
async function run(scenario: Scenario, set: DebianSet, id: string): Promise<string[]> {
  const first = await boot(scenario, set, id);
  if (scenario.kind !== "virtual") {
    if (first.faults.length > 0) keep(scenario, first.transcript);
    return first.faults;
  }
  const second = await boot(scenario, set, id);
  const faults = [...first.faults, ...second.faults];
  const { kernel, setup, cpus } = scenario;
  const key = `${kernel} ${setup} ${cpus}`;
  for (const { transcript } of [first, second]) {
    const bytes = new TextEncoder().encode(transcript);
    const other = virtualRuns.get(key);
    if (other === undefined) virtualRuns.set(key, { name: scenarioName(scenario), bytes });
    else faults.push(...differences(other, bytes));
  }
  if (faults.length > 0) keep(scenario, first.transcript);
  return faults;
}

function differences(other: { name: string; bytes: Uint8Array }, bytes: Uint8Array): string[] {
  const at = bytes.findIndex((byte, i) => byte !== other.bytes[i]);
  if (at < 0 && bytes.length === other.bytes.length) return [];
  const line = (text: Uint8Array): string =>
    new TextDecoder().decode(text.slice(Math.max(0, at - 80), at + 80)).replaceAll("\r\n", " / ");
  return [`differs from ${other.name} at byte ${at}:\n  ${line(other.bytes)}\n  ${line(bytes)}`];
}

/** Keeps what the guest of a failed scenario said. */
function keep(scenario: Scenario, transcript: string): void {
  const path = join(values.sets, `${scenarioName(scenario).replaceAll(/[^a-z0-9]+/g, "-")}.log`);
  writeFileSync(path, transcript, "latin1");
  console.error(`transcript: ${path}`);
}

const names: RuntimeName[] = readNames("--runtime", values.runtime, HOSTED);
if (values.binary !== "") names.push("binary");
const runtimes = names.filter((name) => {
  const here = vmlCommand(name, values.binary) !== undefined;
  if (!here) console.error(`${name}: not found, its boots are left out`);
  return here;
});
const arches = readNames("--arch", values.arch, DEBIAN_ARCHES);
const scenarios = (values.all ? allScenarios : someScenarios)(arches, runtimes)
  .filter((scenario) => scenarioName(scenario).includes(values.only));
const setName = ({ setup, kernel, kind }: Scenario): string =>
  `${SETUPS[setup].arch} ${kernel} ${ROOTS[kind]}`;
const sets = new Map<string, DebianSet>();
for (const scenario of scenarios) {
  if (sets.has(setName(scenario))) continue;
  sets.set(
    setName(scenario),
    await debianSet({
      arch: SETUPS[scenario.setup].arch,
      kernel: scenario.kernel,
      rootfs: ROOTS[scenario.kind],
      folder: values.sets,
      update: false,
      progress: (text) => console.error(text),
    }),
  );
}

let failed: number;
try {
  failed = await performJobs(
    scenarios.map((scenario, i) => ({
      name: scenarioName(scenario),
      perform: () => run(scenario, sets.get(setName(scenario)) as DebianSet, `${i}`),
    })),
    Number(values.jobs),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.error(`linux: ${scenarios.length} boots, ${failed} failed`);
process.exitCode = failed > 0 || scenarios.length === 0 ? 1 : 0;
