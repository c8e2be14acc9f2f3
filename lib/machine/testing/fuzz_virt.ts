/** Random guests of AArch64 on the virt board. */
import { field } from "../../arch/aarch64/layout.ts";
import { findSystemRegister, writeSystemRegister } from "../../arch/aarch64/system_registers.ts";
import { validateMachineConfig } from "../../config/machine_config.ts";
import { systemRegister } from "../../devices/vbus/device.ts";
import type { BoardOptions } from "../board.ts";
import { VirtBoard } from "../virt.ts";
import { virtioAddress, VirtMap } from "../virt_map.ts";
import { FUZZ_MEMORY, type FuzzGuest, fuzzMachine } from "./fuzz_board.ts";
import { type CodeKind, fillCode, fillTable, fillVectors } from "./random_code_a64.ts";
import type { Random } from "./random_numbers.ts";

const PAGE_WORDS = 1024;
/** Offsets in RAM. */
const VECTORS = 0x800000;
const CODE = 0x801000;
const CODE_PAGES = 3;
const TABLES = 0xa00000;
const TABLE_PAGES = 8;

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
  ...[VirtMap.ram + FUZZ_MEMORY - 4096, VirtMap.ram + FUZZ_MEMORY],
];

/** Guest-physical addresses of the page tables. */
const TABLE_ADDRESSES: readonly number[] = Array.from(
  { length: TABLE_PAGES },
  (_, n) => VirtMap.ram + TABLES + n * 4096,
);

/** What to make a {@linkcode FuzzBoard} of. */
export class VirtGuest implements FuzzGuest {
  readonly board: VirtBoard;
  readonly registers: readonly number[] = [];
  readonly #ram: Uint32Array;

  /** `gic`: version of the interrupt controller; `packed`: virtio devices offer packed queues. */
  constructor(options: BoardOptions, gic: 2 | 3, packed = false) {
    const config = validateMachineConfig({ ...fuzzMachine(packed), gic });
    if (config.arch !== "aarch64") throw new Error("the guests are for AArch64");
    this.board = new VirtBoard({
      ...options,
      config,
      // Cases bring their own code.
      image: { kernel: { kind: "elf", program: { entry: 0, segments: [] } }, initrd: undefined },
    });
    const { bytes } = this.board.engine.memory;
    this.#ram = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  fill(random: Random): void {
    const { memory } = this.board.engine;
    const kind: CodeKind = random.pick(["mixed", "mixed", "memory", "system", "branches"]);
    const page = (at: number, pages = 1): Uint32Array =>
      this.#ram.subarray(at / 4, at / 4 + pages * PAGE_WORDS);
    fillVectors(random, page(VECTORS));
    fillCode(random, page(CODE, CODE_PAGES), kind);
    for (let i = 0; i < TABLE_PAGES; i++) {
      fillTable(random, page(TABLES + i * 4096), TABLE_ADDRESSES, PLACES);
    }
    memory.written(VirtMap.ram + VECTORS, 4096);
    memory.written(VirtMap.ram + CODE, CODE_PAGES * 4096);
    memory.written(VirtMap.ram + TABLES, TABLE_PAGES * 4096);
  }

  codeAddress(random: Random): number {
    return VirtMap.ram + CODE + random.below(CODE_PAGES * PAGE_WORDS) * 4;
  }

  begin(random: Random, vcpu: number): void {
    const { engine: { state }, cpus } = this.board;
    const { context } = cpus[vcpu];
    const set = (id: number, value: bigint): void => {
      const register = findSystemRegister(id);
      if (register === undefined) throw new Error("no such register");
      writeSystemRegister(context, register, value);
    };
    for (let n = 0; n < 31; n++) {
      const place = BigInt(random.pick(PLACES)) + BigInt(random.pick([0, 0, 8, 0x100, 0xff8]));
      state.set64(X, random.oneIn(2) ? place : random.long(), n);
    }
    state.set64(X, BigInt(VirtMap.ram + 0x10000 + random.below(4096) * 16), 31);
    for (let n = 0; n < 64; n++) state.u64[(V.address >>> 3) + n] = random.long();
    set(VBAR, BigInt(VirtMap.ram + VECTORS));
    if (!random.oneIn(8)) set(CPACR, 3n << 20n);
    if (random.oneIn(2)) this.#translate(random, set);
  }

  /** Turns translation on, with tables that lead somewhere most of the time. */
  #translate(random: Random, set: (id: number, value: bigint) => void): void {
    // 39 bits and 4 KiB granules, mostly: table 0 begins with a block that maps RAM onto itself.
    const size = BigInt(random.oneIn(4) ? random.below(64) : 25);
    const granules = random.oneIn(4) ? BigInt(random.below(16)) : 8n;
    set(
      TCR,
      size | (size << 16n) | ((granules & 3n) << 14n) | ((granules >> 2n) << 30n) | (5n << 32n),
    );
    set(MAIR, random.oneIn(4) ? random.long() : 0xff440c0400ffffffn);
    set(TTBR0, BigInt(TABLE_ADDRESSES[0]) | (random.long() & (0xffffn << 48n)));
    set(TTBR1, BigInt(random.pick(TABLE_ADDRESSES)));
    // 0x00000000 and 0x40000000: devices and RAM, for EL1.
    this.#ram.set([0x00000405, 0x00600000, 0x40000701, 0], TABLES / 4);
    set(SCTLR, 0x30c50830n | 1n | (random.oneIn(2) ? random.long() & 0x04f9f21en : 0n));
  }
}
