import assert from "node:assert/strict";
import test from "node:test";
import { type Command, parseArguments } from "./command.ts";
import { UsageError } from "./errors.ts";

const COMMAND: Command = {
  name: "test",
  summary: "A test.",
  usage: "[FILE]",
  positionals: 1,
  options: [
    { name: "kernel", short: "k", value: "FILE", help: "" },
    { name: "gic", value: "VERSION", choices: ["2", "3"], help: "" },
    { name: "disk", value: "FILE", multiple: true, help: "" },
    { name: "stats", help: "" },
  ],
  examples: [],
  run: () => Promise.resolve(0),
};

test("options in every form, and positionals among them", () => {
  const args = parseArguments(COMMAND, [
    "-k",
    "Image",
    "machine.yaml",
    "--disk",
    "a",
    "--disk=--b",
    "--stats",
  ]);
  assert.equal(args.get("kernel"), "Image");
  assert.deepEqual(args.all("disk"), ["a", "--b"]);
  assert.deepEqual(args.positionals, ["machine.yaml"]);
  assert.deepEqual([args.has("stats"), args.has("gic"), args.get("gic")], [true, false, undefined]);
});

test("everything behind -- is positional", () => {
  assert.deepEqual(parseArguments(COMMAND, ["--", "--stats"]).positionals, ["--stats"]);
});

test("wrong arguments are named, with the remedy", () => {
  const faults: [string[], RegExp][] = [
    [["--kernal", "x"], /--kernal: no such option; did you mean "--kernel"\?/],
    [["-z"], /-z: no such option/],
    [["--kernel"], /--kernel: needs a value; write --kernel FILE/],
    [["--kernel", "--stats"], /--kernel: needs a value/],
    [["--kernel", ""], /--kernel: needs a value/],
    [["--gic", "4"], /--gic: "4" is not known; .*2, 3/],
    [["--kernel", "a", "--kernel", "b"], /--kernel: given twice/],
    [["--stats=yes"], /--stats: takes no value/],
    [["a", "b"], /b: one argument too many/],
  ];
  for (const [args, message] of faults) {
    assert.throws(() => parseArguments(COMMAND, args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});
