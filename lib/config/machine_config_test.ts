import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./config_error.ts";
import { type MachineOptions, validateMachineConfig } from "./machine_config.ts";

test("an empty configuration is the default machine", () => {
  assert.deepEqual(validateMachineConfig({}), {
    arch: "aarch64",
    memory: 512 * 2 ** 20,
    cpus: 1,
    gic: 3,
    cmdline: "",
    devices: [],
    time: "real",
    seed: 0,
    onReset: "restart",
    onPanic: "stop",
  });
});

test("a full configuration keeps what was said", () => {
  const options: MachineOptions = {
    arch: "aarch64",
    memory: "1.5 GiB",
    cpus: 8,
    gic: 2,
    kernel: Uint8Array.of(1),
    initrd: "initrd.img",
    cmdline: "console=ttyAMA0",
    devices: [
      "virtio-rng",
      { type: "virtio-net", backend: "loopback", mac: "52:54:00:AB:cd:00", mtu: 1500 },
      { type: "virtio-block", file: "disk.img", readOnly: true, id: "root" },
      { type: "virtio-console", columns: 80, rows: 25 },
    ],
    time: "virtual",
    seed: 7,
    onReset: "stop",
    onPanic: "continue",
  };
  assert.deepEqual(validateMachineConfig(options), {
    ...options,
    memory: 1536 * 2 ** 20,
    devices: [
      { type: "virtio-rng" },
      { type: "virtio-net", backend: "loopback", mac: "52:54:00:ab:cd:00", mtu: 1500 },
      { type: "virtio-block", file: "disk.img", readOnly: true, id: "root" },
      { type: "virtio-console", columns: 80, rows: 25 },
    ],
  });
});

test("sizes of memory", () => {
  const cases: readonly [string | number, number][] = [
    ["3G", 3 * 2 ** 30],
    ["8M", 2 ** 23],
    ["64mb", 2 ** 26],
    ["65536K", 2 ** 26],
    [2 ** 28, 2 ** 28],
    ["268435456", 2 ** 28],
  ];
  for (const [memory, bytes] of cases) {
    assert.equal(validateMachineConfig({ memory }).memory, bytes);
  }
});

test("each fault has one error that names the path and the remedy", () => {
  const cases: readonly [unknown, string, string, RegExp][] = [
    [undefined, "wrong-type", "", /expected settings by name/],
    [[], "wrong-type", "", /found a list/],
    [{ memroy: "1G" }, "unknown-key", "memroy", /did you mean "memory"\?/],
    [{ flavour: 1 }, "unknown-key", "flavour", /^flavour: .*known: arch, memory/],
    [{ memory: "64G" }, "out-of-range", "memory", /64G are more .* at most 3G/],
    [{ memory: "3073M" }, "out-of-range", "memory", /at most 3G/],
    [{ memory: 512 }, "out-of-range", "memory", /512 bytes are too little/],
    [{ memory: "8193K" }, "out-of-range", "memory", /whole number of MiB/],
    [{ memory: "much" }, "wrong-type", "memory", /such as "512M".* found "much"/],
    [{ memory: -1 }, "wrong-type", "memory", /found -1/],
    [{ memory: "0.3M" }, "wrong-type", "memory", /such as/],
    [{ cpus: 0 }, "out-of-range", "cpus", /0 is not from 1 to 8/],
    [{ cpus: 9 }, "out-of-range", "cpus", /9 is not from 1 to 8/],
    [{ cpus: 1.5 }, "wrong-type", "cpus", /whole number/],
    [{ gic: 4 }, "unknown-value", "gic", /known: 2, 3/],
    [{ arch: "arm64" }, "unknown-value", "arch", /aarch64/],
    [{ kernel: 5 }, "wrong-type", "kernel", /found 5/],
    [{ initrd: "i" }, "conflict", "initrd", /needs a kernel/],
    [{ cmdline: "x".repeat(2048) }, "out-of-range", "cmdline", /at most 2047/],
    [{ cmdline: "a\0b" }, "out-of-range", "cmdline", /NUL/],
    [{ time: "fast" }, "unknown-value", "time", /real, virtual/],
    [{ devices: {} }, "wrong-type", "devices", /expected a list/],
    [{ devices: Array(33).fill("virtio-rng") }, "out-of-range", "devices", /32 slots/],
    [{ devices: [{}] }, "missing", "devices[0].type", /virtio-net, virtio-block/],
    [
      { devices: ["virtio-blk"] },
      "unknown-value",
      "devices[0].type",
      /did you mean "virtio-block"/,
    ],
    [{ devices: ["e1000"] }, "unknown-value", "devices[0].type", /known: virtio-net/],
    [{ devices: [null] }, "missing", "devices[0].type", /say which/],
    [{ devices: [{ type: "virtio-block" }] }, "missing", "devices[0].file", /which disk/],
    [
      { devices: [{ type: "virtio-block", file: "d", readonly: true }] },
      "unknown-key",
      "devices[0].readonly",
      /did you mean "readOnly"/,
    ],
    [
      { devices: ["virtio-rng", { type: "virtio-net", mac: "1:2" }] },
      "wrong-type",
      "devices[1].mac",
      /six bytes/,
    ],
    [
      { devices: [{ type: "virtio-net", mac: "01:00:5e:00:00:01" }] },
      "out-of-range",
      "devices[0].mac",
      /group address/,
    ],
    [
      { devices: [{ type: "virtio-net", backend: "tap" }] },
      "unknown-value",
      "devices[0].backend",
      /"tap".*loopback/,
    ],
  ];
  for (const [value, code, path, message] of cases) {
    assert.throws(() => validateMachineConfig(value), (error: unknown) => {
      assert.ok(error instanceof ConfigError, `${JSON.stringify(value)}: ${error}`);
      assert.deepEqual([error.code, error.path], [code, path], error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});
