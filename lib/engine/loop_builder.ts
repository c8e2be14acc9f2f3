/** The builder of the interpreter's loop: what handlers need of it, and how one is left for the next. */
import type { ArchBinding } from "./arch.ts";
import type { AccessOptions } from "./builder.ts";
import type { HelperLinks } from "./code_builder.ts";
import type { Handler, Operand } from "./instruction.ts";
import { InterpreterBuilder } from "./interpreter_builder.ts";
import { type Layout, Miss } from "./layout.ts";
import { type Exit, Record, type RecordFormat, SCRATCH } from "./memory_map.ts";
import { metaOf } from "./meta.ts";

/** Function numbers of {@linkcode HostFunctions} in the interpreter's module. */
export interface HostCalls {
  readonly access: number;
  readonly commit: number;
}

/** Fixed locals and labels of the interpreter's function. */
export class LoopBuilder extends InterpreterBuilder {
  readonly #calls: HostCalls;
  readonly record: number = this.local("i32");
  readonly handler: number = this.local("i32");
  readonly start: number = this.local("i32");
  readonly base: number = this.local("i32");
  readonly tlb: number = this.local("i32");
  readonly budget: number = this.local("i32");
  readonly count: number = this.local("i32");
  readonly skip: number = this.local("i32");
  /** Not zero: the instruction has put into the scratch buffer what a device is to get. */
  readonly commit: number = this.local("i32");
  readonly reason: number = this.local("i32");
  readonly page: number = this.local("i64");
  readonly target: number = this.local("i64");
  readonly modeTag: number = this.local("i64");

  constructor(
    binding: ArchBinding,
    links: HelperLinks,
    layout: Layout,
    calls: HostCalls,
    format: RecordFormat,
  ) {
    super(binding, links, layout, 0, format);
    this.#calls = calls;
  }

  labelOut = 0;
  labelLeave = 0;
  labelGoto = 0;
  labelEnter = 0;
  labelNext = 0;
  labelAgain = 0;

  protected override recordLocal(): number {
    return this.record;
  }
  protected override tlbLocal(): number {
    return this.tlb;
  }

  override leave(reason: Exit): void {
    this.i32_const(reason).local_set(this.reason);
    this.branchTo(this.labelLeave);
  }

  override pc(): void {
    const { linked, shift, unit } = this.format;
    this.local_get(this.page);
    if (linked) this.local_get(this.record).i64_load16_u(Record.offset);
    else {
      this.local_get(this.record).local_get(this.base).i32_sub();
      this.i32_const(shift - Math.log2(unit)).i32_shr_u().i64_extend_i32_u();
    }
    this.i64_add();
  }

  /** Whether the instruction that is being written can go on after an access of the host's. */
  #mayGoOn = false;
  /** Whether the instruction that is being written may set `commit`. */
  #mayCommit = false;

  /** Writes the code of a handler up to where the next instruction follows. */
  writeHandler(handler: Handler): void {
    const meta = metaOf(handler);
    this.begin(meta);
    // One access that the host has begun must not meet a second one that it refuses.
    this.#mayGoOn = meta.probes === 1 && handler.instruction.flow === undefined;
    handler.emit(this);
  }

