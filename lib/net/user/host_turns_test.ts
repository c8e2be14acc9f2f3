import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import { virtualPlatform } from "../../platform/virtual.ts";
import { HostTurns, type NetworkHost } from "./host_turns.ts";
import { bytesOf, read, readUdp, textOf, udp } from "./testing/packets.ts";
import { UserNetwork } from "./user_network.ts";

/** A run loop that stands still while something is held. */
class Loop implements NetworkHost {
  held = 0;
  expected = 0;

  hold(promise: Promise<unknown>): void {
    this.held++;
    void promise.then(() => this.held--);
  }

  expect(promise: Promise<unknown>): void {
    this.expected++;
    void promise.then(() => this.expected--);
  }

  async yield(): Promise<void> {
    for (let i = 0; i < 30; i++) await Promise.resolve();
  }

  /** Lets time pass in steps, as guest code does; never while something is held. */
  async run(clock: VirtualClock, nanoseconds: number, step: number, idle: number): Promise<void> {
    for (let done = 0; done < nanoseconds; done += step) {
      clock.advance(step);
      while (this.held > 0) await Promise.resolve();
      for (let i = 0; i < idle; i++) await Promise.resolve();
    }
  }
}

/** An exchange with a server that echoes in memory: all answers with the times at which they came. */
async function exchange(step: number, idle: number): Promise<string[]> {
  const clock = new VirtualClock();
  const loop = new Loop();
  const { sockets, random } = virtualPlatform();
  const network = new UserNetwork({ clock, sockets, random, host: loop, virtual: true });
  const log: string[] = [];
  network.onReceive((frame) => {
    const packet = read(frame);
    const text = packet.protocol === 17 ? textOf(readUdp(packet).payload) : "";
    log.push(`${clock.now()} ${packet.type} ${text}`);
    if (text !== "" && text.length < 8) {
      // A card's guest answers later.
      clock.at(clock.now() + 30_000, () => network.send(udp([5000, 7], bytesOf(`${text}+`))));
    }
    return true;
  });
  const server = await sockets.bind({ host: "127.0.0.1", port: 7 });
  server.onDatagram((bytes, { port }) => server.send(bytes, { host: "0.0.0.0", port }));
  network.send(udp([5000, 7], bytesOf("a")));
  await loop.run(clock, 3_000_000, step, idle);
  network.close();
  return log;
}

test("virtual time: answers come at the same times, however fast the host is", async () => {
  const first = await exchange(10_000, 0);
  assert.equal(first.length, 8);
  assert.match(first[0], /^\d+ 2048 a$/);
  assert.deepEqual(await exchange(10_000, 7), first);
  assert.deepEqual(await exchange(10_000, 50), first);
});

test("virtual time: no turn is taken while nothing was asked", async () => {
  const clock = new VirtualClock();
  const loop = new Loop();
  let flushes = 0;
  const turns = new HostTurns(clock, loop, true, () => flushes++);
  clock.advance(1e9);
  assert.equal(clock.nextDeadline(), Infinity);
  turns.asked();
  turns.later();
  assert.equal(clock.nextDeadline(), 1e9 + 100_000);
  await loop.run(clock, 1e6, 1e5, 1);
  assert.equal(flushes, 1);
  assert.equal(clock.nextDeadline(), Infinity);
  turns.close();
});

test("real time: answers are handled at once, and the loop is asked for turns while there is traffic", async () => {
  const clock = new VirtualClock();
  const loop = new Loop();
  let flushes = 0;
  const turns = new HostTurns(clock, loop, false, () => flushes++);
  let handled = 0;
  turns.arrived(() => handled++);
  assert.equal(handled, 1);
  turns.later();
  turns.later();
  assert.equal(flushes, 0);
  await loop.yield();
  assert.equal(flushes, 1, "one flush for the whole burst");
  assert.equal(loop.expected, 1);
  clock.advance(15e6);
  turns.asked();
  clock.advance(15e6);
  await loop.yield();
  assert.equal(loop.expected, 1);
  clock.advance(6e6);
  await loop.yield();
  assert.equal(loop.expected, 0);
  assert.equal(clock.nextDeadline(), Infinity, "an idle network sets no timers");
  turns.asked();
  turns.close();
  await loop.yield();
  assert.equal(loop.expected, 0);
});
