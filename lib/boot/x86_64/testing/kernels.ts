/** bzImages for tests. */
import { setField, SetupField } from "../setup_header.ts";

/** Fields of the header that differ from those of a 64-bit kernel of protocol 2.15. */
export type Header = Partial<Record<keyof typeof SetupField, number>>;

/** A bzImage of two setup sectors and `code`, filled up to 16 bytes. */
export function makeBzImage(code: Uint8Array, header: Header = {}): Uint8Array<ArrayBuffer> {
  const codeBytes = Math.ceil(code.length / 16) * 16;
  const bytes = new Uint8Array(3 * 512 + codeBytes);
  bytes.set(code, 3 * 512);
  const view = new DataView(bytes.buffer);
  const fields: Header = {
    setup_sects: 2,
    syssize: codeBytes / 16,
    boot_flag: 0xaa55,
    jump: 0x6a,
    header: 0x5372_6448,
    version: 0x20f,
    loadflags: 1,
    initrd_addr_max: 0x7fff_ffff,
    xloadflags: 0x7f,
    cmdline_size: 2047,
    pref_address: 0x100_0000,
    init_size: 0x20_0000,
    ...header,
  };
  for (const name of Object.keys(SetupField) as (keyof typeof SetupField)[]) {
    const value = fields[name];
    if (value !== undefined) setField(view, SetupField[name], value);
  }
  return bytes;
}
