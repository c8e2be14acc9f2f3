import assert from "node:assert/strict";
import test from "node:test";
import { Code } from "./code.ts";
import { ModuleWriter } from "./module.ts";
import type { ValType } from "./types.ts";

/**
 * Instructions without an index: prefix byte, immediates, operands and results, then names with
 * the opcode that the specification gives (core 7.10; threads and relaxed SIMD proposals).
 */
const VOCABULARY = `
-- plain: i32 -> i32
  i32.eqz=45 i32.clz=67 i32.ctz=68 i32.popcnt=69 i32.extend8_s=c0 i32.extend16_s=c1
-- plain: i32 i32 -> i32
  i32.eq=46 i32.ne=47 i32.lt_s=48 i32.lt_u=49 i32.gt_s=4a i32.gt_u=4b i32.le_s=4c i32.le_u=4d
  i32.ge_s=4e i32.ge_u=4f i32.add=6a i32.sub=6b i32.mul=6c i32.div_s=6d i32.div_u=6e
  i32.rem_s=6f i32.rem_u=70 i32.and=71 i32.or=72 i32.xor=73 i32.shl=74 i32.shr_s=75 i32.shr_u=76
  i32.rotl=77 i32.rotr=78
-- plain: i64 -> i32
  i64.eqz=50 i32.wrap_i64=a7
-- plain: i64 i64 -> i32
  i64.eq=51 i64.ne=52 i64.lt_s=53 i64.lt_u=54 i64.gt_s=55 i64.gt_u=56 i64.le_s=57 i64.le_u=58
  i64.ge_s=59 i64.ge_u=5a
-- plain: i64 -> i64
  i64.clz=79 i64.ctz=7a i64.popcnt=7b i64.extend8_s=c2 i64.extend16_s=c3 i64.extend32_s=c4
-- plain: i64 i64 -> i64
  i64.add=7c i64.sub=7d i64.mul=7e i64.div_s=7f i64.div_u=80 i64.rem_s=81 i64.rem_u=82
  i64.and=83 i64.or=84 i64.xor=85 i64.shl=86 i64.shr_s=87 i64.shr_u=88 i64.rotl=89 i64.rotr=8a
-- plain: i32 -> i64
  i64.extend_i32_s=ac i64.extend_i32_u=ad
-- plain: f32 f32 -> i32
  f32.eq=5b f32.ne=5c f32.lt=5d f32.gt=5e f32.le=5f f32.ge=60
-- plain: f32 -> f32
  f32.abs=8b f32.neg=8c f32.ceil=8d f32.floor=8e f32.trunc=8f f32.nearest=90 f32.sqrt=91
-- plain: f32 f32 -> f32
  f32.add=92 f32.sub=93 f32.mul=94 f32.div=95 f32.min=96 f32.max=97 f32.copysign=98
-- plain: f64 f64 -> i32
  f64.eq=61 f64.ne=62 f64.lt=63 f64.gt=64 f64.le=65 f64.ge=66
-- plain: f64 -> f64
  f64.abs=99 f64.neg=9a f64.ceil=9b f64.floor=9c f64.trunc=9d f64.nearest=9e f64.sqrt=9f
-- plain: f64 f64 -> f64
  f64.add=a0 f64.sub=a1 f64.mul=a2 f64.div=a3 f64.min=a4 f64.max=a5 f64.copysign=a6
-- plain: f32 -> i32
  i32.trunc_f32_s=a8 i32.trunc_f32_u=a9 i32.reinterpret_f32=bc
-- plain: f64 -> i32
  i32.trunc_f64_s=aa i32.trunc_f64_u=ab
-- plain: f32 -> i64
  i64.trunc_f32_s=ae i64.trunc_f32_u=af
-- plain: f64 -> i64
  i64.trunc_f64_s=b0 i64.trunc_f64_u=b1 i64.reinterpret_f64=bd
-- plain: i32 -> f32
  f32.convert_i32_s=b2 f32.convert_i32_u=b3 f32.reinterpret_i32=be
-- plain: i64 -> f32
  f32.convert_i64_s=b4 f32.convert_i64_u=b5
-- plain: f64 -> f32
  f32.demote_f64=b6
-- plain: i32 -> f64
  f64.convert_i32_s=b7 f64.convert_i32_u=b8
-- plain: i64 -> f64
  f64.convert_i64_s=b9 f64.convert_i64_u=ba f64.reinterpret_i64=bf
-- plain: f32 -> f64
  f64.promote_f32=bb
fc plain: f32 -> i32
  i32.trunc_sat_f32_s=00 i32.trunc_sat_f32_u=01
fc plain: f64 -> i32
  i32.trunc_sat_f64_s=02 i32.trunc_sat_f64_u=03
fc plain: f32 -> i64
  i64.trunc_sat_f32_s=04 i64.trunc_sat_f32_u=05
fc plain: f64 -> i64
  i64.trunc_sat_f64_s=06 i64.trunc_sat_f64_u=07
-- memory: i32 -> i32
  i32.load=28 i32.load8_s=2c i32.load8_u=2d i32.load16_s=2e i32.load16_u=2f
-- memory: i32 -> i64
  i64.load=29 i64.load8_s=30 i64.load8_u=31 i64.load16_s=32 i64.load16_u=33 i64.load32_s=34
  i64.load32_u=35
-- memory: i32 -> f32
  f32.load=2a
-- memory: i32 -> f64
  f64.load=2b
-- memory: i32 i32 ->
  i32.store=36 i32.store8=3a i32.store16=3b
-- memory: i32 i64 ->
  i64.store=37 i64.store8=3c i64.store16=3d i64.store32=3e
-- memory: i32 f32 ->
  f32.store=38
-- memory: i32 f64 ->
  f64.store=39
fd memory: i32 -> v128
  v128.load=00 v128.load8x8_s=01 v128.load8x8_u=02 v128.load16x4_s=03 v128.load16x4_u=04
  v128.load32x2_s=05 v128.load32x2_u=06 v128.load8_splat=07 v128.load16_splat=08
  v128.load32_splat=09 v128.load64_splat=0a v128.load32_zero=5c v128.load64_zero=5d
fd memory: i32 v128 ->
  v128.store=0b
fd memory-lane: i32 v128 -> v128
  v128.load8_lane=54 v128.load16_lane=55 v128.load32_lane=56 v128.load64_lane=57
fd memory-lane: i32 v128 ->
  v128.store8_lane=58 v128.store16_lane=59 v128.store32_lane=5a v128.store64_lane=5b
fd plain: i32 -> v128
  i8x16.splat=0f i16x8.splat=10 i32x4.splat=11
fd plain: i64 -> v128
  i64x2.splat=12
fd plain: f32 -> v128
  f32x4.splat=13
fd plain: f64 -> v128
  f64x2.splat=14
fd lane: v128 -> i32
  i8x16.extract_lane_s=15 i8x16.extract_lane_u=16 i16x8.extract_lane_s=18
  i16x8.extract_lane_u=19 i32x4.extract_lane=1b
fd lane: v128 i32 -> v128
  i8x16.replace_lane=17 i16x8.replace_lane=1a i32x4.replace_lane=1c
fd lane: v128 -> i64
  i64x2.extract_lane=1d
fd lane: v128 i64 -> v128
  i64x2.replace_lane=1e
fd lane: v128 -> f32
  f32x4.extract_lane=1f
fd lane: v128 f32 -> v128
  f32x4.replace_lane=20
fd lane: v128 -> f64
  f64x2.extract_lane=21
fd lane: v128 f64 -> v128
  f64x2.replace_lane=22
fd plain: v128 v128 -> v128
  i8x16.swizzle=0e v128.and=4e v128.andnot=4f v128.or=50 v128.xor=51 i8x16.eq=23 i8x16.ne=24
  i8x16.lt_s=25 i8x16.lt_u=26 i8x16.gt_s=27 i8x16.gt_u=28 i8x16.le_s=29 i8x16.le_u=2a
  i8x16.ge_s=2b i8x16.ge_u=2c i8x16.narrow_i16x8_s=65 i8x16.narrow_i16x8_u=66 i8x16.add=6e
  i8x16.add_sat_s=6f i8x16.add_sat_u=70 i8x16.sub=71 i8x16.sub_sat_s=72 i8x16.sub_sat_u=73
  i8x16.min_s=76 i8x16.min_u=77 i8x16.max_s=78 i8x16.max_u=79 i8x16.avgr_u=7b i16x8.eq=2d
  i16x8.ne=2e i16x8.lt_s=2f i16x8.lt_u=30 i16x8.gt_s=31 i16x8.gt_u=32 i16x8.le_s=33
  i16x8.le_u=34 i16x8.ge_s=35 i16x8.ge_u=36 i16x8.q15mulr_sat_s=82 i16x8.narrow_i32x4_s=85
  i16x8.narrow_i32x4_u=86 i16x8.add=8e i16x8.add_sat_s=8f i16x8.add_sat_u=90 i16x8.sub=91
  i16x8.sub_sat_s=92 i16x8.sub_sat_u=93 i16x8.mul=95 i16x8.min_s=96 i16x8.min_u=97
  i16x8.max_s=98 i16x8.max_u=99 i16x8.avgr_u=9b i16x8.extmul_low_i8x16_s=9c
  i16x8.extmul_high_i8x16_s=9d i16x8.extmul_low_i8x16_u=9e i16x8.extmul_high_i8x16_u=9f
  i32x4.eq=37 i32x4.ne=38 i32x4.lt_s=39 i32x4.lt_u=3a i32x4.gt_s=3b i32x4.gt_u=3c i32x4.le_s=3d
  i32x4.le_u=3e i32x4.ge_s=3f i32x4.ge_u=40 i32x4.add=ae i32x4.sub=b1 i32x4.mul=b5
  i32x4.min_s=b6 i32x4.min_u=b7 i32x4.max_s=b8 i32x4.max_u=b9 i32x4.dot_i16x8_s=ba
  i32x4.extmul_low_i16x8_s=bc i32x4.extmul_high_i16x8_s=bd i32x4.extmul_low_i16x8_u=be
  i32x4.extmul_high_i16x8_u=bf i64x2.add=ce i64x2.sub=d1 i64x2.mul=d5 i64x2.eq=d6 i64x2.ne=d7
  i64x2.lt_s=d8 i64x2.gt_s=d9 i64x2.le_s=da i64x2.ge_s=db i64x2.extmul_low_i32x4_s=dc
  i64x2.extmul_high_i32x4_s=dd i64x2.extmul_low_i32x4_u=de i64x2.extmul_high_i32x4_u=df
  f32x4.eq=41 f32x4.ne=42 f32x4.lt=43 f32x4.gt=44 f32x4.le=45 f32x4.ge=46 f64x2.eq=47
  f64x2.ne=48 f64x2.lt=49 f64x2.gt=4a f64x2.le=4b f64x2.ge=4c f32x4.add=e4 f32x4.sub=e5
  f32x4.mul=e6 f32x4.div=e7 f32x4.min=e8 f32x4.max=e9 f32x4.pmin=ea f32x4.pmax=eb f64x2.add=f0
  f64x2.sub=f1 f64x2.mul=f2 f64x2.div=f3 f64x2.min=f4 f64x2.max=f5 f64x2.pmin=f6 f64x2.pmax=f7
fd plain: v128 -> v128
  v128.not=4d i8x16.abs=60 i8x16.neg=61 i8x16.popcnt=62 i16x8.extadd_pairwise_i8x16_s=7c
  i16x8.extadd_pairwise_i8x16_u=7d i16x8.abs=80 i16x8.neg=81 i16x8.extend_low_i8x16_s=87
  i16x8.extend_high_i8x16_s=88 i16x8.extend_low_i8x16_u=89 i16x8.extend_high_i8x16_u=8a
  i32x4.extadd_pairwise_i16x8_s=7e i32x4.extadd_pairwise_i16x8_u=7f i32x4.abs=a0 i32x4.neg=a1
  i32x4.extend_low_i16x8_s=a7 i32x4.extend_high_i16x8_s=a8 i32x4.extend_low_i16x8_u=a9
  i32x4.extend_high_i16x8_u=aa i64x2.abs=c0 i64x2.neg=c1 i64x2.extend_low_i32x4_s=c7
  i64x2.extend_high_i32x4_s=c8 i64x2.extend_low_i32x4_u=c9 i64x2.extend_high_i32x4_u=ca
  f32x4.ceil=67 f32x4.floor=68 f32x4.trunc=69 f32x4.nearest=6a f64x2.ceil=74 f64x2.floor=75
  f64x2.trunc=7a f64x2.nearest=94 f32x4.abs=e0 f32x4.neg=e1 f32x4.sqrt=e3 f64x2.abs=ec
  f64x2.neg=ed f64x2.sqrt=ef f32x4.demote_f64x2_zero=5e f64x2.promote_low_f32x4=5f
  i32x4.trunc_sat_f32x4_s=f8 i32x4.trunc_sat_f32x4_u=f9 f32x4.convert_i32x4_s=fa
  f32x4.convert_i32x4_u=fb i32x4.trunc_sat_f64x2_s_zero=fc i32x4.trunc_sat_f64x2_u_zero=fd
  f64x2.convert_low_i32x4_s=fe f64x2.convert_low_i32x4_u=ff
fd plain: v128 v128 v128 -> v128
  v128.bitselect=52 f32x4.relaxed_madd=105 f32x4.relaxed_nmadd=106 f64x2.relaxed_madd=107
  f64x2.relaxed_nmadd=108
fd plain: v128 -> i32
  v128.any_true=53 i8x16.all_true=63 i8x16.bitmask=64 i16x8.all_true=83 i16x8.bitmask=84
  i32x4.all_true=a3 i32x4.bitmask=a4 i64x2.all_true=c3 i64x2.bitmask=c4
fd plain: v128 i32 -> v128
  i8x16.shl=6b i8x16.shr_s=6c i8x16.shr_u=6d i16x8.shl=8b i16x8.shr_s=8c i16x8.shr_u=8d
  i32x4.shl=ab i32x4.shr_s=ac i32x4.shr_u=ad i64x2.shl=cb i64x2.shr_s=cc i64x2.shr_u=cd
fe atomic: i32 i32 -> i32
  memory.atomic.notify=00 i32.atomic.rmw.add=1e i32.atomic.rmw8.add_u=20
  i32.atomic.rmw16.add_u=21 i32.atomic.rmw.sub=25 i32.atomic.rmw8.sub_u=27
  i32.atomic.rmw16.sub_u=28 i32.atomic.rmw.and=2c i32.atomic.rmw8.and_u=2e
  i32.atomic.rmw16.and_u=2f i32.atomic.rmw.or=33 i32.atomic.rmw8.or_u=35
  i32.atomic.rmw16.or_u=36 i32.atomic.rmw.xor=3a i32.atomic.rmw8.xor_u=3c
  i32.atomic.rmw16.xor_u=3d i32.atomic.rmw.xchg=41 i32.atomic.rmw8.xchg_u=43
  i32.atomic.rmw16.xchg_u=44
fe atomic: i32 i32 i64 -> i32
  memory.atomic.wait32=01
fe atomic: i32 i64 i64 -> i32
  memory.atomic.wait64=02
fe atomic: i32 -> i32
  i32.atomic.load=10 i32.atomic.load8_u=12 i32.atomic.load16_u=13
fe atomic: i32 -> i64
  i64.atomic.load=11 i64.atomic.load8_u=14 i64.atomic.load16_u=15 i64.atomic.load32_u=16
fe atomic: i32 i32 ->
  i32.atomic.store=17 i32.atomic.store8=19 i32.atomic.store16=1a
fe atomic: i32 i64 ->
  i64.atomic.store=18 i64.atomic.store8=1b i64.atomic.store16=1c i64.atomic.store32=1d
fe atomic: i32 i64 -> i64
  i64.atomic.rmw.add=1f i64.atomic.rmw8.add_u=22 i64.atomic.rmw16.add_u=23
  i64.atomic.rmw32.add_u=24 i64.atomic.rmw.sub=26 i64.atomic.rmw8.sub_u=29
  i64.atomic.rmw16.sub_u=2a i64.atomic.rmw32.sub_u=2b i64.atomic.rmw.and=2d
  i64.atomic.rmw8.and_u=30 i64.atomic.rmw16.and_u=31 i64.atomic.rmw32.and_u=32
  i64.atomic.rmw.or=34 i64.atomic.rmw8.or_u=37 i64.atomic.rmw16.or_u=38 i64.atomic.rmw32.or_u=39
  i64.atomic.rmw.xor=3b i64.atomic.rmw8.xor_u=3e i64.atomic.rmw16.xor_u=3f
  i64.atomic.rmw32.xor_u=40 i64.atomic.rmw.xchg=42 i64.atomic.rmw8.xchg_u=45
  i64.atomic.rmw16.xchg_u=46 i64.atomic.rmw32.xchg_u=47
fe atomic: i32 i32 i32 -> i32
  i32.atomic.rmw.cmpxchg=48 i32.atomic.rmw8.cmpxchg_u=4a i32.atomic.rmw16.cmpxchg_u=4b
fe atomic: i32 i64 i64 -> i64
  i64.atomic.rmw.cmpxchg=49 i64.atomic.rmw8.cmpxchg_u=4c i64.atomic.rmw16.cmpxchg_u=4d
  i64.atomic.rmw32.cmpxchg_u=4e
`;

