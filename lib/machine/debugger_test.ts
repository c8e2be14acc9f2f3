import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../boot/image.ts";
import type { MachineOptions } from "../config/machine_config.ts";
import type { Trap } from "./debugger.ts";
import { Machine } from "./machine.ts";
import { echoProgram, helloProgram, smpProgram, words } from "./testing/programs.ts";

/*
   mov x0, #0
1: add x0, x0, #1
   b 1b
*/
const counting = words("d2800000 91000400 17ffffff");

/*
   mov x0, #1
   msr ttbr0_el1, x0
   mov x0, #2
   msr tpidr_el1, x0
   mov x0, #0x3000
   msr mair_el1, x0
   wfi
   mov x0, #0x84000000
   add x0, x0, #8
   hvc #0
*/
const controls = words(`
  d2800020 d5182000 d2800040 d518d080 d2860000 d518a200 d503207f d2b08000 91002000 d4000002
`);

async function create(
  t: { after(done: () => Promise<void>): void },
  program: Uint8Array,
  options: MachineOptions = {},
): Promise<Machine> {
  const machine = await Machine.create({ kernel: makeImage(program), memory: "16M", ...options });
  t.after(() => machine[Symbol.asyncDispose]());
  return machine;
}

/** A turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("single steps before the first run, one instruction each", async (t) => {
  const machine = await create(t, counting, { time: "virtual" });
  const { debugger: debug } = machine;
  assert.throws(() => debug.step(0), /stop the machine/);
  const stopped = await debug.stop();
  const pcs: bigint[] = [];
  for (let i = 0; i < 6; i++) {
    assert.equal(debug.step(0), true);
    pcs.push(debug.registers(0).pc & 0xfffn);
  }
  // The first is the branch in the head of the image.
  assert.deepEqual(pcs, [0x40n, 0x44n, 0x48n, 0x44n, 0x48n, 0x44n]);
  assert.equal(debug.registers(0).general[0], 2n);
  assert.equal(machine.statistics().engine.instructions, 6);
  await stopped.resume();
});

test("the world stands still while it is stopped, and guest time, too", async (t) => {
  for (const time of ["real", "virtual"] as const) {
    const machine = await create(t, counting, { time });
    const run = machine.run();
    await turn();
    const stopped = await machine.debugger.stop();
    const before = machine.statistics();
    const { general, pc } = machine.debugger.registers(0);
    for (let i = 0; i < 3; i++) await turn();
    const after = machine.statistics();
    assert.equal(after.engine.instructions, before.engine.instructions);
    assert.equal(after.nanoseconds, before.nanoseconds);
    assert.deepEqual(machine.debugger.registers(0).general, general);
    assert.equal(machine.debugger.state(0).state, "ON_ROUNDEDUP");
    machine.debugger.step(0);
    assert.notEqual(machine.debugger.registers(0).pc, pc);
    await stopped.resume();
    while (machine.statistics().engine.instructions < after.engine.instructions + 1000) {
      await turn();
    }
    machine.stop();
    await run;
  }
});

test("pause and debuggers share the stopped world; it goes on when all have resumed", async (t) => {
  const machine = await create(t, counting);
  const run = machine.run();
  await turn();
  machine.pause();
  const first = await machine.debugger.stop();
  const second = await machine.debugger.stop();
  const { instructions } = machine.statistics().engine;
  machine.resume();
  void first.resume();
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(machine.statistics().engine.instructions, instructions);
  await second.resume();
  while (machine.statistics().engine.instructions === instructions) await turn();
  machine.stop();
  await run;
});

test("an exclusive stop waits for the others", async (t) => {
  const machine = await create(t, counting);
  machine.pause();
  let alone = false;
  const asked = machine.debugger.stop({ exclusive: true }).then((world) => {
    alone = true;
    return world;
  });
  await turn();
  assert.equal(alone, false);
  machine.resume();
  await (await asked).resume();
});

test("one vCPU is paused, the other goes on", async (t) => {
  const machine = await create(t, smpProgram, { cpus: 2, time: "virtual" });
  let output = "";
  machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
  machine.debugger.pauseVcpu(1);
  const run = machine.run();
  for (let i = 0; i < 5; i++) await turn();
  assert.doesNotMatch(output, /1/, "the second vCPU has said nothing");
  assert.equal(machine.debugger.state(1).state, "OFF");
  machine.debugger.resumeVcpu(1);
  assert.equal((await run).reason, "power-off");
  assert.match(output, /1/);
});

test("traps tell firmware calls and writes of control registers, with the registers", async (t) => {
  const machine = await create(t, controls, { time: "virtual" });
  const { debugger: debug } = machine;
  const traps: Trap[] = [];
  const x0: bigint[] = [];
  const end = debug.trap({ hypercalls: true, registers: true }, (trap) => {
    traps.push(trap);
    x0.push(debug.registers(0).general[0]);
  });
  // WFI: nothing comes, so the guest waits for ever.
  const run = machine.run();
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(traps, [
    { kind: "register", vcpu: 0, register: "TTBR0_EL1", value: 1n },
    { kind: "register", vcpu: 0, register: "MAIR_EL1", value: 0x3000n },
  ]);
  assert.deepEqual(x0, [1n, 0x3000n]);
  machine.stop();
  await run;
  end();

  const hello = await create(t, helloProgram, { time: "virtual" });
  const calls: Trap[] = [];
  hello.debugger.trap({ hypercalls: true, vcpus: [0] }, (trap) => calls.push(trap));
  await hello.run();
  assert.equal(calls.length, 1);
  const [call] = calls;
  assert.equal(call.kind === "hypercall" && call.args[0], 0x84000008n);
});

test("a trap may stop the machine: nothing runs after the instruction's slice", async (t) => {
  const machine = await create(t, controls, { time: "virtual" });
  machine.debugger.trap({ registers: true }, () => machine.pause());
  const run = machine.run();
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(machine.debugger.registers(0).system.TPIDR_EL1, 0n, "the next write waits");
  machine.resume();
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(machine.debugger.registers(0).system.TPIDR_EL1, 2n);
  machine.stop();
  await run;
});

test("step traps tell each instruction, and change nothing of what the guest does", async (t) => {
  const plain = await create(t, helloProgram, { time: "virtual" });
  const expected = await plain.run();
  const machine = await create(t, helloProgram, { time: "virtual" });
  let steps = 0;
  const end = machine.debugger.trap({ steps: true }, () => steps++);
  assert.deepEqual(await machine.run(), expected);
  assert.equal(steps, expected.instructions);
  end();
  machine.reset();
  steps = 0;
  await machine.run();
  assert.equal(steps, 0);
});

test("a vCPU that is off or waits does not step; one that is not there is refused", async (t) => {
  const machine = await create(t, echoProgram, { cpus: 2, time: "virtual" });
  const stopped = await machine.debugger.stop();
  assert.equal(machine.debugger.step(1), false);
  assert.deepEqual(machine.debugger.state(1).power, "off");
  assert.throws(() => machine.debugger.step(2), RangeError);
  assert.throws(() => machine.debugger.registers(-1), RangeError);
  await stopped.resume();
});

test("memory is read as a copy and written with the code in it", async (t) => {
  const machine = await create(t, counting, { time: "virtual" });
  const { debugger: debug } = machine;
  const run = machine.run();
  for (let i = 0; i < 3; i++) await turn();
  const stopped = await debug.stop();
  const pc = Number(debug.registers(0).pc);
  const loop = pc - (pc & 15) + 4;
  const word = new Uint8Array(4);
  assert.ok(debug.memory.read(loop, word));
  assert.deepEqual(word, Uint8Array.of(0, 4, 0, 0x91));
  // add x0, x0, #1 becomes add x1, x1, #1, in code that is compiled by now.
  assert.ok(debug.memory.write(loop, Uint8Array.of(0x21, 4, 0, 0x91)));
  const before = debug.registers(0).general;
  await stopped.resume();
  while (debug.registers(0).general[1] < before[1] + 100n) await turn();
  assert.equal(debug.registers(0).general[0], before[0]);
  assert.equal(debug.memory.read(0x1000, word), false);
  assert.equal(debug.memory.write(2 ** 50, word), false);
  machine.stop();
  await run;
});

/*
   mov x0, #0xc4000000       // PSCI CPU_ON of vCPU 1, at 1
   movk x0, #3
   mov x1, #1
   adr x2, 1f
   mov x3, #0
   hvc #0
1: add x20, x20, #1
   b 1b
*/
const both = words("d2b88000 f2800060 d2800021 10000062 d2800003 d4000002 91000694 17ffffff");

