import assert from "node:assert/strict";
import { test } from "node:test";
import { type Arch } from "./arch.ts";
import { CodeCache } from "./code_cache.ts";
import { PAGE_SIZE, RAM_BASE, Special, WORD_RECORDS } from "./memory_map.ts";
import { type Block, findRegion, PageCode, successors } from "./region.ts";
import { hostRow, row } from "./row.ts";
import { InstructionTable } from "./table.ts";

const PLAIN = 0x01000000;
const CALL = 0x04000000;
const RETURN = 0x05000000;
const HOST = 0x06000000;
const jump = (distance: number): number => 0x02000000 | (distance & 0xffffff);
const branch = (distance: number): number => 0x03000000 | (distance & 0xffffff);

const derive = { imm: ({ raw24 }: { raw24: number }): number => (raw24 << 8 >> 8) * 4 };
const nothing = (): void => {};
const table = new InstructionTable([
  row("00000001 raw24:24", "plain", "", nothing),
  row("00000010 raw24:24", "jump", "", nothing, { flow: "jump", derive }),
  row("00000011 raw24:24", "branch", "", nothing, { flow: "branch", derive }),
  row("00000100 raw24:24", "call", "", nothing, { flow: "call", derive }),
  row("00000101 raw24:24", "return", "", nothing, { flow: "return" }),
  hostRow("00000110 raw24:24", "host", "", "host"),
]);

const pages = Math.ceil((RAM_BASE + PAGE_SIZE) / 65536);
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });

/** Code at the start of a page; `cold` are instructions that have not been executed. */
function pageCode(
  words: readonly number[],
  cold: (index: number) => boolean = () => false,
): PageCode {
  const ram = new Uint8Array(memory.buffer, RAM_BASE, PAGE_SIZE);
  new Uint32Array(memory.buffer, RAM_BASE, WORD_RECORDS.units).fill(0).set(words);
  const cache = new CodeCache({
    arch: { enabled: () => true } as unknown as Arch,
    decoder: table,
    memory,
    ram,
    numberOf: () => Special.first,
    onCodePage: nothing,
    onDrop: nothing,
    onRelease: nothing,
    onFlush: nothing,
  });
  const page = cache.page(0, 0);
  for (let i = 0; i < words.length; i++) if (!cold(i)) cache.decode(page, i);
  return new PageCode(page, cache);
}

const starts = (blocks: readonly Block[]): number[] =>
  blocks.map(({ start }) => start).sort((a, b) => a - b);
const at = (blocks: readonly Block[], start: number): Block => {
  const block = blocks.find((each) => each.start === start);
  assert.ok(block !== undefined, `no block at ${start}`);
  return block;
};

test("a diamond: two ways that meet in a block of their dominator", () => {
  const code = pageCode([branch(3), PLAIN, jump(2), PLAIN, PLAIN, RETURN]);
  const blocks = findRegion(code, 0);
  assert.deepEqual(starts(blocks), [0, 1, 3, 4]);
  const [entry] = blocks;
  assert.deepEqual(entry.merges, [at(blocks, 4)]);
  assert.equal(at(blocks, 4).dominator, entry);
  assert.equal(at(blocks, 4).forward, 2);
  assert.equal(at(blocks, 3).next, at(blocks, 4));
  assert.equal(at(blocks, 3).flow, undefined);
  assert.equal(at(blocks, 4).flow, "return");
  assert.equal(at(blocks, 4).end, 6);
});

test("a loop, entered in its middle by falling in", () => {
  const blocks = findRegion(pageCode([PLAIN, PLAIN, PLAIN, branch(-2), RETURN]), 0);
  assert.deepEqual(starts(blocks), [0, 1, 4]);
  assert.equal(at(blocks, 1).isLoop, true);
  assert.equal(at(blocks, 1).taken, at(blocks, 1));
  assert.equal(at(blocks, 0).isLoop, false);
});

test("an irreducible edge leaves the region", () => {
  // 0 goes to 2 and to 4; 2 and 4 go to each other.
  const blocks = findRegion(pageCode([branch(4), PLAIN, PLAIN, PLAIN, branch(-2), RETURN]), 0);
  const [two, four] = [at(blocks, 2), at(blocks, 4)];
  // The one that comes later goes to the other by leaving.
  const [first, second] = two.order < four.order ? [two, four] : [four, two];
  assert.ok(successors(first).includes(second));
  assert.ok(!successors(second).includes(first));
  assert.ok(!two.isLoop && !four.isLoop);
});

