import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuModels, featureBits } from "./cpu_models.ts";
import { instructionRows } from "./instruction_rows.ts";

/** A mnemonic of each feature that brings instructions but names no rows of its own. */
const MNEMONICS: Readonly<Record<string, string>> = {
  cx8: "CMPXCHG8B",
  clflush: "CLFLUSH",
  clflushopt: "CLFLUSHOPT",
  clwb: "CLWB",
  fxsr: "FXSAVE",
  invpcid: "INVPCID",
  lahf_lm: "LAHF",
  msr: "RDMSR",
  prefetchw: "PREFETCHW",
  rdpid: "RDPID",
  rdrand: "RDRAND",
  rdseed: "RDSEED",
  rdtscp: "RDTSCP",
  sep: "SYSENTER",
  smap: "STAC",
  syscall: "SYSCALL",
  tsc: "RDTSC",
  xsave: "XSAVE",
  xsaveopt: "XSAVEOPT",
};
/** Features without instructions: paging, devices, clocks. */
const NO_INSTRUCTIONS = new Set(
  "de pse pae mce apic mtrr pge mca cmov pat pse36 hypervisor arat nx lm invtsc tsc_adjust x2apic \
tsc_deadline pdpe1gb erms smep umip pcid".split(" "),
);

test("no model claims instructions that there are not", () => {
  const features = new Set(instructionRows.map(({ feature }) => feature));
  const mnemonics = new Set(instructionRows.map(({ title }) => title.split(" ")[0]));
  for (const feature of cpuModels.max.features) {
    if (NO_INSTRUCTIONS.has(feature)) continue;
    const named = MNEMONICS[feature];
    assert.ok(named === undefined ? features.has(feature) : mnemonics.has(named), feature);
  }
});

test("each model has what the one before has, and nothing that CPUID does not know", () => {
  const { qemu64, "x86-64-v2": v2, max } = cpuModels;
  for (const [less, more] of [[qemu64, v2], [v2, max]]) {
    for (const feature of less.features) assert.ok(more.features.has(feature), feature);
  }
  for (const feature of max.features) assert.ok(feature in featureBits, feature);
});

test("features that rows name and CPUID knows are claimed by max", () => {
  for (const { feature } of instructionRows) {
    if (feature in featureBits) assert.ok(cpuModels.max.features.has(feature), feature);
  }
});
