// GICv3 (Arm IHI 0069) for programs that test it: registers, and interrupts that are asked for. Interrupts
// stay masked in PSTATE; ISR_EL1 tells whether one is signalled.
#pragma once
#include "aarch64.h"
#include <stdbool.h>
#include <stdint.h>

// Distributor.
enum {
  GICD_CTLR = 0x0000,
  GICD_TYPER = 0x0004,
  GICD_SETSPI_NSR = 0x0040,
  GICD_CLRSPI_NSR = 0x0048,
  GICD_IROUTER = 0x6000,
  GICD_PIDR2 = 0xffe8,
};
// In the distributor for SPIs, in a redistributor's second frame for SGIs and PPIs.
enum {
  GIC_IGROUPR = 0x080,
  GIC_ISENABLER = 0x100,
  GIC_ICENABLER = 0x180,
  GIC_ISPENDR = 0x200,
  GIC_ICPENDR = 0x280,
  GIC_ISACTIVER = 0x300,
  GIC_ICACTIVER = 0x380,
  GIC_IPRIORITYR = 0x400,
  GIC_ICFGR = 0xc00,
};
// Redistributor.
enum {
  GICR_CTLR = 0x0000,
  GICR_TYPER = 0x0008,
  GICR_WAKER = 0x0014,
  GICR_PROPBASER = 0x0070,
  GICR_PENDBASER = 0x0078,
  GICR_INVLPIR = 0x00a0,
  GICR_INVALLR = 0x00b0,
};
enum { GIC_SPURIOUS_ID = 1023 };
// ISR_EL1.
enum { SIGNALLED_FIQ = 0x40, SIGNALLED_IRQ = 0x80 };

#define ICC_PMR_EL1 "s3_0_c4_c6_0"
#define ICC_IAR0_EL1 "s3_0_c12_c8_0"
#define ICC_EOIR0_EL1 "s3_0_c12_c8_1"
#define ICC_HPPIR0_EL1 "s3_0_c12_c8_2"
#define ICC_BPR0_EL1 "s3_0_c12_c8_3"
#define ICC_AP0R0_EL1 "s3_0_c12_c8_4"
#define ICC_AP1R0_EL1 "s3_0_c12_c9_0"
#define ICC_DIR_EL1 "s3_0_c12_c11_1"
#define ICC_RPR_EL1 "s3_0_c12_c11_3"
#define ICC_SGI1R_EL1 "s3_0_c12_c11_5"
#define ICC_SGI0R_EL1 "s3_0_c12_c11_7"
#define ICC_IAR1_EL1 "s3_0_c12_c12_0"
#define ICC_EOIR1_EL1 "s3_0_c12_c12_1"
#define ICC_HPPIR1_EL1 "s3_0_c12_c12_2"
#define ICC_BPR1_EL1 "s3_0_c12_c12_3"
#define ICC_CTLR_EL1 "s3_0_c12_c12_4"
#define ICC_SRE_EL1 "s3_0_c12_c12_5"
#define ICC_IGRPEN0_EL1 "s3_0_c12_c12_6"
#define ICC_IGRPEN1_EL1 "s3_0_c12_c12_7"

// The distributor.
extern uint64_t gicd;
// By index of the CPU.
extern uint64_t gicr[MAX_CPUS];

// Finds the parts by the device tree, and enables both groups in the distributor. Bails out without a GICv3.
void gicv3_init(void);
// This CPU's interface: awake, all its interrupts in group 1, both groups enabled, no priority masked.
void gicv3_init_cpu(void);

// Base of the registers of an interrupt: the distributor, or this CPU's second frame.
uint64_t gicv3_base(unsigned interrupt);
// One bit of a bitmap of registers; writes a word with that bit only.
bool gicv3_bit(unsigned bitmap, unsigned interrupt);
void gicv3_set_bit(unsigned bitmap, unsigned interrupt);
// Group 0 or 1, edge or level (not for SGIs), priority, to this CPU (an SPI), enabled.
void gicv3_configure(unsigned interrupt, unsigned group, bool edge, unsigned priority);
void gicv3_set_priority(unsigned interrupt, unsigned priority);
// ISR_EL1: SIGNALLED_IRQ, SIGNALLED_FIQ.
unsigned gicv3_signalled(void);
// ICC_IAR1_EL1 and ICC_EOIR1_EL1.
unsigned gicv3_take(void);
void gicv3_end(unsigned interrupt);
