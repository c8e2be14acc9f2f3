/**
 * Which frames a card takes (virtio 1.2, sections 5.1.6.5.1 to 5.1.6.5.3). As on QEMU, a card takes all
 * until its driver ends promiscuous mode, and looks at VLANs only then.
 */
import { EtherType, word } from "../../net/headers.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";

/** Modes in the order of their commands. */
const MODES = [
  "promiscuous",
  "allMulticast",
  "allUnicast",
  "noMulticast",
  "noUnicast",
  "noBroadcast",
] as const;
type Mode = typeof MODES[number];
/** How many modes CTRL_RX has; the others come with CTRL_RX_EXTRA. */
const BASIC_MODES = 2;

/** Addresses that one table holds; with more, all addresses of that kind are taken. */
export const MAX_TABLE_ADDRESSES = 64;
const VLAN_IDS = 4096;
const ADDRESS = 6;
/** Offset of a frame's type, which is that of the tag in a frame with one. */
const TYPE = 12;
const TAGGED_HEADER = 18;

/** A table of addresses, as numbers of 48 bits. */
interface AddressTable {
  addresses: Set<number>;
  overflow: boolean;
}

/** The filter of a card. */
export class ReceiveFilter {
  #modes: Record<Mode, boolean> = defaultModes();
  #unicast: AddressTable = emptyTable();
  #multicast: AddressTable = emptyTable();
  /** A bit for each VLAN. */
  readonly #vlans = new Uint8Array(VLAN_IDS / 8).fill(0xff);

  /** Power-on state: all is taken. */
  reset(): void {
    this.#modes = defaultModes();
    this.#unicast = emptyTable();
    this.#multicast = emptyTable();
    this.#vlans.fill(0xff);
  }

  /** The driver will name the VLANs that it wants. */
  filterVlans(): void {
    this.#vlans.fill(0);
  }

  /** Sets a mode by the number of its command; false if there is none. */
  setMode(command: number, on: boolean, extra: boolean): boolean {
    if (command >= (extra ? MODES.length : BASIC_MODES)) return false;
    this.#modes[MODES[command]] = on;
    return true;
  }

  /** Adds or removes a VLAN; false if there is no such number. */
  setVlan(id: number, on: boolean): boolean {
    if (id >= VLAN_IDS) return false;
    const bit = 1 << (id & 7);
    if (on) this.#vlans[id >> 3] |= bit;
    else this.#vlans[id >> 3] &= ~bit;
    return true;
  }

  /** Takes both tables of MAC_TABLE_SET; false, and nothing changed, if they are malformed. */
  setTables(bytes: Uint8Array): boolean {
    const unicast = readTable(bytes, 0);
    if (unicast === undefined) return false;
    const multicast = readTable(bytes, unicast.end);
    if (multicast === undefined || multicast.end !== bytes.length) return false;
    this.#unicast = unicast.table;
    this.#multicast = multicast.table;
    return true;
  }

  /** Whether a card with the address `own` takes a frame. */
  takes(frame: Uint8Array, own: Uint8Array): boolean {
    const modes = this.#modes;
    if (modes.promiscuous) return true;
    if (frame.length >= TAGGED_HEADER && word(frame, TYPE) === EtherType.vlan) {
      const vlan = word(frame, TYPE + 2) & (VLAN_IDS - 1);
      if ((this.#vlans[vlan >> 3] >> (vlan & 7) & 1) === 0) return false;
    }
    const address = addressAt(frame, 0);
    if ((frame[0] & 1) !== 0) {
      if (address === 0xffff_ffff_ffff) return !modes.noBroadcast;
      if (modes.noMulticast) return false;
      return modes.allMulticast || holds(this.#multicast, address);
    }
    if (modes.noUnicast) return false;
    return modes.allUnicast || address === addressAt(own, 0) || holds(this.#unicast, address);
  }

  /** All of it. */
  state(): DeviceState {
    return {
      modes: MODES.reduce((bits, mode, i) => bits | (this.#modes[mode] ? 1 << i : 0), 0),
      vlans: this.#vlans.slice(),
      unicast: [...this.#unicast.addresses],
      unicastOverflow: this.#unicast.overflow,
      multicast: [...this.#multicast.addresses],
      multicastOverflow: this.#multicast.overflow,
    };
  }

  /** Puts back what `state` gave; throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, "receive filter");
    const bits = from.integer("modes", (1 << MODES.length) - 1);
    const vlans = from.bytes("vlans", VLAN_IDS / 8);
    const table = (key: "unicast" | "multicast"): AddressTable => ({
      addresses: new Set(from.integers(key, MAX_TABLE_ADDRESSES, 0xffff_ffff_ffff)),
      overflow: from.boolean(`${key}Overflow`),
    });
    const [unicast, multicast] = [table("unicast"), table("multicast")];
    if (vlans.length !== VLAN_IDS / 8) throw new TypeError("state of receive filter: vlans");
    MODES.forEach((mode, i) => this.#modes[mode] = (bits >> i & 1) !== 0);
    this.#vlans.set(vlans);
    this.#unicast = unicast;
    this.#multicast = multicast;
  }
}

function defaultModes(): Record<Mode, boolean> {
  return {
    promiscuous: true,
    allMulticast: false,
    allUnicast: false,
    noMulticast: false,
    noUnicast: false,
    noBroadcast: false,
  };
}

function emptyTable(): AddressTable {
  return { addresses: new Set(), overflow: false };
}

function holds(table: AddressTable, address: number): boolean {
  return table.overflow || table.addresses.has(address);
}

/** A count (u32) and so many addresses. */
function readTable(
  bytes: Uint8Array,
  at: number,
): { table: AddressTable; end: number } | undefined {
  const first = at + 4;
  if (first > bytes.length) return undefined;
  const count = (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
  const end = first + count * ADDRESS;
  if (end > bytes.length) return undefined;
  const table = emptyTable();
  table.overflow = count > MAX_TABLE_ADDRESSES;
  for (let i = 0; i < count && !table.overflow; i++) {
    table.addresses.add(addressAt(bytes, first + i * ADDRESS));
  }
  return { table, end };
}

function addressAt(bytes: Uint8Array, at: number): number {
  const high = bytes[at] << 8 | bytes[at + 1];
  const low = bytes[at + 2] << 24 | bytes[at + 3] << 16 | bytes[at + 4] << 8 | bytes[at + 5];
  return high * 2 ** 32 + (low >>> 0);
}
