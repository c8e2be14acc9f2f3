#include "cpu.h"
#include "../common/fdt.h"
#include "../common/text.h"
#include "gic.h"
#include "psci.h"

enum { PING = 1 }; // software-generated interrupt

extern uint64_t translation_table[512];
struct cpu cpus[MAX_CPUS];
unsigned cpu_count;
uint64_t ram_base = 0x40000000, ram_size = 0x800000;

static void identify(unsigned index) {
  cpus[index].mpidr = read_register("mpidr_el1");
  cpus[index].midr = read_register("midr_el1");
}

void cpu_init(void) {
  struct fdt_node node;
  uint64_t size;
  if (fdt_find_name("memory", &node)) fdt_reg(&node, 0, &ram_base, &ram_size);
  for (uint64_t gib = 2; gib << 30 < ram_base + ram_size && gib < 512; gib++) {
    translation_table[gib] = gib << 30 | 0x705; // as start.S
  }
  barrier();
  __asm__ volatile("isb");
  for (fdt_start(&node); fdt_next(&node) && cpu_count < MAX_CPUS;) {
    const char *type = fdt_text(&node, "device_type");
    if (type == 0 || !text_equal(type, "cpu")) continue;
    fdt_reg(&node, 0, &cpus[cpu_count].affinity, &size);
    cpu_count++;
  }
  cpus[0].running = true;
  identify(0);
}

void cpu_doze(void) {
  wait_for_event();
}

void cpu_wake(void) {
  send_event();
}

static void on_ping(void) {
  cpus[cpu_index()].answers++;
  send_event();
}

// Called by start.S with the MMU on.
void run_secondary(unsigned index) {
  // Without the driver of the interrupt controller, the program has its own.
  if (gic_version() != 0) {
    gic_init_cpu();
    gic_enable(PING, on_ping);
  }
  identify(index);
  barrier();
  cpus[index].running = true;
  send_event();
  unmask_interrupts();
  cpu_work(index);
}

int cpu_start(unsigned index) {
  int error = psci_cpu_on(cpus[index].affinity, index);
  if (error != 0) return error;
  while (!cpus[index].running) wait_for_event();
  return 0;
}

void cpu_ping(unsigned index) {
  uint32_t before = cpus[index].answers;
  if (index == 0) gic_enable(PING, on_ping);
  gic_send(PING, index, cpus[index].affinity);
  while (cpus[index].answers == before) wait_for_event();
}
