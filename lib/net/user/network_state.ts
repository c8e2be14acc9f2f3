/** What is kept of a user-mode network: plain data, checked when it comes back. */
import { StateReader } from "../../devices/device_state.ts";
import type { DeviceState } from "../../devices/vbus/device.ts";
import { MAC_BYTES, type NetworkPlan } from "./addresses.ts";
import type { Lease } from "./dhcp.ts";
import type { SavedConnection } from "./tcp.ts";

const WHERE = "user network";
/** Elements of each list: as many as any network has. */
const MAX_ELEMENTS = 65536;
/** Longest time that a lease may have left, in nanoseconds: the clock's range. */
const MAX_LEFT = 2 ** 53 - 1;
const MAX_PORT = 65535;

/** The parts that have state. */
export interface NetworkParts {
  readonly leases: readonly Lease[];
  readonly neighbours: readonly (readonly [address: number, mac: Uint8Array])[];
  readonly connections: readonly SavedConnection[];
}

/** Makes the state. @param now the clock's time: leases keep what is left of them. */
export function writeState(parts: NetworkParts, now: number): DeviceState {
  return {
    leases: parts.leases.map(({ address, mac, expires }) => ({
      address,
      mac,
      left: Math.max(0, Math.ceil(expires - now)),
    })),
    neighbours: parts.neighbours.map(([address, mac]) => ({ address, mac: mac.slice() })),
    connections: parts.connections.map((connection) => ({ ...connection })),
  };
}

/** Reads a state. @throws {TypeError} naming what is wrong. */
export function readState(state: DeviceState, now: number, plan: NetworkPlan): NetworkParts {
  const from = new StateReader(state, WHERE);
  const records = (key: string): StateReader[] =>
    from.array(key, MAX_ELEMENTS).map((value) => new StateReader(value, `${WHERE}: ${key}`));
  const guest = (record: StateReader, key: string): number => {
    const address = record.integer(key);
    if (plan.isGuest(address)) return address;
    throw new TypeError(`state of ${WHERE}: ${key} ${address} is not a guest's`);
  };
  return {
    leases: records("leases").map((record) => {
      const mac = record.string("mac");
      if (!/^(([0-9a-f]{2}:){5}[0-9a-f]{2})?$/.test(mac)) {
        throw new TypeError(`state of ${WHERE}: "${mac}" is not an Ethernet address`);
      }
      const left = record.integer("left", MAX_LEFT);
      return { address: guest(record, "address"), mac, expires: now + left };
    }),
    neighbours: records("neighbours").map((record) => {
      const mac = record.bytes("mac", MAC_BYTES);
      if (mac.length === MAC_BYTES) return [guest(record, "address"), mac];
      throw new TypeError(`state of ${WHERE}: mac is not six bytes`);
    }),
    connections: records("connections").map((record) => ({
      guest: guest(record, "guest"),
      guestPort: record.integer("guestPort", MAX_PORT),
      remote: record.integer("remote"),
      remotePort: record.integer("remotePort", MAX_PORT),
      sequence: record.integer("sequence"),
      acknowledgement: record.integer("acknowledgement"),
    })),
  };
}
