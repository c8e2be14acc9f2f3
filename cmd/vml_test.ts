import assert from "node:assert/strict";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Fdt } from "../lib/boot/fdt.ts";
import { makeCodeElf } from "../lib/boot/testing/elf.ts";
import { makePvhElf } from "../lib/boot/x86_64/pvh_elf.ts";
import { outcomeOf, TestFolder, vml } from "./testing/program.ts";
import { HELLO } from "./testing/guests.ts";

const folder = new TestFolder();
after(() => folder.remove());

test("--help and --version go to standard output", async () => {
  const help = await vml("--help");
  assert.equal(help.code, 0);
  for (const word of ["run", "inspect", "completions", "Examples:"]) {
    assert.ok(help.stdout.includes(word), word);
  }
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.match((await vml("--version")).stdout, new RegExp(`^vml ${version} \\((Node|Deno|Bun) `));
  const run = await vml("run", "--help");
  assert.match(run.stdout, /--kernel FILE[^]*Exit codes:/);
  assert.deepEqual([run.code, run.stderr], [0, ""]);
});

test("no command is a usage error that shows help", async () => {
  const { code, stdout } = await vml();
  assert.deepEqual([code, stdout.includes("Usage:")], [2, true]);
});

const emptyElf = (): Uint8Array =>
  makeCodeElf({ code: new Uint8Array(4), address: 0n, symbols: [] });

