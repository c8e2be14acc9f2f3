/** Where the x86-64 state lies. One layout per process: the fields are constants to the code generator. */
import { defineLayout, engineState, type Layout, type StateField } from "../../engine/layout.ts";
import { x86State } from "./state.ts";

export const layout: Layout = defineLayout([...engineState, ...x86State]);

/** The field of that name. Throws if there is none. */
export function field(name: string): StateField {
  return layout.get(name);
}
