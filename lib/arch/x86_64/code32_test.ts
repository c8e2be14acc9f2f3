/** Integer instructions in 32-bit and 16-bit code: what the vectors, which are of 64-bit code, do not have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Status } from "./flags.ts";
import { Gpr } from "./registers.ts";
import { type Way, WAYS } from "./testing/bare_engine.ts";
import { EngineRig, Place } from "./testing/engine_rig.ts";

function eachWay(name: string, check: (way: Way) => void): void {
  for (const way of WAYS) test(`${name}: ${way}`, () => check(way));
}

const { AF, CF, OF } = Status;
const DIVIDE_ERROR = 0;
const BOUND_RANGE = 5;
const FIRST = 0x811c9dc5;
/** FNV-1a with numbers for bytes. */
const fold = (hash: number, value: number): number => Math.imul(hash ^ value, 0x01000193) >>> 0;

/** Of all that a processor (AMD EPYC) makes of each start: AX, and the flags that are defined. */
const DECIMAL = [
  { code: "27", hash: 0x6d4966f5, defined: Status.all & ~OF, ax: (i: number): number => i },
  { code: "2f", hash: 0x56379101, defined: Status.all & ~OF, ax: (i: number): number => i },
  { code: "37", hash: 0xc5d92545, defined: AF | CF, ax: (i: number): number => i * 0x1d6 & 0xffff },
  { code: "3f", hash: 0xf6fb5f45, defined: AF | CF, ax: (i: number): number => i * 0x1d6 & 0xffff },
] as const;

eachWay("DAA, DAS, AAA, AAS as a processor does them", (way) => {
  const rig = new EngineRig(way).protect();
  for (const { code, hash, defined, ax } of DECIMAL) {
    let found = FIRST;
    for (let i = 0; i < 256; i++) {
      for (let flags = 0; flags < 4; flags++) {
        rig.setR(Gpr.rax, BigInt(ax(i)));
        rig.rflags = 2 | (flags & 1 ? CF : 0) | (flags & 2 ? AF : 0);
        assert.equal(rig.run(code), undefined);
        found = fold(fold(found, Number(rig.r(Gpr.rax))), rig.rflags & defined);
      }
    }
    assert.equal(found, hash, code);
  }
});

eachWay("AAM, AAD, SALC", (way) => {
  const rig = new EngineRig(way).protect();
  const run = (code: string, ax: number): number => {
    rig.setR(Gpr.rax, BigInt(ax));
    assert.equal(rig.run(code), undefined);
    return Number(rig.r(Gpr.rax));
  };
  assert.equal(run("d4 0a", 0xff63), 0x0909);
  assert.equal(run("d4 10", 0x12ab), 0x0a0b);
  assert.equal(rig.rflags & Status.all & ~(AF | CF | OF), 0);
  assert.equal(run("d5 0a", 0x0909), 0x63);
  assert.equal(run("d5 10", 0x7a0b), 0xab);
  assert.equal(run("f9 d6", 0x1234), 0x12ff);
  assert.equal(run("f8 d6", 0x1234), 0x1200);
  assert.equal(rig.run("90 d4 00"), DIVIDE_ERROR);
  assert.equal(rig.memory.read32(Number(rig.r(Gpr.rsp))), Place.code + 1);
});

eachWay("INC and DEC in one byte keep CF", (way) => {
  const rig = new EngineRig(way).protect();
  rig.setR(Gpr.rbx, 0xffffffffn);
  rig.setR(Gpr.rdi, 0x8000n);
  rig.rflags = 2 | CF;
  assert.equal(rig.run("43"), undefined);
  assert.equal(rig.r(Gpr.rbx), 0n);
  assert.equal(rig.rflags & Status.all, CF | Status.ZF | Status.PF | AF);
  assert.equal(rig.run("66 4f"), undefined);
  assert.equal(rig.r(Gpr.rdi), 0x7fffn);
  assert.equal(rig.rflags & Status.all, CF | OF | Status.PF | AF);
});

