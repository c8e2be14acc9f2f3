/**
 * Writes AML, the byte code of ACPI's device description (ACPI 6.5, chapter 20): only the terms that
 * state what there is. Each function gives the bytes of one term.
 */

/** The bytes of one term. */
export type Aml = Uint8Array<ArrayBuffer>;

const ZERO = 0x00;
const ONE = 0x01;
const NAME = 0x08;
const BYTE = 0x0a;
const WORD = 0x0b;
const DWORD = 0x0c;
const STRING = 0x0d;
const QWORD = 0x0e;
const SCOPE = 0x10;
const BUFFER = 0x11;
const PACKAGE = 0x12;
const METHOD = 0x14;
const DUAL_NAME = 0x2e;
const MULTI_NAME = 0x2f;
const EXTENDED = 0x5b;
const DEVICE = 0x82;
const NOTIFY = 0x86;
/** Flags of a method, above the number of its arguments: one caller at a time. */
const SERIALIZED = 1 << 3;

/** Terms one after the other. */
export function concat(...terms: readonly Uint8Array[]): Aml {
  const out = new Uint8Array(terms.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const term of terms) {
    out.set(term, at);
    at += term.length;
  }
  return out;
}

/** An integer, 0..2^53-1, in the shortest form (20.2.3). */
export function integer(value: number): Aml {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`aml: integer ${value}`);
  if (value === 0) return Uint8Array.of(ZERO);
  if (value === 1) return Uint8Array.of(ONE);
  const [prefix, bytes] = value < 2 ** 8
    ? [BYTE, 1]
    : value < 2 ** 16
    ? [WORD, 2]
    : value < 2 ** 32
    ? [DWORD, 4]
    : [QWORD, 8];
  return Uint8Array.of(prefix, ...littleEndian(value, bytes));
}

/** A string of ASCII characters without NUL. */
export function string(text: string): Aml {
  for (const char of text) {
    if (char < "\x01" || char > "\x7f") throw new RangeError(`aml: string "${text}"`);
  }
  return Uint8Array.of(STRING, ...new TextEncoder().encode(text), 0);
}

/** The 32-bit form of an id of three letters and four hexadecimal digits: "PNP0501" (19.6.38). */
export function eisaId(id: string): Aml {
  if (!/^[A-Z]{3}[0-9A-F]{4}$/.test(id)) throw new RangeError(`aml: EISA id "${id}"`);
  const [a, b, c] = [0, 1, 2].map((i) => id.charCodeAt(i) - 0x40);
  const letters = a << 10 | b << 5 | c;
  const digits = parseInt(id.slice(3), 16);
  return Uint8Array.of(DWORD, letters >> 8, letters & 0xff, digits >> 8, digits & 0xff);
}

/** Bytes as they are. */
export function buffer(bytes: Uint8Array): Aml {
  return concat(Uint8Array.of(BUFFER), sized(concat(integer(bytes.length), bytes)));
}

/** At most 255 terms that are data. */
export function pack(...elements: readonly Aml[]): Aml {
  if (elements.length > 255) throw new RangeError(`aml: package of ${elements.length}`);
  return concat(
    Uint8Array.of(PACKAGE),
    sized(concat(Uint8Array.of(elements.length), ...elements)),
  );
}

/** A name for a term that is data: `Name (_UID, 1)`. */
export function name(path: string, value: Aml): Aml {
  return concat(Uint8Array.of(NAME), nameString(path), value);
}

/** Terms inside of a scope that exists: "\\_SB". */
export function scope(path: string, ...terms: readonly Aml[]): Aml {
  return concat(Uint8Array.of(SCOPE), sized(concat(nameString(path), ...terms)));
}

/** A device and what is said of it. */
export function device(path: string, ...terms: readonly Aml[]): Aml {
  return concat(Uint8Array.of(EXTENDED, DEVICE), sized(concat(nameString(path), ...terms)));
}

/** A method that only one caller runs at a time; `args`: 0..7 arguments. */
export function method(path: string, args: number, ...terms: readonly Aml[]): Aml {
  if (!(args >= 0 && args <= 7)) throw new RangeError(`aml: method with ${args} arguments`);
  return concat(
    Uint8Array.of(METHOD),
    sized(concat(nameString(path), Uint8Array.of(args | SERIALIZED), ...terms)),
  );
}

/** Statement of a method: tells the system's driver of the device `path` of an event (5.6.6). */
export function notify(path: string, value: number): Aml {
  return concat(Uint8Array.of(NOTIFY), nameString(path), integer(value));
}

/** A name with its path: segments of up to four characters, padded with "_" (20.2.2). */
function nameString(path: string): Aml {
  const match = /^(\\?)([A-Z_][A-Z0-9_]{0,3}(?:\.[A-Z_][A-Z0-9_]{0,3})*)?$/.exec(path);
  if (match === null || path === "") throw new RangeError(`aml: name "${path}"`);
  const segments = match[2]?.split(".") ?? [];
  const prefix = segments.length === 0
    ? [ZERO]
    : segments.length === 1
    ? []
    : segments.length === 2
    ? [DUAL_NAME]
    : [MULTI_NAME, segments.length];
  const text = segments.map((segment) => segment.padEnd(4, "_")).join("");
  return concat(
    new TextEncoder().encode(match[1]),
    Uint8Array.from(prefix),
    new TextEncoder().encode(text),
  );
}

/** PkgLength (20.2.4), which counts itself, and the content. */
function sized(content: Uint8Array): Aml {
  if (content.length + 1 < 1 << 6) return concat(Uint8Array.of(content.length + 1), content);
  for (let more = 1; more <= 3; more++) {
    const length = content.length + 1 + more;
    if (length >= 1 << (4 + 8 * more)) continue;
    return concat(
      Uint8Array.of(more << 6 | length & 0xf, ...littleEndian(length >> 4, more)),
      content,
    );
  }
  throw new RangeError(`aml: a term of ${content.length} bytes`);
}

/** The lower `bytes` bytes of a number, lowest first. */
export function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}
