/** AArch64 as the engine sees it: the instruction table, the state, the flags, the helpers. */
import type { Arch, ArchBinding } from "../../engine/arch.ts";
import type { Layout } from "../../engine/layout.ts";
import { bytesOfWord, InstructionTable } from "../../engine/table.ts";
import { commonWords } from "./common_words.ts";
import { crc32Helpers } from "../crc32.ts";
import { flagModel } from "./flags.ts";
import { fpHelpers, relaxedMaddIsFused } from "./fp_helpers.ts";
import { instructionRows } from "./instruction_rows.ts";
import { layout as staticLayout } from "./layout.ts";
import { enabled, Mode, TLB_COUNT } from "./mode.ts";
import { simdHelpers } from "./simd_helpers.ts";
import { aarch64State } from "./state.ts";

/** Made with the first machine. */
let table: InstructionTable | undefined;

/** ARMv8.0-A, AArch64 only, with CRC32, LSE, RDM, PAN and the cryptographic extension. */
export const aarch64: Arch = {
  name: "aarch64",
  decoder: (): InstructionTable => table ??= new InstructionTable(instructionRows),
  state: aarch64State,
  instructionAlignment: 4,
  tlbCount: TLB_COUNT,
  common: { mode: 0, code: commonWords.map(bytesOfWord) },
  tlbOf: (mode: number): number => mode & Mode.tlb,
  enabled,
  bind,
};

/** Fields are looked up in `layout.ts` by semantics: the engine's layout must be the same. */
function bind(layout: Layout): ArchBinding {
  if (layout.end !== staticLayout.end) throw new Error("the engine lays out the state otherwise");
  return {
    flags: flagModel,
    helpers: [...fpHelpers({ fusedMadd: relaxedMaddIsFused() }), ...simdHelpers, ...crc32Helpers],
    general: layout.get("x"),
    vector: layout.get("v"),
    zeroRegister: true,
    writableIsReadable: false,
  };
}
