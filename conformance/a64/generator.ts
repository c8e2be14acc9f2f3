/**
 * Draws instruction sequences from the instruction table: every row, every choice of its structural
 * fields, operands that fit the initial state of the case (base registers that hold addresses,
 * branches that go forward). Used when the vectors are recorded, never when they are replayed.
 */
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { enabled, Mode, Tlb } from "../../lib/arch/aarch64/mode.ts";
import { bindOperands } from "../../lib/engine/instruction.ts";
import { metaOf } from "../../lib/engine/meta.ts";
import { type CompiledRow, InstructionTable, type RowHandler } from "../../lib/engine/table.ts";
import { initialState, Random, slotAddress, State, WINDOW } from "./cases.ts";

/** EL0 with everything that EL0 may have. */
const USER_MODE: number = Tlb.el0 | Mode.fp | Mode.ctr | Mode.zero;

/** Rows of the host that are in the vectors: reads and writes of FPCR and FPSR. */
const HOST_WORDS: readonly number[] = [0xd51b4400, 0xd51b4420];

/** A handler, with a word that leads to it. */
interface Sample {
  readonly row: CompiledRow;
  readonly handler: RowHandler;
  readonly word: number;
  /** How often it is to be used, in relation to the others. */
  readonly weight: number;
  /** Times that it has been used. */
  used: number;
}

/** General and floating-point instructions have few handlers, each with much that can go wrong. */
function weightOf({ row }: CompiledRow): number {
  if (row.feature === "FEAT_FP") return 4;
  if (!/AdvSIMD|RDM|AES|PMULL|SHA/.test(row.feature)) return 5;
  return /^F|CVTF/.test(row.name) ? 2 : 1;
}

/** Instructions whose result depends on the machine: CTR_EL0, TPIDRRO_EL0. */
const isMachineDependent = (row: CompiledRow): boolean => /CTR_EL0|TPIDRRO/.test(row.row.name);

const isLoadStore = (word: number): boolean => (word & 0x0a000000) === 0x08000000;
const isStoreExclusive = (word: number): boolean =>
  (word & 0x3fc00000) === 0x08000000 && (word & 0x80200000) !== 0x00200000;
const isExclusive = (word: number): boolean =>
  (word & 0x3f800000) === 0x08000000 && (word & 0x80200000) !== 0x00200000;
const isWriteFpcr = (word: number): boolean => (word & ~31) >>> 0 === HOST_WORDS[0];
const isLoadPair = (word: number): boolean => (word & 0x3a400000) === 0x28400000;
/** Rows of FEAT_LSE and FEAT_RDM need another model of the recorder. */
export function needsLater(row: CompiledRow): boolean {
  return row.row.feature === "FEAT_LSE" || row.row.feature === "FEAT_RDM";
}

/** CONSTRAINED UNPREDICTABLE: which of several results comes is up to the implementation. */
function isUnpredictable(word: number): boolean {
  const rt = word & 31;
  const rn = (word >>> 5) & 31;
  const rt2 = (word >>> 10) & 31;
  const rs = (word >>> 16) & 31;
  if (isLoadPair(word)) return rt === rt2;
  if (!isExclusive(word)) return false;
  const pair = (word & 0x00200000) !== 0;
  if ((word & 0x00400000) !== 0) return pair && rt === rt2;
  return rs === rt || (rs === rn && rn !== 31) || (pair && rs === rt2);
}

export class Generator {
  readonly table: InstructionTable = new InstructionTable(instructionRows);
  readonly samples: Sample[] = [];
  readonly #byHandler = new Map<RowHandler, Sample>();
  readonly #state: State = new State();
  /** Samples by use, in the order in which they are drawn. */
  #queue: Sample[] = [];

  constructor() {
    const random = new Random(0x0a64);
    for (const row of this.table.rows) {
      if (row.row.host !== undefined || !enabled(row.row.feature, USER_MODE)) continue;
      if (isMachineDependent(row)) continue;
      // What varies besides registers is structure and immediates.
      const varying = row.bits.filter((field) => !/^[RV]/.test(field.name))
        .reduce((bits, field) => bits + field.width, 0);
      const tries = 400 + 40 * 2 ** Math.min(varying, 12);
      for (let i = 0; i < tries; i++) {
        this.#discover(row, (row.value | (random.next() & ~row.mask)) >>> 0);
      }
    }
    for (const word of HOST_WORDS) {
      const { handler } = this.table.decodeWord(word)!;
      this.#add({ row: handler.row, handler, word, weight: 1, used: 0 });
    }
  }

