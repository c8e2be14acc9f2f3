import assert from "node:assert/strict";
import { test } from "node:test";
import { type Arch } from "./arch.ts";
import { CodeCache, type CodePage } from "./code_cache.ts";
import { PAGE_SIZE, RAM_BASE, Record, Special, WORD_RECORDS } from "./memory_map.ts";
import { hostRow, row } from "./row.ts";
import { InstructionTable, type RowHandler } from "./table.ts";

const { pages: RECORD_PAGES, units: RECORDS_PER_PAGE } = WORD_RECORDS;
const FIRST = Special.first;
const RECORD = 1 << WORD_RECORDS.shift;

const ADD = 0x01000000;
const JUMP = 0x02000000;
const HOST = 0x03000000;
const PRIVILEGED = 0x04000000;

const rows = [
  row("00000001 000000000 Rn:5 Rm:5 Rd:5", "add", "", (b, f) => {
    b.get(f.Rn);
    b.get(f.Rm);
    b.i64_add();
    b.set(f.Rd);
  }),
  row("00000010 imm:24", "jump", "", (b, f) => b.jump(f.imm), { flow: "jump" }),
  hostRow("00000011 rest:24", "host", "", "host"),
  row("00000100 imm:24", "privileged", "EL1", () => {}),
];

class Rig {
  readonly memory: WebAssembly.Memory;
  readonly cache: CodeCache;
  readonly events: string[] = [];
  readonly #words: Uint32Array;
  readonly #ram: Uint32Array;

  constructor(ramPages = 16) {
    const pages = Math.ceil((RAM_BASE + ramPages * PAGE_SIZE) / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { buffer } = this.memory;
    const ram = new Uint8Array(buffer, RAM_BASE, ramPages * PAGE_SIZE);
    this.#words = new Uint32Array(buffer, 0, RAM_BASE / 4);
    this.#ram = new Uint32Array(buffer, RAM_BASE, ram.length / 4);
    const arch = { enabled: (feature: string, mode: number) => feature !== "EL1" || mode === 1 };
    this.cache = new CodeCache({
      arch: arch as unknown as Arch,
      decoder: new InstructionTable(rows),
      memory: this.memory,
      ram,
      numberOf: (handler) => Special.first + (handler as RowHandler).row.index,
      onCodePage: (offset) => this.events.push(`code ${offset}`),
      onDrop: (regions) => {
        for (const { slot } of regions) this.events.push(`drop ${slot}`);
      },
      onRelease: () => this.events.push("release"),
      onFlush: () => this.events.push("flush"),
    });
  }

  put(offset: number, ...words: number[]): void {
    this.#ram.set(words, offset / 4);
  }

  /** Handler number in a record as it stands. */
  number(page: CodePage, index: number): number {
    return this.#words[(page.records + index * RECORD) >> 2] & 0xffff;
  }

  bytes(page: CodePage, index: number): number[] {
    const at = page.records + index * RECORD + Record.slots;
    return [...new Uint8Array(this.memory.buffer as ArrayBuffer, at, 4)];
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }
}

test("records are decoded up to the end of the block", () => {
  const rig = new Rig();
  rig.put(0x1000, ADD | (1 << 10) | (2 << 5) | 3, ADD | (31 << 10) | (4 << 5) | 31, JUMP, ADD);
  const page = rig.cache.page(0x1000, 0);
  rig.cache.decode(page, 0);
  assert.deepEqual([0, 1, 2, 3].map((i) => rig.number(page, i)), [
    FIRST,
    FIRST,
    FIRST + 1,
    Special.undecoded,
  ]);
  assert.deepEqual(rig.bytes(page, 0), [1, 2, 3, 0]);
  // The zero register reads as slot 32 and is written to slot 33.
  assert.deepEqual(rig.bytes(page, 1), [32, 4, 33, 0]);
  assert.equal(rig.number(page, RECORDS_PER_PAGE), Special.pageEnd);
  assert.equal(rig.cache.decodes, 3);
});

test("what has no row, what is the host's and what the mode switches off end a block", () => {
  const rig = new Rig();
  rig.put(0, HOST, ADD, 0xff000000, ADD, PRIVILEGED, PRIVILEGED);
  const user = rig.cache.page(0, 0);
  const kernel = rig.cache.page(0, 1);
  for (const page of [user, kernel]) {
    for (let i = 0; i < 5; i++) rig.cache.decode(page, i);
  }
  const first = [Special.host, FIRST, Special.host, FIRST];
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => rig.number(user, i)), [...first, Special.host]);
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => rig.number(kernel, i)), [...first, FIRST + 3]);
  assert.equal(rig.cache.page(0, 0), user);
  assert.notEqual(user.records, kernel.records);
});

test("a page becomes code once, whatever its modes", () => {
  const rig = new Rig();
  assert.equal(rig.cache.isCode(0x2004), false);
  rig.cache.page(0x2000, 0);
  rig.cache.page(0x2000, 1);
  rig.cache.page(0x3000, 0);
  assert.deepEqual(rig.takeEvents(), ["code 8192", "code 12288"]);
  assert.equal(rig.cache.isCode(0x2ffc), true);
  assert.equal(rig.cache.isCode(0x1ffc), false);
  assert.equal(rig.cache.pages, 3);
});

