// Tables of operations, for the assembler: struct operation of fp.h. `table` begins one, `finish` ends it.
.macro table name
.section .rodata.operations, "a"
.balign 8
.globl \name
\name:
.endm

.macro finish name
.section .rodata.operations, "a"
.globl \name
\name:
.endm

// A row: the checksums, and a routine that executes `text` between `before` and `after`.
.macro row plain, full, before, after, text
.section .rodata.names, "a"
7: .asciz "\text"
.text
8:
  \before
.intel_syntax noprefix
  \text
.att_syntax
  \after
  ret
.section .rodata.operations, "a"
.quad \plain, \full, 7b, 8b
.endm
