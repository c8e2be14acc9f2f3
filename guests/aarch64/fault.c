// What a program does with an exception that it does not expect, unless it has an on_fault of its own.
#include "../common/machine.h"
#include "../common/print.h"
#include "aarch64.h"
#include "exception.h"

void on_fault(const struct frame *frame, unsigned vector) {
  print("Bail out! CPU %u: %s: vector %u, ESR 0x%08lx, FAR 0x%lx, ELR 0x%lx\n", cpu_index(),
        exception_name(frame->esr), vector, frame->esr, frame->far, frame->elr);
  machine_off();
}
