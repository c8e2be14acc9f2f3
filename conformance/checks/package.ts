/**
 * Uses the library from outside as its users do, each time to boot a program of a few
 * instructions: as an npm package in Node, Bun and Deno, with its types, with its program, and in
 * Deno from an http URL. Exit code 1 if one fails. Needs what npm install brings; Bun
 * asks the registry.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, normalize } from "node:path";
import process from "node:process";
import { makeImage } from "../../lib/boot/image.ts";
import { helloProgram } from "../../lib/machine/testing/programs.ts";
import { helloProgram as x86HelloProgram } from "../../lib/machine/testing/programs_x86.ts";
import { makePackage } from "./package_files.ts";
import { needRuntime, ROOT } from "./runtimes.ts";

/** Milliseconds after which a program hangs. */
const LIMIT = 300_000;
const PRINTS = "hello Y power-off\nhello Y power-off\n";

const node = needRuntime("node").program;
const deno = needRuntime("deno").program;
const bun = needRuntime("bun").program;

/** A program that boots a guest; types stand in it only if TypeScript is understood. */
function consumer(specifier: string, typed: boolean): string {
  const [a64, x86] = [helloProgram, x86HelloProgram].map((program) =>
    JSON.stringify(btoa(String.fromCharCode(...program)))
  );
  return `
import { Machine, makeImage, makePvhElf } from "${specifier}";
${typed ? `import type { MachineOptions, RunResult } from "${specifier}";` : ""}
const bytes = (text${
    typed ? ": string" : ""
  }) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const machines${typed ? ": MachineOptions[]" : ""} = [
  { kernel: makeImage(bytes(${a64})), memory: "16M" },
  { arch: "x86_64", kernel: makePvhElf(bytes(${x86})), memory: "16M" },
];
for (const options of machines) {
  const machine = await Machine.create(options);
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  const result${typed ? ": RunResult" : ""} = await machine.run();
  await machine[Symbol.asyncDispose]();
  console.log(output, result.reason);
}
`;
}

/** A program that runs a reference guest on a machine of its own making. */
const SUITE = `
import { Machine } from "vml";
import { CASES, runSuite } from "vml/conformance";
const results = await runSuite({
  cases: CASES.filter(({ name }) => name === "exceptions"),
  create: (options) => Machine.create({ ...options, memory: "128M" }),
});
for (const { name, passed } of results) console.log(name, passed);
`;

/** Standard output of a program. Throws an Error if its exit code is not 0. */
function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      // Scripts with "env node" get this Node.
      env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LIMIT,
      killSignal: "SIGKILL",
    });
    const out = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => out.stderr += text);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(out.stdout);
      else {
        const line = [program, ...args].join(" ");
        reject(new Error(`${line}: exit code ${code}\n${out.stdout}${out.stderr}`));
      }
    });
  });
}

/** A project that depends on the package and others, ready for an installation. */
function makeProject(
  folder: string,
  archive: string,
  others: Record<string, string> = {},
): string {
  mkdirSync(folder);
  const dependencies = { vml: `file:${archive}`, ...others };
  const manifest = { type: "module", private: true, dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "main.js"), consumer("vml", false));
  writeFileSync(
    join(folder, "main.ts"),
    `import { hostPlatform } from "vml/platform";\nhostPlatform();${consumer("vml", true)}`,
  );
  writeFileSync(join(folder, "hello"), makeImage(helloProgram));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ target: "esnext", module: "nodenext", strict: true, noEmit: true },
        ...{ lib: ["esnext", "dom"], types: [] },
      },
      files: ["main.ts"],
    }),
  );
  return folder;
}

async function checkNpm(folder: string): Promise<void> {
  await run("npm", ["install", "--no-audit", "--no-fund", "--offline"], folder);
  assert.equal(await run(node, ["main.js"], folder), PRINTS);
  assert.equal(await run(node, ["main.ts"], folder), PRINTS);
  const program = join(folder, "node_modules/.bin/vml");
  assert.equal(await run(program, ["run", "--kernel", "hello"], folder), "hello Y");
  const suite = await run(program, ["conformance", "--tap", "--filter", "exceptions"], folder);
  assert.match(suite, /^ok 1 - exceptions/m);
  writeFileSync(join(folder, "suite.ts"), SUITE);
  assert.equal(await run(node, ["suite.ts"], folder), "exceptions true\n");
  await run(node, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."], folder);
  const flags = ["run", "-A", "--node-modules-dir=manual"];
  assert.equal(await run(deno, [...flags, "--check", "main.ts"], folder), PRINTS);
  console.error("npm package: Node, its program, its types, its suite, Deno: ok");
}

async function checkBun(folder: string): Promise<void> {
  await run(bun, ["install"], folder);
  assert.equal(await run(bun, ["main.ts"], folder), PRINTS);
  assert.equal(await run(bun, ["main.js"], folder), PRINTS);
  console.error("npm package: Bun: ok");
}

/** Deno, importing from a server that has mod.ts and lib and nothing else. */
async function checkUrl(folder: string): Promise<void> {
  const served: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://x").pathname).slice(1);
    served.push(path);
    if (path === "mod.ts" || path.startsWith("lib/")) {
      response.setHeader("content-type", "application/typescript");
      response.end(readFileSync(join(ROOT, path)));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    mkdirSync(folder);
    writeFileSync(join(folder, "main.ts"), consumer(`http://${host}/mod.ts`, true));
    // No other permission: the library needs none.
    const args = ["run", "--no-prompt", "--check", `--allow-import=${host}`, "main.ts"];
    assert.equal(await run(deno, args, folder), PRINTS);
    assert.ok(served.includes("lib/machine/machine.ts"));
    console.error(`http URL: Deno, without permissions, ${new Set(served).size} files: ok`);
  } finally {
    server.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), "vml-package-"));
try {
  await checkUrl(join(folder, "url"));
  const archive = makePackage();
  // npm takes the package's own dependency from here too, and so needs no registry.
  const yaml = `file:${join(ROOT, "node_modules/yaml")}`;
  await checkNpm(makeProject(join(folder, "npm"), archive, { yaml }));
  await checkBun(makeProject(join(folder, "bun"), archive));
} finally {
  rmSync(folder, { recursive: true });
}
