/**
 * A hostile guest on a user-mode network: random bytes, mutated packets, and TCP sequences that make
 * sense for a while. The same seed gives the same packets.
 */
import { VirtualClock } from "../../../platform/clock.ts";
import type { StreamSocket } from "../../../platform/sockets.ts";
import type { VirtualSockets } from "../../../platform/virtual_sockets.ts";
import { virtualPlatform } from "../../../platform/virtual.ts";
import type { FrameOffload } from "../../backend.ts";
import { UserNetwork } from "../user_network.ts";
import {
  ALL,
  arp,
  DNS,
  ethernet,
  GATEWAY,
  GUEST,
  icmp,
  type IpFields,
  ipv4,
  read,
  tcp,
  udp,
} from "./packets.ts";

const LOOPBACK = "127.0.0.1";
const MAX_CONNECTIONS = 16;
const MAX_FLOWS = 16;
/** What the network may hold: both buffers of each connection, and one piece more. */
const MOST_BUFFERED = MAX_CONNECTIONS * (1024 + 64) * 1024;

/** Pseudorandom numbers (xorshift32), fast and the same everywhere. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) | 0) || 1;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % end;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  chance(one: number): boolean {
    return this.below(one) === 0;
  }

  /** A piece of {@linkcode NOISE}. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.below(NOISE.length - length);
    return NOISE.slice(at, at + length);
  }
}

/** Bytes to take pieces of, because numbers one by one would take most of the time. */
const NOISE: Uint8Array<ArrayBuffer> = ((): Uint8Array<ArrayBuffer> => {
  const random = new Random(1);
  return Uint8Array.from({ length: 65536 }, () => random.below(256));
})();

/** A connection that the hostile guest believes in. */
interface Belief {
  readonly ports: readonly [number, number];
  readonly remote: string;
  sequence: number;
  acknowledgement: number;
}

/** What a run has done. */
export interface FuzzTotals {
  packets: number;
  /** Frames that the network has sent. */
  answers: number;
  /** TCP connections that the host's side has seen. */
  connections: number;
}

/** One network and its guest. */
export class NetworkFuzz {
  readonly totals: FuzzTotals = { packets: 0, answers: 0, connections: 0 };
  readonly #random: Random;
  readonly #clock = new VirtualClock();
  readonly #network: UserNetwork;
  readonly #beliefs: Belief[] = [];
  #next = 0;
  /** Frames of the network for the packet that was sent last. */
  #burst = 0;

