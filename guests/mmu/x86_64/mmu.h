// The parts of the program, and accesses that end in an exception or not.
#pragma once
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"

enum access { LOAD, STORE, FETCH };

// The window's page that the tests map, behind it one that is not.
#define PAGE 0x20
#define PAGE_ADDRESS (WINDOW + PAGE * PAGE_BYTES)
// Bits of CPUID: 7, EBX; 1, ECX; 0x80000001, EDX.
enum { CPUID_SMEP = 1 << 7, CPUID_INVPCID = 1 << 10, CPUID_SMAP = 1 << 20, CPUID_PCID = 1 << 17, CPUID_1_GIB = 1 << 26 };

// What the access did. A fetch is of code that is done at once; see data[1].
struct taken access(enum mode mode, enum access access, uint64_t address);
// A test: it did this; `error` of a page fault, which is also to have the address.
enum { NO_FAULT = -1 };
void check_access(const char *name, enum mode mode, enum access access, uint64_t address, int error);

void test_rights(void);
void test_levels(void);
void test_bits(void);
void test_changes(void);
void test_boundaries(void);
void test_prevention(void);
void test_contexts(void);
void test_legacy(void);
