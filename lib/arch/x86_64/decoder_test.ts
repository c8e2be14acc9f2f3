import assert from "node:assert/strict";
import { test } from "node:test";
import { isMemory } from "../../engine/instruction.ts";
import { operandsOf, TOO_LONG, X86Decoder } from "./decoder.ts";
import type { X86Handler } from "./handler.ts";
import { Mode } from "./mode.ts";
import type { Operands } from "./operands.ts";
import { x86, type X86Row } from "./row.ts";

const row = (title: string, code: string, options: Parameters<typeof x86>[4] = {}): X86Row =>
  x86(title, code, "base", () => {}, options);

const rows: readonly X86Row[] = [
  row("ADD Eb,Gb", "00 /r", { lock: true }),
  row("ADD Ev,Gv", "01 /r", { lock: true }),
  row("ADD rAX,Iz", "05"),
  row("IMUL Gv,Ev,Ib", "6b /r"),
  row("MOVSXD Gv,Ed", "63 /r", { o64: true }),
  row("ARPL Ew,Gw", "63 /r", { i64: true }),
  row("MOV Gb,Eb", "8a /r"),
  row("XCHG rAX,Zv", "90+r"),
  row("PAUSE", "f3 90"),
  row("MOV rAX,Ov", "a1"),
  row("MOVS Yv,Xv", "a5"),
  row("REP MOVS Yv,Xv", "REP a5"),
  row("MOV Zv,Iv", "b8+r"),
  row("ENTER Iw,Ib", "c8", { d64: true, sized: true }),
  row("PUSH Zv", "50+r", { d64: true }),
  row("PUSH Ev", "ff /6", { d64: true }),
  row("JMP Jz", "e9", { f64: true, flow: "jump" }),
  row("JMP Jb", "eb", { f64: true, flow: "jump" }),
  row("JMP Ap", "ea", { i64: true }),
  row("FADD ST,STi", "d8 c0+i"),
  row("FADD M4", "d8 /0"),
  row("Jcc Jz", "0f 80+cc", { f64: true, flow: "branch" }),
  row("ADDPS V,W16", "0f 58 /r"),
  row("ADDSD V,W8", "f2 0f 58 /r"),
  row("PADDB P,Q8", "0f fc /r"),
  row("PSHUFD V,W16,Ib", "66 0f 70 /r", { constant: 0xff }),
  row("MOV Ry,Cy", "0f 20 /r", { f64: true }),
  row("BSF Gv,Ev", "0f bc /r"),
  row("TZCNT Gv,Ev", "f3 0f bc /r"),
  row("CMPXCHG8B M8", "W0 0f c7 /1", { lock: true }),
  row("CMPXCHG16B M16", "W1 0f c7 /1", { lock: true }),
  row("XGETBV", "NP 0f 01 d0"),
  row("CRC32 Gy,Ev", "f2 0f 38 f1 /r"),
  row("MOVBE Gv,Mv", "NFx 0f 38 f0 /r"),
  row("ANDN Gy,By,Ey", "VEX.NP.0F38 f2 /r", { protectedOnly: true }),
];
const decoder = new X86Decoder(rows);
const MODES = {
  16: Mode.code16,
  32: Mode.code32 | Mode.protected,
  64: Mode.code64 | Mode.protected,
};

interface Result {
  readonly title: string;
  readonly length: number;
  readonly o: Operands;
  readonly handler: X86Handler;
}

/** Decodes bytes in hexadecimal, followed by what belongs to no instruction. */
function decode(text: string, bits: 16 | 32 | 64 = 64): Result | undefined {
  const bytes = [...text.split(" ").map((byte) => parseInt(byte, 16)), ...new Array(16).fill(0xcc)];
  const decoded = decoder.decode(Uint8Array.from(bytes), 0, bytes.length, MODES[bits]);
  if (decoded === undefined || decoded === "cut") return undefined;
  const { handler, length } = decoded;
  return { title: handler.row.title, length, o: operandsOf(decoded), handler };
}

const title = (text: string, bits: 16 | 32 | 64 = 64): string | undefined =>
  decode(text, bits)?.title;

test("operand sizes follow the code's size, 66, REX.W, d64 and f64", () => {
  const size = (text: string, bits: 16 | 32 | 64): number => decode(text, bits)!.o.size;
  for (
    const [text, bits, expected] of [
      ["01 c8", 64, 4],
      ["66 01 c8", 64, 2],
      ["48 01 c8", 64, 8],
      ["66 48 01 c8", 64, 8],
      ["01 c8", 32, 4],
      ["66 01 c8", 32, 2],
      ["01 c8", 16, 2],
      ["66 01 c8", 16, 4],
      ["50", 64, 8],
      ["66 50", 64, 2],
      ["50", 32, 4],
      ["66 ff f0", 64, 2],
      ["66 e9 00 00 00 00", 64, 8],
      ["f2 0f 38 f1 c0", 64, 4],
      ["66 f2 0f 38 f1 c0", 64, 2],
      ["0f 20 c0", 64, 8],
      ["0f 20 c0", 32, 4],
    ] as const
  ) {
    assert.equal(size(text, bits), expected, `${text} in ${bits}-bit code`);
  }
  // The whole instruction is 66-free: its immediate has four bytes.
  assert.equal(decode("66 e9 00 00 00 00")!.length, 6);
  assert.equal(decode("e9 00 00", 16)!.length, 3);
});

