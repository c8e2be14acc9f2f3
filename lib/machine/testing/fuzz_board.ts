/**
 * Runs random guest code on a whole board and checks that the host comes to no harm: nothing is thrown,
 * slices end, and every address that generated code may use leads into guest RAM.
 */
import type { MachineOptions } from "../../config/machine_config.ts";
import { VmmDebug } from "../../config/vmm_debug.ts";
import {
  RAM_BASE,
  SCRATCH,
  TLB_BASE,
  TLB_ENTRY,
  TLB_LIMIT,
  TLB_STRIDE,
} from "../../engine/memory_map.ts";
import { VirtualClock } from "../../platform/clock.ts";
import { virtualPlatform } from "../../platform/virtual.ts";
import { type Board, type BoardOptions, vcpuId } from "../board.ts";
import { seededRandom } from "../random.ts";
import { Vcpus } from "../vcpus.ts";
import { Random } from "./random_numbers.ts";

/** vCPUs of each board. */
export const FUZZ_CPUS = 2;
/** Bytes of RAM. */
export const FUZZ_MEMORY: number = 16 * 2 ** 20;
/** Instructions of one slice, and by how much the engine may overrun that (a region's loop-free part). */
const SLICE = 5000;
const OVERRUN = 50_000;
const SLICES = 6;

/** The machine that a board is made for, with all kinds of virtio devices. */
export function fuzzMachine(packed: boolean): MachineOptions {
  return {
    memory: FUZZ_MEMORY,
    cpus: FUZZ_CPUS,
    time: "virtual",
    devices: [
      { type: "virtio-block", file: new Uint8Array(65536), queues: 2, packed },
      { type: "virtio-net", backend: "loopback", queuePairs: 2, packed },
      { type: "virtio-console", ports: [{ name: "port" }], packed },
      { type: "virtio-rng", packed },
      { type: "virtio-sock", cid: 3, packed },
    ],
  };
}

/** A board and the random guests of its architecture. */
export interface FuzzGuest {
  readonly board: Board;
  /** Numbers of registers that devices answer and any vCPU may access at any time. */
  readonly registers: readonly number[];
  /** Puts code and tables of a new case into RAM. */
  fill(random: Random): void;
  /** Gives a vCPU that has just been reset, and is the engine's current one, the registers to begin with. */
  begin(random: Random, vcpu: number): void;
  /** A virtual address where there may be code. */
  codeAddress(random: Random): number;
}

/** Counts of what the cases did. */
export interface FuzzTotals {
  cases: number;
  instructions: number;
  /** Addresses at which code was compiled. */
  compiled: number;
  /** Slices that an instruction of the guest ended: power-off, reset, triple fault. */
  stopped: number;
}

/** A board on which cases run one after the other. */
export class FuzzBoard {
  readonly guest: FuzzGuest;
  readonly totals: FuzzTotals = { cases: 0, instructions: 0, compiled: 0, stopped: 0 };
  readonly clock: VirtualClock = new VirtualClock();
  readonly #vcpus: Vcpus;
  readonly #pending = new Set<Promise<unknown>>();
  /** The guest has stopped the machine. */
  #stopped = false;

