#include "../common/text.h"
#include "kernels.h"

static uint64_t bits(double value) {
  uint64_t result;
  memcpy(&result, &value, sizeof result);
  return result;
}

// A number in [0, 1).
static double fraction(uint64_t *state) {
  return (double)(next_random(state) >> 11) * 0x1p-53;
}

// Bodies that attract each other: scalar double precision with divisions and square roots.
uint64_t nbody(unsigned scale) {
  enum { BODIES = 6 };
  static struct {
    double position[3], velocity[3], mass;
  } bodies[BODIES];
  const double step = 0.001;
  uint64_t state = 6, hash = 0;
  for (unsigned i = 0; i < BODIES; i++) {
    for (unsigned axis = 0; axis < 3; axis++) {
      bodies[i].position[axis] = 10 * fraction(&state) - 5;
      bodies[i].velocity[axis] = fraction(&state) - 0.5;
    }
    bodies[i].mass = 0.1 + fraction(&state);
  }
  for (unsigned round = 0; round < 20000 * scale; round++) {
    for (unsigned i = 0; i < BODIES; i++) {
      for (unsigned j = i + 1; j < BODIES; j++) {
        double x = bodies[i].position[0] - bodies[j].position[0];
        double y = bodies[i].position[1] - bodies[j].position[1];
        double z = bodies[i].position[2] - bodies[j].position[2];
        double square = x * x + y * y + z * z + 0.01;
        double pull = step / (square * __builtin_sqrt(square));
        double to_i = pull * bodies[j].mass, to_j = pull * bodies[i].mass;
        bodies[i].velocity[0] -= x * to_i;
        bodies[i].velocity[1] -= y * to_i;
        bodies[i].velocity[2] -= z * to_i;
        bodies[j].velocity[0] += x * to_j;
        bodies[j].velocity[1] += y * to_j;
        bodies[j].velocity[2] += z * to_j;
      }
    }
    for (unsigned i = 0; i < BODIES; i++) {
      for (unsigned axis = 0; axis < 3; axis++) bodies[i].position[axis] += step * bodies[i].velocity[axis];
    }
  }
  for (unsigned i = 0; i < BODIES; i++) hash = mix(hash, bits(bodies[i].position[i % 3]));
  return hash;
}

// y = a x + y in double precision.
uint64_t daxpy(unsigned scale) {
  enum { SIZE = 4096 };
  static double x[SIZE], y[SIZE];
  uint64_t state = 7, hash = 0;
  for (unsigned i = 0; i < SIZE; i++) {
    x[i] = fraction(&state) - 0.5;
    y[i] = fraction(&state);
  }
  for (unsigned round = 0; round < 1000 * scale; round++) {
    double a = ((double)(round % 7) - 3) / 3;
    for (unsigned i = 0; i < SIZE; i++) y[i] += a * x[i];
  }
  for (unsigned i = 0; i < SIZE; i += 61) hash = mix(hash, bits(y[i]));
  return hash;
}

// Product of matrices in single precision.
uint64_t sgemm(unsigned scale) {
  enum { N = 96 };
  static float a[N][N], b[N][N], c[N][N];
  uint64_t state = 8, hash = 0;
  for (unsigned i = 0; i < N; i++) {
    for (unsigned j = 0; j < N; j++) {
      a[i][j] = (float)fraction(&state) - 0.5f;
      b[i][j] = (float)fraction(&state) - 0.5f;
    }
  }
  for (unsigned round = 0; round < 6 * scale; round++) {
    for (unsigned i = 0; i < N; i++) {
      for (unsigned j = 0; j < N; j++) c[i][j] = 0;
      for (unsigned k = 0; k < N; k++) {
        float factor = a[i][k];
        for (unsigned j = 0; j < N; j++) c[i][j] += factor * b[k][j];
      }
    }
    a[round % N][round * 5 % N] += c[round % N][0] * 0.125f;
    hash = mix(hash, bits(c[round % N][round * 7 % N]));
  }
  return hash;
}

// Iterations until points leave the Mandelbrot set; not fused, so that every host rounds as written.
uint64_t mandel(unsigned scale) {
#pragma STDC FP_CONTRACT OFF
  enum { WIDTH = 64, HEIGHT = 48, LIMIT = 200 };
  uint64_t hash = 0;
  for (unsigned round = 0; round < 5 * scale; round++) {
    uint64_t total = 0;
    double size = 3.0 / (1 + round % 16);
    for (unsigned row = 0; row < HEIGHT; row++) {
      for (unsigned column = 0; column < WIDTH; column++) {
        double cx = -0.75 + size * ((double)column / WIDTH - 0.5), cy = 0.1 + size * ((double)row / HEIGHT - 0.5);
        double x = 0, y = 0, xx = 0, yy = 0;
        unsigned count = 0;
        for (; count < LIMIT && xx + yy <= 4; count++) {
          y = 2 * x * y + cy;
          x = xx - yy + cx;
          xx = x * x;
          yy = y * y;
        }
        total += count;
      }
    }
    hash = mix(hash, total);
  }
  return hash;
}
