import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDevices } from "./device_config.ts";

test("every virtio device takes packed, as a boolean or as the text of a command line", () => {
  const packed = (value: unknown): unknown =>
    checkDevices([{ type: "virtio-rng", packed: value }], "devices", 32)[0].packed;
  assert.deepEqual([true, false, "on", "off"].map(packed), [true, false, true, false]);
  assert.deepEqual(checkDevices(["virtio-rng"], "devices", 32), [{ type: "virtio-rng" }]);
  for (const type of ["virtio-net", "virtio-console", "virtio-sock"]) {
    assert.equal(checkDevices([{ type, packed: true }], "devices", 32)[0].packed, true);
  }
  for (const value of [1, "yes", null]) {
    assert.throws(() => packed(value), { name: "ConfigError", path: "devices[0].packed" });
  }
});
