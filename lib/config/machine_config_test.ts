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
    fwCfg: [],
    conduit: "hvc",
    seed: 0,
    onReset: "restart",
    onPanic: "stop",
  });
});

test("machines of x86_64 have a processor's model and nothing of a GIC", () => {
  const config = validateMachineConfig({ arch: "x86_64", gic: null, cpus: 4 });
  assert.deepEqual(config, {
    arch: "x86_64",
    memory: 512 * 2 ** 20,
    cpus: 4,
    cpu: "x86-64-v2",
    cmdline: "",
    devices: [],
    time: "real",
    seed: 0,
    onReset: "restart",
    onPanic: "stop",
  });
  assert.deepEqual(validateMachineConfig(config), config);
  const qemu64 = validateMachineConfig({ arch: "x86_64", cpu: "qemu64" });
  assert.equal(qemu64.arch === "x86_64" && qemu64.cpu, "qemu64");
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
    fwCfg: [{ name: "opt/org.example/key", file: "key.txt" }],
    conduit: "smc",
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
      {
        type: "virtio-net",
        backend: { type: "loopback" },
        mac: "52:54:00:ab:cd:00",
        mtu: 1500,
        queuePairs: 1,
        offloads: true,
      },
      { type: "virtio-block", file: "disk.img", readOnly: true, queues: 1, id: "root" },
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
    [{ arch: "x86-64" }, "unknown-value", "arch", /did you mean "x86_64"/],
    [{ arch: "x86_64", cpu: "host" }, "unknown-value", "cpu", /known: qemu64, x86-64-v2, max/],
    [{ arch: "x86_64", gic: 2 }, "conflict", "gic", /machines of x86_64 do not have this/],
    [{ arch: "x86_64", conduit: "hvc" }, "conflict", "conduit", /set arch to aarch64/],
    [{ arch: "x86_64", ...fwCfg() }, "conflict", "fwCfg", /leave it out/],
    [{ cpu: "qemu64" }, "conflict", "cpu", /set arch to x86_64/],
    [
      { arch: "x86_64", devices: new Array(25).fill("virtio-rng") },
      "out-of-range",
      "devices",
      /25 devices are too many; the board has 24 slots/,
    ],
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
    [{ devices: ["virtio-sock", "virtio-sock"] }, "conflict", "devices[1]", /one virtio-sock/],
    [sock({ cid: 2 }), "out-of-range", "devices[0].cid", /3 to 4294967294/],
    [sock({ socket: "" }), "wrong-type", "devices[0].socket", /unix socket/],
    [sock({ connect: ["http"] }), "wrong-type", "devices[0].connect[0]", /PORT=ADDRESS/],
    [sock({ connect: ["1=tcp:x"] }), "wrong-type", "devices[0].connect[0].to", /tcp:HOST:PORT/],
    [sock({ connect: ["1=unix:a", "1=unix:b"] }), "conflict", "devices[0].connect[1]", /port 1/],
    [
      sock({ publish: [{ from: "unix:a" }] }),
      "wrong-type",
      "devices[0].publish[0].port",
      /nothing/,
    ],
    [sock({ publish: ["22"] }), "wrong-type", "devices[0].publish[0]", /ADDRESS=PORT/],
    [
      { ...sock({ publish: ["unix:a=1"] }), time: "virtual" },
      "conflict",
      "devices[0].publish",
      /virtual time/,
    ],
    [ports(["a", "a"]), "conflict", "devices[0].ports[1].name", /another port/],
    [ports([{ name: "a b" }]), "wrong-type", "devices[0].ports[0].name", /such as/],
    [ports(["a="]), "wrong-type", "devices[0].ports[0].file", /name of a file/],
    [ports(Array(31).fill("x")), "out-of-range", "devices[0].ports", /at most 30/],
    [disk({ overlay: 5 }), "wrong-type", "devices[0].overlay", /"memory" or/],
    [disk({ overlay: "memory", readOnly: true }), "conflict", "devices[0].overlay", /readOnly/],
    [{ conduit: "svc" }, "unknown-value", "conduit", /hvc/],
    [fwCfg({}), "wrong-type", "fwCfg[0].name", /text/],
    [fwCfg({ name: "opt/a b", string: "" }), "unknown-value", "fwCfg[0].name", /opt\/org/],
    [fwCfg({ name: "x".repeat(56), string: "" }), "out-of-range", "fwCfg[0].name", /55/],
    [fwCfg({ name: "opt/a" }), "missing", "fwCfg[0]", /either/],
    [fwCfg({ name: "opt/a", string: "", file: "a" }), "conflict", "fwCfg[0]", /either/],
    [fwCfg({ name: "opt/a", file: 5 }), "wrong-type", "fwCfg[0].file", /found/],
    [
      fwCfg({ name: "opt/a", file: "x" }, { name: "opt/a", string: "y" }),
      "conflict",
      "fwCfg[1].name",
      /another/,
    ],
    [fwCfg(...Array(33).fill({ name: "a", file: "a" })), "out-of-range", "fwCfg", /at most 32/],
    [disk({ queues: 9 }), "out-of-range", "devices[0].queues", /1 to 8/],
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

function fwCfg(...files: readonly object[]): object {
  return { fwCfg: files };
}

function sock(settings: object): object {
  return { devices: [{ type: "virtio-sock", ...settings }] };
}

function ports(list: readonly unknown[]): object {
  return { devices: [{ type: "virtio-console", ports: list }] };
}

function disk(settings: object): object {
  return { devices: [{ type: "virtio-block", file: "disk.img", ...settings }] };
}

test("connections of sockets are written as text or as objects", () => {
  const asText = validateMachineConfig(sock({
    connect: ["5000=tcp:[::1]:80", "6=unix:/a=b"],
    publish: ["unix:/s=x=22", "tcp:127.0.0.1:2222=22"],
  }));
  const asObjects = validateMachineConfig(sock({
    cid: 3,
    connect: [{ port: 5000, to: { host: "::1", port: 80 } }, { port: "6", to: "unix:/a=b" }],
    publish: [{ from: { path: "/s=x" }, port: 22 }, { from: "tcp:127.0.0.1:2222", port: 22 }],
  }));
  assert.deepEqual(asText, asObjects);
  assert.deepEqual(validateMachineConfig(asText), asText);
});

test("ports of a console are written by name, with a file, or in full", () => {
  const { devices } = validateMachineConfig(
    ports(["agent", "log=out.txt", { name: "tty", console: true }]),
  );
  assert.deepEqual(devices[0], {
    type: "virtio-console",
    ports: [
      { name: "agent", console: false },
      { name: "log", console: false, file: "out.txt" },
      { name: "tty", console: true },
    ],
  });
});

test("files of fw_cfg have their text as bytes, and stay what they are", () => {
  const config = validateMachineConfig(
    fwCfg({ name: "opt/a", string: "\u00e9" }, { name: "opt/b", file: "b.bin" }),
  );
  assert.deepEqual(config.arch === "aarch64" && config.fwCfg, [
    { name: "opt/a", file: new Uint8Array([0xc3, 0xa9]) },
    { name: "opt/b", file: "b.bin" },
  ]);
  assert.deepEqual(validateMachineConfig(config), config);
});
