import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { RegisterBank } from "../../devices/msr/register_bank.ts";
import { cpuModels, featureBits } from "./cpu_models.ts";
import { cpuid } from "./cpuid.ts";
import { Mode } from "./mode.ts";
import { CpuRig, Place, Sel } from "./testing/cpu_rig.ts";

const GP = 13;

/** Whether the instruction is refused with a fault; the vector is compared. */
function refuses(rig: CpuRig, hex: string, vector = GP): boolean {
  const long = (rig.get("efer") & 0x400n) !== 0n;
  const before = rig.rip;
  if (long) rig.longGate(vector, 0x100);
  else rig.gate(Place.idt, vector, 0x8e, Sel.code32, 0x100);
  const outcome = rig.execute(hex);
  const refused = outcome === Outcome.jumped && rig.rip === 0x100;
  if (!refused) rig.rip = before;
  return refused;
}

function write(rig: CpuRig, register: 0 | 3 | 4 | 8, value: bigint): string {
  rig.setR(0, value);
  const hex = { 0: "0f 22 c0", 3: "0f 22 d8", 4: "0f 22 e0", 8: "44 0f 22 c0" }[register];
  return refuses(rig, hex) ? "#GP" : "done";
}

test("CR0: what belongs together", () => {
  assert.equal(write(new CpuRig().long(), 0, 0x80000010n), "#GP", "PG without PE");
  assert.equal(write(new CpuRig().long(), 0, 0xa0000011n), "#GP", "NW without CD");
  assert.equal(write(new CpuRig().long(), 0, 0x11n), "#GP", "PG off in 64-bit code");
  assert.equal(write(new CpuRig().long(), 0, 0x1_8000_0011n), "#GP", "upper half");
  const rig = new CpuRig().protect();
  rig.set("efer", 0x100n);
  assert.equal(write(rig, 0, 0x80000011n), "#GP", "LME without PAE");
  const plain = new CpuRig().protect();
  assert.equal(write(plain, 0, 0x8005_003bn), "done");
  assert.equal(plain.get("cr0"), 0x8005003bn);
  assert.deepEqual(plain.takeCalls(), ["all"]);
  assert.equal(plain.execute("0f 06"), Outcome.next);
  assert.equal(plain.get("cr0"), 0x80050033n);
  assert.deepEqual(plain.takeCalls(), [], "TS has nothing to do with translation");
});

test("CR4: bits of the model only; PAE stays in IA-32e mode; PCIDE has conditions", () => {
  const rig = new CpuRig().long();
  assert.equal(write(rig, 4, 0x620n), "done");
  assert.equal(write(new CpuRig().long(), 4, 0x600n), "#GP");
  assert.equal(write(new CpuRig().long(), 4, 0x621n), "#GP", "VME");
  assert.equal(write(new CpuRig("qemu64").long(), 4, 0x100620n), "#GP", "SMEP");
  assert.equal(write(rig, 4, 0x100620n), "done");
  assert.equal(write(rig, 4, 0x120620n), "done", "PCIDE");
  rig.set("cr3", BigInt(Place.tables) + 1n);
  rig.set("cr4", 0x620n);
  assert.equal(write(rig, 4, 0x20620n), "#GP", "with a PCID in CR3");
  assert.equal(write(new CpuRig().protect(), 4, 0x20020n), "#GP", "outside of IA-32e mode");
});

test("CR3: physical addresses only, bit 63 with PCIDs", () => {
  const rig = new CpuRig().long();
  assert.equal(write(rig, 3, 1n << 40n), "#GP");
  assert.equal(write(rig, 3, (1n << 63n) | BigInt(Place.tables)), "#GP");
  rig.cpu.reload();
  rig.set("cr4", 0x20620n);
  assert.equal(write(rig, 3, (1n << 63n) | BigInt(Place.tables)), "done");
  assert.equal(rig.get("cr3"), BigInt(Place.tables));
});

