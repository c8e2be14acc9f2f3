/** x86-64 as the engine sees it: the decoder, the state, the flags, the helpers. */
import type { Arch, ArchBinding } from "../../engine/arch.ts";
import type { Layout } from "../../engine/layout.ts";
import { commonCode } from "./common_code.ts";
import { X86Decoder } from "./decoder.ts";
import { flagModel } from "./flags.ts";
import { instructionHelpers, instructionRows } from "./instruction_rows.ts";
import { layout as staticLayout } from "./layout.ts";
import { enabled, Mode, TLB_COUNT } from "./mode.ts";
import { x86State } from "./state.ts";

/** x86-64 with all features that a processor model may have (cpu_models.ts). */
export const x86_64: Arch = {
  name: "x86_64",
  decoder: (): X86Decoder => new X86Decoder(instructionRows),
  state: x86State,
  instructionAlignment: 1,
  tlbCount: TLB_COUNT,
  common: {
    mode: Mode.code64 | Mode.protected | Mode.cpl0 | Mode.fpu | Mode.sse,
    code: commonCode,
  },
  tlbOf: (mode: number): number => mode & Mode.tlb,
  enabled,
  bind,
};

/** Fields are looked up in `layout.ts` by semantics: the engine's layout must be the same. */
function bind(layout: Layout): ArchBinding {
  if (layout.end !== staticLayout.end) throw new Error("the engine lays out the state otherwise");
  return {
    flags: flagModel,
    helpers: instructionHelpers,
    general: layout.get("r"),
    zeroRegister: false,
    writableIsReadable: true,
    vector: layout.get("xmm"),
    segmentBases: layout.get("segmentBase"),
  };
}
