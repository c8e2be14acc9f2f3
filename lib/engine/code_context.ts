/** What all generators of code of one machine share. */
import type { Arch, ArchBinding } from "./arch.ts";
import type { HelperTable } from "./helpers.ts";
import type { Imports } from "./guest_module.ts";
import type { Layout } from "./layout.ts";
import type { Decoder } from "./instruction.ts";
import type { ModuleStore } from "./module_store.ts";

/** The architecture, the machine's memory and function table, and what lies where in them. */
export interface CodeContext {
  readonly arch: Arch;
  readonly binding: ArchBinding;
  readonly layout: Layout;
  readonly decoder: Decoder;
  readonly helpers: HelperTable;
  readonly imports: Imports;
  /** Code that machines of this architecture have in common. */
  readonly modules: ModuleStore;
}

/** Slots of the machine's function table; slot 0 is never used. */
export const Slots = {
  helpers: 1,
  /** Handlers as functions of their own, by handler number. */
  singles: 1024,
  regions: 16384,
  end: 32768,
} as const;
