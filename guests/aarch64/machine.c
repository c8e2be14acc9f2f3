#include "../common/machine.h"
#include "pl011.h"
#include "psci.h"

void machine_off(void) {
  pl011_flush();
  psci_system_off();
}
