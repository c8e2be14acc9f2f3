/**
 * The engine without a system: identity mapping, no devices. Code runs until an instruction that no
 * row has (a word of zeros ends programs). For tests of instructions and of the engine.
 */
import type { Arch, ArchBinding } from "../../../engine/arch.ts";
import { Engine } from "../../../engine/engine.ts";
import type { Layout, StateField } from "../../../engine/layout.ts";
import { hostRow, type Row } from "../../../engine/row.ts";
import { bytesOfWord, InstructionTable } from "../../../engine/table.ts";
import type { Helper } from "../../../engine/arch.ts";
import { EndingCpu } from "../../../engine/testing/ending_cpu.ts";
import { flagModel } from "../flags.ts";
import { aarch64State } from "../state.ts";
import { AccessResult } from "../../../devices/vbus/device.ts";

/** Where RAM begins. */
export const FLAT_BASE = 0x10000;

/** A word of zeros ends a program. */
const endRow: Row = hostRow("0".repeat(32), "end", "", "end");

class FlatCpu extends EndingCpu {
  readonly #size: number;

  constructor(size: number) {
    super();
    this.#size = size;
  }

  override mode(): number {
    return 1;
  }

  translate(high: number, low: number): boolean {
    if (high !== 0 || low < FLAT_BASE || low >= FLAT_BASE + this.#size) {
      this.end(`fault at ${high.toString(16)}:${low.toString(16)}`);
      return false;
    }
    this.translation.page = low - low % 4096;
    return true;
  }
}

/** Options of {@linkcode FlatMachine}. */
export interface FlatOptions {
  readonly rows: readonly Row[];
  readonly helpers?: readonly Helper[];
  /** 0 interprets everything. @default 0 */
  readonly threshold?: number;
  /** Inlined into the interpreter. */
  readonly common?: readonly number[];
  /** Bytes of RAM. @default 1 MiB */
  readonly ramSize?: number;
}

export class FlatMachine {
  readonly engine: Engine;
  readonly cpu: FlatCpu;

  constructor(options: FlatOptions) {
    const ramSize = options.ramSize ?? 1 << 20;
    const arch: Arch = {
      name: "aarch64 without a system",
      decoder: () => new InstructionTable([...options.rows, endRow]),
      state: aarch64State,
      bind: (layout: Layout): ArchBinding => ({
        flags: flagModel,
        helpers: options.helpers ?? [],
        general: layout.get("x"),
        vector: layout.get("v"),
        zeroRegister: true,
        writableIsReadable: false,
      }),
      instructionAlignment: 4,
      tlbOf: () => 1,
      tlbCount: 3,
      common: { mode: 0, code: (options.common ?? []).map(bytesOfWord) },
      enabled: () => true,
    };
    let cpu = new FlatCpu(ramSize);
    this.engine = new Engine({
      arch,
      cpus: 1,
      ramBase: FLAT_BASE,
      ramSize,
      bus: { access: () => AccessResult.noDevice },
      makeCpu: () => cpu = new FlatCpu(ramSize),
      threshold: options.threshold ?? 0,
    });
    this.cpu = cpu;
  }

  field(name: string): StateField {
    return this.engine.layout.get(name);
  }

  getX(n: number): bigint {
    return this.engine.state.get64(this.field("x"), n);
  }

  setX(n: number, value: bigint): void {
    this.engine.state.set64(this.field("x"), BigInt.asUintN(64, value), n);
  }

  /** Writes code (or data) words. */
  load(address: number, words: readonly number[]): void {
    words.forEach((word, i) => this.engine.memory.write32(address + 4 * i, word));
  }

  /** Runs from an address until the program ends; gives why it stopped ("end", "budget", a fault). */
  run(address: number, instructions = 1_000_000): string {
    this.cpu.stopped = undefined;
    this.engine.state.set64(this.field("pc"), BigInt(address));
    let left = instructions;
    while (left > 0 && this.cpu.stopped === undefined) left -= this.engine.run(0, left).executed;
    return this.cpu.stopped ?? "budget";
  }
}
