import { pl011Image } from "../../../guests/pl011/aarch64/image.ts";
import type { ConformanceCase, Step } from "../case.ts";

/** Characters from "a" on, typed when the guest asks for so many. */
function typed(count: number): Step {
  const codes = Array.from({ length: count }, (_, i) => "a".charCodeAt(0) + i);
  return { after: `# type ${count}\r\n`, type: String.fromCharCode(...codes) };
}

/** The PL011. */
export const pl011Cases: readonly ConformanceCase[] = [
  {
    name: "pl011",
    title: "PL011: registers, FIFOs, transmit and receive interrupts",
    image: pl011Image,
    input: [typed(20), typed(16), typed(16), typed(16), typed(2)],
    qemu: {},
    differences: [
      {
        qemu: [
          "not ok 55 - a change of FEN empties the FIFO",
          "# found 0x40, expected 0x10",
        ],
        vml: ["ok 55 - a change of FEN empties the FIFO"],
        reason: "QEMU 7.2 empties it and leaves its flags in UARTFR; QEMU 8.0 does not",
      },
      {
        qemu: ["not ok 57 - and the next waits"],
        vml: ["ok 57 - and the next waits"],
        reason: "for that: the flags say that characters are there",
      },
      { qemu: ["# failed 2 of 57 tests"], vml: [], reason: "for that" },
    ],
  },
  {
    name: "pl011-loopback",
    title: "PL011: loopback of characters, break, overrun and modem lines",
    image: pl011Image,
    parameters: "tests=loopback",
    qemu: { reason: "QEMU 7.2 has no loopback" },
  },
];
