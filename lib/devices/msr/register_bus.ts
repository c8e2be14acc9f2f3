/**
 * The bus of the registers that devices answer: system registers of AArch64 (ICC_*, CNT*), or
 * model-specific registers of x86. A register has a number instead of an address, and there is nothing
 * between two of them: each number belongs to one device or to none.
 */
import type { SystemRegisters } from "../vbus/device.ts";

/** Most registers that one claim may take. */
const LARGEST_CLAIM = 4096;

/** Counters of one register, since statistics were switched on. */
export interface RegisterStatistics {
  /** Number of the register. */
  readonly id: number;
  /** Name of its device. */
  readonly device: string;
  /** Reads. */
  reads: number;
  /** Writes. */
  writes: number;
  /** Reads and writes that the device refused. */
  refused: number;
}

/** One traced access, or the end of a run of folded ones. */
export interface RegisterTrace {
  /** Name of the device, undefined where there is none. */
  readonly device: string | undefined;
  /** Number of the register. */
  readonly id: number;
  /** A write, else a read. */
  readonly write: boolean;
  /** Value written or read; 0 if a read was refused. */
  readonly value: bigint;
  /** Who asked. */
  readonly vcpu: number;
  /** Nobody answered, or the device refused: the guest gets an exception. */
  readonly refused: boolean;
  /** 0 for an access as it happens; else how many accesses to the same register followed untold. */
  readonly folded: number;
}

/** Receives traced accesses. */
export type RegisterTraceSink = (trace: RegisterTrace) => void;

interface Entry {
  readonly name: string;
  readonly device: SystemRegisters;
}

/**
 * A bus of registers. Itself a {@linkcode SystemRegisters}, for the processor: what it does not know is
 * undefined or false, which the processor turns into the exception of its architecture.
 */
export class RegisterBus implements SystemRegisters {
  readonly #entries = new Map<number, Entry>();
  #statistics: Map<number, RegisterStatistics> | undefined;
  #trace: RegisterTraceSink | undefined;
  #fold = false;
  #previous: RegisterTrace | undefined;
  #folded = 0;
  #observed = false;

  /**
   * Gives registers to a device. False, and nothing changes, if one of them has been given already,
   * occurs twice, or is no integer from 0 to 2^32 - 1, or if there is none.
   */
  register(name: string, device: SystemRegisters, ids: Iterable<number>): boolean {
    const wanted = new Set<number>();
    for (const id of ids) {
      if (wanted.has(id) || this.#entries.has(id) || wanted.size === LARGEST_CLAIM) return false;
      if (!Number.isInteger(id) || id < 0 || id > 0xffffffff) return false;
      wanted.add(id);
    }
    const entry = { name, device };
    for (const id of wanted) this.#entries.set(id, entry);
    return wanted.size > 0;
  }

  /** Takes all registers from a device; false if it had none. */
  unregister(device: SystemRegisters): boolean {
    const ids = [...this.#entries].filter(([, entry]) => entry.device === device);
    for (const [id] of ids) this.#entries.delete(id);
    return ids.length > 0;
  }

  /** Whether a register belongs to a device. */
  has(id: number): boolean {
    return this.#entries.has(id);
  }

  readRegister(vcpu: number, id: number): bigint | undefined {
    const entry = this.#entries.get(id);
    const value = entry?.device.readRegister(vcpu, id);
    if (this.#observed) this.#observe(entry, id, false, value ?? 0n, vcpu, value === undefined);
    return value;
  }

  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    const entry = this.#entries.get(id);
    const done = entry !== undefined && entry.device.writeRegister(vcpu, id, value);
    if (this.#observed) this.#observe(entry, id, true, value, vcpu, !done);
    return done;
  }

  /** Switches counters on (from zero) or off. */
  countAccesses(on: boolean): void {
    this.#statistics = on ? new Map() : undefined;
    this.#observed = on || this.#trace !== undefined;
  }

  /** The counters of the registers that were accessed, by number; empty when switched off. */
  get statistics(): readonly RegisterStatistics[] {
    return [...this.#statistics?.values() ?? []].sort((a, b) => a.id - b.id);
  }

  /**
   * Sends every access to `sink`, undefined ends it. With `fold` only the first of a run of accesses
   * to one register is sent, and at the end of the run the last with their number.
   */
  trace(sink: RegisterTraceSink | undefined, options: { readonly fold?: boolean } = {}): void {
    this.#endRun();
    this.#previous = undefined;
    this.#trace = sink;
    this.#fold = options.fold ?? false;
    this.#observed = this.#statistics !== undefined || sink !== undefined;
  }

  #observe(
    entry: Entry | undefined,
    id: number,
    write: boolean,
    value: bigint,
    vcpu: number,
    refused: boolean,
  ): void {
    if (entry !== undefined) this.#count(entry, id, write, refused);
    if (this.#trace === undefined) return;
    const line = { device: entry?.name, id, write, value, vcpu, refused, folded: 0 };
    if (this.#fold && this.#previous?.id === id) this.#folded++;
    else {
      this.#endRun();
      this.#trace(line);
    }
    this.#previous = line;
  }

  /** Only registers of devices are counted: a guest cannot make the table grow. */
  #count({ name }: Entry, id: number, write: boolean, refused: boolean): void {
    if (this.#statistics === undefined) return;
    let counters = this.#statistics.get(id);
    if (counters === undefined) {
      counters = { id, device: name, reads: 0, writes: 0, refused: 0 };
      this.#statistics.set(id, counters);
    }
    if (write) counters.writes++;
    else counters.reads++;
    if (refused) counters.refused++;
  }

  #endRun(): void {
    if (this.#folded > 0 && this.#previous !== undefined) {
      this.#trace?.({ ...this.#previous, folded: this.#folded });
    }
    this.#folded = 0;
  }
}

/** All numbers that differ from `base` in the bits of `free` only, for {@linkcode RegisterBus.register}. */
export function registerRange(base: number, free: number): number[] {
  const ids = [base & ~free];
  for (let bit = 1; bit <= free; bit *= 2) {
    if ((free & bit) !== 0) ids.push(...ids.map((id) => id | bit));
  }
  return ids;
}
