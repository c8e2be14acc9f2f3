#include "../common/text.h"
#include "kernels.h"

#define NOINLINE __attribute__((noinline))

// Primes below 2^19 by the sieve of Eratosthenes.
uint64_t sieve(unsigned scale) {
  enum { SIZE = 1 << 19 };
  static uint8_t composite[SIZE];
  uint64_t hash = 0;
  for (unsigned round = 0; round < 6 * scale; round++) {
    memset(composite, 0, SIZE);
    uint64_t count = 0;
    for (unsigned i = 2; i < SIZE; i++) {
      if (composite[i]) continue;
      count++;
      for (uint64_t j = (uint64_t)i * i; j < SIZE; j += i) composite[j] = 1;
    }
    hash = mix(hash, count + round);
  }
  return hash;
}

// CRC-32 (IEEE 802.3) by a table of bytes.
uint64_t crc(unsigned scale) {
  enum { SIZE = 64 * 1024 };
  static uint32_t table[256];
  static uint8_t data[SIZE];
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    table[i] = value;
  }
  uint64_t state = 1;
  for (unsigned i = 0; i < SIZE; i++) data[i] = (uint8_t)next_random(&state);
  uint32_t value = 0xffffffff;
  for (unsigned round = 0; round < 128 * scale; round++) {
    for (unsigned i = 0; i < SIZE; i++) value = value >> 8 ^ table[(value ^ data[i]) & 255];
  }
  return ~value;
}

static NOINLINE void quicksort(uint32_t *first, uint32_t *last) {
  while (last - first > 12) {
    uint32_t pivot = first[(last - first) / 2];
    uint32_t *low = first, *high = last;
    while (low <= high) {
      while (*low < pivot) low++;
      while (*high > pivot) high--;
      if (low > high) break;
      uint32_t other = *low;
      *low++ = *high;
      *high-- = other;
    }
    if (high - first < last - low) {
      quicksort(first, high);
      first = low;
    } else {
      quicksort(low, last);
      last = high;
    }
  }
  for (uint32_t *at = first + 1; at <= last; at++) {
    uint32_t value = *at, *to = at;
    for (; to > first && to[-1] > value; to--) *to = to[-1];
    *to = value;
  }
}

// Quicksort of 32-bit numbers.
uint64_t sort(unsigned scale) {
  enum { SIZE = 50000 };
  static uint32_t numbers[SIZE];
  uint64_t state = 2, hash = 0;
  for (unsigned round = 0; round < 8 * scale; round++) {
    for (unsigned i = 0; i < SIZE; i++) numbers[i] = (uint32_t)next_random(&state);
    quicksort(numbers, numbers + SIZE - 1);
    for (unsigned i = 0; i < SIZE; i += 97) hash = mix(hash, numbers[i]);
  }
  return hash;
}

// Product of matrices of 32-bit numbers.
uint64_t matrix(unsigned scale) {
  enum { N = 96 };
  static int32_t a[N][N], b[N][N], c[N][N];
  uint64_t state = 3, hash = 0;
  for (unsigned i = 0; i < N; i++) {
    for (unsigned j = 0; j < N; j++) {
      a[i][j] = (int32_t)next_random(&state) >> 16;
      b[i][j] = (int32_t)next_random(&state) >> 16;
    }
  }
  for (unsigned round = 0; round < 12 * scale; round++) {
    for (unsigned i = 0; i < N; i++) {
      for (unsigned j = 0; j < N; j++) {
        uint32_t sum = 0;
        for (unsigned k = 0; k < N; k++) sum += (uint32_t)a[i][k] * (uint32_t)b[k][j];
        c[i][j] = (int32_t)sum;
      }
    }
    hash = mix(hash, (uint32_t)c[round % N][round * 7 % N]);
    a[round % N][round % N] ^= c[round % N][0];
  }
  return hash;
}

struct cell {
  struct cell *next;
  uint64_t value;
};

// Walks through, and reversals of, a list that jumps through memory.
uint64_t list(unsigned scale) {
  enum { SIZE = 16384 };
  static struct cell cells[SIZE];
  // 5 and SIZE have no common divisor: every cell once.
  for (unsigned i = 0; i < SIZE; i++) {
    cells[i * 5 % SIZE] = (struct cell){i + 1 < SIZE ? &cells[(i + 1) * 5 % SIZE] : 0, i};
  }
  struct cell *head = &cells[0];
  uint64_t hash = 0;
  for (unsigned round = 0; round < 448 * scale; round++) {
    uint64_t sum = 0;
    for (struct cell *cell = head; cell; cell = cell->next) sum = sum * 3 + cell->value;
    struct cell *reversed = 0;
    while (head) {
      struct cell *next = head->next;
      head->next = reversed;
      reversed = head;
      head = next;
    }
    head = reversed;
    hash = mix(hash, sum);
  }
  return hash;
}

static NOINLINE uint64_t fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static NOINLINE uint64_t add(uint64_t a, uint64_t b) {
  return a + b;
}

static NOINLINE uint64_t exclusive_or(uint64_t a, uint64_t b) {
  return a ^ b;
}

static NOINLINE uint64_t rotate(uint64_t a, uint64_t b) {
  return a << (b & 63) | a >> (-b & 63);
}

