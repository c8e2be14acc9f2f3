import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { makePvhElf } from "../lib/boot/x86_64/pvh_elf.ts";
import { commandLine, TestFolder, vml } from "./testing/program.ts";

const folder = new TestFolder();
after(() => folder.remove());

/*
  mov dx, 0x3f8
  mov al, 'h'
  out dx, al
  mov al, 'i'
  out dx, al
  mov byte ptr [0xfea00200], 0x34   // S5
1: hlt
  jmp 1b
*/
const HELLO = makePvhElf(Uint8Array.from(
  [..."66baf803b068eeb069eec6050002a0fe34f4ebfd".matchAll(/../g)].map(([byte]) =>
    parseInt(byte, 16)
  ),
));
const hello = folder.file("hello.elf", HELLO);
const X86 = ["--arch", "x86_64", "--memory", "16M"];

test("a program with a PVH entry runs, with every device and every model of the processor", async () => {
  const disk = folder.file("disk.img", new Uint8Array(4096));
  for (const cpu of ["qemu64", "x86-64-v2", "max"]) {
    const { code, stdout, stderr } = await vml(
      ...["run", ...X86, "--kernel", hello, "--cpu", cpu, "--cpus", "2", "--virtual-time"],
      ...["--disk", disk, "--net", "null", "--device", "virtio-console", "--device", "virtio-rng"],
      ...["--device", "virtio-sock"],
    );
    assert.deepEqual([code, stdout, stderr], [0, "hi", ""]);
  }
});

test("a machine file says the architecture", async () => {
  const path = folder.file(
    "x86.yaml",
    "arch: x86_64\ncpu: qemu64\nkernel: hello.elf\nmemory: 16M\n",
  );
  const { code, stdout } = await vml("run", path);
  assert.deepEqual([code, stdout], [0, "hi"]);
});

test("the guest that comes with vml obeys its commands", () => {
  const [program, head] = commandLine("vml.ts");
  const options = { input: "cpus\npoweroff\n", encoding: "utf8" } as const;
  const { status, stdout } = spawnSync(program, [...head, "run", ...X86], options);
  assert.equal(status, 0);
  assert.match(stdout, /vml monitor, x86_64: 1 CPU, 16 MiB[^]*cpu 0 {2}APIC 0[^]*Goodbye/);
});

test("what x86_64 has not, and what it is not, is one line", async () => {
  for (
    const [args, message] of [
      [["--gic", "3"], /--gic: machines of x86_64 do not have this/],
      [["--fw-cfg", "opt/a,string=b"], /--fw-cfg: machines of x86_64 do not have this/],
      [
        ["--kernel", folder.file("text", "no kernel at all")],
        /--kernel: .*a text file, not a Linux bzImage/,
      ],
    ] as const
  ) {
    const { code, stderr } = await vml("run", ...X86, ...args);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
  }
  const wrong = await vml("run", "--kernel", hello);
  assert.match(wrong.stderr, /--kernel: .*an ELF file for x86-64.*, or set arch to x86_64$/m);
});

test("inspect machine prints settings, memory map and ports", async () => {
  const { code, stdout } = await vml("inspect", "machine", ...X86, "--device", "virtio-rng");
  assert.equal(code, 0);
  assert.match(stdout, /^arch: x86_64\nmemory: 16777216\ncpus: 1\ncpu: x86-64-v2$/m);
  assert.match(stdout, /^0x00000000 {2}0x01000000 {2}ram$/m);
  assert.match(stdout, /^0xfee00000 {2}0x00001000 {2}local-apic$/m);
  assert.match(stdout, /^0xfeb02e00 {2}0x00000200 {2}virtio-rng/m);
  assert.match(stdout, /^0x03f8 {2}0x0008 {2}uart16550$/m);
  const json = JSON.parse((await vml("inspect", "machine", ...X86, "--json")).stdout);
  assert.equal(json.cpu, "x86-64-v2");
  assert.deepEqual(json.ports.at(-1), { name: "i8259-triggers", address: 0x4d0, bytes: 2 });
  const { stderr } = await vml("inspect", "machine", ...X86, "--fdt");
  assert.match(stderr, /--fdt: machines of x86_64 have no device tree/);
});
