/** Device trees as source text (DTS), in the form that `dtc -O dts` prints. */
import type { Fdt, FdtNode } from "./fdt.ts";

/** The tree as DTS text. Values whose type the tree does not tell are guessed as dtc does. */
export function formatFdt(fdt: Fdt): string {
  const reservations = fdt.reservations.map(({ address, size }) =>
    `/memreserve/\t0x${address.toString(16).padStart(16, "0")} 0x${
      size.toString(16).padStart(16, "0")
    };\n`
  );
  return `/dts-v1/;\n\n${reservations.join("")}${formatNode(fdt.root, 0)}`;
}

function formatNode(node: FdtNode, depth: number): string {
  const indent = "\t".repeat(depth);
  let text = `${indent}${node.name || "/"} {\n`;
  for (const [name, value] of node.properties) {
    text += `${indent}\t${name}${value.length === 0 ? "" : ` = ${formatValue(value)}`};\n`;
  }
  for (const child of node.children) text += `\n${formatNode(child, depth + 1)}`;
  return `${text}${indent}};\n`;
}

function formatValue(value: Uint8Array): string {
  if (isText(value)) {
    const text = new TextDecoder().decode(value.subarray(0, -1));
    return `"${Array.from(text, (character) => ESCAPES[character] ?? character).join("")}"`;
  }
  if (value.length % 4 === 0) {
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    const cells = Array.from({ length: value.length / 4 }, (_, i) => hex(view.getUint32(i * 4)));
    return `<${cells.map((cell) => `0x${cell}`).join(" ")}>`;
  }
  return `[${Array.from(value, hex).join(" ")}]`;
}

const ESCAPES: Record<string, string> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\",
};

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** Printable strings, each ended by NUL, with at least as many characters as NULs. */
function isText(value: Uint8Array): boolean {
  let nuls = 0;
  for (const byte of value) {
    if (byte === 0) nuls++;
    else if (!(byte >= 0x20 && byte < 0x7f) && !(byte >= 7 && byte <= 13)) return false;
  }
  return value[value.length - 1] === 0 && nuls <= value.length - nuls;
}
