import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { virtioNetImage as aarch64 } from "../../../guests/virtio_net/aarch64/image.ts";
import { virtioNetImage as x86_64 } from "../../../guests/virtio_net/x86_64/image.ts";
import type { NetBackendFactory } from "../../../lib/config/net_config.ts";
import { UserNetwork } from "../../../lib/net/user/user_network.ts";
import type { StreamSocket } from "../../../lib/platform/sockets.ts";
import { VirtualSockets } from "../../../lib/platform/virtual_sockets.ts";
import {
  type ConformanceCase,
  type Difference,
  forBoth,
  type HostSide,
  type QemuPeer,
} from "../case.ts";

/** Where the servers are that send back what they get: at the host's loopback. */
const ECHO = { host: "127.0.0.1", port: 7007 };
const MAC = "52:54:00:12:34:56";

function host(packed: boolean): HostSide {
  const sockets = new VirtualSockets();
  void sockets.listen(ECHO, (socket) => void sendBack(socket).catch(() => socket.abort()));
  void sockets.bind(ECHO).then((socket) =>
    socket.onDatagram((bytes, from) => socket.send(bytes, from))
  );
  const backend: NetBackendFactory = (machine) => new UserNetwork({ ...machine, sockets });
  return { devices: [{ type: "virtio-net", backend, mac: MAC, packed }] };
}

async function sendBack(socket: StreamSocket): Promise<void> {
  for (let bytes = await socket.read(); bytes !== undefined; bytes = await socket.read()) {
    await socket.write(bytes);
  }
  socket.end();
}

/** The same servers for QEMU. The port is always the same: transcripts must not depend on it. */
async function peer(): Promise<QemuPeer> {
  const tcp = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  const udp = createSocket("udp4", (bytes, from) => udp.send(bytes, from.port, from.address));
  await new Promise<void>((resolve, reject) => {
    tcp.on("error", reject).listen(ECHO.port, ECHO.host, resolve);
  });
  await new Promise<void>((resolve) => udp.bind(ECHO.port, ECHO.host, resolve));
  return {
    close: async () => {
      await new Promise<void>((resolve) => udp.close(resolve));
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

const CHECKSUMS = [
  "the ARP reply is for this card",
  "it tells where 10.0.2.2 is",
  "and comes from there",
  "999 bytes over UDP and back",
];

/** QEMU's user-mode network leaves no checksums to its card. */
const differences: readonly Difference[] = CHECKSUMS.map((name, i) => ({
  qemu: [`ok ${52 + i} - checksums by the card # SKIP CSUM is not offered`],
  vml: [`ok ${52 + i} - checksums by the card: ${name}`],
  reason: "this card offers CSUM on every network and makes the checksums itself",
}));

/** The network card on the user-mode network. */
export const virtioNetCases: readonly ConformanceCase[] = forBoth(
  { aarch64, x86_64 },
  [false, true].map((packed) => ({
    name: packed ? "virtio-net-packed" : "virtio-net",
    title: packed
      ? "virtio-net with packed queues"
      : "virtio-net: control queue, filters, mergeable buffers; ARP, ICMP, UDP and TCP echo",
    ...(packed && { parameters: "packed=1" }),
    host: () => host(packed),
    qemu: {
      arguments: [
        ...["-netdev", "user,id=net"],
        ...["-device", `virtio-net-device,netdev=net,mac=${MAC}${packed ? ",packed=on" : ""}`],
      ],
      countInstructions: false,
      peer,
    },
    differences,
  })),
);
