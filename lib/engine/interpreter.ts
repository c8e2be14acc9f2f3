/**
 * The interpreter: one WebAssembly function that walks pre-decoded records with a `br_table`, common
 * handlers inline, the others behind an indirect call. It is made from the instruction table.
 */
import type { ArchBinding } from "./arch.ts";
import type { HelperLinks } from "./code_builder.ts";
import { newModule, REGION_TYPE, SINGLE_TYPE } from "./guest_module.ts";
import type { HelperTable } from "./helpers.ts";
import type { Handler } from "./instruction.ts";
import { SingleBuilder } from "./interpreter_builder.ts";
import type { Layout } from "./layout.ts";
import { type HostCalls, LoopBuilder } from "./loop_builder.ts";
import {
  ENTRY_HANDLERS,
  Exit,
  FETCH_BASE,
  FETCH_ENTRIES,
  JUMP_BASE,
  JUMP_ENTRIES,
  JUMP_TAG_MASK,
  PAGE_SIZE,
  Record,
  type RecordFormat,
  Special,
} from "./memory_map.ts";
import { metaOf } from "./meta.ts";
import { Code } from "../wasm/code.ts";
import type { ModuleWriter } from "../wasm/module.ts";
import type { FuncType, ValType } from "../wasm/types.ts";

/** Parameters of the interpreter. */
export interface InterpreterOptions {
  readonly binding: ArchBinding;
  readonly layout: Layout;
  readonly helpers: HelperTable;
  /** Handlers to be inlined; handler `inline[n]` has the number Special.first + n in records. */
  readonly inline: readonly Handler[];
  /** Table slot of the single handler with number n is n + this. */
  readonly singleBase: number;
  /** Jumps to an instruction that make it hot. */
  readonly threshold: number;
  readonly format: RecordFormat;
  readonly slots: number;
}

/** The module whose export `run` is the interpreter: () -> i32 `Exit`. */
export function writeInterpreter(options: InterpreterOptions): Uint8Array<ArrayBuffer> {
  const { binding, layout, inline } = options;
  const module = newModule(options.slots);
  const links = options.helpers.links(module);
  const singleType = module.type(SINGLE_TYPE);
  const regionType = module.type(REGION_TYPE);
  const toI32: FuncType = { params: [], results: ["i32"] };
  const calls: HostCalls = {
    access: module.importFunc("host", "access", toI32),
    commit: module.importFunc("host", "commit", toI32),
  };
  const normalize = writeNormalize(module, binding, layout);
  const b = new LoopBuilder(binding, links, layout, calls, options.format);
  const state = (name: string): number => layout.get(name).address;

  b.i32_const(0).i32_load(state("tlb")).local_set(b.tlb);
  b.i32_const(0).i32_load(state("budget")).local_set(b.budget);
  b.i32_const(0).i64_load(state("pc")).local_set(b.target);
  b.i32_const(0).i32_load(state("mode")).i32_const(2).i32_shl().i64_extend_i32_u();
  b.local_set(b.modeTag);
  b.block();
  b.labelOut = b.depth;
  b.block();
  b.labelLeave = b.depth;
  b.loop();
  b.labelGoto = b.depth;
  writeLookup(b, state("pc"), state("record"));
  b.loop();
  b.labelEnter = b.depth;
  writeEnter(b, options.threshold);
  b.loop();
  b.labelNext = b.depth;
  b.local_get(b.record).i32_load16_u(Record.handler).local_set(b.handler);
  b.loop();
  b.labelAgain = b.depth;

  // One block per number; the one after the last is for single handlers.
  const numbers = Special.first + inline.length;
  for (let i = 0; i <= numbers; i++) b.block();
  b.local_get(b.handler);
  b.br_table(Array.from({ length: numbers }, (_, i) => i), numbers);
  for (let number = 0; number < numbers; number++) {
    b.end();
    switch (number) {
      case Special.undecoded:
        b.leave(Exit.decode);
        break;
      case Special.enter:
        writeRegionCall(b, layout, regionType, normalize);
        break;
      case Special.pageEnd:
        b.pc();
        b.local_set(b.target);
        // The record past the end is no instruction.
        b.countRun(false);
        b.branchTo(b.labelGoto);
        break;
      case Special.link:
        b.countRun(false);
        b.local_get(b.record).i32_load(Record.more).local_tee(b.record).local_set(b.start);
        b.branchTo(b.labelNext);
        break;
      case Special.cross:
        writeCross(b);
        break;
      case Special.host:
        b.leave(Exit.host);
        break;
      default: {
        b.writeHandler(inline[number - Special.first]);
        b.advance();
      }
    }
  }
  b.end();
  writeSingleCall(b, state("pc"), singleType, options.singleBase);
  b.end(); // again
  b.end(); // next
  b.end(); // enter
  b.end(); // goto
  b.unreachable();
  b.end(); // leave
  // The instruction at `record` was not executed.
  b.i32_const(0);
  b.pc();
  b.i64_store(state("pc"));
  b.i32_const(0).local_get(b.record).i32_store(state("record"));
  b.countRun(false);
  b.end(); // out
  b.i32_const(0).local_get(b.budget).i32_store(state("budget"));
  b.local_get(b.reason);
  module.exportFunc("run", module.func(module.type(toI32), b.locals, b));
  return module.finish();
}

