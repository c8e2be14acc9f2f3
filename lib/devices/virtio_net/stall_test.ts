/** Nothing stands still between a card and a driver that each say a word only when they are asked to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtioFeature } from "../virtio/device.ts";
import { ALL_FEATURES, bench, generator } from "../virtio/testing/bench.ts";
import { NetFeature } from "./layout.ts";
import { RecordingNet } from "./testing/card.ts";
import { VirtioNet } from "./virtio_net.ts";

const QUEUE = 16;
const STEPS = 4000;
const { RING_PACKED, EVENT_IDX, IN_ORDER } = VirtioFeature;
const { MRG_RXBUF } = NetFeature;

/** A card, and a driver like Linux's: it looks at its buffers when it was interrupted, no sooner. */
function make(without: readonly number[]) {
  const net = new RecordingNet();
  const device = new VirtioNet(net, { queueSize: QUEUE });
  const b = bench(device, 1 << 25, true, { features: ALL_FEATURES });
  const { driver, line } = b;
  const features = without.reduce((all, bit) => all & ~(1n << BigInt(bit)), driver.offered());
  assert.equal(driver.negotiate(features), true);
  const rx = driver.addQueue(0);
  driver.start();
  const received: number[] = [];
  let left = 0;
  return {
    ...b,
    net,
    rx,
    /** First byte and length of each frame that the driver has put together. */
    received,
    /** Adds buffers; tells the card if it wants to hear of them. */
    refill(count: number, bytes: number): void {
      for (let i = 0; i < count && rx.room > 0; i++) rx.add({ writable: [bytes] });
      rx.kick();
    },
    /** What the driver does when it is interrupted; false if it was not. */
    service(): boolean {
      if (!line.level) return false;
      driver.acknowledge();
      for (const { data, written } of rx.pollAll()) {
        if (left === 0) {
          left = data[10] | data[11] << 8;
          received.push(data[12], written - 12);
        } else received[received.length - 1] += written;
        left--;
      }
      rx.setInterrupts(true);
      return true;
    },
  };
}

for (
  const [name, without] of [
    ["split ring", [RING_PACKED, IN_ORDER]],
    ["split ring, no event index", [RING_PACKED, IN_ORDER, EVENT_IDX]],
    ["split ring, in order, no mergeable buffers", [RING_PACKED, MRG_RXBUF]],
    ["packed ring", [IN_ORDER]],
    ["packed ring, no event index", [IN_ORDER, EVENT_IDX]],
    ["packed ring, in order, no mergeable buffers", [MRG_RXBUF]],
  ] as const
) {
  test(`every frame arrives, however few buffers there are: ${name}`, () => {
    const { net, rx, received, refill, service, turn, failures } = make(without);
    const random = generator(7);
    const mergeable = !(without as readonly number[]).includes(MRG_RXBUF);
    const frame = new Uint8Array(1500);
    const wanted: number[] = [];
    let [heard, refused] = [0, false];
    rx.setInterrupts(true);
    for (let step = 0; step < STEPS; step++) {
      const what = random(4);
      if (what < 2) {
        const length = 60 + random(mergeable ? 1440 : 140);
        frame[0] = random(256) & ~1;
        // A network that was refused waits until it hears of room.
        if (refused && net.ready === heard) continue;
        heard = net.ready;
        refused = !net.receive(frame.subarray(0, length));
        if (!refused) wanted.push(frame[0], length);
      } else if (what === 2) {
        if (service()) refill(random(QUEUE), mergeable ? 100 + random(400) : 212);
      } else refill(random(3), mergeable ? 100 + random(400) : 212);
      turn();
    }
    // However it stands now, buffers alone must get it going.
    do refill(QUEUE, 1600); while (service() || turn() > 0);
    assert.deepEqual(failures, []);
    assert.ok(wanted.length > STEPS / 4, "many frames");
    assert.deepEqual(received, wanted);
    assert.ok(!refused || net.ready > heard, "the network has heard of room");
  });
}
