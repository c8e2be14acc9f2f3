import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { ProcessTerminal } from "./terminal.ts";

const program = fileURLToPath(new URL("./testing/terminal_program.ts", import.meta.url));
const flags = "Deno" in globalThis ? "run -A" : "Bun" in globalThis ? "run" : "";
/** script(1) of util-linux gives a program a terminal of its own. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

/** Runs the program on a terminal, types `keys` when it is ready, and returns all that is printed. */
function onTerminal(way: string, keys: string): Promise<string> {
  const inner =
    `stty cols 100 rows 30; stty -g; '${process.execPath}' ${flags} '${program}' ${way}; ` +
    "echo code $?; stty -g";
  return new Promise((resolve, reject) => {
    const child = spawn("script", ["-qec", inner, "/dev/null"], {
      env: { ...process.env, NO_COLOR: "1", SHELL: "/bin/sh" },
    });
    let text = "";
    let typed = false;
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (!typed && text.includes("ready")) {
        typed = true;
        child.stdin.write(keys);
      }
    });
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}

const EXIT_CODES: Record<string, number> = {
  end: 0,
  exit: 0,
  throw: 1,
  SIGTERM: 143,
  SIGHUP: 129,
  SIGINT: 130,
};

for (const [way, code] of Object.entries(EXIT_CODES)) {
  test(`the terminal is raw, and restored after: ${way}`, {
    skip: hasScript ? false : "needs the program script",
  }, async () => {
    const text = await onTerminal(way, "\x01\x03\x1a\r!");
    const lines = text.split(/\r?\n/).filter((line) => line !== "");
    assert.match(text, /got 1 3 26 13 33 true 100x30/, "keys come as bytes, Ctrl-C as well");
    assert.ok(lines.includes(`code ${code}`), text);
    assert.equal(lines.at(-1), lines[0], "the settings of the terminal");
  });
}

test(
  "without a terminal nothing is raw, and the size is a guess",
  { skip: process.stdin.isTTY ? "standard input is a terminal" : false },
  () => {
    const terminal = new ProcessTerminal();
    assert.equal(terminal.interactive, false);
    terminal.raw()();
    const { columns, rows } = terminal.size();
    assert.ok(columns > 0 && rows > 0);
  },
);
