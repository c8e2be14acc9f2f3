// Power State Coordination Interface (Arm DEN 0022).
#pragma once
#include <stdint.h>

// HVC or SMC, as the device tree says. To be called first.
void psci_init(void);
// A firmware call (SMC Calling Convention, DEN 0028) by that conduit; gives X0.
int64_t firmware_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
// Major version in bits 31..16, minor in 15..0.
uint32_t psci_version(void);
// Starts a CPU in secondary_start with this index; 0 or a negative error.
int psci_cpu_on(uint64_t affinity, unsigned index);
void psci_system_off(void) __attribute__((noreturn));
void psci_system_reset(void) __attribute__((noreturn));
