import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTraceEvent, type TraceEvent, TraceLevel } from "./trace.ts";
import { VmmDebug } from "./vmm_debug.ts";

test("nothing is shown or counted at first", () => {
  const debug = new VmmDebug();
  assert.equal(debug.enabled("gic"), false);
  assert.equal(debug.statistics("vbus"), false);
});

test("levels are ordered and belong to a component", () => {
  const debug = new VmmDebug();
  debug.setLevel("gic", "detailed");
  assert.equal(debug.enabled("gic", "condensed"), true);
  assert.equal(debug.enabled("gic", "detailed"), true);
  assert.equal(debug.enabled("gic", "full"), false);
  assert.equal(debug.level("vbus"), "none");
});

test('"*" reaches components named before and after', () => {
  const debug = new VmmDebug();
  debug.setLevel("gic", "full");
  debug.setStatistics("*", true);
  debug.setLevel("*", "condensed");
  assert.equal(debug.level("gic"), "condensed");
  assert.equal(debug.level("timer"), "condensed");
  debug.setLevel("timer", "none");
  assert.equal(debug.statistics("timer"), true);
  assert.equal(debug.level("pl011"), "condensed");
});

test("observers hear of each change until they leave", () => {
  const debug = new VmmDebug();
  let changes = 0;
  const leave = debug.onChange(() => changes++);
  debug.setLevel("gic", "full");
  debug.setStatistics("*", true);
  leave();
  debug.setLevel("gic", "none");
  assert.equal(changes, 2);
});

test("a tracer follows its component's level while the machine runs", () => {
  let time = 5;
  const debug = new VmmDebug({ now: () => time });
  const events: TraceEvent[] = [];
  const leave = debug.onTrace((event) => events.push(event));
  const tracer = debug.tracer("gic");
  assert.equal(debug.tracer("gic"), tracer);
  tracer.emit("irq", { vcpu: 0 });
  debug.setLevel("gic", "detailed");
  assert.equal(tracer.level, TraceLevel.detailed);
  tracer.emit("irq", { vcpu: 1 });
  time = 1_500_000_000;
  tracer.emit("irq", { vcpu: 2, level: true });
  debug.tracer("timer").emit("line", {});
  debug.setLevel("*", "none");
  tracer.emit("irq", { vcpu: 3 });
  assert.deepEqual(events.map(({ fields }) => fields.vcpu), [1, 2]);
  assert.deepEqual(events[0], { time: 5, component: "gic", event: "irq", fields: { vcpu: 1 } });
  assert.equal(formatTraceEvent(events[1]), "1.500000000 gic irq vcpu=2 level=true");
  debug.setLevel("*", "full");
  assert.equal(debug.tracer("virtio").level, TraceLevel.full);
  leave();
  tracer.emit("irq", { vcpu: 4 });
  assert.equal(events.length, 2);
});

test("events go to the log while nobody else takes them", () => {
  const log: string[] = [];
  const debug = new VmmDebug({ log: (event) => log.push(event.event) });
  debug.setLevel("gic", "condensed");
  debug.tracer("gic").emit("one", {});
  const leave = debug.onTrace(() => {});
  debug.tracer("gic").emit("two", {});
  leave();
  debug.tracer("gic").emit("three", {});
  assert.deepEqual(log, ["one", "three"]);
});
