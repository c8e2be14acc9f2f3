/** Guests of a few instructions for the tests of the program, as Linux arm64 Images. */
import { makeImage } from "../../lib/boot/image.ts";

const PUT = 0xb9000020; // str w0, [x1]
const UART = [0xd2a12001]; // mov x1, #0x09000000
const OFF = [0x52800100, 0x72b08000, 0xd4000002]; // PSCI SYSTEM_OFF by hvc
const RESET = [0x52800120, 0x72b08000, 0xd4000002]; // PSCI SYSTEM_RESET by hvc
const LOOP = 0x14000000; // b .

const print = (text: string): number[] =>
  Array.from(text).flatMap((c) => [0x52800000 | (c.charCodeAt(0) << 5), PUT]);

function guest(...words: number[]): Uint8Array<ArrayBuffer> {
  const code = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, i) => code.setUint32(4 * i, word, true));
  return makeImage(new Uint8Array(code.buffer));
}

/** Prints "hi" and switches the machine off. */
export const HELLO: Uint8Array = guest(...UART, ...print("hi\n"), ...OFF, LOOP);
/** Prints "again" and resets the machine. */
export const REBOOT: Uint8Array = guest(...UART, ...print("again\n"), ...RESET, LOOP);
/** Prints "on" and does nothing for ever. */
export const SPIN: Uint8Array = guest(...UART, ...print("on\n"), LOOP);
/** Sends back what it reads up to "q", then switches the machine off. */
export const ECHO: Uint8Array = guest(
  ...UART,
  ...print("echo\n"),
  0xb9401822, // ldr w2, [x1, #0x18]: UARTFR
  0x3727ffe2, // tbnz w2, #4, .-4: RXFE
  0xb9400020, // ldr w0, [x1]
  PUT,
  0x7101c41f, // cmp w0, #'q'
  0x54ffff61, // b.ne .-20
  ...OFF,
  LOOP,
);