test("host instructions, the end of the page, cold code and calls", () => {
  const host = findRegion(pageCode([PLAIN, HOST, PLAIN]), 0);
  assert.deepEqual([host.length, host[0].flow, host[0].end], [1, "host", 1]);
  const words = new Array<number>(WORD_RECORDS.units).fill(PLAIN);
  const last = findRegion(pageCode(words), WORD_RECORDS.units - 2);
  assert.deepEqual([last.length, last[0].flow, last[0].next, last[0].end], [
    1,
    undefined,
    undefined,
    WORD_RECORDS.units,
  ]);
  const cold = findRegion(pageCode([branch(3), PLAIN, RETURN, PLAIN], (i) => i === 3), 0);
  assert.equal(cold[0].taken, undefined);
  assert.deepEqual(starts(cold), [0, 1]);
  const call = findRegion(pageCode([CALL, PLAIN, RETURN]), 0);
  assert.deepEqual([call[0].flow, call[0].taken, call[0].next?.start], ["call", undefined, 1]);
  const outside = findRegion(pageCode([branch(-1), jump(5000)]), 0);
  assert.deepEqual(outside.map(({ taken }) => taken), [undefined, undefined]);
});

test("a region does not grow without end", () => {
  const words = new Array<number>(WORD_RECORDS.units).fill(branch(2));
  const blocks = findRegion(pageCode(words), 0);
  const size = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  assert.ok(size >= 500 && size <= 700, `${size} instructions`);
});

// ---- random code against plain definitions

function randomWords(seed: number): number[] {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const length = 10 + below(60);
  return Array.from({ length }, (_, i) => {
    const distance = below(length) - i;
    const kind = below(10);
    if (kind < 4) return PLAIN;
    if (kind < 8) return branch(distance);
    if (kind < 9) return jump(distance);
    return [CALL, RETURN, HOST][below(3)];
  });
}

/** Blocks that can be reached from `entry` without `without`. */
function reachable(entry: Block, without: Block | undefined): Set<Block> {
  const seen = new Set<Block>();
  const stack = entry === without ? [] : [entry];
  for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
    if (seen.has(block)) continue;
    seen.add(block);
    for (const next of successors(block)) if (next !== without) stack.push(next);
  }
  return seen;
}

/** `a` is on every way to `b`. */
function isDominator(blocks: readonly Block[], a: Block, b: Block): boolean {
  return a === b || !reachable(blocks[0], a).has(b);
}

test("random code: order, dominators, loops and merges are what their definitions say", () => {
  let irreducible = 0;
  for (let seed = 0; seed < 150; seed++) {
    const words = randomWords(seed);
    const blocks = findRegion(pageCode(words), 0);
    assert.deepEqual(blocks.map(({ order }) => order), blocks.map((_, i) => i));
    assert.equal(reachable(blocks[0], undefined).size, blocks.length);
    for (const block of blocks) {
      // The immediate dominator is dominated by all other strict dominators.
      const strict = blocks.filter((each) => each !== block && isDominator(blocks, each, block));
      const immediate = strict.find((each) =>
        strict.every((other) => isDominator(blocks, other, each))
      );
      assert.equal(block.dominator, immediate ?? block, `seed ${seed}, block ${block.start}`);
      const before = blocks.filter((each) => successors(each).includes(block));
      const back = before.filter((each) => each.order >= block.order);
      for (const each of back) assert.ok(isDominator(blocks, block, each), "reducible");
      assert.equal(block.isLoop, back.length > 0);
      assert.equal(block.forward, before.length - back.length);
      const merges = blocks.filter((each) => each.dominator === block && each.forward > 1);
      assert.deepEqual(block.merges, merges.sort((a, b) => b.order - a.order));
    }
    irreducible += checkEdges(words, blocks);
  }
  assert.ok(irreducible > 10, "the graphs are too simple");
});

/** Blocks and their edges against the words. Gives the number of edges that were left out. */
function checkEdges(words: readonly number[], blocks: readonly Block[]): number {
  let left = 0;
  const owner = new Map<number, Block>();
  for (const block of blocks) {
    for (let i = block.start; i < block.end; i++) {
      assert.equal(owner.get(i), undefined, "blocks overlap");
      owner.set(i, block);
      assert.ok(i === block.end - 1 || words[i] === PLAIN, "flow in the middle of a block");
    }
  }
  for (const block of blocks) {
    const word = words[block.end - 1];
    const kind = block.end > block.start ? word & 0xff000000 : 0;
    const target = block.end - 1 + (word << 8 >> 8);
    if (block.taken !== undefined) assert.equal(block.taken.start, target);
    else if (kind === 0x02000000 || kind === 0x03000000) left++;
    if (block.next !== undefined) {
      assert.equal(block.next.start, block.end);
      assert.ok(kind === PLAIN || kind === 0x03000000 || kind === CALL);
    }
  }
  return left;
}
