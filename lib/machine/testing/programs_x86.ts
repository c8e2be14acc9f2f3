/** Bare-metal programs of x86 for tests, for {@linkcode makePvhElf}: their source for GNU as (Intel syntax), and their bytes. */

/** Bytes from hexadecimal. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));
}

/*
  mov dx, 0x3f8
  mov esp, 0x90000
  call 1f
1: pop esi
  add esi, offset text - 1b
2: lodsb
  test al, al
  jz 3f
  out dx, al
  jmp 2b
3: cmp dword ptr [ebx], 0x336ec578
  mov al, 'N'
  jne 4f
  mov al, 'Y'
4: out dx, al
  mov byte ptr [0xfea00200], 0x34
5: hlt
  jmp 5b
text: .asciz "hello "
*/
/** Prints "hello " and whether EBX points to a struct hvm_start_info, then powers off. */
export const helloProgram: Uint8Array<ArrayBuffer> = bytes(`
  66baf803 bc000009 00e80000 00005e81 c6260000 00ac84c0 7403eeeb f8813b78 c56e33b0 4e7502b0 59eec605
  0002a0fe 34f4ebfd 68656c6c 6f2000
`);

/*
1: mov dx, 0x3fd
  in al, dx
  test al, 1
  jz 1b
  mov dx, 0x3f8
  in al, dx
  cmp al, 4
  je 2f
  out dx, al
  jmp 1b
2: mov byte ptr [0xfea00200], 0x34
3: hlt
  jmp 3b
*/
/** Sends back what comes on the serial line, and powers off at Ctrl-D. */
export const echoProgram: Uint8Array<ArrayBuffer> = bytes(`
  66bafd03 eca80174 f766baf8 03ec3c04 7403eeeb ebc60500 02a0fe34 f4ebfd
`);

/*
.set lapic, 0xfee00000
  mov esp, 0x90000
  call 1f
1: pop ebp
  lea eax, [ebp + handler - 1b]
  mov edi, 0x80000            // IDT: vector 0x40
  mov word ptr [edi + 0x200], ax
  mov word ptr [edi + 0x202], 0x10
  mov word ptr [edi + 0x204], 0x8e00
  shr eax, 16
  mov word ptr [edi + 0x206], ax
  push edi
  push 0x020f0000
  lidt [esp + 2]
  mov dword ptr [lapic + 0xf0], 0x1ff
main:
*/
const interruptSetup = bytes(`
  bc000009 00e80000 00005d8d 85000000 00bf0000 08006689 87000200 0066c787 02020000 100066c7 87040200
  00008ec1 e8106689 87060200 00576800 000f020f 015c2402 c705f000 e0feff01 0000
`);
/** Where {@linkcode interruptSetup} has the distance of the handler, and the place that it is counted from. */
const [DISTANCE, ORIGIN] = [13, 10];

/** A program with a stack, an enabled local APIC and a handler of vector 0x40, which lies behind `main`. */
export function interruptProgram(main: Uint8Array, handler: Uint8Array): Uint8Array<ArrayBuffer> {
  const program = Uint8Array.from([...interruptSetup, ...main, ...handler]);
  const distance = interruptSetup.length + main.length - ORIGIN;
  new DataView(program.buffer).setUint32(DISTANCE, distance, true);
  return program;
}

/*
// Local APIC timer, one shot, three times; a letter for each interrupt, HLT between.
.set lapic, 0xfee00000
main:
  mov dword ptr [lapic + 0x320], 0x40
  mov dword ptr [lapic + 0x3e0], 0xb
  xor ebx, ebx
2: mov dword ptr [lapic + 0x380], 5000000
  inc ebx
3: sti
  hlt
  cli
  cmp byte ptr [0x70000], bl
  jne 3b
  cmp ebx, 3
  jne 2b
  mov byte ptr [0xfea00200], 0x34
4: hlt
  jmp 4b
handler:
  push eax
  push edx
  mov dx, 0x3f8
  mov al, 'T'
  out dx, al
  inc byte ptr [0x70000]
  mov dword ptr [lapic + 0xb0], 0
  pop edx
  pop eax
  iretd
*/
/** Prints "T" at each of three interrupts of the local APIC's timer, 5 ms after one another, then powers off. */
export const timerProgram: Uint8Array<ArrayBuffer> = interruptProgram(
  bytes(`
  c7052003 e0fe4000 0000c705 e003e0fe 0b000000 31dbc705 8003e0fe 404b4c00 43fbf4fa 381d0000 070075f5
  83fb0375 e5c60500 02a0fe34 f4ebfd
`),
  bytes(`
  505266ba f803b054 eefe0500 000700c7 05b000e0 fe000000 005a58cf
`),
);

