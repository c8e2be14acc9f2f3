#include "arguments.h"
#include "machine.h"
#include "text.h"

// Ends of a NAME, and of a word in the command line.
static bool ends(char character, char end) {
  return character == 0 || character == end;
}

bool argument_text(const char *name, char *value, size_t size) {
  const char *line = machine_command_line();
  size_t length = text_length(name), copied = 0;
  if (line == 0) return false;
  for (const char *at = line; *at; at++) {
    if ((at != line && at[-1] != ' ') || !text_starts(at, name)) continue;
    const char *text = at + length;
    if (*text == '=') text++;
    else if (!ends(*text, ' ')) continue;
    for (; !ends(text[copied], ' ') && copied + 1 < size; copied++) value[copied] = text[copied];
    value[copied] = 0;
    return true;
  }
  return false;
}

uint64_t argument_number(const char *name, uint64_t otherwise) {
  char text[24];
  uint64_t value;
  return argument_text(name, text, sizeof text) && text_number(text, &value) ? value : otherwise;
}

bool listed(const char *list, const char *word) {
  size_t length = text_length(word);
  for (const char *at = list; *at; at++) {
    if ((at == list || at[-1] == ',') && text_starts(at, word) && ends(at[length], ',')) return true;
  }
  return false;
}
