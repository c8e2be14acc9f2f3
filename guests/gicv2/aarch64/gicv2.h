// What the parts of the guest share.
#pragma once
#include "../../aarch64/aarch64.h"
#include <stdbool.h>

// Distributor.
enum {
  GICD_CTLR = 0x000,
  GICD_TYPER = 0x004,
  GICD_IGROUPR = 0x080,
  GICD_ISENABLER = 0x100,
  GICD_ICENABLER = 0x180,
  GICD_ISPENDR = 0x200,
  GICD_ICPENDR = 0x280,
  GICD_ISACTIVER = 0x300,
  GICD_ICACTIVER = 0x380,
  GICD_IPRIORITYR = 0x400,
  GICD_ITARGETSR = 0x800,
  GICD_ICFGR = 0xc00,
  GICD_SGIR = 0xf00,
  GICD_CPENDSGIR = 0xf10,
  GICD_SPENDSGIR = 0xf20,
};
// CPU interface.
enum {
  GICC_CTLR = 0x0000,
  GICC_PMR = 0x0004,
  GICC_BPR = 0x0008,
  GICC_IAR = 0x000c,
  GICC_EOIR = 0x0010,
  GICC_RPR = 0x0014,
  GICC_HPPIR = 0x0018,
  GICC_ABPR = 0x001c,
  GICC_AIAR = 0x0020,
  GICC_AEOIR = 0x0024,
  GICC_AHPPIR = 0x0028,
  GICC_APR = 0x00d0,
  GICC_NSAPR = 0x00e0,
  GICC_DIR = 0x1000,
};
// GICC_CTLR.
enum { ENABLE_0 = 1, ENABLE_1 = 2, ACK_CTL = 4, FIQ_EN = 8, CBPR = 0x10, EOI_MODE = 0x200 };
enum { BOTH = ENABLE_0 | ENABLE_1 | ACK_CTL };
// ISR_EL1.
enum { FIQ = 0x40, IRQ = 0x80 };
enum { SPURIOUS = 1023, OTHER_GROUP = 1022 };

enum {
  CPUS = 3,
  // The virtual timer's PPI: a line whose level the program sets.
  LINE = 27,
  // SPIs to which nothing is connected.
  SPI_A = 200,
  SPI_B = 201,
  SPI_C = 202,
};

// Distributor, CPU interface and MSI frame.
extern uint64_t gicd, gicc, frame;

// Drives LINE of this CPU.
void set_line(bool high);
// One bit of a bitmap of registers; set_bit writes a word with that bit only.
bool bit(unsigned bitmap, unsigned interrupt);
void set_bit(unsigned bitmap, unsigned interrupt);
void set_byte(unsigned bytes, unsigned interrupt, unsigned value);
// Group 0 or 1, edge or level (not for SGIs), priority, to CPU 0 (an SPI), enabled.
void configure(unsigned interrupt, unsigned group, bool edge, unsigned priority);
// Makes it pending.
void raise(unsigned interrupt);
// ISR_EL1.
unsigned signalled(void);
// A register of this CPU's interface.
uint32_t interface(unsigned offset);
void set_interface(unsigned offset, uint32_t value);
// GICC_IAR and GICC_EOIR.
uint32_t take(void);
void end(uint32_t interrupt);
// "pending", "active" and so on.
void check_state(unsigned interrupt, bool pending, bool active, const char *name);

void test_registers(void);
void test_states(void);
void test_priorities(void);
void test_groups(void);
void test_sgis(void);
void test_targets(void);
void test_frame(void);
// What QEMU's GIC does not have or does wrong.
void test_extensions(void);
