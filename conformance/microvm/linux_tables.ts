/**
 * Boots a Linux kernel of x86-64 on QEMU's microvm with our loader, memory map and ACPI tables instead
 * of QEMU's, and checks what the kernel says of them:
 * node conformance/microvm/linux_tables.ts KERNEL [--cpus N] [--qemu PROGRAM]. KERNEL is a bzImage
 * (vmlinuz) or a vmlinux. Needs qemu-system-x86_64. Prints what is missing; exit code 1 on a fault.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { planBoot } from "../../lib/boot/x86_64/boot_plan.ts";
import { readX86Kernel } from "../../lib/boot/x86_64/kernel.ts";
import { microvmAcpi } from "../../lib/machine/microvm_acpi.ts";
import { MicrovmMap, microvmMemory } from "../../lib/machine/microvm_map.ts";
import { qemuElf } from "./qemu_elf.ts";
import { qemuTscParameters } from "./qemu_tsc.ts";

const MIB = 2 ** 20;
const MEMORY = 512 * MIB;
/** Milliseconds after which a boot that hangs is ended; many times what it takes. */
const PATIENCE = 120_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cpus: { type: "string", default: "4" },
    qemu: { type: "string", default: "qemu-system-x86_64" },
  },
});
const [kernelFile] = positionals;
if (kernelFile === undefined) throw new Error("give a kernel: vmlinuz or vmlinux");
const cpus = Number(values.cpus);

/** What the kernel must say; without an initrd it panics in the end and resets the machine. */
const EXPECTED: readonly RegExp[] = [
  /e820: \[mem 0x0+-0x0*9ffff\] usable/,
  /e820: \[mem 0x0*e0000-0x0*fffff\] ACPI data/,
  /e820: \[mem 0x0*100000-0x0*1fffffff\] usable/,
  /ACPI: RSDP 0x0*E0000 000024 \(v02 VML /,
  ...["XSDT", "FACP", "DSDT", "APIC"].map((name) => new RegExp(`ACPI: ${name} 0x.* VMLBOARD`)),
  /IOAPIC\[0\]: apic_id 0, version \d+, address 0xfec00000, GSI 0-23/,
  /IOAPIC\[1\]: apic_id 1, version \d+, address 0xfec10000, GSI 24-47/,
  /Using ACPI \(MADT\) for SMP configuration/,
  new RegExp(`smp: Brought up 1 node, ${cpus} CPU`),
  /1 ACPI AML tables successfully acquired and loaded/,
  /ACPI: PM: \(supports S0 S5\)/,
  /ttyS0 at I\/O 0x3f8 \(irq = \d+, base_baud = 115200\) is a 16550A/,
  /rtc_cmos 00:01: registered as rtc0/,
  /Kernel panic - not syncing: VFS: Unable to mount root fs/,
];
/** What it must not say. */
const FORBIDDEN = /ACPI (BIOS )?(Error|Warning)|\[Firmware Bug\]/;

const bytes = new Uint8Array(readFileSync(kernelFile));
const plan = planBoot({
  kernel: await readX86Kernel(bytes, MEMORY),
  // QEMU's CPUs do not tell their TSC's frequency, and a hardware-reduced machine has no other clock.
  cmdline: `console=ttyS0 earlyprintk=serial,ttyS0 panic=-1 ${qemuTscParameters()}`,
  memory: microvmMemory(MEMORY),
  rsdp: MicrovmMap.acpi,
});
const tables = microvmAcpi({
  apicIds: Array.from({ length: cpus }, (_, id) => id),
  virtioSlots: [23, 22],
});
const folder = mkdtempSync(join(tmpdir(), "vml-microvm-"));
const faults: string[] = [];
try {
  const elf = join(folder, "kernel.elf");
  writeFileSync(elf, qemuElf(plan, [tables]));
  // deno-fmt-ignore
  const run = spawnSync(values.qemu, [
    "-M", "microvm,rtc=on", "-accel", "tcg,thread=single", "-m", `${MEMORY / MIB}M`, "-smp", `${cpus}`, "-bios", "qboot.rom",
    "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", elf,
  ], { encoding: "utf8", timeout: PATIENCE, maxBuffer: 16 * MIB });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) {
    faults.push(`QEMU ended with ${run.status ?? run.signal}: ${run.stderr.trim()}`);
  }
  for (const pattern of EXPECTED) {
    if (!pattern.test(run.stdout)) faults.push(`the kernel does not say ${pattern.source}`);
  }
  const forbidden = run.stdout.split("\n").filter((line) => FORBIDDEN.test(line));
  faults.push(...forbidden.map((line) => `the kernel says ${line.trim()}`));
  if (faults.length > 0) console.error(run.stdout);
} finally {
  rmSync(folder, { recursive: true });
}
for (const fault of faults) console.error(fault);
console.error(`${kernelFile}: ${cpus} vCPUs, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