test("PAE paging checks its four pointers when it begins", () => {
  const rig = new CpuRig().protect();
  rig.set("cr4", 0x20n);
  rig.set("cr3", BigInt(Place.tables));
  rig.entry(Place.tables, 2, 0x1003n);
  assert.equal(write(rig, 0, 0x80000011n), "#GP");
  rig.entry(Place.tables, 2, 0x1001n);
  assert.equal(write(rig, 0, 0x80000011n), "done");
});

test("CR8 is the local APIC's priority; CR1 and CR5 do not exist", () => {
  const rig = new CpuRig().long();
  assert.equal(write(rig, 8, 16n), "#GP");
  assert.equal(write(rig, 8, 9n), "done");
  assert.equal(rig.execute("44 0f 20 c3"), Outcome.next);
  assert.equal(rig.r(3), 9n);
  assert.ok(refuses(rig, "0f 22 c8", 6));
  assert.ok(refuses(rig, "0f 22 e8", 6));
});

test("control registers are for CPL 0", () => {
  for (const hex of ["0f 20 c0", "0f 22 c0", "0f 21 c0", "0f 06", "0f 01 38", "0f 32", "0f 30"]) {
    const rig = new CpuRig().long(3);
    assert.ok(refuses(rig, hex), hex);
  }
});

test("MSRs: values, masks, addresses that must be canonical, what there is not", () => {
  const rig = new CpuRig().long();
  const set = (id: number, value: bigint): boolean => {
    rig.setR(1, BigInt(id));
    rig.setR(0, value & 0xffffffffn);
    rig.setR(2, value >> 32n);
    return !refuses(rig, "0f 30");
  };
  const get = (id: number): bigint | undefined => {
    rig.setR(1, BigInt(id));
    if (refuses(rig, "0f 32")) return undefined;
    return (rig.r(2) << 32n) | rig.r(0);
  };
  assert.ok(set(0xc0000100, 0xffff_8000_1234_5678n));
  assert.equal(rig.get("segmentBase", 5), 0xffff_8000_1234_5678n);
  assert.equal(get(0xc0000100), 0xffff_8000_1234_5678n);
  for (const id of [0xc0000100, 0xc0000101, 0xc0000102, 0xc0000082, 0x175, 0x176]) {
    assert.equal(set(id, 0x8000_0000_0000n), false, id.toString(16));
    assert.ok(set(id, 0x7fff_ffff_ffffn));
  }
  assert.ok(set(0xc0000081, 0x1234_5678_9abc_def0n));
  assert.equal(get(0xc0000081), 0x1234_5678_9abc_def0n);
  assert.equal(set(0xc0000084, 1n << 32n), false);
  assert.equal(set(0x277, 0x0007_0406_0007_0402n), false, "a type that there is not");
  assert.ok(set(0x277, 0x0407_0500_0007_0106n));
  assert.equal(set(0x2ff, 2n), false);
  assert.equal(get(0x2ff), 0xc06n);
  assert.equal(get(0xfe), 0x508n);
  assert.equal(set(0xfe, 0n), false);
  assert.equal(set(0x200, 0x8000_0002n), false);
  assert.ok(set(0x200, 0x8000_0001n));
  assert.equal(set(0x250, 0x0606_0606_0606_0603n), false);
  assert.equal(set(0x201, 1n << 40n), false);
  assert.ok(set(0x201, 0xff_f000_0800n));
  assert.equal(get(0x201), 0xff_f000_0800n);
  assert.ok(set(0x8b, 0n));
  assert.equal(get(0x8b), 1n << 32n);
  assert.equal(get(0x12345), undefined);
  assert.equal(set(0x12345, 0n), false);
  assert.ok(set(0xc0000103, 5n));
  assert.equal(rig.execute("0f 01 f9"), Outcome.next);
  assert.equal(rig.r(1), 5n);
});

test("EFER: reserved bits, and LME does not change while paging is on", () => {
  const rig = new CpuRig().long();
  const set = (value: number): boolean => {
    rig.setR(1, 0xc0000080n);
    rig.setR(0, BigInt(value));
    rig.setR(2, 0n);
    return !refuses(rig, "0f 30");
  };
  assert.equal(set(0x1d01), false);
  assert.equal(set(0xc01), false);
  assert.ok(set(0x500));
  assert.equal(rig.get("efer"), 0x500n);
  assert.ok(set(0x101), "LMA is read-only");
  assert.equal(rig.get("efer"), 0x501n);
});

