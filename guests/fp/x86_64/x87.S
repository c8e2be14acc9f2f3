// Operations on ST(0) and ST(1): the result is ST(0), and the status word in two bytes behind it.
#include "operations.h"

.macro x87 plain, full, text
row \plain, \full, "fldt (%rdx); fldt (%rsi)", "fnstsw 10(%rdi); fstpt (%rdi); fninit", "\text"
.endm

table x87
x87 0x6509c4a35ecda94e, 0x4148dc431e4a0631, "fadd st, st(1)"
x87 0xe1eb6beb7ae58a3a, 0x0ad54eddca2eff45, "fsub st, st(1)"
x87 0x9e245d3f267a383b, 0x273d533fa2995d5e, "fsubr st, st(1)"
x87 0xe4f6d809ab5b95d5, 0x1b9eaaab2972c89e, "fmul st, st(1)"
x87 0xa31bc012f2cb1082, 0x892894dbd3f477e2, "fdiv st, st(1)"
x87 0x0303ef8fa2eb9a92, 0x8bf01e3b10d5a894, "fdivr st, st(1)"
x87 0xc9bbcdec6c1fd194, 0x937eac9fe3cdeda0, "fsqrt"
x87 0x9dc218929cc14de2, 0x9dc218929cc14de2, "fabs"
x87 0xd1f91fa063a95df6, 0xd1f91fa063a95df6, "fchs"
x87 0x487dde039f477e1a, 0xd75e38ff2ce8abe2, "fscale"
x87 0x03478070c84879b2, 0xfe9ba4d9c2a3321b, "fxtract"
x87 0x6509c4a35ecda94e, 0x4148dc431e4a0631, "faddp st(1), st"
x87 0x9e245d3f267a383b, 0x273d533fa2995d5e, "fsubp st(1), st"
x87 0xe1eb6beb7ae58a3a, 0x0ad54eddca2eff45, "fsubrp st(1), st"
x87 0x0303ef8fa2eb9a92, 0x8bf01e3b10d5a894, "fdivp st(1), st"
x87 0x16f0f1c590d2fa27, 0x55687e085a1cc975, "fadd dword ptr [rdx]"
x87 0x830ff49721fc9d40, 0x1f9770b8bff7b5a6, "fidiv word ptr [rdx]"
x87 0x21913dbabe1b6561, 0x21913dbabe1b6561, "fld1"
x87 0x6df3e899ce5a90e4, 0x6df3e899ce5a90e4, "fldpi"
x87 0x7d4c91ca59c861bd, 0x7d4c91ca59c861bd, "fldl2t"
x87 0xc6ad17304de5ee7c, 0xc6ad17304de5ee7c, "fldlg2"
x87 0x0000000000000000, 0x0000000000000000, "fldz"
x87 0xcaa5203ef125b1ca, 0xcaa5203ef125b1ca, "fxch"
x87 0xc8572d289c19ae49, 0xc8572d289c19ae49, "fcmovb st, st(1)"
x87 0xcaa5203ef125b1ca, 0xcaa5203ef125b1ca, "fstp st(0)"
x87 0x80e1356d9a64eb06, 0xc086a51ad5bf4232, "fst dword ptr [rdi]; fld dword ptr [rdi]"
x87 0x746bdca510ad7619, 0x746bdca510ad7619, "fistp word ptr [rdi]; fild word ptr [rdi]"
x87 0xde541cabf38f2e4a, 0xde541cabf38f2e4a, "fistp dword ptr [rdi]; fild dword ptr [rdi]"
x87 0x1193fcc2b915023b, 0x1193fcc2b915023b, "fistp qword ptr [rdi]; fild qword ptr [rdi]"
x87 0x9ea5e689ed5a22ca, 0x9ea5e689ed5a22ca, "fisttp word ptr [rdi]; fild word ptr [rdi]"
x87 0x4b28e83fc42e16af, 0x4b28e83fc42e16af, "fisttp dword ptr [rdi]; fild dword ptr [rdi]"
x87 0x8b93ad120bc454d8, 0x8b93ad120bc454d8, "fisttp qword ptr [rdi]; fild qword ptr [rdi]"
finish x87_end

table x87_more
x87 0x8582ca4c3180aff3, 0x8582ca4c3180aff3, "frndint"
x87 0x5a34c24fea6c34e8, 0x5a34c24fea6c34e8, "fprem"
x87 0x794efdd450624fdd, 0x794efdd450624fdd, "fprem1"
x87 0xef0a64967b9d7974, 0xef0a64967b9d7974, "fmul qword ptr [rdx]"
x87 0x1f889b9002ca1e9d, 0x1f889b9002ca1e9d, "fiadd dword ptr [rdx]"
x87 0x9a75b1d178751ee0, 0x9a75b1d178751ee0, "fst qword ptr [rdi]; fld qword ptr [rdi]"
x87 0xdf57b477ead9baef, 0xdf57b477ead9baef, "fbstp [rdi]; fbld [rdi]"
finish x87_more_end

table x87_compare
x87 0xbb97b7bbea9fad8f, 0x7e4ef255aa82d3e2, "fcom st(1)"
x87 0xe645bedb103a0be8, 0x5fdb83265a235522, "fucom st(1)"
x87 0x2c0df8883fa35a64, 0x27893e3ea5ca933c, "ftst"
x87 0xbd2b9a260eacf551, 0xbd2b9a260eacf551, "fxam"
finish x87_compare_end

table x87_flags
x87 0xda23337d969402d2, 0xda23337d969402d2, "fcomi st, st(1); pushfq; pop rax; and eax, 0x8d5; mov [rdi+16], eax"
x87 0x255e294ab1d370ac, 0x255e294ab1d370ac, "fucomi st, st(1); pushfq; pop rax; and eax, 0x8d5; mov [rdi+16], eax"
finish x87_flags_end
