// What the parts of the guest share.
#pragma once
#include "../../aarch64/gicv3.h"

enum {
  CPUS = 3,
  // The virtual timer's PPI: a line whose level the program sets.
  LINE = 27,
  // SPIs to which nothing is connected.
  SPI_A = 100,
  SPI_B = 101,
  SPI_C = 102,
};

// Drives LINE of this CPU.
void set_line(bool high);

// GICD_IROUTER of an SPI.
void route(unsigned interrupt, uint64_t where);
// Bit n: an interrupt is signalled to CPU n.
unsigned who(void);
// Takes an interrupt at a CPU other than the first, and ends it.
unsigned take_at(unsigned cpu);

void test_registers(void);
void test_states(void);
void test_priorities(void);
void test_groups(void);
void test_sgis(void);
void test_routing(void);
// What only some GICs have.
void test_extensions(void);
