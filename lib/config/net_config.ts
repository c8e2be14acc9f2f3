/** The configuration of a network card and of the network that it is connected to. */
import type { NetBackend } from "../net/backend.ts";
import type { CaptureSink } from "../net/capture.ts";
import type {
  PortForward,
  UserNetworkOptions,
  UserNetworkParts,
} from "../net/user/user_network.ts";
import type { InternetAddress, StreamAddress } from "../platform/sockets.ts";
import { checkStreamAddress } from "./addresses.ts";
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkObject,
  checkText,
  describeValue,
} from "./checks.ts";
import { ConfigError } from "./config_error.ts";

/** Nobody is there, or every frame comes back. */
export interface SimpleNetConfig {
  /** "null": nobody is there; "loopback": every frame comes back. */
  readonly type: "null" | "loopback";
}

/**
 * The host's network without privilege, see `UserNetwork`: DHCP, name server, TCP and UDP to the
 * outside, ports of the host that lead to the guest.
 */
export interface UserNetConfig
  extends Omit<UserNetworkOptions, "mac" | "forwards" | "nameServers"> {
  /** The host's network without privilege. */
  readonly type: "user";
  /** Ports of the host that lead to guests. */
  readonly publish: readonly PortForward[];
  /** Name servers that are asked. @default the host's */
  readonly nameServers?: readonly InternetAddress[];
}

/** As it is written: ports also as "tcp:127.0.0.1:2222=22" or "udp:5353=10.0.2.15:53". */
export interface UserNetOptions extends Omit<UserNetConfig, "publish" | "nameServers"> {
  /** Ports of the host that lead to guests: "tcp:127.0.0.1:2222=22". @default [] */
  readonly publish?: readonly (PortForward | string)[];
  /** Name servers that are asked: "192.0.2.53" or {host, port}. @default the host's */
  readonly nameServers?: readonly (InternetAddress | string)[];
}

/** Frames over a stream socket, see `FrameStream`: QEMU's `-netdev stream`, passt, another vml. */
export interface StreamNetConfig {
  /** Frames over a stream socket. */
  readonly type: "stream";
  /** Where to connect to or to listen. */
  readonly address: StreamAddress;
  /** Wait for the other side. @default false */
  readonly listen: boolean;
  /** Seconds after which to connect again; 0: the first attempt must succeed, and never again. */
  readonly reconnect: number;
}

/** As it is written: the address also as "tcp:HOST:PORT" or "unix:PATH". */
export interface StreamNetOptions extends Partial<Omit<StreamNetConfig, "type" | "address">> {
  /** Frames over a stream socket. */
  readonly type: "stream";
  /** Where to connect to or to listen: "tcp:127.0.0.1:1234" or "unix:net.sock". */
  readonly address: StreamAddress | string;
}

/** A switch that machines of one process have in common, see `Hub`. */
export interface HubNetConfig {
  /** A switch that machines of one process have in common. */
  readonly type: "hub";
  /** Which one: machines that give the same name are connected. */
  readonly name: string;
}

/** A network that a configuration describes. */
export type BuiltInNetConfig = SimpleNetConfig | UserNetConfig | StreamNetConfig | HubNetConfig;
/** Names of networks that need no settings. */
export type NetBackendName = "user" | "null" | "loopback";

/** What a machine gives to a network of one's own. */
export type NetworkEnvironment = Pick<
  UserNetworkParts,
  "clock" | "virtual" | "random" | "host"
>;
/**
 * Makes a network for a machine, with its clock.
 *
 * @example
 * ```ts ignore
 * const backend: NetBackendFactory = (machine) => new UserNetwork({ ...machine, sockets });
 * ```
 */
export type NetBackendFactory = (machine: NetworkEnvironment) => NetBackend;

/** A network card (virtio 1.2, 5.1). */
export interface NetConfig {
  /** A network card. */
  readonly type: "virtio-net";
  /** What the card is connected to. @default "user" */
  readonly backend: BuiltInNetConfig | NetBackend | NetBackendFactory;
  /** "52:54:00:12:34:56"; one is chosen by position when left out. */
  readonly mac?: string;
  /** Largest payload of a frame that the guest is told, 68..65535. */
  readonly mtu?: number;
  /** Pairs of queues, 1..16. @default 1 */
  readonly queuePairs: number;
  /** Offer checksum and TCP segmentation offload. @default true */
  readonly offloads: boolean;
  /** Where all frames are written in the pcap format; in YAML the name of a file. */
  readonly capture?: CaptureSink | string;
}

