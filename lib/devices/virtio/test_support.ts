/** Parts that the tests of virtio devices share. */
import { GuestMemory } from "../../engine/guest_memory.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import type { AccessSize, BusAccess, Device } from "../vbus/device.ts";
import type { VirtioDevice } from "./device.ts";
import { VirtioMmio } from "./mmio.ts";
import { MockDriver } from "./mock_driver.ts";

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

/** Puts a device into a slot. Work for later waits for `turn`. */
export function bench(
  device: VirtioDevice,
  bytes: number = 1 << 20,
  requireVersion1: boolean = true,
): Bench {
  const memory = new GuestMemory(new Uint8Array(bytes), RAM_BASE);
  const line = new LevelProbe();
  const failures: string[] = [];
  const queue: (() => void)[] = [];
  const slot = new VirtioMmio(device, {
    memory,
    irq: line,
    requireVersion1,
    later: (work) => queue.push(work),
    onFailure: (_, reason) => failures.push(reason),
  });
  const turn = (): number => {
    const pieces = queue.splice(0);
    for (const work of pieces) work();
    return pieces.length;
  };
  return { memory, line, slot, driver: new MockDriver(slot, memory), failures, turn };
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

/** A hostile driver: valid set-up, then descriptors, heads and indices at random. */
export function hostileRing(
  b: Bench,
  random: (n: number) => number,
  queues: number,
  rounds: number,
): void {
  const { driver, memory } = b;
  const middle = memory.base + memory.size / 2;
  for (let round = 0; round < rounds; round++) {
    const mark = driver.mark();
    driver.negotiate();
    const list = Array.from({ length: queues }, (_, i) => driver.addQueue(i, 1 << random(5)));
    driver.start();
    for (let step = 0; step < 20; step++) {
      const queue = list[random(queues)];
      // One step in three has an orderly chain, with a wrong value here and there.
      const orderly = random(3) === 0;
      for (let d = 0; d < queue.size; d++) {
        const odd = random(orderly ? 30 : 4) === 0;
        const end = d === queue.size - 1;
        queue.writeDescriptor(
          d,
          odd ? random(2 ** 32) * (1 + random(2 ** 20)) : middle + random(memory.size / 4),
          odd ? random(2 ** 32) : 1 + random(600),
          odd ? random(8) : orderly ? (d > 1 ? 2 : 0) | (end ? 0 : 1) : random(4),
          odd ? random(65536) : orderly ? d + 1 : random(queue.size + 1),
        );
      }
      const trick = random(40);
      if (trick === 0) memory.write16(queue.driverArea + 2, random(65536));
      else if (trick === 1) queue.offer(random(65536));
      else queue.offer(orderly ? 0 : random(queue.size));
      queue.notify();
      if (random(4) === 0) b.turn();
      driver.acknowledge();
    }
    if (random(3) === 0) fuzzRegisters(b.slot, random, 20, 0x200);
    driver.release(mark);
  }
}
