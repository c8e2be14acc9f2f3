/**
 * ACPI tables of a hardware-reduced machine (ACPI 6.5, chapter 5): RSDP, XSDT, FADT, MADT, DSDT, and
 * their places in memory.
 */
import type { Segment } from "../elf.ts";
import { concat, littleEndian } from "./aml.ts";

/** Who made the tables: OEM and creator; six, eight and four characters. */
const OEM_ID = "VML   ";
const OEM_TABLE_ID = "VMLBOARD";
const CREATOR_ID = "VML ";
const REVISION = 1;

const HEADER_BYTES = 36;

/** A register (Generic Address Structure, 5.2.3.2) of one byte. */
export interface ByteRegister {
  readonly space: "memory" | "ports";
  readonly address: number;
}

/** What the FADT says (5.2.9). */
export interface Fadt {
  /** Write SLP_TYPx << 2 | SLP_EN (1 << 5) to sleep (4.8.3.7). */
  readonly sleepControl: ByteRegister;
  readonly sleepStatus: ByteRegister;
  readonly reset: ByteRegister;
  /** What to write to `reset`. */
  readonly resetValue: number;
  /** Whether there is a clock at ports 0x70 and 0x71. */
  readonly cmosRtc: boolean;
}

/** What the MADT says (5.2.12). */
export interface Madt {
  /** Guest-physical. */
  readonly localApic: number;
  /** APIC ids in the order of the processors' _UID: 0, 1, ... */
  readonly apicIds: readonly number[];
  readonly ioApics: readonly {
    readonly id: number;
    readonly address: number;
    /** Global system interrupt of pin 0. */
    readonly gsiBase: number;
  }[];
  /** Interrupts of the ISA bus that are not the global system interrupt of the same number. */
  readonly overrides: readonly { readonly irq: number; readonly gsi: number }[];
  /** Whether there is a pair of 8259 too. */
  readonly pic: boolean;
}

/** All tables of a machine. */
export interface AcpiTables {
  readonly fadt: Fadt;
  readonly madt: Madt;
  /** Terms of the DSDT. */
  readonly dsdt: Uint8Array;
}

/** The bytes of all tables for guest-physical `address`, which is where the RSDP is: a multiple of 16. */
export function makeAcpiTables(address: number, tables: AcpiTables): Segment {
  const rsdpBytes = 36;
  const dsdtAt = alignUp(address + rsdpBytes);
  const dsdt = makeTable("DSDT", 2, tables.dsdt);
  const madtAt = alignUp(dsdtAt + dsdt.length);
  const madt = makeMadt(tables.madt);
  const fadtAt = alignUp(madtAt + madt.length);
  const fadt = makeFadt(tables.fadt, dsdtAt);
  const xsdtAt = alignUp(fadtAt + fadt.length);
  const xsdt = makeTable("XSDT", 1, Uint8Array.from([...u64(fadtAt), ...u64(madtAt)]));
  const bytes = new Uint8Array(xsdtAt + xsdt.length - address);
  bytes.set(makeRsdp(xsdtAt));
  bytes.set(dsdt, dsdtAt - address);
  bytes.set(madt, madtAt - address);
  bytes.set(fadt, fadtAt - address);
  bytes.set(xsdt, xsdtAt - address);
  return { address, bytes, memorySize: bytes.length };
}

/** RSDP, revision 2 (5.2.5.3), without an RSDT. */
function makeRsdp(xsdt: number): Uint8Array {
  const bytes = Uint8Array.from([
    ...ascii("RSD PTR "),
    0, // checksum of the first 20 bytes
    ...ascii(OEM_ID),
    2, // revision
    ...u32(0), // RSDT
    ...u32(36), // length
    ...u64(xsdt),
    0, // checksum of all
    ...[0, 0, 0], // reserved
  ]);
  bytes[8] = checksum(bytes.subarray(0, 20));
  bytes[32] = checksum(bytes);
  return bytes;
}

/** A table with its header (5.2.6). */
function makeTable(signature: string, revision: number, content: Uint8Array): Uint8Array {
  const bytes = concat(
    Uint8Array.from([
      ...ascii(signature),
      ...u32(HEADER_BYTES + content.length),
      revision,
      0, // checksum
      ...ascii(OEM_ID),
      ...ascii(OEM_TABLE_ID),
      ...u32(REVISION),
      ...ascii(CREATOR_ID),
      ...u32(REVISION),
    ]),
    content,
  );
  bytes[9] = checksum(bytes);
  return bytes;
}

/** IAPC_BOOT_ARCH (5.2.9.3). */
const VGA_NOT_PRESENT = 1 << 2;
const CMOS_RTC_NOT_PRESENT = 1 << 5;
/** Fixed feature flags (5.2.9): there is no fixed button, WBINVD works, registers below exist. */
const WBINVD = 1 << 0;
const NO_FIXED_POWER_BUTTON = 1 << 4;
const NO_FIXED_SLEEP_BUTTON = 1 << 5;
const RESET_REG_SUP = 1 << 10;
const HEADLESS = 1 << 12;
const HW_REDUCED_ACPI = 1 << 20;