/** A network card as it is written. */
export interface NetOptions extends Partial<Omit<NetConfig, "type" | "backend">> {
  /** A network card. */
  readonly type: "virtio-net";
  /** What the card is connected to. @default "user" */
  readonly backend?:
    | NetBackendName
    | SimpleNetConfig
    | UserNetOptions
    | StreamNetOptions
    | HubNetConfig
    | NetBackend
    | NetBackendFactory;
}

const BACKENDS: readonly BuiltInNetConfig["type"][] = ["user", "stream", "hub", "null", "loopback"];
const NAMES: readonly NetBackendName[] = ["user", "null", "loopback"];
const MAX_QUEUE_PAIRS = 16;
const MAX_NAME = 64;
const DNS_PORT = 53;

/** Checks a card and fills in the defaults. Throws a ConfigError. */
export function checkNet(value: unknown, path: string): NetConfig {
  const keys = ["type", "backend", "mac", "mtu", "queuePairs", "offloads", "capture"];
  const { backend, mac, mtu, queuePairs, offloads, capture } = checkObject(value, path, keys);
  return {
    type: "virtio-net",
    backend: checkBackend(backend ?? "user", `${path}.backend`),
    ...(mac !== undefined && { mac: checkMac(mac, `${path}.mac`) }),
    ...(mtu !== undefined && { mtu: checkInteger(mtu, `${path}.mtu`, 68, 65535) }),
    queuePairs: checkInteger(queuePairs ?? 1, `${path}.queuePairs`, 1, MAX_QUEUE_PAIRS),
    offloads: checkSwitch(offloads ?? true, `${path}.offloads`),
    ...(capture !== undefined && { capture: checkCapture(capture, `${path}.capture`) }),
  };
}

function checkBackend(value: unknown, path: string): NetConfig["backend"] {
  if (typeof value === "function") return value as NetBackendFactory;
  if (isNetBackend(value)) return value;
  if (typeof value !== "object" || value === null) {
    const type = checkChoice(value, path, NAMES);
    return type === "user" ? { type, publish: [] } : { type };
  }
  const type = checkChoice("type" in value ? value.type : undefined, `${path}.type`, BACKENDS);
  switch (type) {
    case "user":
      return checkUser(value, path);
    case "stream":
      return checkStream(value, path);
    case "hub": {
      const name = checkText(
        checkObject(value, path, ["type", "name"]).name,
        `${path}.name`,
        MAX_NAME,
      );
      if (name === "") throw new ConfigError("missing", `${path}.name`, "say which hub");
      return { type, name };
    }
    case "null":
    case "loopback":
      checkObject(value, path, ["type"]);
      return { type };
  }
}

/** How each setting of the user-mode network is checked; ranges are the network's own matter. */
const USER_SETTINGS: Readonly<Record<string, (value: unknown, path: string) => unknown>> = {
  network: checkShortText,
  gateway: checkShortText,
  dns: checkShortText,
  dhcpStart: checkShortText,
  hostname: checkShortText,
  domain: checkShortText,
  leaseSeconds: checkAnyInteger,
  mtu: checkAnyInteger,
  maxConnections: checkAnyInteger,
  maxFlows: checkAnyInteger,
  restrict: checkSwitch,
  hostLoopback: checkSwitch,
  publish: (value, path) => checkList(value, path, checkPublish),
  nameServers: (value, path) => checkList(value, path, checkNameServer),
};

function checkUser(value: object, path: string): UserNetConfig {
  const settings = checkObject(value, path, ["type", ...Object.keys(USER_SETTINGS)]);
  const checked = Object.keys(USER_SETTINGS)
    .filter((key) => settings[key] !== undefined)
    .map((key) => [key, USER_SETTINGS[key](settings[key], `${path}.${key}`)]);
  return { publish: [], ...Object.fromEntries(checked) as object, type: "user" };
}

