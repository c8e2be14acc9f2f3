/** Servers of this host that QEMU's devices are connected to. */
import type { StreamServer, StreamSocket } from "../../lib/platform/sockets.ts";
import type { QemuPeer } from "./case.ts";

/** Answers what a connection sends, piece by piece. */
export type Answer = (bytes: Uint8Array) => Uint8Array;

/** Sends back what it gets. */
export const echo: Answer = (bytes) => bytes;

/** Sends it back in capitals. */
export const capitals: Answer = (bytes) =>
  bytes.map((byte) => byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte);

/** A server for each name, on a port of 127.0.0.1 that stands for `{name}` in QEMU's arguments. */
export async function answeringPeer(
  answers: Readonly<Record<string, Answer>>,
): Promise<QemuPeer> {
  // The suite runs without a runtime's sockets, too; QEMU does not.
  const { hostPlatform } = await import("../../platform/host.ts");
  const { sockets } = hostPlatform();
  if (sockets === undefined) throw new Error("this runtime has no sockets");
  const servers: StreamServer[] = [];
  const values: Record<string, string> = {};
  for (const [name, answer] of Object.entries(answers)) {
    const server = await sockets.listen(
      { host: "127.0.0.1", port: 0 },
      (socket) => void serve(socket, answer),
    );
    servers.push(server);
    if ("port" in server.address) values[name] = String(server.address.port);
  }
  return {
    values,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function serve(socket: StreamSocket, answer: Answer): Promise<void> {
  try {
    for (let bytes = await socket.read(); bytes !== undefined; bytes = await socket.read()) {
      await socket.write(answer(bytes));
    }
    socket.end();
  } catch {
    // QEMU has gone.
  }
}
