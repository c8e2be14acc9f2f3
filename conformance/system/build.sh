#!/bin/sh
# Builds system.bin from guest/, and expected.txt as QEMU prints it. Needs an AArch64 cross compiler
# and qemu-system-aarch64.
set -e
cd "$(dirname "$0")"
cc=aarch64-linux-gnu-gcc
elf=$(mktemp)
$cc -O1 -Wall -Werror -Wno-main -march=armv8.1-a -mgeneral-regs-only -mstrict-align -ffreestanding \
  -fno-pic -fno-stack-protector -fno-tree-loop-distribute-patterns -nostdlib -static \
  -Wl,--build-id=none -T guest/guest.ld -o "$elf" guest/*.S guest/*.c
aarch64-linux-gnu-objcopy -O binary "$elf" system.bin
rm -f "$elf"
timeout 60 qemu-system-aarch64 -M virt,gic-version=2 -cpu neoverse-n1 -m 128M -display none \
  -serial stdio -kernel system.bin > expected.txt
