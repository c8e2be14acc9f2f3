import assert from "node:assert/strict";
import { test } from "node:test";
import { benchImage as aarch64 } from "../guests/bench/aarch64/image.ts";
import { benchImage as x86_64 } from "../guests/bench/x86_64/image.ts";
import { Machine } from "../mod.ts";

/** What the kernels compute at scale 1, as QEMU prints it. */
const CHECKSUMS = {
  sieve: "0xdaf4611f2c2c6865",
  crc: "0x00000000c496e457",
  sort: "0x552ce2d276721727",
  matrix: "0x535b6690fd4a4dce",
  list: "0x0fff41e648f2fc0a",
  calls: "0x4dc9a404e83cd6a3",
  string: "0xb307b149ba2a7063",
  automaton: "0xd3e369f4656dbae1",
  copy: "0x554c14257806166e",
  nbody: "0xe5d0b288182170d5",
  daxpy: "0xc958c9bedd9601f1",
  sgemm: "0xb96d156b13e68491",
  mandel: "0xce1183baa540ea96",
  registers: "0x8f1ea6f7308c1993",
  interrupts: "0x000000000000c350",
  console: "0x0000000000000000",
};

/** Each image, and what it computes. The x86-64 compiler fuses no multiplications and additions. */
const IMAGES = [
  { arch: "aarch64", image: aarch64, checksums: CHECKSUMS },
  {
    arch: "x86_64",
    image: x86_64,
    checksums: {
      ...CHECKSUMS,
      nbody: "0xc924eba43a5c57ca",
      daxpy: "0xfe52536d62c84b0f",
      sgemm: "0x5e4047112449cf59",
      registers: "0x547b9469bf256f22",
    },
  },
] as const;

for (const { arch, image, checksums } of IMAGES) {
  test(`the benchmark's kernels of ${arch} compute what they compute in QEMU`, async (t) => {
    const machine = await Machine.create({
      arch,
      kernel: image(),
      memory: "16M",
      cmdline: "scale=1",
      time: "virtual",
    });
    t.after(() => machine[Symbol.asyncDispose]());
    let output = "";
    machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
    const { reason } = await machine.run();
    assert.equal(reason, "power-off", output);
    const results = [...output.matchAll(/^(\w+) +\w+ +(0x\w+) +(\d+) us/gm)];
    assert.deepEqual(Object.fromEntries(results.map(([, name, sum]) => [name, sum])), checksums);
    // The counter goes: an instruction takes a nanosecond.
    for (const [, name, , time] of results) assert.ok(Number(time) > 1000, name);
  });
}
