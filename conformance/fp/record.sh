#!/bin/sh
# Records the fixtures of the floating-point tests anew. Needs aarch64-linux-gnu-gcc and
# qemu-aarch64-static (7.2 was used).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../lib/arch/aarch64/testing
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

aarch64-linux-gnu-gcc -O2 -static -o "$tmp/vectors" "$here/vectors.c" "$here/instructions.S"
qemu-aarch64-static -cpu cortex-a57 "$tmp/vectors" | sort -u > "$out/fp_vectors.txt"

aarch64-linux-gnu-gcc -O1 -static -o "$tmp/encodings" "$here/encodings.c"
qemu-aarch64-static -cpu cortex-a57 "$tmp/encodings" > "$out/simd_encodings.txt"
