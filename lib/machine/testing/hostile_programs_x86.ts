/**
 * Bare-metal programs of x86 that try to keep the host to themselves: their source for GNU as (Intel
 * syntax), and their bytes.
 */
import { bytes, interruptProgram } from "./programs_x86.ts";

/*
  push 0
  push 0
  lidt [esp]
  int3
*/
/** There is no IDT: a triple fault, and the machine begins anew. */
const triples = bytes(`
  6a006a00 0f011c24 cc
`);

/*
  mov byte ptr [0xfea00202], 0x42
1: jmp 1b
*/
const resets = bytes(`
  c6050202 a0fe42eb fe
`);

/*
1: mov eax, cr4
  xor eax, 0x80
  mov cr4, eax
  mov ecx, [ebx]
  jmp 1b
*/
const invalidations = bytes(`
  0f20e035 80000000 0f22e08b 0bebf1
`);

/*
1: mov edi, 0x200000
  mov ecx, 0x800000
  xor eax, eax
  repe scasb
  jmp 1b
*/
const strings = bytes(`
  bf000020 00b90000 800031c0 f3aeebf0
`);

/*
  call 1f
1: pop esi
2: mov eax, 0
  inc dword ptr [esi + 2b - 1b + 1]
  jmp 2b
*/
const selfModifying = bytes(`
  e8000000 005eb800 000000ff 46fcebf6
`);

/*
  mov al, 0x34
  out 0x43, al
  mov al, 2
  out 0x40, al
  mov al, 0
  out 0x40, al
1: hlt
  jmp 1b
*/
const fastPit = bytes(`
  b034e643 b002e640 b000e640 f4ebfd
`);

/*
// In interruptProgram.
.set lapic, 0xfee00000
main:
  mov dword ptr [lapic + 0x320], 0x20040
  mov dword ptr [lapic + 0x3e0], 0xb
  mov dword ptr [lapic + 0x380], 1
2: sti
  hlt
  jmp 2b
handler:
  mov dword ptr [lapic + 0xb0], 0
  iretd
*/
const fastTimer = interruptProgram(
  bytes(`
  c7052003 e0fe4000 0200c705 e003e0fe 0b000000 c7058003 e0fe0100 0000fbf4 ebfc
`),
  bytes(`
  c705b000 e0fe0000 0000cf
`),
);

/*
  mov esp, 0x90000
  call 1f
1: pop ebp
  lea eax, [ebp + gdt - 1b]
  mov [esp - 6], eax
  mov word ptr [esp - 8], 0x27
  lgdt [esp - 8]
  lea eax, [ebp + user - 1b]
  mov edi, 0x80000
  mov word ptr [edi + 0x88], ax
  mov word ptr [edi + 0x8a], 0x1b
  mov word ptr [edi + 0x8c], 0xee00
  mov edx, eax
  shr edx, 16
  mov word ptr [edi + 0x8e], dx
  mov dword ptr [esp - 6], edi
  mov word ptr [esp - 8], 0x0fff
  lidt [esp - 8]
  mov ecx, cr0
  or ecx, 0x40000
  mov cr0, ecx
  mov ecx, 0x23
  mov ds, ecx
  push 0x23
  push 0x88002
  push 0x40002
  push 0x1b
  push eax
  iretd
user: push eax
  jmp user
  .balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
*/
/** A gate to CPL 3 for #AC, and a stack there that is not aligned. */
const alignmentChecks = bytes(`
  bc000009 00e80000 00005d8d 857e0000 00894424 fa66c744 24f82700 0f015424 f88d857a 000000bf 00000800
  66898788 00000066 c7878a00 00001b00 66c7878c 00000000 ee89c2c1 ea106689 978e0000 00897c24 fa66c744
  24f8ff0f 0f015c24 f80f20c1 81c90000 04000f22 c1b92300 00008ed9 6a236802 80080068 02000400 6a1b50cf
  50ebfd90 00000000 00000000 ffff0000 009bcf00 ffff0000 0093cf00 ffff0000 00fbcf00 ffff0000 00f3cf00
`);

/** The programs by what they do. */
export const hostileProgramsX86: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "triple faults without end": triples,
  "resets without end": resets,
  "TLBs that are dropped before each access": invalidations,
  "strings that are compared without end": strings,
  "code that is overwritten before each run": selfModifying,
  "a PIT that counts to two, and HLT": fastPit,
  "a local APIC's timer that counts to one": fastTimer,
  "#AC in the delivery of #AC": alignmentChecks,
};
