import { fpImage } from "../../../guests/fp/aarch64/image.ts";
import { fpImage as x86_64 } from "../../../guests/fp/x86_64/image.ts";
import { type ConformanceCase, failsOnQemu, skippedOnQemu } from "../case.ts";

/** Tests that fail on QEMU's x86-64: number, name, what it says, and what the architecture says instead. */
const X86_FAILURES: readonly (readonly [number, string, string, string])[] = [
  [
    101,
    "dpps xmm0, xmm1, 0xff",
    "found 0xf7c58f2a1c029e69, expected 0xb94f12243e25b045",
    "sums of pairs are added (Intel SDM vol. 2, DPPS)",
  ],
  [
    102,
    "dpps xmm0, xmm1, 0x7a",
    "found 0x5665fe57a60e94b9, expected 0x14bcee764bee9093",
    "the same",
  ],
  [427, "as a number its sign and exponent are ones", "", "MMX writes set them (vol. 1, 9.5.1)"],
  [
    465,
    "an empty register: invalid, stack fault, C1 0",
    "found 0x0, expected 0x41",
    "its x87 has no stack faults (vol. 1, 8.5.1.1)",
  ],
  [467, "a ninth: invalid, stack fault, C1 1", "found 0x0, expected 0x241", "the same"],
  [469, "FFREE empties a register", "found 0x0, expected 0x41", "the same"],
  [482, "a reserved bit of MXCSR: #GP", "", "reserved bits of MXCSR are #GP (vol. 1, 10.5.2)"],
];
/** Tests that it skips. */
const X86_SKIPPED: readonly (readonly [number, string, string, string])[] = [
  [335, "sha1rnds4 xmm0, xmm1, 0", "there is none", "this CPU has SHA"],
  [336, "sha1rnds4 xmm0, xmm1, 1", "there is none", "this CPU has SHA"],
  [337, "sha1rnds4 xmm0, xmm1, 2", "there is none", "this CPU has SHA"],
  [338, "sha1rnds4 xmm0, xmm1, 3", "there is none", "this CPU has SHA"],
  [339, "sha1nexte xmm0, xmm1", "there is none", "this CPU has SHA"],
  [340, "sha1msg1 xmm0, xmm1", "there is none", "this CPU has SHA"],
  [341, "sha1msg2 xmm0, xmm1", "there is none", "this CPU has SHA"],
  [
    342,
    "movaps xmm2, xmm0; pshufd xmm0, xmm1, 0x4e; sha256rnds2 xmm2, xmm1, xmm0; movaps xmm0, xmm2",
    "there is none",
    "this CPU has SHA",
  ],
  [343, "sha256msg1 xmm0, xmm1", "there is none", "this CPU has SHA"],
  [344, "sha256msg2 xmm0, xmm1", "there is none", "this CPU has SHA"],
];

/** Floating point and SIMD. */
export const fpCases: readonly ConformanceCase[] = [
  {
    name: "fp",
    title: "Floating point and SIMD: arithmetic, rounding, exceptions, conversions, lanes",
    image: fpImage,
    qemu: {},
  },
  {
    name: "x86_64-fp",
    title: "SSE to SSE4.2, AES, SHA, MMX, x87, saving of their state",
    arch: "x86_64",
    image: x86_64,
    qemu: {},
    differences: [
      ...X86_FAILURES.map((failure) => failsOnQemu(...failure)),
      ...X86_SKIPPED.map((skipped) => skippedOnQemu(...skipped)),
    ],
  },
  {
    name: "x86_64-fp-extensions",
    title: "SSE and x87 with denormals, pairs of NaNs, and all flags",
    arch: "x86_64",
    image: x86_64,
    parameters: "tests=extensions",
    qemu: { reason: "QEMU has other rules for them; the checksums are those of a real CPU" },
  },
];
