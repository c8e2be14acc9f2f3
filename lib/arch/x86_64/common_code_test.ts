import assert from "node:assert/strict";
import { test } from "node:test";
import { x86_64 } from "./arch.ts";
import { commonCode } from "./common_code.ts";

test("each sample is one instruction with semantics, and a handler of its own", () => {
  const decoder = x86_64.decoder();
  const seen = new Set<unknown>();
  for (const code of commonCode) {
    const text = Array.from(code, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const decoded = decoder.decode(code, 0, code.length, x86_64.common.mode);
    assert.ok(decoded !== undefined && decoded !== "cut", text);
    assert.equal(decoded.length, code.length, text);
    assert.equal(decoded.handler.instruction.host, undefined, text);
    assert.ok(!seen.has(decoded.handler), `${text} is there already`);
    seen.add(decoded.handler);
  }
  assert.ok(seen.size > 200);
});
