import assert from "node:assert/strict";
import { test } from "node:test";
import { Hub } from "../net/hub.ts";
import { checkNet } from "./net_config.ts";

const check = (settings: Record<string, unknown>) =>
  checkNet({ type: "virtio-net", ...settings }, "devices[0]");
const backend = (value: unknown) => check({ backend: value }).backend;

test("a card has the host's network, one pair of queues and offloads", () => {
  assert.deepEqual(check({}), {
    type: "virtio-net",
    backend: { type: "user", publish: [] },
    queuePairs: 1,
    offloads: true,
  });
});

test("what was checked can be checked again", () => {
  const port = new Hub().port();
  const factory = () => port;
  const sink = (): void => {};
  const cards = [
    { backend: "null" },
    { backend: { type: "hub", name: "lan" }, mac: "02:00:00:00:00:0A", mtu: "9000" },
    { backend: { type: "stream", address: "tcp:[::1]:99", listen: "on" }, offloads: "off" },
    { backend: { type: "user", publish: ["tcp:2222=22"], nameServers: ["192.0.2.1"] } },
    { backend: port, capture: sink, queuePairs: 4 },
    { backend: factory },
  ];
  for (const card of cards) {
    const checked = check(card);
    assert.deepEqual(checkNet(checked, ""), checked);
  }
  assert.equal(check(cards[4]).backend, port);
  assert.equal(check(cards[1]).mac, "02:00:00:00:00:0a");
});

test("ports that are published", () => {
  const publish = (...list: unknown[]) => {
    const config = backend({ type: "user", publish: list });
    return "publish" in config ? config.publish : [];
  };
  const forward = (protocol: string, host: string, port: number, guest: object) => ({
    protocol,
    host: { host, port },
    guest,
  });
  assert.deepEqual(
    publish("tcp:2222=22", "udp:0.0.0.0:53=10.0.2.16:5353", "TCP/[::1]:0=1", {
      protocol: "tcp",
      host: { host: "localhost", port: 1 },
      guest: { port: 2 },
    }),
    [
      forward("tcp", "127.0.0.1", 2222, { port: 22 }),
      forward("udp", "0.0.0.0", 53, { host: "10.0.2.16", port: 5353 }),
      forward("tcp", "::1", 0, { port: 1 }),
      forward("tcp", "localhost", 1, { port: 2 }),
    ],
  );
  for (
    const wrong of ["2222=22", "tcp:22", "icmp:1=2", "tcp:a=1", "tcp::1=2", "tcp:1=2=3", 5, {}]
  ) {
    assert.throws(() => publish(wrong), { name: "ConfigError", message: /publish\[0\]/ });
  }
  for (const wrong of ["tcp:65536=22", "tcp:1=65536", "tcp:1=0"]) {
    assert.throws(() => publish(wrong), { code: "out-of-range" });
  }
});

test("faults name the setting and the remedy", () => {
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ backend: "tap" }, "devices[0].backend", /known: user, null, loopback/],
    [{ backend: {} }, "devices[0].backend.type", /known: user, stream, hub/],
    [{ backend: { type: "users" } }, "devices[0].backend.type", /did you mean "user"/],
    [{ backend: { type: "user", hostname: 5 } }, "devices[0].backend.hostname", /expected text/],
    [{ backend: { type: "user", restrict: "1" } }, "devices[0].backend.restrict", /true or false/],
    [{ backend: { type: "user", hostnam: "" } }, "devices[0].backend.hostnam", /"hostname"/],
    [{ backend: { type: "null", x: 1 } }, "devices[0].backend.x", /no such setting/],
    [{ backend: { type: "hub" } }, "devices[0].backend.name", /expected text/],
    [{ backend: { type: "hub", name: "" } }, "devices[0].backend.name", /which hub/],
    [{ backend: { type: "stream" } }, "devices[0].backend.address", /expected an address/],
    [
      { backend: { type: "stream", address: "unix:a", listen: true, reconnect: 1 } },
      "devices[0].backend.reconnect",
      /leave it out/,
    ],
    [{ mtu: 67 }, "devices[0].mtu", /68 to 65535/],
    [{ queuePairs: 17 }, "devices[0].queuePairs", /1 to 16/],
    [{ mac: "01:00:5e:00:00:01" }, "devices[0].mac", /group address/],
    [{ capture: "" }, "devices[0].capture", /name of a file/],
    [{ capture: 1 }, "devices[0].capture", /expected text/],
  ];
  for (const [settings, path, message] of cases) {
    assert.throws(() => check(settings), { name: "ConfigError", path, message }, path);
  }
});
