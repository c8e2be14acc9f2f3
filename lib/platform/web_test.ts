import assert from "node:assert/strict";
import { test } from "node:test";
import { webPlatform } from "./web.ts";

const { yield: turn } = webPlatform();

test("a turn ends after all that was promised before it, however long the chain", async () => {
  let steps = 0;
  void (async () => {
    for (; steps < 1000; steps++) await Promise.resolve();
  })();
  await turn();
  assert.equal(steps, 1000);
});

test("a turn ends after what an earlier one has brought about", async () => {
  for (let i = 0; i < 20; i++) {
    let steps = 0;
    void turn().then(async () => {
      for (; steps < 1000; steps++) await Promise.resolve();
    });
    await turn();
    assert.equal(steps, 1000);
  }
});
