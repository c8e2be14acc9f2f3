import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import { Fragments } from "./fragments.ts";
import { Ipv4Packet } from "./packet.ts";
import { type IpFields, ipv4 } from "./testing/packets.ts";

const MORE = 0x2000;

/** The parts of a payload of 40 bytes, in pieces of 16. */
const payload = Uint8Array.from({ length: 40 }, (_, i) => i + 1);
const PIECES = [[0, 16], [16, 32], [32, 40]] as const;

class Collector {
  readonly clock = new VirtualClock();
  readonly fragments = new Fragments(this.clock);

  add(from: number, to: number, more: boolean, fields: IpFields = {}): Uint8Array | undefined {
    const packet = new Ipv4Packet();
    const fragment = (more ? MORE : 0) | from / 8;
    assert.ok(packet.read(ipv4(payload.subarray(from, to), { fragment, ...fields })));
    return this.fragments.add(packet);
  }
}

test("any order gives the whole packet", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]]) {
    const collector = new Collector();
    const results = order.map((i) => {
      const [from, to] = PIECES[i];
      return collector.add(from, to, i < 2, i === 0 ? { options: [1, 1, 1, 1] } : {});
    });
    assert.deepEqual(results.slice(0, 2), [undefined, undefined]);
    const whole = new Ipv4Packet();
    assert.ok(whole.read(results[2] as Uint8Array), "its header is sound");
    assert.deepEqual(whole.frame.subarray(whole.start, whole.end), payload);
    assert.deepEqual([whole.moreFragments, whole.fragmentOffset], [false, 0]);
    assert.equal(collector.fragments.size, 0);
  }
});

test("packets are told apart by addresses, protocol and identification", () => {
  const collector = new Collector();
  collector.add(0, 16, true);
  const others = [{ identification: 8 }, { source: "10.0.2.16" }, { protocol: 6 }];
  for (const other of others) assert.equal(collector.add(16, 40, false, other), undefined);
  assert.equal(collector.fragments.size, 4);
  assert.ok(collector.add(16, 40, false));
});

test("overlaps, gaps in the length, and pieces beyond the end drop the packet", () => {
  const hostile: readonly (readonly [number, number, boolean])[][] = [
    [[0, 16, true], [8, 40, false]],
    [[0, 16, true], [0, 16, true]],
    [[16, 40, false], [32, 40, true]],
    [[0, 15, true]],
    [[16, 24, false], [24, 40, false]],
    [[24, 40, true], [8, 16, false]],
  ];
  for (const pieces of hostile) {
    const collector = new Collector();
    for (const [from, to, more] of pieces) {
      assert.equal(collector.add(from, to, more), undefined);
    }
    assert.equal(collector.fragments.size, 0, JSON.stringify(pieces));
  }
});

test("no packet grows beyond 65535 bytes", () => {
  const { fragments } = new Collector();
  const packet = new Ipv4Packet();
  packet.read(ipv4(new Uint8Array(32), { fragment: 0x1fff }));
  assert.equal(fragments.add(packet), undefined);
  assert.equal(fragments.size, 0);
});

test("what is incomplete is bounded, and forgotten after a minute", () => {
  const collector = new Collector();
  for (let identification = 0; identification < 100; identification++) {
    collector.add(0, 16, true, { identification });
  }
  assert.equal(collector.fragments.size, 16);
  assert.ok(collector.add(16, 40, false, { identification: 99 }));
  assert.equal(collector.add(16, 40, false, { identification: 3 }), undefined, "gave way");
  collector.clock.advance(61e9);
  assert.equal(collector.add(16, 40, false, { identification: 98 }), undefined, "too late");
});
