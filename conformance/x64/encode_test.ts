import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, type Memory, type Operands } from "./encode.ts";
import { rows } from "./rows.ts";

const NONE: Operands = {
  size: undefined,
  reg: 0,
  vvvv: 0,
  low: 0,
  rm: 0,
  immediate: [],
  prefixes: [],
  rex: undefined,
};
const NO_MEMORY: Memory = {
  base: undefined,
  index: undefined,
  scale: 0,
  displacement: 0,
  least: 0,
};

/** The bytes of the first row of that text, as hexadecimal digits. */
function bytesOf(text: string, operands: Partial<Operands>, memory?: Partial<Memory>): string {
  const row = rows.find((one) => one.text === text);
  assert.ok(row, text);
  const rm = memory === undefined ? operands.rm ?? 0 : { ...NO_MEMORY, ...memory };
  return encode(row, { ...NONE, ...operands, rm })
    .map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

// The bytes on the right are an assembler's.
test("instructions are encoded as an assembler does it", () => {
  const cases: readonly (readonly [string, string])[] = [
    // add [rax + rcx*4 + 0x10], r9d
    [
      bytesOf("ADD Ev,Gv", { size: 32, reg: 9 }, { base: 0, index: 1, scale: 2, displacement: 16 }),
      "44 01 4c 88 10",
    ],
    // mov r13, [r12]: a base of 12 needs a SIB byte
    [bytesOf("MOV Gv,Ev", { size: 64, reg: 13 }, { base: 12 }), "4d 8b 2c 24"],
    // mov eax, [rbp]: a base of 5 needs a displacement
    [bytesOf("MOV Gv,Ev", { size: 32 }, { base: 5 }), "8b 45 00"],
    // lock xadd [rip + 0x100], r8w
    [
      bytesOf("XADD Ev,Gv", { size: 16, reg: 8, prefixes: [0xf0] }, {
        base: "rip",
        displacement: 0x10a,
      }),
      "f0 66 44 0f c1 05 00 01 00 00",
    ],
    // mov byte [0x50001000], 7
    [
      bytesOf("MOV Eb,Ib", { immediate: [7] }, { displacement: 0x50001000 }),
      "c6 04 25 00 10 00 50 07",
    ],
    // crc32 r9d, word [rsp + rdi*8 - 0x80]
    [
      bytesOf("CRC32 Gy,Ev", { size: 16, reg: 9 }, {
        base: 4,
        index: 7,
        scale: 3,
        displacement: -0x80,
      }),
      "66 f2 44 0f 38 f1 4c fc 80",
    ],
    // andn r9, r10, [r11 + r12*2]
    [
      bytesOf("ANDN Gy,By,Ey", { size: 64, reg: 9, vvvv: 10 }, { base: 11, index: 12, scale: 1 }),
      "c4 02 a8 f2 0c 63",
    ],
    // pshufb xmm9, [r15 + 0x1000]
    [
      bytesOf("PSHUFB V,W16", { reg: 9 }, { base: 15, displacement: 0x1000 }),
      "66 45 0f 38 00 8f 00 10 00 00",
    ],
    // rep movsq; push r9
    [bytesOf("MOVS", { size: 64, prefixes: [0xf3] }), "f3 48 a5"],
    [bytesOf("PUSH Zv", { size: 64, low: 9 }), "41 51"],
    // imul r10w, [rbx], 0x1234
    [
      bytesOf("IMUL Gv,Ev,Iz", { size: 16, reg: 10, immediate: [0x34, 0x12] }, { base: 3 }),
      "66 44 69 13 34 12",
    ],
    // mov spl, al: without REX it is AH
    [bytesOf("MOV Eb,Gb", { rm: 4, rex: 0 }), "40 88 c4"],
    // fadd st(0), st(3)
    [bytesOf("FADD ST,STi #3", {}), "d8 c3"],
    // cmovg rax, r15
    [bytesOf("CMOVcc Gv,Ev #15", { size: 64, rm: 15 }), "49 0f 4f c7"],
  ];
  for (const [got, expected] of cases) assert.equal(got, expected);
});

test("no two rows are the same encoding", () => {
  const seen = new Map<string, string>();
  for (const row of rows) {
    const { mandatory, vex, opcode, reg, attributes } = row;
    const memory = row.operands.some((operand) => operand.startsWith("M"));
    const register = row.operands.some((operand) => /^[RUN]/.test(operand));
    const form = memory ? "memory" : register ? "register" : "both";
    const wide = attributes.has("w64");
    const key = JSON.stringify([mandatory, vex, opcode, reg, form, wide]);
    assert.equal(seen.get(key), undefined, `${row.text} and ${seen.get(key)}`);
    seen.set(key, row.text);
  }
  assert.ok(seen.size > 1100);
});
