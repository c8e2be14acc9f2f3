import assert from "node:assert/strict";
import { test } from "node:test";
import { checkNet } from "../lib/config/net_config.ts";
import { parseArguments } from "./command.ts";
import { UsageError } from "./errors.ts";
import { captureCard, NET_OPTIONS, netSettings, parseNet, readNetOptions } from "./net_options.ts";

const read = (...words: string[]) => {
  const command = { ...COMMAND, options: NET_OPTIONS };
  return readNetOptions(parseArguments(command, words)).map(([option, device]) => {
    const { backend } = checkNet(device, option);
    return [option, backend] as const;
  });
};
const COMMAND = {
  name: "run",
  summary: "",
  usage: "",
  positionals: 1,
  options: NET_OPTIONS,
  examples: [],
  run: () => Promise.resolve(0),
};
const card = (text: string) => checkNet(parseNet(text), "--net");

test("networks as users of QEMU and lima write them", () => {
  const ssh = {
    protocol: "tcp",
    host: { host: "127.0.0.1", port: 2222 },
    guest: { port: 22 },
  };
  for (
    const text of [
      "user,publish=tcp:127.0.0.1:2222=22",
      "user,publish=tcp/2222=22",
      "user,hostfwd=tcp::2222-:22",
      "user,hostfwd=tcp:127.0.0.1:2222-:22",
      "user,hostfwd=:127.0.0.1:2222-:22",
    ]
  ) assert.deepEqual(card(text).backend, { type: "user", publish: [ssh] }, text);
  const many = card("user,hostfwd=udp::53-10.0.2.16:5353,publish=tcp:2222=22,net=10.1.0.0/16");
  assert.deepEqual(many.backend, {
    type: "user",
    network: "10.1.0.0/16",
    publish: [{
      protocol: "udp",
      host: { host: "127.0.0.1", port: 53 },
      guest: { host: "10.0.2.16", port: 5353 },
    }, ssh],
  });
});

test("addresses of frame streams", () => {
  const stream = (address: unknown, listen = false, reconnect = 0) => ({
    type: "stream",
    address,
    listen,
    reconnect,
  });
  assert.deepEqual(
    card("stream=127.0.0.1:5000").backend,
    stream({ host: "127.0.0.1", port: 5000 }),
  );
  assert.deepEqual(
    card("stream=[::1]:5000,listen").backend,
    stream({ host: "::1", port: 5000 }, true),
  );
  for (const text of ["stream=/run/a:5", "stream=unix:/run/a:5"]) {
    assert.deepEqual(card(`${text},reconnect=2`).backend, stream({ path: "/run/a:5" }, false, 2));
  }
});

test("settings of the card", () => {
  assert.deepEqual(card("null,mac=02:00:00:00:00:01,mtu=1400,queues=2,offloads=off,capture=a"), {
    type: "virtio-net",
    backend: { type: "null" },
    mac: "02:00:00:00:00:01",
    mtu: 1400,
    queuePairs: 2,
    offloads: false,
    capture: "a",
  });
  assert.deepEqual(netSettings(parseNet("user,mtu=1,dns=10.0.2.4")), ["mtu", "backend.dns"]);
});

test("--publish leads through the first user network, or makes one", () => {
  const publish = { protocol: "tcp", host: { host: "127.0.0.1", port: 1 }, guest: { port: 2 } };
  assert.deepEqual(read("--publish", "tcp:1=2"), [
    ["publish", { type: "user", publish: [publish] }],
  ]);
  assert.deepEqual(read("--net", "null", "--net", "user", "--publish", "tcp/1=2"), [
    ["net", { type: "null" }],
    ["net", { type: "user", publish: [publish] }],
  ]);
  assert.throws(() => read("--net", "null", "--publish", "tcp:1=2"), UsageError);
});

test("--capture goes to the first card, also one of the machine file", () => {
  const value = { devices: ["virtio-rng", "virtio-net", { type: "virtio-net" }] };
  assert.equal(captureCard(value, "a.pcap"), 1);
  assert.deepEqual(value.devices[1], { type: "virtio-net", capture: "a.pcap" });
  assert.throws(() => captureCard({}, "a.pcap"), { message: /add --net user/ });
});

test("wrong networks have one line that says what to write", () => {
  const cases: [string, RegExp][] = [
    ["user=x", /write --net user$/],
    ["user,foo", /"foo" is no setting/],
    ["user,=x", /"=x" is no setting/],
    ["user,dns=", /"dns=" is no setting/],
    ["user,mtu=1,mtu=2", /mtu is given twice/],
    ["user,type=null", /type is given twice/],
    ["user,hostfwd=tcp:22", /hostfwd=tcp:22: expected/],
    ["hub", /write --net hub=NAME/],
    ["stream", /write --net stream=HOST:PORT/],
    ["stream=", /write --net stream=HOST:PORT/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseNet(text), { name: "UsageError", message }, text);
  }
  assert.throws(() => read("--net", "usr"), { message: /did you mean "user"/ });
});
