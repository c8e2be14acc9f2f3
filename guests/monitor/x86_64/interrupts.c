#include "../../common/print.h"
#include "../../common/timer.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/ioapic.h"
#include "../../x86_64/uart.h"
#include "../monitor.h"

static const char *interrupt_name(unsigned vector) {
  if (vector == PING_VECTOR || vector == EVENT_VECTOR) return "from a CPU";
  if (vector == timer_interrupt()) return "local timer";
  if (vector == interrupt_vector(UART_INTERRUPT)) return "serial line";
  return "";
}

const char *start_interrupts(void) {
  static char name[] = "0 I/O APICs";
  struct ioapic ioapic;
  for (unsigned i = 0; ioapic_find(i, &ioapic); i++) name[0]++;
  if (name[0] == '1') name[sizeof name - 2] = 0;
  return name[0] == '0' ? 0 : name;
}

void show_interrupts(int count, char **words) {
  (void)count, (void)words;
  struct ioapic ioapic;
  print("local APIC, version 0x%02x\n", apic_read(APIC_VERSION) & 0xff);
  for (unsigned i = 0; ioapic_find(i, &ioapic); i++) {
    print("I/O APIC %u at 0x%08lx, interrupts %u to %u\n", i, ioapic.address, ioapic.first_interrupt,
          ioapic.first_interrupt + ioapic.pins - 1);
  }
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
    for (unsigned vector = FIRST_INTERRUPT; vector < 256; vector++) {
      uint32_t times = interrupt_count(cpu, vector);
      if (times == 0) continue;
      print("cpu %u  vector 0x%02x (%s) fired %u time%s\n", cpu, vector, interrupt_name(vector), times,
            times == 1 ? "" : "s");
    }
  }
}
