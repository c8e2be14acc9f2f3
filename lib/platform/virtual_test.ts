import assert from "node:assert/strict";
import test from "node:test";
import { SocketError } from "./sockets.ts";
import { virtualPlatform } from "./virtual.ts";

test("time is in the hands of the user", () => {
  const { clock, monotonic, wallSeconds, after } = virtualPlatform({ startSeconds: 1000 });
  const ran: string[] = [];
  after(2, () => ran.push("two"));
  after(1, () => ran.push("one"));
  after(1.5, () => ran.push("never")).cancel();
  clock.advance(1_999_999);
  assert.deepEqual(ran, ["one"]);
  clock.advance(1);
  assert.deepEqual(ran, ["one", "two"]);
  assert.equal(monotonic(), 2_000_000);
  clock.advance(1e9);
  assert.equal(wallSeconds(), 1001);
});

test("randomness depends on the seed only", () => {
  const draw = (seed: number): number[] => {
    const into = new Uint8Array(new SharedArrayBuffer(64));
    virtualPlatform({ seed }).random(into);
    return [...into];
  };
  assert.deepEqual(draw(5), draw(5));
  assert.notDeepEqual(draw(5), draw(6));
  assert.ok(new Set(draw(0)).size > 16);
});

test("log lines are kept", () => {
  const { log, lines } = virtualPlatform();
  log("warn", "gic", "a line");
  assert.deepEqual(lines, ["warn gic: a line"]);
});

test("two runs of a conversation take the same steps", async () => {
  const talk = async (): Promise<string[]> => {
    const { sockets } = virtualPlatform();
    const steps: string[] = [];
    const server = await sockets.listen({ host: "10.0.2.2", port: 80 }, async (socket) => {
      steps.push(`from ${JSON.stringify(socket.remote)}`);
      for (let got = await socket.read(); got !== undefined; got = await socket.read()) {
        steps.push(`server: ${got}`);
        await socket.write(got.map((byte) => byte + 1));
      }
      socket.end();
    });
    const client = await sockets.connect(server.address);
    for (let i = 0; i < 3; i++) {
      await client.write(Uint8Array.of(i));
      steps.push(`client: ${await client.read()}`);
    }
    client.end();
    steps.push(`end: ${await client.read()}`);
    await client.closed;
    return steps;
  };
  const steps = await talk();
  assert.equal(steps[0], 'from {"host":"127.0.0.1","port":49152}');
  assert.deepEqual(steps.slice(1, 3), ["server: 0", "client: 1"]);
  assert.equal(steps.at(-1), "end: undefined");
  assert.deepEqual(await talk(), steps);
});

test("two networks do not know each other", async () => {
  const [one, two] = [virtualPlatform().sockets, virtualPlatform().sockets];
  const server = await one.listen({ path: "/run/a" }, () => {});
  await assert.rejects(two.connect(server.address), SocketError);
});
