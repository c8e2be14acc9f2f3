#include "fdt.h"
#include "text.h"

enum { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4, END = 9 };

static const uint32_t *header, *structure;
static const char *strings;

static uint32_t big(const uint32_t *cell) {
  return __builtin_bswap32(*cell);
}

static const uint32_t *after(const void *start, uint32_t bytes) {
  return (const uint32_t *)(((uintptr_t)start + bytes + 3) & ~(uintptr_t)3);
}

bool fdt_open(const void *tree) {
  const uint32_t *words = tree;
  if (words == 0 || ((uintptr_t)words & 7) != 0 || big(words) != 0xd00dfeed) return false;
  header = words;
  structure = after(words, big(words + 2));
  strings = (const char *)words + big(words + 3);
  return true;
}

uint64_t fdt_address(void) {
  return (uintptr_t)header;
}

uint32_t fdt_size(void) {
  return header ? big(header + 1) : 0;
}

void fdt_start(struct fdt_node *node) {
  memset(node, 0, sizeof *node);
  node->properties = structure;
}

bool fdt_next(struct fdt_node *node) {
  const uint32_t *at = node->properties;
  if (at == 0) return false;
  for (;;) {
    switch (big(at++)) {
      case BEGIN_NODE: {
        if (node->depth == FDT_MAX_DEPTH) return false;
        node->name = (const char *)at;
        node->address_cells = node->child_cells[node->depth][0];
        node->size_cells = node->child_cells[node->depth][1];
        node->depth++;
        node->properties = after(at, (uint32_t)text_length(node->name) + 1);
        uint32_t bytes;
        const uint32_t *cells = fdt_property(node, "#address-cells", &bytes);
        node->child_cells[node->depth][0] = cells ? big(cells) : 2;
        cells = fdt_property(node, "#size-cells", &bytes);
        node->child_cells[node->depth][1] = cells ? big(cells) : 1;
        return true;
      }
      case END_NODE: node->depth--; break;
      case PROPERTY: at = after(at + 2, big(at)); break;
      case NOP: break;
      default: return false;
    }
  }
}

const void *fdt_property(const struct fdt_node *node, const char *name, uint32_t *bytes) {
  for (const uint32_t *at = node->properties;;) {
    uint32_t token = big(at++);
    if (token == NOP) continue;
    if (token != PROPERTY) return 0;
    *bytes = big(at);
    if (text_equal(strings + big(at + 1), name)) return at + 2;
    at = after(at + 2, *bytes);
  }
}

const char *fdt_text(const struct fdt_node *node, const char *name) {
  uint32_t bytes;
  const char *text = fdt_property(node, name, &bytes);
  return text && bytes > 0 && text[bytes - 1] == 0 ? text : 0;
}

bool fdt_compatible(const struct fdt_node *node, const char *compatible) {
  uint32_t bytes;
  const char *text = fdt_property(node, "compatible", &bytes);
  if (text == 0 || bytes == 0 || text[bytes - 1] != 0) return false;
  for (const char *end = text + bytes; text < end; text += text_length(text) + 1) {
    if (text_equal(text, compatible)) return true;
  }
  return false;
}

bool fdt_find_compatible(const char *compatible, struct fdt_node *node) {
  for (fdt_start(node); fdt_next(node);) if (fdt_compatible(node, compatible)) return true;
  return false;
}

bool fdt_find_name(const char *name, struct fdt_node *node) {
  size_t length = text_length(name);
  for (fdt_start(node); fdt_next(node);) {
    if (text_starts(node->name, name) && (node->name[length] == 0 || node->name[length] == '@')) return true;
  }
  return false;
}

static uint64_t cells(const uint32_t *at, uint32_t count) {
  uint64_t value = 0;
  while (count--) value = value << 32 | big(at++);
  return value;
}

bool fdt_reg(const struct fdt_node *node, unsigned index, uint64_t *address, uint64_t *size) {
  uint32_t bytes;
  const uint32_t *reg = fdt_property(node, "reg", &bytes);
  uint32_t pair = node->address_cells + node->size_cells;
  if (reg == 0 || bytes / 4 < (index + 1) * pair) return false;
  reg += index * pair;
  *address = cells(reg, node->address_cells);
  *size = cells(reg + node->address_cells, node->size_cells);
  return true;
}

bool fdt_interrupt(const struct fdt_node *node, unsigned index, uint32_t *interrupt) {
  uint32_t bytes;
  const uint32_t *interrupts = fdt_property(node, "interrupts", &bytes);
  if (interrupts == 0 || bytes < (index + 1) * 12) return false;
  interrupts += index * 3;
  *interrupt = big(interrupts + 1) + (big(interrupts) == 1 ? 16 : 32);
  return true;
}
