import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "./boot_error.ts";
import { Fdt } from "./fdt.ts";
import { formatFdt } from "./fdt_text.ts";

// The tree of `sample` as dtc 1.6.1 prints it, and as dtc compiles it.
const TEXT = `/dts-v1/;

/memreserve/	0x0000000040000000 0x0000000000010000;
/ {
	#address-cells = <0x02>;
	#size-cells = <0x02>;
	compatible = "linux,dummy-virt";

	memory@40000000 {
		device_type = "memory";
		reg = <0x00 0x40000000 0x00 0x20000000>;
	};

	apb-pclk {
		#clock-cells = <0x00>;
		phandle = <0x01>;
		clock-frequency = <0x16e3600>;
	};

	uart@9000000 {
		clock-names = "uartclk\\0apb_pclk";
		clocks = <0x01 0x01>;
		dma-coherent;
		quote = "a\\"b\\\\c\\n";
		mac = [02 00 00 00 00 01];
	};

	a {

		b {
		};
	};
};
`;
const COMPILED =
  "0A3+7QAAAkEAAABIAAABvAAAACgAAAARAAAAEAAAAAAAAACFAAABdAAAAABAAAAAAAAAAAABAAAAAAAAAAAA" +
  "AAAAAAAAAAAAAAAAAQAAAAAAAAADAAAABAAAAAAAAAACAAAAAwAAAAQAAAAPAAAAAgAAAAMAAAARAAAAG2xp" +
  "bnV4LGR1bW15LXZpcnQAAAAAAAAAAW1lbW9yeUA0MDAwMDAwMAAAAAADAAAABwAAACZtZW1vcnkAAAAAAAMA" +
  "AAAQAAAAMgAAAABAAAAAAAAAACAAAAAAAAACAAAAAWFwYi1wY2xrAAAAAAAAAAMAAAAEAAAANgAAAAAAAAAD" +
  "AAAABAAAAEMAAAABAAAAAwAAAAQAAABLAW42AAAAAAIAAAABdWFydEA5MDAwMDAwAAAAAAAAAAMAAAARAAAA" +
  "W3VhcnRjbGsAYXBiX3BjbGsAAAAAAAAAAwAAAAgAAABnAAAAAQAAAAEAAAADAAAAAAAAAG4AAAADAAAABwAA" +
  "AHthImJcYwoAAAAAAAMAAAAGAAAAgQIAAAAAAQAAAAAAAgAAAAFhAAAAAAAAAWIAAAAAAAACAAAAAgAAAAIA" +
  "AAAJI2FkZHJlc3MtY2VsbHMAI3NpemUtY2VsbHMAY29tcGF0aWJsZQBkZXZpY2VfdHlwZQByZWcAI2Nsb2Nr" +
  "LWNlbGxzAHBoYW5kbGUAY2xvY2stZnJlcXVlbmN5AGNsb2NrLW5hbWVzAGNsb2NrcwBkbWEtY29oZXJlbnQA" +
  "cXVvdGUAbWFjAA==";

function sample(): Fdt {
  const fdt = new Fdt();
  const { root } = fdt;
  fdt.reservations.push({ address: 0x40000000n, size: 0x10000n });
  root.cells("#address-cells", 2).cells("#size-cells", 2);
  root.strings("compatible", "linux,dummy-virt");
  root.node("memory@40000000").strings("device_type", "memory")
    .cells64("reg", 0x40000000, 0x20000000);
  const clock = root.node("apb-pclk").cells("#clock-cells", 0);
  const phandle = fdt.phandle(clock);
  clock.cells("clock-frequency", 24_000_000);
  root.node("uart@9000000").strings("clock-names", "uartclk", "apb_pclk")
    .cells("clocks", phandle, fdt.phandle(clock)).flag("dma-coherent")
    .strings("quote", 'a"b\\c\n').bytes("mac", Uint8Array.of(2, 0, 0, 0, 0, 1));
  root.node("a").node("b");
  return fdt;
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

test("the bytes are those that dtc compiles", () => {
  assert.deepEqual(sample().toBytes(), decode(COMPILED));
});

test("the text is that which dtc prints", () => {
  assert.equal(formatFdt(sample()), TEXT);
  assert.equal(formatFdt(Fdt.parse(decode(COMPILED))), TEXT);
});

test("what was written can be read", () => {
  const fdt = Fdt.parse(sample().toBytes());
  assert.deepEqual(fdt.reservations, [{ address: 0x40000000n, size: 0x10000n }]);
  assert.deepEqual(fdt.root.find("/memory@40000000")?.getCells("reg"), [
    0,
    0x40000000,
    0,
    0x20000000,
  ]);
  assert.deepEqual(fdt.root.find("uart@9000000")?.getStrings("clock-names"), [
    "uartclk",
    "apb_pclk",
  ]);
  assert.equal(fdt.root.find("a/b/c"), undefined);
});

test("addresses above 4 GiB take two cells", () => {
  const { root } = new Fdt();
  assert.deepEqual(root.cells64("reg", 0x12_3456_789a).getCells("reg"), [0x12, 0x3456789a]);
});

test("two nodes of one name are refused", () => {
  const { root } = new Fdt();
  root.node("cpus");
  assert.throws(() => root.node("cpus"), { code: "bad-device-tree", message: /"cpus"/ });
});

test("a tree cut anywhere, or with any byte changed, never gives anything but a BootError", () => {
  const good = sample().toBytes();
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => Fdt.parse(good.slice(0, length)), BootError);
  }
  let refused = 0;
  for (let at = 0; at < good.length; at++) {
    for (const bits of [0x01, 0x80, 0xff]) {
      const bytes = good.slice();
      bytes[at] ^= bits;
      try {
        Fdt.parse(bytes);
      } catch (error) {
        assert.ok(error instanceof BootError, `byte ${at}: ${error}`);
        refused++;
      }
    }
  }
  assert.ok(refused > 100);
});

test("deep nesting ends in an error", () => {
  const fdt = new Fdt();
  let node = fdt.root;
  for (let i = 0; i < 100; i++) node = node.node("n");
  assert.throws(() => Fdt.parse(fdt.toBytes()), { code: "bad-device-tree", message: /nested/ });
});
