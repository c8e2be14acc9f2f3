/**
 * Runs random guest code on a whole virt board and checks that the host comes to no harm: nothing
 * is thrown, slices end, and every address that generated code may use leads into guest RAM.
 */
import { field } from "../../arch/aarch64/layout.ts";
import { findSystemRegister, writeSystemRegister } from "../../arch/aarch64/system_registers.ts";
import { validateMachineConfig } from "../../config/machine_config.ts";
import { VmmDebug } from "../../config/vmm_debug.ts";
import { systemRegister } from "../../devices/vbus/device.ts";
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
import { seededRandom } from "../random.ts";
import { vcpuId } from "../board.ts";
import { VirtBoard } from "../virt.ts";
import { virtioAddress, VirtMap } from "../virt_map.ts";
import { Vcpus } from "../vcpus.ts";
import { type CodeKind, fillCode, fillTable, fillVectors, Random } from "./random_code.ts";

const MEMORY = 16 * 2 ** 20;
const PAGE_WORDS = 1024;
/** Offsets in RAM. */
const VECTORS = 0x800000;
const CODE = 0x801000;
const CODE_PAGES = 3;
const TABLES = 0xa00000;
const TABLE_PAGES = 8;
/** Instructions of one slice, and by how much the engine may overrun that (a region's loop-free part). */
const SLICE = 5000;
const OVERRUN = 50_000;

const X = field("x");
const V = field("v");
const VBAR = systemRegister(3, 0, 12, 0, 0);
const SCTLR = systemRegister(3, 0, 1, 0, 0);
const TTBR0 = systemRegister(3, 0, 2, 0, 0);
const TTBR1 = systemRegister(3, 0, 2, 0, 1);
const TCR = systemRegister(3, 0, 2, 0, 2);
const MAIR = systemRegister(3, 0, 10, 2, 0);
const CPACR = systemRegister(3, 0, 1, 0, 2);

/** Pages where something answers, and some where nothing does. */
const PLACES: readonly number[] = [
  ...[VirtMap.gic, VirtMap.gicRedistributors, VirtMap.gicRedistributors + 0x10000],
  ...[VirtMap.gicIts, VirtMap.gicIts + 0x10000],
  ...[VirtMap.pl011, VirtMap.pl031, VirtMap.fwCfg, VirtMap.pl061, VirtMap.stolenTime],
  ...[31, 30, 29, 28, 27, 0].map(virtioAddress),
  ...[0, 0x0904_0000, 0x1000_0000, 0xffff_f000],
  ...[VirtMap.ram, VirtMap.ram + CODE, VirtMap.ram + TABLES, VirtMap.ram + VECTORS],
  ...[VirtMap.ram + MEMORY - 4096, VirtMap.ram + MEMORY],
];

/** Counts of what the cases did. */
export interface FuzzTotals {
  cases: number;
  instructions: number;
  /** Code pages, regions and so on are in here. */
  compiled: number;
  stopped: number;
}

/** A board on which cases run one after the other. */
export class FuzzBoard {
  readonly board: VirtBoard;
  readonly totals: FuzzTotals = { cases: 0, instructions: 0, compiled: 0, stopped: 0 };
  readonly #vcpus: Vcpus;
  readonly clock: VirtualClock = new VirtualClock();
  readonly #ram: Uint32Array;
  readonly #pending = new Set<Promise<unknown>>();
  /** Slices that an instruction of the guest ended. */
  #failures = 0;

