import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { moduleInfo, ModuleTree } from "./modules.ts";

const folder = mkdtempSync(join(tmpdir(), "vml-modules-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function module(depends: string): string {
  return `\x7fELF..depends=no\0license=GPL\0depends=${depends}\0name=x\0`;
}

function file(name: string, content: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

test("the .modinfo section is read by key", () => {
  const bytes = new TextEncoder().encode(module("a,b"));
  assert.equal(moduleInfo(bytes, "depends"), "a,b");
  assert.equal(moduleInfo(bytes, "license"), "GPL");
  assert.equal(moduleInfo(bytes, "alias"), undefined);
});

test("modules come after what they depend on, once, without what is built in", async () => {
  file("kernel/drivers/net/virtio_net.ko", module("net_failover,virtio"));
  file("kernel/drivers/net/net_failover.ko", module("failover"));
  file("kernel/net/failover.ko", module(""));
  file("kernel/drivers/hw/virtio-rng.ko", module("virtio"));
  file("modules.builtin", "kernel/drivers/virtio/virtio.ko\n");
  const tree = await ModuleTree.open(folder);
  const modules = await tree.resolve(["virtio_rng", "virtio_net", "failover", "virtio"]);
  assert.deepEqual(modules.map(({ name }) => name), [
    "virtio_rng",
    "failover",
    "net_failover",
    "virtio_net",
  ]);
  await assert.rejects(tree.resolve(["ext4"]), { name: "ToolError", message: /ext4: this kernel/ });
});
