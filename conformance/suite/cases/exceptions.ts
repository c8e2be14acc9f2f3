import { exceptionsImage } from "../../../guests/exceptions/aarch64/image.ts";
import { exceptionsImage as x86_64 } from "../../../guests/exceptions/x86_64/image.ts";
import { type ConformanceCase, failsOnQemu, skippedOnQemu } from "../case.ts";

/** Tests that fail on QEMU's x86-64: number, name, what it says, and what the architecture says instead. */
const X86_FAILURES: readonly (readonly [number, string, string, string])[] = [
  [
    18,
    "LOCK MOV: #UD",
    "vector 119, error 0x0, RIP 5 from where it should be",
    "a LOCK that is not allowed is #UD",
  ],
  [
    39,
    "SSE: divide by 0, unmasked: #XM",
    "vector 119, error 0x0, RIP 6 from where it should be",
    "its CPU raises no SIMD exceptions (Intel SDM vol. 3, 6.15, interrupt 19)",
  ],
  [43, "CR4.OSXMMEXCPT 0: #UD", "vector 119, error 0x0, RIP 6 from where it should be", "the same"],
  [
    44,
    "LDMXCSR of a reserved bit: #GP",
    "vector 119, error 0x0, RIP 5 from where it should be",
    "reserved bits of MXCSR are #GP (vol. 1, 10.2.3)",
  ],
  [
    52,
    "a load over the end of the lower half: #GP",
    "vector 14, error 0x0, RIP 0 from where it should be",
    "every byte of an access is to be canonical",
  ],
  [
    53,
    "a load by RBP is one of SS: #SS",
    "vector 13, error 0x0, RIP 0 from where it should be",
    "an address by RBP or RSP that is not canonical is #SS (vol. 1, 3.3.7.1)",
  ],
  [55, "POP: #SS", "vector 13, error 0x0, RIP 0 from where it should be", "the same"],
  [
    63,
    "an addition is a write: #PF(0x2)",
    "vector 14, error 0x0, RIP 0 from where it should be",
    "a read for a later write of the same instruction is a write",
  ],
  [66, "CR8: 16: #GP", "vector 119, error 0x0, RIP 6 from where it should be", "CR8 has four bits"],
  [
    67,
    "RDMSR of one that is not there: #GP",
    "vector 119, error 0x0, RIP 4 from where it should be",
    "an MSR that does not exist is #GP",
  ],
  [
    68,
    "WRMSR of an LSTAR that is not canonical: #GP",
    "vector 119, error 0x0, RIP 4 from where it should be",
    "addresses in MSRs are to be canonical",
  ],
  [
    78,
    "SS: null of ring 3: #GP",
    "vector 119, error 0x0, RIP 4 from where it should be",
    "a null SS has the RPL of the ring (vol. 2, MOV)",
  ],
  [
    104,
    "to code with L and D: #GP(0x58)",
    "vector 119, error 0x0, RIP 4 from where it should be",
    "L and D together are reserved (vol. 3, 5.2.1)",
  ],
  [
    116,
    "INT by a gate that is not present: #NP(0x302)",
    "vector 11, error 0x602, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on (vol. 3, 6.13)",
  ],
  [
    117,
    "by a task gate: #GP(0x302)",
    "vector 13, error 0x602, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on (vol. 3, 6.13)",
  ],
  [
    122,
    "behind the limit of the table: #GP(0x302)",
    "vector 13, error 0x602, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on (vol. 3, 6.13)",
  ],
  [
    151,
    "INT by a gate of ring 0: #GP(0x212)",
    "vector 13, error 0x422, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on (vol. 3, 6.13)",
  ],
  [
    152,
    "INT3 by a gate of ring 0: #GP(0x1a)",
    "vector 13, error 0x32, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on (vol. 3, 6.13)",
  ],
  [
    154,
    "INT1 needs no gate of ring 3: #DB",
    "vector 6, error 0x0, RIP -1 from where it should be",
    "F1 is INT1 (vol. 2, INT n)",
  ],
  [
    183,
    "with RFLAGS.AC: #AC",
    "vector 119, error 0x0, RIP 5 from where it should be",
    "its CPU checks no alignment",
  ],
  [
    191,
    "IA32_FMASK cleared DF",
    "found 0x2, expected 0x3",
    "SYSCALL clears the bits of IA32_FMASK, no more",
  ],
  [
    279,
    "DR7.GD: MOV from DR7: #DB",
    "vector 119, error 0x0, RIP 5 from where it should be",
    "its CPU has no general detect (vol. 3, 17.2.4)",
  ],
  [280, "DR6", "found 0xffff0ff0, expected 0xffff2ff0", "the same"],
  [281, "the handler has no GD", "found 0x2400, expected 0x400", "the same"],
  [286, "INT1: #DB", "vector 6, error 0x0, RIP -1 from where it should be", "the same"],
  [301, "a fault has RF on the stack", "", "faults push RFLAGS with RF (vol. 3, 17.3.1.1)"],
  [
    306,
    "an invalid opcode whose gate is not present: EXT is set: #NP(0x33)",
    "vector 11, error 0x62, RIP 0 from where it should be",
    "the error code has the vector from bit 3 on, and EXT (vol. 3, 6.13)",
  ],
  [
    308,
    "RSP0 is not canonical: #SS(0x1)",
    "vector 12, error 0x0, RIP 0 from where it should be",
    "EXT is set for what happens on the way to a handler (vol. 3, 6.13)",
  ],
];

/** Tests that QEMU's x86-64 skips: number and name. */
const X86_SKIPPED: readonly (readonly [number, string])[] = [
  [201, "SYSENTER_CS 0: SYSENTER: #GP"],
  [202, "SYSEXIT: #GP"],
  [203, "SYSENTER"],
  [204, "CS and SS are of ring 0"],
  [205, "RSP is IA32_SYSENTER_ESP"],
  [206, "SYSEXIT to 64 bits"],
  [207, "RIP and RSP are RDX and RCX"],
  [208, "CS and SS are of ring 3"],
  [209, "SYSEXIT to 32 bits"],
  [210, "CS and SS are of ring 3"],
];

/**
 * Exceptions. Left out of the guest are cases where QEMU 7.2 departs from the architecture: cache
 * maintenance of unmapped addresses, the syndrome of MSR DAIFSet at EL0, stack alignment.
 */
export const exceptionsCases: readonly ConformanceCase[] = [
  {
    name: "exceptions",
    title: "Traps at EL0 and EL1, exception returns, debug exceptions, pending interrupts",
    image: exceptionsImage,
    gic: 2,
    qemu: {},
  },
  {
    name: "x86_64-exceptions",
    title: "Faults of rings 0 and 3, segments, system calls, 32-bit code, debug, stacks, NMI",
    arch: "x86_64",
    image: x86_64,
    qemu: {},
    differences: [
      ...X86_FAILURES.map((failure) => failsOnQemu(...failure)),
      ...X86_SKIPPED.map(([number, name]) =>
        skippedOnQemu(
          number,
          name,
          "other vendors have none in long mode",
          "this CPU says that it is Intel's",
        )
      ),
    ],
  },
  {
    name: "x86_64-exceptions-extensions",
    title: "Values that control registers and TR refuse",
    arch: "x86_64",
    image: x86_64,
    parameters: "tests=extensions",
    qemu: { reason: "QEMU takes the values, and its CPU does not survive it" },
  },
];
