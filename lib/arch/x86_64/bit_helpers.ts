/** PDEP and PEXT: bits of a value to, or from, the places that a mask marks. */
import type { Helper, HelperCode } from "../../engine/arch.ts";

/** (value, mask) -> result: goes through the bits of the mask, from the lowest on. */
const throughMask = (deposit: boolean) => (c: HelperCode): void => {
  const [value, mask] = [0, 1];
  const [bit, source, result] = [0, 1, 2].map(() => c.local("i64"));
  // `source` is the place of the next bit that is dense, `bit` of the one in the mask.
  c.i64_const32(1).local_set(source);
  c.block().loop();
  c.local_get(mask).i64_eqz().br_if(1);
  c.local_get(mask).i64_const32(0).local_get(mask).i64_sub().i64_and().local_set(bit);
  c.local_get(value).local_get(deposit ? source : bit).i64_and().i64_eqz().i32_eqz().if_();
  c.local_get(result).local_get(deposit ? bit : source).i64_or().local_set(result);
  c.end();
  c.local_get(mask).local_get(bit).i64_xor().local_set(mask);
  c.local_get(source).i64_const32(1).i64_shl().local_set(source).br(0);
  c.end().end();
  c.local_get(result);
};

/** `depositBits` and `extractBits` (value, mask) -> result. */
export const bitHelpers: readonly Helper[] = [
  {
    name: "depositBits",
    params: ["i64", "i64"],
    results: ["i64"],
    emit: throughMask(true),
  },
  {
    name: "extractBits",
    params: ["i64", "i64"],
    results: ["i64"],
    emit: throughMask(false),
  },
];
