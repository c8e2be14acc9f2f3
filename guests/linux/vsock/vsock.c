// vsock: connects to virtio sockets and serves them, for guests whose tools know none.
//
//   vsock cat CID PORT     connects; standard input goes there, what comes goes to standard output
//   vsock echo PORT COUNT  sends back what COUNT connections send, one after the other
//
// Without a C library: system calls and no more. Exit code 0, or the error's number.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
enum { SYS_close = 3, SYS_read = 0, SYS_write = 1, SYS_ppoll = 271, SYS_exit = 60 };
enum {
  SYS_socket = 41,
  SYS_bind = 49,
  SYS_listen = 50,
  SYS_accept = 43,
  SYS_connect = 42,
  SYS_shutdown = 48,
};
#else
enum { SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_ppoll = 73, SYS_exit = 93 };
enum {
  SYS_socket = 198,
  SYS_bind = 200,
  SYS_listen = 201,
  SYS_accept = 202,
  SYS_connect = 203,
  SYS_shutdown = 210,
};
#endif
enum { AF_VSOCK = 40, SOCK_STREAM = 1, SHUT_WR = 1, ANY_CID = -1 };
enum { POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16 };
enum { EINVAL = 22, BUFFER = 65536 };

struct sockaddr_vm {
  uint16_t family, reserved;
  uint32_t port, cid;
  uint8_t zero[4];
};

struct pollfd {
  int fd;
  short events, revents;
};

static long call(long number, long a, long b, long c, long d, long e) {
#ifdef __x86_64__
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return number;
#else
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#endif
}

static long check(long result) {
  if (result < 0) call(SYS_exit, -result, 0, 0, 0, 0);
  return result;
}

static bool same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static uint32_t number(const char *text) {
  uint32_t value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (uint32_t)(*text - '0');
  return value;
}

// One direction: what was read and not yet written.
struct flow {
  int from, to;
  bool ended, closed;
  size_t start, end;
  char bytes[BUFFER];
};

// Moves bytes as far as it goes without waiting; tells the other side the end by a half close.
static void move(struct flow *flow, short in, short out, bool socket) {
  if (flow->start == flow->end && !flow->ended && (in & (POLLIN | POLLERR | POLLHUP))) {
    long count = check(call(SYS_read, flow->from, (long)flow->bytes, BUFFER, 0, 0));
    flow->start = 0;
    flow->end = (size_t)count;
    flow->ended = count == 0;
  }
  if (flow->start < flow->end && (out & (POLLOUT | POLLERR))) {
    const char *bytes = flow->bytes + flow->start;
    flow->start += (size_t)check(call(SYS_write, flow->to, (long)bytes, (long)(flow->end - flow->start), 0, 0));
  }
  if (flow->start == flow->end && flow->ended && !flow->closed) {
    flow->closed = true;
    if (socket) check(call(SYS_shutdown, flow->to, SHUT_WR, 0, 0, 0));
  }
}

static struct flow out, back;

static void cat(uint32_t cid, uint32_t port) {
  struct sockaddr_vm address = {.family = AF_VSOCK, .port = port, .cid = cid};
  int fd = (int)check(call(SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0, 0));
  check(call(SYS_connect, fd, (long)&address, sizeof address, 0, 0));
  out.from = 0, out.to = fd;
  back.from = fd, back.to = 1;
  while (!back.closed) {
    bool reading = !out.ended && out.start == out.end;
    struct pollfd polled[3] = {
        {.fd = reading ? 0 : -1, .events = POLLIN},
        {.fd = fd, .events = (short)((out.start < out.end ? POLLOUT : 0) | (back.start == back.end ? POLLIN : 0))},
        {.fd = back.start < back.end ? 1 : -1, .events = POLLOUT},
    };
    check(call(SYS_ppoll, (long)polled, 3, 0, 0, 0));
    move(&out, polled[0].revents, polled[1].revents, true);
    move(&back, polled[1].revents, polled[2].revents, false);
  }
}

static void echo(uint32_t port, uint32_t count) {
  struct sockaddr_vm address = {.family = AF_VSOCK, .port = port, .cid = (uint32_t)ANY_CID};
  int server = (int)check(call(SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0, 0));
  check(call(SYS_bind, server, (long)&address, sizeof address, 0, 0));
  check(call(SYS_listen, server, 8, 0, 0, 0));
  while (count-- > 0) {
    int fd = (int)check(call(SYS_accept, server, 0, 0, 0, 0));
    for (;;) {
      long length = check(call(SYS_read, fd, (long)out.bytes, BUFFER, 0, 0));
      if (length == 0) break;
      for (long done = 0; done < length;) {
        done += check(call(SYS_write, fd, (long)(out.bytes + done), length - done, 0, 0));
      }
    }
    check(call(SYS_shutdown, fd, SHUT_WR, 0, 0, 0));
    check(call(SYS_close, fd, 0, 0, 0, 0));
  }
}

// The kernel gives argc and argv on the stack.
__attribute__((used)) static void start(long *stack) {
  char **argv = (char **)(stack + 1);
  if (stack[0] == 4 && same(argv[1], "cat")) cat(number(argv[2]), number(argv[3]));
  else if (stack[0] == 4 && same(argv[1], "echo")) echo(number(argv[2]), number(argv[3]));
  else call(SYS_exit, EINVAL, 0, 0, 0, 0);
  call(SYS_exit, 0, 0, 0, 0, 0);
}

#ifdef __x86_64__
__asm__(".global _start\n_start: mov %rsp, %rdi\n call start\n");
#else
__asm__(".global _start\n_start: mov x0, sp\n bl start\n");
#endif
