#include "../../common/machine.h"
#include "../../common/print.h"
#include "../../x86_64/acpi.h"
#include "../../x86_64/ioapic.h"
#include "../monitor.h"

enum { VIRTIO_MAGIC = 0x000, VIRTIO_VERSION = 0x004, VIRTIO_DEVICE_ID = 0x008, MAGIC_VALUE = 0x74726976 };

// Tables, APICs and virtio devices; places without a device are left out.
void show_devices(int count, char **words) {
  (void)count, (void)words;
  static const char *const signatures[] = {"FACP", "APIC"};
  struct ioapic ioapic;
  uint64_t base;
  uint32_t interrupt;
  print("tables:");
  for (unsigned i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    if (acpi_table(signatures[i])) print(" %s", signatures[i]);
  }
  print("\n");
  for (unsigned i = 0; ioapic_find(i, &ioapic); i++) print("0x%010lx  I/O APIC\n", ioapic.address);
  for (unsigned i = 0; machine_virtio(i, &base, &interrupt); i++) {
    if (device_read32(base + VIRTIO_MAGIC) != MAGIC_VALUE || device_read32(base + VIRTIO_DEVICE_ID) == 0) continue;
    print("0x%010lx  virtio %u %s, interrupt %u\n", base, device_read32(base + VIRTIO_VERSION),
          virtio_name(device_read32(base + VIRTIO_DEVICE_ID)), interrupt);
  }
}
