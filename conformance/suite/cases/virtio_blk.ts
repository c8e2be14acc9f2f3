import { virtioBlkImage as aarch64 } from "../../../guests/virtio_blk/aarch64/image.ts";
import { virtioBlkImage as x86_64 } from "../../../guests/virtio_blk/x86_64/image.ts";
import { type ConformanceCase, forBoth } from "../case.ts";

const SECTOR = 512;
const SECTORS = 2048;
const SERIAL = "vml-disk";

/** What the guest expects: zeroes, but sector 1 holds its byte numbers modulo 251. */
function disk(): Uint8Array {
  const bytes = new Uint8Array(SECTORS * SECTOR);
  for (let i = 0; i < SECTOR; i++) bytes[SECTOR + i] = i % 251;
  return bytes;
}

function qemuDisk(drive = "", device = ""): readonly string[] {
  return [
    ...["-drive", `if=none,id=disk,format=raw,file={disk}${drive}`],
    ...["-device", `virtio-blk-device,drive=disk,serial=${SERIAL}${device}`],
  ];
}

/** Disks. */
export const virtioBlkCases: readonly ConformanceCase[] = forBoth({ aarch64, x86_64 }, [
  {
    name: "virtio-blk",
    title: "virtio-blk: configuration, reads, writes, errors, requests in flight, split queues",
    host: () => ({ devices: [{ type: "virtio-block", file: disk(), id: SERIAL }] }),
    qemu: { files: { disk: disk() }, arguments: qemuDisk() },
  },
  {
    name: "virtio-blk-packed",
    title: "virtio-blk with packed queues",
    parameters: "packed=1",
    host: () => ({ devices: [{ type: "virtio-block", file: disk(), id: SERIAL, packed: true }] }),
    qemu: { files: { disk: disk() }, arguments: qemuDisk("", ",packed=on") },
  },
  {
    name: "virtio-blk-readonly",
    title: "virtio-blk on a disk that refuses writes",
    parameters: "readonly=1",
    host: () => ({ devices: [{ type: "virtio-block", file: disk(), id: SERIAL, readOnly: true }] }),
    qemu: { files: { disk: disk() }, arguments: qemuDisk(",readonly=on") },
  },
]);
