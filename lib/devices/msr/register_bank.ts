/**
 * Registers that hold a value, described by a table: reads, writes, reset, saved state and
 * documentation come from it. For model-specific registers of x86 as for system registers of AArch64.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState, SystemRegisters } from "../vbus/device.ts";

const ALL = 0xffffffff_ffffffffn;

/** One register, as a row of a table. */
export interface RegisterRow {
  /** As in the manual. */
  readonly name: string;
  /** Number: AArch64 op0:op1:CRn:CRm:op2, or the x86 MSR's. */
  readonly id: number;
  /** What a guest may do; the rest is refused. @default "rw" */
  readonly rights?: "r" | "w" | "rw";
  /** Value at reset, with RES1 bits set. @default 0 */
  readonly reset?: bigint;
  /** Bits that can be written; the others keep their value. 0: writes are ignored. @default all 64 */
  readonly mask?: bigint;
  /** What a write does that would change a bit outside of `mask`. @default "ignore" */
  readonly reserved?: "ignore" | "refuse";
  /** Gives the value instead of what was stored. */
  readonly read?: (vcpu: number, stored: bigint) => bigint;
  /** Called when a value was stored. */
  readonly written?: (vcpu: number, value: bigint, before: bigint) => void;
}

/** The registers of a table, for each vCPU. */
export class RegisterBank implements SystemRegisters {
  readonly #name: string;
  readonly #rows: ReadonlyMap<number, RegisterRow>;
  /** By vCPU, then in the order of the table. */
  readonly #values: BigUint64Array[];
  readonly #index: ReadonlyMap<number, number>;

  /**
   * A bank in its reset state.
   *
   * @throws {RangeError} if two rows have the same number, or a reset value is no 64-bit number.
   */
  constructor(name: string, rows: readonly RegisterRow[], vcpus: number) {
    this.#name = name;
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#index = new Map(rows.map((row, index) => [row.id, index]));
    if (this.#rows.size !== rows.length) throw new RangeError(`${name}: a number occurs twice`);
    for (const { name: register, reset = 0n } of rows) {
      if (reset < 0n || reset > ALL) throw new RangeError(`${register}: reset is not 64 bits`);
    }
    this.#values = Array.from({ length: vcpus }, () => new BigUint64Array(rows.length));
    this.reset();
  }

  /** Numbers of the registers, for a bus. */
  get ids(): readonly number[] {
    return [...this.#rows.keys()];
  }

  /** All registers of all vCPUs back to their reset values. */
  reset(): void {
    for (const values of this.#values) {
      for (const [id, index] of this.#index) values[index] = this.#rows.get(id)?.reset ?? 0n;
    }
  }

  readRegister(vcpu: number, id: number): bigint | undefined {
    const row = this.#rows.get(id);
    const values = this.#values[vcpu];
    if (row === undefined || values === undefined || row.rights === "w") return undefined;
    const stored = values[this.#index.get(id) ?? 0];
    return row.read === undefined ? stored : BigInt.asUintN(64, row.read(vcpu, stored));
  }

  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    const row = this.#rows.get(id);
    const values = this.#values[vcpu];
    if (row === undefined || values === undefined || row.rights === "r") return false;
    const index = this.#index.get(id) ?? 0;
    const before = values[index];
    const { mask = ALL, reserved = "ignore" } = row;
    const given = BigInt.asUintN(64, value);
    if (reserved === "refuse" && ((given ^ before) & ~mask) !== 0n) return false;
    const after = (before & ~mask) | (given & mask);
    values[index] = after;
    row.written?.(vcpu, after, before);
    return true;
  }

  /** The values of all registers, by vCPU and name. */
  state(): DeviceState {
    return this.#values.map((values) =>
      Object.fromEntries(
        [...this.#rows.values()].map(({ name }, index) => [name, values[index].toString(16)]),
      )
    );
  }

  /** Puts back what `state` gave. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    if (!Array.isArray(state) || state.length !== this.#values.length) {
      throw new TypeError(`state of ${this.#name} is not that of ${this.#values.length} vCPUs`);
    }
    const rows = [...this.#rows.values()];
    const restored = state.map((saved: DeviceState) => {
      const reader = new StateReader(saved, this.#name);
      return rows.map(({ name, mask = ALL, reset = 0n }) => {
        const text = reader.string(name);
        const value = /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
        if (value === undefined || ((value ^ reset) & ~mask) !== 0n) {
          throw new TypeError(`state of ${this.#name}: ${name} is no value of that register`);
        }
        return value;
      });
    });
    restored.forEach((values, vcpu) => this.#values[vcpu].set(values));
  }
}
