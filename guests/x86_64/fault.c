// What a program does with an exception that it does not expect, unless it has an on_fault of its own.
#include "../common/print.h"
#include "exception.h"
#include "x86_64.h"

void on_fault(const struct frame *frame) {
  print("Bail out! CPU %u: %s, vector 0x%lx, error 0x%lx, CR2 0x%lx, RIP 0x%lx\n", cpu_index(),
        exception_name((unsigned)frame->vector), frame->vector, frame->error, read_control("cr2"), frame->rip);
  machine_off();
}