test("find finds page and instruction of a record", () => {
  const rig = new Rig();
  const pages = [0, 0x1000, 0x5000].map((offset) => rig.cache.page(offset, 0));
  for (const page of pages) {
    for (const index of [0, 1, RECORDS_PER_PAGE - 1]) {
      assert.deepEqual(rig.cache.find(page.records + index * RECORD), { page, index });
    }
  }
});

test("a region takes the place of a record, the number that was there is kept", () => {
  const rig = new Rig();
  rig.put(0, ADD, ADD, JUMP);
  const page = rig.cache.page(0, 0);
  rig.cache.decode(page, 0);
  rig.cache.install(page, 1, 40000);
  assert.equal(rig.number(page, 1), Special.enter);
  assert.equal(rig.cache.handlerNumber(page, 1), FIRST);
  assert.equal(rig.cache.handlerNumber(page, 0), FIRST);
  rig.cache.install(page, 1, 50000);
  assert.equal(rig.cache.handlerNumber(page, 1), FIRST);
});

test("a write drops what was made of the words it touches, and nothing else", () => {
  const rig = new Rig();
  rig.put(0x1000, ADD, ADD, JUMP);
  rig.put(0x2000, ADD, JUMP);
  const [page, other] = [0x1000, 0x2000].map((offset) => {
    const made = rig.cache.page(offset, 0);
    rig.cache.decode(made, 0);
    return made;
  });
  rig.cache.install(page, 0, 20000);
  rig.takeEvents();
  const writes: [number, number][] = [
    [0x100c, 4],
    [0x1ffc, 4],
    [0x0ffc, 4],
    [0x1000, 0],
    [0x100c, 0xff4],
    [0, 0x1000],
    [0x3000, 0x1000],
  ];
  for (const [offset, length] of writes) rig.cache.invalidate(offset, length);
  assert.equal(rig.cache.invalidations, 0);
  assert.equal(rig.number(page, 0), Special.enter);
  rig.cache.invalidate(0x100b, 1);
  assert.deepEqual(rig.takeEvents(), ["drop 20000", "release"]);
  assert.equal(rig.cache.isCode(0x1000), false);
  assert.equal(rig.cache.find(page.records), undefined);
  assert.equal(page.regions.size, 0);
  assert.equal(rig.number(other, 0), FIRST);
  const again = rig.cache.page(0x1000, 0);
  assert.equal(rig.number(again, 0), Special.undecoded);
  assert.equal(rig.number(again, RECORDS_PER_PAGE), Special.pageEnd);
  assert.deepEqual(rig.takeEvents(), ["code 4096"]);
});

test("a page with code to which data is written again and again is let go", () => {
  const rig = new Rig();
  rig.put(0x1000, JUMP);
  rig.cache.decode(rig.cache.page(0x1000, 0), 0);
  rig.takeEvents();
  let writes = 0;
  for (; rig.cache.isCode(0x1000) && writes < 1000; writes++) rig.cache.invalidate(0x1800, 8);
  assert.ok(writes > 1 && writes < 1000, `${writes} writes`);
  assert.deepEqual(rig.takeEvents(), ["release"]);
});

test("a long write drops all pages on its way, in all modes", () => {
  const rig = new Rig();
  for (const offset of [0x1000, 0x2000, 0x3000]) {
    rig.put(offset, JUMP);
    for (const mode of [0, 1]) rig.cache.decode(rig.cache.page(offset, mode), 0);
  }
  assert.equal(rig.cache.pages, 6);
  rig.cache.invalidate(0x1001, 0x2000);
  assert.equal(rig.cache.pages, 0);
  assert.equal(rig.cache.invalidations, 3);
});

test("a word that a region was made of counts, though it has no record", () => {
  const rig = new Rig();
  rig.put(0, JUMP);
  const page = rig.cache.page(0, 0);
  rig.cache.decode(page, 0);
  rig.cache.markDecoded(page, 100, 4);
  rig.cache.invalidate(404, 4);
  assert.equal(rig.cache.invalidations, 0);
  rig.cache.invalidate(400, 1);
  assert.equal(rig.cache.invalidations, 1);
});

test("more pages than there is room for drop everything", () => {
  const rig = new Rig(RECORD_PAGES + 1);
  const first = rig.cache.page(0, 0);
  rig.put(0, JUMP);
  rig.cache.decode(first, 0);
  rig.cache.install(first, 0, 30000);
  for (let i = 1; i < RECORD_PAGES; i++) rig.cache.page(i * PAGE_SIZE, 0);
  rig.takeEvents();
  const last = rig.cache.page(RECORD_PAGES * PAGE_SIZE, 0);
  assert.deepEqual(rig.takeEvents(), ["drop 30000", "flush", `code ${RECORD_PAGES * PAGE_SIZE}`]);
  assert.equal(rig.cache.pages, 1);
  assert.equal(rig.cache.isCode(0), false);
  assert.equal(rig.cache.isCode(last.offset), true);
  assert.equal(rig.number(last, 0), Special.undecoded);
  assert.equal(rig.cache.flushes, 1);
});
