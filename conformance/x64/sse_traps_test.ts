import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestFault, Vector } from "../../lib/arch/x86_64/guest_fault.ts";
import { instructionHelpers, instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { field } from "../../lib/arch/x86_64/layout.ts";
import { MXCSR, mxcsrField, writeMxcsr } from "../../lib/arch/x86_64/mxcsr.ts";
import { SingleMachine } from "./single_machine.ts";
import { CODE } from "./state.ts";

const ONE = 0x3ff00000_00000000n;
const THREE = 0x40080000_00000000n;
/** DIVSD XMM0,XMM1 and DIVSD XMM0,XMM2 */
const DIVIDE_BY_1 = [0xf2, 0x0f, 0x5e, 0xc1];
const DIVIDE_BY_2 = [0xf2, 0x0f, 0x5e, 0xc2];

/** A machine with 1, 0 and 3 in its first registers. */
function machineWith(mxcsr: number): SingleMachine {
  const machine = new SingleMachine(instructionRows, instructionHelpers);
  const { view } = machine;
  const xmm = field("xmm").address >>> 3;
  view.u64.set([ONE, 0n, 0n, 0n, THREE, 0n], xmm);
  writeMxcsr(view, mxcsr);
  return machine;
}

/** Executes one instruction. Gives the vector of its exception. */
function execute(machine: SingleMachine, code: readonly number[]): number | undefined {
  machine.code.set(code);
  machine.view.set64(field("pc"), BigInt(CODE.address));
  try {
    machine.step();
    return undefined;
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    machine.afterFault();
    return error.vector;
  }
}

const firstOf = ({ view }: SingleMachine): bigint => view.get64(field("xmm"));

test("an exception that is not masked leaves the destination and sets its flag", () => {
  const machine = machineWith(MXCSR.initial & ~(MXCSR.ZE << MXCSR.MASK_SHIFT));
  assert.equal(execute(machine, DIVIDE_BY_1), Vector.simd);
  assert.equal(firstOf(machine), ONE);
  assert.equal(machine.view.get32(mxcsrField) & MXCSR.flags, MXCSR.ZE);
});

test("a flag that is set already does not trap, nor does an exception of an earlier instruction", () => {
  const machine = machineWith(MXCSR.initial & ~(MXCSR.ZE << MXCSR.MASK_SHIFT));
  assert.equal(execute(machine, DIVIDE_BY_1), Vector.simd);
  assert.equal(execute(machine, DIVIDE_BY_2), undefined);
  assert.equal(firstOf(machine), 0x3fd55555_55555555n);
  assert.equal(machine.view.get32(mxcsrField) & MXCSR.flags, MXCSR.ZE | MXCSR.PE);
});

test("results are inexact at once once that is known, and trap if PE is not masked", () => {
  const machine = machineWith(MXCSR.initial | MXCSR.PE);
  assert.equal(execute(machine, DIVIDE_BY_2), undefined);
  const strict = machineWith((MXCSR.initial | MXCSR.PE) & ~MXCSR.PM);
  assert.equal(execute(strict, DIVIDE_BY_2), Vector.simd);
  assert.equal(firstOf(strict), ONE);
});
