// Single instructions as functions, for guarded().
#pragma once
#include <stdint.h>

// Memory accesses: the address is the first argument.
void load(), load_word(), load_pair(), load_exclusive(), load_user(), store(), store_user(), swap(), compare_swap(), zero_block();
// A jump to the first argument, which may return.
void jump();
// ERET to the first argument with the second as SPSR_EL1 and the third in X0.
void enter();
// A load with debug exceptions unmasked.
void load_debugged();
// An interrupt that is pending is taken at the label of the same name.
void unmask(), unmask_register(), wait_then_unmask();
extern char unmasked[], unmasked_register[], waited[];
