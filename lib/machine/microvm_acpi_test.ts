import assert from "node:assert/strict";
import { test } from "node:test";
import { microvmAcpi, type MicrovmAcpiOptions } from "./microvm_acpi.ts";
import { MICROVM_VIRTIO_SLOTS, MicrovmMap } from "./microvm_map.ts";

function hexOf(options: MicrovmAcpiOptions): string {
  return hex(microvmAcpi(options).bytes);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

test("a virtio device is what QEMU 7.2's microvm says of it", () => {
  assert.ok(
    hexOf({ apicIds: [0], virtioSlots: [23] }).includes(
      "5b82420456523233085f4849440d4c4e524f3030303500085f5549440a17085f43434101085f435253111a0a17" +
        "86090001002eb0fe0002000089060001012f0000007900",
    ),
  );
});

test("UART and clock have the ids of PNP, ports and ISA interrupts", () => {
  const tables = hexOf({ apicIds: [0], virtioSlots: [] });
  // Name (_HID, EisaId ("PNP0501")), Name (_UID, 1), ports 0x3f8 to 0x3ff, interrupt 4.
  assert.ok(tables.includes(
    "434f4d31085f4849440c41d00501085f55494401085f43525311100a0d4701f803f80301082210007900",
  ));
  assert.ok(tables.includes(
    "5254435f085f4849440c41d00b00085f55494400085f43525311100a0d47017000700001022200017900",
  ));
});

test("S5 is what the sleep register takes; the power button is an event on interrupt 9", () => {
  const tables = hexOf({ apicIds: [0], virtioSlots: [] });
  assert.ok(tables.includes("085f53355f1207040a05000000")); // Name (_S5, Package () { 5, 0, 0, 0 })
  assert.ok(tables.includes("89060003010900000079")); // edge, 9
  // Method (_EVT, 1, Serialized) { Notify (\_SB.PWRB, 0x80) }
  assert.ok(tables.includes("14135f45565409865c2e5f53425f505752420a80"));
});

test("power-off and reset are the registers of acpi-power, one after the other", () => {
  const tables = hexOf({ apicIds: [0], virtioSlots: [] });
  // Memory, 8 bits, bytes; reset with its value, sleep control, sleep status.
  assert.ok(tables.includes("00080001" + "0202a0fe00000000" + "42"));
  assert.ok(tables.includes("00080001" + "0002a0fe00000000" + "00080001" + "0102a0fe00000000"));
});

test("clock, 8259, two I/O APICs, and interrupt 0 on pin 2", () => {
  const tables = hexOf({ apicIds: [0], virtioSlots: [] });
  assert.equal(count(tables, "0000e0fe01000000"), 1); // PCAT_COMPAT
  assert.ok(tables.includes("010c00000000c0fe00000000" + "010c01000000c1fe18000000"));
  assert.ok(tables.includes("020a0000020000000000"));
  const fadt = tables.indexOf(hex(new TextEncoder().encode("FACP"))) / 2;
  assert.equal(microvmAcpi({ apicIds: [0], virtioSlots: [] }).bytes[fadt + 109] & 1 << 5, 0);
});

test("every vCPU is in DSDT and MADT, every slot in the order given", () => {
  const tables = hexOf({ apicIds: [0, 1, 2, 3, 4, 5, 6, 7], virtioSlots: [3, 1] });
  assert.equal(count(tables, hex(new TextEncoder().encode("ACPI0007"))), 8);
  for (let id = 0; id < 8; id++) {
    const byte = id.toString(16).padStart(2, "0");
    assert.ok(tables.includes(`0008${byte}${byte}01000000`), `local APIC ${id}`);
  }
  const [three, one] = ["VR03", "VR01"].map((name) =>
    tables.indexOf(hex(new TextEncoder().encode(name)))
  );
  assert.ok(three > 0 && one > three);
});

test("tables with everything in them fit below 1 MiB", () => {
  const { address, memorySize } = microvmAcpi({
    apicIds: Array.from({ length: 255 }, (_, i) => i),
    virtioSlots: Array.from({ length: MICROVM_VIRTIO_SLOTS }, (_, i) => i),
  });
  assert.equal(address, MicrovmMap.acpi);
  assert.ok(address + memorySize <= MicrovmMap.highMemory);
  assert.throws(() => microvmAcpi({ apicIds: Array(4000).fill(0), virtioSlots: [] }), {
    name: "BootError",
    code: "too-large",
  });
});
