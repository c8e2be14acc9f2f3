/**
 * String instructions that the host executes: CMPS, SCAS and LODS with a repeat prefix, and CMPS without
 * (SDM volume 2, REP). What lies in one page of RAM on both sides is done at once. Registers are up to
 * date whenever something may fault. A long string takes several calls, and interrupts come between
 * these.
 */
import { Access, Outcome } from "../../engine/arch.ts";
import { differenceStatus, writeStatus } from "./flags.ts";
import type { HostContext, HostInstruction, HostInstructions } from "./host_context.ts";
import { field } from "./layout.ts";
import { Tlb } from "./mode.ts";
import type { Operands } from "./operands.ts";
import { Gpr, RFLAGS } from "./registers.ts";
import { Segment } from "./state.ts";
import { advanceIndex, elementAddress, readCount, readIndex } from "./string_registers.ts";

const DF = field("df");
const PAGE = 4096;
/** Elements that one call does at most, and pieces that it does them in: some 20 us of the host's time. */
const MOST_ELEMENTS = 1024;
const MOST_PIECES = 16;
const REPNE = 0xf2;

/** One of the strings. */
class Side {
  /** Register that points to the next element. */
  readonly register: number;
  readonly segment: number;
  /** Linear address of the next element. */
  address = 0;
  /** Where in RAM the lowest of the elements to be done at once is. */
  place = 0;

  constructor(register: number, segment: number) {
    this.register = register;
    this.segment = segment;
  }
}

/** What an instruction does to elements. `ended`: the element done last ends it. */
interface Work {
  ended?: boolean;
  /** Does elements that are at the sides' places in RAM: `count`, or fewer if one ends it. Gives how many. */
  inRam(count: number): number;
  /** Does the element at the sides' addresses, wherever that is. */
  one(): void;
}

/** A string instruction at work. */
class StringRun {
  readonly cpu: HostContext;
  /** Bytes of an element. */
  readonly size: number;
  readonly backwards: boolean;
  /** RAM. */
  readonly view: DataView;
  readonly #o: Operands;

  constructor(cpu: HostContext, o: Operands, size: number) {
    const { bytes } = cpu.wiring.memory;
    this.cpu = cpu;
    this.size = size;
    this.backwards = cpu.state.view.low(DF) !== 0;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#o = o;
  }

  /** Does elements until there are no more, one ends the instruction, or it is enough for one call. */
  run(sides: readonly Side[], work: Work): Outcome {
    const { state, debug } = this.cpu;
    const { repeat, addressSize } = this.#o;
    const most = (state.systemFlags & RFLAGS.TF) !== 0 ? 1 : MOST_ELEMENTS;
    let done = 0;
    for (let pieces = 0; pieces < MOST_PIECES; pieces++) {
      const left = repeat === 0 ? 1 - done : readCount(state, Gpr.rcx, addressSize);
      if (left === 0 || work.ended === true) return Outcome.next;
      if (done >= most || debug.trapPending) break;
      const atOnce = this.#locate(sides, Math.min(left, most - done));
      if (atOnce === 0) work.one();
      const elements = atOnce === 0 ? 1 : work.inRam(atOnce);
      const bytes = elements * this.size;
      for (const { register } of sides) {
        advanceIndex(state, register, addressSize, this.backwards ? -bytes : bytes);
      }
      if (repeat !== 0) advanceIndex(state, Gpr.rcx, addressSize, -elements);
      done += elements;
    }
    return Outcome.jumped;
  }

  /** Finds the next elements. Gives how many, up to `limit`, can be done at once; 0 if not even one. */
  #locate(sides: readonly Side[], limit: number): number {
    const { cpu, size } = this;
    const { addressSize, codeSize } = this.#o;
    let count = limit;
    for (const side of sides) {
      const offset = readIndex(cpu.state, side.register, addressSize);
      side.address = elementAddress(cpu, codeSize, side.segment, offset);
      const inPage = side.address & (PAGE - 1);
      if (inPage + size > PAGE) count = 0;
      else if (this.backwards) count = Math.min(count, Math.floor(inPage / size) + 1);
      else count = Math.min(count, Math.floor((PAGE - inPage) / size));
      if (addressSize === 8) continue;
      // Up to where the offset wraps.
      const end = 2 ** (8 * addressSize);
      const run = this.backwards
        ? Math.floor(offset / size) + 1
        : Math.floor((end - offset) / size);
      count = Math.min(count, run);
    }
    for (const side of sides) if (count > 0 && !this.#place(side, count)) count = 0;
    return count;
  }

