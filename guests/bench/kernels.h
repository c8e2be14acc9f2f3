// Kernels of fixed work: `scale` repeats the work, the result is its checksum.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// One step of a hash over 64-bit words.
static inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

// Pseudorandom numbers (xorshift, 64 bits); the state is not 0.
static inline uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

// General registers only.
uint64_t sieve(unsigned scale);
uint64_t crc(unsigned scale);
uint64_t sort(unsigned scale);
uint64_t matrix(unsigned scale);
uint64_t list(unsigned scale);
uint64_t calls(unsigned scale);
uint64_t string(unsigned scale);
uint64_t automaton(unsigned scale);
uint64_t copy(unsigned scale);

// Floating point; the compiler may fuse multiplication and addition, and use vectors.
uint64_t nbody(unsigned scale);
uint64_t daxpy(unsigned scale);
uint64_t sgemm(unsigned scale);
uint64_t mandel(unsigned scale);

// Exits to the machine: device registers, interrupts, the serial line.
uint64_t registers(unsigned scale);
uint64_t interrupts(unsigned scale);
uint64_t console(unsigned scale);

// Virtio devices; the kernels of one that is not there are left out.
bool has_disk(void);
bool has_console(void);
uint64_t disk_read(unsigned scale);
uint64_t disk_write(unsigned scale);
uint64_t disk_random(unsigned scale);
uint64_t disk_single(unsigned scale);
uint64_t virtio_console(unsigned scale);
