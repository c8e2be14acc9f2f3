import assert from "node:assert/strict";
import { test } from "node:test";
import { readCpio } from "../../lib/boot/cpio.ts";
import { INIT_SCRIPT } from "./init.ts";
import { makeInitramfs } from "./initramfs.ts";

test("an initramfs has init, BusyBox, the console and modules with their order", () => {
  const module = (name: string) => ({ name, bytes: new TextEncoder().encode(name) });
  const [virtio, ext4, vsock] = [module("virtio"), module("ext4"), module("vsock")];
  const busybox = Uint8Array.of(1, 2, 3);
  const parts = {
    busybox,
    vsock: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46),
    modules: [virtio],
    rootModules: [virtio, ext4],
    vsockModules: [vsock],
  };
  const archive = makeInitramfs(parts);
  assert.deepEqual(archive, makeInitramfs(parts));
  const entries = readCpio(archive) ?? [];
  const text = (name: string): string =>
    new TextDecoder().decode(entries.find((entry) => entry.name === name)?.data);
  assert.equal(text("init"), INIT_SCRIPT);
  assert.equal(text("lib/modules/order"), "virtio\n");
  assert.equal(text("lib/modules/root-order"), "virtio\next4\n");
  assert.equal(text("lib/modules/vsock-order"), "vsock\n");
  assert.equal(text("lib/modules/ext4.ko"), "ext4");
  assert.equal(entries.filter(({ name }) => name === "lib/modules/virtio.ko").length, 1);
  const find = (name: string) => entries.find((entry) => entry.name === name);
  assert.deepEqual(find("dev/console")?.device, [5, 1]);
  assert.equal(find("init")?.mode, 0o100755);
  assert.deepEqual([...find("bin/vsock")?.data ?? []], [0x7f, 0x45, 0x4c, 0x46]);
});
