import assert from "node:assert/strict";
import test from "node:test";
import { type ConsoleAction, EscapeKeys } from "./escape_keys.ts";

function typed(...parts: string[]): { guest: string; actions: ConsoleAction[] } {
  const actions: ConsoleAction[] = [];
  const keys = new EscapeKeys((action) => actions.push(action));
  const guest = parts.map((part) =>
    new TextDecoder().decode(keys.filter(new TextEncoder().encode(part)))
  ).join("");
  return { guest, actions };
}

test("what has no Ctrl-A goes to the guest as it is", () => {
  assert.deepEqual(typed("x\x03\x04\x1b[A\u00e9"), { guest: "x\x03\x04\x1b[A\u00e9", actions: [] });
});

test("Ctrl-A x quits, in one piece or two, in either case", () => {
  assert.deepEqual(typed("a\x01xb"), { guest: "ab", actions: ["quit"] });
  assert.deepEqual(typed("a\x01", "Xb"), { guest: "ab", actions: ["quit"] });
});

test("Ctrl-A Ctrl-A sends one, and the key behind it is the guest's", () => {
  assert.deepEqual(typed("\x01\x01x"), { guest: "\x01x", actions: [] });
  assert.deepEqual(typed("\x01", "\x01", "\x01", "x"), { guest: "\x01", actions: ["quit"] });
});

test("Ctrl-A p presses the power button", () => {
  assert.deepEqual(typed("a\x01pb"), { guest: "ab", actions: ["power-button"] });
});

test("Ctrl-A h helps, other keys behind Ctrl-A are dropped", () => {
  assert.deepEqual(typed("\x01h\x01?\x01qz"), { guest: "z", actions: ["help", "help"] });
});
