/** The rules of how files may build on each other. `layers.ts` applies them to the checkout. */
import { posix } from "node:path";

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
];

/** Import, export from, or import(): group 1 is what is asked for. */
const IMPORTS = /(?<!["#.\w])(?:from|import)\s*\(?\s*"([^"\n]+)"/g;

/** What devices of every kind may build on. */
const SHARED_DEVICES = new Set(["vbus", "irq_controller", "virtio", "vuart"]);

/** Folders in whose code no architecture has a name. */
const ANY_ARCHITECTURE = /^lib\/(engine|devices)\//;
const ARCHITECTURE =
  /aarch64|\barm64|\ba64\b|(?<!0)x86|\bx64\b|amd64|\bi[36]86\b|\.\s*arch\s*[!=]==/i;

/** Syntax that the oldest Node does not know. */
const TOO_NEW = /^\s*(await\s+)?using\s+\w+\s*=/m;

/** Number of the longest entry of LAYERS that holds a path. */
function layerOf(path: string): number | undefined {
  let best: { layer: number; length: number } | undefined;
  LAYERS.forEach((folders, layer) => {
    for (const { length } of folders.filter((it) => path === it || path.startsWith(`${it}/`))) {
      if (best === undefined || length > best.length) best = { layer, length };
    }
  });
  return best?.layer;
}

/** The folder of a device, if the path is in one: devices do not know each other. */
function deviceOf(path: string): string | undefined {
  return /^lib\/devices\/([^/]+)\//.exec(path)?.[1];
}

function isDeviceApart(path: string, imported: string): boolean {
  const [own, other] = [deviceOf(path), deviceOf(imported)];
  return own !== undefined && other !== undefined && own !== other && !SHARED_DEVICES.has(other);
}

/** The architecture whose folder a path is in. */
function architectureOf(path: string): string | undefined {
  return /\/(aarch64|x86_64)\//.exec(path)?.[1];
}

/** Architectures do not know each other, and what they share does not know them. */
function isOtherArchitecture(path: string, imported: string): boolean {
  const [own, other] = [architectureOf(path), architectureOf(imported)];
  if (other === undefined || own === other) return false;
  return own !== undefined || path.startsWith("lib/arch/");
}

/** Tests, and what stands in a `testing` folder and serves only them. */
function isForTests(path: string): boolean {
  return path.endsWith("_test.ts") || /(^|\/)testing\//.test(path);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** Checks the TypeScript files of a checkout, given by path and text; one line for each breach. */
export function findBreaches(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => breachesOf(path, withoutComments(text), files));
}

function breachesOf(path: string, code: string, files: ReadonlyMap<string, string>): string[] {
  const breaches: string[] = [];
  const breach = (what: string) => breaches.push(`${path}: ${what}`);
  const layer = layerOf(path);
  if (layer === undefined) breach("in no layer");
  if (TOO_NEW.test(code)) breach("Node 22 has no using declarations");

  const ofLibrary = path === "mod.ts" || path.startsWith("lib/");
  const forTests = isForTests(path);
  for (const [, wanted] of code.matchAll(IMPORTS)) {
    if (!wanted.startsWith(".")) {
      if (ofLibrary && !forTests) breach(`imports ${wanted}; the library has no dependencies`);
      continue;
    }
    const imported = posix.join(posix.dirname(path), wanted);
    if (!files.has(imported)) continue;
    if (imported.endsWith("_test.ts")) breach(`imports ${imported}, a test`);
    if (isOtherArchitecture(path, imported)) breach(`imports ${imported}, another architecture`);
    if (forTests) continue;
    if (isForTests(imported) && !path.startsWith("conformance/")) {
      breach(`imports ${imported}, which is for tests`);
    }
    if ((layerOf(imported) ?? Infinity) > (layer ?? 0)) {
      breach(`imports ${imported}, which stands above it`);
    }
    if (isDeviceApart(path, imported)) breach(`imports ${imported}, another device`);
  }
  if (forTests) return breaches;

  const find = (pattern: RegExp, why: string): void => {
    const found = pattern.exec(code);
    if (found !== null) breach(`${found[0].trim()} ${why}`);
  };
  if (ofLibrary) FORBIDDEN.forEach((pattern) => find(pattern, "belongs to a runtime"));
  if (ANY_ARCHITECTURE.test(path)) find(ARCHITECTURE, "belongs to an architecture");
  return breaches;
}
