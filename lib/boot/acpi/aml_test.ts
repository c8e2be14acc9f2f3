import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Aml,
  buffer,
  concat,
  device,
  eisaId,
  integer,
  method,
  name,
  notify,
  pack,
  scope,
  string,
} from "./aml.ts";
import { interrupt, isaInterrupt, memory32, ports, resourceTemplate } from "./resources.ts";

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** ASL, our term, and what ACPICA's compiler makes of the ASL (iasl 20200925, option -on). */
const COMPILED: readonly [asl: string, term: Aml, aml: string][] = [
  ["Name (\\I0, 0)", name("\\I0", integer(0)), "085c49305f5f00"],
  ["Name (\\I1, 1)", name("\\I1", integer(1)), "085c49315f5f01"],
  ["Name (\\I2, 2)", name("\\I2", integer(2)), "085c49325f5f0a02"],
  ["Name (\\I3, 0xff)", name("\\I3", integer(0xff)), "085c49335f5f0aff"],
  ["Name (\\I4, 0x100)", name("\\I4", integer(0x100)), "085c49345f5f0b0001"],
  ["Name (\\I5, 0xffff)", name("\\I5", integer(0xffff)), "085c49355f5f0bffff"],
  ["Name (\\I6, 0x10000)", name("\\I6", integer(0x10000)), "085c49365f5f0c00000100"],
  ["Name (\\I7, 0xffffffff)", name("\\I7", integer(0xffff_ffff)), "085c49375f5f0cffffffff"],
  [
    "Name (\\I8, 0x100000000)",
    name("\\I8", integer(2 ** 32)),
    "085c49385f5f0e0000000001000000",
  ],
  ['Name (\\ST, "hello")', name("\\ST", string("hello")), "085c53545f5f0d68656c6c6f00"],
  ['Name (\\ID, EisaId ("PNP0A08"))', name("\\ID", eisaId("PNP0A08")), "085c49445f5f0c41d00a08"],
  [
    'Name (\\PK, Package () { 5, 0, "x" })',
    name("\\PK", pack(integer(5), integer(0), string("x"))),
    "085c504b5f5f1208030a05000d7800",
  ],
  [
    "Name (\\BF, Buffer () { 1, 2, 3 })",
    name("\\BF", buffer(Uint8Array.of(1, 2, 3))),
    "085c42465f5f11060a03010203",
  ],
  [
    `Name (\\CR, ResourceTemplate () {
      Memory32Fixed (ReadWrite, 0xFEB00000, 0x200)
      IO (Decode16, 0x70, 0x70, 1, 2)
      IRQNoFlags () { 8 }
      Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 9 }
      Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { 47 } })`,
    name(
      "\\CR",
      resourceTemplate(
        memory32(0xfeb0_0000, 0x200),
        ports(0x70, 2),
        isaInterrupt(8),
        interrupt(9, "edge"),
        interrupt(47, "level"),
      ),
    ),
    "085c43525f5f112e0a2b860900010000b0fe0002000047017000700001022200018906000301090000008906" +
    "0001012f0000007900",
  ],
  [
    "Scope (\\_SB) { Device (DV) { Name (_UID, 3) Device (D2) { Name (_UID, 4) } } }",
    scope(
      "\\_SB",
      device("DV", name("_UID", integer(3)), device("D2", name("_UID", integer(4)))),
    ),
    "10225c5f53425f5b821a44565f5f085f5549440a035b820c44325f5f085f5549440a04",
  ],
  [
    "Scope (\\_SB.DV.D2) { Name (AB, 7) Method (_EVT, 1, Serialized) { Notify (\\_SB.DV, 0x80) } }",
    scope(
      "\\_SB.DV.D2",
      name("AB", integer(7)),
      method("_EVT", 1, notify("\\_SB.DV", 0x80)),
    ),
    "102b5c2f035f53425f44565f5f44325f5f0841425f5f0a0714135f45565409865c2e5f53425f44565f5f0a80",
  ],
];

test("terms are the bytes that the reference compiler makes", () => {
  for (const [asl, term, aml] of COMPILED) assert.equal(hex(term), aml, asl);
});

/** The lengths that iasl wrote for buffers of 100 and 5000 bytes in a scope. */
test("lengths of two and three bytes", () => {
  const hundred = name("\\BG", buffer(new Uint8Array(100)));
  assert.equal(hex(hundred.subarray(0, 10)), "085c42475f5f1148060a");
  const many = scope("\\_SB.DV", name("HU", buffer(new Uint8Array(5000))));
  assert.equal(
    hex(many.subarray(0, 28)),
    "10813a015c2e5f53425f44565f5f0848555f5f118e38010b88130000",
  );
});

test("the length counts itself, at every border of its size", () => {
  const content = (length: number): Aml => buffer(new Uint8Array(length));
  for (let length = 0; length < 70; length++) {
    assert.equal(pkgLength(content(length)), content(length).length - 1);
  }
  for (let length = 4080; length < 4110; length++) {
    assert.equal(pkgLength(content(length)), content(length).length - 1);
  }
  for (const length of [2 ** 20 - 20, 2 ** 20 - 10, 2 ** 20]) {
    assert.equal(pkgLength(content(length)), content(length).length - 1);
  }
});

/** PkgLength of a term with an op code of one byte (ACPI 6.5, 20.2.4). */
function pkgLength(term: Aml): number {
  const more = term[1] >> 6;
  if (more === 0) return term[1];
  assert.equal(term[1] & 0x30, 0, "reserved bits");
  let length = term[1] & 0xf;
  for (let i = 0; i < more; i++) length |= term[2 + i] << (4 + 8 * i);
  return length;
}

test("terms stand one after the other", () => {
  assert.equal(hex(concat(integer(0), integer(2), integer(1))), "000a0201");
  assert.equal(hex(scope("\\")), "10035c00");
});

test("the ends of each range", () => {
  assert.equal(hex(string("\x01\x7f")), "0d017f00");
  assert.equal(hex(eisaId("ABC1234")), "0c04431234"); // 1 << 10 | 2 << 5 | 3, then the digits
  assert.equal(hex(method("M", 0)), "14064d5f5f5f08");
  assert.equal(hex(method("M", 7)), "14064d5f5f5f0f");
  assert.equal(
    hex(pack(...Array.from({ length: 255 }, () => integer(0))).subarray(0, 4)),
    "124210ff",
  );
  // The shortest form of a length: 63 in one byte.
  assert.equal(hex(buffer(new Uint8Array(60)).subarray(0, 4)), "113f0a3c");
});

test("what AML cannot say is an error of the program", () => {
  const wrong = [
    () => integer(-1),
    () => integer(1.5),
    () => integer(2 ** 53),
    () => string("ü"),
    () => string("a\0"),
    () => eisaId("PNP05011"),
    () => eisaId("pnp0501"),
    () => name("", integer(0)),
    () => name("ABCDE", integer(0)),
    () => name("1ABC", integer(0)),
    () => name("A..B", integer(0)),
    () => method("M", 8),
    () => pack(...Array.from({ length: 256 }, () => integer(0))),
  ];
  for (const make of wrong) assert.throws(make, RangeError, String(make));
});
