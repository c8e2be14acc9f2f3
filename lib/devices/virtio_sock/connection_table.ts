import type { Connection } from "./connection.ts";

/** The host's ends of connections that the host makes: above what services use. */
const FIRST_PORT = 0x4000_0000;
const LAST_PORT = 0x7fff_ffff;

/** The connections of one guest. */
export class ConnectionTable {
  /** By guest port and host port; see `keyOf`. */
  readonly #connected = new Map<string, Connection>();
  /** Left by the guest, not yet read by the host. */
  readonly #lingering = new Set<Connection>();
  #nextPort = FIRST_PORT;

  /** How many there are, those included that only the host still reads. */
  get size(): number {
    return this.#connected.size + this.#lingering.size;
  }

  /** Those that the guest knows. */
  get connected(): Iterable<Connection> {
    return this.#connected.values();
  }

  /** The connection between a port of the guest and one of the host. */
  get(guestPort: number, hostPort: number): Connection | undefined {
    return this.#connected.get(keyOf(guestPort, hostPort));
  }

  /** Adds a connection; there is none between its ports. */
  add(connection: Connection): void {
    this.#connected.set(keyOf(connection.remote.port, connection.local.port), connection);
  }

  /** The guest knows no more of a connection. */
  remove(connection: Connection): void {
    this.#connected.delete(keyOf(connection.remote.port, connection.local.port));
  }

  /** The host has yet to read what has come by a connection that was removed. */
  linger(connection: Connection): void {
    this.#lingering.add(connection);
  }

  /** The host has read it all. */
  drained(connection: Connection): void {
    this.#lingering.delete(connection);
  }

  /** Removes and gives all that the guest knows. */
  removeAll(): Connection[] {
    const all = [...this.#connected.values()];
    this.#connected.clear();
    return all;
  }

  /** A port of the host that has no connection with this port of the guest. */
  freePort(guestPort: number): number {
    for (;;) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
      // There are fewer connections than ports.
      if (this.get(guestPort, port) === undefined) return port;
    }
  }
}

/** A connection's place in the table. */
function keyOf(guestPort: number, hostPort: number): string {
  return `${guestPort}:${hostPort}`;
}
