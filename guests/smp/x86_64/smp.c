// Several CPUs: the ACPI tables, INIT and start-up IPIs, interrupts between CPUs, NMIs, changes of mappings.
#include "../../common/tap.h"
#include "../../x86_64/acpi.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/x86_64.h"

enum { VECTOR = 0x61, STOPPED_LONG = 100000 };

static volatile uint32_t taken[MAX_CPUS], ids[MAX_CPUS], initial_ids[MAX_CPUS];
static volatile uint64_t control[MAX_CPUS], bases[MAX_CPUS], seen[MAX_CPUS], ticks[MAX_CPUS];
static volatile uint32_t nmis[MAX_CPUS];

static void on_interrupt(void) {
  __asm__ volatile("lock incl %0" : "+m"(taken[cpu_index()]));
}

static void on_nmi(void) {
  __asm__ volatile("lock incl %0" : "+m"(nmis[cpu_index()]));
}

static void look(void) {
  unsigned cpu = cpu_index();
  ids[cpu] = apic_id();
  initial_ids[cpu] = cpuid(1, 0).ebx >> 24;
  control[cpu] = read_control("cr0");
  bases[cpu] = read_msr(MSR_APIC_BASE);
  ticks[cpu] = read_tsc();
}

static void count_ticks(void) {
  for (;;) ticks[1]++;
}

static void wait(void) {
  for (volatile unsigned i = 0; i < STOPPED_LONG; i++) pause();
}

// Waits until the CPUs have taken so many, and then some.
static bool have_taken(const volatile uint32_t *counts, uint32_t first, uint32_t others) {
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
    uint32_t expected = cpu == 0 ? first : others;
    for (unsigned looks = 0; counts[cpu] < expected && looks < 1000; looks++) wait();
  }
  wait();
  bool good = true;
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) good &= counts[cpu] == (cpu == 0 ? first : others);
  return good;
}

static void reset_counts(void) {
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) taken[cpu] = 0;
}

static void test_start(void) {
  enum { BOOT = 1 << 8, ENABLED = 1 << 11 };
  tap_note("start");
  tap_equal(cpu_count, 4, "the tables have four CPUs");
  unsigned started = 0, good = 0, boot = 0;
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) started += cpu_start(cpu) == 0;
  tap_equal(started, cpu_count - 1, "all others start");
  look();
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) cpu_call(cpu, look);
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
    good += ids[cpu] == cpus[cpu].apic_id && initial_ids[cpu] == ids[cpu];
    boot += (bases[cpu] & BOOT) != 0;
  }
  tap_equal(good, cpu_count, "each has the id of the tables");
  tap_ok(boot == 1 && bases[0] & BOOT, "one is the processor that boots");
  good = 0;
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) good += ticks[cpu] > ticks[cpu - 1] && (bases[cpu] & ENABLED);
  tap_equal(good, cpu_count - 1, "they have one time");
}

static void test_interrupts(void) {
  tap_note("interrupts");
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) cpu_ping(cpu);
  tap_ok(true, "each answers one to itself");
  reset_counts();
  apic_send(0, VECTOR | ICR_OTHERS);
  tap_ok(have_taken(taken, 0, 1), "to all others");
  reset_counts();
  apic_send(0, VECTOR | ICR_ALL);
  tap_ok(have_taken(taken, 1, 1), "to all");
  reset_counts();
  apic_send(0xff, VECTOR);
  tap_ok(have_taken(taken, 1, 1), "to the id of all");
  reset_counts();
  apic_send(0, VECTOR | ICR_SELF);
  tap_ok(have_taken(taken, 1, 0), "to itself");
  apic_send(0, ICR_NMI | ICR_OTHERS);
  tap_ok(have_taken(nmis, 0, 1), "an NMI to all others");
}

static void set_logical(void) {
  apic_write(APIC_DFR, UINT32_MAX);
  apic_write(APIC_LDR, 1u << (24 + cpu_index()));
}

static void test_logical(void) {
  set_logical();
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) cpu_call(cpu, set_logical);
  reset_counts();
  apic_send(0x0e, VECTOR | ICR_LOGICAL);
  tap_ok(have_taken(taken, 0, 1), "to a logical destination of three");
  reset_counts();
  apic_send(0x0e, VECTOR | ICR_LOGICAL | 1 << 8);
  wait();
  uint32_t sum = 0;
  for (unsigned looks = 0; sum == 0 && looks < 1000; looks++) {
    wait();
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) sum += taken[cpu];
  }
  tap_ok(sum == 1 && taken[0] == 0, "to one of them, of the lowest priority");
}

static volatile uint64_t *mapped = (volatile uint64_t *)(WINDOW + 0x20000);

static void load_mapped(void) {
  seen[cpu_index()] = *mapped;
}

static void load_again(void) {
  invalidate_page((uintptr_t)mapped);
  seen[cpu_index()] = *mapped;
}

static void test_memory(void) {
  tap_note("memory");
  paging_init();
  data[1][0] = 0x11;
  data[2][0] = 0x22;
  map_page(0x20, (uintptr_t)data[1] | PRESENT | WRITABLE);
  unsigned good = 0;
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
    cpu_call(cpu, load_mapped);
    good += seen[cpu] == 0x11;
  }
  tap_equal(good, cpu_count - 1, "a new mapping is there for all");
  map_page(0x20, (uintptr_t)data[2] | PRESENT | WRITABLE);
  good = 0;
  for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
    cpu_call(cpu, load_again);
    good += seen[cpu] == 0x22;
  }
  tap_equal(good, cpu_count - 1, "another, after INVLPG by each");
}

// B8 n 0 0 0 C3: MOV EAX, n; RET.
static uint8_t routine[16] __attribute__((aligned(16), section(".data.routine"))) = {0xb8, 1, 0, 0, 0, 0xc3};

static void call_routine(void) {
  cpuid(0, 0); // makes what other CPUs have written to code seen
  seen[cpu_index()] = ((uint32_t (*)(void))(uintptr_t)routine)();
}

static void test_code(void) {
  unsigned good = 0;
  for (unsigned round = 1; round <= 3; round++) {
    ((volatile uint8_t *)routine)[1] = (uint8_t)round;
    for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
      cpu_call(cpu, call_routine);
      good += seen[cpu] == round;
    }
  }
  tap_equal(good, 3 * (cpu_count - 1), "code that one CPU writes is executed by the others");
}

static void test_again(void) {
  tap_note("INIT");
  apic_send(cpus[2].apic_id, ICR_STARTUP | 0xff);
  cpu_ping(2);
  tap_ok(true, "a start-up IPI to a CPU that runs does nothing");
  cpu_begin(1, count_ticks);
  while (ticks[1] < ticks[0] + 100) pause();
  apic_send(cpus[1].apic_id, ICR_INIT);
  wait();
  uint64_t before = ticks[1];
  wait();
  tap_ok(ticks[1] == before, "INIT stops one");
  cpus[1].running = false;
  cpu_cancel(1);
  tap_equal((uint64_t)cpu_start(1), 0, "it starts again");
  ids[1] = UINT32_MAX;
  cpu_call(1, look);
  tap_equal(ids[1], cpus[1].apic_id, "and works");
}

void tests(void) {
  set_handler(VECTOR, on_interrupt);
  set_handler(NMI, on_nmi);
  unmask_interrupts();
  test_start();
  test_interrupts();
  test_logical();
  test_memory();
  test_code();
  test_again();
}