/** Wrong command lines, and what the one line on standard error must name. */
const FAULTS: [what: string, args: () => string[], names: RegExp][] = [
  ["unknown command", () => ["runn"], /runn.*did you mean "run"/],
  ["unknown option", () => ["run", "--kernal", "x"], /--kernal.*did you mean "--kernel"/],
  ["unknown shell", () => ["completions", "tcsh"], /tcsh.*bash, zsh, fish/],
  ["unknown subject", () => ["inspect", "disk"], /disk.*fdt/],
  ["missing kernel", () => ["run", "-k", join(folder.path, "no")], /--kernel:.*no: no such file/],
  ["a folder as kernel", () => ["run", "--kernel", folder.path], /--kernel:.*is a directory/],
  [
    "x86 kernel",
    () => {
      const bytes = new Uint8Array(4096);
      bytes.set(new TextEncoder().encode("HdrS"), 0x202);
      return ["run", "--kernel", folder.file("bzImage", bytes)];
    },
    /--kernel: .*bzImage: this is an x86 bzImage.*arm64/,
  ],
  [
    "text as kernel",
    () => ["run", "--kernel", folder.file("text", "hello\n")],
    /--kernel: .*text: this is a text file/,
  ],
  [
    "empty kernel",
    () => ["run", "--kernel", folder.file("empty", "")],
    /--kernel: .*empty: this is an empty file/,
  ],
  [
    "missing initrd",
    () => ["run", "--kernel", folder.file("Image", HELLO), "--initrd", join(folder.path, "gone")],
    /--initrd: .*gone: no such file/,
  ],
  [
    "truncated initrd",
    () => {
      const gzip = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b);
      const initrd = folder.file("initrd.gz", gzip);
      return ["run", "--kernel", folder.file("Image", HELLO), "--initrd", initrd];
    },
    /--initrd: .*initrd\.gz: .*(cut off|truncated|ends)/,
  ],
  [
    "initrd without kernel",
    () => ["run", "--initrd", folder.file("initrd", "070701")],
    /--initrd: an initrd needs a kernel/,
  ],
  ["64 GiB", () => ["run", "--memory", "64G"], /--memory: 64G .*at most 3G/],
  ["no size", () => ["run", "--memory", "lots"], /--memory: .*"lots"/],
  ["9 vCPUs", () => ["run", "--cpus", "9"], /--cpus: 9 is not from 1 to 8/],
  ["GICv4", () => ["run", "--gic", "4"], /--gic: "4".*2, 3/],
  ["unknown device", () => ["run", "--device", "virtio-rgn"], /--device: .*virtio-rng/],
  ["unknown network", () => ["run", "--net", "tap"], /--net: "tap".*null, loopback/],
  ["missing disk", () => ["run", "--disk", join(folder.path, "no.img")], /--disk: .*no such file/],
  ["a folder as disk", () => ["run", "--disk", folder.path], /--disk: .*is a directory/],
  [
    "write-protected disk",
    () => {
      const disk = folder.file("protected.img", new Uint8Array(512));
      chmodSync(disk, 0o444);
      return ["run", "--kernel", folder.file("Image", HELLO), "--disk", disk];
    },
    /--disk: cannot open .*protected\.img for writing: .*protected\.img,readonly/,
  ],
  [
    "a file that is no overlay",
    () => {
      const disk = folder.file("plain.img", new Uint8Array(512));
      const overlay = folder.file("other.img", new Uint8Array(65536).fill(1));
      return [
        ...["run", "--kernel", folder.file("Image", HELLO)],
        ...["--disk", `${disk},overlay=${overlay}`],
      ];
    },
    /--disk: this is no overlay file/,
  ],
  ["wrong setting", () => ["run", "--device", "virtio-rng,cid=3"], /--device: .*no such setting/],
  ["half a setting", () => ["run", "--device", "virtio-sock,cid"], /--device: "cid" is no setting/],
  ["wrong cid", () => ["run", "--device", "virtio-sock,cid=1"], /--device: 1 is not from 3/],
  [
    "socket in use",
    () => [
      ...["run", "--kernel", folder.file("Image", HELLO), "--device"],
      `virtio-sock,publish=unix:${folder.file("taken.sock", "")}=22`,
    ],
    /--device: unix:.*taken\.sock exists; remove it/,
  ],
  [
    "a port's file in no folder",
    () => [
      ...["run", "--kernel", folder.file("Image", HELLO), "--device"],
      `virtio-console,port=log=${join(folder.path, "gone", "log")}`,
    ],
    /--device: cannot write .*no such file/,
  ],
  ["no time", () => ["run", "--timeout", "soon"], /--timeout: "soon"/],
  [
    "unknown console",
    () => ["run", "--console", "tcp:1"],
    /--console: "tcp:1".*stdio, virtio, none/,
  ],
  ["no virtio console", () => ["run", "--console", "virtio"], /--console virtio.*--device/],
  ["missing machine file", () => ["run", join(folder.path, "no.yaml")], /no\.yaml: no such file/],
  [
    "bad YAML",
    () => ["run", folder.file("bad.yaml", "memory: 1G\ncpus: [1\n")],
    /bad\.yaml:[23]:\d+: /,
  ],
  [
    "wrong setting in YAML",
    () => ["run", folder.file("gic.yaml", "memory: 1G\ngic: 5\n")],
    /gic\.yaml:2: gic: 5 is not known/,
  ],
  [
    "unknown setting in YAML",
    () => ["run", folder.file("key.yaml", "memory: 1G\ncpuss: 2\n")],
    /key\.yaml:2: cpuss: .*"cpus"/,
  ],
  [
    "unknown device in YAML",
    () => ["run", folder.file("device.yaml", "devices:\n  - virtio-rng\n  - type: virtio-gpu\n")],
    /device\.yaml:3: devices\[1\]\.type: .*virtio-gpu/,
  ],
  [
    "missing kernel of a file, named relative to it",
    () => ["run", folder.file("kernel.yaml", "memory: 1G\nkernel: missing/Image\n")],
    /kernel\.yaml:2: kernel: cannot read .*missing.Image: no such file/,
  ],
  [
    "missing disk of a file",
    () => ["run", folder.file("d.yaml", "devices:\n - type: virtio-block\n   file: no.img\n")],
    /d\.yaml:3: devices\[0\]\.file: cannot open .*no\.img/,
  ],
  ["nothing to disassemble", () => ["inspect", "disassemble"], /inspect disassemble: needs a file/],
  [
    "no address",
    () => ["inspect", "disassemble", folder.file("c.bin", "1234"), "--base", "top"],
    /--base: "top"/,
  ],
  [
    "a base for an ELF file",
    () => [
      "inspect",
      "disassemble",
      folder.file("b.elf", emptyElf()),
      "--base",
      "8",
    ],
    /b\.elf: .*--start/,
  ],
  [
    "an ELF file for another machine",
    () => {
      const elf = emptyElf();
      elf[18] = 243;
      return ["inspect", "disassemble", folder.file("riscv.elf", elf)];
    },
    /riscv\.elf: this is an ELF file for RISC-V/,
  ],
  [
    "odd start",
    () => ["inspect", "disassemble", folder.file("odd", "1234"), "--start", "2"],
    /--start: .*multiples of 4/,
  ],
  ["tree as JSON", () => ["inspect", "machine", "--fdt", "--json"], /--fdt: gives no JSON/],
  ["missing tree", () => ["inspect", "fdt"], /inspect fdt: needs a file/],
  [
    "no tree",
    () => ["inspect", "fdt", folder.file("not.dtb", "text")],
    /inspect fdt: .*not\.dtb: /,
  ],
];

