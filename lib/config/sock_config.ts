/** The configuration of a virtio socket device. */
import type { StreamAddress } from "../platform/sockets.ts";
import { checkStreamAddress } from "./addresses.ts";
import { checkInteger, checkObject, checkText, describeValue } from "./checks.ts";
import { ConfigError } from "./config_error.ts";

/** The guest connects to a port of the host and reaches a socket of the host. */
export interface SockConnect {
  /** The port that the guest connects to at context id 2, 0..2^32-2. */
  readonly port: number;
  /** Where that leads. */
  readonly to: StreamAddress;
}

/** A socket of the host leads to a port of the guest. */
export interface SockPublish {
  /** Where the host listens. */
  readonly from: StreamAddress;
  /** The guest's port, 0..2^32-2. */
  readonly port: number;
}

/** Sockets between guest and host (virtio 1.2, 5.10). */
export interface SockConfig {
  /** Sockets between guest and host. */
  readonly type: "virtio-sock";
  /** The guest's context id, 3..2^32-2; the host's is 2. */
  readonly cid: number;
  /**
   * Name of a unix socket, by which the host reaches any port of the guest: a client writes
   * "CONNECT 1234\n", reads "OK <port>\n", and is connected to the guest's port 1234. When the guest
   * connects to port N of the host, that leads to the unix socket of this name with "_N" added.
   */
  readonly socket?: string;
  /** Ports of the host that lead to its sockets. */
  readonly connect: readonly SockConnect[];
  /** Sockets of the host that lead to the guest's ports. */
  readonly publish: readonly SockPublish[];
}

/** As it is written: connections also as "5000=tcp:127.0.0.1:80" and "unix:ssh.sock=22". */
export interface SockOptions {
  /** Sockets between guest and host. */
  readonly type: "virtio-sock";
  /** The guest's context id, 3..2^32-2. @default 3 */
  readonly cid?: number;
  /** Name of a unix socket that leads to every port of the guest. */
  readonly socket?: string;
  /** Ports of the host that lead to its sockets: "5000=tcp:127.0.0.1:80". @default [] */
  readonly connect?: readonly (SockConnect | string)[];
  /** Sockets of the host that lead to the guest's ports: "unix:ssh.sock=22". @default [] */
  readonly publish?: readonly (SockPublish | string)[];
}

const MIN_CID = 3;
const MAX_CID = 0xffff_fffe;
const MAX_PORT = 0xffff_fffe;
/** Longest name of a unix socket, with room for a port behind it (sun_path has 108 bytes). */
const MAX_SOCKET_NAME = 96;

/** Checks it and fills in the defaults. Throws a ConfigError. */
export function checkSock(value: unknown, path: string): SockConfig {
  const keys = ["type", "cid", "socket", "connect", "publish"];
  const { cid, socket, connect, publish } = checkObject(value, path, keys);
  const name = socket === undefined
    ? undefined
    : checkText(socket, `${path}.socket`, MAX_SOCKET_NAME);
  if (name === "") {
    throw new ConfigError("wrong-type", `${path}.socket`, "expected the name of a unix socket");
  }
  const connects = checkList(connect, `${path}.connect`, checkConnect);
  const ports = connects.map(({ port }) => port);
  const twice = ports.findIndex((port, i) => ports.indexOf(port) < i);
  if (twice >= 0) {
    throw new ConfigError(
      "conflict",
      `${path}.connect[${twice}]`,
      `port ${ports[twice]} leads somewhere else already`,
    );
  }
  return {
    type: "virtio-sock",
    cid: checkInteger(cid ?? MIN_CID, `${path}.cid`, MIN_CID, MAX_CID),
    ...(name !== undefined && { socket: name }),
    connect: connects,
    publish: checkList(publish, `${path}.publish`, checkPublish),
  };
}

function checkList<T>(
  value: unknown,
  path: string,
  check: (item: unknown, path: string) => T,
): readonly T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  return value.map((item, i) => check(item, `${path}[${i}]`));
}

function checkConnect(value: unknown, path: string): SockConnect {
  const match = typeof value === "string" ? /^(\d+)=(.+)$/s.exec(value) : undefined;
  if (match === null) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected PORT=ADDRESS such as "5000=tcp:127.0.0.1:80", found ${describeValue(value)}`,
    );
  }
  const { port, to } = match === undefined
    ? checkObject(value, path, ["port", "to"])
    : { port: match[1], to: match[2] };
  return {
    port: checkInteger(port, `${path}.port`, 0, MAX_PORT),
    to: checkStreamAddress(to, `${path}.to`),
  };
}

function checkPublish(value: unknown, path: string): SockPublish {
  const match = typeof value === "string" ? /^(.+)=(\d+)$/s.exec(value) : undefined;
  if (match === null) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected ADDRESS=PORT such as "unix:ssh.sock=22", found ${describeValue(value)}`,
    );
  }
  const { from, port } = match === undefined
    ? checkObject(value, path, ["from", "port"])
    : { from: match[1], port: match[2] };
  return {
    from: checkStreamAddress(from, `${path}.from`),
    port: checkInteger(port, `${path}.port`, 0, MAX_PORT),
  };
}
