/**
 * Samples of the instructions that Linux and its programs execute most: the interpreter has their
 * handlers inline. One line for each; registers and displacements do not matter, sizes and forms of
 * addresses do.
 */
const samples = `
  48 8b 43 08        mov rax,[rbx+8]
  48 8b 44 0b 08     mov rax,[rbx+rcx+8]
  48 8b 05 0 0 0 0   mov rax,[rip]
  8b 43 08           mov eax,[rbx+8]
  8b 44 0b 08        mov eax,[rbx+rcx+8]
  48 89 43 08        mov [rbx+8],rax
  48 89 44 0b 08     mov [rbx+rcx+8],rax
  89 43 08           mov [rbx+8],eax
  88 43 08           mov [rbx+8],al
  8a 43 08           mov al,[rbx+8]
  48 89 d8           mov rax,rbx
  89 d8              mov eax,ebx
  b8 0 0 0 0         mov eax,0
  48 c7 c0 0 0 0 0   mov rax,0
  0f b6 43 08        movzx eax,byte [rbx+8]
  0f b6 44 0b 08     movzx eax,byte [rbx+rcx+8]
  0f b6 c3           movzx eax,bl
  0f b7 43 08        movzx eax,word [rbx+8]
  48 63 c3           movsxd rax,ebx
  48 8d 43 08        lea rax,[rbx+8]
  48 8d 44 0b 08     lea rax,[rbx+rcx+8]
  48 8d 05 0 0 0 0   lea rax,[rip]
  8d 44 0b 08        lea eax,[rbx+rcx+8]
  48 01 d8           add rax,rbx
  01 d8              add eax,ebx
  48 83 c0 08        add rax,8
  83 c0 08           add eax,8
  48 03 43 08        add rax,[rbx+8]
  48 29 d8           sub rax,rbx
  29 d8              sub eax,ebx
  48 83 e8 08        sub rax,8
  83 e8 08           sub eax,8
  48 39 d8           cmp rax,rbx
  39 d8              cmp eax,ebx
  38 d8              cmp al,bl
  48 83 f8 08        cmp rax,8
  83 f8 08           cmp eax,8
  80 f9 08           cmp cl,8
  3c 08              cmp al,8
  48 3b 43 08        cmp rax,[rbx+8]
  3b 43 08           cmp eax,[rbx+8]
  83 7b 08 0         cmp dword [rbx+8],0
  80 7b 08 0         cmp byte [rbx+8],0
  48 85 c0           test rax,rax
  85 c0              test eax,eax
  84 c0              test al,al
  a8 01              test al,1
  f6 c1 01           test cl,1
  f6 43 08 01        test byte [rbx+8],1
  48 21 d8           and rax,rbx
  21 d8              and eax,ebx
  48 83 e0 08        and rax,8
  83 e0 08           and eax,8
  48 09 d8           or rax,rbx
  09 d8              or eax,ebx
  83 c8 08           or eax,8
  48 31 d8           xor rax,rbx
  31 c0              xor eax,eax
  31 d8              xor eax,ebx
  48 c1 e0 08        shl rax,8
  c1 e0 08           shl eax,8
  48 c1 e8 08        shr rax,8
  c1 e8 08           shr eax,8
  c1 f8 08           sar eax,8
  48 d3 e0           shl rax,cl
  c1 c0 08           rol eax,8
  c1 c8 08           ror eax,8
  48 0f af c3        imul rax,rbx
  0f af c3           imul eax,ebx
  48 ff c0           inc rax
  ff c0              inc eax
  ff c8              dec eax
  f7 d8              neg eax
  f7 d0              not eax
  53                 push rbx
  5b                 pop rbx
  e8 0 0 0 0         call
  c3                 ret
  e9 0 0 0 0         jmp
  eb 0               jmp
  0f 84 0 0 0 0      je
  0f 85 0 0 0 0      jne
  0f 82 0 0 0 0      jb
  0f 83 0 0 0 0      jae
  0f 86 0 0 0 0      jbe
  0f 87 0 0 0 0      ja
  0f 88 0 0 0 0      js
  74 0               je
  75 0               jne
  72 0               jb
  73 0               jae
  76 0               jbe
  77 0               ja
  78 0               js
  79 0               jns
  0f 43 c3           cmovae eax,ebx
  48 0f 44 c3        cmove rax,rbx
  0f 92 c0           setb al
  0f 94 c0           sete al
  11 d8              adc eax,ebx
  0f 1f 0            nop
  90                 nop
  65 48 8b 04 25 0 0 0 0   mov rax,gs:[0]
`;

/** The samples as bytes. */
export const commonCode: readonly Uint8Array[] = samples.trim().split("\n").map((line) => {
  const [bytes] = line.trim().split(/ {2,}/);
  return Uint8Array.from(bytes.split(" "), (text) => parseInt(text, 16));
});
