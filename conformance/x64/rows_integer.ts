/**
 * Encodings of the general-purpose instructions (SDM volume 1, 5.1), in the notation of rows.ts.
 */

const hex = (value: number): string => value.toString(16).padStart(2, "0");

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP: all have the same eleven encodings. */
const ARITHMETIC: string = ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP"].map(
  (name, n) => {
    const lock = name === "CMP" ? "" : "lock";
    return `
    ${name} Eb,Gb : ${hex(8 * n)} /r : ${lock}
    ${name} Ev,Gv : ${hex(8 * n + 1)} /r : ${lock}
    ${name} Gb,Eb : ${hex(8 * n + 2)} /r
    ${name} Gv,Ev : ${hex(8 * n + 3)} /r
    ${name} AL,Ib : ${hex(8 * n + 4)} : implicit
    ${name} rAX,Iz : ${hex(8 * n + 5)} : implicit
    ${name} Eb,Ib : 80 /${n} : ${lock}
    ${name} Ev,Iz : 81 /${n} : ${lock}
    ${name} Ev,Ib : 83 /${n} : ${lock}`;
  },
).join("\n");

/** /6 is SHL again. */
const SHIFTS: string = ["ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SAL", "SAR"].map((name, n) => `
    ${name} Eb,Ib : c0 /${n}
    ${name} Ev,Ib : c1 /${n}
    ${name} Eb,1 : d0 /${n}
    ${name} Ev,1 : d1 /${n}
    ${name} Eb,CL : d2 /${n}
    ${name} Ev,CL : d3 /${n}`).join("\n");

const MOVES = `
    MOV Eb,Gb : 88 /r
    MOV Ev,Gv : 89 /r
    MOV Gb,Eb : 8a /r
    MOV Gv,Ev : 8b /r
    MOV AL,Ob : a0 : implicit
    MOV rAX,Ov : a1 : implicit
    MOV Ob,AL : a2
    MOV Ov,rAX : a3
    MOV Zb,Ib : b0
    MOV Zv,Iv : b8
    MOV Eb,Ib : c6 /0
    MOV Ev,Iz : c7 /0
    MOVZX Gv,Eb : 0f b6 /r
    MOVZX Gv,Ew : 0f b7 /r
    MOVSX Gv,Eb : 0f be /r
    MOVSX Gv,Ew : 0f bf /r
    MOVSXD Gv,Ed : 63 /r
    MOVNTI My,Gy : 0f c3 /r
    MOVBE Gv,Mv : 0f 38 f0 /r
    MOVBE Mv,Gv : 0f 38 f1 /r
    BSWAP Zy : 0f c8
    LEA Gv,M0 : 8d /r
    XCHG Eb,Gb : 86 /r : lock
    XCHG Ev,Gv : 87 /r : lock
    XCHG rAX,Zv : 90 : implicit
    XLAT : d7 : implicit
    CMOVcc Gv,Ev : 0f 40 /r : cc
    SETcc Eb : 0f 90 /0 : cc
    CBW : 98 : implicit
    CDQE : 98 : implicit w64
    CWD : 99 : implicit
    CQO : 99 : implicit w64
    PUSH Zv : 50 : d64 implicit
    POP Zv : 58 : d64 implicit
    PUSH Iz : 68 : d64 implicit
    PUSH Ib : 6a : d64 implicit
    PUSH Ev : ff /6 : d64 implicit
    POP Ev : 8f /0 : d64 implicit
    PUSHF : 9c : d64 implicit
    POPF : 9d : d64 implicit
    ENTER Iw,Il : c8 : d64 implicit partial
    LEAVE : c9 : d64 implicit
    LAHF : 9f : implicit
    SAHF : 9e`;

const ARITHMETIC_2 = `
    INC Eb : fe /0 : lock
    INC Ev : ff /0 : lock
    DEC Eb : fe /1 : lock
    DEC Ev : ff /1 : lock
    NOT Eb : f6 /2 : lock
    NOT Ev : f7 /2 : lock
    NEG Eb : f6 /3 : lock
    NEG Ev : f7 /3 : lock
    TEST Eb,Gb : 84 /r
    TEST Ev,Gv : 85 /r
    TEST AL,Ib : a8
    TEST rAX,Iz : a9
    TEST Eb,Ib : f6 /0
    TEST Ev,Iz : f7 /0
    TEST Eb,Ib : f6 /1
    TEST Ev,Iz : f7 /1
    MUL Eb : f6 /4 : implicit
    MUL Ev : f7 /4 : implicit
    IMUL Eb : f6 /5 : implicit
    IMUL Ev : f7 /5 : implicit
    IMUL Gv,Ev : 0f af /r
    IMUL Gv,Ev,Iz : 69 /r
    IMUL Gv,Ev,Ib : 6b /r
    DIV Eb : f6 /6 : implicit
    DIV Ev : f7 /6 : implicit
    IDIV Eb : f6 /7 : implicit
    IDIV Ev : f7 /7 : implicit
    XADD Eb,Gb : 0f c0 /r : lock
    XADD Ev,Gv : 0f c1 /r : lock
    CMPXCHG Eb,Gb : 0f b0 /r : lock implicit
    CMPXCHG Ev,Gv : 0f b1 /r : lock implicit
    CMPXCHG8B M8 : 0f c7 /1 : lock implicit
    CMPXCHG16B M16 : 0f c7 /1 : lock implicit w64
    CRC32 Gy,Eb : f2 0f 38 f0 /r
    CRC32 Gy,Ev : f2 0f 38 f1 /r
    ADCX Gy,Ey : 66 0f 38 f6 /r
    ADOX Gy,Ey : f3 0f 38 f6 /r`;

