/** The registers of a vCPU, for people and debuggers. */

/** What a vCPU of any architecture holds between two instructions. */
export interface RegisterDump {
  /** Address of the next instruction; a linear one on x86_64, RIP but for 16-bit and 32-bit code. */
  readonly pc: bigint;
  /** The current stack pointer. */
  readonly sp: bigint;
  /** aarch64: X0 to X30. x86_64: RAX RCX RDX RBX RSP RBP RSI RDI, R8 to R15. */
  readonly general: readonly bigint[];
  /** aarch64: PSTATE in the format of SPSR_EL1 (Arm ARM, C5.2.18). x86_64: RFLAGS. */
  readonly flags: number;
  /** aarch64: V0 to V31. x86_64: XMM0 to XMM15. 128 bits each. */
  readonly vectors: readonly bigint[];
  /** The other registers by the manual's names, those of devices excepted. */
  readonly system: Readonly<Record<string, bigint>>;
}