/** `target` to `record`, or out with `fetch` or `decode`. */
function writeLookup(b: LoopBuilder, pc: number, record: number): void {
  const { linked, shift, unit } = b.format;
  const entry = b.local("i32");
  b.local_get(b.target).i64_const32(12).i64_shr_u().i32_wrap_i64();
  b.i32_const(FETCH_ENTRIES - 1).i32_and().i32_const(4).i32_shl().local_tee(entry);
  b.i64_load(FETCH_BASE);
  // Misaligned targets keep their low bits and so never match.
  b.local_get(b.target).i64_const32(~(PAGE_SIZE - unit)).i64_and();
  b.local_get(b.modeTag).i64_or();
  b.i64_ne().if_();
  b.i32_const(0).local_get(b.target).i64_store(pc);
  b.i32_const(Exit.fetch).local_set(b.reason);
  b.branchTo(b.labelOut);
  b.end();
  b.local_get(b.target).i64_const32(-4096).i64_and().local_set(b.page);
  b.local_get(entry).i32_load(FETCH_BASE + 8).local_tee(b.base);
  b.local_get(b.target).i32_wrap_i64().i32_const(PAGE_SIZE - unit).i32_and();
  if (!linked) {
    b.i32_const(shift - Math.log2(unit)).i32_shl();
    b.i32_add().local_set(b.record);
    return;
  }
  b.i32_const(1).i32_shl().i32_add().i32_load16_u().local_tee(entry).i32_eqz().if_();
  b.i32_const(0).local_get(b.target).i64_store(pc);
  b.i32_const(0).local_get(b.base).i32_store(record);
  b.i32_const(Exit.decode).local_set(b.reason);
  b.branchTo(b.labelOut);
  b.end();
  b.local_get(b.base).local_get(entry).i32_const(shift).i32_shl().i32_add().local_set(b.record);
}

/** Executes an instruction that reaches into the next page, if that page is still the same. */
function writeCross(b: LoopBuilder): void {
  const entry = b.local("i32");
  const next = (): void => {
    b.local_get(b.page).i64_const32(PAGE_SIZE).i64_add();
  };
  next();
  b.i64_const32(12).i64_shr_u().i32_wrap_i64();
  b.i32_const(FETCH_ENTRIES - 1).i32_and().i32_const(4).i32_shl().local_tee(entry);
  b.i64_load(FETCH_BASE);
  next();
  b.local_get(b.modeTag).i64_or().i64_eq();
  b.local_get(entry).i32_load(FETCH_BASE + 8).local_get(b.record).i32_load(Record.more).i32_eq();
  b.i32_and().if_();
  b.local_get(b.record).i32_load16_u(Record.count).local_set(b.handler);
  b.branchTo(b.labelAgain);
  b.end();
  b.leave(Exit.cross);
}

/** At an instruction that was jumped to: budget, and how often. */
function writeEnter(b: LoopBuilder, threshold: number): void {
  b.local_get(b.record).local_set(b.start);
  b.local_get(b.budget).i32_const(0).i32_le_s().if_();
  b.leave(Exit.budget);
  b.end();
  // Records of Special.enter and Special.cross have something else in the place of the count.
  b.local_get(b.record).i32_load16_u(Record.handler).i32_const(Special.enter).i32_sub();
  b.i32_const(Special.cross - Special.enter).i32_gt_u().if_();
  b.i32_const(0).local_set(b.skip);
  b.local_get(b.record);
  b.local_get(b.record).i32_load16_u(Record.count).i32_const(1).i32_add().local_tee(b.count);
  b.i32_store16(Record.count);
  b.local_get(b.count).i32_const(threshold).i32_eq().if_();
  b.leave(Exit.hot);
  b.end();
  b.end();
}

