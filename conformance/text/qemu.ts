/**
 * Runs text tests on QEMU and compares what they expect: node conformance/text/qemu.ts FILE...
 * Left out are tests with the test device, interrupts or an end other than HVC. Needs
 * qemu-system-aarch64 and aarch64-linux-gnu binutils.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { RAM, RAM_SIZE, TestMachine, VECTORS } from "./machine.ts";
import { parseTests, type TextTest } from "./parse.ts";
import { Run, show } from "./runner.ts";

const BASE = 0x40000000;
const PARAMETERS = 0x3000000;
const RESULTS = 0x3100000;
const IMAGE = 0x4000000;
const STUB = 0x2000000;
const SIZE = 128 << 20;
/** Of parameters and results: v0. */
const VECTOR_REGISTERS = (31 + 11) * 8 + 8;
const RESULT_VECTORS = 31 * 8 + 88;

const folder = mkdtempSync(join(tmpdir(), "text-"));
const machine = new TestMachine();

function buildStub(): Buffer {
  const source = fileURLToPath(new URL("qemu.S", import.meta.url));
  execFileSync("aarch64-linux-gnu-as", [source, "-o", join(folder, "s.o")]);
  execFileSync("aarch64-linux-gnu-objcopy", [
    "-O",
    "binary",
    join(folder, "s.o"),
    join(folder, "s.bin"),
  ]);
  return readFileSync(join(folder, "s.bin"));
}

function parameters(): Uint8Array {
  const view = new DataView(new ArrayBuffer(1024));
  const state = machine.snapshot();
  const get = (name: string): bigint => state.get(name) ?? 0n;
  const { context } = machine.cpus[0];
  const isEl0 = context.state.el === 0;
  const values = Array.from({ length: 31 }, (_, n) => get(`x${n}`));
  values.push(isEl0 ? get("sp") : get("SP_EL0"), isEl0 ? get("SP_EL1") : get("sp"));
  values.push(get("pc"), BigInt(context.state.spsr()));
  for (const name of ["VBAR", "TCR", "MAIR", "TTBR0", "TTBR1", "SCTLR", "CPACR"]) {
    values.push(get(`${name}_EL1`));
  }
  values.forEach((value, i) => view.setBigUint64(8 * i, value, true));
  for (let n = 0; n < 8; n++) {
    view.setBigUint64(VECTOR_REGISTERS + 16 * n, BigInt.asUintN(64, get(`v${n}`)), true);
    view.setBigUint64(VECTOR_REGISTERS + 16 * n + 8, get(`v${n}`) >> 64n, true);
  }
  return new Uint8Array(view.buffer);
}

/** Problems, or undefined if the test is not for QEMU. */
function runOnQemu(test: TextTest, stub: Uint8Array): string[] | undefined {
  const uses = JSON.stringify([test.set, test.mappings, test.expect]);
  if (
    test.notOnQemu || test.irq > 0 ||
    /0x10000000"|0x1000003|"end"|"device"|536870912|MDSCR/.test(uses)
  ) return undefined;
  const run = new Run(test, machine);
  run.load();
  run.registers();
  const path = join(folder, "ram");
  const file = openSync(path, "w+");
  ftruncateSync(file, SIZE);
  writeSync(file, stub, 0, stub.length, STUB);
  const values = parameters();
  writeSync(file, values, 0, values.length, PARAMETERS);
  writeSync(file, machine.engine.memory.bytes.slice(), 0, RAM_SIZE, IMAGE);
  const { error } = spawnSync("qemu-system-aarch64", [
    ...["-M", "virt,virtualization=on,memory-backend=m", "-cpu", "cortex-a76", "-m", "128M"],
    ...["-object", `memory-backend-file,id=m,size=128M,mem-path=${path},share=on`],
    ...["-device", `loader,addr=${BASE + STUB},cpu-num=0`, "-display", "none", "-monitor", "none"],
  ], { timeout: 10_000, killSignal: "SIGKILL" });
  if (error !== undefined) return [String(error)];
  const results = new DataView(new ArrayBuffer(1024));
  readSync(file, results, 0, 1024, RESULTS);
  const ram = new DataView(new ArrayBuffer(RAM_SIZE));
  readSync(file, ram, 0, RAM_SIZE, RAM - BASE);
  closeSync(file);
  const word = (index: number): bigint => results.getBigUint64(8 * index, true);
  const end = word(31 + 8) >> 26n;
  const problems: string[] = end === 0x16n ? [] : [`ended with class ${show(end)}, not HVC`];
  const isEl1h = (word(34) & 15n) === 5n;
  const named: Record<string, bigint> = {
    sp: word(isEl1h ? 32 : 31),
    SP_EL0: word(31),
    pc: word(33),
    at: word(33) - 4n,
    vector: word(33) - 4n - BigInt(VECTORS),
    esr: word(35),
    far: word(36),
    elr: word(37),
    spsr: word(38),
  };
  for (const [name, text] of test.expect) {
    const register = /^([xv])(\d+)$/.exec(name);
    // QEMU clears the flags when it takes an exception; SPSR_EL1 tells what they were.
    if (name === "count" || name === "nzcv") continue;
    let got = named[name];
    const n = Number(register?.[2]);
    if (register?.[1] === "x") got = word(n);
    else if (register !== null) {
      const at = RESULT_VECTORS + 16 * n;
      got = (results.getBigUint64(at + 8, true) << 64n) | results.getBigUint64(at, true);
    } else if (name.startsWith("mem(")) {
      got = ram.getBigUint64(Number(name.slice(4, -1)) - RAM, true);
    }
    const wanted = run.value(text);
    if (got !== BigInt.asUintN(register?.[1] === "v" ? 128 : 64, wanted)) {
      problems.push(`${name} = ${show(got)}, not ${show(wanted)}`);
    }
  }
  return problems;
}

const stub = buildStub();
let count = 0;
for (const file of process.argv.slice(2)) {
  for (const test of parseTests(readFileSync(file, "utf8"))) {
    const problems = runOnQemu(test, stub);
    if (problems === undefined) continue;
    count++;
    if (problems.length > 0) {
      console.log(`${file}: ${test.name}\n  ${problems.join("\n  ")}`);
      process.exitCode = 1;
    }
  }
}
console.log(`${count} tests on QEMU`);
rmSync(folder, { recursive: true });
