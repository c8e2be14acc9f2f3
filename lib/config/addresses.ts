/** Addresses of the host's sockets as they are written in configurations. */
import type { StreamAddress } from "../platform/sockets.ts";
import { describeValue } from "./checks.ts";
import { ConfigError } from "./config_error.ts";

const FORMS = '"tcp:HOST:PORT" or "unix:PATH"';

/**
 * A stream address: "tcp:127.0.0.1:8080", "tcp:[::1]:8080", "unix:/run/x.sock", or an object {host,
 * port} or {path}. Throws a ConfigError.
 */
export function checkStreamAddress(value: unknown, path: string): StreamAddress {
  if (typeof value === "string") {
    const unix = /^unix:(.+)$/s.exec(value);
    if (unix !== null) return { path: unix[1] };
    const tcp = /^tcp:(\[[0-9a-f:.%]+\]|[^:[\]]+):(\d+)$/i.exec(value);
    if (tcp !== null && isPort(Number(tcp[2]))) {
      return { host: tcp[1].replace(/^\[|\]$/g, ""), port: Number(tcp[2]) };
    }
  } else if (typeof value === "object" && value !== null) {
    if ("path" in value && typeof value.path === "string" && value.path !== "") {
      return { path: value.path };
    }
    if (
      "host" in value && typeof value.host === "string" && value.host !== "" &&
      "port" in value && isPort(value.port)
    ) return { host: value.host, port: value.port };
  }
  throw new ConfigError(
    "wrong-type",
    path,
    `expected an address such as ${FORMS}, found ${describeValue(value)}`,
  );
}

/** "tcp:127.0.0.1:8080" or "unix:/run/x.sock". */
export function formatStreamAddress(address: StreamAddress): string {
  if ("path" in address) return `unix:${address.path}`;
  const { host, port } = address;
  return `tcp:${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
}
