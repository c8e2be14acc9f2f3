/** Runs a text test with every executor and tells what is not as it should be. */
import { DEVICE, RAM, RAM_SIZE, TABLES, TestMachine, VECTORS } from "./machine.ts";
import type { TextTest } from "./parse.ts";
import { descriptor, MAIR, Tables, TCR } from "./tables.ts";

/** A way to execute a program. */
interface Executor {
  readonly name: string;
  readonly threshold: number;
  readonly slice: number;
  /** Instruction by instruction, as under a debugger in the guest. */
  readonly stepping?: boolean;
  /** All code is compiled before it runs. */
  readonly compiled?: boolean;
}

export const EXECUTORS: readonly Executor[] = [
  { name: "interpreter", threshold: 0, slice: 1_000_000 },
  { name: "interpreter in slices", threshold: 0, slice: 3 },
  { name: "single-step", threshold: 0, slice: 1_000_000, stepping: true },
  { name: "compiled", threshold: 0, slice: 1_000_000, compiled: true },
  { name: "compiled when met", threshold: 1, slice: 5 },
  { name: "compiled when hot", threshold: 3, slice: 40 },
];

/** SCTLR_EL1: M, and SPAN, nTWE, nTWI, UCT, DZE, UCI for programs at EL0. */
const SCTLR = 0x4_84c000n | (1n << 16n) | (1n << 23n) | (1n << 26n);

const machines = new Map<number, TestMachine>();

function machineWith(threshold: number): TestMachine {
  let machine = machines.get(threshold);
  if (machine === undefined) machines.set(threshold, machine = new TestMachine({ threshold }));
  return machine;
}

/** RAM and device where they are. */
function mapUsual(tables: Tables): void {
  tables.map({ virtual: RAM, physical: RAM, rights: "wx", size: "2M" });
  tables.map({ virtual: DEVICE, physical: DEVICE, rights: "wd", size: "4K" });
}

/** The registers of a system whose translation is in `tables`. */
export function setSystemRegisters(machine: TestMachine, tables: Tables, mmu: boolean): void {
  machine.set("VBAR_EL1", BigInt(VECTORS));
  machine.set("TCR_EL1", TCR);
  machine.set("MAIR_EL1", MAIR);
  machine.set("TTBR0_EL1", BigInt(tables.lower));
  machine.set("TTBR1_EL1", BigInt(tables.upper));
  machine.set("SCTLR_EL1", SCTLR | (mmu ? 1n : 0n));
  machine.set("CPACR_EL1", 0x300000n);
}

/** Makes a machine that was reset ready for code at EL1: translation on, RAM where it is. */
export function startSystem(machine: TestMachine): void {
  const tables = new Tables(machine.engine.memory, TABLES);
  mapUsual(tables);
  setSystemRegisters(machine, tables, true);
}

/** What a run left behind. */
interface Outcome {
  readonly end: string;
  readonly executed: number;
  readonly state: Map<string, bigint>;
  readonly ram: Uint8Array;
  readonly device: string;
}

/** State that interrupts change although the program does not see it. */
const INTERRUPT_STATE = new Set(["ELR_EL1", "SPSR_EL1", "TPIDR_EL1", "exclusiveAddress"]);

/** One test in one machine. */
export class Run {
  readonly #test: TextTest;
  readonly #machine: TestMachine;
  readonly #tables: Tables;

  constructor(test: TextTest, machine: TestMachine) {
    this.#test = test;
    this.#machine = machine;
    machine.reset();
    this.#tables = new Tables(machine.engine.memory, TABLES);
  }

