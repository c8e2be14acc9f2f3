/** Connections between a guest's sockets and those of the host, as a configuration names them. */
import { formatStreamAddress } from "../config/addresses.ts";
import { ConfigError } from "../config/config_error.ts";
import type { DeviceConfig } from "../config/device_config.ts";
import type { SockConfig } from "../config/sock_config.ts";
import type { VirtioMmio } from "../devices/virtio/mmio.ts";
import { VirtioSock } from "../devices/virtio_sock/virtio_sock.ts";
import type { VsockRequest, VsockStream } from "../devices/virtio_sock/vsock.ts";
import {
  SocketError,
  type Sockets,
  type StreamAddress,
  type StreamServer,
  type StreamSocket,
} from "../platform/sockets.ts";

/**
 * Connects the guest's sockets with those of the host, as far as the configuration asks for that.
 * Rejects with a ConfigError.
 */
export async function openVsockForwards(
  devices: readonly DeviceConfig[],
  virtio: readonly VirtioMmio[],
  sockets: Sockets | undefined,
): Promise<VsockForwards | undefined> {
  const index = devices.findIndex(({ type }) => type === "virtio-sock");
  const config = devices[index];
  const device = virtio[index]?.device;
  if (config?.type !== "virtio-sock" || !(device instanceof VirtioSock)) return undefined;
  const { socket, connect, publish } = config;
  if (socket === undefined && connect.length === 0 && publish.length === 0) return undefined;
  if (sockets === undefined) {
    throw new ConfigError(
      "conflict",
      `devices[${index}]`,
      "this platform has no sockets; use Machine.vsock",
    );
  }
  const forwards = new VsockForwards({ device, config, sockets });
  try {
    await forwards.open(`devices[${index}]`);
  } catch (error) {
    await forwards.close();
    throw error;
  }
  return forwards;
}

/** Longest first line of a client of the unix socket: "CONNECT 4294967294\n". */
const MAX_LINE = 32;

/** What a forwarder is made of. */
export interface VsockForwardsOptions {
  readonly device: VirtioSock;
  readonly config: SockConfig;
  readonly sockets: Sockets;
}

/** Listens on the host and connects to it until it is closed. */
export class VsockForwards {
  readonly #options: VsockForwardsOptions;
  readonly #servers: StreamServer[] = [];
  readonly #clients = new Set<StreamSocket>();
  readonly #abort = new AbortController();

  constructor(options: VsockForwardsOptions) {
    this.#options = options;
    const { config, device } = options;
    for (const { port, to } of config.connect) {
      device.serve(port, (request) => void this.#reach(request, to));
    }
    const { socket } = config;
    if (socket !== undefined) {
      device.serve(
        undefined,
        (request) => void this.#reach(request, { path: `${socket}_${request.port}` }),
      );
    }
  }

  /**
   * Begins to listen.
   * @param path where the device is in the configuration.
   * @throws {ConfigError} (rejects) if an address is not to be had; nothing listens then.
   */
  async open(path: string): Promise<void> {
    const { config, sockets } = this.#options;
    const { socket } = config;
    const places = config.publish.map(({ from, port }, i) => ({
      setting: `publish[${i}]`,
      from,
      serve: (client: StreamSocket) => void this.#publish(client, port),
    }));
    if (socket !== undefined) {
      places.push({
        setting: "socket",
        from: { path: socket },
        serve: (client) => void this.#answer(client),
      });
    }
    for (const { setting, from, serve } of places) {
      try {
        const server = await sockets.listen(from, (client) => {
          this.#clients.add(client);
          void client.closed.then(() => this.#clients.delete(client));
          serve(client);
        });
        this.#servers.push(server);
      } catch (error) {
        await this.close();
        throw new ConfigError("conflict", `${path}.${setting}`, describeFailure(from, error));
      }
    }
  }

  /** Where the host listens for `publish`, with the ports that were chosen. */
  get published(): readonly StreamAddress[] {
    return this.#servers.slice(0, this.#options.config.publish.length).map(({ address }) =>
      address
    );
  }

  /** Ends everything. May be called again. */
  async close(): Promise<void> {
    this.#abort.abort();
    for (const client of this.#clients) client.abort();
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
  }

  /** The guest gets its connection when the host has got one. */
  async #reach(request: VsockRequest, to: StreamAddress): Promise<void> {
    let socket: StreamSocket;
    try {
      socket = await this.#options.sockets.connect(to, this.#abort.signal);
    } catch {
      request.refuse();
      return;
    }
    this.#clients.add(socket);
    void socket.closed.then(() => this.#clients.delete(socket));
    join(request.accept(), socket);
  }

  async #publish(client: StreamSocket, port: number): Promise<void> {
    try {
      join(await this.#options.device.connect(port, this.#abort.signal), client);
    } catch {
      client.abort();
    }
  }

  /** A client of the socket of all ports says which one it wants. */
  async #answer(client: StreamSocket): Promise<void> {
    let guest: VsockStream | undefined;
    try {
      const { port, rest } = await readRequest(client);
      guest = await this.#options.device.connect(port, this.#abort.signal);
      await client.write(new TextEncoder().encode(`OK ${guest.local.port}\n`));
      if (rest.length > 0) await guest.write(rest);
      join(guest, client);
    } catch {
      guest?.abort();
      client.abort();
    }
  }
}

/** What to do about an address where nothing can listen. */
function describeFailure(address: StreamAddress, error: unknown): string {
  const where = formatStreamAddress(address);
  const code = error instanceof SocketError ? error.code : "other";
  if (code === "in-use") {
    return "path" in address
      ? `${where} exists; remove it if no other program uses it, or give another name`
      : `${where} is used by another program; give another port`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `cannot listen at ${where}: ${reason}`;
}

/** Reads "CONNECT <port>\n"; what comes after it belongs to the guest. */
async function readRequest(client: StreamSocket): Promise<{ port: number; rest: Uint8Array }> {
  let line = "";
  for (;;) {
    const bytes = await client.read();
    if (bytes === undefined) throw new SocketError("closed", "the client has gone");
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === 10) {
        const match = /^CONNECT (\d{1,10})\r?$/.exec(line);
        const port = Number(match?.[1] ?? NaN);
        if (!(port < 2 ** 32 - 1)) throw new SocketError("other", "no request");
        return { port, rest: bytes.subarray(i + 1) };
      }
      line += String.fromCharCode(bytes[i]);
      if (line.length > MAX_LINE) throw new SocketError("other", "no request");
    }
  }
}

type ByteStream = Omit<StreamSocket, "remote">;

/** Moves bytes both ways until both have ended, or one breaks. */
function join(one: ByteStream, other: ByteStream): void {
  for (const [from, to] of [[one, other], [other, one]]) {
    pump(from, to).catch(() => {
      one.abort();
      other.abort();
    });
  }
}

async function pump(from: ByteStream, to: ByteStream): Promise<void> {
  for (let bytes = await from.read(); bytes !== undefined; bytes = await from.read()) {
    await to.write(bytes);
  }
  to.end();
}
