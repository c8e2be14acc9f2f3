/** Program of a test: `vml conformance` with guests that pass, fail, and hang. */
import process from "node:process";
import type { ConformanceCase } from "../../conformance/suite/case.ts";
import { makeImage } from "../../lib/boot/image.ts";
import { helloProgram } from "../../lib/machine/testing/programs.ts";
import { parseArguments } from "../command.ts";
import { makeConformanceCommand } from "../conformance.ts";

const program = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

const guest = (name: string, code: Uint8Array, image = makeImage(code)): ConformanceCase => ({
  name,
  title: `A guest that is to ${name}`,
  image: () => image,
  qemu: { reason: "it is a test of the command" },
});

/** Prints "1..0", the shortest TAP transcript, and switches off. */
const planOfNothing = program(
  0xd2a12001, // mov x1, #0x09000000: UART
  ...[..."1..0"].flatMap((character) => [
    (0x52800000 | character.charCodeAt(0) << 5) >>> 0, // mov w0, #character
    0xb9000020, // str w0, [x1]
  ]),
  0x52800100, // mov w0, #8
  0x72b08000, // movk w0, #0x8400, lsl #16: PSCI SYSTEM_OFF
  0xd4000002, // hvc #0
);

const command = makeConformanceCommand(() =>
  Promise.resolve({
    cases: [
      guest("pass", planOfNothing),
      guest("fail", helloProgram),
      guest("hang", program(0x14000000)), // b .
    ],
    transcripts: {
      pass: { machine: "none", lines: ["1..0"] },
      fail: { machine: "none", lines: ["hello Y"] },
    },
  })
);
process.exit(await command.run(parseArguments(command, process.argv.slice(2))));
