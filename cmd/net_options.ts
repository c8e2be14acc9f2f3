/** The options that make network cards: --net, --publish, --capture. */
import type { Arguments, OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";

/** Options of networks, among those of the machine. */
export const NET_OPTIONS: readonly OptionSpec[] = [
  {
    name: "net",
    value: "NETWORK",
    choices: ["user", "stream", "hub", "null", "loopback"],
    settings: "SETTING=VALUE",
    multiple: true,
    help: "Network card (virtio-net). user: the host's network; see below.",
  },
  {
    name: "publish",
    value: "tcp|udp:[HOST:]PORT=[GUEST:]PORT",
    multiple: true,
    help: "Port of this host that leads to one of the guest; makes a --net user if there is none.",
  },
  {
    name: "capture",
    value: "FILE",
    help: "Writes the frames of the first network card there, for Wireshark and tcpdump.",
  },
];

/** The settings of networks, for help. */
export const NET_NOTES = `Networks of --net:
  user               the host's network without privilege: DHCP, name server 10.0.2.3, the host itself
                     at 10.0.2.2, TCP and UDP to the outside, the guest at 10.0.2.15. Settings:
                     publish=tcp:[HOST:]PORT=[GUEST:]PORT (or QEMU's hostfwd=tcp:HOST:PORT-GUEST:PORT),
                     several times; HOST is 127.0.0.1 if left out. restrict=on: nothing to the outside.
                     network=10.0.2.0/24, gateway=, dns=, dhcpStart=: addresses. hostname=, domain=,
                     hostLoopback=off, nameServer=ADDRESS, leaseSeconds=, maxConnections=, maxFlows=.
  stream=HOST:PORT   frames over a TCP connection, or a unix socket (stream=PATH), to QEMU's -netdev
                     stream, passt or another vml. listen: wait for the other side. reconnect=SECONDS.
  hub=NAME           a switch that machines of one process have in common.
  null, loopback     nobody is there; every frame comes back.
Settings of every card: mac=52:54:00:12:34:56, mtu=N, queuePairs=N, offloads=off, packed=on, capture=FILE.`;

/** Settings of the card; all others are the network's. */
const CARD_SETTINGS: readonly string[] = [
  "mac",
  "mtu",
  "queuePairs",
  "offloads",
  "packed",
  "capture",
];
/** Settings that may be given several times, and the lists that they make. */
const LISTS: Readonly<Record<string, string>> = {
  publish: "publish",
  hostfwd: "publish",
  nameServer: "nameServers",
};
/** Names that QEMU has for settings. */
const ALIASES: Readonly<Record<string, string>> = {
  net: "network",
  host: "gateway",
  dhcpstart: "dhcpStart",
  domainname: "domain",
  queues: "queuePairs",
};
/** Settings that may be given without a value: they are on then. */
const SWITCHES: readonly string[] = ["listen", "restrict", "packed"];

/**
 * The cards of --net and --publish, unchecked, each with the option that it came from. Throws a
 * UsageError.
 */
export function readNetOptions(
  args: Arguments,
): readonly (readonly [option: string, device: Record<string, unknown>])[] {
  const cards = args.all("net").map((text) => ["net", parseNet(text)] as [string, Card]);
  const publish = args.all("publish").map(publishOf);
  if (publish.length > 0) {
    const user = cards.find(([, { backend }]) => backend.type === "user");
    if (user !== undefined) {
      const before = user[1].backend.publish;
      user[1].backend.publish = [...Array.isArray(before) ? before : [], ...publish];
    } else if (cards.length > 0) {
      throw new UsageError("--publish: ports lead through --net user, which there is none of");
    } else {
      cards.push(["publish", { type: "virtio-net", backend: { type: "user", publish } }]);
    }
  }
  return cards;
}

/** Paths of the settings that a card of {@linkcode readNetOptions} was given. */
export function netSettings(card: Record<string, unknown>): string[] {
  const { type: _, backend, ...settings } = card;
  const network = Object.keys(backend as object).filter((key) => key !== "type");
  return [...Object.keys(settings), ...network.map((key) => `backend.${key}`)];
}

/** Gives the first network card of a machine its capture file; the result is its index. */
export function captureCard(value: Record<string, unknown>, file: string): number {
  const devices: unknown[] = Array.isArray(value.devices) ? value.devices : [];
  const index = devices.findIndex((device) =>
    device === "virtio-net" ||
    (typeof device === "object" && device !== null && "type" in device &&
      device.type === "virtio-net")
  );
  const card = devices[index];
  if (card === undefined) {
    throw new UsageError("--capture: there is no network card; add --net user");
  }
  const settings = typeof card === "object" ? card : { type: card };
  value.devices = devices.with(index, { ...settings, capture: file });
  return index;
}

interface Card extends Record<string, unknown> {
  readonly type: "virtio-net";
  readonly backend: Record<string, unknown>;
}

/** "user,publish=tcp:2222=22,mtu=1500". A value cannot contain a comma. Throws a UsageError. */
export function parseNet(text: string): Card {
  const [network, ...settings] = text.split(",");
  const [, type, place] = /^([^=]*)(?:=(.*))?$/s.exec(network) ?? ["", network];
  const backend: Record<string, unknown> = { type };
  const card: Card = { type: "virtio-net", backend };
  if (type === "stream") backend.address = streamAddress(place);
  else if (type === "hub") {
    if (place === undefined || place === "") {
      throw new UsageError("--net: hub needs a name; write --net hub=NAME");
    }
    backend.name = place;
  } else if (place !== undefined) {
    throw new UsageError(`--net: "${network}" is not known; write --net ${type}`);
  }
  for (const setting of settings) {
    const [, written, value] = /^([^=]*)(?:=(.*))?$/s.exec(setting) ?? ["", setting];
    const name = Object.hasOwn(ALIASES, written) ? ALIASES[written] : written;
    if (value === undefined ? !SWITCHES.includes(name) : value === "" || name === "") {
      throw new UsageError(`--net: "${setting}" is no setting; write --net ${network},NAME=VALUE`);
    }
    const into: Record<string, unknown> = CARD_SETTINGS.includes(name) ? card : backend;
    if (Object.hasOwn(LISTS, name)) {
      const list = LISTS[name];
      const item = name === "hostfwd"
        ? forwardOf(value ?? "")
        : name === "publish"
        ? publishOf(value ?? "")
        : value;
      const before = into[list];
      into[list] = [...Array.isArray(before) ? before : [], item];
    } else if (name === "type" || Object.hasOwn(into, name)) {
      throw new UsageError(`--net: ${written} is given twice; give it once`);
    } else {
      into[name] = value ?? true;
    }
  }
  return card;
}

/** "tcp/127.0.0.1:2222=22" is written by others. */
function publishOf(text: string): string {
  return text.replace(/^(tcp|udp)\//, "$1:");
}

/** QEMU's "tcp:127.0.0.1:2222-10.0.2.15:22", with parts left out, as we write it. */
function forwardOf(text: string): string {
  const match = /^(tcp|udp)?:([^:]*):(\d+)-([^:]*):(\d+)$/.exec(text);
  if (match === null) {
    throw new UsageError(
      `--net: hostfwd=${text}: expected tcp|udp:[HOST]:PORT-[GUEST]:PORT, such as tcp::2222-:22`,
    );
  }
  const [, protocol = "tcp", host, port, guest, guestPort] = match;
  return `${protocol}:${host === "" ? "" : `${host}:`}${port}=${
    guest === "" ? "" : `${guest}:`
  }${guestPort}`;
}

/** HOST:PORT, or else the name of a unix socket. */
function streamAddress(place: string | undefined): string {
  if (place === undefined || place === "") {
    throw new UsageError(
      "--net: stream needs an address; write --net stream=HOST:PORT or stream=PATH",
    );
  }
  if (/^(tcp|unix):/.test(place)) return place;
  return /^(\[[^\]]+\]|[^:/\\]+):\d+$/.test(place) ? `tcp:${place}` : `unix:${place}`;
}
