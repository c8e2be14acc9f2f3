/** SMC calling convention (Arm DEN 0028): what an HVC or SMC instruction calls. */

/** Answers firmware calls. */
export interface SmcccService {
  /** Call with X0..X7 of a vCPU; gives X0..X3 (fewer leave the others unchanged). Unknown: [-1]. */
  call(vcpu: number, args: readonly bigint[]): readonly bigint[];
}

/**
 * One firmware function. `x1` to `x3` are unsigned, and cut to 32 bits for a function with 32-bit
 * arguments. Gives the registers that change, X0 first; negative values are error codes.
 */
export type SmcccFunction = (
  vcpu: number,
  x1: bigint,
  x2: bigint,
  x3: bigint,
) => readonly bigint[];

/** Functions by identifier. */
export type SmcccFunctions = ReadonlyMap<number, SmcccFunction>;

/** The function does not exist; every service uses this code (DEN 0028, 7.1). */
export const NOT_SUPPORTED = -1n;

/** Bits 31:0 of a register: where a function has a 32-bit argument in a 64-bit call. */
export function word(register: bigint): number {
  return Number(BigInt.asUintN(32, register));
}

/** Whether a function takes 64-bit arguments (bit 30 of its identifier). */
export function is64(id: number): boolean {
  return (id & 0x40000000) !== 0;
}
