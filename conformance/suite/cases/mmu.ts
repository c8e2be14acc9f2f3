import { mmuImage } from "../../../guests/mmu/aarch64/image.ts";
import { mmuImage as x86_64 } from "../../../guests/mmu/x86_64/image.ts";
import { type ConformanceCase, failsOnQemu, skippedOnQemu } from "../case.ts";

/** Tests that fail on QEMU's x86-64: number, name, what it says, and what the architecture says instead. */
const X86_FAILURES: readonly (readonly [number, string, string, string])[] = [
  [
    43,
    "an address that is too long: #PF(0x9)",
    "vector 14, error 0x8, CR2 0x80020000",
    "a fault by a reserved bit has P set (vol. 3, 4.7)",
  ],
  [44, "a store: #PF(0xb)", "vector 14, error 0xa, CR2 0x80020000", "the same"],
  [45, "of ring 3: #PF(0xd)", "vector 14, error 0xc, CR2 0x80020000", "the same"],
  [48, "a low bit of a large page: #PF(0x9)", "vector 14, error 0x8, CR2 0x80020000", "the same"],
  [49, "PS at level 4: #PF(0x9)", "vector 14, error 0x8, CR2 0x8080020000", "the same"],
  [50, "XD without EFER.NXE: #PF(0x9)", "vector 14, error 0x8, CR2 0x80020000", "the same"],
  [120, "a reserved bit: #PF(0x9)", "error 0x8, CR2 0x60000000", "the same"],
  [132, "a reserved bit: #PF(0x9)", "error 0x8, CR2 0x60000000", "the same"],
];
/** Tests that it skips. */
const X86_SKIPPED: readonly (readonly [number, string, string, string])[] = [
  [95, "CR4.PCIDE", "there are none", "this machine has PCID and INVPCID"],
  [96, "the page in context 5", "there are none", "this machine has PCID and INVPCID"],
  [
    97,
    "a change in context 6, kept entries of 5 or not",
    "there are none",
    "this machine has PCID and INVPCID",
  ],
  [98, "INVPCID of an address", "there are none", "this machine has PCID and INVPCID"],
  [99, "of a context", "there are none", "this machine has PCID and INVPCID"],
  [100, "of all", "there are none", "this machine has PCID and INVPCID"],
  [101, "of all but global ones", "there are none", "this machine has PCID and INVPCID"],
  [102, "INVPCID of another type: #GP", "there are none", "this machine has PCID and INVPCID"],
  [
    103,
    "of an address that is not canonical: #GP",
    "there are none",
    "this machine has PCID and INVPCID",
  ],
  [104, "of a context above 4095: #GP", "there are none", "this machine has PCID and INVPCID"],
  [105, "in ring 3: #GP", "there are none", "this machine has PCID and INVPCID"],
];

/** Translation. Blocks at levels that have none are left out: QEMU 7.2 takes them. */
export const mmuCases: readonly ConformanceCase[] = [
  {
    name: "mmu",
    title: "Access rights, faults by level, granules, TLB maintenance, code that changes",
    image: mmuImage,
    qemu: {},
  },
  {
    name: "x86_64-mmu",
    title:
      "Rights, levels, accessed and dirty bits, large pages, SMEP, SMAP, PCID, 32 bits and PAE",
    arch: "x86_64",
    image: x86_64,
    qemu: {},
    differences: [
      ...X86_FAILURES.map((failure) => failsOnQemu(...failure)),
      ...X86_SKIPPED.map((skipped) => skippedOnQemu(...skipped)),
    ],
  },
];
