// Reader of a flattened device tree (Devicetree Specification 0.4, chapter 5).
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FDT_MAX_DEPTH 8

// A node in a walk through the tree in document order.
struct fdt_node {
  const char *name;
  unsigned depth; // the root has 1
  // Cells of an address and of a size in this node's "reg".
  uint32_t address_cells, size_cells;
  // Of the walk.
  const uint32_t *properties;
  uint32_t child_cells[FDT_MAX_DEPTH + 1][2];
};

// False if there is no tree at this address. To be called first.
bool fdt_open(const void *tree);
uint64_t fdt_address(void);
uint32_t fdt_size(void);

// Starts before the root; fdt_next goes to the next node, false after the last.
void fdt_start(struct fdt_node *node);
bool fdt_next(struct fdt_node *node);
bool fdt_find_compatible(const char *compatible, struct fdt_node *node);
// By the name before the unit address.
bool fdt_find_name(const char *name, struct fdt_node *node);

// Null if the node has no such property.
const void *fdt_property(const struct fdt_node *node, const char *name, uint32_t *bytes);
// Text of a property, its first if it is a list; null if there is none.
const char *fdt_text(const struct fdt_node *node, const char *name);
bool fdt_compatible(const struct fdt_node *node, const char *compatible);
// The index-th pair of "reg".
bool fdt_reg(const struct fdt_node *node, unsigned index, uint64_t *address, uint64_t *size);
// GIC interrupt number of the index-th of "interrupts" (bindings of arm,gic).
bool fdt_interrupt(const struct fdt_node *node, unsigned index, uint32_t *interrupt);
