/** Arm Architecture Calls (DEN 0028, section 7): versions, and which mitigations a kernel needs. */
import { NOT_SUPPORTED, type SmcccFunction, type SmcccFunctions, word } from "./smccc.ts";

/** Function identifiers. */
export const ArchFunction = {
  VERSION: 0x80000000,
  ARCH_FEATURES: 0x80000001,
  WORKAROUND_1: 0x80008000,
  WORKAROUND_2: 0x80007fff,
  WORKAROUND_3: 0x80003fff,
} as const;

const SMCCC_1_1 = 0x10001n;

/**
 * What ARCH_FEATURES says of the workarounds: an interpreting core speculates on nothing, so 1 (may
 * be called, is not needed) and -2 (NOT_REQUIRED; for WORKAROUND_2 alone).
 */
const UNNEEDED: ReadonlyMap<number, bigint> = new Map([
  [ArchFunction.WORKAROUND_1, 1n],
  [ArchFunction.WORKAROUND_2, -2n],
  [ArchFunction.WORKAROUND_3, 1n],
]);

/**
 * The architecture calls. There is no ARCH_SOC_ID: the machine is no SoC.
 * @param implemented whether any service of the firmware has a function, for ARCH_FEATURES.
 */
export function archFunctions(implemented: (id: number) => boolean): SmcccFunctions {
  const nothingToDo: SmcccFunction = () => [];
  const features = (id: number): bigint =>
    UNNEEDED.get(id) ?? (implemented(id) ? 0n : NOT_SUPPORTED);
  return new Map<number, SmcccFunction>([
    [ArchFunction.VERSION, () => [SMCCC_1_1]],
    [ArchFunction.ARCH_FEATURES, (_, id) => [features(word(id))]],
    [ArchFunction.WORKAROUND_1, nothingToDo],
    [ArchFunction.WORKAROUND_2, nothingToDo],
    [ArchFunction.WORKAROUND_3, nothingToDo],
  ]);
}