/*
// The other vCPU is started in real mode at 0x8000, says 'A' and 'B' in protected mode, and counts.
.set lapic, 0xfee00000
  mov esp, 0x90000
  call 1f
1: pop esi
  add esi, ap - 1b
  mov edi, 0x8000
  mov ecx, ap_end - ap
  cld
  rep movsb
  mov dword ptr [lapic + 0xf0], 0x1ff
  mov dword ptr [lapic + 0x310], 0x01000000
  mov dword ptr [lapic + 0x300], 0x4500
  mov dword ptr [lapic + 0x300], 0x4608
2: pause
  cmp dword ptr [0x9000], 1
  jne 2b
  mov dx, 0x3f8
  mov al, 'C'
  out dx, al
  mov byte ptr [0xfea00200], 0x34
3: hlt
  jmp 3b
.code16
ap: mov dx, 0x3f8
  mov al, 'A'
  out dx, al
  mov ax, cs
  mov ds, ax
  lgdt [gdtr - ap]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  .byte 0x66, 0xea
  .long 0x8000 + protected - ap
  .word 8
.code32
protected: mov ax, 0x10
  mov ds, ax
  mov al, 'B'
  out dx, al
  mov dword ptr [0x9000], 1
4: hlt
  jmp 4b
.balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: .word 23
  .long 0x8000 + gdt - ap
ap_end:
*/
/** Starts the second vCPU, which prints "A" in real mode and "B" in protected mode; prints "C" and powers off. */
export const smpProgram: Uint8Array<ArrayBuffer> = bytes(`
  bc000009 00e80000 00005e81 c6580000 00bf0080 0000b954 000000fc f3a4c705 f000e0fe ff010000 c7051003
  e0fe0000 0001c705 0003e0fe 00450000 c7050003 e0fe0846 0000f390 833d0090 00000175 f566baf8 03b043ee
  c6050002 a0fe34f4 ebfdbaf8 03b041ee 8cc88ed8 0f01164e 000f20c0 0c010f22 c066ea1f 80000008 0066b810
  008ed8b0 42eec705 00900000 01000000 f4ebfd90 00000000 00000000 ffff0000 009bcf00 ffff0000 0093cf00
  17003680 0000
`);

/*
// The power button is pin 9 of the I/O APIC, by edge: says 'P' and powers off when it comes.
.set lapic, 0xfee00000
.set ioapic, 0xfec00000
main:
  mov dword ptr [ioapic], 0x23
  mov dword ptr [ioapic + 0x10], 0
  mov dword ptr [ioapic], 0x22
  mov dword ptr [ioapic + 0x10], 0x40
  mov dx, 0x3f8
  mov al, '?'
  out dx, al
  sti
2: hlt
  jmp 2b
handler:
  mov al, 'P'
  out dx, al
  mov byte ptr [0xfea00200], 0x34
3: hlt
  jmp 3b
*/
/** Prints "?", waits for the power button, prints "P" and powers off. */
export const buttonProgram: Uint8Array<ArrayBuffer> = interruptProgram(
  bytes(`
  c7050000 c0fe2300 0000c705 1000c0fe 00000000 c7050000 c0fe2200 0000c705 1000c0fe 40000000 66baf803
  b03feefb f4ebfd
`),
  bytes(`
  b050eec6 050002a0 fe34f4eb fd
`),
);

/*
// Where nobody answers, in memory and at ports, there are ones; writes go nowhere.
  mov eax, [0xd0000000]
  mov [0xd0000000], eax
  inc eax
  jnz 1f
  mov dx, 0x2f8
  out dx, eax
  in ax, dx
  inc ax
  jnz 1f
  mov dx, 0x3f8
  mov al, 'Y'
  out dx, al
  mov byte ptr [0xfea00200], 0x34
1: hlt
  jmp 1b
*/
/** Prints "Y" and powers off if reads where nobody answers give ones. */
export const nobodyProgram: Uint8Array<ArrayBuffer> = bytes(`
  a1000000 d0a30000 00d04075 1966baf8 02ef66ed 6640750e 66baf803 b059eec6 050002a0 fe34f4eb fd
`);

/*
// Says 'R' and resets the machine by the reset register.
  mov dx, 0x3f8
  mov al, 'R'
  out dx, al
  mov byte ptr [0xfea00202], 0x42
1: hlt
  jmp 1b
*/
/** Prints "R" and resets the machine by its register. */
export const resetProgram: Uint8Array<ArrayBuffer> = bytes(`
  66baf803 b052eec6 050202a0 fe42f4eb fd
`);

/*
  mov dx, 0x3f8
  mov al, '!'
  out dx, al
  ud2
*/
/** Prints "!" and runs into a triple fault. */
export const tripleProgram: Uint8Array<ArrayBuffer> = bytes(`
  66baf803 b021ee0f 0b
`);

/*
// Prints "B"; the other vCPU is started in real mode and jumps to the reset vector, as Linux does to reboot.
.set lapic, 0xfee00000
  mov byte ptr [0x8000], 0xea
  mov dword ptr [0x8001], 0xf000fff0
  mov dx, 0x3f8
  mov al, 'B'
  out dx, al
  mov dword ptr [lapic + 0xf0], 0x1ff
  mov dword ptr [lapic + 0x310], 0x01000000
  mov dword ptr [lapic + 0x300], 0x4500
  mov dword ptr [lapic + 0x300], 0x4608
1: hlt
  jmp 1b
*/
/** Prints "B" and has the second vCPU jump to the reset vector in real mode. */
export const biosProgram: Uint8Array<ArrayBuffer> = bytes(`
  c6050080 0000eac7 05018000 00f0ff00 f066baf8 03b042ee c705f000 e0feff01 0000c705 1003e0fe 00000001
  c7050003 e0fe0045 0000c705 0003e0fe 08460000 f4ebfd
`);

/*
1: inc eax
  jmp 1b
*/
/** Counts in EAX for ever. */
export const busyProgram: Uint8Array<ArrayBuffer> = bytes(`
  40ebfd
`);