  /** A value of the format. */
  value(text: string): bigint {
    const sum = /^(.*\S) \+ (\w+)$/.exec(text);
    if (sum !== null) return this.value(sum[1]) + BigInt(sum[2]);
    const call = /^(\w+)\((.*)\)$/.exec(text);
    if (call !== null) {
      const [first, second] = call[2].split(" ");
      switch (call[1]) {
        case "pte":
          return BigInt(this.#tables.place(Number(first)));
        case "desc":
          return descriptor(Number(first), second, true);
        case "mem":
          return this.#machine.engine.memory.read64(Number(this.value(call[2]))) ?? -1n;
      }
      throw new Error(`${text}?`);
    }
    if (text.startsWith("@")) {
      const address = this.#test.labels.get(text.slice(1));
      if (address === undefined) throw new Error(`no label ${text}`);
      return address;
    }
    return BigInt(text);
  }

  load(): void {
    const test = this.#test;
    const { engine } = this.#machine;
    const tables = this.#tables;
    mapUsual(tables);
    for (const mapping of test.mappings) tables.map(mapping);
    for (const { address, values } of test.data) {
      const at = Number(this.value(address));
      values.forEach((value, i) => {
        engine.memory.write64(at + 8 * i, BigInt.asUintN(64, this.value(value)));
      });
    }
    for (const { physical, words } of test.code) {
      words.forEach((word, i) => engine.memory.write32(physical + 4 * i, word));
    }
  }

  registers(): void {
    const machine = this.#machine;
    machine.cpus[0].reset();
    setSystemRegisters(machine, this.#tables, !this.#test.mmuOff);
    machine.set("pc", BigInt(this.#test.code[0].virtual));
    const { context } = machine.cpus[0];
    for (const [name, text] of this.#test.set) {
      if (name === "nzcv") context.state.nzcv = parseInt(text, 2) << 28;
      else if (name === "el") context.state.setLevel(Number(text), Number(text));
    }
    for (const [name, text] of this.#test.set) {
      if (name === "nzcv" || name === "el") continue;
      const value = this.value(text);
      const register = /^([xv])(\d+)$/.exec(name);
      if (register?.[1] === "x") machine.set("x", value, Number(register[2]));
      else if (register?.[1] === "v") machine.setV(Number(register[2]), value);
      else if (name === "sp") machine.set("x", value, 31);
      else machine.set(name, value);
    }
    machine.cpus[0].reload();
  }

  execute(executor: Executor, irq: number): Outcome {
    const machine = this.#machine;
    const test = this.#test;
    this.load();
    this.registers();
    if (executor.compiled === true) {
      // Of long code only some: each region may be as long as all of it.
      const addresses = test.code.flatMap(({ virtual, words }) =>
        virtual > 2 ** 52
          ? []
          : words.map((_, i) => virtual + 4 * i).filter((_, i) => i < 48 || i % 64 === 0)
      );
      machine.engine.compileAt(0, addresses);
      this.registers();
    }
    const [cpu] = machine.cpus;
    cpu.stepping = executor.stepping === true;
    const end = machine.run({
      slice: irq > 0 ? irq : executor.slice,
      limit: irq > 0 ? 20 * test.limit : test.limit,
      onSlice: irq > 0 ? () => cpu.setIrq(true) : undefined,
    });
    return {
      end: end.reason,
      executed: end.executed,
      state: machine.snapshot(),
      ram: machine.engine.memory.bytes.slice(),
      device: `${machine.device.reads} reads, ${machine.device.log}`,
    };
  }

  /** A value named by an expectation. */
  actual(name: string, outcome: Outcome): bigint | string {
    if (name === "end") return outcome.end;
    if (name === "count") return BigInt(outcome.executed);
    if (name === "device") return outcome.device;
    if (name.startsWith("mem(")) return this.value(name);
    const state = (key: string): bigint => {
      const value = outcome.state.get(key);
      if (value === undefined) throw new Error(`no register ${name}`);
      return value;
    };
    // Of the HVC that ended the test.
    if (name === "at") return state("pc") - 4n;
    if (name === "vector") return state("pc") - 4n - BigInt(VECTORS);
    if (name === "far" || name === "esr" || name === "elr" || name === "spsr") {
      return state(`${name.toUpperCase()}_EL1`);
    }
    return state(name);
  }
}

/** A value of a register as text. */
export const show: (value: bigint | string) => string = (value: bigint | string): string =>
  typeof value === "string" ? value : `0x${BigInt.asUintN(128, value).toString(16)}`;

/** Problems, empty if there are none. */
export function runTextTest(test: TextTest): string[] {
  const problems: string[] = [];
  let first: Outcome | undefined;
  for (const executor of EXECUTORS) {
    for (const irq of test.irq > 0 ? [0, test.irq] : [0]) {
      const name = irq > 0 ? `${executor.name}, interrupted` : executor.name;
      const run = new Run(test, machineWith(executor.threshold));
      const outcome = run.execute(executor, irq);
      for (const [key, text] of test.expect) {
        if (key === "count" && irq > 0) continue;
        const got = run.actual(key, outcome);
        const wanted = key === "end" || key === "device"
          ? text
          : key === "nzcv"
          ? BigInt(parseInt(text, 2))
          : BigInt.asUintN(key.startsWith("v") ? 128 : 64, run.value(text));
        if (got !== wanted) problems.push(`${name}: ${key} = ${show(got)}, not ${show(wanted)}`);
      }
      if (first === undefined) first = outcome;
      else compare(name, first, outcome, irq > 0, problems);
    }
  }
  return problems;
}

/** All executors must leave the same behind. */
function compare(
  name: string,
  first: Outcome,
  outcome: Outcome,
  interrupted: boolean,
  problems: string[],
): void {
  const limited = outcome.end === "limit";
  if (outcome.end !== first.end) {
    problems.push(`${name}: ended by ${outcome.end}, not ${first.end}`);
  }
  if (!interrupted && !limited && outcome.executed !== first.executed) {
    problems.push(`${name}: ${outcome.executed} instructions, not ${first.executed}`);
  }
  if (limited) return;
  for (const [key, value] of first.state) {
    if (interrupted && INTERRUPT_STATE.has(key)) continue;
    const got = outcome.state.get(key) as bigint;
    if (got !== value) problems.push(`${name}: ${key} = ${show(got)}, others ${show(value)}`);
  }
  if (outcome.device !== first.device && !interrupted) {
    problems.push(`${name}: device: ${outcome.device}, others ${first.device}`);
  }
  const at = firstDifference(outcome.ram, first.ram);
  if (at >= 0) {
    problems.push(
      `${name}: RAM differs at 0x${(RAM + at).toString(16)}: ${outcome.ram[at]}, others ${
        first.ram[at]
      }`,
    );
  }
}

/** Offset of the first byte that differs in two RAMs, -1 if none does. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const wordsA = new Int32Array(a.buffer, a.byteOffset, RAM_SIZE / 4);
  const wordsB = new Int32Array(b.buffer, b.byteOffset, RAM_SIZE / 4);
  for (let i = 0; i < wordsA.length; i++) if (wordsA[i] !== wordsB[i]) return 4 * i;
  return -1;
}