  /** `make` makes the board. */
  constructor(make: (options: BoardOptions) => FuzzGuest) {
    this.#vcpus = new Vcpus({
      count: FUZZ_CPUS,
      affinity: vcpuId,
      core: (vcpu) => this.board.cpus[vcpu],
      select: (vcpu) => this.board.engine.select(vcpu),
      isMemory: (address) => this.board.engine.memory.contains(Number(address), 4),
      requestExit: () => this.board.engine.requestExit(),
      stop: () => {
        this.totals.stopped++;
        this.#stopped = true;
        this.board.engine.requestExit();
      },
    });
    const note = (promise: Promise<unknown>): void => {
      this.#pending.add(promise);
      const done = (): void => void this.#pending.delete(promise);
      promise.then(done, done);
    };
    this.guest = make({
      clock: this.clock,
      debug: new VmmDebug(),
      lifecycle: this.#vcpus,
      random: seededRandom(1),
      wake: () => {},
      virtual: true,
      host: { hold: note, expect: note, yield: () => Promise.resolve() },
      platform: virtualPlatform(),
      hubs: new Map(),
      onFailure: () => {},
    });
  }

  get board(): Board {
    return this.guest.board;
  }

  /**
   * Runs one case.
   * @throws {Error} if the host was harmed; the message names the case.
   */
  async run(seed: number): Promise<void> {
    const random = new Random(seed);
    try {
      if (random.oneIn(8)) this.board.reset();
      this.guest.fill(random);
      this.#begin(random);
      for (let slice = 0; slice < SLICES; slice++) {
        this.#slice(random);
        // Requests of devices end in tasks of their own.
        await this.settle();
        // Many a guest soon does the same again and again.
        if (this.#stopped || random.oneIn(4)) this.#begin(random);
      }
      this.#checkTlbs();
    } catch (error) {
      throw new Error(`case ${seed}`, { cause: error });
    }
    this.totals.cases++;
  }

  /** Until what devices have asked of the host is done, as far as that needs no time. */
  async settle(): Promise<void> {
    if (this.#pending.size > 0) await Promise.resolve();
  }

  /** Lets go of the board. */
  dispose(): void {
    this.board.shutdown();
    this.board.engine.dispose();
  }

  /** All vCPUs are reset and begin with random registers. */
  #begin(random: Random): void {
    const { guest } = this;
    this.#stopped = false;
    this.#vcpus.reset(BigInt(guest.codeAddress(random)), 0n);
    for (let vcpu = 1; vcpu < FUZZ_CPUS; vcpu++) {
      this.#vcpus.turnOn(vcpu, BigInt(guest.codeAddress(random)), 0n);
    }
    for (let n = 0; n < FUZZ_CPUS; n++) {
      const vcpu = this.#vcpus.next();
      if (vcpu < 0) return;
      this.#vcpus.endTurn(vcpu);
      this.board.engine.select(vcpu);
      guest.begin(random, vcpu);
    }
  }

  #slice(random: Random): void {
    const { engine } = this.board;
    this.clock.advance(random.below(2_000_000));
    const vcpu = this.#vcpus.next();
    if (vcpu < 0) return;
    if (random.oneIn(3)) {
      const addresses = Array.from({ length: 8 }, () => this.guest.codeAddress(random));
      engine.compileAt(vcpu, addresses, random.pick([1, 20, 600]));
      this.totals.compiled += addresses.length;
    }
    const { executed, reason } = engine.run(vcpu, SLICE);
    if (reason === "wait") this.#vcpus.wait(vcpu);
    this.#vcpus.endTurn(vcpu);
    if (!(executed >= 0 && executed <= SLICE + OVERRUN)) {
      throw new Error(`a slice of ${SLICE} executed ${executed} instructions`);
    }
    this.totals.instructions += executed;
  }

  /** Generated code reaches exactly what the TLBs lead to. */
  #checkTlbs(): void {
    const { buffer } = this.board.engine.memory.bytes;
    const words = new Int32Array(buffer, 0, (TLB_BASE + TLB_LIMIT * TLB_STRIDE) / 4);
    for (let at = TLB_BASE; at < TLB_BASE + TLB_LIMIT * TLB_STRIDE; at += TLB_ENTRY) {
      const low = words[at / 4];
      if (low === -1 && words[at / 4 + 1] === -1) continue;
      const host = (low + words[at / 4 + 2]) >>> 0;
      const inRam = host >= RAM_BASE && host + 4096 <= RAM_BASE + FUZZ_MEMORY;
      if (inRam && (low & 4095) === 0 && (host & 4095) === 0) continue;
      const scratch = host >>> 0 === SCRATCH ? " (scratch)" : "";
      throw new Error(`a TLB entry leads to 0x${host.toString(16)}${scratch}`);
    }
  }
}