  /** Whether elements from the side's address on are plain RAM. */
  #place(side: Side, count: number): boolean {
    const { cpu: { data, debug, wiring: { memory } }, size } = this;
    const { address } = side;
    if (debug.watchesPage(Math.floor(address / 2 ** 32) >>> 0, address >>> 0)) return false;
    if (data.rights === Tlb.userAligned) data.probe(address, size, Access.read);
    const first = data.translate(address, Access.read);
    const lowest = this.backwards ? first - (count - 1) * size : first;
    if (!memory.contains(lowest, count * size)) return false;
    side.place = lowest - memory.base;
    return true;
  }

  /** Distance from the lowest of `count` elements to number `i` in the order in which they are done. */
  at(i: number, count: number): number {
    return (this.backwards ? count - 1 - i : i) * this.size;
  }

  /** Reads an element that is not plain RAM, or not only. */
  read({ address }: Side): bigint {
    const { cpu: { data, debug }, size } = this;
    const value = size === 8 ? data.read64(address) : BigInt(data.read(address, size) >>> 0);
    debug.access(Math.floor(address / 2 ** 32) >>> 0, address >>> 0, size, false);
    return value;
  }

  /** An element in RAM. */
  load(place: number): bigint {
    const { view, size } = this;
    if (size === 8) return view.getBigUint64(place, true);
    return BigInt(
      size === 4
        ? view.getUint32(place, true)
        : size === 2
        ? view.getUint16(place, true)
        : view.getUint8(place),
    );
  }

  /** AL to RAX. */
  get accumulator(): bigint {
    const { view } = this.cpu.state;
    return BigInt.asUintN(8 * this.size, view.get64(field("r"), Gpr.rax));
  }

  set accumulator(value: bigint) {
    const { cpu: { state: { view } }, size } = this;
    const bits = 8 * size;
    const kept = size < 4 ? (view.get64(field("r"), Gpr.rax) >> BigInt(bits)) << BigInt(bits) : 0n;
    view.set64(field("r"), kept | value, Gpr.rax);
  }
}

const source = ({ segment }: Operands): Side => new Side(Gpr.rsi, segment);
/** ES:rDI, which no prefix changes. */
const destination = (): Side => new Side(Gpr.rdi, Segment.es);

/** The last element stays. */
const load: HostInstruction = (cpu, o) => {
  const run = new StringRun(cpu, o, o[0].size);
  const from = source(o);
  return run.run([from], {
    inRam: (count) => {
      run.accumulator = run.load(from.place + run.at(count - 1, count));
      return count;
    },
    one: () => {
      run.accumulator = run.read(from);
    },
  });
};

/** Compares pairs while they are, or are not, equal. Flags are those of the last pair. */
class Comparison implements Work {
  ended = false;
  readonly #run: StringRun;
  readonly #until: boolean | undefined;
  readonly #first: Side | undefined;
  readonly #second: Side;

  /** Without `first` the accumulator takes its place. */
  constructor(run: StringRun, { repeat }: Operands, first: Side | undefined, second: Side) {
    this.#run = run;
    this.#until = repeat === 0 ? undefined : repeat === REPNE;
    this.#first = first;
    this.#second = second;
  }

  inRam(count: number): number {
    const run = this.#run;
    const first = this.#first;
    const { accumulator } = run;
    for (let i = 0; i < count; i++) {
      const at = run.at(i, count);
      const a = first === undefined ? accumulator : run.load(first.place + at);
      const b = run.load(this.#second.place + at);
      if ((a === b) !== this.#until && i < count - 1) continue;
      this.#finish(a, b);
      return i + 1;
    }
    return count;
  }

  one(): void {
    const run = this.#run;
    const b = run.read(this.#second);
    this.#finish(this.#first === undefined ? run.accumulator : run.read(this.#first), b);
  }

  #finish(a: bigint, b: bigint): void {
    this.ended = (a === b) === this.#until;
    writeStatus(this.#run.cpu.state.view, differenceStatus(this.#run.size, a, b));
  }
}

/** If both fault, it is the second string that does, as on AMD's processors. */
const compare: HostInstruction = (cpu, o) => {
  const run = new StringRun(cpu, o, o[0].size);
  const [first, second] = [source(o), destination()];
  return run.run([second, first], new Comparison(run, o, first, second));
};

const scan: HostInstruction = (cpu, o) => {
  const run = new StringRun(cpu, o, o[0].size);
  const side = destination();
  return run.run([side], new Comparison(run, o, undefined, side));
};

export const stringInstructions: HostInstructions = {
  "rep lods": load,
  "cmps": compare,
  "rep scas": scan,
};
