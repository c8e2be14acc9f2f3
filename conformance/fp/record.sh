#!/bin/sh
# Records the fixtures of the floating-point tests anew. Needs aarch64-linux-gnu-gcc and
# qemu-aarch64-static (7.2 was used).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../lib/arch/aarch64/testing
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# fixture FILE NAME COMMENT < lines
fixture() {
  {
    echo "/** $3 */"
    printf 'export const %s: string = `\\\n' "$2"
    cat
    echo '`;'
  } > "$out/$1"
}

aarch64-linux-gnu-gcc -O2 -static -o "$tmp/vectors" "$here/vectors.c" "$here/instructions.S"
qemu-aarch64-static -cpu cortex-a57 "$tmp/vectors" | sort -u |
  fixture fp_vectors.ts fpVectors \
    'Checksums of results recorded with conformance/fp/vectors.c, which says how.'

aarch64-linux-gnu-gcc -O1 -static -o "$tmp/encodings" "$here/encodings.c"
qemu-aarch64-static -cpu cortex-a57 "$tmp/encodings" |
  fixture simd_encodings.ts simdEncodings \
    'Allocated words of the SIMD and floating-point group, recorded with conformance/fp/encodings.c.'
