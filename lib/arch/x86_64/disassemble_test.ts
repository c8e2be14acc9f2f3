/** Texts are those of GNU objdump 2.40 with -M intel; conformance/disassembly compares all rows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { X86Decoder } from "./decoder.ts";
import { X86Disassembler } from "./disassemble.ts";
import { instructionRows } from "./instruction_rows.ts";

/** Bytes from one instruction to the next. */
const SLOT = 32;

const in64: readonly (readonly [string, string])[] = [
  ["48 89 e5", "mov    rbp,rsp"],
  ["8b 45 fc", "mov    eax,DWORD PTR [rbp-0x4]"],
  ["f0 48 0f b1 0f", "lock cmpxchg QWORD PTR [rdi],rcx"],
  ["42 8a 84 e3 78 56 34 12", "mov    al,BYTE PTR [rbx+r12*8+0x12345678]"],
  ["8b 04 25 00 00 00 80", "mov    eax,DWORD PTR ds:0xffffffff80000000"],
  ["8b 05 10 00 00 00", "mov    eax,DWORD PTR [rip+0x10]        # 0xb6"],
  ["67 8b 04 25 10 00 00 00", "mov    eax,DWORD PTR [eiz*1+0x10]"],
  ["64 48 8b 04 25 28 00 00 00", "mov    rax,QWORD PTR fs:0x28"],
  ["66 c7 00 34 12", "mov    WORD PTR [rax],0x1234"],
  ["48 c7 c0 ff ff ff ff", "mov    rax,0xffffffffffffffff"],
  ["48 b8 08 07 06 05 04 03 02 01", "movabs rax,0x102030405060708"],
  ["a0 88 77 66 55 44 33 22 11", "movabs al,ds:0x1122334455667788"],
  ["48 83 c0 80", "add    rax,0xffffffffffffff80"],
  ["c0 e0 ff", "shl    al,0xff"],
  ["6a 80", "push   0xffffffffffffff80"],
  ["68 00 00 00 80", "push   0xffffffff80000000"],
  ["66 6a 05", "pushw  0x5"],
  ["41 57", "push   r15"],
  ["0f 84 00 01 00 00", "je     0x346"],
  ["74 fe", "je     0x260"],
  ["e3 00", "jrcxz  0x282"],
  ["67 e3 00", "jecxz  0x2a3"],
  ["e8 00 00 00 00", "call   0x2c5"],
  ["ff 15 00 10 00 00", "call   QWORD PTR [rip+0x1000]        # 0x12e6"],
  ["ff 64 c8 08", "jmp    QWORD PTR [rax+rcx*8+0x8]"],
  ["c3", "ret"],
  ["c2 10 00", "ret    0x10"],
  ["c8 10 00 01", "enter  0x10,0x1"],
  ["0f b6 c0", "movzx  eax,al"],
  ["4c 0f be c1", "movsx  r8,cl"],
  ["48 63 d0", "movsxd rdx,eax"],
  ["f3 48 a5", "rep movs QWORD PTR es:[rdi],QWORD PTR ds:[rsi]"],
  ["64 ac", "lods   al,BYTE PTR fs:[rsi]"],
  ["f2 ae", "repnz scas al,BYTE PTR es:[rdi]"],
  ["f3 a6", "repz cmps BYTE PTR ds:[rsi],BYTE PTR es:[rdi]"],
  ["0f 94 c0", "sete   al"],
  ["44 0f 45 f8", "cmovne r15d,eax"],
  ["90", "nop"],
  ["66 90", "xchg   ax,ax"],
  ["48 90", "rex.W nop"],
  ["41 90", "xchg   r8d,eax"],
  ["f3 90", "pause"],
  ["0f 1f 44 00 00", "nop    DWORD PTR [rax+rax*1+0x0]"],
  ["66 2e 0f 1f 84 00 00 00 00 00", "cs nop WORD PTR [rax+rax*1+0x0]"],
  ["f3 0f 1e fa", "endbr64"],
  ["48 98", "cdqe"],
  ["99", "cdq"],
  ["9c", "pushf"],
  ["66 9d", "popfw"],
  ["cf", "iret"],
  ["48 cf", "iretq"],
  ["cd 80", "int    0x80"],
  ["cc", "int3"],
  ["ec", "in     al,dx"],
  ["66 e7 60", "out    0x60,ax"],
  ["d9 c1", "fld    st(1)"],
  ["d8 06", "fadd   DWORD PTR [rsi]"],
  ["dd 7d 00", "fnstsw WORD PTR [rbp+0x0]"],
  ["db 2c 24", "fld    TBYTE PTR [rsp]"],
  ["de c1", "faddp  st(1),st"],
  ["df e0", "fnstsw ax"],
  ["9b", "fwait"],
  ["0f 58 c1", "addps  xmm0,xmm1"],
  ["f2 0f 10 45 f0", "movsd  xmm0,QWORD PTR [rbp-0x10]"],
  ["f3 0f 2a c0", "cvtsi2ss xmm0,eax"],
  ["f2 48 0f 2a c0", "cvtsi2sd xmm0,rax"],
  ["66 0f 6e c0", "movd   xmm0,eax"],
  ["66 48 0f 6e c0", "movq   xmm0,rax"],
  ["66 0f 70 c1 1b", "pshufd xmm0,xmm1,0x1b"],
  ["0f c2 c1 00", "cmpeqps xmm0,xmm1"],
  ["f2 0f c2 c1 08", "cmpsd  xmm0,xmm1,0x8"],
  ["66 0f 38 14 c1", "blendvps xmm0,xmm1,xmm0"],
  ["66 0f 3a 44 c1 11", "pclmulhqhqdq xmm0,xmm1"],
  ["66 0f 3a 14 c8 02", "pextrb eax,xmm1,0x2"],
  ["66 48 0f 3a 16 c8 01", "pextrq rax,xmm1,0x1"],
  ["0f ae 10", "ldmxcsr DWORD PTR [rax]"],
  ["0f c7 0f", "cmpxchg8b QWORD PTR [rdi]"],
  ["48 0f c7 0f", "cmpxchg16b OWORD PTR [rdi]"],
  ["c4 e2 78 f2 c3", "andn   eax,eax,ebx"],
  ["c4 e3 fb f0 c1 07", "rorx   rax,rcx,0x7"],
  ["f2 0f 38 f1 c1", "crc32  eax,ecx"],
  ["0f 01 f8", "swapgs"],
  ["0f 00 d8", "ltr    ax"],
  ["0f 20 c0", "mov    rax,cr0"],
  ["0f 22 e0", "mov    cr4,rax"],
  ["0f 23 f8", "mov    dr7,rax"],
  ["8e d8", "mov    ds,eax"],
  ["8c c8", "mov    eax,cs"],
  ["0f a2", "cpuid"],
  ["0f 05", "syscall"],
  ["48 0f 07", "sysretq"],
  ["0f 01 3e", "invlpg BYTE PTR [rsi]"],
  ["0f 01 1f", "lidt   [rdi]"],
  ["fb", "sti"],
  ["f4", "hlt"],
  ["26 48 01 00", "es add QWORD PTR [rax],rax"],
  ["48 66 01 c8", "rex.W add ax,cx"],
  ["40 80 c4 01", "add    spl,0x1"],
  ["80 c4 01", "add    ah,0x1"],
  ["40 01 c8", "rex add eax,ecx"],
  ["f2 01 c8", "repnz add eax,ecx"],
];
const in32: readonly (readonly [string, string])[] = [
  ["55", "push   ebp"],
  ["66 50", "push   ax"],
  ["8b 44 24 08", "mov    eax,DWORD PTR [esp+0x8]"],
  ["65 a1 14 00 00 00", "mov    eax,gs:0x14"],
  ["67 8b 42 f0", "mov    eax,DWORD PTR [bp+si-0x10]"],
  ["ea 78 56 34 12 08 00", "jmp    0x8:0x12345678"],
  ["60", "pusha"],
  ["66 60", "pushaw"],
  ["40", "inc    eax"],
  ["c4 00", "les    eax,FWORD PTR [eax]"],
  ["0f b2 00", "lss    eax,FWORD PTR [eax]"],
  ["9d", "popf"],
  ["66 cf", "iretw"],
  ["e8 fb ff ff ff", "call   0x1a0"],
  ["ff 25 00 10 00 00", "jmp    DWORD PTR ds:0x1000"],
  ["cf", "iret"],
  ["0f 01 1d 00 10 00 00", "lidtd  ds:0x1000"],
  ["0f 20 d8", "mov    eax,cr3"],
  ["63 c8", "arpl   ax,cx"],
  ["62 00", "bound  eax,QWORD PTR [eax]"],
  ["d4 0a", "aam    0xa"],
  ["66 ea 34 12 08 00", "jmp    0x8:0x1234"],
  ["2e 8b 00", "mov    eax,DWORD PTR cs:[eax]"],
  ["36 8b 00", "mov    eax,DWORD PTR ss:[eax]"],
];
const in16: readonly (readonly [string, string])[] = [
  ["fa", "cli"],
  ["31 c0", "xor    ax,ax"],
  ["8e d8", "mov    ds,ax"],
  ["8a 42 f0", "mov    al,BYTE PTR [bp+si-0x10]"],
  ["66 0f 01 16 34 12", "lgdtd  ds:0x1234"],
  ["0f 20 c0", "mov    eax,cr0"],
  ["66 ea 78 56 34 12 08 00", "jmp    0x8:0x12345678"],
  ["e8 fd ff", "call   0xe0"],
  ["67 8a 04 24", "mov    al,BYTE PTR [esp]"],
  ["66 50", "push   eax"],
];

const bytesOf = (text: string): number[] => text.split(" ").map((byte) => parseInt(byte, 16));

for (const [bits, list] of [[64, in64], [32, in32], [16, in16]] as const) {
  test(`${bits}-bit code`, () => {
    const code = new Uint8Array(SLOT * list.length).fill(0x90);
    list.forEach(([bytes], i) => code.set(bytesOf(bytes), SLOT * i));
    const disassembler = new X86Disassembler(new X86Decoder(instructionRows), bits);
    list.forEach(([bytes, expected], i) => {
      const { text, length } = disassembler.disassemble(code, SLOT * i, BigInt(SLOT * i));
      assert.equal(text, expected, bytes);
      assert.equal(length, bytesOf(bytes).length, bytes);
    });
  });
}

test("what is no instruction is one byte", () => {
  const disassembler = new X86Disassembler(new X86Decoder(instructionRows));
  for (const text of ["06", "0f 04", "f0 90", "c5 f8 58 c1", "48", "0f", "8b"]) {
    const bytes = Uint8Array.from(bytesOf(text));
    assert.deepEqual(disassembler.disassemble(bytes, 0, 0n), { text: "(bad)", length: 1 }, text);
  }
});