/** Calls the region of a record, and goes on where it left. */
function writeRegionCall(
  b: LoopBuilder,
  layout: Layout,
  regionType: number,
  normalize: number,
): void {
  const state = (name: string): number => layout.get(name).address;
  const slot = b.local("i32");
  b.local_get(b.record).i32_load16_u(Record.count).local_set(slot);
  b.local_get(b.skip).if_();
  b.i32_const(0).local_set(b.skip);
  b.local_get(slot).i32_const(1).i32_shl().i32_load16_u(ENTRY_HANDLERS).local_set(b.handler);
  b.branchTo(b.labelAgain);
  b.end();
  // Instructions that fell into the region from above are counted here.
  b.i32_const(0).local_get(b.budget);
  b.pushRun();
  b.i32_sub().i32_store(state("budget"));
  b.pc();
  b.local_set(b.target);
  writeJumpFill(b, slot);
  b.i32_const(0).i32_const(0).i32_store(state("depth"));
  b.local_get(b.target).local_get(slot).call_indirect(regionType);
  b.local_set(b.skip);
  b.i32_const(0).i32_load(state("lazyKind")).if_();
  b.call(normalize);
  b.end();
  b.i32_const(0).i32_load(state("budget")).local_set(b.budget);
  b.i32_const(0).i64_load(state("pc")).local_set(b.target);
  b.branchTo(b.labelGoto);
}

/** Other regions find this one from now on. */
function writeJumpFill(b: LoopBuilder, slot: number): void {
  const entry = b.local("i32");
  b.local_get(b.target).i64_const32(2).i64_shr_u().i32_wrap_i64();
  b.i32_const(JUMP_ENTRIES - 1).i32_and().i32_const(4).i32_shl().local_tee(entry);
  b.local_get(b.target).i64_const32(JUMP_TAG_MASK).i64_and().local_get(b.modeTag).i64_or();
  b.i64_store(JUMP_BASE);
  b.local_get(entry).local_get(slot).i32_store(JUMP_BASE + 8);
}

/** Calls a handler that is a function of its own. */
function writeSingleCall(
  b: LoopBuilder,
  pc: number,
  singleType: number,
  singleBase: number,
): void {
  b.local_get(b.record);
  b.pc();
  b.local_get(b.tlb);
  b.local_get(b.handler).i32_const(singleBase).i32_add().call_indirect(singleType);
  b.local_tee(b.reason).i32_eqz().if_();
  b.advance();
  b.end();
  b.local_get(b.reason).i32_const(Exit.jumped).i32_ne();
  b.branchIfTo(b.labelLeave);
  b.i32_const(0).i64_load(pc).local_set(b.target);
  b.goTarget();
}

/** Writes a handler as a function of its own, exported as `name`. */
export function writeSingle(
  module: ModuleWriter,
  name: string,
  handler: Handler,
  binding: ArchBinding,
  layout: Layout,
  links: HelperLinks,
  format: RecordFormat,
): void {
  const b = new SingleBuilder(binding, links, layout, format);
  b.begin(metaOf(handler));
  handler.emit(b);
  b.i32_const(Exit.go);
  module.exportFunc(name, module.func(module.type(SINGLE_TYPE), b.locals, b));
}

/** A function () -> () that lays lazy flags to rest. */
function writeNormalize(module: ModuleWriter, binding: ArchBinding, layout: Layout): number {
  const { flags } = binding;
  const code = new Code();
  const [a, b] = [0, 1];
  const values = flags.fields.map((_, i) => 2 + i);
  code.i32_const(0).i64_load(layout.get("lazyA").address).local_set(a);
  code.i32_const(0).i64_load(layout.get("lazyB").address).local_set(b);
  flags.operands.forEach((_count, kind) => {
    if (kind === 0) return;
    code.i32_const(0).i32_load(layout.get("lazyKind").address).i32_const(kind).i32_eq().if_();
    flags.materialize(code, kind, [a, b]);
    for (let i = values.length - 1; i >= 0; i--) code.local_set(values[i]);
    flags.fields.forEach((field, i) => {
      code.i32_const(0).local_get(values[i]).i64_store(field.address);
    });
    code.end();
  });
  code.i32_const(0).i32_const(0).i32_store(layout.get("lazyKind").address);
  const locals: ValType[] = Array.from({ length: 2 + values.length }, () => "i64");
  return module.func(module.type({ params: [], results: [] }), locals, code);
}