test("code that is written from outside is executed anew by all vCPUs", async (t) => {
  const machine = await create(t, both, { cpus: 2, time: "virtual" });
  const { debugger: debug } = machine;
  const run = machine.run();
  const reach = async (register: number, count: bigint): Promise<void> => {
    while ([0, 1].some((vcpu) => debug.registers(vcpu).general[register] < count)) await turn();
  };
  await reach(20, 100_000n);
  const stopped = await debug.stop();
  const loop = Number(debug.registers(0).pc & ~7n);
  const word = new Uint8Array(4);
  debug.memory.read(loop, word);
  assert.deepEqual(word, Uint8Array.of(0x94, 6, 0, 0x91), "both run the loop at this address");
  // add x21, x21, #1
  debug.memory.write(loop, Uint8Array.of(0xb5, 6, 0, 0x91));
  const before = [0, 1].map((vcpu) => debug.registers(vcpu).general[20]);
  await stopped.resume();
  await reach(21, 100_000n);
  assert.deepEqual([0, 1].map((vcpu) => debug.registers(vcpu).general[20]), before);
  machine.stop();
  await run;
});

/*
   mov x1, #0x40800000
1: add x0, x0, #1
   str x0, [x1]
   b 1b
*/
const storing = words("d2a81001 91000400 f9000020 17fffffe");

