// The monitor: commands on the serial line to look at the machine.
#include "monitor.h"
#include "../common/console.h"
#include "../common/context.h"
#include "../common/cpu.h"
#include "../common/line.h"
#include "../common/print.h"
#include "../common/text.h"
#include "../common/timer.h"

enum { MAX_WORDS = 4 };

static void help(int count, char **words);

static void reboot(int count, char **words) {
  (void)count, (void)words;
  print("Rebooting.\n");
  machine_reset();
}

static void poweroff(int count, char **words) {
  (void)count, (void)words;
  print("Goodbye.\n");
  machine_off();
}

static const struct command commands[] = {
    {"help", "", "this list", help},
    {"cpus", "", "start all CPUs and show them", show_cpus},
    {"mem", "", "show the memory and test it", show_memory},
    {"irq", "", "show the interrupt controller and what fired", show_interrupts},
    {"timer", "", "show the timer and sleep for a second", show_timer},
    {"devices", "", devices_help, show_devices},
    {"peek", "ADDR [COUNT]", "read 32-bit words", peek},
    {"poke", "ADDR VALUE", "write a 32-bit word", poke},
    {"fault", "[KIND]", "cause a fault and go on", cause_fault},
    {"bench", "[MS]", "count instructions per second", bench},
    {"reboot", "", "reset the machine", reboot},
    {"poweroff", "", "turn it off", poweroff},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static struct context prompt;

static void help(int count, char **words) {
  (void)count, (void)words;
  for (unsigned i = 0; i < COMMANDS; i++) {
    const struct command *command = &commands[i];
    unsigned length = (unsigned)text_length(command->name);
    print("  %s %-*s %s\n", command->name, 20 - length, command->arguments, command->help);
  }
  print("Numbers are decimal or 0x and hexadecimal. Ctrl-C ends a command, Ctrl-U deletes the line, arrow up is the line before.\n");
}

void back_to_prompt(void) {
  restore_context(&prompt, 1);
}

bool interrupted(void) {
  if (!console_take_break()) return false;
  print("^C\n");
  return true;
}

static void execute(char *line) {
  char *words[MAX_WORDS];
  int count = 0;
  for (char *at = line; *at;) {
    while (*at == ' ') *at++ = 0;
    if (*at == 0) break;
    if (count == MAX_WORDS) {
      print("Too many words.\n");
      return;
    }
    words[count++] = at;
    while (*at && *at != ' ') at++;
  }
  if (count == 0) return;
  for (unsigned i = 0; i < COMMANDS; i++) {
    if (!text_equal(words[0], commands[i].name)) continue;
    commands[i].run(count, words);
    return;
  }
  print("There is no command \"%s\"; type help.\n", words[0]);
}

const char *virtio_name(uint32_t id) {
  switch (id) {
    case 1: return "network card";
    case 2: return "block device";
    case 3: return "console";
    case 4: return "entropy source";
    case 5: return "memory balloon";
    case 9: return "9P file system";
    case 16: return "graphics";
    case 18: return "input";
    case 19: return "socket";
    case 26: return "file system";
    default: return "device";
  }
}

void run(const void *boot) {
  static char line[LINE_SIZE];
  if (!machine_init(boot)) {
    print("There is no %s.\n", description);
    return;
  }
  cpu_init();
  const char *controller = start_interrupts();
  print("\nvml monitor, %s: %u CPU%s, %lu MiB, ", architecture, cpu_count, cpu_count == 1 ? "" : "s", ram_size >> 20);
  if (controller == 0) {
    print("no interrupt controller.\n");
    return;
  }
  print("%s. Type help for the commands.\n\n", controller);
  timer_init();
  console_init_input();
  machine_unmask_interrupts();
  if (save_context(&prompt)) machine_unmask_interrupts();
  for (;;) {
    print("vml> ");
    if (read_line(line)) execute(line);
  }
}
