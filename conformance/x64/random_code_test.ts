import assert from "node:assert/strict";
import { test } from "node:test";
import { exclusion } from "./exclusions.ts";
import { NativeExecutor, whyNotComparable } from "./native.ts";
import {
  type Disagreement,
  End,
  randomString,
  readVerdicts,
  recordStrings,
  replayStrings,
  STRING_ADDRESS,
  type StringExecutor,
  stringState,
  type Verdict,
} from "./random_code.ts";
import { State } from "./state.ts";

const verdicts = await readVerdicts();
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

function disagreements(
  executor: StringExecutor,
  [from, to]: readonly [number, number],
): { count: number; found: Disagreement[] } {
  const found: Disagreement[] = [];
  const report = (one: Disagreement): void => void found.push(one);
  return { count: replayStrings(executor, verdicts, { from, to }, report), found };
}

test("there are 2,000,000 verdicts that count, with every kind of end", () => {
  const ends = new Map<End, number>();
  for (const { end } of verdicts) ends.set(end, (ends.get(end) ?? 0) + 1);
  assert.deepEqual([...ends.keys()].sort((a, b) => a - b), Object.values(End));
  assert.ok(verdicts.length - ends.get(End.excluded)! >= 2000000, `${verdicts.length}`);
});

test("instructions of one byte: their length and end", () => {
  const lengths = new Map<number, Set<string>>();
  for (let n = 0; n < 200000; n++) {
    const [first] = randomString(n);
    const { length, end } = verdicts[n];
    const seen = lengths.get(first) ?? new Set();
    lengths.set(first, seen.add(`${length} ${end}`));
  }
  const only = (byte: number): string[] => [...lengths.get(byte) ?? []];
  assert.deepEqual(only(0x90), [`1 ${End.none}`]);
  assert.deepEqual(only(0xcc), [`1 ${End.breakpoint}`]);
  assert.deepEqual(only(0xf4), [`1 ${End.protection}`]);
  assert.deepEqual(only(0x06), [`1 ${End.undefined}`]);
  // MOV AL,Ib; TEST EAX,Iz; ENTER takes 3 bytes besides its opcode.
  assert.deepEqual(only(0xb0), [`2 ${End.none}`]);
  assert.deepEqual(only(0xa9), [`5 ${End.none}`]);
  assert.ok(only(0xc8).every((text) => text.startsWith("4 ")));
});

test("fifteen prefixes and no opcode are #GP", () => {
  const isPrefix = (byte: number): boolean =>
    [0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].includes(byte);
  let count = 0;
  for (let n = 0; n < 50000; n++) {
    if (verdicts[n].end === End.excluded || !randomString(n).subarray(0, 15).every(isPrefix)) {
      continue;
    }
    assert.deepEqual(verdicts[n], { length: 15, end: End.protection });
    count++;
  }
  assert.ok(count > 50, `${count}`);
});

test("an executor's verdicts are compared, but not the length of what is undefined", () => {
  const answers = (change: (verdict: Verdict) => Verdict): StringExecutor => {
    let n = -1;
    return {
      name: "prompted",
      execute(string, state): Verdict {
        do n++; while (verdicts[n].end === End.excluded);
        const expected = new State();
        stringState(n, expected);
        assert.equal(hex(string), hex(randomString(n)));
        assert.deepEqual(state.bytes, expected.bytes);
        assert.equal(state.rip, BigInt(STRING_ADDRESS));
        return change(verdicts[n]);
      },
    };
  };
  const range = [0, 400] as const;
  const right = disagreements(answers((verdict) => verdict), range);
  assert.deepEqual(right.found, []);
  assert.ok(right.count > 300 && right.count < 400, `${right.count}`);
  const longer = disagreements(answers(({ length, end }) => ({ length: length + 1, end })), range);
  const defined = verdicts.slice(...range)
    .filter(({ end }) => end !== End.undefined && end !== End.excluded);
  assert.equal(longer.found.length, defined.length);
  const other = disagreements(answers(({ length }) => ({ length, end: End.simd })), [0, 400]);
  assert.ok(other.found.length >= right.count - 5);
});

test("what is not compared is told by prefixes, opcode and ModRM", () => {
  const reason = (text: string): string | undefined => {
    const bytes = new Uint8Array(16);
    bytes.set(text.split(" ").map((byte) => parseInt(byte, 16)));
    return exclusion(bytes);
  };
  const compared = [
    "90",
    "66 90",
    "e8 00 00",
    "c4 e2 78 f2 c0", // ANDN
    "c4 e3 7b f0 c0 01", // RORX
    "0f ae 38", // CLFLUSH
    "f3 0f ae c0", // RDFSBASE
    "0f c7 08", // CMPXCHG8B
    "0f c7 f0", // RDRAND
    "0f 01 10", // LGDT
    "ff 30", // PUSH
    "8f 00", // POP
    "cd 20",
    "0f 3a cc",
  ];
  for (const text of compared) {
    assert.equal(reason(text), undefined, text);
  }
  const excluded = [
    "c5 f8 58 c0",
    "62",
    "c4 e2 7c f2 c0", // 256 bits
    "c4 e2 78 00 c0",
    "8f ea",
    "66 e8 00 00",
    "66 48 0f 84",
    "66 ff 10",
    "ff 18",
    "cf",
    "8e d8",
    "f1",
    "cd 80",
    "0f 05",
    "0f 01 c1",
    "0f 22 c0",
    "f2 0f 2b 00",
    "0f ae 20",
    "66 0f ae 38",
    "f3 0f c7 f8",
    "66 0f 38 cf c1",
    "0f 0f c0 9e",
  ];
  for (const text of excluded) assert.notEqual(reason(text), undefined, text);
});

const reason = whyNotComparable();
if (reason !== undefined) console.log(`not compared with the host CPU: ${reason}`);
test("the host CPU takes random code for what was recorded", { skip: reason }, () => {
  const executor = new NativeExecutor();
  const count = 4096;
  const judged = recordStrings(executor, 0, count);
  executor.dispose();
  const lines: string[] = [];
  judged.forEach((judged, n) => {
    const expected = verdicts[n];
    const open = judged.end === End.undefined || judged.end === End.excluded;
    const sameLength = open || judged.length === expected.length;
    if (judged.end === expected.end && sameLength && judged.fault === expected.fault) return;
    const [want, have] = [expected, judged].map((one) => JSON.stringify(one));
    lines.push(`${n}: ${hex(randomString(n))}: ${have}, not ${want}`);
  });
  assert.deepEqual(lines.slice(0, 5), []);
});