test("dirty pages: guest code's stores, armed and disarmed while it runs", async (t) => {
  const machine = await create(t, storing, { time: "virtual" });
  const { debugger: debug } = machine;
  const run = machine.run();
  const instructions = (): number => machine.statistics().engine.instructions;
  const more = async (): Promise<void> => {
    const until = instructions() + 200_000;
    while (instructions() < until) await turn();
  };
  await more();
  assert.deepEqual(debug.takeDirtyPages(), []);
  // The code is compiled and the page open for stores: arming must close it.
  debug.logDirtyPages(true);
  await more();
  assert.deepEqual(debug.takeDirtyPages(), [0x40800000]);
  await more();
  assert.deepEqual(debug.takeDirtyPages(), [0x40800000]);
  const stopped = await debug.stop();
  debug.takeDirtyPages();
  assert.deepEqual(debug.takeDirtyPages(), []);
  debug.memory.write(0x40900fff, Uint8Array.of(1, 2));
  assert.deepEqual(debug.takeDirtyPages(), [0x40900000, 0x40901000]);
  debug.logDirtyPages(false);
  await stopped.resume();
  await more();
  assert.deepEqual(debug.takeDirtyPages(), []);
  machine.stop();
  await run;
});

test("several machines in one process are stopped each for itself", async (t) => {
  const [one, two] = [await create(t, counting), await create(t, counting)];
  const runs = [one.run(), two.run()];
  await turn();
  const stopped = await one.debugger.stop();
  const [before, other] = [one, two].map((machine) => machine.statistics().engine.instructions);
  while (two.statistics().engine.instructions === other) await turn();
  assert.equal(one.statistics().engine.instructions, before);
  await stopped.resume();
  one.stop();
  two.stop();
  await Promise.all(runs);
});
