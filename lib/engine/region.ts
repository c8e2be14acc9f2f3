/**
 * The shape of a region: the blocks that direct branches reach inside one page, in reverse postorder,
 * with dominators, ready to be written as structured control flow.
 *
 * The way from a control-flow graph to structured code follows Ramsey, "Beyond Relooper" (ICFP 2022):
 * a block with several forward predecessors gets a `block` in its dominator, a loop header a `loop`.
 * An edge that would make the graph irreducible leaves the region instead.
 */
import type { CodeCache, CodePage } from "./code_cache.ts";
import { type RecordFormat, Special } from "./memory_map.ts";
import { bindOperands, type Decoded, type Flow, type Handler } from "./instruction.ts";
import { mayAskHost } from "./meta.ts";

/** Instructions in a region at most. */
const REGION_LIMIT = 600;

/** Decoded instructions of a page, by index, as they are needed. */
export class PageCode {
  readonly page: CodePage;
  readonly format: RecordFormat;
  readonly #cache: CodeCache;
  /** Copies of what the decoder gave; undefined where it gave nothing. */
  readonly #instructions: Map<number, Decoded | undefined> = new Map();

  constructor(page: CodePage, cache: CodeCache) {
    this.page = page;
    this.#cache = cache;
    this.format = cache.format;
  }

  /** Index of the instruction that follows. */
  after(index: number): number {
    return index + this.length(index) / this.format.unit;
  }

  /** Bytes of an instruction. */
  length(index: number): number {
    return this.#at(index)?.length ?? 0;
  }

  /** Handler of an instruction; undefined if the host executes it. */
  handler(index: number): Handler | undefined {
    const handler = this.#at(index)?.handler;
    return handler === undefined || this.#cache.isHost(handler, this.page.mode)
      ? undefined
      : handler;
  }

  #at(index: number): Decoded | undefined {
    const known = this.#instructions.get(index);
    if (known !== undefined || this.#instructions.has(index)) return known;
    const decoded = this.#cache.decodeAt(this.page, index);
    const found = decoded === "cut" ? undefined : decoded;
    if (found !== undefined) this.#cache.markDecoded(this.page, index, found.length);
    const copy = found === undefined ? undefined : copyOf(found);
    this.#instructions.set(index, copy);
    return copy;
  }

  /** Whether the accesses of an instruction are often the host's, and can be. */
  asksHost(index: number, handler: Handler): boolean {
    return this.#cache.asksHost(this.page, index) && mayAskHost(handler);
  }

  /** Whether the interpreter has met an instruction: what it has not is cold, and left out. */
  executed(index: number): boolean {
    return this.#cache.handlerNumber(this.page, index) !== Special.undecoded;
  }

  /** Gives the operands of the handler of an instruction its values; gives the handler. */
  bind(index: number): Handler {
    const decoded = this.#at(index) as Decoded;
    bindOperands(decoded);
    return decoded.handler;
  }

  /** Index that a direct branch goes to, perhaps outside the page. */
  destination(index: number): number {
    const { immLow, immHigh } = this.#at(index) as Decoded;
    return index + (immHigh * 2 ** 32 + (immLow >>> 0)) / this.format.unit;
  }

  /** Index that a direct branch goes to, -1 if that is not in the page. */
  target(index: number): number {
    const target = this.destination(index);
    return Number.isInteger(target) && target >= 0 && target < this.format.units ? target : -1;
  }
}

/** The decoder uses its object, and the slots in it, again. */
function copyOf(
  { handler, slots, immLow, immHigh, displacement, length }: Decoded,
): Decoded {
  return { handler, slots: slots.slice(), immLow, immHigh, displacement, length };
}

/** A run of instructions with one entry. */
export interface Block {
  /** First instruction. */
  readonly start: number;
  /** One past the last. */
  end: number;
  /** Instructions. */
  count: number;
  /** The last of them. */
  last: number;
  /** How it ends; undefined if the next block follows, "host" if its next instruction is the host's. */
  flow: Flow | "host" | undefined;
  /** Block that a branch goes to, undefined if that is outside. */
  taken: Block | undefined;
  /** Block that follows. */
  next: Block | undefined;
  /** Number in reverse postorder. */
  order: number;
  /** Forward predecessors. */
  forward: number;
  isLoop: boolean;
  dominator: Block | undefined;
  /** Blocks that it dominates directly and that several blocks go to. */
  readonly merges: Block[];
  readonly predecessors: Block[];
  /** Kind of the flags at the start: -1 if known only at run time, -2 if not yet looked at. */
  flagsIn: number;
  flagsOut: number;
}

/** Blocks in reverse postorder; the first is the entry. */
export function findRegion(code: PageCode, entry: number): Block[] {
  const leaders = collect(code, entry);
  const blocks = cut(code, leaders);
  const entryBlock = blocks.get(entry) as Block;
  let order = postorder(entryBlock);
  dominators(order);
  if (leaveIrreducible(order)) {
    order = postorder(entryBlock);
    dominators(order);
  }
  for (const block of order) {
    for (const next of successors(block)) {
      if (next.order <= block.order) next.isLoop = true;
      else next.forward++;
    }
  }
  for (const block of order) {
    if (block.forward > 1) block.dominator?.merges.push(block);
  }
  // Of several, the one that is written last has the outermost block.
  for (const block of order) block.merges.sort((a, b) => b.order - a.order);
  return order;
}

