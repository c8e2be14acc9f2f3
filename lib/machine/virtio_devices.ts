/** Makes the virtio devices that a configuration names. */
import type { BlockConfig, DeviceConfig } from "../config/device_config.ts";
import { ConfigError } from "../config/config_error.ts";
import type { VmmDebug } from "../config/vmm_debug.ts";
import type { NetConfig } from "../config/net_config.ts";
import type { VirtioDevice } from "../devices/virtio/device.ts";
import { VirtioBlock } from "../devices/virtio_block/virtio_block.ts";
import { VirtioConsole } from "../devices/virtio_console/virtio_console.ts";
import { VirtioNet } from "../devices/virtio_net/virtio_net.ts";
import { VirtioRng } from "../devices/virtio_rng/virtio_rng.ts";
import { VirtioSock } from "../devices/virtio_sock/virtio_sock.ts";
import type { Clock, Platform } from "../platform/platform.ts";
import { type DiskHost, MachineDisk, MemoryDisk } from "./disk.ts";
import { NetTap } from "./net_tap.ts";
import { type Hubs, makeNetwork } from "./networks.ts";

/** What devices get from the board. */
export interface VirtioParts {
  /** For people: "virtio-net.0". */
  readonly name: string;
  /** Position among the devices of its type, from 0. */
  readonly index: number;
  readonly clock: Clock;
  /** Whether the clock's time is virtual. */
  readonly virtual: boolean;
  readonly host: DiskHost;
  /** Where the device is in the configuration: "devices[0]". */
  readonly path: string;
  readonly platform: Pick<Platform, "sockets" | "after" | "log">;
  readonly hubs: Hubs;
  /** Fills with entropy. */
  readonly random: (into: Uint8Array) => void;
  /** Where devices tell what happens. */
  readonly debug: VmmDebug;
  /** Hears of failures of back ends. */
  readonly onFailure: (device: string, reason: string) => void;
}

/** Makes a device. Throws a ConfigError if its file has not been opened. */
export function makeVirtioDevice(config: DeviceConfig, parts: VirtioParts): VirtioDevice {
  const { name } = parts;
  switch (config.type) {
    case "virtio-net":
      return makeNet(config, parts);
    case "virtio-block":
      return makeBlock(config, parts);
    case "virtio-console": {
      const { columns, rows, ports } = config;
      return new VirtioConsole({
        name,
        ...(ports !== undefined && { ports }),
        ...(columns !== undefined && { columns }),
        ...(rows !== undefined && { rows }),
      });
    }
    case "virtio-rng":
      return new VirtioRng(parts.random, { name });
    case "virtio-sock":
      return new VirtioSock({ cid: config.cid, name, onActivity: hostTurns(parts) });
  }
}

/**
 * Asks the run loop for a turn of the host's event loop, for host code that a device has woken. In
 * virtual time the guest stands still until then, so that the answer comes at the same time always.
 */
function hostTurns({ host, virtual }: VirtioParts): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const turn = Promise.resolve().then(() => host.yield()).then(() => void (asked = false));
    if (virtual) host.hold(turn);
    else host.expect(turn);
  };
}

function makeNet(config: NetConfig, parts: VirtioParts): VirtioDevice {
  const { name, index } = parts;
  const { mac, mtu, queuePairs, offloads } = config;
  const network = makeNetwork(config, { ...parts, onActivity: hostTurns(parts) });
  return new VirtioNet(new NetTap(network, parts.debug.tracer("net"), name), {
    name,
    queuePairs,
    offloads,
    mac: mac === undefined
      ? Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + index)
      : Uint8Array.from(mac.split(":"), (byte) => parseInt(byte, 16)),
    ...(mtu !== undefined && { mtu }),
  });
}

function makeBlock(config: BlockConfig, parts: VirtioParts): VirtioDevice {
  const { name, clock, virtual, host, onFailure } = parts;
  const { file, readOnly, queues, id } = config;
  if (typeof file === "string") {
    throw new ConfigError(
      "wrong-type",
      "devices",
      `"${file}" is the name of a file; open it first (openBlockFile of a platform) or give its bytes`,
    );
  }
  const opened = file instanceof Uint8Array ? new MemoryDisk(file, readOnly) : file;
  return new VirtioBlock(new MachineDisk(opened, host, virtual ? clock : undefined), {
    name,
    readOnly,
    queues,
    ...(id !== undefined && { serial: id }),
    // Requests that need no disk answer at the same time always, too.
    ...(virtual && { onActivity: hostTurns(parts) }),
    onError: (error) => onFailure(name, error instanceof Error ? error.message : String(error)),
  });
}
