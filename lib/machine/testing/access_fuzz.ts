/**
 * Random accesses to every device of a board, as vCPUs make them: any offset, size and value, in memory,
 * at ports and in registers, with time that goes on, resets, and states that are taken out and put back
 * in between.
 */
import type { Bus, BusRegion, BusValue } from "../../devices/vbus/bus.ts";
import { AccessResult, type Device, type DeviceState } from "../../devices/vbus/device.ts";
import { VirtioStatus } from "../../devices/virtio/device.ts";
import { Register } from "../../devices/virtio/registers.ts";
import { FUZZ_CPUS, FUZZ_MEMORY, type FuzzBoard } from "./fuzz_board.ts";
import { Random } from "./random_numbers.ts";

/** Accesses between two things that happen besides. */
const QUIET = 500;

/** Counts of what happened. */
export interface AccessTotals {
  accesses: number;
  refused: number;
  resets: number;
  /** States that were taken out and put back. */
  restored: number;
}

/** What a device answers on one of the buses. */
interface Region extends BusRegion {
  readonly bus: Bus;
}

/** A board under random accesses; the same seed gives the same ones. */
export class AccessFuzz {
  readonly totals: AccessTotals = { accesses: 0, refused: 0, resets: 0, restored: 0 };
  /** Accesses so far, by name of device. */
  readonly byDevice: Map<string, number> = new Map();
  readonly #fuzz: FuzzBoard;
  readonly #random: Random;
  readonly #regions: readonly Region[];
  /** Those of one device, for each. */
  readonly #byDevice: readonly (readonly Region[])[];
  /** Addresses of the virtio devices. */
  readonly #virtio: readonly number[];
  readonly #value: BusValue = { low: 0, high: 0 };

