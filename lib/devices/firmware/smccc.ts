/** SMC calling convention (Arm DEN 0028): what an HVC or SMC instruction calls. */

/** Answers firmware calls. */
export interface SmcccService {
  /** Call with X0..X7 of a vCPU; gives X0..X3 (fewer leave the others unchanged). Unknown: [-1]. */
  call(vcpu: number, args: readonly bigint[]): readonly bigint[];
}
