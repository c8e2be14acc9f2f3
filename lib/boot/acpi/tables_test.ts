import assert from "node:assert/strict";
import { test } from "node:test";
import { type AcpiTables, makeAcpiTables } from "./tables.ts";

const TABLES: AcpiTables = {
  fadt: {
    sleepControl: { space: "memory", address: 0xfea0_0200 },
    sleepStatus: { space: "memory", address: 0xfea0_0201 },
    reset: { space: "ports", address: 0xcf9 },
    resetValue: 6,
    cmosRtc: true,
  },
  madt: {
    localApic: 0xfee0_0000,
    apicIds: [0, 2],
    ioApics: [
      { id: 0, address: 0xfec0_0000, gsiBase: 0 },
      { id: 1, address: 0xfec1_0000, gsiBase: 24 },
    ],
    overrides: [],
    pic: true,
  },
  dsdt: Uint8Array.of(1, 2, 3),
};

/** Follows the pointers as a guest does and checks the sums; gives the bytes of each table. */
function read(address: number, tables: AcpiTables): Map<string, DataView> {
  const { bytes, address: at, memorySize } = makeAcpiTables(address, tables);
  assert.deepEqual([at, memorySize], [address, bytes.length]);
  const slice = (from: number, length: number): DataView => {
    assert.ok(from >= address && from + length <= address + bytes.length);
    const part = bytes.slice(from - address, from - address + length);
    assert.equal(part.reduce((sum, byte) => sum + byte, 0) % 256, 0, "checksum");
    return new DataView(part.buffer);
  };
  const table = (from: number): DataView =>
    slice(from, new DataView(bytes.buffer).getUint32(from - address + 4, true));
  assert.equal(text(slice(address, 20), 0, 8), "RSD PTR ");
  const rsdp = slice(address, 36);
  assert.equal(hex(rsdp, 33), "000000");
  assert.deepEqual([rsdp.getUint8(15), rsdp.getUint32(16), rsdp.getUint32(20, true)], [2, 0, 36]);
  const xsdt = table(Number(rsdp.getBigUint64(24, true)));
  const xsdtEnd = Number(rsdp.getBigUint64(24, true)) + xsdt.byteLength;
  assert.equal(xsdtEnd, address + bytes.length, "nothing behind the last table");
  const found = new Map<string, DataView>([[text(xsdt, 0, 4), xsdt]]);
  for (let entry = 36; entry < xsdt.byteLength; entry += 8) {
    const next = table(Number(xsdt.getBigUint64(entry, true)));
    found.set(text(next, 0, 4), next);
  }
  const dsdt = found.get("FACP")?.getBigUint64(140, true) ?? 0n;
  found.set("DSDT", table(Number(dsdt)));
  return found;
}

function text(view: DataView, offset: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, offset, length));
}

function get(tables: Map<string, DataView>, signature: string): DataView {
  const table = tables.get(signature);
  assert.ok(table !== undefined, signature);
  return table;
}

function hex(view: DataView, from: number, to: number = view.byteLength): string {
  return [...new Uint8Array(view.buffer).subarray(from, to)]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

test("RSDP, XSDT, FADT, MADT and DSDT are found from the root, all sums right", () => {
  for (const address of [0xe0000, 0x1000]) {
    const found = read(address, TABLES);
    assert.deepEqual([...found.keys()], ["XSDT", "FACP", "APIC", "DSDT"]);
    assert.deepEqual([...found.values()].map((table) => table.getUint8(8)), [1, 6, 5, 2]);
    for (const table of found.values()) {
      assert.equal(text(table, 10, 6), "VML   ");
      assert.equal(table.getUint32(4, true), table.byteLength);
    }
    assert.equal(hex(get(found, "DSDT"), 36), "010203");
  }
});

test("the FADT is that of hardware-reduced ACPI", () => {
  const fadt = get(read(0xe0000, TABLES), "FACP");
  assert.equal(fadt.byteLength, 276);
  assert.deepEqual([fadt.getUint8(8), fadt.getUint8(131)], [6, 5]);
  assert.equal(fadt.getUint32(40, true), Number(fadt.getBigUint64(140, true)));
  // HW_REDUCED_ACPI, HEADLESS, RESET_REG_SUP, no fixed buttons, WBINVD.
  assert.equal(fadt.getUint32(112, true), 1 << 20 | 1 << 12 | 1 << 10 | 1 << 5 | 1 << 4 | 1 << 0);
  // Address space, width, offset, access size, address.
  assert.equal(hex(fadt, 116, 128), "01080001f90c000000000000");
  assert.equal(fadt.getUint8(128), 6);
  assert.equal(hex(fadt, 244, 256), "000800010002a0fe00000000");
  assert.equal(hex(fadt, 256, 268), "000800010102a0fe00000000");
  // No PM1 event, control or timer block.
  assert.equal(hex(fadt, 46, 108), "00".repeat(62));
  assert.equal(hex(fadt, 148, 244), "00".repeat(96));
});

test("a clock that is not there is said not to be there", () => {
  const bootArch = (cmosRtc: boolean): number =>
    get(read(0xe0000, { ...TABLES, fadt: { ...TABLES.fadt, cmosRtc } }), "FACP")
      .getUint16(109, true);
  assert.equal(bootArch(true), 1 << 2); // there is no VGA
  assert.equal(bootArch(false), 1 << 5 | 1 << 2);
});

test("the MADT's structures are those that QEMU's microvm has", () => {
  const { madt } = TABLES;
  const table = get(read(0xe0000, { ...TABLES, madt: { ...madt, apicIds: [0, 1] } }), "APIC");
  assert.equal(
    hex(table, 36),
    "0000e0fe01000000" + // local APICs, PCAT_COMPAT
      "0008000001000000" + "0008010101000000" +
      "010c00000000c0fe00000000" + "010c01000000c1fe18000000" +
      "0406ff000001",
  );
});

test("overrides, no 8259, and APIC ids that only an x2APIC has", () => {
  const madtOf = (apicIds: readonly number[]): DataView =>
    get(
      read(0xe0000, {
        ...TABLES,
        madt: {
          ...TABLES.madt,
          apicIds,
          ioApics: [],
          overrides: [{ irq: 0, gsi: 2 }],
          pic: false,
        },
      }),
      "APIC",
    );
  assert.equal(
    hex(madtOf([254, 255]), 36),
    "0000e0fe00000000" +
      "000800fe01000000" +
      "09100000ff0000000100000001000000" +
      "020a0000020000000000" +
      "0406ff000001" +
      "0a0c0000ffffffff01000000",
  );
  assert.equal(
    hex(madtOf([254, 255, 0x12345]), 36),
    "0000e0fe00000000" +
      "000800fe01000000" +
      "09100000ff0000000100000001000000" +
      "09100000452301000100000002000000" +
      "020a0000020000000000" +
      "0406ff000001" +
      "0a0c0000ffffffff01000000",
  );
});
