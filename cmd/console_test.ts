import assert from "node:assert/strict";
import { test } from "node:test";
import { fitConsoles } from "./console.ts";

test("consoles have the terminal's size from the start, and follow it until that is ended", () => {
  const listeners = new Set<() => void>();
  const size = { columns: 80, rows: 24 };
  const terminal = {
    interactive: true,
    size: () => size,
    onResize: (callback: () => void) => {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
  const sizes: string[] = [];
  const console = { resize: (c: number, r: number) => sizes.push(`${c}x${r}`) };
  const stop = fitConsoles(terminal, [console, console]);
  Object.assign(size, { columns: 132, rows: 43 });
  for (const listener of listeners) listener();
  assert.deepEqual(sizes, ["80x24", "80x24", "132x43", "132x43"]);
  stop();
  assert.equal(listeners.size, 0);
});

test("a pipe has no size", () => {
  const fail = (): never => assert.fail("asked for");
  fitConsoles({ interactive: false, size: fail, onResize: fail }, [{ resize: fail }])();
});
