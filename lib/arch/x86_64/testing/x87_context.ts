/** The x87 unit without a vCPU, for tests: a state block, and a memory operand of its own. */
import { STATE_BASE, STATE_SIZE, StateView } from "../../../engine/layout.ts";
import { controlOperations } from "../x87_control.ts";
import { operations, type X87Context } from "../x87_instructions.ts";
import { X87Unit } from "../x87_unit.ts";

/** Runs x87 operations by the title of their rows. */
export class TestX87 implements X87Context {
  readonly fpu: X87Unit = new X87Unit(new StateView(new ArrayBuffer(STATE_BASE + STATE_SIZE)));
  readonly memory: Uint8Array = new Uint8Array(128);
  i = 0;
  size = 4;
  flags = 0;
  ax = 0;

  constructor() {
    this.fpu.initialize();
  }

  /** Executes an instruction with ST(i), or after `value` was put into memory. */
  run(
    title: string,
    { i = 0, size = 4, value = 0n }: { i?: number; size?: number; value?: bigint } = {},
  ): this {
    this.i = i;
    this.size = size;
    if (value !== 0n) this.store(10, value);
    const operation = operations.get(title) ?? controlOperations.get(title);
    if (operation === undefined) throw new Error(`no ${title}`);
    operation(this);
    return this;
  }

  /** Pushes numbers, the last becomes ST(0). */
  push(...values: readonly bigint[]): this {
    for (const value of values) this.fpu.push(value);
    return this;
  }

  load(size: number, offset: number = 0): bigint {
    let bits = 0n;
    for (let n = size - 1; n >= 0; n--) bits = (bits << 8n) | BigInt(this.memory[offset + n]);
    return bits;
  }

  probe(): void {}

  store(size: number, bits: bigint, offset: number = 0): void {
    for (let n = 0; n < size; n++) this.memory[offset + n] = Number((bits >> BigInt(8 * n)) & 255n);
  }

  compared(flags: number): void {
    this.flags = flags;
  }

  setAx(value: number): void {
    this.ax = value;
  }
}

const double = new DataView(new ArrayBuffer(8));

/** A number in the x87 format. */
export function extendedOf(value: number): bigint {
  double.setFloat64(0, value);
  const x87 = new TestX87().run("FLD M8", { value: double.getBigUint64(0) });
  return x87.fpu.get(0);
}

/** The number nearest to one in the x87 format. */
export function numberOf(bits: bigint): number {
  double.setBigUint64(0, new TestX87().push(bits).run("FST M8").load(8));
  return double.getFloat64(0);
}