test("MSRs of devices are asked first for reads, and #GP if they refuse", () => {
  const rig = new CpuRig().long();
  const bank = new RegisterBank("device", [{ name: "A", id: 0x800, reset: 7n, rights: "r" }], 1);
  rig.registers.register("device", bank, bank.ids);
  rig.setR(1, 0x800n);
  assert.equal(rig.execute("0f 32"), Outcome.next);
  assert.equal(rig.r(0), 7n);
  assert.ok(refuses(rig, "0f 30"));
});

test("RDTSC: both halves, and CR4.TSD", () => {
  const rig = new CpuRig().long(3);
  rig.tsc = 0x1234_5678_9abc_def0n;
  assert.equal(rig.execute("0f 31"), Outcome.next);
  assert.deepEqual([rig.r(2), rig.r(0)], [0x12345678n, 0x9abcdef0n]);
  rig.set("cr4", 0x624n);
  assert.ok(refuses(rig, "0f 31"));
});

test("RDRAND: CF and a number of the operand size; #UD where the model has none", () => {
  const rig = new CpuRig().long();
  assert.equal(rig.execute("48 0f c7 f0"), Outcome.next);
  assert.equal(rig.r(0), 0xa5a5_a5a5_a5a5_a5a5n);
  assert.equal(rig.rflags & 0x8d5, 1);
  rig.setR(0, 0n);
  rig.execute("66 0f c7 f0");
  assert.equal(rig.r(0), 0xa5a5n);
  assert.ok(refuses(new CpuRig("qemu64").long(), "0f c7 f0", 6));
});

test("LMSW sets PE and does not clear it; SMSW", () => {
  const rig = new CpuRig();
  rig.cpu.startUp(0x20);
  rig.setR(0, 0xfff1n);
  assert.equal(rig.execute("0f 01 f0"), Outcome.next);
  assert.equal(rig.get("cr0"), 0x60000011n);
  rig.setR(0, 0n);
  rig.execute("0f 01 f0");
  assert.equal(rig.get("cr0") & 15n, 1n);
  rig.execute("0f 01 e3");
  assert.equal(rig.r(3), 0x11n);
});

test("modes: FPU, SSE and FSGSBASE by CR0 and CR4", () => {
  const rig = new CpuRig().long();
  assert.equal(rig.cpu.mode() & (Mode.fpu | Mode.sse | Mode.fsgsbase), Mode.fpu | Mode.sse);
  rig.set("cr0", 0x80000019n);
  assert.equal(rig.cpu.mode() & (Mode.fpu | Mode.sse), 0);
  rig.set("cr0", 0x80000011n);
  rig.set("cr4", 0x10020n);
  assert.equal(rig.cpu.mode() & (Mode.fpu | Mode.sse | Mode.fsgsbase), Mode.fpu | Mode.fsgsbase);
});

const context = {
  cpus: 4,
  index: 2,
  tscFrequency: 2_000_000_000,
  apicEnabled: true,
  osxsave: false,
};

test("CPUID: vendor, signature, clocks", () => {
  const ask = (leaf: number, subleaf = 0) => cpuid(cpuModels["qemu64"], context, leaf, subleaf);
  const [eax, ebx, ecx, edx] = ask(0);
  assert.equal(eax, 0x16);
  const bytes = new Uint8Array(Uint32Array.of(ebx, edx, ecx).buffer);
  assert.equal(new TextDecoder().decode(bytes), "GenuineIntel");
  assert.equal(ask(1)[0], 0x106ca);
  assert.equal(ask(1)[1], 0x02040800);
  assert.deepEqual(ask(0x15), [1, 2, 1e9, 0], "TSC = crystal * EBX / EAX");
  assert.deepEqual(ask(0x80000008), [0x3028, 0, 0, 0]);
  assert.deepEqual(ask(0xb, 1), [2, 4, 0x201, 2]);
  assert.deepEqual(ask(0x12345), ask(0x16), "beyond the last leaf");
  const name = [2, 3, 4].flatMap((n) => [...ask(0x80000000 + n)]);
  const brand = new TextDecoder().decode(new Uint8Array(Uint32Array.from(name).buffer));
  assert.equal(brand.replaceAll("\0", ""), "Virtual CPU (qemu64)");
});

