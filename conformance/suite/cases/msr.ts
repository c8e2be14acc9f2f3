import { msrImage } from "../../../guests/msr/aarch64/image.ts";
import { msrImage as x86_64 } from "../../../guests/msr/x86_64/image.ts";
import { type ConformanceCase, type Difference, failsOnQemu } from "../case.ts";

/** Tests that fail on QEMU's x86-64: number, name, what it says, and what the architecture says instead. */
const X86_FAILURES: readonly (readonly [number, string, string, string])[] = [
  [
    30,
    "the time stamp counter goes on from what is written",
    "",
    "IA32_TIME_STAMP_COUNTER can be written (Intel SDM vol. 3, 17.17.3)",
  ],
  [
    31,
    "a base of FS that is not canonical: #GP",
    "",
    "an address in an MSR or base register is to be canonical (vol. 2, WRMSR)",
  ],
  [32, "an IA32_SYSENTER_EIP that is not canonical: #GP", "", "the same"],
  [
    33,
    "a reserved memory type in IA32_PAT: #GP",
    "",
    "types 2 and 3 are reserved (vol. 3, 11.12.2)",
  ],
  [34, "a reserved bit of IA32_EFER: #GP", "", "reserved bits are #GP (vol. 2, WRMSR)"],
  [35, "an IA32_APIC_BASE that is too long: #GP", "", "the same"],
  [
    52,
    "a base that is not canonical: #GP",
    "vector 119, error 0x0, RIP 7 from where it should be",
    "an address in an MSR or base register is to be canonical (vol. 2, WRMSR)",
  ],
];

function wide(register: string, test: string, found: string, expected: string): Difference {
  return {
    qemu: [`not ok ${test}`, `# found ${found}, expected ${expected}`],
    vml: [`ok ${test}`],
    reason: `QEMU 7.2 keeps bits 63:32 of ${register}, which are RES0`,
  };
}

function upperHalf(register: string, number: number): Difference {
  return wide(register, `${number} - with ones`, "0xffffffffffffffff", "0xffffffff");
}

function bothHalves(register: string, number: number): Difference {
  return wide(register, `${number} - and both`, "0x5555aaaa3333cccc", "0x3333cccc");
}

/** System registers. */
export const msrCases: readonly ConformanceCase[] = [
  {
    name: "msr",
    title: "System registers: read-only, write-only, undefined, reserved, RES0",
    image: msrImage,
    cpus: 2,
    qemu: {},
    differences: [
      {
        qemu: ["not ok 99 - DBGAUTHSTATUS_EL1 can be read", "# found 0x2000000, expected 0x0"],
        vml: ["ok 99 - DBGAUTHSTATUS_EL1 can be read"],
        reason: "QEMU 7.2 does not have it; every ARMv8 CPU does",
      },
      upperHalf("ESR_EL1", 212),
      bothHalves("ESR_EL1", 214),
      upperHalf("CONTEXTIDR_EL1", 228),
      bothHalves("CONTEXTIDR_EL1", 230),
      { qemu: ["# failed 5 of 276 tests"], vml: [], reason: "for those" },
    ],
  },
  {
    name: "x86_64-msr",
    title: "CPUID, model-specific registers, FS and GS",
    arch: "x86_64",
    image: x86_64,
    qemu: {},
    differences: X86_FAILURES.map((failure) => failsOnQemu(...failure)),
  },
];
