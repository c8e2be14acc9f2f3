// Tables and commands (IHI 0069, 5.2 and 5.3).
#include "../../aarch64/cpu.h"
#include "../../common/fdt.h"
#include "../../common/tap.h"
#include "its.h"

enum { QUEUE_BYTES = 0x1000, TABLE_BYTES = 0x10000, PAGE = 0x1000, LPI_BITS = 16 };
static const uint64_t VALID = 1ul << 63, INDIRECT = 1ul << 62;

static uint8_t properties[TABLE_BYTES] __attribute__((aligned(0x1000)));
static uint8_t pending[CPUS][TABLE_BYTES] __attribute__((aligned(0x10000)));
static uint8_t device_table[TABLE_BYTES] __attribute__((aligned(0x10000)));
static uint8_t collection_table[PAGE] __attribute__((aligned(0x1000)));
static uint64_t first_level[PAGE / 8] __attribute__((aligned(0x1000)));
static uint64_t queue[QUEUE_BYTES / 8] __attribute__((aligned(0x10000)));
static uint8_t translations[DEVICES][PAGE] __attribute__((aligned(0x1000)));
static unsigned writer;

uint64_t gits;

static void enable_lpis(unsigned cpu) {
  write64(gicr[cpu] + GICR_PROPBASER, (uintptr_t)properties | (LPI_BITS - 1));
  write64(gicr[cpu] + GICR_PENDBASER, (uintptr_t)pending[cpu]);
  write32(gicr[cpu] + GICR_CTLR, 1);
  barrier();
}

void its_init(void) {
  struct fdt_node node;
  uint64_t bytes;
  if (!fdt_find_compatible("arm,gic-v3-its", &node) || !fdt_reg(&node, 0, &gits, &bytes)) {
    tap_bail_out("there is no ITS");
  }
  for (unsigned cpu = 0; cpu < CPUS; cpu++) enable_lpis(cpu);
  // Page_Size is 4 KiB.
  write64(gits + GITS_BASER, VALID | (uintptr_t)device_table | (TABLE_BYTES / PAGE - 1));
  write64(gits + GITS_BASER + 8, VALID | (uintptr_t)collection_table);
  write64(gits + GITS_CBASER, VALID | (uintptr_t)queue);
  write64(gits + GITS_CWRITER, 0);
  write32(gits + GITS_CTLR, 1);
  for (unsigned cpu = 0; cpu < CPUS; cpu++) map_collection(cpu, cpu);
}

void its_use_two_levels(unsigned devices) {
  write32(gits + GITS_CTLR, 0);
  while (!(read32(gits + GITS_CTLR) >> 31)) {}
  for (unsigned i = 0; i < TABLE_BYTES; i++) device_table[i] = 0;
  unsigned entry = (read64(gits + GITS_BASER) >> 48 & 31) + 1;
  for (unsigned page = 0; page * (PAGE / entry) < devices; page++) {
    first_level[page] = VALID | (uintptr_t)(device_table + page * PAGE);
  }
  barrier();
  write64(gits + GITS_BASER, VALID | INDIRECT | (uintptr_t)first_level);
  write32(gits + GITS_CTLR, 1);
}

void configure_lpi(unsigned lpi, unsigned priority, bool enabled) {
  *(volatile uint8_t *)&properties[lpi - FIRST_LPI] = priority | enabled;
  barrier();
}

bool pending_bit(unsigned cpu, unsigned lpi) {
  barrier();
  return *(volatile uint8_t *)&pending[cpu][lpi / 8] >> lpi % 8 & 1;
}

bool queue_empty(void) {
  return read64(gits + GITS_CREADR) == writer;
}

void command(uint64_t first, uint64_t second, uint64_t third, uint64_t fourth) {
  volatile uint64_t *words = queue + writer / 8;
  words[0] = first;
  words[1] = second;
  words[2] = third;
  words[3] = fourth;
  barrier();
  writer = (writer + 32) % QUEUE_BYTES;
  write64(gits + GITS_CWRITER, writer);
  while (!queue_empty()) {}
}

void map_device(unsigned device, unsigned event_bits) {
  command(0x08 | (uint64_t)device << 32, event_bits - 1, VALID | (uintptr_t)translations[device % DEVICES], 0);
}

void unmap_device(unsigned device) {
  command(0x08 | (uint64_t)device << 32, 0, 0, 0);
}

void map_collection(unsigned collection, unsigned cpu) {
  command(0x09, 0, VALID | (uint64_t)cpu << 16 | collection, 0);
}

void unmap_collection(unsigned collection) {
  command(0x09, 0, collection, 0);
}

void map_event(unsigned device, unsigned event, unsigned lpi, unsigned collection) {
  command(0x0a | (uint64_t)device << 32, event | (uint64_t)lpi << 32, collection, 0);
}

void map_same(unsigned device, unsigned event, unsigned collection) {
  command(0x0b | (uint64_t)device << 32, event, collection, 0);
}

void move_event(unsigned device, unsigned event, unsigned collection) {
  command(0x01 | (uint64_t)device << 32, event, collection, 0);
}

void move_all(unsigned from_cpu, unsigned to_cpu) {
  command(0x0e, 0, (uint64_t)from_cpu << 16, (uint64_t)to_cpu << 16);
}

void int_event(unsigned device, unsigned event) {
  command(0x03 | (uint64_t)device << 32, event, 0, 0);
}

void clear_event(unsigned device, unsigned event) {
  command(0x04 | (uint64_t)device << 32, event, 0, 0);
}

void discard_event(unsigned device, unsigned event) {
  command(0x0f | (uint64_t)device << 32, event, 0, 0);
}

void invalidate(unsigned device, unsigned event) {
  command(0x0c | (uint64_t)device << 32, event, 0, 0);
}

void invalidate_all(unsigned collection) {
  command(0x0d, 0, collection, 0);
}

static unsigned taken;

static void take(void) {
  taken = gicv3_take();
  if (taken != GIC_SPURIOUS_ID) gicv3_end(taken);
}

unsigned take_at(unsigned cpu) {
  if (cpu == 0) take();
  else cpu_call(cpu, take);
  return taken;
}
