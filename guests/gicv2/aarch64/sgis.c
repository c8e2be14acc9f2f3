// Software-generated interrupts, one for each sender; shared ones with several targets; messages.
#include "../../aarch64/cpu.h"
#include "../../common/tap.h"
#include "gicv2.h"

enum { SGI = 5, TO_OTHERS = 1 << 24, TO_ITSELF = 2 << 24 };
enum { MSI_TYPER = 0x008, MSI_SETSPI_NS = 0x040 };

static uint32_t value, found[CPUS];

static void write8(uint64_t address, uint32_t value) {
  __asm__ volatile("strb %w0, [%1]\n\tdsb sy" ::"r"(value), "r"(address) : "memory");
}

static void send(void) {
  write32(gicd + GICD_SGIR, value | SGI);
  barrier();
}

static void send_from(unsigned cpu, uint32_t what) {
  value = what;
  if (cpu == 0) send();
  else cpu_call(cpu, send);
}

static void take_all(void) {
  unsigned cpu = cpu_index();
  found[cpu] = take();
  if (found[cpu] != SPURIOUS) end(found[cpu]);
}

static void look(void) {
  found[cpu_index()] = signalled();
}

static void on_all(void (*function)(void)) {
  function();
  for (unsigned cpu = 1; cpu < CPUS; cpu++) cpu_call(cpu, function);
}

static void check(uint32_t first, uint32_t second, uint32_t third, const char *name) {
  const uint32_t expected[CPUS] = {first, second, third};
  on_all(take_all);
  for (unsigned cpu = 0; cpu < CPUS; cpu++) tap_equal(found[cpu], expected[cpu], "%s: CPU %u", name, cpu);
}

void test_sgis(void) {
  tap_note("SGIs");
  const uint32_t from0 = SGI, from1 = SGI | 1 << 10, from2 = SGI | 2 << 10;
  send_from(0, TO_ITSELF);
  check(from0, SPURIOUS, SPURIOUS, "to itself");
  send_from(2, TO_OTHERS);
  check(from2, from2, SPURIOUS, "to all others");
  send_from(1, 0x5 << 16);
  check(from1, SPURIOUS, from1, "to a list");
  send_from(0, 0xf8 << 16);
  check(SPURIOUS, SPURIOUS, SPURIOUS, "to nobody");

  send_from(2, 1 << 16);
  send_from(1, 1 << 16);
  send_from(1, 1 << 16);
  tap_equal(read32(gicd + GICD_SPENDSGIR + 4) >> 8 & 0xff, 0x6, "GICD_SPENDSGIR: pending from CPU 1 and CPU 2");
  tap_equal(take(), from1, "the lowest sender first");
  tap_equal(read32(gicd + GICD_CPENDSGIR + 4) >> 8 & 0xff, 0x4, "GICD_CPENDSGIR: the other one is left");
  tap_equal(signalled(), 0, "not signalled while active");
  end(from1);
  tap_equal(take(), from2, "then the other one");
  end(from2);
  tap_equal(take(), SPURIOUS, "and no more");
  write8(gicd + GICD_SPENDSGIR + SGI, 0x5);
  tap_equal(take(), from0, "GICD_SPENDSGIR makes it pending from anybody");
  end(from0);
  write8(gicd + GICD_CPENDSGIR + SGI, 0x4);
  tap_equal(take(), SPURIOUS, "GICD_CPENDSGIR takes it back");
  tap_equal(signalled(), 0, "nothing is left");
}

void test_targets(void) {
  tap_note("targets");
  configure(SPI_A, 0, true, 0xa0);
  set_byte(GICD_ITARGETSR, SPI_A, 0x6);
  raise(SPI_A);
  on_all(look);
  tap_ok(found[0] == 0 && found[1] == IRQ && found[2] == IRQ, "signalled to both targets");
  check(SPURIOUS, SPI_A, SPURIOUS, "taken by one");
  raise(SPI_A);
  set_byte(GICD_ITARGETSR, SPI_A, 0x0);
  on_all(look);
  tap_ok(found[0] == 0 && found[1] == 0 && found[2] == 0, "no target");
  check_state(SPI_A, true, false, "it");
  set_byte(GICD_ITARGETSR, SPI_A, 0x1);
  check(SPI_A, SPURIOUS, SPURIOUS, "a new target");
}

void test_frame(void) {
  tap_note("GICv2m");
  uint32_t type = read32(frame + MSI_TYPER);
  unsigned first = type >> 16 & 0x3ff, count = type & 0x3ff;
  tap_equal(first, 80, "MSI_TYPER: the first SPI");
  tap_equal(count, 64, "MSI_TYPER: how many");
  configure(first - 1, 0, true, 0xa0);
  configure(first, 0, true, 0xa0);
  configure(first + count - 1, 0, true, 0xa0);
  configure(first + count, 0, true, 0xa0);
  write32(frame + MSI_SETSPI_NS, first);
  tap_equal(take(), first, "a message for the first");
  end(first);
  tap_equal(take(), SPURIOUS, "once");
  write32(frame + MSI_SETSPI_NS, first + count - 1);
  tap_equal(take(), first + count - 1, "for the last");
  end(first + count - 1);
  write32(frame + MSI_SETSPI_NS, first - 1);
  write32(frame + MSI_SETSPI_NS, first + count);
  tap_equal(take(), SPURIOUS, "for one before, one behind");
}
