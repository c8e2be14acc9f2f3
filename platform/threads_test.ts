import assert from "node:assert/strict";
import test from "node:test";
import type { Thread, Threads } from "../lib/platform/threads.ts";
import { hostPlatform } from "./host.ts";

const { threads } = hostPlatform() as { threads: Threads };
const beside = new URL("./testing/echo_thread.ts", import.meta.url).href;

/** Starts the thread, which is gone after the test. */
async function withThread(use: (thread: Thread) => Promise<void>): Promise<void> {
  const thread = await threads.start("echo_thread", beside);
  try {
    await use(thread);
  } finally {
    await thread.terminate();
  }
}

/** The next messages. */
function messages(thread: Thread, count: number): Promise<unknown[]> {
  return new Promise((resolve) => {
    const all: unknown[] = [];
    thread.onMessage((message) => {
      all.push(message);
      if (all.length === count) resolve(all);
    });
  });
}

test("messages arrive in order, also before somebody listens", async () => {
  await withThread(async (thread) => {
    for (let i = 0; i < 100; i++) thread.post(["echo", { i, bytes: Uint8Array.of(i) }]);
    const all = await messages(thread, 100);
    assert.deepEqual(all, Array.from({ length: 100 }, (_, i) => ({ i, bytes: Uint8Array.of(i) })));
  });
});

test("a buffer moves there and back", async () => {
  await withThread(async (thread) => {
    const buffer = Uint8Array.of(1, 2, 3).buffer;
    thread.post(["move", buffer], [buffer]);
    assert.equal(buffer.byteLength, 0);
    const [back] = await messages(thread, 1);
    assert.deepEqual(new Uint8Array(back as ArrayBuffer), Uint8Array.of(1, 2, 3));
  });
});

test("what cannot be copied is refused", async () => {
  await withThread((thread) => {
    assert.throws(() => thread.post(() => {}), { name: "DataCloneError" });
    return Promise.resolve();
  });
});

test("memory is shared: wait and notify between two threads", async () => {
  await withThread(async (thread) => {
    const words = new Int32Array(new SharedArrayBuffer(4));
    thread.post(["count", words]);
    for (let n = 0; n < 100; n += 2) {
      // The thread waits while the word is n: make it odd, and wait for its answer.
      Atomics.store(words, 0, n + 1);
      threads.notify(words, 0);
      while (Atomics.load(words, 0) === n + 1) threads.wait(words, 0, n + 1, 1000);
    }
    assert.deepEqual(await messages(thread, 1), [100]);
  });
});

test("WebAssembly memory is shared", async () => {
  await withThread(async (thread) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    thread.post(["grow", memory]);
    assert.deepEqual(await messages(thread, 1), ["grown"]);
    assert.equal(new Uint8Array(memory.buffer)[7], 42);
  });
});

test("a wait ends by itself, or does not begin", async () => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  assert.equal(threads.wait(words, 0, 1), "not-equal");
  assert.equal(threads.wait(words, 1, 0, 0.5), "timed-out");
  assert.equal(await threads.waitAsync(words, 0, 1), "not-equal");
  assert.equal(await threads.waitAsync(words, 0, 0, 1), "timed-out");
  const waiting = threads.waitAsync(words, 0, 0);
  assert.equal(threads.notify(words, 0), 1);
  assert.equal(await waiting, "ok");
  assert.equal(threads.notify(words, 0), 0);
});

test("terminate ends an endless loop, and may be called again", async () => {
  await withThread(async (thread) => {
    thread.post(["spin"]);
    assert.deepEqual(await messages(thread, 1), ["spinning"]);
    await thread.terminate();
    await thread.terminate();
    assert.equal(await thread.ended, undefined);
    thread.post(["echo", "into the void"]);
  });
});

test("a thread that closes is gone after its last message", async () => {
  await withThread(async (thread) => {
    const last = messages(thread, 1);
    thread.post(["close"]);
    assert.deepEqual(await last, ["last words"]);
    assert.equal(await thread.ended, undefined);
  });
});

test("an error ends the thread and nothing else", async () => {
  await withThread(async (thread) => {
    thread.post(["throw"]);
    assert.match((await thread.ended)?.message ?? "", /as you wish/);
  });
});

test("a thread that does not come to listening is an error", async () => {
  await assert.rejects(threads.start("broken_thread", beside), /broken from the start/);
  await assert.rejects(threads.start("no_such_thread", beside), Error);
});

test("the host runs at least one thread", () => {
  assert.ok(Number.isInteger(threads.parallelism) && threads.parallelism >= 1);
});