test("registers: REX bits, and bytes without REX", () => {
  const registers = (text: string): number[] => {
    const { o } = decode(text)!;
    return Array.from({ length: o.length }, (_, n) => o[n].raw.value);
  };
  assert.deepEqual(registers("45 01 c8"), [8, 9]);
  assert.deepEqual(registers("00 e5"), [17, 16]);
  assert.deepEqual(registers("40 00 e5"), [5, 4]);
  assert.deepEqual(registers("41 54"), [12]);
  assert.deepEqual(registers("c4 42 30 f2 da"), [11, 9, 10]);
  // A REX before another prefix does nothing.
  assert.equal(decode("48 66 01 c8")!.o.size, 2);
});

test("addresses", () => {
  const memory = (text: string, bits: 16 | 32 | 64 = 64): unknown => {
    const { raw } = decode(text, bits)!.o[1];
    assert.ok(isMemory(raw));
    const { form: { kind, size }, base, index, scale, segment, displacement } = raw;
    return [kind, size, base, index, scale, segment, displacement];
  };
  assert.deepEqual(memory("8a 00"), ["base", 8, 0, 32, 0, 0, 0]);
  assert.deepEqual(memory("41 8a 45 ff"), ["base", 8, 13, 32, 0, 0, -1]);
  assert.deepEqual(memory("42 8a 84 e3 78 56 34 12"), ["indexed", 8, 3, 12, 3, 0, 0x12345678]);
  assert.deepEqual(memory("8a 04 24"), ["base", 8, 4, 32, 0, 0, 0]);
  assert.deepEqual(memory("8a 04 25 00 00 00 80"), ["base", 8, 32, 32, 0, 0, -0x80000000]);
  assert.deepEqual(memory("65 8a 00"), ["base", 8, 0, 32, 0, 6, 0]);
  // DS does not cancel FS, and counts for nothing.
  assert.deepEqual(memory("64 3e 8a 00"), ["base", 8, 0, 32, 0, 5, 0]);
  // From the instruction's start.
  assert.deepEqual(memory("8a 05 10 00 00 00"), ["pc", 8, 32, 32, 0, 0, 0x16]);
  assert.deepEqual(memory("67 8a 05 10 00 00 00"), ["pc", 4, 32, 32, 0, 0, 0x17]);
  assert.deepEqual(memory("6b 05 10 00 00 00 05"), ["pc", 8, 32, 32, 0, 0, 0x17]);
  assert.deepEqual(memory("8a 05 10 00 00 00", 32), ["base", 4, 32, 32, 0, 4, 0x10]);
  assert.deepEqual(memory("8a 45 10", 32), ["base", 4, 5, 32, 0, 3, 0x10]);
  assert.deepEqual(memory("26 8a 45 10", 32), ["base", 4, 5, 32, 0, 1, 0x10]);
  assert.deepEqual(memory("8a 42 f0", 16), ["indexed", 2, 5, 6, 0, 3, -0x10]);
  assert.deepEqual(memory("8a 06 34 92", 16), ["base", 2, 32, 32, 0, 4, 0x9234 - 0x10000]);
  assert.deepEqual(memory("67 8a 04 24", 16), ["base", 4, 4, 32, 0, 3, 0]);
});

test("an absolute address is an immediate", () => {
  const { o, length } = decode("a1 88 77 66 55 44 33 22 11")!;
  const { raw } = o[1];
  assert.ok(isMemory(raw));
  assert.deepEqual([raw.form.kind, raw.value, raw.high, length], [
    "absolute",
    0x55667788,
    0x11223344,
    9,
  ]);
  assert.equal(decode("67 a1 00 00 00 00")!.length, 6);
});

test("immediates are extended to the operand size", () => {
  const value = (text: string, bits: 16 | 32 | 64 = 64): bigint => {
    const { o } = decode(text, bits)!;
    const { value: low, high } = o[o.length - 1].raw;
    return BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
  };
  assert.equal(value("48 6b c0 ff"), 0xffffffffffffffffn);
  assert.equal(value("66 6b c0 ff"), 0xffffn);
  assert.equal(value("48 05 00 00 00 80"), 0xffffffff80000000n);
  assert.equal(value("48 b8 08 07 06 05 04 03 02 01"), 0x0102030405060708n);
  assert.equal(decode("66 b8 34 12")!.length, 4);
  const enter = decode("c8 34 12 05")!.o;
  assert.deepEqual([enter[0].raw.value, enter[1].raw.value], [0x1234, 5]);
  const far = decode("ea 78 56 34 12 08 00", 32)!.o;
  assert.deepEqual([far[0].raw.value, far[0].raw.high], [0x12345678, 8]);
});

