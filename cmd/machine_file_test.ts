import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { UsageError } from "./errors.ts";
import { readMachineFile } from "./machine_file.ts";
import { TestFolder } from "./testing/program.ts";

const folder = new TestFolder();
after(() => folder.remove());

test("settings are found by their line", async () => {
  const path = folder.file(
    "machine.yaml",
    "# A machine\nmemory: 1G\ncpus: 2\ndevices:\n  - virtio-rng\n  - type: virtio-net\n    mtu: 1500\n",
  );
  const file = await readMachineFile(path);
  assert.deepEqual(file.value, {
    memory: "1G",
    cpus: 2,
    devices: ["virtio-rng", { type: "virtio-net", mtu: 1500 }],
  });
  assert.equal(file.where("memory"), `${path}:2: memory`);
  assert.equal(file.where("devices[0].type"), `${path}:5: devices[0].type`);
  assert.equal(file.where("devices[1].mtu"), `${path}:7: devices[1].mtu`);
  assert.equal(file.where("devices[1].missing"), `${path}:6: devices[1].missing`);
  assert.equal(file.where("nothing"), `${path}: nothing`);
});

test("file names are relative to the machine's file", async () => {
  const file = await readMachineFile(folder.file("relative.yaml", "kernel: Image\n"));
  assert.equal(file.resolve("Image"), join(folder.path, "Image"));
  assert.equal(file.resolve("/boot/Image"), "/boot/Image");
});

test("faults name file, line and column", async () => {
  const faults: [string, RegExp][] = [
    ["memory: 1G\ncpus: [1, 2\n", /\.yaml:\d+:\d+: .*\]/],
    ["memory: 1G\nmemory: 2G\n", /\.yaml:2:1: Map keys must be unique/],
    ["a: *nowhere\n", /\.yaml.*nowhere/],
    ["- kernel\n", /expected settings by name/],
    ["", /expected settings by name/],
    ["just text", /expected settings by name/],
  ];
  for (const [text, message] of faults) {
    await assert.rejects(readMachineFile(folder.file("wrong.yaml", text)), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("aliases that grow without end, and bytes that are no text, are refused", async () => {
  const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++) rows.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`);
  await assert.rejects(readMachineFile(folder.file("bomb.yaml", rows.join("\n"))), UsageError);
  const kernel = folder.file("Image", Uint8Array.of(0x4d, 0x5a, 0xff, 0xfe, 0x00));
  await assert.rejects(readMachineFile(kernel), /--kernel/);
});
