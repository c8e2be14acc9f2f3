/** Puts kernel, initrd, boot data and ACPI tables into the microvm board's RAM. */
import { BootError } from "../boot/boot_error.ts";
import type { Segment } from "../boot/elf.ts";
import { planBoot } from "../boot/x86_64/boot_plan.ts";
import type { BootState } from "../boot/x86_64/boot_state.ts";
import type { X86Kernel } from "../boot/x86_64/kernel.ts";
import type { GuestMemory } from "../engine/guest_memory.ts";
import { microvmAcpi } from "./microvm_acpi.ts";
import { MicrovmMap, microvmMemory } from "./microvm_map.ts";

/**
 * What stands at the reset vector in place of firmware: it resets the machine. Linux reboots that way
 * where ACPI is hardware-reduced and there is no EFI.
 */
const RESET_VECTOR: Segment = {
  address: MicrovmMap.resetVector,
  bytes: Uint8Array.of(
    ...[0x2e, 0x0f, 0x01, 0x1e, 0xf8, 0xff], // lidt cs:[0xfff8]
    0xcc, // int3, which without an IDT is a triple fault
    0xf4,
    ...new Uint8Array(8), // 0xfff8: limit and base of no IDT
  ),
  memorySize: 16,
};

/** What a machine starts from. */
export interface MicrovmImage {
  readonly kernel: X86Kernel;
  readonly initrd: Uint8Array | undefined;
}

/** What else goes into RAM. */
export interface MicrovmBootRequest extends MicrovmImage {
  readonly cmdline: string;
  /** Number of vCPUs; the APIC id of each is its number. */
  readonly cpus: number;
  /** Slots of the virtio devices, in the order in which a guest should find them. */
  readonly virtioSlots: readonly number[];
  /** Bytes for the kernel's random generator. */
  readonly rngSeed: Uint8Array;
}

/** Loads everything; gives the state in which vCPU 0 begins. Throws a BootError if it does not fit. */
export function loadMicrovm(memory: GuestMemory, request: MicrovmBootRequest): BootState {
  const { kernel, initrd, cmdline, cpus, virtioSlots, rngSeed } = request;
  const { pieces, state } = planBoot({
    kernel,
    ...(initrd !== undefined && { initrd }),
    cmdline,
    memory: microvmMemory(memory.size),
    rsdp: MicrovmMap.acpi,
    rngSeed,
  });
  const apicIds = Array.from({ length: cpus }, (_, vcpu) => vcpu);
  const tables = microvmAcpi({ apicIds, virtioSlots });
  for (const { address, bytes, memorySize } of [...pieces, tables, RESET_VECTOR]) {
    if (!memory.write(address, bytes)) {
      throw new BootError("too-little-memory", "memory: the kernel does not fit; give more");
    }
    const rest = address + bytes.length;
    memory.sliceForWriting(rest, memorySize - bytes.length)?.fill(0);
    memory.written(rest, memorySize - bytes.length);
  }
  return state;
}
