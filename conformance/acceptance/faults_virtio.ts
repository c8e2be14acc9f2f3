/** Faults of virtio; see faults.ts. */
import type { Fault } from "./claim.ts";

const VIRTIO = "lib/devices/virtio";
const CONSOLE = "lib/devices/virtio_console";

/** The faults, and how to put them in. */
export const VIRTIO_FAULTS: readonly Fault[] = [
  {
    number: 3,
    what: "Virtio: a ring in no RAM, across its end, or misaligned is used.",
    tests: [
      `${VIRTIO}/mmio_test.ts: rings that are misaligned, outside RAM or of a wrong size do not become ready`,
    ],
    changes: [
      {
        file: "lib/engine/guest_memory.ts",
        find: "address - this.base <= this.size - length;",
        replace: "address - this.base < this.size;",
      },
      {
        file: `${VIRTIO}/ring.ts`,
        find: "if (target % align !== 0) return undefined;",
        replace: "",
      },
    ],
  },
  {
    number: 11,
    what: "Virtio: an indirect table is taken for data.",
    tests: [
      `${VIRTIO}/split_ring_test.ts: an indirect table, also after direct buffers`,
      `${VIRTIO}/packed_ring_test.ts: packed: an indirect table is all of its entries, NEXT and ids in it mean nothing`,
    ],
    changes: [
      {
        file: `${VIRTIO}/split_ring.ts`,
        find: "if ((flags & Desc.indirect) !== 0) {",
        replace: "if (false) {",
      },
      {
        file: `${VIRTIO}/packed_ring.ts`,
        find: "const broken = (flags & Desc.indirect) !== 0",
        replace: "const broken = false",
      },
    ],
  },
  {
    number: 14,
    what:
      "Virtio: features that were not offered are accepted; the driver's status is compared as a whole.",
    tests: [
      `${VIRTIO}/mmio_test.ts: FEATURES_OK is refused for a bit that was not offered and without VERSION_1`,
      `${VIRTIO}/mmio_test.ts: features are fixed after FEATURES_OK`,
      `${VIRTIO}/mmio_test.ts: notify needs an active device and a ready queue`,
    ],
    changes: [
      {
        file: `${VIRTIO}/mmio.ts`,
        find: "if ((wanted & ~this.#offered) !== 0n) return false;",
        replace: "",
      },
      {
        file: `${VIRTIO}/mmio.ts`,
        find: "if ((this.#status & VirtioStatus.FEATURES_OK) !== 0) return;",
        replace: "if (this.#status === VirtioStatus.FEATURES_OK) return;",
      },
      {
        file: `${VIRTIO}/mmio.ts`,
        find: "return (this.#status & (wanted | NEEDS_RESET)) === wanted;",
        replace: "return this.#status === wanted;",
      },
    ],
  },
  {
    number: 16,
    what: "Virtio: a reset leaves chains or the back end as they were.",
    tests: [
      `${VIRTIO}/mmio_test.ts: reset at any point returns everything to power-on state`,
      `${VIRTIO}/mmio_test.ts: a chain that is held across a reset is not returned`,
      "lib/devices/virtio_block/virtio_block_test.ts: requests in flight are dropped at reset and guest memory stays untouched",
      `${CONSOLE}/virtio_console_test.ts: reset drops a half-sent chain: no stale bytes, no stale used entry`,
      "lib/devices/virtio_net/virtio_net_test.ts: reset forgets frames that wait",
      "lib/devices/virtio_sock/virtio_sock_test.ts: a reset by the driver ends every connection, and nothing old is sent",
    ],
    changes: [
      {
        file: `${VIRTIO}/mmio.ts`,
        find: "      this.statistics.resets++;\n      this.#reset();",
        replace: "      this.statistics.resets++;\n      this.#status = 0;",
      },
      {
        file: `${VIRTIO}/virt_queue.ts`,
        find: "    this.#epoch++;\n    this.#held.clear();",
        replace: "",
      },
      {
        file: `${VIRTIO}/mmio.ts`,
        find: "    this.#setInterruptStatus(0);\n    this.device.reset();",
        replace: "    this.#setInterruptStatus(0);",
      },
    ],
  },
  {
    number: 17,
    what: "Virtio: the available index may jump.",
    tests: [
      `${VIRTIO}/split_ring_test.ts: heads and the available index are checked`,
      `${VIRTIO}/packed_ring_test.ts: packed: the driver cannot have more entries in flight than the ring has`,
    ],
    changes: [
      {
        file: `${VIRTIO}/split_ring.ts`,
        find: 'if (waiting > this.#size) return "the available index has jumped";',
        replace: "",
      },
      {
        file: `${VIRTIO}/packed_ring.ts`,
        find: "const room = this.#size - used;",
        replace: "const room = this.#size;",
      },
    ],
  },
  {
    number: 22,
    what: "Virtio: what the other side has written is read, or shown to it, in the wrong order.",
    tests: [
      `${VIRTIO}/split_ring_test.ts: the index is loaded before what it guards and stored after it, atomically`,
      `${VIRTIO}/packed_ring_test.ts: packed: used entry before its flags, all told to the code cache`,
    ],
    changes: [
      {
        file: `${VIRTIO}/split_ring.ts`,
        find: "const waiting = (avail.load(INDEX) - this.#nextAvail) & 0xffff;",
        replace: `const early = avail.load(ENTRIES + 2 * (this.#nextAvail & (this.#size - 1)));
    const waiting = early === this.#size ? 0 : (avail.load(INDEX) - this.#nextAvail) & 0xffff;`,
      },
      {
        file: `${VIRTIO}/split_ring.ts`,
        find: "used.view.setUint32(at, chain.head, true);",
        replace: `used.store(INDEX, (this.#nextUsed + 1) & 0xffff);
    used.view.setUint32(at, chain.head, true);`,
      },
      {
        file: `${VIRTIO}/packed_ring.ts`,
        find: "ring.view.setUint32(at + LENGTH, written, true);",
        replace: `ring.store(at + FLAGS, this.#usedWrap === 1 ? AVAIL | USED : 0);
    ring.view.setUint32(at + LENGTH, written, true);`,
      },
    ],
  },
  {
    number: 23,
    what: "Virtio: the used length is wrong, or wraps, when less is written than before.",
    tests: [
      `${VIRTIO}/virt_queue_test.ts: the chain knows its used length: the written prefix, rewritten shorter or with gaps: \${format}`,
      `${VIRTIO}/virt_queue_test.ts: used length: what was written, never more than the room for it: \${format}`,
    ],
    changes: [
      {
        file: `${VIRTIO}/chain.ts`,
        find: "this.written = Math.max(this.written, offset + done);",
        replace: "this.written = offset + done;",
      },
      {
        file: `${VIRTIO}/virt_queue.ts`,
        find: "const bytes = Math.max(0, Math.min(written, chain.writableBytes));",
        replace: "const bytes = written >>> 0;",
      },
    ],
  },
  {
    number: 24,
    what:
      "Virtio driver: buffers are added where there is no room, or a refusal changes something.",
    tests: [
      `${VIRTIO}/mock_driver_test.ts: what there is no room for is refused, and nothing has changed: \${format}`,
    ],
    changes: [
      {
        file: `${VIRTIO}/mock_queue.ts`,
        find:
          'if (this.room < (indirect ? 1 : lengths.length)) throw new Error("the queue is full");',
        replace: "",
      },
      {
        file: `${VIRTIO}/mock_queue.ts`,
        find: "this.driver.release(mark);",
        replace: "",
      },
    ],
  },
  {
    number: 25,
    what: "Virtio: a mapping that fails in the middle keeps its first part.",
    tests: [
      `${VIRTIO}/iommu_test.ts: a buffer whose second half is not mapped any more is not begun`,
      `${VIRTIO}/iommu_test.ts: a copy ends at the first byte that is not mapped any more`,
    ],
    changes: [
      {
        file: `${VIRTIO}/iommu.ts`,
        find:
          "if (mapping.address > address || !(write ? mapping.write : mapping.read)) return undefined;",
        replace:
          "if (mapping.address > address || !(write ? mapping.write : mapping.read)) return pieces;",
      },
      {
        file: `${VIRTIO}/chain.ts`,
        find: "if (copied < size) return done;",
        replace: "",
      },
    ],
  },
  {
    number: 26,
    what: "IOMMU: only the first byte of a range is checked; overlapping mappings are taken.",
    tests: [
      `${VIRTIO}/iommu_test.ts: a range is translated as a whole, over adjacent mappings too`,
      `${VIRTIO}/iommu_test.ts: rights are checked for every byte`,
      `${VIRTIO}/iommu_test.ts: overlap and nonsense are refused, and nothing changes`,
    ],
    changes: [
      {
        file: `${VIRTIO}/iommu.ts`,
        find: "const size = Math.min(length, mapping.length - offset);",
        replace: "const size = length;",
      },
      {
        file: `${VIRTIO}/iommu.ts`,
        find: "if (mapping.address > address || !(write ? mapping.write : mapping.read)) return",
        replace: "if (mapping.address > address) return",
      },
      {
        file: `${VIRTIO}/iommu.ts`,
        find: "this.#mappings[at].address < address + length) return false;",
        replace: "this.#mappings[at].address < address + length) return true;",
      },
    ],
  },
  {
    number: 36,
    what: "Console: the count of a partial write is lost; a chain is returned late.",
    tests: [
      `${CONSOLE}/virtio_console_test.ts: input: partial writes report their count, and the host hears of room`,
      `${CONSOLE}/virtio_console_test.ts: a chain goes back with its last byte, also to a host that takes no more then`,
    ],
    changes: [
      {
        file: `${CONSOLE}/port.ts`,
        find: "this.statistics.received += done;\n    return done;",
        replace: "this.statistics.received += done;\n    return done < bytes.length ? 0 : done;",
      },
      {
        file: `${CONSOLE}/port.ts`,
        find: "if (this.#sent >= chain.readableBytes || count === 0) {",
        replace: "if (count === 0) {",
      },
    ],
  },
];
