/** Makes the networks that a configuration names. */
import { formatStreamAddress } from "../config/addresses.ts";
import { ConfigError } from "../config/config_error.ts";
import type { DeviceConfig } from "../config/device_config.ts";
import type {
  BuiltInNetConfig,
  NetConfig,
  StreamNetConfig,
  UserNetConfig,
} from "../config/net_config.ts";
import type { VirtioMmio } from "../devices/virtio/mmio.ts";
import { VirtioNet } from "../devices/virtio_net/virtio_net.ts";
import type { NetBackend } from "../net/backend.ts";
import { CaptureBackend } from "../net/capture.ts";
import { FrameStream } from "../net/frame_stream.ts";
import { Hub } from "../net/hub.ts";
import { LoopbackBackend } from "../net/loopback_backend.ts";
import { NullBackend } from "../net/null_backend.ts";
import { UserNetwork } from "../net/user/user_network.ts";
import type { Clock, Platform } from "../platform/platform.ts";
import { SocketError, type Sockets } from "../platform/sockets.ts";
import type { DiskHost } from "./disk.ts";

/** Hubs by the names that configurations give them. */
export type Hubs = Map<string, Hub>;

/** What networks get from the machine. */
export interface NetworkParts {
  /** Of the card, for people: "virtio-net.0". */
  readonly name: string;
  /** Where the card is in the configuration: "devices[0]". */
  readonly path: string;
  readonly clock: Clock;
  /** Whether the clock's time is virtual. */
  readonly virtual: boolean;
  readonly host: DiskHost;
  /** Fills with entropy. */
  readonly random: (into: Uint8Array) => void;
  readonly platform: Pick<Platform, "sockets" | "after" | "log">;
  readonly hubs: Hubs;
  /** Something goes to the host or has come from it: its event loop should have its turn. */
  readonly onActivity: () => void;
}

/** Hubs of the machines that were given none. */
export const processHubs: Hubs = new Map();

/** Makes the network of a card. Throws a ConfigError. */
export function makeNetwork(card: NetConfig, parts: NetworkParts): NetBackend {
  const { backend, capture } = card;
  if (typeof capture === "string") {
    throw new ConfigError(
      "wrong-type",
      `${parts.path}.capture`,
      `"${capture}" is the name of a file; open it first and give a function that writes to it`,
    );
  }
  const { clock, virtual, random, host } = parts;
  const network = typeof backend === "function"
    ? backend({ clock, virtual, random, host })
    : isBuiltIn(backend)
    ? makeBuiltIn(backend, card, parts)
    : backend;
  return capture === undefined ? network : new CaptureBackend(network, { clock, sink: capture });
}

/** Lets the networks of the cards begin: listen, connect. Rejects with a ConfigError that says what to do. */
export async function openNetworks(
  devices: readonly DeviceConfig[],
  virtio: readonly VirtioMmio[],
): Promise<void> {
  for (const [i, config] of devices.entries()) {
    const device = virtio[i]?.device;
    if (config.type !== "virtio-net" || !(device instanceof VirtioNet)) continue;
    await openNetwork(device.network, config, `devices[${i}]`);
  }
}

async function openNetwork(
  network: NetBackend,
  { backend }: NetConfig,
  path: string,
): Promise<void> {
  try {
    await network.open?.();
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    const text = isBuiltIn(backend) && backend.type === "stream"
      ? describeStreamFailure(backend, error)
      : describeForwardFailure(error);
    throw new ConfigError("conflict", `${path}.backend`, text);
  }
}

function isBuiltIn(backend: NetConfig["backend"]): backend is BuiltInNetConfig {
  return typeof backend === "object" && "type" in backend && !("send" in backend);
}

function makeBuiltIn(
  config: BuiltInNetConfig,
  { mtu }: NetConfig,
  parts: NetworkParts,
): NetBackend {
  switch (config.type) {
    case "null":
      return new NullBackend();
    case "loopback":
      return new LoopbackBackend();
    case "hub":
      return hubPort(config.name, parts);
    case "stream":
      return makeStream(config, parts);
    case "user":
      return makeUser(mtu === undefined ? config : { mtu, ...config }, parts);
  }
}

function socketsOf({ platform, path }: NetworkParts, type: string): Sockets {
  if (platform.sockets !== undefined) return platform.sockets;
  throw new ConfigError(
    "conflict",
    `${path}.backend`,
    `this platform has no sockets, which the ${type} network needs; give "null" or a NetBackend`,
  );
}

function makeUser(config: UserNetConfig, parts: NetworkParts): NetBackend {
  const { type, publish, ...options } = config;
  const { clock, virtual, random, host } = parts;
  try {
    return new UserNetwork({
      clock,
      sockets: socketsOf(parts, type),
      random,
      host,
      virtual,
      options: { ...options, forwards: publish },
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const [, key, text] = /^(\w+): (.*)$/s.exec(error.message) ?? ["", "", error.message];
    const setting = key === "forwards" ? "publish" : key;
    const path = `${parts.path}.backend${setting === "" ? "" : `.${setting}`}`;
    throw new ConfigError("out-of-range", path, text);
  }
}

function makeStream(config: StreamNetConfig, parts: NetworkParts): NetBackend {
  const { platform, name, onActivity } = parts;
  return new FrameStream({
    sockets: socketsOf(parts, config.type),
    address: config.address,
    listen: config.listen,
    reconnect: config.reconnect * 1000,
    after: (milliseconds, callback) => platform.after(milliseconds, callback),
    log: (message) => platform.log("warn", name, message),
    onActivity,
  });
}

/** A port of the hub of that name; the hub goes when nobody is connected any more. */
function hubPort(name: string, { hubs, path }: NetworkParts): NetBackend {
  const hub = hubs.get(name) ?? new Hub();
  hubs.set(name, hub);
  let port: NetBackend;
  try {
    port = hub.port();
  } catch (error) {
    throw new ConfigError(
      "conflict",
      `${path}.backend.name`,
      `${name}: ${(error as Error).message}`,
    );
  }
  return {
    ...port,
    close: () => {
      port.close();
      if (hub.ports === 0 && hubs.get(name) === hub) hubs.delete(name);
    },
  };
}

function describeStreamFailure({ address, listen }: StreamNetConfig, error: SocketError): string {
  const where = formatStreamAddress(address);
  if (listen) {
    if (error.code !== "in-use") return `cannot listen at ${where}: ${error.message}`;
    return "path" in address
      ? `${where} exists; remove it if no other program uses it, or give another name`
      : `${where} is used by another program; give another port`;
  }
  return error.code === "refused" || error.code === "not-found"
    ? `nobody listens at ${where}; start the other side first, or let this one listen or reconnect`
    : `cannot connect to ${where}: ${error.message}`;
}

/** The message begins with protocol, address and port: "tcp 127.0.0.1:2222: ...". */
function describeForwardFailure(error: SocketError): string {
  const [, where, text] = /^((?:tcp|udp) \S+): (.*)$/s.exec(error.message) ??
    ["", "", error.message];
  if (where === "") return text;
  if (error.code === "in-use") return `${where} is used by another program; give another port`;
  if (error.code === "denied") {
    return `${where}: the host does not allow this port; give one from 1024 on`;
  }
  return `cannot listen at ${where}: ${text}`;
}