/** Starts of blocks, and in `visited` every instruction reached: 1 reached, 2 also a leader. */
function collect(code: PageCode, entry: number): Uint8Array {
  const { units } = code.format;
  const visited = new Uint8Array(units + 1);
  const starts = [entry];
  let count = 0;
  while (starts.length > 0) {
    let index = starts.pop() as number;
    if (visited[index] !== 0) {
      visited[index] = 2;
      continue;
    }
    if (count >= REGION_LIMIT) continue;
    let first = true;
    for (; index < units && visited[index] === 0; index = code.after(index)) {
      visited[index] = first ? 2 : 1;
      first = false;
      count++;
      const handler = code.handler(index);
      if (handler === undefined) break;
      const { flow } = handler.instruction;
      if (flow === undefined) continue;
      const goesOn = flow === "branch" || isCall(flow);
      const next = code.after(index);
      if (goesOn && next < units && code.executed(next)) starts.push(next);
      if (flow === "jump" || flow === "branch") {
        const target = code.target(index);
        if (target >= 0 && code.executed(target)) starts.push(target);
      }
      break;
    }
  }
  return visited;
}

/** Whether an instruction is followed by the next one in the end. */
function isCall(flow: Flow): boolean {
  return flow === "call" || flow === "indirect-call";
}

function cut(code: PageCode, visited: Uint8Array): Map<number, Block> {
  const blocks = new Map<number, Block>();
  const { units } = code.format;
  for (let index = 0; index < units; index++) {
    if (visited[index] === 2) blocks.set(index, newBlock(index));
  }
  for (const block of blocks.values()) {
    let index = block.start;
    for (;;) {
      const handler = code.handler(index);
      if (handler === undefined) {
        block.flow = "host";
        break;
      }
      const { flow } = handler.instruction;
      block.count++;
      block.last = index;
      index = code.after(index);
      if (flow !== undefined) {
        block.flow = flow;
        if (flow === "jump" || flow === "branch") block.taken = blocks.get(code.target(block.last));
        if (flow === "branch" || isCall(flow)) block.next = blocks.get(index);
        break;
      }
      if (index === units || visited[index] !== 1) {
        block.next = blocks.get(index);
        break;
      }
    }
    block.end = index;
  }
  return blocks;
}

function newBlock(start: number): Block {
  return {
    start,
    end: start,
    count: 0,
    last: start,
    flow: undefined,
    taken: undefined,
    next: undefined,
    order: -1,
    forward: 0,
    isLoop: false,
    dominator: undefined,
    merges: [],
    predecessors: [],
    flagsIn: -2,
    flagsOut: -2,
  };
}

export function successors(block: Block): Block[] {
  const list: Block[] = [];
  if (block.next !== undefined) list.push(block.next);
  if (block.taken !== undefined && block.taken !== block.next) list.push(block.taken);
  return list;
}

/** Numbers the blocks in reverse postorder and notes their predecessors. */
function postorder(entry: Block): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>([entry]);
  const stack: { block: Block; rest: Block[] }[] = [{ block: entry, rest: successors(entry) }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const next = top.rest.pop();
    if (next === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push({ block: next, rest: successors(next) });
    }
  }
  order.reverse();
  order.forEach((block, i) => {
    block.order = i;
    block.predecessors.length = 0;
  });
  for (const block of order) for (const next of successors(block)) next.predecessors.push(block);
  return order;
}

/** Immediate dominators (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"). */
function dominators(order: readonly Block[]): void {
  for (const block of order) block.dominator = undefined;
  const [entry] = order;
  entry.dominator = entry;
  for (let changed = true; changed;) {
    changed = false;
    for (let i = 1; i < order.length; i++) {
      let dominator: Block | undefined;
      for (const before of order[i].predecessors) {
        if (before.dominator === undefined) continue;
        dominator = dominator === undefined ? before : common(before, dominator);
      }
      if (order[i].dominator !== dominator) {
        order[i].dominator = dominator;
        changed = true;
      }
    }
  }
}

function common(a: Block, b: Block): Block {
  while (a !== b) {
    while (a.order > b.order) a = a.dominator as Block;
    while (b.order > a.order) b = b.dominator as Block;
  }
  return a;
}

function dominates(a: Block, b: Block): boolean {
  while (b.order > a.order) b = b.dominator as Block;
  return a === b;
}

/** Turns backward edges into a loop's middle into exits. True if there were any. */
function leaveIrreducible(order: readonly Block[]): boolean {
  let found = false;
  for (const block of order) {
    for (const next of successors(block)) {
      if (next.order > block.order || dominates(next, block)) continue;
      found = true;
      if (block.next === next) block.next = undefined;
      if (block.taken === next) block.taken = undefined;
    }
  }
  return found;
}
