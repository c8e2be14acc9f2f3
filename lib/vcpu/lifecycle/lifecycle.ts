/** Power states of vCPUs and of the machine, as firmware (PSCI) and boards see them. */

/** Whether a vCPU runs. `on-pending`: CPU_ON was accepted, the first instruction has not run. */
export type PowerState = "on" | "off" | "on-pending";

/** Why a machine stopped. */
export type StopReason = "power-off" | "reset" | "crash" | "stopped" | "timeout";

/** What firmware may do to the machine. Implemented by the machine. */
export interface Lifecycle {
  readonly cpuCount: number;
  /** MPIDR_EL1 affinity fields (Aff3 in 39:32, Aff2..Aff0 in 23:0) of a vCPU. */
  affinity(vcpu: number): bigint;
  powerState(vcpu: number): PowerState;
  /** Starts a vCPU at `entry` with `context` in X0. */
  turnOn(vcpu: number, entry: bigint, context: bigint): void;
  /** The vCPU stops after this instruction. */
  turnOff(vcpu: number): void;
  /** Waits for an interrupt; with `entry` the vCPU loses its state and resumes there. */
  suspend(vcpu: number, entry?: bigint, context?: bigint): void;
  /** Whether an address can be executed from (is RAM). */
  isMemory(address: bigint): boolean;
  stop(reason: StopReason): void;
}
