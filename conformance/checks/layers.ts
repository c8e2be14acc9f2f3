/**
 * Checks that imports run downwards only and that `lib` and `mod.ts` know no runtime:
 * node conformance/checks/layers.ts. Prints each breach; exit code 1 if there is one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folders from the ground up: a file may import from its own layer's folder and from lower ones. */
const LAYERS: readonly (readonly string[])[] = [
  ["lib/platform", "lib/wasm"],
  ["lib/devices/vbus", "lib/devices/irq_controller", "lib/devices/device_state.ts", "lib/vcpu"],
  ["lib/engine"],
  ["lib/net"],
  ["lib/config"],
  ["lib/devices", "lib/boot"],
  ["lib/arch"],
  ["lib/machine"],
  ["mod.ts"],
  ["platform"],
  ["guests"],
  ["cmd", "conformance"],
];

/** Globals that only some runtimes have, or that a library must not touch. */
const FORBIDDEN = [
  /\b(Deno|Bun)\s*[.[]/,
  /(?<![.\w])process\s*\.\s*(env|argv|exit|stdout|stderr|stdin|platform|on|nextTick|hrtime|version)/,
  /(?<![.\w])(Buffer|require|window|document|navigator)\s*[.(]/,
  /from\s+"(node|npm|jsr|bun|https?):/,
  /import\(\s*"(node|npm|jsr|bun):/,
];

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return files(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

/** Number of the longest entry of LAYERS that holds a path. */
function layerOf(path: string): { layer: number; folder: string } | undefined {
  let best: { layer: number; folder: string } | undefined;
  LAYERS.forEach((folders, layer) => {
    for (const folder of folders) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue;
      if (best === undefined || folder.length > best.folder.length) best = { layer, folder };
    }
  });
  return best;
}

/** The folder of a device, if the path is in one: devices do not know each other. */
function deviceOf(path: string): string | undefined {
  return /^lib\/devices\/([^/]+)\//.exec(path)?.[1];
}

/** What devices of every kind may build on. */
const SHARED_DEVICES = new Set(["vbus", "irq_controller", "virtio", "vuart"]);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** Syntax that the oldest Node does not know. */
const TOO_NEW = /^\s*(await\s+)?using\s+\w+\s*=/m;

const breaches: string[] = [];
const all = ["mod.ts", ...["lib", "platform", "guests", "cmd", "conformance"].flatMap(files)];
for (const path of all) {
  const isTest = path.endsWith("_test.ts") || /\/(testing|test_[^/]*)(\/|$)/.test(path);
  const text = withoutComments(readFileSync(join(root, path), "utf8"));
  if (TOO_NEW.test(text)) breaches.push(`${path}: Node 22 has no using declarations`);
  const own = layerOf(path);
  if (own === undefined) {
    breaches.push(`${path}: in no layer`);
    continue;
  }
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const imported = relative(root, join(root, dirname(path), target));
    if (imported.endsWith(".json") || !existsSync(join(root, imported))) continue;
    const other = layerOf(imported);
    if (isTest) continue;
    if (other === undefined || other.layer > own.layer) {
      breaches.push(`${path}: imports ${imported}, which stands above it`);
    }
    const device = deviceOf(imported);
    if (
      deviceOf(path) !== undefined && device !== undefined && device !== deviceOf(path) &&
      !SHARED_DEVICES.has(device)
    ) {
      breaches.push(`${path}: imports ${imported}, another device`);
    }
  }
  if (isTest || !(path === "mod.ts" || path.startsWith("lib/"))) continue;
  for (const pattern of FORBIDDEN) {
    const found = pattern.exec(text);
    if (found !== null) breaches.push(`${path}: ${found[0].trim()} belongs to a runtime`);
  }
}
for (const breach of breaches) console.error(breach);
console.error(`layers: ${all.length} files, ${breaches.length} breaches`);
process.exitCode = breaches.length > 0 ? 1 : 0;