// Calls and returns: recursion, and calls through pointers.
uint64_t calls(unsigned scale) {
  static uint64_t (*const operations[])(uint64_t, uint64_t) = {add, exclusive_or, rotate, add};
  uint64_t hash = 1;
  for (unsigned round = 0; round < 2 * scale; round++) {
    hash = mix(hash, fibonacci(27 + (round & 1)));
    for (unsigned i = 0; i < 500000; i++) hash = operations[(hash ^ i) & 3](hash, i);
  }
  return hash;
}

// Words of a text into a hash table, by comparison of bytes.
uint64_t string(unsigned scale) {
  enum { TEXT = 32768, SLOTS = 4096 };
  static char text[TEXT + 16];
  static struct {
    const char *word;
    unsigned length, count;
  } slots[SLOTS];
  uint64_t state = 4, hash = 0;
  for (unsigned at = 0; at < TEXT;) {
    unsigned word = (unsigned)(next_random(&state) % 1500), length = 2 + word % 9;
    for (unsigned i = 0; i < length && at < TEXT; i++) text[at++] = (char)('a' + (word * (i + 3) >> i) % 26);
    if (at < TEXT) text[at++] = ' ';
  }
  text[TEXT] = 0;
  for (unsigned round = 0; round < 96 * scale; round++) {
    memset(slots, 0, sizeof slots);
    unsigned words = 0;
    for (const char *at = text; *at;) {
      while (*at == ' ') at++;
      const char *start = at;
      uint32_t key = 5381 + round;
      for (; *at && *at != ' '; at++) key = key * 33 + (uint8_t)*at;
      unsigned length = (unsigned)(at - start);
      if (length == 0) break;
      unsigned slot = key % SLOTS;
      while (slots[slot].word && (slots[slot].length != length || memcmp(slots[slot].word, start, length) != 0)) {
        slot = (slot + 1) % SLOTS;
      }
      if (slots[slot].word == 0) words++;
      slots[slot].word = start;
      slots[slot].length = length;
      slots[slot].count++;
    }
    hash = mix(hash, words);
    for (unsigned i = 0; i < SLOTS; i += 13) hash = mix(hash, slots[i].count);
  }
  return hash;
}

enum operation { PUSH, ADD, SUBTRACT, MULTIPLY, XOR, DUPLICATE, SWAP, DROP, LOAD, STORE, LOOP, OPERATIONS };

// An interpreter of a stack machine: a switch in a loop.
uint64_t automaton(unsigned scale) {
  enum { LENGTH = 64 };
  static const uint8_t cycle[] = {PUSH, DUPLICATE, MULTIPLY, LOAD, ADD, SWAP, XOR, PUSH, SUBTRACT, DUPLICATE, STORE, LOAD, SWAP, DROP};
  static uint8_t program[LENGTH];
  static uint64_t memory[64];
  uint64_t stack[16] = {0}, hash = 0;
  for (unsigned i = 0; i < LENGTH - 1; i++) program[i] = cycle[i % sizeof cycle];
  program[LENGTH - 1] = LOOP;
  uint64_t left = 40000ul * scale;
  unsigned at = 0, top = 8;
  for (;;) {
    switch (program[at++]) {
      case PUSH: stack[++top & 15] = at + left; break;
      case ADD: stack[(top - 1) & 15] += stack[top & 15]; top--; break;
      case SUBTRACT: stack[(top - 1) & 15] -= stack[top & 15]; top--; break;
      case MULTIPLY: stack[(top - 1) & 15] *= stack[top & 15]; top--; break;
      case XOR: stack[(top - 1) & 15] ^= stack[top & 15]; break;
      case DUPLICATE: stack[(top + 1) & 15] = stack[top & 15]; top++; break;
      case SWAP: {
        uint64_t other = stack[top & 15];
        stack[top & 15] = stack[(top - 1) & 15];
        stack[(top - 1) & 15] = other;
        break;
      }
      case DROP: top--; break;
      case LOAD: stack[++top & 15] = memory[at & 63]; break;
      case STORE: memory[stack[top & 15] & 63] = stack[(top - 1) & 15]; top--; break;
      case LOOP:
        if (--left == 0) {
          for (unsigned i = 0; i < 16; i++) hash = mix(hash, stack[i] ^ memory[i]);
          return hash;
        }
        at = 0;
        break;
      default: return 0;
    }
  }
}

// Copies and comparisons of blocks, aligned and not.
uint64_t copy(unsigned scale) {
  enum { SIZE = 256 * 1024 };
  static uint64_t from[SIZE / 8], to[SIZE / 8 + 1];
  uint64_t state = 5, hash = 0;
  for (unsigned i = 0; i < SIZE / 8; i++) from[i] = next_random(&state);
  for (unsigned round = 0; round < 384 * scale; round++) {
    const uint64_t *source = from;
    uint64_t *target = to;
    for (unsigned i = 0; i < SIZE / 64; i++, source += 8, target += 8) {
      uint64_t a = source[0], b = source[1], c = source[2], d = source[3];
      target[0] = a, target[1] = b, target[2] = c, target[3] = d;
      a = source[4], b = source[5], c = source[6], d = source[7];
      target[4] = a, target[5] = b, target[6] = c, target[7] = d;
    }
    if (round % 8 == 0) {
      unsigned offset = 1 + round / 8 % 7;
      memcpy((char *)to + offset, from, SIZE / 4);
      hash = mix(hash, (uint64_t)memcmp((char *)to + offset, from, SIZE / 4));
    }
    hash = mix(hash, to[(round * 4099) % (SIZE / 8)]);
    from[round % (SIZE / 8)] += hash;
  }
  return hash;
}
