// The monitor: commands on the serial line to look at the machine.
#include "monitor.h"
#include "../aarch64/aarch64.h"
#include "../aarch64/cpu.h"
#include "../aarch64/exception.h"
#include "../aarch64/gic.h"
#include "../aarch64/pl011.h"
#include "../aarch64/psci.h"
#include "../common/timer.h"
#include "../common/fdt.h"
#include "../common/line.h"
#include "../common/print.h"
#include "../common/text.h"

enum { MAX_WORDS = 4 };

static void help(int count, char **words);

static void reboot(int count, char **words) {
  (void)count, (void)words;
  print("Rebooting.\n");
  pl011_flush();
  psci_system_reset();
}

static void poweroff(int count, char **words) {
  (void)count, (void)words;
  print("Goodbye.\n");
  pl011_flush();
  psci_system_off();
}

static const struct command commands[] = {
    {"help", "", "this list", help},
    {"cpus", "", "start all CPUs and show them", show_cpus},
    {"mem", "", "show the memory and test it", show_memory},
    {"irq", "", "show the interrupt controller and what fired", show_interrupts},
    {"timer", "", "show the timer and sleep for a second", show_timer},
    {"devices", "", "show what the device tree says, and the virtio devices", show_devices},
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

// A fault that no command expects: prints it and goes back to the prompt.
void on_fault(const struct frame *frame, unsigned vector) {
  print("\nCPU %u: ", cpu_index());
  print_fault(frame);
  print("vector %u, SPSR 0x%08lx\n", vector, frame->spsr);
  for (unsigned i = 0; i < 31; i++) print("x%-2u 0x%016lx%s", i, frame->x[i], i % 3 == 2 ? "\n" : "  ");
  print("\n");
  if (cpu_index() != 0) {
    for (;;) wait_for_interrupt();
  }
  restore_context(&prompt, 1);
}

void print_fault(const struct frame *fault) {
  print("%s: ESR 0x%08lx (EC 0x%02lx, ISS 0x%07lx), ", exception_name(fault->esr), fault->esr,
        fault->esr >> 26 & 63, fault->esr & 0x1ffffff);
  if (exception_has_address(fault->esr)) print("FAR 0x%lx, ", fault->far);
  print("ELR 0x%lx\n", fault->elr);
}

bool interrupted(void) {
  if (!pl011_take_break()) return false;
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

// Called by start.S with the address of the device tree.
void run(const void *tree) {
  static char line[LINE_SIZE];
  bool described = fdt_open(tree);
  pl011_init();
  if (!described) {
    print("There is no device tree.\n");
    return;
  }
  psci_init();
  cpu_init();
  bool interrupts = gic_init();
  print("\nvml monitor, aarch64: %u CPU%s, %lu MiB, ", cpu_count, cpu_count == 1 ? "" : "s", ram_size >> 20);
  if (!interrupts) {
    print("no interrupt controller.\n");
    return;
  }
  print("GICv%u. Type help for the commands.\n\n", gic_version());
  timer_init();
  pl011_init_input();
  unmask_interrupts();
  if (save_context(&prompt)) unmask_interrupts();
  for (;;) {
    print("vml> ");
    if (read_line(line)) execute(line);
  }
}

