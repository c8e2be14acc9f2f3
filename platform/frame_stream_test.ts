/** Frame streams over sockets of the host, with QEMU at the other end where it is installed. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FrameStream } from "../lib/net/frame_stream.ts";
import type { StreamAddress } from "../lib/platform/sockets.ts";
import { hostPlatform } from "./host.ts";
import { hostSockets } from "./sockets.ts";

const QEMU = "qemu-system-aarch64";

/** One end, and a promise of the next frame that a test accepts. */
function end(address: StreamAddress, listen = false) {
  const net = new FrameStream({
    sockets: hostSockets(),
    after: (milliseconds, callback) => hostPlatform().after(milliseconds, callback),
    address,
    listen,
    reconnect: listen ? 0 : 20,
  });
  let heard: () => void = () => {};
  const frames: Uint8Array[] = [];
  net.onReceive((frame) => {
    frames.push(frame.slice());
    heard();
    return true;
  });
  net.onLinkChange(() => heard());
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => heard = resolve);
  };
  return { net, frames, until };
}

/** Who has 10.0.2.2? */
const ARP = Uint8Array.from(
  ("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a00020f" +
    "000000000000 0a000202").replaceAll(" ", "").match(/../g) ?? [],
  (byte) => parseInt(byte, 16),
);

test("two ends over TCP and over a unix socket: many frames, in order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vml-net-"));
  try {
    for (const address of [{ host: "127.0.0.1", port: 0 }, { path: join(folder, "s") }]) {
      const a = end(address, true);
      await a.net.open();
      const b = end(a.net.address ?? address);
      await b.net.open();
      await b.until(() => b.net.linkUp);
      await a.until(() => a.net.linkUp);
      const count = 2000;
      let sent = 0;
      const send = (): void => {
        for (; sent < count && a.net.sendReady; sent++) {
          const frame = new Uint8Array(60 + sent % 1455);
          new DataView(frame.buffer).setUint32(14, sent);
          a.net.send(frame);
        }
      };
      a.net.onSendReady(send);
      send();
      await b.until(() => b.frames.length === count);
      assert.ok(
        b.frames.every((frame, i) =>
          frame.length === 60 + i % 1455 && frame[16] * 256 + frame[17] === i
        ),
      );
      b.net.close();
      await a.until(() => !a.net.linkUp);
      a.net.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const qemu = spawnSync(QEMU, ["--version"]).status === 0;

test("QEMU's -netdev stream, as server and as client: an ARP request is answered", {
  skip: qemu ? false : `${QEMU} is not installed`,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "vml-net-"));
  try {
    for (const listen of [true, false]) {
      const path = join(folder, listen ? "a" : "b");
      const own = end({ path }, listen);
      if (listen) await own.net.open();
      const process = startQemu(path, !listen);
      const exited = new Promise((resolve) => process.on("exit", resolve));
      try {
        if (!listen) await own.net.open();
        await own.until(() => own.net.linkUp);
        own.net.send(ARP);
        const isAnswer = (frame: Uint8Array): boolean => frame[12] === 8 && frame[21] === 2;
        await own.until(() => own.frames.some(isAnswer));
        const answer = own.frames.find(isAnswer) ?? new Uint8Array(0);
        assert.deepEqual([...answer.subarray(0, 6)], [2, 0, 0, 0, 0, 1]);
        assert.deepEqual([...answer.subarray(28, 32)], [10, 0, 2, 2]);
      } finally {
        own.net.close();
        process.kill("SIGKILL");
        await exited;
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A QEMU without a machine, in which a stream leads to its user-mode network. */
function startQemu(path: string, server: boolean): ChildProcess {
  // deno-fmt-ignore
  return spawn(QEMU, [
    "-M", "none", "-nodefaults", "-display", "none", "-monitor", "none",
    "-netdev", `stream,id=s,server=${server ? "on" : "off"},addr.type=unix,addr.path=${path}`,
    "-netdev", "hubport,id=h0,hubid=0,netdev=s",
    "-netdev", "user,id=u",
    "-netdev", "hubport,id=h1,hubid=0,netdev=u",
  ], { stdio: "ignore" });
}
