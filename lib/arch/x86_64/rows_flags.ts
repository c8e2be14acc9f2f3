/** Flags as such (SDM volume 1, 5.1.11): CLC and its like, LAHF, SAHF, PUSHF. POPF and STI are system_rows.ts's. */
import { Carries, Condition, Flags, pushStatus, Status } from "./flags.ts";
import { AH } from "./implicit_registers.ts";
import { field } from "./layout.ts";
import { RFLAGS } from "./registers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { push } from "./rows_stack.ts";
import { fromI32 } from "./sized.ts";

const BOTH = Carries.out | Carries.into;

/** CLC, STC, CMC: both carries change with CF, so that OF stays. */
const setCarry = (change: "clear" | "set" | "complement"): X86Semantics => (b) => {
  const carries = b.temp("i64");
  b.restingFlags();
  if (change !== "complement") {
    // What changes: if CF is not as it is to be.
    b.local_tee(carries).local_get(carries).i64_const32(63).i64_shr_s();
    if (change === "set") b.i64_const32(-1).i64_xor();
    b.i64_const_parts(0, BOTH).i64_and();
  } else b.i64_const_parts(0, BOTH);
  b.i64_xor();
  b.setFlags(Flags.mixed);
};

const setDirection = (value: 0 | 1): X86Semantics => (b) => {
  b.i64_const32(value);
  b.setState(field("df"));
};

/** AH: SF, ZF, AF, PF, CF and bit 1, which is set. */
const loadAh: X86Semantics = (b) => {
  pushStatus(b);
  b.i32_const(RFLAGS.fixed).i32_or();
  b.set8(AH);
};

const storeAh: X86Semantics = (b) => {
  b.get8(AH);
  b.i32_const(Status.all & 0xff).i32_and();
  b.condition(Condition.O);
  b.i32_const(11).i32_shl().i32_or().i64_extend_i32_u();
  b.setFlags(Flags.status);
};

/** The image that is pushed has VM and RF clear. */
const pushFlags: X86Semantics = (b, o) =>
  push(b, o, o.size, () => {
    pushStatus(b);
    b.getState(field("df"));
    b.i32_wrap_i64().i32_const(10).i32_shl().i32_or();
    b.getState(field("rflags"));
    b.i32_const(~(RFLAGS.VM | RFLAGS.RF)).i32_and().i32_or();
    b.i32_const(RFLAGS.fixed).i32_or();
    fromI32(b, o.size);
  });

export const flagRows: readonly X86Row[] = [
  x86("CLC", "f8", "base", setCarry("clear")),
  x86("STC", "f9", "base", setCarry("set")),
  x86("CMC", "f5", "base", setCarry("complement")),
  x86("CLD", "fc", "base", setDirection(0)),
  x86("STD", "fd", "base", setDirection(1)),
  x86("LAHF", "9f", "base", loadAh),
  x86("SAHF", "9e", "base", storeAh),
  x86("PUSHF", "9c", "base", pushFlags, { d64: true, sized: true }),
];
