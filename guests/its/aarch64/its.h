// The ITS and its tables, and what the parts of the guest share.
#pragma once
#include "../../aarch64/gicv3.h"

enum {
  GITS_CTLR = 0x0000,
  GITS_TYPER = 0x0008,
  GITS_CBASER = 0x0080,
  GITS_CWRITER = 0x0088,
  GITS_CREADR = 0x0090,
  GITS_BASER = 0x0100,
  GITS_PIDR2 = 0xffe8,
  GITS_TRANSLATER = 0x10040,
};

enum {
  CPUS = 3,
  FIRST_LPI = 8192,
  // Events of each device.
  EVENTS = 32,
  // Devices that have a translation table.
  DEVICES = 8,
  SPI = 100,
};

extern uint64_t gits;

static inline void write64(uint64_t address, uint64_t value) {
  __asm__ volatile("str %0, [%1]\n\tdsb sy" ::"r"(value), "r"(address) : "memory");
}

// LPIs enabled at all CPUs, tables and queue ready, the ITS enabled, collection n mapped to CPU n.
void its_init(void);
// The device table in two levels: the pages of devices below `devices` are there. Unmaps all devices.
void its_use_two_levels(unsigned devices);

// Configuration of an LPI in the property table; the GIC is not told.
void configure_lpi(unsigned lpi, unsigned priority, bool enabled);
// The bit of an LPI in a CPU's pending table.
bool pending_bit(unsigned cpu, unsigned lpi);

// Commands; each waits until the ITS has read it.
void map_device(unsigned device, unsigned event_bits);
void unmap_device(unsigned device);
void map_collection(unsigned collection, unsigned cpu);
void unmap_collection(unsigned collection);
void map_event(unsigned device, unsigned event, unsigned lpi, unsigned collection);
void map_same(unsigned device, unsigned event, unsigned collection);
void move_event(unsigned device, unsigned event, unsigned collection);
void move_all(unsigned from_cpu, unsigned to_cpu);
void int_event(unsigned device, unsigned event);
void clear_event(unsigned device, unsigned event);
void discard_event(unsigned device, unsigned event);
void invalidate(unsigned device, unsigned event);
void invalidate_all(unsigned collection);
void command(uint64_t first, uint64_t second, uint64_t third, uint64_t fourth);
// Whether all commands have been read.
bool queue_empty(void);

// Takes and ends an interrupt at a CPU.
unsigned take_at(unsigned cpu);
