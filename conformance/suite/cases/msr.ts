import { msrImage } from "../../../guests/msr/aarch64/image.ts";
import type { ConformanceCase, Difference } from "../case.ts";

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
