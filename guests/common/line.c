#include "line.h"
#include "print.h"
#include "text.h"

enum { HISTORY = 8, CTRL_C = 3, BACKSPACE = 8, CTRL_U = 21, ESCAPE = 27, DELETE = 127 };

static char history[HISTORY][LINE_SIZE];
static unsigned remembered;

static void erase(unsigned characters) {
  while (characters--) print("\b \b");
}

static void remember(const char *line, unsigned length) {
  if (length == 0 || (remembered > 0 && text_equal(history[(remembered - 1) % HISTORY], line))) return;
  memcpy(history[remembered++ % HISTORY], line, length + 1);
}

// 'A' for up, 'B' for down, 0 for keys that mean nothing here (ECMA-48, CSI sequences).
static char read_arrow(void) {
  if (get_character() != '[') return 0;
  for (;;) {
    char last = get_character();
    if (last >= 0x40) return last == 'A' || last == 'B' ? last : 0;
  }
}

bool read_line(char line[LINE_SIZE]) {
  static char previous;
  unsigned length = 0, shown = remembered;
  for (;;) {
    char character = get_character();
    bool after_return = previous == '\r';
    previous = character;
    switch (character) {
      case '\n':
        if (after_return) break; // the second half of CR LF
        // fall through
      case '\r':
        print("\n");
        line[length] = 0;
        remember(line, length);
        return true;
      case CTRL_C:
        print("^C\n");
        return false;
      case BACKSPACE:
      case DELETE:
        if (length == 0) break;
        erase(1);
        length--;
        break;
      case CTRL_U:
        erase(length);
        length = 0;
        break;
      case ESCAPE: {
        char arrow = read_arrow();
        unsigned oldest = remembered > HISTORY ? remembered - HISTORY : 0;
        if (arrow == 'A' && shown > oldest) shown--;
        else if (arrow == 'B' && shown < remembered) shown++;
        else break;
        erase(length);
        length = 0;
        if (shown == remembered) break;
        length = (unsigned)text_length(history[shown % HISTORY]);
        memcpy(line, history[shown % HISTORY], length);
        line[length] = 0;
        print("%s", line);
        break;
      }
      default:
        if (character < ' ' || character > '~' || length == LINE_SIZE - 1) break;
        line[length++] = character;
        put_character(character);
    }
  }
}