/** Bytes of a FADT of ACPI 6.5, offsets in it. */
const FADT_BYTES = 276;
const FADT_REVISION = 6;
const FADT_MINOR_REVISION = 5;
const FadtField = {
  dsdt: 40,
  bootArch: 109,
  flags: 112,
  resetReg: 116,
  resetValue: 128,
  minorRevision: 131,
  xDsdt: 140,
  sleepControlReg: 244,
  sleepStatusReg: 256,
} as const;

function makeFadt(fadt: Fadt, dsdt: number): Uint8Array {
  const content = new Uint8Array(FADT_BYTES - HEADER_BYTES);
  const put = (offset: number, bytes: readonly number[]): void =>
    content.set(bytes, offset - HEADER_BYTES);
  put(FadtField.dsdt, u32(dsdt));
  put(
    FadtField.bootArch,
    u16(VGA_NOT_PRESENT | (fadt.cmosRtc ? 0 : CMOS_RTC_NOT_PRESENT)),
  );
  put(
    FadtField.flags,
    u32(
      WBINVD | NO_FIXED_POWER_BUTTON | NO_FIXED_SLEEP_BUTTON | RESET_REG_SUP | HEADLESS |
        HW_REDUCED_ACPI,
    ),
  );
  put(FadtField.resetReg, genericAddress(fadt.reset));
  put(FadtField.resetValue, [fadt.resetValue]);
  put(FadtField.minorRevision, [FADT_MINOR_REVISION]);
  put(FadtField.xDsdt, u64(dsdt));
  put(FadtField.sleepControlReg, genericAddress(fadt.sleepControl));
  put(FadtField.sleepStatusReg, genericAddress(fadt.sleepStatus));
  return makeTable("FACP", FADT_REVISION, content);
}

/** Address space, bits, first bit, size of access (1: bytes), address. */
function genericAddress({ space, address }: ByteRegister): number[] {
  return [space === "memory" ? 0 : 1, 8, 0, 1, ...u64(address)];
}

const MADT_REVISION = 5;
const PCAT_COMPAT = 1 << 0;
const ENABLED = 1 << 0;
/** APIC ids from here on need the structure of the x2APIC (5.2.12.12). */
const FIRST_X2APIC_ID = 255;
const ALL_PROCESSORS = 0xff;
const ALL_X2APIC_PROCESSORS = 0xffff_ffff;
const NMI_PIN = 1;

/** Interrupt controller structures (table 5.21). */
const MadtType = {
  localApic: 0,
  ioApic: 1,
  interruptOverride: 2,
  localApicNmi: 4,
  localX2apic: 9,
  localX2apicNmi: 10,
} as const;

function makeMadt({ localApic, apicIds, ioApics, overrides, pic }: Madt): Uint8Array {
  const entry = (type: number, content: readonly number[]): number[] => [
    type,
    content.length + 2,
    ...content,
  ];
  const hasX2apic = apicIds.some((id) => id >= FIRST_X2APIC_ID);
  return makeTable(
    "APIC",
    MADT_REVISION,
    Uint8Array.from([
      ...u32(localApic),
      ...u32(pic ? PCAT_COMPAT : 0),
      ...apicIds.flatMap((id, uid) =>
        id < FIRST_X2APIC_ID
          ? entry(MadtType.localApic, [uid, id, ...u32(ENABLED)])
          : entry(MadtType.localX2apic, [0, 0, ...u32(id), ...u32(ENABLED), ...u32(uid)])
      ),
      ...ioApics.flatMap(({ id, address, gsiBase }) =>
        entry(MadtType.ioApic, [id, 0, ...u32(address), ...u32(gsiBase)])
      ),
      // Bus 0 is ISA; polarity and trigger are the bus's.
      ...overrides.flatMap(({ irq, gsi }) =>
        entry(MadtType.interruptOverride, [0, irq, ...u32(gsi), ...u16(0)])
      ),
      ...entry(MadtType.localApicNmi, [ALL_PROCESSORS, ...u16(0), NMI_PIN]),
      ...(hasX2apic
        ? entry(MadtType.localX2apicNmi, [
          ...u16(0),
          ...u32(ALL_X2APIC_PROCESSORS),
          NMI_PIN,
          ...[0, 0, 0],
        ])
        : []),
    ]),
  );
}

/** What makes the sum of the bytes a multiple of 256. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function alignUp(value: number): number {
  return Math.ceil(value / 16) * 16;
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function u16(value: number): number[] {
  return littleEndian(value, 2);
}

function u32(value: number): number[] {
  return littleEndian(value, 4);
}

function u64(value: number): number[] {
  return littleEndian(value, 8);
}
