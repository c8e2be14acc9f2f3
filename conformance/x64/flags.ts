/**
 * What instructions do to the status flags and to the x87 condition codes, as far as the generator
 * must know it: what a manual leaves undefined is masked in the vectors, and no later instruction
 * of a case reads it. This is the only place that says what is undefined (SDM volume 2, "Flags
 * Affected", "FPU Flags Affected"; where AMD's manual, volume 3, leaves more undefined, that).
 *
 * Undefined results that are no flags are not generated: BSWAP of 16 bits, SHLD and SHRD of 16 bits
 * by more than 16. BSF and BSR of zero are in the vectors: they leave the whole destination as it
 * was (AMD says so, Intel's CPUs do so). The vectors come from an AMD CPU.
 */
import type { Row } from "./rows.ts";

/** Masks of RFLAGS. */
interface Effect {
  readonly reads: number;
  /** Written with a defined value, whatever the operands are. */
  readonly defines: number;
  readonly undefined: number;
}

/** Letters as the manuals abbreviate: O S Z A P C D. */
const LETTERS: Readonly<Record<string, number>> = {
  O: 0x800,
  D: 0x400,
  S: 0x80,
  Z: 0x40,
  A: 0x10,
  P: 4,
  C: 1,
};
const mask = (letters: string): number =>
  [...letters].reduce((sum, letter) => sum | LETTERS[letter], 0);

/** Mnemonics; flags read; flags defined; flags undefined. The first line that matches counts. */
const TABLE: readonly (readonly [RegExp, string, string, string])[] = [
  [/^(ADC|SBB)$/, "C", "OSZAPC", ""],
  [/^(ADD|SUB|CMP|NEG|XADD|CMPXCHG)$/, "", "OSZAPC", ""],
  [/^(INC|DEC)$/, "", "OSZAP", ""],
  [/^(AND|OR|XOR|TEST)$/, "", "OSZPC", "A"],
  [/^(MUL|IMUL)$/, "", "OC", "SZAP"],
  [/^(DIV|IDIV)$/, "", "", "OSZAPC"],
  // By no bits they leave all flags; see countedFlags.
  [/^(SHL|SAL|SHR|SAR|SHLD|SHRD)$/, "", "", "OAC"],
  [/^(ROL|ROR)$/, "", "", "O"],
  [/^(RCL|RCR)$/, "C", "", "O"],
  [/^BT[SRC]?$/, "", "C", "OSAP"],
  [/^BS[FR]$/, "", "Z", "OSAPC"],
  [/^(LZCNT|TZCNT)$/, "", "ZC", "OSAP"],
  [/^POPCNT$/, "", "OSZAPC", ""],
  [/^(BLSR|BLSI|BLSMSK|BZHI)$/, "", "OSZC", "AP"],
  [/^ANDN$/, "", "OSZC", "AP"],
  [/^BEXTR$/, "", "OZC", "SAP"],
  [/^ADCX$/, "C", "C", ""],
  [/^ADOX$/, "O", "O", ""],
  [/^CMPXCHG(8|16)B$/, "", "Z", ""],
  [/^(U?COMIS[SD]|FU?COMIP?|PTEST|PCMP[EI]STR[IM])$/, "", "OSZAPC", ""],
  [/^CMC$/, "C", "C", ""],
  [/^(CLC|STC)$/, "", "C", ""],
  [/^LAHF$/, "SZAPC", "", ""],
  [/^SAHF$/, "", "SZAPC", ""],
  [/^PUSHF$/, "OSZAPC", "", ""],
  [/^POPF$/, "", "OSZAPC", ""],
  [/^(LOOPE|LOOPNE)$/, "Z", "", ""],
  [/^(Jcc|SETcc|CMOVcc)$/, "OSZPC", "", ""],
  [/^FCMOV/, "ZPC", "", ""],
];

const effects = new Map<string, Effect>();

/** What an encoding does to RFLAGS. */
export function flagEffect({ mnemonic }: Pick<Row, "mnemonic">): Effect {
  let effect = effects.get(mnemonic);
  if (effect === undefined) {
    const line = TABLE.find(([pattern]) => pattern.test(mnemonic));
    effect = {
      reads: mask(line?.[1] ?? ""),
      defines: mask(line?.[2] ?? ""),
      undefined: mask(line?.[3] ?? ""),
    };
    effects.set(mnemonic, effect);
  }
  return effect;
}

/**
 * Flags that a shift or rotation by `count` bits leaves undefined, of an operand of `size` bits: OF
 * unless by one bit, AF, CF if by more than there are. By no bits it leaves all flags alone.
 * `count` is the operand, not yet masked to 5 or 6 bits.
 */
export function countedFlags(row: Row, count: number, size: number): number {
  const bits = count & (size === 64 ? 63 : 31);
  if (bits === 0) return 0;
  const overflow = bits === 1 ? 0 : mask("O");
  if (/^R/.test(row.mnemonic)) return overflow;
  return overflow | mask("A") | (bits > size ? mask("C") : 0);
}

/** Whether the flags of an encoding depend on a number of bits. */
export function isCounted({ mnemonic }: Row): boolean {
  return /^(SHL|SAL|SHR|SAR|SHLD|SHRD|ROL|ROR|RCL|RCR)$/.test(mnemonic);
}

const [C0, C1, C2, C3] = [0x100, 0x200, 0x400, 0x4000];

/**
 * Mnemonics; condition codes undefined; condition codes defined. The first line that matches
 * counts.
 */
const CONDITIONS: readonly (readonly [RegExp, number, number])[] = [
  [/^(FCOMI|FCOMIP|FUCOMI|FUCOMIP)$/, 0, C1],
  [/^(FI?COMP?|FCOMPP|FUCOMP?P?|FTST|FXAM|FPREM1?)$/, 0, C0 | C1 | C2 | C3],
  [/^(FNINIT|FNSAVE|FLDENV|FRSTOR)$/, 0, C0 | C1 | C2 | C3],
  [/^(FPTAN|FSIN|FCOS|FSINCOS)$/, C0 | C3, C1 | C2],
  [/^(FFREE|FNOP|FWAIT|FNCLEX|FLDCW|FNSTCW|FNSTSW|FNSTENV)$/, C0 | C1 | C2 | C3, 0],
  [/^F/, C0 | C2 | C3, C1],
];

/**
 * Bits of the x87 status word: condition codes that an encoding leaves undefined, and that it
 * defines.
 */
export function conditionEffect(
  row: Row,
): { readonly undefined: number; readonly defines: number } {
  const line = row.group === "x87"
    ? CONDITIONS.find(([pattern]) => pattern.test(row.mnemonic))
    : undefined;
  return { undefined: line?.[1] ?? 0, defines: line?.[2] ?? 0 };
}

/**
 * Condition codes that are undefined because of how an instruction ended, of its status word: the
 * others if FPREM, FSIN and the like were not complete (C2), or if the operation was invalid.
 */
export function incompleteConditions(row: Row, fsw: number): number {
  if (/^FPREM/.test(row.mnemonic)) return (fsw & (C2 | 1)) !== 0 ? C0 | C1 | C3 : 0;
  if (/^F(PTAN|SIN|COS|SINCOS)$/.test(row.mnemonic)) return (fsw & C2) !== 0 ? C1 : 0;
  return 0;
}
