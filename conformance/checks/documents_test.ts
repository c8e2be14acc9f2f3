/** What the documents name is there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./runtimes.ts";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "lib/ARCHITECTURE.md", "guests/README.md"];
const TOP = ["cmd", "conformance", "guests", "lib", "platform", ".ci"];

/** Files and folders of the checkout, with a slash in front. */
const paths: readonly string[] = TOP.flatMap((folder) => [
  `/${folder}`,
  ...readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((path) => `/${folder}/${path.replaceAll("\\", "/")}`),
]);

/** Whether a file or folder is there, or one whose path ends so. */
function isThere(name: string): boolean {
  const wanted = name.replace(/\/$/, "");
  return existsSync(join(ROOT, wanted)) || paths.some((path) => path.endsWith(`/${wanted}`));
}

/** Files of TypeScript, and folders, that a text names in its running text or in a table. */
function namedIn(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, "");
  return [...prose.matchAll(/`((?:[\w.-]+\/)*(?:[\w-]+\.ts|[\w-]+\/))`/g)].map(([, name]) => name);
}

/** Not of the checkout: made by a build, and the example of a name. */
const ELSEWHERE = new Set(["dist/", "x_test.ts"]);

for (const document of DOCUMENTS) {
  test(`files and folders that ${document} names`, () => {
    const names = namedIn(readFileSync(join(ROOT, document), "utf8"));
    assert.ok(names.length > 3);
    assert.deepEqual(names.filter((name) => !ELSEWHERE.has(name) && !isThere(name)), []);
  });
}

test("a name that is nowhere is found", () => {
  const names = namedIn(
    "See `engine/engine.ts`, `devices/gic/`, `lib/no_such.ts` and `no_folder/`.",
  );
  assert.deepEqual(names.filter((name) => !isThere(name)), ["lib/no_such.ts", "no_folder/"]);
});
