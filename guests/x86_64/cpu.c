#include "cpu.h"
#include "../common/text.h"
#include "../common/timer.h"
#include "acpi.h"
#include "apic.h"
#include "exception.h"
#include "x86_64.h"

// Where start-up IPIs start a CPU; their vector is this page's number.
enum { START_PAGE = 0x8000, ENABLED = 1, RAM = 1 };
#define FOUR_GIB (1ul << 32)
enum { INIT_MICROSECONDS = 10000, STARTUP_MICROSECONDS = 200, PATIENCE_MICROSECONDS = 1000000 };

extern char secondary_start[], secondary_start_end[];
struct cpu cpus[MAX_CPUS];
unsigned cpu_count;
uint64_t ram_base, ram_size;
// Index of the CPU that starts.
volatile uint32_t starting_cpu;

// An event is an interrupt that wakes the others; one that comes before cpu_doze sleeps is not lost.
static volatile bool events[MAX_CPUS];

static void on_event(void) {
  events[cpu_index()] = true;
}

void cpu_doze(void) {
  unsigned cpu = cpu_index();
  uint64_t flags;
  __asm__ volatile("pushfq\n\tpop %0\n\tcli" : "=r"(flags)::"memory");
  while (!events[cpu]) wait_for_interrupt();
  events[cpu] = false;
  if (flags & RFLAGS_IF) unmask_interrupts();
}

void cpu_wake(void) {
  apic_send(0, EVENT_VECTOR | ICR_OTHERS);
}

static void on_ping(void) {
  cpus[cpu_index()].answers++;
}

void cpu_init(void) {
  uint64_t base, size;
  uint32_t type;
  // From 0; what lies between 640 KiB and 1 MiB counts as RAM.
  for (unsigned i = 0; memory_range(i, &base, &size, &type); i++) {
    if (type == RAM && base < FOUR_GIB && base + size > ram_size) ram_size = base + size;
  }
  set_handler(PING_VECTOR, on_ping);
  set_handler(EVENT_VECTOR, on_event);
  apic_init();
  cpus[0] = (struct cpu){apic_id(), 0, true};
  cpu_count = 1;
  const struct madt_local_apic *entry;
  for (unsigned i = 0; (entry = madt_entry(MADT_LOCAL_APIC, i)) != 0 && cpu_count < MAX_CPUS; i++) {
    if (entry->flags & ENABLED && entry->apic_id != cpus[0].apic_id) cpus[cpu_count++].apic_id = entry->apic_id;
  }
}

// Called by start.S in 64 bits.
void run_secondary(unsigned index) {
  apic_init();
  cpus[index].running = true;
  unmask_interrupts();
  cpu_work(index);
}

static void wait(uint64_t microseconds) {
  uint64_t start = timer_count();
  while (timer_microseconds(timer_count() - start) < microseconds) pause();
}

// Intel SDM vol. 3, 8.4.4.1. The second start-up IPI is for those who did not hear the first.
int cpu_start(unsigned index) {
  memcpy((void *)(uintptr_t)START_PAGE, secondary_start, (size_t)(secondary_start_end - secondary_start));
  starting_cpu = index;
  apic_send(cpus[index].apic_id, ICR_INIT);
  wait(INIT_MICROSECONDS);
  for (unsigned tries = 0; tries < 2; tries++) {
    apic_send(cpus[index].apic_id, ICR_STARTUP | START_PAGE >> 12);
    wait(STARTUP_MICROSECONDS);
    for (uint64_t start = timer_count(); timer_microseconds(timer_count() - start) < PATIENCE_MICROSECONDS; pause()) {
      if (cpus[index].running) return 0;
    }
  }
  return -1;
}

void cpu_ping(unsigned index) {
  uint32_t before = cpus[index].answers;
  apic_send(cpus[index].apic_id, PING_VECTOR);
  while (cpus[index].answers == before) pause();
}
