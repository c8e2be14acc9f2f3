/** Files put into an initramfs of ours without making it anew: an archive behind it. */
import { type CpioEntry, writeCpio } from "../../lib/boot/cpio.ts";

/** Bytes to which Linux aligns an archive behind another one. */
const ALIGNMENT = 512;

/**
 * An initramfs with a script and files; the kernel unpacks the archives one after the other.
 *
 * @param initrd one made by `makeInitramfs`.
 * @param script shell commands that `vml=script` on the kernel command line runs, with the functions of
 * our init: `check NAME` runs `t_NAME` and reports it, `load ORDER` loads modules.
 * @param files further files, with the folders that they need.
 */
export function withScript(
  initrd: Uint8Array,
  script: string,
  files: readonly CpioEntry[] = [],
): Uint8Array<ArrayBuffer> {
  const entries: CpioEntry[] = [
    { name: "vml", mode: 0o40755 },
    { name: "vml/script", mode: 0o100644, data: new TextEncoder().encode(script) },
    ...files,
  ];
  const archive = writeCpio(entries);
  const start = Math.ceil(initrd.length / ALIGNMENT) * ALIGNMENT;
  const whole = new Uint8Array(start + archive.length);
  whole.set(initrd);
  whole.set(archive, start);
  return whole;
}
