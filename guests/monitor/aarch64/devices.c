#include "../monitor.h"
#include "../../aarch64/aarch64.h"
#include "../../common/fdt.h"
#include "../../common/print.h"
#include "../../common/text.h"

enum { MAX_DEVICES = 64 };

// virtio-mmio (Virtual I/O Device 1.2, section 4.2.2).
enum { VIRTIO_MAGIC = 0x000, VIRTIO_VERSION = 0x004, VIRTIO_DEVICE_ID = 0x008, MAGIC_VALUE = 0x74726976 };

struct device {
  uint64_t address;
  struct fdt_node node;
};

static void show(const struct device *device) {
  const struct fdt_node *node = &device->node;
  uint32_t interrupt;
  if (fdt_compatible(node, "virtio,mmio")) {
    uint64_t base = device->address;
    if (read32(base + VIRTIO_MAGIC) != MAGIC_VALUE || read32(base + VIRTIO_DEVICE_ID) == 0) return;
    print("0x%010lx  virtio %u %s", base, read32(base + VIRTIO_VERSION), virtio_name(read32(base + VIRTIO_DEVICE_ID)));
  } else {
    print("0x%010lx  %s", device->address, fdt_text(node, "compatible"));
  }
  if (fdt_interrupt(node, 0, &interrupt)) print(", interrupt %u", interrupt);
  print("\n");
}

// By address; nodes without registers are none. Slots of virtio-mmio without a device are left out.
void show_devices(int count, char **words) {
  (void)count, (void)words;
  static struct device devices[MAX_DEVICES];
  unsigned number = 0;
  struct fdt_node node;
  uint64_t address, size;
  for (fdt_start(&node); fdt_next(&node) && number < MAX_DEVICES;) {
    if (node.size_cells == 0 || fdt_text(&node, "compatible") == 0 || !fdt_reg(&node, 0, &address, &size)) continue;
    unsigned at = number++;
    for (; at > 0 && devices[at - 1].address > address; at--) devices[at] = devices[at - 1];
    devices[at].address = address;
    devices[at].node = node;
  }
  for (unsigned i = 0; i < number; i++) show(&devices[i]);
}
