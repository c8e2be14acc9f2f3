/**
 * One sample of each of the instructions that real programs use most: counted in the code that a boot
 * of Linux touches, then what the C library and locking add. Most frequent first. The interpreter has
 * their code inline. Registers, displacements and immediates do not matter; sizes and forms of
 * addresses do.
 */
const samples = `
  48 89 d8  mov rax,rbx
  48 8b 43 08  mov rax,QWORD PTR [rbx+0x8]
  5b  pop rbx
  e8 00 00 00 00  call 0x5
  53  push rbx
  48 89 43 08  mov QWORD PTR [rbx+0x8],rax
  74 00  je 0x2
  31 c0  xor eax,eax
  89 d8  mov eax,ebx
  b8 00 00 00 00  mov eax,0x0
  89 43 08  mov DWORD PTR [rbx+0x8],eax
  48 85 c0  test rax,rax
  48 c7 c0 00 00 00 00  mov rax,0x0
  75 00  jne 0x2
  0f 1f 44 00 00  nop DWORD PTR [rax+rax*1+0x0]
  8b 43 08  mov eax,DWORD PTR [rbx+0x8]
  0f 84 00 00 00 00  je 0x6
  48 8d 43 08  lea rax,[rbx+0x8]
  e9 00 00 00 00  jmp 0x5
  85 c0  test eax,eax
  c3  ret
  0f 85 00 00 00 00  jne 0x6
  48 83 c0 08  add rax,0x8
  48 c7 44 24 18 00 00 00 01  mov QWORD PTR [rsp+0x18],0x1000000
  89 44 13 28  mov DWORD PTR [rbx+rdx*1+0x28],eax
  48 39 d8  cmp rax,rbx
  48 8b 05 00 00 00 00  mov rax,QWORD PTR [rip+0x0]
  eb 00  jmp 0x2
  01 d8  add eax,ebx
  83 f8 08  cmp eax,0x8
  48 83 e8 08  sub rax,0x8
  48 01 d8  add rax,rbx
  48 8d 44 0b 08  lea rax,[rbx+rcx*1+0x8]
  65 48 8b 04 25 00 00 00 00  mov rax,QWORD PTR gs:0x0
  0f b6 43 08  movzx eax,BYTE PTR [rbx+0x8]
  83 e0 08  and eax,0x8
  84 c0  test al,al
  48 63 c3  movsxd rax,ebx
  c7 87 3c 01 00 00 00 00 00 00  mov DWORD PTR [rdi+0x13c],0x0
  8b 15 85 22 01 00  mov edx,DWORD PTR [rip+0x12285]
  48 89 05 f0 1b 01 00  mov QWORD PTR [rip+0x11bf0],rax
  48 c1 e0 08  shl rax,0x8
  39 d8  cmp eax,ebx
  65 48 2b 04 25 28 00 00 00  sub rax,QWORD PTR gs:0x28
  48 c1 e8 08  shr rax,0x8
  8d 69 ff  lea ebp,[rcx-0x1]
  48 29 d8  sub rax,rbx
  f6 43 08 01  test BYTE PTR [rbx+0x8],0x1
  48 83 38 00  cmp QWORD PTR [rax],0x0
  80 7b 08 00  cmp BYTE PTR [rbx+0x8],0x0
  72 00  jb 0x2
  48 8b 44 0b 08  mov rax,QWORD PTR [rbx+rcx*1+0x8]
  48 83 f8 08  cmp rax,0x8
  73 00  jae 0x2
  83 c0 08  add eax,0x8
  c6 03 00  mov BYTE PTR [rbx],0x0
  c1 c8 08  ror eax,0x8
  0f b6 c3  movzx eax,bl
  0f 1f 00  nop DWORD PTR [rax]
  88 43 08  mov BYTE PTR [rbx+0x8],al
  c1 e8 08  shr eax,0x8
  66 89 1c 24  mov WORD PTR [rsp],bx
  48 ba 00 00 10 00 00 8f 00 00  movabs rdx,0x8f0000100000
  81 e1 00 00 01 00  and ecx,0x10000
  f6 c1 01  test cl,0x1
  0f 87 00 00 00 00  ja 0x6
  80 f9 08  cmp cl,0x8
  48 81 fd 00 00 00 01  cmp rbp,0x1000000
  a8 01  test al,0x1
  77 00  ja 0x2
  48 3d 81 00 00 00  cmp rax,0x81
  29 d8  sub eax,ebx
  0f b7 43 08  movzx eax,WORD PTR [rbx+0x8]
  ff d0  call rax
  0f 82 00 00 00 00  jb 0x6
  c1 c0 08  rol eax,0x8
  76 00  jbe 0x2
  48 21 d8  and rax,rbx
  48 83 e0 08  and rax,0x8
  48 39 10  cmp QWORD PTR [rax],rdx
  3c 08  cmp al,0x8
  48 81 c1 00 00 01 00  add rcx,0x10000
  66 90  xchg ax,ax
  8d 44 0b 08  lea eax,[rbx+rcx*1+0x8]
  83 e8 08  sub eax,0x8
  48 63 16  movsxd rdx,DWORD PTR [rsi]
  0f 83 00 00 00 00  jae 0x6
  25 00 00 ff 60  and eax,0x60ff0000
  09 d8  or eax,ebx
  48 8d 05 00 00 00 00  lea rax,[rip+0x0]
  8b 44 0b 08  mov eax,DWORD PTR [rbx+rcx*1+0x8]
  7e 07  jle 0x9
  0f 86 00 00 00 00  jbe 0x6
  48 03 43 08  add rax,QWORD PTR [rbx+0x8]
  48 09 d8  or rax,rbx
  81 fe 1e 00 00 80  cmp esi,0x8000001e
  78 00  js 0x2
  0f 88 00 00 00 00  js 0x6
  f7 c7 ff ff 1f 00  test edi,0x1fffff
  ff 15 ff b7 9e ff  call QWORD PTR [rip+0xffffffffff9eb7ff]
  83 c8 08  or eax,0x8
  a9 ff ff ff 3f  test eax,0x3fffffff
  48 89 44 0b 08  mov QWORD PTR [rbx+rcx*1+0x8],rax
  42 33 04 8a  xor eax,DWORD PTR [rdx+r9*4]
  0f 94 c0  sete al
  83 7b 08 00  cmp DWORD PTR [rbx+0x8],0x0
  39 46 0c  cmp DWORD PTR [rsi+0xc],eax
  89 15 c8 b9 02 00  mov DWORD PTR [rip+0x2b9c8],edx
  80 3d 1d b0 02 00 00  cmp BYTE PTR [rip+0x2b01d],0x0
  48 81 e2 00 00 e0 ff  and rdx,0xffffffffffe00000
  48 c7 05 a9 97 02 00 00 00 00 00  mov QWORD PTR [rip+0x297a9],0x0
  21 d8  and eax,ebx
  c1 e0 08  shl eax,0x8
  48 03 05 e6 96 02 00  add rax,QWORD PTR [rip+0x296e6]
  48 81 ec c0 00 00 00  sub rsp,0xc0
  48 31 d8  xor rax,rbx
  0f 95 c0  setne al
  79 00  jns 0x2
  65 8b 1d 25 45 5a 7a  mov ebx,DWORD PTR gs:[rip+0x7a5a4525]
  48 d3 e0  shl rax,cl
  48 0f af c3  imul rax,rbx
  3d 1e 00 00 80  cmp eax,0x8000001e
  d3 e0  shl eax,cl
  83 3d 0c a9 02 00 63  cmp DWORD PTR [rip+0x2a90c],0x63
  48 d3 e8  shr rax,cl
  0f 8e 0b ff ff ff  jle 0xffffffffffffff11
  65 ff 0d 00 7a c0 7b  dec DWORD PTR gs:[rip+0x7bc07a00]
  65 ff 05 1c fa 50 7c  inc DWORD PTR gs:[rip+0x7c50fa1c]
  48 f7 d0  not rax
  49 c1 fa 30  sar r10,0x30
  3b 43 08  cmp eax,DWORD PTR [rbx+0x8]
  ff c0  inc eax
  48 3b 43 08  cmp rax,QWORD PTR [rbx+0x8]
  19 c0  sbb eax,eax
  7f 1f  jg 0x21
  83 43 04 01  add DWORD PTR [rbx+0x4],0x1
  48 f7 db  neg rbx
  48 98  cdqe
  41 0f b7 c5  movzx eax,r13w
  48 2b 35 74 9f 34 ff  sub rsi,QWORD PTR [rip+0xffffffffff349f74]
  0f 8f 52 01 00 00  jg 0x158
  65 48 03 2d 6c 61 5b 7c  add rbp,QWORD PTR gs:[rip+0x7c5b616c]
  0f b6 44 0b 08  movzx eax,BYTE PTR [rbx+rcx*1+0x8]
  48 0f 45 c2  cmovne rax,rdx
  48 01 40 02  add QWORD PTR [rax+0x2],rax
  48 83 ca 63  or rdx,0x63
  48 25 00 f0 ff ff  and rax,0xfffffffffffff000
  66 83 f8 3f  cmp ax,0x3f
  f6 05 fa 1c 01 00 02  test BYTE PTR [rip+0x11cfa],0x2
  48 0f 44 c3  cmove rax,rbx
  6a 10  push 0x10
  33 42 e0  xor eax,DWORD PTR [rdx-0x20]
  90  nop
  80 88 11 02 00 00 02  or BYTE PTR [rax+0x211],0x2
  3b 1d 32 96 25 00  cmp ebx,DWORD PTR [rip+0x259632]
  c7 05 30 ee 34 ff 01 00 00 00  mov DWORD PTR [rip+0xffffffffff34ee30],0x1
  44 0f 45 c2  cmovne r8d,edx
  48 63 15 74 e9 24 02  movsxd rdx,DWORD PTR [rip+0x224e974]
  48 2b 47 18  sub rax,QWORD PTR [rdi+0x18]
  3e 0f c1 13  ds xadd DWORD PTR [rbx],edx
  48 0f 42 c2  cmovb rax,rdx
  48 03 14 01  add rdx,QWORD PTR [rcx+rax*1]
  48 83 3d cc 9a 02 00 00  cmp QWORD PTR [rip+0x29acc],0x0
  48 c1 c7 0c  rol rdi,0xc
  48 ff c0  inc rax
  49 0f 47 dd  cmova rbx,r13
  c6 05 fe af 02 00 01  mov BYTE PTR [rip+0x2affe],0x1
  80 e7 02  and bh,0x2
  48 05 00 10 00 00  add rax,0x1000
  66 45 85 ed  test r13w,r13w
  f7 43 30 ff ff 1f 00  test DWORD PTR [rbx+0x30],0x1fffff
  38 d8  cmp al,bl
  65 48 8b 2d b3 2c 5e 7a  mov rbp,QWORD PTR gs:[rip+0x7a5e2cb3]
  0f 44 d0  cmove edx,eax
  01 0a  add DWORD PTR [rdx],ecx
  48 0f 43 c3  cmovae rax,rbx
  81 c3 00 01 00 00  add ebx,0x100
  ff e0  jmp rax
  48 69 c0 d3 4d 62 10  imul rax,rax,0x10624dd3
  48 f7 c7 9f ff ff ff  test rdi,0xffffffffffffff9f
  44 0f b6 2d bc a4 02 00  movzx r13d,BYTE PTR [rip+0x2a4bc]
  0f 46 d1  cmovbe edx,ecx
  49 d1 ee  shr r14,1
  48 f7 e2  mul rdx
  0f 10 07  movups xmm0,XMMWORD PTR [rdi]
  0f 11 07  movups XMMWORD PTR [rdi],xmm0
  f3 0f 6f 07  movdqu xmm0,XMMWORD PTR [rdi]
  f3 0f 7f 07  movdqu XMMWORD PTR [rdi],xmm0
  66 0f 6f 07  movdqa xmm0,XMMWORD PTR [rdi]
  0f 29 07  movaps XMMWORD PTR [rdi],xmm0
  66 0f ef c0  pxor xmm0,xmm0
  66 0f 74 c1  pcmpeqb xmm0,xmm1
  66 0f d7 c0  pmovmskb eax,xmm0
  0f be 43 08  movsx eax,BYTE PTR [rbx+0x8]
  0f bf 43 08  movsx eax,WORD PTR [rbx+0x8]
  0f a3 d8  bt eax,ebx
  48 0f a3 d8  bt rax,rbx
  0f bc c3  bsf eax,ebx
  0f bd c3  bsr eax,ebx
  48 0f bc c3  bsf rax,rbx
  f0 48 0f b1 13  lock cmpxchg QWORD PTR [rbx],rdx
  f0 0f b1 13  lock cmpxchg DWORD PTR [rbx],edx
  48 87 03  xchg QWORD PTR [rbx],rax
  87 03  xchg DWORD PTR [rbx],eax
  f0 48 0f c1 13  lock xadd QWORD PTR [rbx],rdx
  f0 ff 0b  lock dec DWORD PTR [rbx]
  c9  leave
  48 11 d8  adc rax,rbx
  11 d8  adc eax,ebx
  48 19 d8  sbb rax,rbx
  f7 e3  mul ebx
  d3 e8  shr eax,cl
  48 d3 f8  sar rax,cl
  48 d3 c0  rol rax,cl
  d3 c0  rol eax,cl
  f7 f3  div ebx
  48 29 43 08  sub QWORD PTR [rbx+0x8],rax
  48 21 43 08  and QWORD PTR [rbx+0x8],rax
  48 09 43 08  or QWORD PTR [rbx+0x8],rax
  09 43 08  or DWORD PTR [rbx+0x8],eax
  48 0b 43 08  or rax,QWORD PTR [rbx+0x8]
  48 23 43 08  and rax,QWORD PTR [rbx+0x8]
  23 43 08  and eax,DWORD PTR [rbx+0x8]
  0b 43 08  or eax,DWORD PTR [rbx+0x8]
  48 33 43 08  xor rax,QWORD PTR [rbx+0x8]
  48 31 43 08  xor QWORD PTR [rbx+0x8],rax
  0f 42 c3  cmovb eax,ebx
  0f 43 c3  cmovae eax,ebx
  0f 47 c3  cmova eax,ebx
  48 0f 4e c3  cmovle rax,rbx
  48 0f 4f c3  cmovg rax,rbx
  70 00  jo 0x2
  7c 00  jl 0x2
  7d 00  jge 0x2
  0f 8c 00 00 00 00  jl 0x6
  0f 8d 00 00 00 00  jge 0x6
  0f 89 00 00 00 00  jns 0x6
  c2 00 00  ret 0x0
`;

/** The samples as bytes. */
export const commonCode: readonly Uint8Array[] = samples.trim().split("\n").map((line) => {
  const [bytes] = line.trim().split("  ");
  return Uint8Array.from(bytes.split(" "), (text) => parseInt(text, 16));
});
