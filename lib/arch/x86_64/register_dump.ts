/** The registers of a vCPU, for people and debuggers. */
import type { StateField } from "../../engine/layout.ts";
import type { RegisterDump } from "../../vcpu/register_dump.ts";
import { field } from "./layout.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Segment } from "./state.ts";

const R = field("r");
const XMM = field("xmm");
const PC = field("pc");
const RSP = 4;

/** Fields that are registers of their own, by the manual's name. */
const SYSTEM: Readonly<Record<string, StateField>> = Object.fromEntries(
  [
    ...["cr0", "cr2", "cr3", "cr4", "efer", "xcr0", "mxcsr", "fcw", "fsw", "star", "lstar"],
    ...["cstar", "sfmask", "pat"],
  ].map((name) => [name.toUpperCase(), field(name)]),
);
const KERNEL_GS_BASE = field("kernelGsBase");
const DR = field("dr");

/** Of a segment register: its selector, and what it was loaded with. */
const SEGMENT_PARTS = {
  "": field("selector"),
  _BASE: field("segmentBase"),
  _LIMIT: field("segmentLimit"),
  _ATTRIBUTES: field("segmentAttributes"),
} as const;

/** Reads all registers of the vCPU whose state block is in place. Changes nothing. */
export function dumpRegisters(state: ProcessorState): RegisterDump {
  const { view } = state;
  const read = (register: StateField, n = 0): bigint =>
    register.type === "u64" ? view.get64(register, n) : BigInt(view.get32(register, n));
  const vector = (n: number): bigint => {
    const at = (XMM.address >>> 3) + 2 * n;
    return view.u64[at] | (view.u64[at + 1] << 64n);
  };
  const segments = Object.entries(Segment).filter(([name]) => name !== "none");
  return {
    pc: view.get64(PC),
    sp: view.get64(R, RSP),
    general: Array.from({ length: 16 }, (_, n) => view.get64(R, n)),
    flags: state.rflags,
    vectors: Array.from({ length: 16 }, (_, n) => vector(n)),
    system: {
      ...Object.fromEntries(
        Object.entries(SYSTEM).map(([name, register]) => [name, read(register)]),
      ),
      KERNEL_GS_BASE: read(KERNEL_GS_BASE),
      ...Object.fromEntries(
        [0, 1, 2, 3, 6, 7].map((n) => [`DR${n}`, read(DR, n)]),
      ),
      ...Object.fromEntries(
        segments.flatMap(([name, segment]) =>
          Object.entries(SEGMENT_PARTS).map((
            [part, register],
          ) => [`${name.toUpperCase()}${part}`, read(register, segment)])
        ),
      ),
    },
  };
}