function checkStream(value: object, path: string): StreamNetConfig {
  const keys = ["type", "address", "listen", "reconnect"];
  const { address, listen, reconnect } = checkObject(value, path, keys);
  const config: StreamNetConfig = {
    type: "stream",
    address: checkStreamAddress(address, `${path}.address`),
    listen: checkSwitch(listen ?? false, `${path}.listen`),
    reconnect: checkInteger(reconnect ?? 0, `${path}.reconnect`, 0, 86400),
  };
  if (config.listen && config.reconnect > 0) {
    throw new ConfigError(
      "conflict",
      `${path}.reconnect`,
      "one that listens waits for the next connection anyway; leave it out",
    );
  }
  return config;
}

/**
 * "tcp:127.0.0.1:2222=22": protocol, address (127.0.0.1 if left out) and port of the host, then
 * [address and] port of the guest.
 */
function checkPublish(value: unknown, path: string): PortForward {
  if (typeof value !== "string") return checkForward(value, path);
  const match = /^(tcp|udp)[:/](?:(\[[0-9a-f:.%]+\]|[^:[\]=]+):)?(\d+)=(?:([^:=]+):)?(\d+)$/i.exec(
    value,
  );
  if (match === null) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected PROTOCOL:[HOST:]PORT=[GUEST:]PORT such as "tcp:127.0.0.1:2222=22", found ${
        describeValue(value)
      }`,
    );
  }
  const [, protocol, host = "127.0.0.1", port, guestHost, guestPort] = match;
  return checkForward({
    protocol: protocol.toLowerCase(),
    host: { host: host.replace(/^\[|\]$/g, ""), port },
    guest: { ...(guestHost !== undefined && { host: guestHost }), port: guestPort },
  }, path);
}

function checkForward(value: unknown, path: string): PortForward {
  const forward = checkObject(value, path, ["protocol", "host", "guest"]);
  const guest = checkObject(forward.guest, `${path}.guest`, ["host", "port"]);
  return {
    protocol: checkChoice(forward.protocol, `${path}.protocol`, ["tcp", "udp"]),
    host: checkInternetAddress(forward.host, `${path}.host`, 0),
    guest: {
      ...(guest.host !== undefined && { host: checkShortText(guest.host, `${path}.guest.host`) }),
      port: checkInteger(guest.port, `${path}.guest.port`, 1, 65535),
    },
  };
}

function checkNameServer(value: unknown, path: string): InternetAddress {
  if (typeof value === "string") return { host: checkShortText(value, path), port: DNS_PORT };
  return checkInternetAddress(value, path, 1);
}

function checkInternetAddress(value: unknown, path: string, minPort: number): InternetAddress {
  const { host, port } = checkObject(value, path, ["host", "port"]);
  return {
    host: checkShortText(host, `${path}.host`),
    port: checkInteger(port, `${path}.port`, minPort, 65535),
  };
}

function checkShortText(value: unknown, path: string): string {
  return checkText(value, path, 255);
}

function checkAnyInteger(value: unknown, path: string): number {
  return checkInteger(value, path, 0, 0xffff_ffff);
}

/** True or false, as text "on" or "off" too. */
function checkSwitch(value: unknown, path: string): boolean {
  if (value === "on") return true;
  if (value === "off") return false;
  return checkBoolean(value, path);
}

function checkList<T>(
  value: unknown,
  path: string,
  check: (item: unknown, path: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  return value.map((item, i) => check(item, `${path}[${i}]`));
}

function checkMac(value: unknown, path: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value)) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected six bytes such as "52:54:00:12:34:56", found ${describeValue(value)}`,
    );
  }
  if (parseInt(value.slice(0, 2), 16) & 1) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value} is a group address; clear the lowest bit of the first byte`,
    );
  }
  return value.toLowerCase();
}

function checkCapture(value: unknown, path: string): CaptureSink | string {
  if (typeof value === "function") return value as CaptureSink;
  const name = checkText(value, path, 4096);
  if (name === "") throw new ConfigError("missing", path, "give the name of a file");
  return name;
}

function isNetBackend(value: unknown): value is NetBackend {
  return typeof value === "object" && value !== null && "send" in value &&
    typeof value.send === "function" && "onReceive" in value;
}