test("CPUID: feature bits by model, APIC and OSXSAVE by state", () => {
  const bit = (model: keyof typeof cpuModels, feature: string, more = {}): boolean => {
    const [word, number] = featureBits[feature];
    const [leaf, register] = word.split(".");
    const leaves = { d1: [0xd, 1] } as Record<string, number[]>;
    const [id, sub] = leaves[leaf] ?? [parseInt(leaf, 16), 0];
    const value = cpuid(cpuModels[model], { ...context, ...more }, id, sub);
    return ((value[["eax", "ebx", "ecx", "edx"].indexOf(register)] >>> number) & 1) === 1;
  };
  for (const model of ["qemu64", "x86-64-v2", "max"] as const) {
    for (const feature of Object.keys(featureBits)) {
      const claimed = cpuModels[model].features.has(feature);
      assert.equal(bit(model, feature), claimed, `${model} ${feature}`);
    }
  }
  assert.equal(bit("qemu64", "apic", { apicEnabled: false }), false);
  assert.equal(cpuid(cpuModels.max, { ...context, osxsave: true }, 1, 0)[2] >>> 27 & 1, 1);
  assert.equal(cpuid(cpuModels.max, context, 1, 0)[2] >>> 27 & 1, 0);
  assert.deepEqual(cpuid(cpuModels.qemu64, context, 0xd, 0), [0, 0, 0, 0]);
  assert.deepEqual(cpuid(cpuModels.max, context, 0xd, 0), [3, 576, 576, 0]);
});

test("INVPCID: types, descriptors, and where there is none", () => {
  const rig = new CpuRig().long();
  rig.setR(3, 0x5000n);
  const invpcid = (type: bigint, low: bigint, high: bigint): string => {
    rig.setR(0, type);
    rig.memory.write64(0x5000, low);
    rig.memory.write64(0x5008, high);
    rig.takeCalls();
    return refuses(rig, "66 0f 38 82 03") ? "#GP" : rig.takeCalls().join();
  };
  assert.equal(invpcid(0n, 0n, 0x1234_5000n), "page 12345000");
  assert.equal(invpcid(2n, 0n, 0n), "all");
  assert.equal(invpcid(4n, 0n, 0n), "#GP");
  assert.equal(invpcid(0n, 0n, 0x8000_0000_0000n), "#GP");
  assert.equal(invpcid(1n, 5n, 0n), "#GP", "without PCIDs");
  assert.ok(refuses(new CpuRig("qemu64").long(), "66 0f 38 82 03", 6));
});

test("power-on state", () => {
  const rig = new CpuRig();
  assert.equal(rig.get("pc"), 0xfffffff0n);
  assert.equal(rig.rip, 0xfff0);
  assert.equal(rig.rflags, 2);
  assert.equal(rig.cpu.mode(), Mode.code16 | Mode.cpl0 | Mode.fpu);
  assert.equal(rig.get("fcw"), 0x37fn);
  assert.equal(rig.get("mxcsr"), 0x1f80n);
});

test("what is saved is put back; anything else is refused", () => {
  const rig = new CpuRig().long();
  rig.cpu.nmi();
  rig.setR(1, 0x200n);
  rig.setR(0, 0x1006n);
  rig.setR(2, 0n);
  rig.execute("0f 30");
  const saved = rig.cpu.saved();
  const other = new CpuRig().long();
  other.cpu.restore(saved);
  assert.deepEqual(other.cpu.saved(), saved);
  assert.equal(other.cpu.wakes(), true);
  assert.throws(() => other.cpu.restore({ inputs: null }), TypeError);
});
