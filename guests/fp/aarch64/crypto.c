// Cryptographic instructions by their standards' test vectors, and CRC-32.
#include "fp.h"

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint32_t words __attribute__((vector_size(16)));

// AES: the rounds of FIPS 197, appendix B, are AESE and AESMC with the round keys.
static void test_aes(void) {
  static const uint8_t input[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
  static const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
  // After the first round: appendix B, start of round 2, before its key is added.
  static const uint8_t mixed[16] = {0x04, 0x66, 0x81, 0xe5, 0xe0, 0xcb, 0x19, 0x9a, 0x48, 0xf8, 0xd3, 0x7a, 0x28, 0x06, 0x26, 0x4c};
  uint8_t result[16], back[16];
  __asm__ volatile("ldr q0, [%0]\n\tldr q1, [%1]\n\taese v0.16b, v1.16b\n\taesmc v0.16b, v0.16b\n\tstr q0, [%2]"
                   ::"r"(input), "r"(key), "r"(result) : "v0", "v1", "memory");
  bool good = true;
  for (int i = 0; i < 16; i++) good = good && result[i] == mixed[i];
  tap_ok(good, "AESE and AESMC: the first round of FIPS 197, appendix B");
  __asm__ volatile("ldr q0, [%0]\n\tldr q1, [%1]\n\tmovi v2.16b, #0\n\taesimc v0.16b, v0.16b\n\taesd v0.16b, v2.16b\n\teor v0.16b, v0.16b, v1.16b\n\tstr q0, [%2]"
                   ::"r"(result), "r"(key), "r"(back) : "v0", "v1", "v2", "memory");
  good = true;
  for (int i = 0; i < 16; i++) good = good && back[i] == input[i];
  tap_ok(good, "AESIMC and AESD take it back");
}

// The block of "abc" (FIPS 180-4).
static const uint32_t block[16] = {0x61626380, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24};

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void test_sha256(void) {
  words abcd = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a}, efgh = {0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  words start_abcd = abcd, start_efgh = efgh, w[4];
  for (int i = 0; i < 16; i++) w[i / 4][i % 4] = block[i];
  for (int i = 0; i < 16; i++) {
    words k = *(const words *)(sha256_constants + i * 4), sum = w[i & 3] + k, was = abcd;
    if (i < 12) {
      __asm__("sha256su0 %0.4s, %1.4s" : "+w"(w[i & 3]) : "w"(w[(i + 1) & 3]));
      __asm__("sha256su1 %0.4s, %1.4s, %2.4s" : "+w"(w[i & 3]) : "w"(w[(i + 2) & 3]), "w"(w[(i + 3) & 3]));
    }
    __asm__("sha256h %q0, %q1, %2.4s" : "+w"(abcd) : "w"(efgh), "w"(sum));
    __asm__("sha256h2 %q0, %q1, %2.4s" : "+w"(efgh) : "w"(was), "w"(sum));
  }
  abcd += start_abcd;
  efgh += start_efgh;
  static const uint32_t digest[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
  bool good = true;
  for (int i = 0; i < 4; i++) good = good && abcd[i] == digest[i] && efgh[i] == digest[i + 4];
  tap_ok(good, "SHA-256 of \"abc\"");
  if (!good) tap_note("found 0x%08x%08x...", abcd[0], abcd[1]);
}

static void test_sha1(void) {
  words abcd = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, start = abcd, w[4];
  uint32_t e = 0xc3d2e1f0, start_e = e;
  static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  for (int i = 0; i < 16; i++) w[i / 4][i % 4] = block[i];
  for (int i = 0; i < 20; i++) {
    uint32_t k = constants[i / 5];
    words sum = w[i & 3] + (words){k, k, k, k};
    uint32_t next;
    __asm__("sha1h %s0, %s1" : "=w"(next) : "w"(abcd[0]));
    if (i < 16) {
      __asm__("sha1su0 %0.4s, %1.4s, %2.4s" : "+w"(w[i & 3]) : "w"(w[(i + 1) & 3]), "w"(w[(i + 2) & 3]));
      __asm__("sha1su1 %0.4s, %1.4s" : "+w"(w[i & 3]) : "w"(w[(i + 3) & 3]));
    }
    if (i / 5 == 0) __asm__("sha1c %q0, %s1, %2.4s" : "+w"(abcd) : "w"(e), "w"(sum));
    else if (i / 5 == 2) __asm__("sha1m %q0, %s1, %2.4s" : "+w"(abcd) : "w"(e), "w"(sum));
    else __asm__("sha1p %q0, %s1, %2.4s" : "+w"(abcd) : "w"(e), "w"(sum));
    e = next;
  }
  abcd += start;
  e += start_e;
  bool good = abcd[0] == 0xa9993e36 && abcd[1] == 0x4706816a && abcd[2] == 0xba3e2571 && abcd[3] == 0x7850c26c && e == 0x9cd0d89d;
  tap_ok(good, "SHA-1 of \"abc\"");
  if (!good) tap_note("found 0x%08x%08x...", abcd[0], abcd[1]);
}

static void test_products(void) {
  uint64_t low, high;
  __asm__ volatile("fmov d0, %2\n\tfmov d1, %3\n\tpmull v2.1q, v0.1d, v1.1d\n\tfmov %0, d2\n\tfmov %1, v2.d[1]"
                   : "=r"(low), "=r"(high) : "r"(0x8000000000000001), "r"(3ul) : "v0", "v1", "v2");
  tap_ok(low == 0x8000000000000003 && high == 1, "PMULL of 64 bits: no carries");
  uint16_t product[8];
  __asm__ volatile("movi v0.8b, #0xff\n\tpmull v1.8h, v0.8b, v0.8b\n\tstr q1, [%0]" ::"r"(product) : "v0", "v1", "memory");
  tap_equal(product[7], 0x5555, "PMULL of 8 bits");
}

static void test_crc(void) {
  static const char text[] = "123456789";
  uint32_t crc = 0xffffffff, castagnoli = 0xffffffff;
  for (int i = 0; i < 9; i++) {
    __asm__("crc32b %w0, %w0, %w1" : "+r"(crc) : "r"(text[i]));
    __asm__("crc32cb %w0, %w0, %w1" : "+r"(castagnoli) : "r"(text[i]));
  }
  tap_equal(~crc, 0xcbf43926, "CRC32B of \"123456789\"");
  tap_equal(~castagnoli, 0xe3069283, "CRC32CB of \"123456789\"");
  uint32_t whole = 0xffffffff;
  __asm__("crc32x %w0, %w0, %1\n\tcrc32b %w0, %w0, %w2" : "+r"(whole) : "r"(0x3837363534333231), "r"('9'));
  tap_equal(~whole, 0xcbf43926, "CRC32X and CRC32B of the same");
}

void test_crypto(void) {
  tap_note("cryptography");
  test_aes();
  test_sha1();
  test_sha256();
  test_products();
  test_crc();
}