  /** Accesses that miss are the host's; most of them let the instruction go on. */
  protected override resolve(
    address: number,
    entry: number,
    info: number,
    kind: number,
    options: AccessOptions | undefined,
  ): void {
    const write = (kind & Miss.write) !== 0;
    if ((write && (kind & Miss.read) !== 0) || !this.#mayGoOn) {
      super.resolve(address, entry, info, kind, options);
      return;
    }
    this.if_("i32");
    this.storeMiss(address, info, options);
    // The host sees the state before this instruction.
    this.i32_const(0);
    this.pc();
    this.i64_store(this.layout.get("pc").address);
    this.i32_const(0).local_get(this.record).i32_store(this.layout.get("record").address);
    const budget = this.layout.get("budget").address;
    this.i32_const(0);
    this.local_get(this.budget);
    this.pushRun();
    this.i32_sub().i32_store(budget);
    this.local_get(this.record).local_set(this.start);
    this.call(this.#calls.access).local_tee(this.reason);
    this.i32_const(0).i32_load(budget).local_set(this.budget);
    this.i32_eqz().if_();
    this.branchTo(this.labelOut);
    this.end();
    if (write) {
      this.#mayCommit = true;
      this.local_get(this.reason).i32_const(SCRATCH).i32_eq().local_set(this.commit);
    }
    this.local_get(this.reason);
    this.else_();
    this.local_get(address).i32_wrap_i64();
    this.local_get(entry).i32_load(this.tlbOffset(kind, options) + 8).i32_add();
    this.end();
  }

  /** Lets a device have what the instruction wrote. */
  #writeCommit(): void {
    if (!this.#mayCommit) return;
    this.#mayCommit = false;
    this.local_get(this.commit).if_();
    this.i32_const(0).local_set(this.commit);
    this.call(this.#calls.commit).local_set(this.reason);
    this.i32_const(0).i32_load(this.layout.get("budget").address).local_set(this.budget);
    this.local_get(this.reason).i32_eqz().if_();
    this.branchTo(this.labelOut);
    this.end();
    this.end();
  }

  /** [] -> [i32] instructions since `start`, this one not included. */
  pushRun(): void {
    this.local_get(this.record).local_get(this.start).i32_sub();
    this.i32_const(this.format.shift).i32_shr_u();
  }

  /** Takes the instructions since `start` from the budget, this one included if it `counts`. */
  countRun(counts = true): void {
    this.local_get(this.budget);
    this.pushRun();
    if (counts) this.i32_const(1).i32_add();
    this.i32_sub().local_set(this.budget);
  }

  /** [] goes to the pc in `target`. */
  goTarget(): void {
    this.countRun();
    this.branchTo(this.labelGoto);
  }

  override jumpTo(): void {
    this.local_set(this.target);
    this.goTarget();
  }

  override jump(distance: Operand): void {
    if (this.format.linked) this.#jumpLinked(distance);
    else this.#jumpByIndex(distance);
  }

  #jumpByIndex(distance: Operand): void {
    const { shift, unit, units } = this.format;
    // In the same page the records' distance is a multiple of the bytes'.
    const near = this.temp("i32");
    this.local_get(this.record);
    this.imm32(distance);
    this.i32_const(shift - Math.log2(unit)).i32_shl().i32_add().local_tee(near);
    this.local_get(this.base).i32_sub().i32_const(Math.log2(units) + shift).i32_shr_u();
    this.if_();
    this.pcRelative(distance);
    this.local_set(this.target);
    this.goTarget();
    this.end();
    this.countRun();
    this.local_get(near).local_set(this.record);
    this.branchTo(this.labelEnter);
  }

  #jumpLinked(distance: Operand): void {
    const { shift, units } = this.format;
    const near = this.temp("i32");
    this.countRun();
    this.local_get(this.record).i32_load16_u(Record.offset);
    this.imm32(distance);
    this.i32_add().local_tee(near);
    this.i32_const(units).i32_lt_u().if_();
    this.local_get(this.base).local_get(near).i32_const(1).i32_shl().i32_add();
    this.i32_load16_u().local_tee(near).if_();
    this.local_get(this.base).local_get(near).i32_const(shift).i32_shl().i32_add();
    this.local_set(this.record);
    this.branchTo(this.labelEnter);
    this.end();
    this.end();
    this.pcRelative(distance);
    this.local_set(this.target);
    this.branchTo(this.labelGoto);
  }

  override jumpIf(distance: Operand): void {
    this.if_();
    this.jump(distance);
    this.end();
  }

  /** Goes on with the next record. */
  advance(): void {
    this.#writeCommit();
    this.local_get(this.record).i32_const(1 << this.format.shift).i32_add().local_set(this.record);
    this.branchTo(this.labelNext);
  }
}
