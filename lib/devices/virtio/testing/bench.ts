/** Parts that the tests of virtio devices share. */
import { GuestMemory } from "../../../engine/guest_memory.ts";
import { LevelProbe } from "../../irq_controller/lines.ts";
import type { AccessSize, BusAccess, Device, DeviceState } from "../../vbus/device.ts";
import type { DescriptorChain } from "../chain.ts";
import { featureMask, type VirtioDevice, VirtioFeature, type VirtioTransport } from "../device.ts";
import { HostileDriver } from "../hostile_driver.ts";
import type { IoTranslator } from "../iommu.ts";
import { DEFAULT_TRANSPORT_FEATURES, VirtioMmio } from "../mmio.ts";
import { MockDriver, type MockDriverOptions } from "../mock_driver.ts";

/** Where the RAM of these tests begins. */
export const RAM_BASE = 0x40000000;

/** A device in a slot, with RAM, a probe on its line and a driver. */
export interface Bench {
  readonly memory: GuestMemory;
  readonly line: LevelProbe;
  readonly slot: VirtioMmio;
  readonly driver: MockDriver;
  /** Reasons given by the device for NEEDS_RESET. */
  readonly failures: string[];
  /** Runs the work that the device has put off; gives the number of pieces. */
  turn(): number;
}

/** What is different from an ordinary slot. */
export interface BenchOptions {
  /** Features of transport and queues. */
  readonly features?: bigint;
  readonly translator?: IoTranslator;
  readonly driver?: MockDriverOptions;
  /** Instead of RAM of a size. */
  readonly memory?: GuestMemory;
}

/** Every feature that a slot can offer, packed rings among them. */
export const ALL_FEATURES: bigint = DEFAULT_TRANSPORT_FEATURES | featureMask(
  VirtioFeature.RING_PACKED,
  VirtioFeature.IN_ORDER,
  VirtioFeature.NOTIFICATION_DATA,
);

/** Puts a device into a slot. Work for later waits for `turn`. */
export function bench(
  device: VirtioDevice,
  bytes: number = 1 << 20,
  requireVersion1: boolean = true,
  more: BenchOptions = {},
): Bench {
  const memory = more.memory ?? new GuestMemory(new Uint8Array(bytes), RAM_BASE);
  const line = new LevelProbe();
  const failures: string[] = [];
  const queue: (() => void)[] = [];
  const slot = new VirtioMmio(device, {
    memory,
    irq: line,
    requireVersion1,
    ...(more.features !== undefined && { features: more.features }),
    ...(more.translator !== undefined && { translator: more.translator }),
    later: (work) => queue.push(work),
    onFailure: (_, reason) => failures.push(reason),
  });
  const turn = (): number => {
    const pieces = queue.splice(0);
    for (const work of pieces) work();
    return pieces.length;
  };
  return { memory, line, slot, driver: new MockDriver(slot, memory, more.driver), failures, turn };
}

/** A generator of integers in [0, n), the same for the same seed. */
export function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
}

/** Random accesses of all sizes at all offsets of a window. */
export function fuzzRegisters(
  device: Device,
  random: (n: number) => number,
  count: number,
  window: number,
): void {
  const sizes: readonly AccessSize[] = [1, 2, 4];
  for (let i = 0; i < count; i++) {
    const size = sizes[random(3)];
    const access: BusAccess = {
      write: random(2) === 0,
      offset: random(window - size + 1),
      size,
      value: random(2) === 0 ? random(16) : random(2 ** 32),
      vcpu: 0,
    };
    if (random(2) === 0) access.offset &= ~3;
    device.access(access);
  }
}

/** A hostile driver: `rounds` valid set-ups, each followed by chains of all kinds. */
export function hostileRing(
  b: Bench,
  random: (n: number) => number,
  queues: number,
  rounds: number,
): void {
  const hostile = new HostileDriver(b.driver, random, queues);
  for (let round = 0; round < rounds; round++) {
    hostile.setUp();
    for (let step = 0; step < 20; step++) {
      hostile.step();
      if (random(4) === 0) b.turn();
      b.driver.acknowledge();
    }
    if (random(3) === 0) fuzzRegisters(b.slot, random, 20, 0x200);
  }
}

/** Writes what it reads back into the same chain. Queue 1 only collects notifications. */
export class EchoDevice implements VirtioDevice {
  readonly name = "echo";
  readonly id = 42;
  readonly features: bigint = featureMask(3);
  readonly queueSizes: readonly number[] = [8, 4];
  readonly config: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5);
  /** What the transport has called. */
  readonly log: string[] = [];
  transport!: VirtioTransport;

  attach(transport: VirtioTransport): void {
    this.transport = transport;
  }

  writeConfig(offset: number, size: number, value: number): void {
    this.log.push(`config ${offset}/${size}=${value}`);
  }

  activate(): void {
    this.log.push("activate");
  }

  notify(index: number): void {
    this.log.push(`notify ${index}`);
    if (index !== 0) return;
    const queue = this.transport.queue(0);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      this.answer(chain);
    }
    queue.signal();
  }

  /** Returns a chain of queue 0 with what was in it; gives the used length. */
  answer(chain: DescriptorChain): number {
    const bytes = new Uint8Array(Math.min(chain.readableBytes, 65536));
    chain.read(this.transport.memory, 0, bytes);
    const written = chain.write(this.transport.memory, 0, bytes);
    this.transport.queue(0).push(chain, written);
    return written;
  }

  queueStopped(queue: number): void {
    this.log.push(`stopped ${queue}`);
  }

  reset(): void {
    this.log.push("reset");
  }

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(): void {}
}
