import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDevice, parseDisk, resolveDeviceFiles } from "./device_options.ts";
import { UsageError } from "./errors.ts";

test("a device with settings; some may be repeated", () => {
  assert.deepEqual(parseDevice("virtio-rng"), { type: "virtio-rng" });
  assert.deepEqual(
    parseDevice(
      "virtio-sock,cid=5,connect=1=tcp:a:2,connect=3=unix:/b,publish=unix:x=22",
    ),
    {
      type: "virtio-sock",
      cid: "5",
      connect: ["1=tcp:a:2", "3=unix:/b"],
      publish: ["unix:x=22"],
    },
  );
  assert.deepEqual(parseDevice("virtio-console,port=a=b.txt,columns=5"), {
    type: "virtio-console",
    ports: ["a=b.txt"],
    columns: "5",
  });
  for (const text of ["virtio-sock,cid", "virtio-sock,cid=", "virtio-sock,=3", "virtio-sock,"]) {
    assert.throws(() => parseDevice(text), UsageError);
  }
  assert.throws(() => parseDevice("virtio-sock,cid=3,cid=4"), /given twice/);
  assert.throws(() => parseDevice("virtio-sock,type=virtio-rng"), /given twice/);
});

test("a disk with settings behind its name", () => {
  const type = "virtio-block";
  assert.deepEqual(parseDisk("a.img"), { type, file: "a.img" });
  assert.deepEqual(parseDisk("a,b.img,ro"), { type, file: "a,b.img", readOnly: true });
  assert.deepEqual(parseDisk("a.img,overlay=o.img,queues=4,readonly,id=root"), {
    type,
    file: "a.img",
    overlay: "o.img",
    queues: "4",
    readOnly: true,
    id: "root",
  });
  assert.throws(() => parseDisk(",readonly"), UsageError);
});

test("names of files in a device are resolved, other text is not", () => {
  const resolve = (path: string): string => `/there/${path}`;
  assert.equal(resolveDeviceFiles("virtio-rng", resolve), "virtio-rng");
  assert.deepEqual(
    resolveDeviceFiles({ type: "virtio-block", file: "d", overlay: "memory", id: "x" }, resolve),
    { type: "virtio-block", file: "/there/d", overlay: "memory", id: "x" },
  );
  assert.deepEqual(
    resolveDeviceFiles({ overlay: "o", ports: ["a", "b=c", { name: "d", file: "e" }] }, resolve),
    { overlay: "/there/o", ports: ["a", "b=/there/c", { name: "d", file: "/there/e" }] },
  );
  assert.deepEqual(
    resolveDeviceFiles({
      socket: "s",
      connect: ["1=unix:u", "2=tcp:h:3"],
      publish: ["unix:p=4", { from: "unix:q", port: 5 }, { from: { path: "r" }, port: 6 }, 7],
    }, resolve),
    {
      socket: "/there/s",
      connect: ["1=unix:/there/u", "2=tcp:h:3"],
      publish: ["unix:/there/p=4", { from: "unix:/there/q", port: 5 }, {
        from: { path: "/there/r" },
        port: 6,
      }, 7],
    },
  );
});
