import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needRuntime, ROOT, threadEntries } from "./runtimes.ts";

/** Entries of the package; it holds what they import. */
const ENTRIES = ["mod.ts", "platform/mod.ts", "conformance/mod.ts", "cmd/vml.ts"];

/**
 * Makes the npm package, JavaScript with declarations because Node takes no TypeScript below
 * node_modules, and returns the path of the archive in dist/. Throws an Error.
 */
export function makePackage(): string {
  const dist = join(ROOT, "dist");
  const folder = join(dist, "package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = join(dist, "tsconfig.package.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: {
        noEmit: false,
        outDir: folder,
        rootDir: ROOT,
        rewriteRelativeImportExtensions: true,
      },
      include: [],
      files: [...ENTRIES, ...threadEntries()].map((entry) => join(ROOT, entry)),
    }),
  );
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  execute(needRuntime("node").program, [compiler, "-p", config]);
  renameImports(folder);
  for (const file of ["README.md", "LICENSE"]) copyFileSync(join(ROOT, file), join(folder, file));
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest(), null, 2));
  execute(needRuntime("bun").program, ["pm", "pack", "--quiet", "--destination", dist], folder);
  const { name, version } = manifest();
  return join(dist, `${name}-${version}.tgz`);
}

/** TypeScript leaves "./x.ts" in declarations, and there is no x.ts in the package. */
function renameImports(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".d.ts")) continue;
    const file = join(folder, entry);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(/(from |import\()"(\.[^"]*)\.ts"/g, '$1"$2.js"'));
  }
}

interface Manifest extends Record<string, unknown> {
  readonly name: string;
  readonly version: string;
}

/** What is fit for publication of package.json, pointing to the JavaScript. */
function manifest(): Manifest {
  const own = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
  const { name, version, description, license, engines, dependencies } = own;
  return {
    ...{ name, version, description, license, type: "module", engines, dependencies },
    exports: Object.fromEntries(
      Object.entries(own.exports as Record<string, string>).map(([key, path]) => {
        const base = path.replace(/\.ts$/, "");
        return [key, { types: `${base}.d.ts`, default: `${base}.js` }];
      }),
    ),
    bin: { vml: "cmd/vml.js" },
  };
}

function execute(program: string, args: readonly string[], cwd: string = ROOT): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}
