import assert from "node:assert/strict";
import { test } from "node:test";
import { webPlatform } from "./web.ts";

test("a turn ends after all that was promised before it, however long the chain", async () => {
  const { yield: turn } = webPlatform();
  for (let i = 0; i < 20; i++) {
    let steps = 0;
    void (async () => {
      for (; steps < 1000; steps++) await Promise.resolve();
    })();
    await turn();
    assert.equal(steps, 1000);
  }
});