test("distances are from the instruction's start", () => {
  assert.equal(decode("eb fe")!.o[0].raw.value, 0);
  assert.equal(decode("0f 85 00 01 00 00")!.o[0].raw.value, 0x106);
  assert.equal(decode("0f 85 00 01 00 00")!.o.cc, 5);
});

test("prefixes choose the row", () => {
  assert.equal(title("0f 58 c1"), "ADDPS V,W16");
  assert.equal(title("f2 0f 58 c1"), "ADDSD V,W8");
  assert.equal(title("66 f2 0f 58 c1"), "ADDSD V,W8");
  assert.equal(title("f2 f3 0f 58 c1"), undefined);
  assert.equal(title("f3 f2 0f 58 c1"), "ADDSD V,W8");
  assert.equal(title("66 0f 58 c1"), undefined);
  assert.equal(title("90"), "XCHG rAX,Zv");
  assert.equal(title("f3 90"), "PAUSE");
  assert.equal(title("f2 90"), "XCHG rAX,Zv");
  assert.equal(title("f3 66 0f bc c1"), "TZCNT Gv,Ev");
  assert.equal(title("f2 0f bc c1"), "BSF Gv,Ev");
  assert.equal(title("66 0f 38 f0 00"), "MOVBE Gv,Mv");
  assert.equal(title("f3 0f 38 f0 00"), undefined);
  assert.equal(title("0f c7 08"), "CMPXCHG8B M8");
  assert.equal(title("48 0f c7 08"), "CMPXCHG16B M16");
  assert.equal(title("66 0f 01 d0"), undefined);
});

test("register and memory, ModRM as opcode, what a mode does not have", () => {
  assert.equal(title("d8 c3"), "FADD ST,STi");
  assert.equal(decode("d8 c3")!.o[1].number, 3);
  assert.equal(title("d8 03"), "FADD M4");
  assert.equal(title("0f 01 d0"), "XGETBV");
  assert.equal(title("0f 01 d1"), undefined);
  assert.equal(title("0f c7 c8"), undefined);
  assert.equal(title("63 c1"), "MOVSXD Gv,Ed");
  assert.equal(title("63 c1", 32), "ARPL Ew,Gw");
  assert.equal(title("ea 00 00 00 00 00 00"), undefined);
  assert.equal(title("40", 32), undefined);
  // Moves of control registers have no memory operand, whatever mod says.
  assert.equal(decode("0f 20 04")!.length, 3);
  assert.equal(decode("44 0f 20 c0")!.o[1].number, 8);
});

test("LOCK only where a row allows it and the destination is in memory", () => {
  assert.equal(decode("f0 01 08")!.o.lock, true);
  assert.equal(title("f0 01 c8"), undefined);
  assert.equal(title("f0 8a 00"), undefined);
});

test("VEX: nothing before it, vvvv only for who has it, 128 bits, not in real mode", () => {
  assert.equal(title("c4 e2 78 f2 c0"), "ANDN Gy,By,Ey");
  assert.equal(decode("c4 e2 f8 f2 c0")!.o.size, 8);
  for (const wrong of ["66 c4 e2 78 f2 c0", "48 c4 e2 78 f2 c0", "c4 e2 7c f2 c0", "c5 f8 58 c0"]) {
    assert.equal(title(wrong), undefined, wrong);
  }
  assert.equal(title("c4 e2 78 f2 c0", 32), "ANDN Gy,By,Ey");
  assert.equal(title("c4 e2 78 f2 c0", 16), undefined);
});

test("string instructions: addresses in rSI and rDI, repeat prefixes", () => {
  const { o } = decode("64 f3 48 a5")!;
  assert.deepEqual([o.repeat, o.addressSize, o.segment, o[0].size], [0xf3, 8, 5, 8]);
  assert.equal(decode("67 a5")!.o.addressSize, 4);
  assert.equal(decode("a5", 32)!.o.segment, 4);
  assert.equal(decode("f2 a5")!.o.repeat, 0xf2);
});

test("a structural immediate makes handlers of its own", () => {
  const handler = (text: string): X86Handler => decode(text)!.handler;
  assert.equal(decode("66 0f 70 c1 1b")!.o[2].number, 0x1b);
  assert.notEqual(handler("66 0f 70 c1 1b"), handler("66 0f 70 c1 1c"));
  assert.equal(handler("66 0f 70 c1 1b"), handler("66 0f 70 d3 1b"));
  assert.notEqual(handler("0f fc c1"), handler("0f fc c2"));
  assert.equal(handler("01 c8"), handler("45 01 e3"));
});

test("more than 15 bytes are a fault of their own, missing bytes are told", () => {
  const prefixes = "66 ".repeat(13);
  assert.equal(title(`${prefixes}01 c8`), "ADD Ev,Gv");
  assert.equal(decode(`66 ${prefixes}01 c8`)!.handler.row.host, TOO_LONG);
  assert.equal(decode(`66 ${prefixes}01 c8`)!.length, 15);
  const bytes = Uint8Array.from([0x01, 0x84, 0x24, 1, 2, 3]);
  for (let limit = 0; limit < 7; limit++) {
    assert.equal(decoder.decode(bytes, 0, limit, MODES[64]), "cut", `${limit}`);
  }
});
