/** IPv4 addresses as unsigned 32-bit numbers, and the addresses of a user-mode network. */

/** The address that a host without one sends from. */
export const ANY_ADDRESS = 0;
/** All hosts of the local network. */
export const LIMITED_BROADCAST = 0xffffffff;
/** Bytes of an Ethernet address. */
export const MAC_BYTES = 6;

/** The number of a dotted address; undefined if it is not one. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

/** The dotted text of an address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/**
 * Whether packets may go to an address outside: not this network's (0/8), loopback (127/8), multicast
 * or reserved (224/3); RFC 1122, section 3.2.1.3.
 */
export function isRoutable(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

/** Whether an Ethernet address is of one card: not a group's (IEEE 802.3, first bit on the wire). */
export function isUnicastMac(mac: Uint8Array): boolean {
  return mac.length === MAC_BYTES && (mac[0] & 1) === 0 && mac.some((byte) => byte !== 0);
}

/** Which addresses a user-mode network has. */
export interface AddressOptions {
  /** Address and length of the prefix, 8 to 29. @default "10.0.2.0/24" */
  readonly network?: string;
  /** Router, DHCP server and, unless forbidden, the host's loopback. @default the network's 2nd: 10.0.2.2 */
  readonly gateway?: string;
  /** Name server. @default the network's 3rd: 10.0.2.3 */
  readonly dns?: string;
  /**
   * First address that DHCP gives; the rest of the network follows.
   * @default the network's 15th: 10.0.2.15; in networks of less than 32 addresses, the 4th
   */
  readonly dhcpStart?: string;
}

/** The addresses of one network, checked. */
export class NetworkPlan {
  /** First address of the network. */
  readonly network: number;
  /** Ones where the network's part is. */
  readonly mask: number;
  /** Last address: all hosts of the network. */
  readonly broadcast: number;
  /** Router, and DHCP server. */
  readonly gateway: number;
  /** Name server. */
  readonly dns: number;
  /** First address that DHCP gives. */
  readonly dhcpStart: number;

  /** @throws {RangeError} if an address is none, or not a host's in the network, or used twice. */
  constructor(options: AddressOptions = {}) {
    const text = options.network ?? "10.0.2.0/24";
    const [, base = "", length = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
    const address = parseIpv4(base);
    const bits = Number(length);
    if (address === undefined || bits < 8 || bits > 29) {
      throw new RangeError(`network: "${text}" is not an address with a prefix of 8 to 29 bits`);
    }
    this.mask = (0xffffffff << (32 - bits)) >>> 0;
    this.network = (address & this.mask) >>> 0;
    this.broadcast = (this.network | ~this.mask) >>> 0;
    if (!isRoutable(this.network)) throw new RangeError(`network: ${text} is not for hosts`);
    this.gateway = this.#host("gateway", options.gateway, 2);
    this.dns = this.#host("dns", options.dns, 3);
    this.dhcpStart = this.#host("dhcpStart", options.dhcpStart, bits > 27 ? 4 : 15);
    if (new Set([this.gateway, this.dns, this.dhcpStart]).size < 3) {
      throw new RangeError("gateway, dns and dhcpStart must be three addresses");
    }
  }

  /** Whether an address is in the network. */
  contains(address: number): boolean {
    return ((address & this.mask) >>> 0) === this.network;
  }

  /** Whether a guest may have an address. */
  isGuest(address: number): boolean {
    return this.contains(address) && address !== this.network && address !== this.broadcast &&
      address !== this.gateway && address !== this.dns;
  }

  #host(name: string, text: string | undefined, number: number): number {
    const address = text === undefined ? this.network + number : parseIpv4(text);
    if (
      address === undefined || !this.contains(address) || address === this.network ||
      address === this.broadcast
    ) {
      const network = `${formatIpv4(this.network)} to ${formatIpv4(this.broadcast)}`;
      throw new RangeError(`${name}: "${text}" is not the address of a host in ${network}`);
    }
    return address;
  }
}