eachWay("BOUND: within, on and beyond both ends, signed", (way) => {
  const rig = new EngineRig(way).protect();
  const at = 0x40000;
  rig.memory.write32(at, -5);
  rig.memory.write32(at + 4, 7);
  rig.memory.write32(at + 8, 0x7fff_fff0);
  rig.setR(Gpr.rsi, BigInt(at));
  for (
    const [index, inside] of [[-5, true], [0, true], [7, true], [-6, false], [8, false]] as const
  ) {
    rig.setR(Gpr.rcx, BigInt(index) & 0xffffffffn);
    assert.equal(rig.run("62 0e"), inside ? undefined : BOUND_RANGE, `${index}`);
  }
  // 16 bits: -16 to 32767.
  rig.setR(Gpr.rcx, 0xfff0n);
  assert.equal(rig.run("66 62 4e 08"), undefined);
  rig.setR(Gpr.rcx, 0xffefn);
  assert.equal(rig.run("66 62 4e 08"), BOUND_RANGE);
});

eachWay("CALL and RET, PUSH and POP by the operand size", (way) => {
  const rig = new EngineRig(way).protect();
  const code = Place.code;
  // CALL to behind the HLT; there POP EAX, PUSH EAX, RET 8.
  assert.equal(rig.run("6a 01 6a 02 e8 01 00 00 00 f4 58 50 c2 08 00"), undefined);
  assert.equal(Number(rig.r(Gpr.rax)), code + 9);
  assert.equal(Number(rig.r(Gpr.rsp)), Place.stack);
  assert.equal(rig.cpu.context.state.rip, code + 10);
  // The same with 16 bits: the target is cut.
  assert.equal(rig.run("66 e8 01 00 f4 66 58 66 50 66 c3"), undefined);
  assert.equal(Number(rig.r(Gpr.rax)) & 0xffff, code + 4);
  assert.equal(Number(rig.r(Gpr.rsp)), Place.stack);
  // PUSH of a sign-extended byte, of ESP, of memory by ESP; POP to memory by ESP, as it is afterwards.
  assert.equal(rig.run("6a ff 54 ff 74 24 04 8f 44 24 08"), undefined);
  assert.equal(Number(rig.r(Gpr.rsp)), Place.stack - 8);
  assert.equal(rig.memory.read32(Place.stack - 8), Place.stack - 4);
  assert.equal(rig.memory.read32(Place.stack), 0xffffffff);
});

eachWay("LOOP and JECXZ by the address size", (way) => {
  const rig = new EngineRig(way).protect();
  rig.setR(Gpr.rcx, 0x10003n);
  rig.setR(Gpr.rax, 0n);
  assert.equal(rig.run("40 67 e2 fc"), undefined);
  assert.deepEqual([Gpr.rax, Gpr.rcx].map((n) => rig.r(n)), [3n, 0x10000n]);
  assert.equal(rig.run("67 e3 01 40 e3 01 40"), undefined);
  assert.equal(rig.r(Gpr.rax), 4n);
});

eachWay("addresses of 16 bits: all sums, wrapping", (way) => {
  const rig = new EngineRig(way).protect();
  const registers = { bx: 0x1100, bp: 0x2200, si: 0x0033, di: 0x0044 };
  rig.setR(Gpr.rbx, 0xffff_1100n);
  rig.setR(Gpr.rbp, 0xffff_2200n);
  rig.setR(Gpr.rsi, 0xffff_0033n);
  rig.setR(Gpr.rdi, 0xffff_0044n);
  const { bx, bp, si, di } = registers;
  for (const [rm, sum] of [bx + si, bx + di, bp + si, bp + di, si, di, bp, bx].entries()) {
    // LEA EAX,[... + 0xf000]
    const modrm = (0x80 | rm).toString(16);
    assert.equal(rig.run(`67 8d ${modrm} 00 f0`), undefined);
    assert.equal(Number(rig.r(Gpr.rax)), (sum + 0xf000) & 0xffff, `${rm}`);
  }
});

eachWay("BT by a register in real mode stays in the segment", (way) => {
  const rig = new EngineRig(way).real();
  rig.memory.write(0x1fff0, Uint8Array.of(0x20));
  rig.setR(Gpr.rbx, 4n);
  rig.setR(Gpr.rcx, BigInt(-20 * 8 + 5) & 0xffffffffn);
  // BT [BX],ECX: 20 bytes back, over the start of the segment.
  assert.equal(rig.run("66 0f a3 0f"), undefined);
  assert.equal(rig.rflags & CF, CF);
});