for (const [what, args, names] of FAULTS) {
  test(`one line and exit code 2: ${what}`, async () => {
    const { code, stdout, stderr } = await vml(...args());
    assert.match(stderr, names);
    assert.match(stderr, /^vml: [^\n]*\n$/, "one line");
    assert.deepEqual([code, stdout], [2, ""]);
  });
}

test("inspect fdt prints a tree as source", async () => {
  const tree = new Fdt();
  tree.root.strings("model", "vml test");
  const { code, stdout } = await vml(
    "inspect",
    "fdt",
    folder.file("a.dtb", tree.toBytes()),
  );
  assert.equal(code, 0);
  assert.match(stdout, /^\/dts-v1\/;[^]*model = "vml test";/);
});

test("inspect disassemble prints instructions at their addresses", async () => {
  const code = new DataView(new ArrayBuffer(18));
  [0xd503201f, 0x91000421, 0x14000002, 0xd65f03c0].forEach((w, i) =>
    code.setUint32(4 * i, w, true)
  );
  const file = folder.file("code.bin", new Uint8Array(code.buffer));
  const all = await vml("inspect", "disassemble", file, "--base", "0x40080000");
  const lines = all.stdout.split("\n").map((line) => line.trimStart().replaceAll("\t", " "));
  assert.deepEqual([all.code, lines], [0, [
    "40080000: d503201f nop",
    "40080004: 91000421 add x1, x1, #0x1",
    "40080008: 14000002 b 0x40080010",
    "4008000c: d65f03c0 ret",
    "40080010: .byte 0x00, 0x00",
    "",
  ]]);
  const part = await vml("inspect", "disassemble", file, "--offset", "4", "--length", "4");
  assert.equal(part.stdout.trim(), "4:\t91000421\tadd x1, x1, #0x1");
});

test("inspect disassemble prints symbols, targets and data of an ELF file", async () => {
  const words = Uint32Array.of(0x94000002, 0xd65f03c0, 0x4ea11c20, 0x00000007);
  const symbols = [
    { name: "main", value: 0x1000n },
    { name: "copy", value: 0x1008n },
    { name: "$d", value: 0x100cn },
  ];
  const code = new Uint8Array(words.buffer);
  const file = folder.file("code.elf", makeCodeElf({ code, address: 0x1000n, symbols }));
  const all = await vml("inspect", "disassemble", file);
  assert.deepEqual([all.code, all.stdout.replaceAll("\t", " ").split("\n")], [0, [
    "",
    ".text:",
    "",
    "0000000000001000 <main>:",
    "    1000: 94000002 bl 0x1008 <copy>",
    "    1004: d65f03c0 ret",
    "",
    "0000000000001008 <copy>:",
    "    1008: 4ea11c20 mov v0.16b, v1.16b",
    "    100c: 00000007 .inst 0x00000007 // data",
    "",
  ]]);
  const part = await vml("inspect", "disassemble", file, "--start", "0x1004", "--stop", "0x1008");
  assert.equal(part.stdout, "\n.text:\n    1004:\td65f03c0\tret\n");
});

test("inspect disassemble knows x86 by the ELF file or the option", async () => {
  const code = Uint8Array.of(0x55, 0x48, 0x89, 0xe5, 0xe8, 0, 0, 0, 0, 0xc3);
  const elf = folder.file("x86.elf", makePvhElf(code));
  const { stdout } = await vml("inspect", "disassemble", elf);
  assert.deepEqual(stdout.split("\n"), [
    "",
    "segment 1:",
    "  100000:\t55                   \tpush   rbp",
    "  100001:\t48 89 e5             \tmov    rbp,rsp",
    "  100004:\te8 00 00 00 00       \tcall   0x100009",
    "  100009:\tc3                   \tret",
    "",
  ]);
  const raw = folder.file("x86.bin", code.subarray(1, 4));
  const wide = await vml("inspect", "disassemble", raw, "--arch", "x86_64", "--base", "3");
  assert.equal(wide.stdout, "       3:\t48 89 e5             \tmov    rbp,rsp\n");
  const narrow = await vml("inspect", "disassemble", raw, "--arch", "x86_64", "--bits", "32");
  assert.equal(narrow.stdout.split("\n")[0], "       0:\t48                   \tdec    eax");
});