  /** @param seed decides on everything. */
  constructor(seed: number) {
    this.#random = new Random(seed);
    const platform = virtualPlatform({ seed });
    platform.sockets.nameServers = [{ host: LOOPBACK, port: 53 }];
    this.#network = new UserNetwork({
      clock: this.#clock,
      sockets: platform.sockets,
      random: platform.random,
      options: {
        maxConnections: MAX_CONNECTIONS,
        maxFlows: MAX_FLOWS,
        forwards: [
          { protocol: "udp", host: { host: LOOPBACK, port: 999 }, guest: { port: 99 } },
          { protocol: "tcp", host: { host: LOOPBACK, port: 998 }, guest: { port: 98 } },
        ],
      },
    });
    this.#network.onReceive((frame) => this.#hear(frame));
    this.#serve(platform.sockets);
  }

  /** Sends packets; throws if the network does what it must not. */
  async run(packets: number): Promise<void> {
    await this.#network.open();
    for (let i = 0; i < packets; i++) {
      this.#burst = 0;
      const frame = this.#frame();
      this.#network.send(frame, this.#random.chance(8) ? this.#offload(frame) : undefined);
      this.totals.packets++;
      if (this.#random.chance(4)) await Promise.resolve();
      if (this.#random.chance(64)) this.#network.receiveReady();
      if (this.#random.chance(50)) this.#clock.advance(this.#random.below(200) * 1e6);
      if (this.#random.chance(5000)) this.#clock.advance(this.#random.below(400) * 1e9);
      if (this.#random.chance(1000)) this.#network.restore(this.#network.state());
      this.#check();
    }
    // All comes to an end when the guest falls silent.
    this.#network.restore(this.#network.state());
    this.#clock.advance(1000e9);
    const { connections, flows, buffered } = this.#network.statistics;
    if (connections + flows + buffered > 0) throw new Error("something is left after a restore");
    this.#network.close();
  }

  #check(): void {
    const { connections, flows, buffered } = this.#network.statistics;
    if (connections > MAX_CONNECTIONS) throw new Error(`${connections} connections`);
    if (flows > MAX_FLOWS) throw new Error(`${flows} flows`);
    if (buffered > MOST_BUFFERED) throw new Error(`${buffered} bytes are held`);
  }

  /** Servers on the host that echo, talk, are deaf, end at once, reset. */
  #serve(sockets: VirtualSockets): void {
    const kinds: Record<number, (socket: StreamSocket) => Promise<void>> = {
      7: async (socket) => {
        for (let part = await socket.read(); part; part = await socket.read()) {
          await socket.write(part);
        }
        socket.end();
      },
      19: async (socket) => {
        for (let i = 0; i < 40; i++) await socket.write(new Uint8Array(30_000));
        socket.end();
      },
      9: () => Promise.resolve(),
      10: (socket) => Promise.resolve(socket.end()),
      11: (socket) => Promise.resolve(socket.abort()),
    };
    for (const [port, kind] of Object.entries(kinds)) {
      void sockets.listen({ host: LOOPBACK, port: Number(port) }, (socket) => {
        this.totals.connections++;
        kind(socket).catch(() => {});
      });
    }
    void sockets.bind({ host: LOOPBACK, port: 7 }).then((socket) =>
      socket.onDatagram((bytes, { port }) => socket.send(bytes, { host: "0.0.0.0", port }))
    );
  }

  /** A frame of the network: it must be sound, and it teaches the guest numbers. */
  #hear(frame: Uint8Array): boolean {
    this.totals.answers++;
    if (++this.#burst > 2000) throw new Error("a packet is answered without end");
    if (this.#random.chance(10)) return false;
    const { protocol, payload, source } = read(frame);
    if (protocol !== 6) return true;
    const view = new DataView(payload.buffer, payload.byteOffset);
    const [remotePort, port] = [view.getUint16(0), view.getUint16(2)];
    let belief = this.#beliefs.find(({ ports, remote }) =>
      ports[0] === port && ports[1] === remotePort && remote === source
    );
    if (belief === undefined) {
      belief = { ports: [port, remotePort], remote: source, sequence: 0, acknowledgement: 0 };
      this.#believe(belief);
    }
    const header = (payload[12] >> 4) * 4;
    const flags = payload[13];
    const span = payload.length - header + (flags & 1) + ((flags >> 1) & 1);
    belief.acknowledgement = (view.getUint32(4) + span) >>> 0;
    if ((flags & 16) !== 0) belief.sequence = view.getUint32(8);
    return true;
  }

  #believe(belief: Belief): void {
    this.#beliefs[this.#next++ % 32] = belief;
  }

  #frame(): Uint8Array {
    const frame = this.#goodFrame();
    switch (this.#random.below(8)) {
      case 0:
        return this.#random.chance(3) ? this.#random.bytes(this.#random.below(200)) : frame;
      case 1: {
        const bad = frame.slice();
        for (let i = this.#random.below(4); i >= 0 && bad.length > 0; i--) {
          bad[this.#random.below(bad.length)] = this.#random.below(256);
        }
        return bad;
      }
      case 2:
        return frame.subarray(0, this.#random.below(frame.length + 1));
      case 3: {
        const long = new Uint8Array(frame.length + this.#random.below(100));
        long.set(frame);
        return long;
      }
      default:
        return frame;
    }
  }

  #goodFrame(): Uint8Array {
    const random = this.#random;
    switch (random.below(16)) {
      case 0:
        return arp(random.below(3), random.pick([GUEST, "10.0.2.16", GATEWAY]), GATEWAY);
      case 1:
        return icmp(random.pick([8, 8, 3, 0]), 0, [...random.bytes(random.below(64))], this.#ip());
      case 2:
        return this.#dhcp();
      case 3:
      case 4:
        return udp([random.below(30), this.#port()], random.bytes(random.below(64)), this.#ip());
      case 5: {
        const length = random.below(40) * 8;
        return ipv4(random.bytes(length), {
          ...this.#ip(),
          protocol: random.pick([1, 6, 17]),
          identification: random.below(4),
          fragment: random.below(2) * 0x2000 | random.below(random.pick([4, 40, 8192])),
        });
      }
      case 6:
        return random.chance(2)
          ? ethernet(random.pick([0x86dd, 0x8100, 0x0800, 0x0806]), random.bytes(60))
          : ipv4(random.bytes(random.below(60)), { ...this.#ip(), protocol: random.below(256) });
      case 7:
      case 8:
        return this.#syn();
      default:
        return this.#segment();
    }
  }

  #port(): number {
    return this.#random.pick([7, 7, 9, 10, 11, 19, 53, 67, 80, 999, 49152]);
  }

  #ip(): IpFields {
    const random = this.#random;
    const usual = !random.chance(6);
    return {
      source: usual
        ? GUEST
        : random.pick(["10.0.2.16", "0.0.0.0", GATEWAY, "10.0.2.255", "1.2.3.4"]),
      destination: usual
        ? random.pick([GATEWAY, GATEWAY, DNS])
        : random.pick(["10.0.2.255", "255.255.255.255", "127.0.0.1", "192.0.2.1", "10.0.2.7"]),
      ttl: random.chance(20) ? random.below(3) : 64,
    };
  }

  #syn(): Uint8Array {
    const random = this.#random;
    const ip = this.#ip();
    const ports = [1 + random.below(40), this.#port()] as const;
    const sequence = random.below(2 ** 32);
    const remote = ip.destination ?? GATEWAY;
    this.#believe({ ports, remote, sequence: (sequence + 1) >>> 0, acknowledgement: 0 });
    const options = random.pick([
      [],
      [2, 4, 5, 180],
      [2, 4, 0, 1, 1, 3, 3, 14],
      [3, 3, 255, 0],
      [2, 0, 0, 0],
      [...random.bytes(4 * random.below(10))],
    ]);
    return tcp({ ports, flags: 2, sequence, options, window: random.pick([0, 1, 65535]) }, ip);
  }

  /** A segment that fits to what the network has said, more or less. */
  #segment(): Uint8Array {
    const random = this.#random;
    const belief = this.#beliefs.length === 0 ? undefined : random.pick(this.#beliefs);
    if (belief === undefined) return this.#syn();
    const near = (value: number): number => {
      const off = random.pick([0, 0, 0, 0, 0, 1, -1, 100, -100, 70_000, -70_000, 2 ** 31]);
      return (value + off) >>> 0;
    };
    const flags = random.pick([16, 16, 16, 16, 24, 24, 17, 20, 4, 18, 1, 0, 63]);
    const payload = random.chance(2)
      ? new Uint8Array(0)
      : random.bytes(random.pick([1, 10, 100, 1460, 20_000]));
    const sequence = near(belief.sequence);
    if (sequence === belief.sequence && random.chance(2)) {
      belief.sequence = (belief.sequence + payload.length) >>> 0;
    }
    return tcp({
      ports: belief.ports,
      sequence,
      acknowledgement: near(belief.acknowledgement),
      flags,
      window: random.pick([0, 1, 100, 5000, 65535]),
      payload,
    }, { destination: belief.remote });
  }

  #dhcp(): Uint8Array {
    const random = this.#random;
    const message = new Uint8Array(240 + random.below(80));
    message.set([1, 1, 6, 0, 1, 2, 3, 4, 0, 0, random.below(2) * 128]);
    message.set([2, 0, 0, 0, random.below(4), random.below(256)], 28);
    message.set([99, 130, 83, 99], 236);
    const options = [53, 1, random.below(10), 50, 4, 10, 0, 2, random.below(256), 255];
    if (message.length >= 250) message.set(random.chance(4) ? random.bytes(10) : options, 240);
    if (random.chance(3)) message.set([10, 0, 2, random.below(256)], 12);
    return udp([68, 67], message, { source: "0.0.0.0", destination: "255.255.255.255", to: ALL });
  }

  #offload(frame: Uint8Array): FrameOffload {
    return {
      checksumStart: this.#random.chance(4) ? this.#random.below(frame.length + 1) : 34,
      checksumOffset: this.#random.pick([6, 16]),
      segmentSize: this.#random.pick([0, 1, 1460]),
    };
  }
}