interface Instruction {
  readonly name: string;
  readonly method: string;
  readonly prefix: string;
  readonly immediates: string;
  readonly params: ValType[];
  readonly results: ValType[];
  readonly opcode: number;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

function parse(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  let [prefix, immediates, params, results]: string[] = [];
  for (const line of text.trim().split("\n")) {
    const head = /^(\w\w|--) ([\w-]+): (.*)->(.*)$/.exec(line);
    if (head) [, prefix, immediates, params, results] = head;
    else {
      for (const item of words(line)) {
        const [name, opcode] = item.split("=");
        instructions.push({
          name,
          method: name.replaceAll(".", "_"),
          prefix: prefix === "--" ? "" : prefix,
          immediates,
          params: words(params) as ValType[],
          results: words(results) as ValType[],
          opcode: parseInt(opcode, 16),
        });
      }
    }
  }
  return instructions;
}

const INSTRUCTIONS = parse(VOCABULARY);

/** Methods with structure, indices or constants; the tests beside this one execute them. */
const ELSEWHERE = words(`
  append bytes constructor length reset
  i32_const i64_const i64_const32 i64_const_parts f32_const f32_const_bits f64_const f64_const_bits
  v128_const v128_const32 i8x16_shuffle
  unreachable nop block loop if_ else_ end br br_if br_table return_ call call_indirect return_call
  return_call_indirect drop select select_t local_get local_set local_tee global_get global_set
  ref_null ref_is_null ref_func table_get table_set table_grow table_size table_fill
  memory_size memory_grow memory_copy memory_fill atomic_fence
  op op_index op_s32 op_fc op_fd op_fd_lane op_memory op_fd_memory op_fd_memory_lane op_fe_memory
  u32 s32 raw32`);

function emit(code: Code, instruction: Instruction, ...args: number[]): Code {
  const method =
    (code as unknown as Record<string, (...args: number[]) => Code>)[instruction.method];
  assert.equal(typeof method, "function", instruction.name);
  assert.equal(method.apply(code, args), code, instruction.name);
  return code;
}

/** A module with one function that takes an instruction's operands and returns its results. */
function moduleOf(instruction: Instruction, args: number[]): Uint8Array<ArrayBuffer> {
  const writer = new ModuleWriter();
  writer.importMemory("host", "memory", { initial: 1, maximum: 1, shared: true });
  const code = new Code();
  instruction.params.forEach((_, i) => code.local_get(i));
  writer.func(instruction, [], emit(code, instruction, ...args));
  return writer.finish();
}

test("the vocabulary is complete", () => {
  const methods = new Set<string>();
  for (let p = Code.prototype; p !== Object.prototype; p = Object.getPrototypeOf(p)) {
    for (const name of Object.getOwnPropertyNames(p)) methods.add(name);
  }
  const known = new Set([...ELSEWHERE, ...INSTRUCTIONS.map((i) => i.method)]);
  assert.deepEqual([...methods].filter((name) => !known.has(name)), []);
  assert.deepEqual([...known].filter((name) => !methods.has(name)), []);
});

test("every instruction validates with its types", () => {
  const refused = INSTRUCTIONS.filter((instruction) => {
    const args = instruction.immediates.includes("lane") ? [1] : [];
    return !WebAssembly.validate(moduleOf(instruction, args));
  });
  assert.deepEqual(refused.map((i) => i.name), []);
});

test("offsets reach 2^32 - 1", () => {
  const refused = INSTRUCTIONS.filter((instruction) => {
    if (!/memory|atomic/.test(instruction.immediates)) return false;
    const lane = instruction.immediates.includes("lane") ? [1] : [];
    return !WebAssembly.validate(moduleOf(instruction, [...lane, 0xffff_ffff]));
  });
  assert.deepEqual(refused.map((i) => i.name), []);
});

test("natural alignment is the default, and more is refused", () => {
  for (const instruction of INSTRUCTIONS) {
    if (instruction.immediates !== "memory") continue;
    const bytes = emit(new Code(), instruction).bytes();
    const align = bytes[bytes.length - 2];
    assert.ok(WebAssembly.validate(moduleOf(instruction, [0, align])), instruction.name);
    assert.ok(!WebAssembly.validate(moduleOf(instruction, [0, align + 1])), instruction.name);
  }
});

test("opcodes are those of the specification", () => {
  for (const instruction of INSTRUCTIONS) {
    const { prefix, opcode } = instruction;
    const expected = prefix === "" ? [] : [parseInt(prefix, 16)];
    if (prefix !== "" && opcode >= 0x80) expected.push((opcode & 0x7f) | 0x80, opcode >> 7);
    else expected.push(opcode);
    const bytes = emit(new Code(), instruction, 0).bytes();
    assert.deepEqual([...bytes.subarray(0, expected.length)], expected, instruction.name);
  }
});