  /**
   * @param gic version of the interrupt controller.
   * @param packed whether virtio devices offer packed queues.
   */
  constructor(gic: 2 | 3, packed = false) {
    const config = validateMachineConfig({
      memory: MEMORY,
      cpus: 2,
      gic,
      time: "virtual",
      devices: [
        { type: "virtio-block", file: new Uint8Array(65536), queues: 2, packed },
        { type: "virtio-net", backend: "loopback", queuePairs: 2, packed },
        { type: "virtio-console", ports: [{ name: "port" }], packed },
        { type: "virtio-rng", packed },
        { type: "virtio-sock", cid: 3, packed },
      ],
    });
    if (config.arch !== "aarch64") throw new Error("the cases are for AArch64");
    const board = (): VirtBoard => this.board;
    this.#vcpus = new Vcpus({
      count: 2,
      affinity: vcpuId,
      core: (vcpu) => board().cpus[vcpu],
      select: (vcpu) => board().engine.select(vcpu),
      isMemory: (address) => board().engine.memory.contains(Number(address), 4),
      requestExit: () => board().engine.requestExit(),
      stop: () => {
        this.totals.stopped++;
        board().engine.requestExit();
      },
    });
    const note = (promise: Promise<unknown>): void => {
      this.#pending.add(promise);
      const done = (): void => void this.#pending.delete(promise);
      promise.then(done, done);
    };
    this.board = new VirtBoard({
      config,
      // Cases bring their own code.
      image: { kernel: { kind: "elf", program: { entry: 0, segments: [] } }, initrd: undefined },
      clock: this.clock,
      debug: new VmmDebug(),
      lifecycle: this.#vcpus,
      random: seededRandom(1),
      wake: () => {},
      virtual: true,
      host: { hold: note, expect: note, yield: () => Promise.resolve() },
      platform: virtualPlatform(),
      hubs: new Map(),
      onFailure: () => {
        this.#failures++;
      },
    });
    const { bytes } = this.board.engine.memory;
    this.#ram = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /**
   * Runs one case.
   * @throws {Error} if the host was harmed; the message names the case.
   */
  async run(seed: number): Promise<void> {
    const random = new Random(seed);
    try {
      this.#prepare(random);
      for (let slice = 0; slice < 6; slice++) {
        this.#slice(random);
        // Requests of devices end in tasks of their own.
        await this.settle();
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

  #prepare(random: Random): void {
    const { engine, cpus } = this.board;
    if (random.oneIn(8)) this.board.reset();
    const kind: CodeKind = random.pick(["mixed", "mixed", "memory", "system", "branches"]);
    const page = (at: number, pages = 1): Uint32Array =>
      this.#ram.subarray(at / 4, at / 4 + pages * PAGE_WORDS);
    fillVectors(random, page(VECTORS));
    fillCode(random, page(CODE, CODE_PAGES), kind);
    const tables = Array.from({ length: TABLE_PAGES }, (_, i) => VirtMap.ram + TABLES + i * 4096);
    for (let i = 0; i < TABLE_PAGES; i++) {
      fillTable(random, page(TABLES + i * 4096), tables, PLACES);
    }
    engine.memory.written(VirtMap.ram + VECTORS, 4096);
    engine.memory.written(VirtMap.ram + CODE, CODE_PAGES * 4096);
    engine.memory.written(VirtMap.ram + TABLES, TABLE_PAGES * 4096);

    this.#vcpus.reset(BigInt(VirtMap.ram + CODE + random.below(64) * 4), 0n);
    this.#vcpus.turnOn(1, BigInt(VirtMap.ram + CODE + random.below(1024) * 4), 0n);
    for (const vcpu of [0, 1]) {
      const number = this.#vcpus.next();
      if (number >= 0) this.#vcpus.endTurn(number);
      engine.select(number < 0 ? vcpu : number);
      const { context } = cpus[number < 0 ? vcpu : number];
      const set = (id: number, value: bigint): void => {
        const register = findSystemRegister(id);
        if (register === undefined) throw new Error("no such register");
        writeSystemRegister(context, register, value);
      };
      for (let n = 0; n < 31; n++) {
        const place = BigInt(random.pick(PLACES)) + BigInt(random.pick([0, 0, 8, 0x100, 0xff8]));
        engine.state.set64(X, random.oneIn(2) ? place : random.long(), n);
      }
      engine.state.set64(X, BigInt(VirtMap.ram + 0x10000 + random.below(4096) * 16), 31);
      for (let n = 0; n < 64; n++) engine.state.u64[(V.address >>> 3) + n] = random.long();
      set(VBAR, BigInt(VirtMap.ram + VECTORS));
      if (!random.oneIn(8)) set(CPACR, 3n << 20n);
      if (random.oneIn(2)) this.#translate(random, set, tables);
    }
  }

  /** Turns translation on, with tables that lead somewhere most of the time. */
  #translate(
    random: Random,
    set: (id: number, value: bigint) => void,
    tables: readonly number[],
  ): void {
    // 39 bits and 4 KiB granules, mostly: table 0 begins with a block that maps RAM onto itself.
    const first = tables[0] - VirtMap.ram;
    const size = BigInt(random.oneIn(4) ? random.below(64) : 25);
    const granules = random.oneIn(4) ? BigInt(random.below(16)) : 8n;
    set(
      TCR,
      size | (size << 16n) | ((granules & 3n) << 14n) | ((granules >> 2n) << 30n) | (5n << 32n),
    );
    set(MAIR, random.oneIn(4) ? random.long() : 0xff440c0400ffffffn);
    set(TTBR0, BigInt(tables[0]) | (random.long() & (0xffffn << 48n)));
    set(TTBR1, BigInt(random.pick(tables)));
    // 0x00000000 and 0x40000000: devices and RAM, for EL1.
    this.#ram.set([0x00000405, 0x00600000, 0x40000701, 0], first / 4);
    set(SCTLR, 0x30c50830n | 1n | (random.oneIn(2) ? random.long() & 0x04f9f21en : 0n));
  }

  #slice(random: Random): void {
    const { engine } = this.board;
    this.clock.advance(random.below(2_000_000));
    const vcpu = this.#vcpus.next();
    if (vcpu < 0) return;
    if (random.oneIn(3)) {
      const addresses = Array.from(
        { length: 8 },
        () => VirtMap.ram + CODE + random.below(CODE_PAGES * PAGE_WORDS) * 4,
      );
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
      const inRam = host >= RAM_BASE && host + 4096 <= RAM_BASE + MEMORY;
      if (inRam && (low & 4095) === 0 && (host & 4095) === 0) continue;
      const scratch = host >>> 0 === SCRATCH ? " (scratch)" : "";
      throw new Error(`a TLB entry leads to 0x${host.toString(16)}${scratch}`);
    }
  }
}
