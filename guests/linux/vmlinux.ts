/** The kernel inside a bzImage, which starts sooner: the host unpacks it, not the guest. */
import { getField, SetupField } from "../../lib/boot/x86_64/setup_header.ts";
import { parseBzImage } from "../../lib/boot/x86_64/bzimage.ts";
import { tool, ToolError } from "./tools.ts";

/** Programs that unpack a payload, by the bytes that it begins with. */
const UNPACKERS: readonly {
  readonly magic: readonly number[];
  readonly program: string;
}[] = [
  { magic: [0x1f, 0x8b], program: "gzip" },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], program: "xz" },
  { magic: [0x02, 0x21, 0x4c, 0x18], program: "lz4" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], program: "zstd" },
];

/** After all but gzip, Linux appends the size of what it unpacks to (scripts/Makefile.lib). */
const APPENDED_SIZE = 4;

/** Unpacks the vmlinux, an ELF file. Throws a BootError or {@linkcode ToolError}. */
export async function extractVmlinux(bzImage: Uint8Array): Promise<Uint8Array> {
  const { code } = parseBzImage(bzImage);
  const view = new DataView(bzImage.buffer, bzImage.byteOffset, bzImage.byteLength);
  const start = getField(view, SetupField.payload_offset);
  const payload = code.subarray(start, start + getField(view, SetupField.payload_length));
  const unpacker = UNPACKERS.find(({ magic }) => magic.every((byte, i) => payload[i] === byte));
  if (unpacker === undefined) throw new ToolError("the kernel is packed in an unknown way");
  const { program } = unpacker;
  const end = program === "gzip" ? payload.length : payload.length - APPENDED_SIZE;
  return await tool(program, ["-d", "-c"], { input: payload.subarray(0, end) });
}
