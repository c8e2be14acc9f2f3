/**
 * Control instructions of the x87, and the images of its environment and state in memory (SDM volume
 * 1, 8.1.10, 8.3.11). Images have the protected-mode formats of 16 and 32 bits, in real mode too.
 */
import { Condition } from "./x87_arithmetic.ts";
import { Status, type X87Unit } from "./x87_unit.ts";
import { unpack } from "./x87_float.ts";
import type { Operation, X87Context } from "./x87_instructions.ts";

/** Tags of two bits as images have them. */
const Tag = { valid: 0, zero: 1, special: 2, empty: 3 } as const;

function tagOf(bits: bigint): number {
  const { kind, denormal } = unpack(bits);
  if (kind === "zero") return Tag.zero;
  return kind === "finite" && !denormal ? Tag.valid : Tag.special;
}

/** The tag word: the tag of physical register n in bits 2n + 1 and 2n. */
function tagWord(fpu: X87Unit): number {
  let word = 0;
  for (let n = 0; n < 8; n++) {
    const tag = (fpu.tags & (1 << n)) === 0 ? Tag.empty : tagOf(fpu.physical(n));
    word |= tag << (2 * n);
  }
  return word;
}

/** Which registers are not empty. */
function tagsOf(word: number): number {
  let tags = 0;
  for (let n = 0; n < 8; n++) if (((word >> (2 * n)) & 3) !== Tag.empty) tags |= 1 << n;
  return tags;
}

/** Bytes of the environment. */
const environmentBytes = (size: number): number => (size === 2 ? 14 : 28);

function storeEnvironment(x: X87Context): void {
  const { fpu } = x;
  const { instruction, codeSegment, operand, dataSegment, opcode } = fpu.pointers;
  const words = [fpu.control, fpu.status, tagWord(fpu)];
  if (x.size === 2) {
    words.push(Number(instruction & 0xffffn), codeSegment, Number(operand & 0xffffn), dataSegment);
    words.forEach((word, n) => x.store(2, BigInt(word), 2 * n));
    return;
  }
  words.forEach((word, n) => x.store(4, BigInt(word) | 0xffff0000n, 4 * n));
  x.store(4, BigInt.asUintN(32, instruction), 12);
  x.store(4, BigInt(codeSegment) | (BigInt(opcode) << 16n), 16);
  x.store(4, BigInt.asUintN(32, operand), 20);
  x.store(4, BigInt(dataSegment) | 0xffff0000n, 24);
}

/** Reads an image; what is given sets the registers from it. */
function loadEnvironment(x: X87Context): () => void {
  const wide = x.size !== 2;
  const step = wide ? 4 : 2;
  const [control, status, tags] = [0, 1, 2].map((n) => Number(x.load(2, n * step)));
  const instruction = x.load(step, 3 * step);
  const selector = Number(x.load(step, 4 * step));
  const operand = x.load(step, 5 * step);
  const dataSegment = Number(x.load(2, 6 * step));
  return () => {
    const { fpu } = x;
    fpu.pointers = {
      ...{ instruction, codeSegment: selector, operand, dataSegment },
      opcode: wide ? selector >>> 16 : fpu.pointers.opcode,
    };
    fpu.tags = tagsOf(tags);
    fpu.control = control;
    fpu.status = status;
  };
}

/** FNSTENV: then all exceptions are masked. */
const saveEnvironment: Operation = (x) => {
  x.probe(environmentBytes(x.size));
  storeEnvironment(x);
  x.fpu.control |= Status.exceptions;
};

const save: Operation = (x) => {
  const { fpu } = x;
  const at = environmentBytes(x.size);
  x.probe(at + 80);
  storeEnvironment(x);
  for (let i = 0; i < 8; i++) x.store(10, fpu.get(i), at + 10 * i);
  fpu.initialize();
};

const restore: Operation = (x) => {
  const { fpu } = x;
  const at = environmentBytes(x.size);
  const setEnvironment = loadEnvironment(x);
  const registers = Array.from({ length: 8 }, (_, i) => x.load(10, at + 10 * i));
  setEnvironment();
  registers.forEach((bits, i) => fpu.setPhysical((fpu.top + i) & 7, bits));
};

const rotate = (by: 1 | -1): Operation => ({ fpu }) => {
  fpu.conditions &= ~Condition.c1;
  fpu.top += by;
};

/** Operations by the title of their rows. */
export const controlOperations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["FNOP", () => undefined],
  ["FNENI", () => undefined],
  ["FNDISI", () => undefined],
  ["FNSETPM", () => undefined],
  ["FFREE STi", ({ fpu, i }) => {
    fpu.begin();
    fpu.free(i);
  }],
  ["FFREEP STi", ({ fpu, i }) => {
    fpu.free(i);
    fpu.top++;
  }],
  ["FINCSTP", rotate(1)],
  ["FDECSTP", rotate(-1)],
  ["FNINIT", ({ fpu }) => fpu.initialize()],
  ["FNCLEX", ({ fpu }) => {
    fpu.status &= ~(Status.exceptions | Status.stackFault);
  }],
  ["FNSTSW M2", (x) => x.store(2, BigInt(x.fpu.status))],
  ["FNSTSW AX", (x) => x.setAx(x.fpu.status)],
  ["FNSTCW M2", (x) => x.store(2, BigInt(x.fpu.control))],
  ["FLDCW M2", (x) => {
    x.fpu.control = Number(x.load(2));
  }],
  ["FNSTENV M0", saveEnvironment],
  ["FLDENV M0", (x) => loadEnvironment(x)()],
  ["FNSAVE M0", save],
  ["FRSTOR M0", restore],
]);
