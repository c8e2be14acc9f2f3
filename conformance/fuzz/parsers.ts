/**
 * Damaged files at everything that reads one: parsers.ts [--files N] [--from SEED]. Any of the three
 * runtimes can execute it; 20,000 files of each kind if not said otherwise. Each is read, or refused with
 * the error that its reader promises. Exit code 1 on another error.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { UsageError } from "../../cmd/errors.ts";
import { readMachineFile } from "../../cmd/machine_file.ts";
import { monitorImage } from "../../guests/monitor/aarch64/image.ts";
import { BootError } from "../../lib/boot/boot_error.ts";
import { writeCpio } from "../../lib/boot/cpio.ts";
import { readElfCode } from "../../lib/boot/elf_code.ts";
import { Fdt } from "../../lib/boot/fdt.ts";
import { checkInitrd } from "../../lib/boot/initrd.ts";
import { readKernel } from "../../lib/boot/kernel.ts";
import { makeElf } from "../../lib/boot/testing/elf.ts";
import { ConfigError } from "../../lib/config/config_error.ts";
import { validateMachineConfig } from "../../lib/config/machine_config.ts";
import { Machine } from "../../lib/machine/machine.ts";
import { Random } from "../../lib/machine/testing/random_numbers.ts";

/** Most bytes that a file may unpack to. */
const LIMIT = 4 * 2 ** 20;

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "0" },
    files: { type: "string", default: "20000" },
  },
});
const from = Number(values.from);
const count = Number(values.files);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  console.error("--from and --files: write whole numbers");
  process.exit(2);
}

/** What reads a kind of file, and sound files to begin with. */
interface Reader {
  readonly files: readonly Uint8Array[];
  readonly read: (bytes: Uint8Array) => unknown;
  readonly refused: readonly (abstract new (...parameters: never[]) => Error)[];
  /** Part of the files: what takes long gets fewer. */
  readonly share?: number;
}

const YAML = `# a machine
kernel: Image
memory: 512M
cpus: 2
cmdline: "console=ttyAMA0"
devices:
  - virtio-rng
  - { type: virtio-block, file: root.img, readOnly: true }
  - type: virtio-net
    backend: { type: user, publish: ["tcp:2222=22"] }
    mac: "52:54:00:12:34:56"
  - { type: virtio-console, ports: [{ name: org.vml.data }] }
gic: 3
time: virtual
seed: 7
`;

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const kernel = monitorImage();
const folder = mkdtempSync(join(tmpdir(), "vml-fuzz-"));
const machineFile = join(folder, "machine.yaml");

async function tree(): Promise<Uint8Array> {
  const vm = await Machine.create({ kernel, memory: "16M", cpus: 2, devices: ["virtio-rng"] });
  const bytes = vm.fdt?.toBytes();
  await vm[Symbol.asyncDispose]();
  if (bytes === undefined) throw new Error("the board has no device tree");
  return bytes;
}

const READERS: Readonly<Record<string, Reader>> = {
  fdt: {
    files: [await tree()],
    read: (bytes) => Fdt.parse(bytes).toBytes(),
    refused: [BootError],
  },
  kernel: {
    files: [kernel.subarray(0, 4096), makeElf(new Uint8Array(64)), gzipSync(kernel)],
    read: (bytes) => readKernel(bytes, LIMIT),
    refused: [BootError],
  },
  initrd: {
    files: [
      writeCpio([{ name: "init", mode: 0o100755, data: text("#!/bin/sh\n") }, {
        name: "dev/console",
        mode: 0o20600,
        device: [5, 1],
      }]),
      gzipSync(new Uint8Array(100_000)),
    ],
    read: (bytes) => checkInitrd(bytes, LIMIT),
    refused: [BootError],
  },
  code: {
    files: [makeElf(new Uint8Array(64))],
    read: (bytes) => readElfCode(bytes),
    refused: [BootError],
  },
  yaml: {
    files: [text(YAML)],
    read: async (bytes) => {
      writeFileSync(machineFile, bytes);
      validateMachineConfig((await readMachineFile(machineFile)).value);
    },
    refused: [UsageError, ConfigError],
    share: 0.25,
  },
};

/** A damaged copy: cut off, bits and bytes changed, pieces moved, doubled or taken out, fields at their ends. */
function damage(random: Random, file: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(file);
  for (let i = random.below(6); i >= 0; i--) {
    const at = random.below(Math.max(1, bytes.length));
    const length = Math.min(random.below(64), bytes.length - at);
    switch (random.below(8)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        if (bytes.length > 0) bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        bytes.fill(random.pick([0, 0xff, 0x7f, 0x80, 0x20]), at, at + random.below(9));
        break;
      case 3:
        bytes.copyWithin(at, random.below(Math.max(1, bytes.length)), at + length);
        break;
      case 4:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at + length),
          ...bytes.subarray(at, at + length),
          ...bytes.subarray(at + length),
        ]);
        break;
      case 5:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
        break;
      default: {
        // Lengths and offsets: a word of either byte order.
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const value = random.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, random.word()]);
        if (at + 4 <= bytes.length) view.setUint32(at, value, random.oneIn(2));
      }
    }
  }
  return bytes;
}

const start = performance.now();
let failed = 0;
for (const [name, reader] of Object.entries(READERS)) {
  const files = Math.ceil(count * (reader.share ?? 1));
  let refused = 0;
  for (let seed = from; seed < from + files; seed++) {
    const random = new Random(seed);
    const bytes = damage(random, random.pick(reader.files));
    try {
      await reader.read(bytes);
    } catch (error) {
      refused++;
      if (reader.refused.some((kind) => error instanceof kind)) continue;
      failed++;
      if (failed < 20) console.error(`${name}, seed ${seed}:`, error);
    }
  }
  console.log(`${name}: ${files} files, ${refused} refused`);
}
rmSync(folder, { recursive: true });
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
console.log(
  `parsers: ${failed === 0 ? "ok" : `${failed} FAILED`} in ${seconds} s, ${megabytes} MiB`,
);
process.exitCode = failed > 0 ? 1 : 0;
