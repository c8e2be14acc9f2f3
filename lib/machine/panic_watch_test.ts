import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../platform/clock.ts";
import { PANIC_SILENCE, PANIC_TAIL, PanicWatch } from "./panic_watch.ts";

const PANIC = "[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n";
const TRACE = "[    1.500100] CPU: 0 PID: 1 Comm: swapper/0 Not tainted\r\n";
const END =
  "[    1.600000] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs ]---\r\n";

function make(): { clock: VirtualClock; watch: PanicWatch; panics: () => number; say: Say } {
  const clock = new VirtualClock();
  let count = 0;
  const watch = new PanicWatch(clock, () => count++);
  const say: Say = (text) => watch.push(new TextEncoder().encode(text));
  return { clock, watch, panics: () => count, say };
}
type Say = (text: string) => void;

test("a panic is one after its last line and silence", () => {
  const { clock, watch, panics, say } = make();
  for (const character of PANIC + TRACE + END) say(character);
  clock.advance(PANIC_SILENCE - 1);
  assert.equal(panics(), 0);
  clock.advance(1);
  assert.equal(panics(), 1);
  assert.equal(watch.reason, "VFS: Unable to mount root fs");
});

test("a panic is found however the text comes in pieces", () => {
  const bytes = new TextEncoder().encode(`Kernel\nother text\n${PANIC}${TRACE}${END}`);
  for (let at = 0; at <= bytes.length; at++) {
    const { clock, watch, panics } = make();
    watch.push(bytes.subarray(0, at));
    watch.push(bytes.subarray(at));
    clock.advance(PANIC_SILENCE);
    assert.equal(panics(), 1, `split at ${at}`);
  }
});

test("lines without time, and with the caller, count as well", () => {
  for (const stamp of ["", "[   12.345678][    T1] "]) {
    const { clock, panics, say } = make();
    say(
      `${stamp}Kernel panic - not syncing: x\n${stamp}---[ end Kernel panic - not syncing: x ]---\n`,
    );
    clock.advance(PANIC_SILENCE);
    assert.equal(panics(), 1);
  }
});

test("an old log that is printed is no panic: a prompt follows", () => {
  const { clock, panics, say } = make();
  say(PANIC + TRACE + END);
  clock.advance(PANIC_SILENCE / 2);
  say("/ # ");
  clock.advance(10 * PANIC_SILENCE);
  assert.equal(panics(), 0);
});

test("last lines without their first, of something else, or inside of a line are none", () => {
  for (
    const text of [
      END,
      PANIC + END.replace("VFS", "NFS"),
      `echo ${PANIC.slice(15)}echo ${END.slice(15)}`,
      PANIC,
    ]
  ) {
    const { clock, panics, say } = make();
    say(text);
    clock.advance(10 * PANIC_SILENCE);
    assert.equal(panics(), 0, text);
  }
});

test("a reset right after the panic is its work, an orderly restart later is not", () => {
  const { watch, say } = make();
  say(PANIC + TRACE + "[    1.600000] Rebooting in 1 seconds..");
  assert.equal(watch.reason, "VFS: Unable to mount root fs");
  say("\r\n[    9.000000] reboot: Restarting system\r\n");
  assert.equal(watch.reason, undefined);
});

test("a reset of the machine forgets it", () => {
  const { clock, watch, panics, say } = make();
  say(PANIC + TRACE + END);
  watch.reset();
  clock.advance(10 * PANIC_SILENCE);
  assert.equal(panics(), 0);
  assert.equal(watch.reason, undefined);
  say(END);
  clock.advance(10 * PANIC_SILENCE);
  assert.equal(panics(), 0);
});

test("lines without end are not kept, control characters not passed on", () => {
  const { watch, say } = make();
  for (let i = 0; i < 100; i++) say("x".repeat(10_000));
  say(`\nKernel panic - not syncing: \x1b[2J${"y".repeat(10_000)}\n`);
  assert.match(watch.reason ?? "", /^\?\[2Jy{300,600}$/);
});

test("a panic counts as far as its first line is among the last bytes", () => {
  for (const [before, count] of [[0, 1], [3 * PANIC_TAIL, 1]]) {
    const { clock, panics, say } = make();
    for (let i = 0; i < before; i += 4096) say(`${"x".repeat(4095)}\n`);
    say(PANIC + TRACE + END);
    clock.advance(PANIC_SILENCE);
    assert.equal(panics(), count);
  }
  const { clock, panics, say } = make();
  say(PANIC);
  for (let i = 0; i < 2 * PANIC_TAIL; i += 4096) say(`${"x".repeat(4095)}\n`);
  say(END);
  clock.advance(PANIC_SILENCE);
  assert.equal(panics(), 0);
});

test("silence begins with the last output, not with the first", () => {
  const { clock, panics, say } = make();
  say(PANIC);
  clock.advance(PANIC_SILENCE - 1);
  say(TRACE);
  clock.advance(PANIC_SILENCE - 1);
  say(END);
  clock.advance(PANIC_SILENCE - 1);
  assert.equal(panics(), 0);
  clock.advance(1);
  assert.equal(panics(), 1);
});