const BITS = `
    SHLD Ev,Gv,Ib : 0f a4 /r
    SHLD Ev,Gv,CL : 0f a5 /r
    SHRD Ev,Gv,Ib : 0f ac /r
    SHRD Ev,Gv,CL : 0f ad /r
    BT Ev,Gv : 0f a3 /r
    BTS Ev,Gv : 0f ab /r : lock
    BTR Ev,Gv : 0f b3 /r : lock
    BTC Ev,Gv : 0f bb /r : lock
    BT Ev,Ib : 0f ba /4
    BTS Ev,Ib : 0f ba /5 : lock
    BTR Ev,Ib : 0f ba /6 : lock
    BTC Ev,Ib : 0f ba /7 : lock
    BSF Gv,Ev : 0f bc /r
    BSR Gv,Ev : 0f bd /r
    TZCNT Gv,Ev : f3 0f bc /r
    LZCNT Gv,Ev : f3 0f bd /r
    POPCNT Gv,Ev : f3 0f b8 /r
    ANDN Gy,By,Ey : VEX.NP.0F38 f2 /r
    BLSR By,Ey : VEX.NP.0F38 f3 /1
    BLSMSK By,Ey : VEX.NP.0F38 f3 /2
    BLSI By,Ey : VEX.NP.0F38 f3 /3
    BEXTR Gy,Ey,By : VEX.NP.0F38 f7 /r
    BZHI Gy,Ey,By : VEX.NP.0F38 f5 /r
    PDEP Gy,By,Ey : VEX.F2.0F38 f5 /r
    PEXT Gy,By,Ey : VEX.F3.0F38 f5 /r
    MULX Gy,By,Ey : VEX.F2.0F38 f6 /r
    SARX Gy,Ey,By : VEX.F3.0F38 f7 /r
    SHLX Gy,Ey,By : VEX.66.0F38 f7 /r
    SHRX Gy,Ey,By : VEX.F2.0F38 f7 /r
    RORX Gy,Ey,Ib : VEX.F2.0F3A f0 /r`;

const STRINGS = `
    MOVSB : a4 : implicit rep
    MOVS : a5 : implicit rep
    CMPSB : a6 : implicit rep repz
    CMPS : a7 : implicit rep repz
    STOSB : aa : implicit rep
    STOS : ab : implicit rep
    LODSB : ac : implicit rep
    LODS : ad : implicit rep
    SCASB : ae : implicit rep repz
    SCAS : af : implicit rep repz`;

const FLOW = `
    Jcc Jb : 70 : cc jump
    Jcc Jz : 0f 80 : cc jump
    LOOPNE Jb : e0 : implicit jump
    LOOPE Jb : e1 : implicit jump
    LOOP Jb : e2 : implicit jump
    JRCXZ Jb : e3 : jump
    JMP Jb : eb : jump
    JMP Jz : e9 : jump
    JMP Eq : ff /4 : d64 jump
    CALL Jz : e8 : implicit jump
    CALL Eq : ff /2 : d64 implicit jump
    RET : c3 : implicit jump
    RET Iw : c2 : implicit jump
    INT3 : cc : jump
    UD2 : 0f 0b : jump`;

const OTHERS = `
    NOP Ev : 0f 1f /0
    PAUSE : f3 90
    CLC : f8
    STC : f9
    CMC : f5
    CLD : fc
    STD : fd
    LFENCE : 0f ae e8
    MFENCE : 0f ae f0
    SFENCE : 0f ae f8
    PREFETCHNTA M1 : 0f 18 /0
    PREFETCHT0 M1 : 0f 18 /1
    PREFETCHW M1 : 0f 0d /1
    CLFLUSH M1 : 0f ae /7
    ENDBR64 : f3 0f 1e fa
    RDFSBASE Ry : f3 0f ae /0
    RDGSBASE Ry : f3 0f ae /1
    WRFSBASE Ry : f3 0f ae /2
    WRGSBASE Ry : f3 0f ae /3`;

/** What only the kernel may: #GP. What 64-bit mode does not have: #UD. */
const REFUSED = `
    CLI : fa : jump
    STI : fb : jump
    IN AL,Ib : e4 : jump
    IN AL,DX : ec : jump
    OUT Ib,AL : e6 : jump
    OUT DX,AL : ee : jump
    INSB : 6c : jump
    OUTSB : 6e : jump
    CLTS : 0f 06 : jump
    INVD : 0f 08 : jump
    WBINVD : 0f 09 : jump
    WRMSR : 0f 30 : jump
    RDMSR : 0f 32 : jump
    LGDT M10 : 0f 01 /2 : jump
    LIDT M10 : 0f 01 /3 : jump
    INVLPG M1 : 0f 01 /7 : jump
    INT Ii : cd : jump
    PUSH_ES : 06 : jump
    POP_ES : 07 : jump
    PUSH_CS : 0e : jump
    DAA : 27 : jump
    DAS : 2f : jump
    AAA : 37 : jump
    AAS : 3f : jump
    PUSHA : 60 : jump
    POPA : 61 : jump
    CALL_FAR : 9a : jump
    INTO : ce : jump
    AAM : d4 : jump
    SALC : d6 : jump
    JMP_FAR : ea : jump
    UD1 Gv,Ev : 0f b9 /r : jump`;

/** Pairs of group, lines. */
export const integerRows: readonly (readonly [string, string])[] = [
  ...[ARITHMETIC, ARITHMETIC_2, SHIFTS, MOVES, BITS, STRINGS, FLOW, OTHERS]
    .map((text) => ["integer", text] as const),
  ["refused", REFUSED],
];