  /** The board becomes this object's. */
  constructor(fuzz: FuzzBoard, seed: number) {
    this.#fuzz = fuzz;
    this.#random = new Random(seed);
    const { bus, ports } = fuzz.board;
    this.#regions = [bus, ...(ports === undefined ? [] : [ports])].flatMap((bus) =>
      bus.regions.map((region): Region => ({ ...region, bus }))
    );
    this.#virtio = this.#regions.filter(({ device }) => /^virtio-.*\.\d$/.test(device.name))
      .map(({ address }) => address);
    this.#byDevice = this.devices.map((name) =>
      this.#regions.filter(({ device }) => device.name === name)
    );
  }

  /** Names of the devices that are accessed. */
  get devices(): readonly string[] {
    return [...new Set(this.#regions.map(({ device }) => device.name))];
  }

  /** Performs so many accesses. Throws what a device throws. */
  async run(accesses: number): Promise<void> {
    for (let i = 0; i < accesses; i++) {
      this.#access();
      if (i % QUIET === 0) await this.#meanwhile();
    }
  }

  /** Lets go of the board. */
  dispose(): void {
    this.#fuzz.dispose();
  }

  #access(): void {
    const random = this.#random;
    const { registers } = this.#fuzz.guest;
    if (registers.length > 0 && random.oneIn(8)) this.#accessRegister(random.pick(registers));
    const { bus, device, address, bytes } = random.pick(random.pick(this.#byDevice));
    const sizes = ([1, 2, 4, 4, 4, 4, 8] as const).filter((size) => size <= bytes);
    const size = random.pick(bus.space === "ports" ? sizes.filter((size) => size <= 4) : sizes);
    const first = random.oneIn(2) ? random.below(Math.min(bytes, 0x200)) : random.below(bytes);
    const offset = random.oneIn(8) ? first : first - first % size;
    const vcpu = random.below(FUZZ_CPUS);
    const result = random.oneIn(3)
      ? bus.read(address + offset, size, this.#value, vcpu)
      : bus.write(address + offset, size, this.#number(), this.#number(), vcpu);
    const { low, high } = this.#value;
    if (!(Number.isInteger(low) && low >= 0 && Number.isInteger(high) && high >= 0)) {
      throw new Error(`a read gave ${low} and ${high}`);
    }
    if (result !== AccessResult.ok) this.totals.refused++;
    this.totals.accesses++;
    this.byDevice.set(device.name, (this.byDevice.get(device.name) ?? 0) + 1);
  }

  #accessRegister(id: number): void {
    const random = this.#random;
    const { registers } = this.#fuzz.board;
    const vcpu = random.below(FUZZ_CPUS);
    if (random.oneIn(3)) {
      const value = registers.readRegister(vcpu, id);
      if (value !== undefined && BigInt.asUintN(64, value) !== value) {
        throw new Error(`register 0x${id.toString(16)} is ${value}`);
      }
      return;
    }
    const high = random.oneIn(2) ? 0n : BigInt(this.#number());
    registers.writeRegister(vcpu, id, (high << 32n) | BigInt(this.#number()));
  }

  /** Something that means much to registers: small numbers, single bits, addresses of RAM. */
  #number(): number {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        return random.word();
      case 1:
        return random.below(16);
      case 2:
        return 2 ** random.below(32);
      case 3:
        return this.#ram + random.below(FUZZ_MEMORY);
      default:
        return this.#ram + random.below(FUZZ_MEMORY / 4096) * 4096;
    }
  }

  /** Where RAM begins. */
  get #ram(): number {
    return this.#fuzz.board.engine.memory.base;
  }

  /** Time, the host's answers, and sometimes a reset or another life of a device. */
  async #meanwhile(): Promise<void> {
    const random = this.#random;
    this.#fuzz.clock.advance(random.below(random.oneIn(60) ? 2_000_000_000 : 1_000_000));
    await this.#fuzz.settle();
    if (random.oneIn(60)) {
      this.#fuzz.board.reset();
      this.totals.resets++;
    }
    if (random.oneIn(4)) {
      const { device } = random.pick(this.#regions);
      const before = device.state();
      device.restore(structuredClone(before) as DeviceState);
      this.totals.restored++;
      checkRestored(device, before);
    }
    if (random.oneIn(4)) this.#negotiate();
    if (random.oneIn(8)) this.#scribble();
  }

  /** What a driver does, so that a virtio device has queues to be notified of. */
  #negotiate(): void {
    const random = this.#random;
    const { bus } = this.#fuzz.board;
    const base = random.pick(this.#virtio);
    const read = (offset: number): number => {
      bus.read(base + offset, 4, this.#value, 0);
      return this.#value.low;
    };
    const write = (offset: number, value: number): void => {
      bus.write(base + offset, 4, value >>> 0, 0, 0);
    };
    write(Register.Status, 0);
    write(Register.Status, VirtioStatus.ACKNOWLEDGE | VirtioStatus.DRIVER);
    for (const half of [0, 1]) {
      write(Register.DeviceFeaturesSel, half);
      write(Register.DriverFeaturesSel, half);
      // All of them, most of the time; the rest is refused or not missed.
      const mask = random.oneIn(4) ? this.#number() | half : ~0;
      write(Register.DriverFeatures, read(Register.DeviceFeatures) & mask);
    }
    write(Register.Status, 0xb);
    for (let queue = 0; queue < 8; queue++) {
      write(Register.QueueSel, queue);
      const most = read(Register.QueueNumMax);
      if (most === 0) continue;
      write(Register.QueueNum, Math.min(most, 2 ** random.below(9)));
      const areas = this.#ram + random.below(FUZZ_MEMORY / 4096 - 16) * 4096;
      write(Register.QueueDescLow, areas);
      write(Register.QueueDriverLow, areas + 0x4000);
      write(Register.QueueDeviceLow, areas + 0x8000);
      write(Register.QueueReady, 1);
    }
    write(Register.Status, 0xf);
  }

  /** The guest's memory, where rings and tables are, is anything at all. */
  #scribble(): void {
    const random = this.#random;
    const { memory } = this.#fuzz.board.engine;
    const start = this.#ram + random.below(FUZZ_MEMORY / 4096) * 4096;
    for (let i = 0; i < 64; i++) memory.write32(start + i * 4, this.#number() >>> 0);
  }
}

/** A device whose state was put back has that state; vsock tells its driver that connections are gone. */
function checkRestored(device: Device, before: DeviceState): void {
  if (device.name.startsWith("virtio-sock")) return;
  const text = (state: DeviceState): string => JSON.stringify(state);
  if (text(device.state()) !== text(before)) {
    throw new Error(`${device.name} has another state after its restore`);
  }
}
