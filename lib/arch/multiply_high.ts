/** The high half of a 128-bit product. */
import type { Builder } from "../engine/builder.ts";
import type { Code } from "../wasm/code.ts";

/** [] -> [i64] high half of the product of two locals (i64). */
export function multiplyHigh(b: Builder, n: number, m: number, signed: boolean): void {
  multiplyHighCode(b, () => b.temp("i64"), n, m, signed);
}

/**
 * The same in code of any kind: by four products of 32-bit halves. The signed form is the same with
 * high halves and carries shifted arithmetically (Hacker's Delight, 8-2). `local` makes a new local
 * (i64).
 */
export function multiplyHighCode(
  b: Code,
  local: () => number,
  n: number,
  m: number,
  signed: boolean,
): void {
  const low = (): void => {
    b.i64_const_parts(-1, 0).i64_and();
  };
  const high = (): void => {
    b.i64_const32(32);
    if (signed) b.i64_shr_s();
    else b.i64_shr_u();
  };
  const [n0, n1, m0, m1, middle] = [0, 1, 2, 3, 4].map(local);
  b.local_get(n);
  low();
  b.local_set(n0).local_get(n);
  high();
  b.local_set(n1).local_get(m);
  low();
  b.local_set(m0).local_get(m);
  high();
  b.local_set(m1);
  b.local_get(n1).local_get(m0).i64_mul();
  b.local_get(n0).local_get(m0).i64_mul().i64_const32(32).i64_shr_u();
  b.i64_add().local_set(middle);
  b.local_get(n1).local_get(m1).i64_mul();
  b.local_get(middle);
  high();
  b.i64_add();
  b.local_get(middle);
  low();
  b.local_get(n0).local_get(m1).i64_mul().i64_add();
  high();
  b.i64_add();
}
