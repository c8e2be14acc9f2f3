/** ELF files for tests. */

/** An executable with one segment of `code` at 0x40100000 and 4096 bytes of memory, which begins at `start` in it. */
export function makeElf(code: Uint8Array, start = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(64 + 2 * 56 + code.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 183, true); // EM_AARCH64
  view.setBigUint64(24, 0x40100000n + BigInt(start), true); // entry
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  view.setUint32(64, 6, true); // PT_PHDR, to be passed over
  view.setUint32(120, 1, true); // PT_LOAD
  view.setBigUint64(128, 176n, true); // offset
  view.setBigUint64(136, 0xffff800000000000n, true); // virtual address
  view.setBigUint64(144, 0x40100000n, true); // physical address
  view.setBigUint64(152, BigInt(code.length), true);
  view.setBigUint64(160, 4096n, true);
  bytes.set(code, 176);
  return bytes;
}
