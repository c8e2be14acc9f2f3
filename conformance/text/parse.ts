/**
 * The text format of guest tests (`*.a64`), line by line:
 *
 * ```
 * ## name of the test               begins a test
 * # ...                             comment
 * map 0x200000 = 0x40010000 rwx     virtual page to physical; a third word is its size: 4K, 2M, 1G
 * set x0 = 5, SCTLR_EL1 = 0x...     initial registers and fields of the state; v0 = 128 bits
 * data 0x40010000 = 1 2 3           doublewords in RAM
 * code 0x40000000 [at 0x40010000]   instructions at a virtual address; `at` is the physical one
 *     d2800020  mov x0, #1          word and source; ` *9` at the end repeats the instruction
 *   label:
 * run mmu-off | irq 7 | limit 1000 | not-on-qemu
 * expect x0 = 5, nzcv = 0110        state at the end; mem(address) is a doubleword
 * ```
 *
 * Rights of a page: r, w (writable), u (EL0 too), x (executed at EL1), y (executed at EL0), n (not
 * global), d (Device), f (access flag clear), - (no translation). Values: numbers, `@label`, `pte(address)` (where the
 * descriptor of a mapped page is), `desc(address rights)` (a descriptor), each with `+ number`.
 * A test begins at its first code block at EL1 with interrupts masked and ends at HVC.
 */

/** A piece of code. */
export interface CodeBlock {
  readonly virtual: number;
  readonly physical: number;
  readonly words: number[];
  /** Source lines: instructions with their index and count, labels. */
  readonly lines: SourceLine[];
}

/** A line of a code block. */
export interface SourceLine {
  /** Line of the file, from 0. */
  readonly line: number;
  /** The label or the assembler's source. */
  readonly text: string;
  readonly isLabel: boolean;
  /** Index of its first word in the block. */
  readonly index: number;
  readonly count: number;
}

/** A virtual page, or block of pages. */
export interface Mapping {
  readonly virtual: number;
  readonly physical: number;
  readonly rights: string;
  readonly size: "4K" | "2M" | "1G";
}

/** Name and unevaluated value. */
export type Assignment = readonly [name: string, value: string];

export interface TextTest {
  readonly name: string;
  readonly line: number;
  readonly mappings: Mapping[];
  readonly set: Assignment[];
  readonly data: { readonly address: string; readonly values: readonly string[] }[];
  readonly code: CodeBlock[];
  /** Lines (from 1) whose words have not been assembled. */
  readonly missing: number[];
  readonly labels: Map<string, bigint>;
  readonly expect: Assignment[];
  /** QEMU is known to do otherwise than the architecture says, or has other limits. */
  notOnQemu: boolean;
  mmuOff: boolean;
  /** Interrupts come after this many instructions each time; 0: none. */
  irq: number;
  /** Instructions at most. */
  limit: number;
}

const INSTRUCTION = /^\s+(?:([0-9a-f]{8})\s\s)?\s*(\S.*?)(?:\s+\*(\d+))?$/;

/** Parses a file. Throws an Error that tells the line. */
export function parseTests(text: string): TextTest[] {
  const tests: TextTest[] = [];
  let test: TextTest | undefined;
  let block: CodeBlock | undefined;
  text.split("\n").forEach((raw, line) => {
    const fail = (what: string): never => {
      throw new Error(`line ${line + 1}: ${what}`);
    };
    const source = raw.replace(/(^|\s)#( .*)?$/, "").trimEnd();
    if (raw.startsWith("## ")) {
      test = newTest(raw.slice(3).trim(), line);
      tests.push(test);
      block = undefined;
      return;
    }
    if (source.trim() === "") return;
    if (test === undefined) return fail("no test has begun");
    if (/^\s/.test(source)) {
      if (block === undefined) return fail("no code block has begun");
      addCode(test, block, source, line);
      return;
    }
    const [, keyword, rest] = /^(\S+)\s*(.*)$/.exec(source) as RegExpExecArray;
    switch (keyword) {
      case "map": {
        const match = /^(\w+) = (\w+) (\S+)(?: (4K|2M|1G))?$/.exec(rest) ?? fail("map?");
        test.mappings.push({
          virtual: Number(match[1]),
          physical: Number(match[2]),
          rights: match[3],
          size: (match[4] ?? "4K") as Mapping["size"],
        });
        return;
      }
      case "set":
        test.set.push(...assignments(rest));
        return;
      case "expect":
        test.expect.push(...assignments(rest));
        return;
      case "data": {
        const match = /^(\S+) = (.*)$/.exec(rest) ?? fail("data?");
        test.data.push({ address: match[1], values: match[2].split(/\s+/) });
        return;
      }
      case "code": {
        const match = /^(\w+)(?: at (\w+))?$/.exec(rest) ?? fail("code?");
        const virtual = Number(match[1]);
        const physical = Number(match[2] ?? virtual);
        block = { virtual, physical, words: [], lines: [] };
        test.code.push(block);
        return;
      }
      case "run":
        if (rest === "mmu-off") test.mmuOff = true;
        else if (rest === "not-on-qemu") test.notOnQemu = true;
        else if (/^irq \d+$/.test(rest)) test.irq = Number(rest.slice(4));
        else if (/^limit \d+$/.test(rest)) test.limit = Number(rest.slice(6));
        else fail(`run ${rest}?`);
        return;
      default:
        fail(`${keyword}?`);
    }
  });
  return tests;
}

function newTest(name: string, line: number): TextTest {
  return {
    name,
    line,
    mappings: [],
    set: [],
    data: [],
    code: [],
    missing: [],
    labels: new Map(),
    expect: [],
    notOnQemu: false,
    mmuOff: false,
    irq: 0,
    limit: 50_000,
  };
}

function addCode(test: TextTest, block: CodeBlock, source: string, line: number): void {
  const index = block.words.length;
  const label = /^\s+([a-z]\w*):$/.exec(source);
  if (label !== null) {
    test.labels.set(label[1], BigInt(block.virtual) + BigInt(4 * index));
    block.lines.push({ line, text: label[1], isLabel: true, index, count: 0 });
    return;
  }
  const [, word, text, times] = INSTRUCTION.exec(source) as RegExpExecArray;
  const count = Number(times ?? 1);
  const value = parseInt(word ?? "0", 16);
  if (word === undefined) test.missing.push(line + 1);
  for (let i = 0; i < count; i++) block.words.push(value);
  block.lines.push({ line, text, isLabel: false, index, count });
}

/** `a = 1, b = f(2 x)` */
function assignments(text: string): Assignment[] {
  return text.split(/,\s*/).map((part) => {
    const match = /^([^=\s]+)\s*=\s*(.+)$/.exec(part);
    if (match === null) throw new Error(`not an assignment: ${part}`);
    return [match[1], match[2]];
  });
}