test("inspect disassemble knows the header of an Image", async () => {
  const file = folder.file("Image.gz", gzipSync(HELLO));
  const { stdout } = await vml("inspect", "disassemble", file, "--length", "68");
  const lines = stdout.trimEnd().split("\n").map((line) => line.split("\t")[2]);
  assert.equal(lines[0], "b 0x40");
  assert.equal(lines[14], ".inst 0x644d5241 // data");
  assert.doesNotMatch(lines[16], /inst/);
});

test("inspect instructions lists every encoding once", async () => {
  const { stdout } = await vml("inspect", "instructions");
  assert.match(stdout, /^FEAT_PMULL: 1 encoding\n {2}PMULL, PMULL2 \(64-bit\) {2}0 Q 0 01110 11/m);
  const { arch, features } = JSON.parse((await vml("inspect", "instructions", "--json")).stdout);
  assert.equal(arch, "aarch64");
  const patterns = features.flatMap((f: { instructions: { name: string; pattern: string }[] }) =>
    f.instructions.map(({ name, pattern }) => `${name} ${pattern}`)
  );
  assert.equal(new Set(patterns).size, patterns.length);
  assert.ok(stdout.startsWith(`aarch64: ${patterns.length} encodings\n`));
  const x86 = await vml("inspect", "instructions", "--arch", "x86_64");
  assert.match(x86.stdout, /^base: \d+ encodings\n[^]*^ {2}ADD Ev,Gv +01 \/r\n/m);
});

test("inspect machine --fdt prints the tree that a kernel gets", async () => {
  const { code, stdout } = await vml("inspect", "machine", "--fdt", "--cpus", "3", "--gic", "2");
  assert.equal(code, 0);
  assert.match(stdout, /^\/dts-v1\/;[^]*cpu@2 \{[^]*compatible = "arm,cortex-a15-gic"/);
  assert.doesNotMatch(stdout, /cpu@3/);
});

test("inspect machine prints settings and memory map", async () => {
  const disk = folder.file("disk.img", new Uint8Array(512));
  const args = ["inspect", "machine", "--gic", "2", "--memory", "64M", "--disk", disk];
  const { code, stdout } = await vml(...args);
  assert.equal(code, 0);
  assert.match(stdout, /^memory: 67108864\ncpus: 1\ngic: 2$/m);
  assert.match(stdout, /^0x09000000 {2}0x00001000 {2}pl011$/m);
  assert.match(stdout, /^0x0a000000 {2}0x00003e00 {2}virtio-mmio.* x 31$/m);
  assert.match(stdout, /^0x0a003e00 {2}0x00000200 {2}virtio-block/m);
  assert.match(stdout, /^0x40000000 {2}0x04000000 {2}ram$/m);
  const { regions } = JSON.parse((await vml(...args, "--json")).stdout);
  assert.deepEqual(regions.at(-1), { name: "ram", address: 0x4000_0000, bytes: 64 << 20 });
});

test("bash takes the completions, and they complete", async () => {
  const { stdout } = await vml("completions", "bash");
  const script = folder.file("vml.bash", stdout);
  const complete = async (...words: string[]): Promise<string[]> => {
    const line = words.map((word) => `'${word}'`).join(" ");
    const { stdout, stderr } = await outcomeOf("bash", [
      "-c",
      `source '${script}'; COMP_WORDS=(${line}); COMP_CWORD=${
        words.length - 1
      }; _vml; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);
    assert.equal(stderr, "");
    return stdout.split("\n").filter((word) => word !== "");
  };
  assert.deepEqual(await complete("vml", "r"), ["run"]);
  assert.deepEqual(await complete("vml", "run", "--ke"), ["--kernel"]);
  assert.deepEqual(await complete("vml", "run", "--gic", ""), ["2", "3"]);
  assert.deepEqual(await complete("vml", "completions", "f"), ["fish"]);
});

test("completions for zsh and fish name every option", async () => {
  for (const shell of ["zsh", "fish"]) {
    const { code, stdout } = await vml("completions", shell);
    assert.equal(code, 0);
    for (const option of ["kernel", "virtual-time", "console", "help"]) {
      assert.ok(stdout.includes(option), `${shell}: ${option}`);
    }
  }
});