  #discover(row: CompiledRow, word: number): void {
    const decoded = this.table.decodeWord(word);
    if (decoded === undefined || decoded.handler.row !== row) return;
    const { handler } = decoded;
    if (!this.#byHandler.has(handler)) {
      this.#add({ row, handler, word, weight: weightOf(row), used: 0 });
    }
  }

  #add(sample: Sample): void {
    this.#byHandler.set(sample.handler, sample);
    this.samples.push(sample);
  }

  /** The words of case number `index`. */
  sequence(index: number): number[] {
    const random = new Random(index ^ 0x51ed270b);
    initialState(index, this.#state);
    return new Sequence(this, random, this.#state, slotAddress(index)).draw();
  }

  /** A handler that has been used little. Of the same group as `near` if that is given. */
  choose(random: Random, near: Sample | undefined): Sample {
    if (near !== undefined) {
      // Rows that stand together belong together.
      for (let i = 0; i < 8; i++) {
        const sample = random.pick(this.samples);
        if (Math.abs(sample.row.index - near.row.index) < 40) return sample;
      }
    }
    if (this.#queue.length === 0) {
      this.#queue = [...this.samples];
      this.#queue.sort((a, b) => b.used / b.weight - a.used / a.weight);
      this.#queue = this.#queue.slice(this.#queue.length >> 1);
    }
    const at = random.below(this.#queue.length);
    const sample = this.#queue[at];
    this.#queue[at] = this.#queue[this.#queue.length - 1];
    this.#queue.pop();
    return sample;
  }

  /** Counts a use. */
  use(word: number): void {
    const handler = this.table.decodeWord(word)?.handler;
    const sample = handler === undefined ? undefined : this.#byHandler.get(handler);
    if (sample !== undefined) sample.used++;
  }
}

class Sequence {
  readonly #generator: Generator;
  readonly #random: Random;
  readonly #state: State;
  readonly #address: number;
  readonly #words: number[] = [];
  readonly #length: number;
  /** General registers that do not hold what they held at the start. */
  readonly #written = new Set<number>();
  readonly #general: number[];
  readonly #vectors: number[];
  #linked = false;

  constructor(generator: Generator, random: Random, state: State, address: number) {
    this.#generator = generator;
    this.#random = random;
    this.#state = state;
    this.#address = address;
    this.#length = random.pick([1, 2, 3, 3, 4, 4, 5, 6, 7, 8]);
    this.#general = Array.from({ length: 5 }, () => random.below(32));
    this.#general.push(31);
    this.#vectors = Array.from({ length: 5 }, () => random.below(32));
  }

  draw(): number[] {
    let last: Sample | undefined;
    while (this.#words.length < this.#length) {
      const near = this.#random.below(2) === 0 ? undefined : last;
      last = this.#generator.choose(this.#random, near);
      for (let tries = 0; tries < 20; tries++) if (this.#append(last)) break;
    }
    return this.#random.below(8) === 0 ? this.#loop() : this.#words;
  }

  /**
   * Puts a loop around the words: a counter in a register that they do not use, which is counted down
   * and tested in one of several ways. Not if they depend on their addresses.
   */
  #loop(): number[] {
    const random = this.#random;
    const { table } = this.#generator;
    const counter = random.below(31);
    for (const word of this.#words) {
      const row = table.matches(word)[0];
      if (
        row === undefined || isExclusive(word) ||
        /literal|^ADR|^BLR?$|^BR$|^RET$/.test(row.row.name)
      ) return this.#words;
      if (row.row.host !== undefined) return this.#words;
      const decoded = table.decodeWord(word)!;
      bindOperands(decoded);
      const { reads, writes } = metaOf(decoded.handler);
      for (const operand of [...reads, ...writes]) {
        if (operand.kind !== "imm" && operand.value === counter) return this.#words;
      }
    }
    const start = random.below(this.#words.length);
    const rounds = 1 + random.below(5);
    const words = [(0xd2800000 | (rounds << 5) | counter) >>> 0, ...this.#words];
    const setsFlags = random.below(2) === 0;
    words.push(((setsFlags ? 0xf1000400 : 0xd1000400) | (counter << 5) | counter) >>> 0);
    const distance = (start + 1 - words.length) & 0x7ffff;
    const ways = setsFlags
      // B.NE, B.GT, CBNZ
      ? [0x54000001, 0x5400000c, 0xb5000000 | counter]
      : [0xb5000000 | counter, 0x35000000 | counter];
    words.push((random.pick(ways) | (distance << 5)) >>> 0);
    return words;
  }

  #push(word: number): void {
    this.#words.push(word >>> 0);
    const decoded = this.#generator.table.decodeWord(word);
    if (decoded === undefined) return;
    this.#generator.use(word);
    if (decoded.handler.row.row.host !== undefined) return;
    bindOperands(decoded);
    for (const operand of metaOf(decoded.handler).writes) this.#written.add(operand.value);
  }

  #append(sample: Sample): boolean {
    const { row } = sample;
    const flow = row.row.flow;
    if (flow === "indirect" || flow === "indirect-call" || flow === "return") {
      return this.#indirect(sample);
    }
    if (isStoreExclusive(sample.word)) return this.#exclusive(sample);
    const word = this.#encode(sample);
    if (word === undefined) return false;
    if (flow === "call") this.#linked = true;
    this.#push(word);
    return true;
  }

  /** A branch to a register, most often one that an ADR before it has set. */
  #indirect({ word }: Sample): boolean {
    const random = this.#random;
    const room = this.#length - this.#words.length;
    let rn = random.below(32);
    if (room >= 2 && random.below(10) !== 0) {
      rn = random.below(31);
      // From the ADR over the branch: a multiple of 4 from 8 on.
      const distance = 2 + random.below(room - 1);
      this.#push(0x10000000 | (distance << 5) | rn);
    } else if (this.#linked && rn === 30) return false;
    if ((word & 0x00600000) === 0x00200000) this.#linked = true;
    this.#push((word & ~0x3e0) | (rn << 5));
    return true;
  }

  /** A store-exclusive, after its load-exclusive if there is room. */
  #exclusive(sample: Sample): boolean {
    const store = this.#encode(sample);
    if (store === undefined) return false;
    const random = this.#random;
    const rn = (store >>> 5) & 31;
    if (this.#length - this.#words.length >= 2 && random.below(8) !== 0) {
      const other = (): number => (rn + 1 + random.below(30)) & 31;
      const pair = (store & 0x00200000) !== 0;
      const rt = other();
      let rt2 = pair ? other() : 31;
      if (pair && rt2 === rt) rt2 = (rt + 1) & 31;
      if (rt === rn || (pair && rt2 === rn)) return false;
      const load = (store & ~0x7c1f) | 0x005f0000 | (rt2 << 10) | rt;
      this.#push(load ^ (random.below(2) << 15));
    }
    this.#push(store);
    return true;
  }

  /** A word of the handler with operands that fit, undefined if none was found. */
  #encode(sample: Sample): number | undefined {
    const { row, handler } = sample;
    // A host row's fields are all in its word: only Rt may vary.
    if (row.row.host !== undefined) return ((sample.word & ~31) | this.#register()) >>> 0;
    // QEMU does not know the pc of a DC ZVA that faults.
    if (row.row.name === "DC ZVA") {
      const base = this.#base(false);
      return base === 31 ? undefined : (row.value | base) >>> 0;
    }
    // Some cores keep bits of FPCR that have no function in AArch64.
    if (row.row.name === "MRS (FPCR)" && this.#words.some(isWriteFpcr)) return undefined;
    const memory = isLoadStore(sample.word);
    let word = row.value;
    for (const { name, shift, mask, width } of row.bits) {
      const old = (sample.word >>> shift) & mask;
      const value = memory
        ? this.#memoryField(sample, name, old, mask)
        : this.#field(sample, name, old, mask, width);
      word |= (value & mask) << shift;
    }
    word >>>= 0;
    const decoded = this.#generator.table.decodeWord(word);
    if (decoded?.handler !== handler) {
      // An immediate that the handler does not have: keep the sample's and change registers only.
      word = row.value;
      for (const { name, shift, mask, width } of row.bits) {
        const old = (sample.word >>> shift) & mask;
        const isRegister = /^[RV]/.test(name);
        const value = !isRegister
          ? old
          : memory
          ? this.#memoryField(sample, name, old, mask)
          : this.#field(sample, name, old, mask, width);
        word |= (value & mask) << shift;
      }
      word >>>= 0;
      if (this.#generator.table.decodeWord(word)?.handler !== handler) return undefined;
    }
    return isUnpredictable(word) ? undefined : word;
  }

  #register(): number {
    const random = this.#random;
    return random.below(3) === 0 ? random.below(32) : random.pick(this.#general);
  }

  #vector(): number {
    const random = this.#random;
    return random.below(3) === 0 ? random.below(32) : random.pick(this.#vectors);
  }

  #field(sample: Sample, name: string, old: number, mask: number, width: number): number {
    const random = this.#random;
    const { flow } = sample.row.row;
    if (flow !== undefined && /^rawImm/.test(name)) {
      const rest = this.#length - this.#words.length;
      return 1 + random.below(rest);
    }
    if (name.startsWith("R")) return this.#register();
    if (name.startsWith("V")) return width < 5 ? this.#vector() & mask : this.#vector();
    if (name.startsWith("imm") || name.startsWith("raw")) {
      const kind = random.below(6);
      if (kind === 0) return old;
      if (kind === 1) return mask >>> random.below(width);
      return random.next() & mask;
    }
    return old;
  }

  /** A general register that holds an address of the window, aligned if `aligned`. */
  #base(aligned: boolean): number {
    const random = this.#random;
    const first = random.below(32);
    for (let i = 0; i < 32; i++) {
      const n = (first + i) & 31;
      if (this.#written.has(n)) continue;
      const low = this.#state.x[2 * n];
      if ((this.#state.x[2 * n + 1] & 0xffffff) !== 0) continue;
      if (low < WINDOW.address || low >= WINDOW.address + WINDOW.size) continue;
      if (!aligned || low % 16 === 0) return n;
    }
    return 31;
  }

  /** A register with a small number. */
  #index(): number {
    const random = this.#random;
    const first = random.below(32);
    for (let i = 0; i < 31; i++) {
      const n = (first + i) & 31;
      if (n === 31) return 31;
      if (this.#written.has(n)) continue;
      const low = this.#state.x[2 * n] | 0;
      if (low >= -64 && low < 512) return n;
    }
    return 31;
  }

  #memoryField(sample: Sample, name: string, old: number, mask: number): number {
    const random = this.#random;
    const wild = random.below(12) === 0;
    const { word } = sample;
    const exclusive = isExclusive(word);
    switch (name) {
      case "Rn_sp": {
        const atomic = /^(LD|ST|CAS|SWP|STL)/.test(sample.row.row.name) &&
          ((word & 0x3f000000) === 0x08000000 || (word & 0x3b200c00) === 0x38200000);
        if (exclusive) return this.#base(true);
        if (wild) return this.#register();
        return this.#base(atomic && random.below(8) !== 0);
      }
      case "Rm":
        return wild ? this.#register() : this.#index();
      case "rawImm19": {
        if (wild) return random.next();
        const pc = this.#address + 4 * this.#words.length;
        const target = WINDOW.address + WINDOW.centre + (random.below(WINDOW.centreSize) & -4);
        return (target - pc) >> 2;
      }
      case "rawImm12":
        return wild ? random.next() : random.below(40);
      case "base31":
        return old;
    }
    if (name.startsWith("R")) return this.#register();
    if (name.startsWith("V")) return this.#vector() & mask;
    if (name.startsWith("imm") || name.startsWith("raw")) {
      return random.below(4) === 0 ? old : random.next();
    }
    return old;
  }
}
