/** Rows that save and restore x87, MMX and SSE state (SDM volume 1, 5.21). */
import { x86Host, type X86Row } from "./row.ts";

/** The form of 32 and that of 64 bits. `feature`: switched off by CR0.EM and TS; or the host looks. */
const both = (name: string, reg: number, feature: "x87" | "base"): readonly X86Row[] => [
  x86Host(`${name} M0`, `NP W0 0f ae /${reg}`, feature, name.toLowerCase()),
  x86Host(`${name}64 M0`, `NP W1 0f ae /${reg}`, feature, `${name.toLowerCase()}64`),
];

export const xsaveRows: readonly X86Row[] = [
  ...both("FXSAVE", 0, "x87"),
  ...both("FXRSTOR", 1, "x87"),
  ...both("XSAVE", 4, "base"),
  ...both("XRSTOR", 5, "base"),
  ...both("XSAVEOPT", 6, "base"),
  x86Host("XGETBV", "NP 0f 01 d0", "base", "xgetbv"),
  x86Host("XSETBV", "NP 0f 01 d1", "base", "xsetbv"),
];
