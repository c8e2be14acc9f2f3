/** Resource descriptors: the content of a device's _CRS (ACPI 6.5, section 6.4). */
import { type Aml, buffer, concat, littleEndian } from "./aml.ts";

/** One descriptor. */
export type Resource = Uint8Array<ArrayBuffer>;

/** How an interrupt line is understood. Lines are active high. */
export type Trigger = "edge" | "level";

/** Small items: type and length in one byte (6.4.2). */
const IRQ = 0x22;
const IO_PORT = 0x47;
const END_TAG = 0x79;
/** Large items: type, then two bytes of length (6.4.3). */
const MEMORY_32_FIXED = 0x86;
const EXTENDED_INTERRUPT = 0x89;

const DECODES_16_BITS = 1;
const WRITABLE = 1;
/** Flags of an extended interrupt; clear: level, shared bit clear: exclusive, active high. */
const CONSUMER = 1 << 0;
const EDGE = 1 << 1;

/** Memory at a fixed address below 4 GiB (6.4.3.4). */
export function memory32(address: number, size: number): Resource {
  return large(MEMORY_32_FIXED, [
    WRITABLE,
    ...littleEndian(address, 4),
    ...littleEndian(size, 4),
  ]);
}

/** Ports at a fixed address (6.4.2.5). */
export function ports(address: number, size: number): Resource {
  const at = littleEndian(address, 2);
  return Uint8Array.of(IO_PORT, DECODES_16_BITS, ...at, ...at, 1, size);
}

/** An interrupt of the ISA bus, 0..15: edge, active high (6.4.2.1). */
export function isaInterrupt(irq: number): Resource {
  return Uint8Array.of(IRQ, ...littleEndian(1 << irq, 2));
}

/** A global system interrupt (6.4.3.6). */
export function interrupt(gsi: number, trigger: Trigger): Resource {
  const flags = CONSUMER | (trigger === "edge" ? EDGE : 0);
  return large(EXTENDED_INTERRUPT, [flags, 1, ...littleEndian(gsi, 4)]);
}

/** The buffer that _CRS gives. */
export function resourceTemplate(...resources: readonly Resource[]): Aml {
  // A checksum of zero: not checked (6.4.2.9).
  return buffer(concat(...resources, Uint8Array.of(END_TAG, 0)));
}

function large(type: number, content: readonly number[]): Resource {
  return Uint8Array.of(type, ...littleEndian(content.length, 2), ...content);
}
