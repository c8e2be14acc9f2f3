// virtio-sock: connections both ways, credit, half close, resets, reset of the device.
//
// Expects at context id 2: port 1, which sends back what it gets; port 2, which accepts and never reads;
// port 3, which connects to the port of this guest that it gets four bytes of, sends "called" there, and
// answers with "accepted" or "refused"; nobody at port 4. Parameters: cid=N, this guest's context id;
// packed=1 if the device offers the packed format.
#include "../common/arguments.h"
#include "../common/machine.h"
#include "../common/tap.h"
#include "../common/text.h"
#include "../common/virtio.h"

enum { RECEIVE = 0, TRANSMIT = 1, EVENT = 2, SIZE = 16, BUFFER = 2048 };
enum { HOST = 2, ECHO = 1, DEAF = 2, CALLER = 3, NOBODY = 4 };
enum { STREAM = 1 };
enum { REQUEST = 1, RESPONSE = 2, RESET = 3, SHUTDOWN = 4, RW = 5, CREDIT_UPDATE = 6, CREDIT_REQUEST = 7 };
enum { NO_RECEIVE = 1, NO_SEND = 2, BOTH = 3 };
// What this guest can hold of a connection, and what it sends in one packet.
enum { WINDOW = 4096, PIECE = 1500, LARGE = 600000 };
#define STREAM_FEATURE (1ul << 0)

struct header {
  uint64_t src_cid, dst_cid;
  uint32_t src_port, dst_port, length;
  uint16_t type, op;
  uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__((packed));

// One end of a connection, here.
struct stream {
  uint32_t port, peer;
  // Bytes sent and received; what the device says of its buffer.
  uint32_t sent, received, peer_alloc, peer_forwarded;
  // Flags of the device's shutdowns.
  uint32_t shutdown;
  bool reset;
};

static struct virtio_device device;
static struct virtqueue queues[3];
static uint8_t inputs[SIZE][BUFFER], events[4];
static unsigned next_input;
static uint8_t output[sizeof(struct header) + PIECE];
static uint64_t cid;
// The packet that came last; none at first.
static struct header *packet;
static uint8_t *data;

static void give_input(void) {
  struct virtio_buffer buffer = {inputs[next_input++ % SIZE], BUFFER, true};
  if (virtqueue_add(&queues[RECEIVE], &buffer, 1) < 0) tap_bail_out("the receive queue is full");
}

// Waits for the next packet; it is there until the one after it is taken.
static void take(void) {
  if (packet) {
    give_input();
    virtqueue_kick(&queues[RECEIVE]);
  }
  uint8_t *bytes = inputs[next_input % SIZE];
  uint32_t written = virtqueue_wait(&queues[RECEIVE]).written;
  packet = (struct header *)bytes;
  data = bytes + sizeof *packet;
  if (written < sizeof *packet || packet->length != written - sizeof *packet) tap_bail_out("a packet of %u bytes", written);
}

static void send_packet(struct header header, const void *bytes) {
  memcpy(output, &header, sizeof header);
  memcpy(output + sizeof header, bytes, header.length);
  struct virtio_buffer chain[] = {{output, sizeof header, false}, {output + sizeof header, header.length, false}};
  virtqueue_do(&queues[TRANSMIT], chain, header.length ? 2 : 1);
}

static struct header header_of(const struct stream *s, uint16_t op) {
  return (struct header){cid, HOST, s->port, s->peer, 0, STREAM, op, 0, WINDOW, s->received};
}

static void send(const struct stream *s, uint16_t op, uint32_t flags) {
  struct header header = header_of(s, op);
  header.flags = flags;
  send_packet(header, "");
}

static void send_data(struct stream *s, const void *bytes, uint32_t count) {
  struct header header = header_of(s, RW);
  header.length = count;
  s->sent += count;
  send_packet(header, bytes);
}

static bool is_for(const struct stream *s) {
  return packet->src_cid == HOST && packet->dst_cid == cid && packet->src_port == s->peer &&
         packet->dst_port == s->port && packet->type == STREAM;
}

// Takes the next packet, which must be one of the stream; its operation.
static uint16_t next(struct stream *s) {
  take();
  if (!is_for(s)) tap_bail_out("a packet from port %u to port %u", packet->src_port, packet->dst_port);
  s->peer_alloc = packet->buf_alloc;
  s->peer_forwarded = packet->fwd_cnt;
  if (packet->op == SHUTDOWN) s->shutdown |= packet->flags;
  if (packet->op == RESET) s->reset = true;
  return packet->op;
}

// Takes packets up to one with data, which is counted; false at the end of the stream.
static bool next_data(struct stream *s) {
  for (;;) {
    uint16_t op = next(s);
    if (op == RW) break;
    if (op == CREDIT_REQUEST) send(s, CREDIT_UPDATE, 0);
    if (s->reset || (s->shutdown & NO_SEND)) return false;
  }
  s->received += packet->length;
  return true;
}

static uint32_t credit(const struct stream *s) {
  return s->peer_alloc - (s->sent - s->peer_forwarded);
}

static struct stream request(uint32_t port, uint32_t peer) {
  struct stream s = {.port = port, .peer = peer};
  send(&s, REQUEST, 0);
  return s;
}

static struct stream connect(uint32_t port, uint32_t peer) {
  struct stream s = request(port, peer);
  if (next(&s) != RESPONSE) tap_bail_out("port %u does not accept", peer);
  return s;
}

// Receives exactly this text, in any pieces.
static bool receives(struct stream *s, const char *text) {
  unsigned count = text_length(text);
  for (unsigned got = 0; got < count; got += packet->length) {
    if (!next_data(s) || packet->length > count - got || memcmp(data, text + got, packet->length)) return false;
  }
  return true;
}

static uint8_t byte_at(unsigned i) {
  return (uint8_t)(i * 7 + (i >> 8) * 3);
}

static void bring_up(uint64_t features) {
  if (!virtio_negotiate(&device, features)) tap_bail_out("the device refuses the features");
  for (unsigned i = 0; i < 3; i++) {
    if (!virtio_queue(&device, &queues[i], i, SIZE)) tap_bail_out("queue %u does not become ready", i);
  }
  virtio_start(&device);
  struct virtio_buffer buffer = {events, sizeof events, true};
  virtqueue_add(&queues[EVENT], &buffer, 1);
  next_input = 0;
  packet = NULL;
  for (unsigned i = 0; i < SIZE; i++) give_input();
  virtqueue_kick(&queues[RECEIVE]);
}

static void configuration(void) {
  tap_ok(virtio_offered(&device) & STREAM_FEATURE, "STREAM is offered");
  tap_equal(virtio_config64(&device, 0), cid, "context id");
  tap_equal(virtio_config8(&device, 1), cid >> 8 & 0xff, "a byte of it");
  virtio_write(&device, VIRTIO_CONFIG, 77);
  tap_equal(virtio_config32(&device, 0), cid, "it cannot be written");
}

static void handshake(const char *format) {
  struct stream s = request(1000, ECHO);
  take();
  tap_ok(is_for(&s) && packet->op == RESPONSE, "%s: a connection is granted", format);
  tap_equal(packet->length, 0, "%s: without data", format);
  tap_equal(packet->fwd_cnt, 0, "%s: nothing was taken yet", format);
  tap_ok(packet->buf_alloc >= 4096, "%s: there is room for data", format);
  s.peer_alloc = packet->buf_alloc;
  send_data(&s, "hello", 5);
  tap_ok(receives(&s, "hello"), "%s: data comes back", format);
  tap_equal(packet->fwd_cnt, 5, "%s: with the number of bytes that were taken", format);
  send(&s, SHUTDOWN, BOTH);
  while (!s.reset) next(&s);
  tap_ok(s.reset, "%s: a shutdown of both directions is answered by a reset", format);
}

// More than both windows, at the pace of both.
static void large(const char *format) {
  struct stream s = connect(1001, ECHO);
  static uint8_t piece[PIECE];
  bool good = true, within = true;
  while (s.received < LARGE && !s.reset) {
    // What comes back must find room, too.
    uint32_t room = credit(&s), left = LARGE - s.sent, count = left < PIECE ? left : PIECE;
    if (count > 0 && room >= count && s.sent - s.received < 4 * WINDOW) {
      for (unsigned i = 0; i < count; i++) piece[i] = byte_at(s.sent + i);
      send_data(&s, piece, count);
      continue;
    }
    uint32_t at = s.received;
    if (!next_data(&s)) break;
    within = within && packet->length <= WINDOW;
    for (unsigned i = 0; i < packet->length; i++) good = good && data[i] == byte_at(at + i);
    send(&s, CREDIT_UPDATE, 0);
  }
  tap_equal(s.received, LARGE, "%s: all of a long stream comes back", format);
  tap_ok(good, "%s: as it went", format);
  tap_ok(within, "%s: never more at once than there is room for", format);
  send(&s, SHUTDOWN, NO_SEND);
  while (!(s.shutdown & NO_SEND) && !s.reset) next(&s);
  tap_equal(s.shutdown, BOTH, "%s: after a half close the other side closes", format);
  send(&s, RESET, 0);
}

// Nothing is sent to a guest that has no room, and what was held back comes with the room.
static void pace(const char *format) {
  struct stream s = connect(1002, ECHO);
  struct header header = header_of(&s, RW);
  header.length = 10;
  header.buf_alloc = 4;
  s.sent += 10;
  send_packet(header, "0123456789");
  tap_ok(next_data(&s) && packet->length == 4 && !memcmp(data, "0123", 4), "%s: as much as there is room for", format);
  while (next(&s) != CREDIT_REQUEST) {}
  tap_ok(true, "%s: then the room is asked for", format);
  send(&s, CREDIT_UPDATE, 0);
  tap_ok(receives(&s, "456789"), "%s: and the rest comes", format);
  send(&s, CREDIT_REQUEST, 0);
  while (next(&s) != CREDIT_UPDATE) {}
  tap_equal(packet->fwd_cnt, 10, "%s: the other way round, too", format);
  send(&s, RESET, 0);
}

static void refused(const char *format) {
  struct stream s = request(1003, NOBODY);
  tap_equal(next(&s), RESET, "%s: nobody listens", format);
  s = request(1003, ECHO);
  if (next(&s) != RESPONSE) tap_bail_out("no connection");
  send(&s, REQUEST, 0);
  tap_equal(next(&s), RESET, "%s: a second request for a connection ends it", format);
  send_data(&s, "late", 4);
  tap_equal(next(&s), RESET, "%s: data for no connection", format);
  send(&s, 99, 0);
  tap_equal(next(&s), RESET, "%s: an unknown operation", format);
  send(&s, RESET, 0);

  struct header header = header_of(&s, REQUEST);
  header.dst_cid = 77;
  send_packet(header, "");
  take();
  tap_ok(packet->op == RESET && packet->src_cid == 77, "%s: a context id that nobody has", format);
  header = header_of(&s, REQUEST);
  header.type = 9;
  send_packet(header, "");
  take();
  tap_ok(packet->op == RESET && packet->type == 9, "%s: an unknown type of socket", format);
  header = header_of(&s, REQUEST);
  header.src_cid = cid + 1;
  send_packet(header, "");
  s = connect(1004, ECHO);
  tap_ok(true, "%s: no answer to a context id that is not ours", format);
  send(&s, RESET, 0);
}

static void violation(const char *format) {
  struct stream s = connect(1005, DEAF);
  static uint8_t piece[PIECE];
  while (credit(&s) >= PIECE) send_data(&s, piece, PIECE);
  uint32_t rest = credit(&s);
  if (rest > 0) send_data(&s, piece, rest);
  send(&s, CREDIT_REQUEST, 0);
  tap_equal(next(&s), CREDIT_UPDATE, "%s: what may be sent is taken", format);
  tap_equal(credit(&s), 0, "%s: then there is no more credit", format);
  send_data(&s, piece, 1);
  tap_equal(next(&s), RESET, "%s: a byte too many ends the connection", format);
}

// The host calls this guest.
static void called(const char *format) {
  struct stream control = connect(1006, CALLER);
  uint32_t port = 4711;
  send_data(&control, &port, 4);
  do take();
  while (packet->op != REQUEST);
  tap_ok(packet->src_cid == HOST && packet->dst_cid == cid && packet->dst_port == port, "%s: the host calls", format);
  struct stream s = {.port = port, .peer = packet->src_port};
  send(&s, RESPONSE, 0);
  tap_ok(receives(&s, "called"), "%s: what it says", format);
  send(&s, SHUTDOWN, BOTH);
  // Answers on the two connections come in any order.
  while (!s.reset || control.received < 8) {
    take();
    struct stream *of = packet->dst_port == port ? &s : &control;
    if (packet->op == RESET) of->reset = true;
    if (packet->op == RW) of->received += packet->length;
  }
  tap_ok(true, "%s: it takes the end for an answer", format);

  port = 4712;
  send_data(&control, &port, 4);
  do take();
  while (packet->op != REQUEST);
  s = (struct stream){.port = port, .peer = packet->src_port};
  send(&s, RESET, 0);
  tap_ok(receives(&control, "refused"), "%s: it hears that nobody listens here", format);
  send(&control, RESET, 0);
}

static void many(const char *format) {
  enum { COUNT = 8 };
  struct stream streams[COUNT];
  for (unsigned i = 0; i < COUNT; i++) streams[i] = connect(2000 + i, ECHO);
  char text[] = "stream 0";
  for (unsigned i = 0; i < COUNT; i++) {
    text[7] = (char)('0' + i);
    send_data(&streams[i], text, 8);
  }
  unsigned good = 0;
  for (unsigned count = 0; count < COUNT;) {
    take();
    unsigned i = packet->dst_port - 2000;
    if (i >= COUNT || packet->op != RW) continue;
    text[7] = (char)('0' + i);
    good += packet->length == 8 && !memcmp(data, text, 8);
    count++;
  }
  tap_equal(good, COUNT, "%s: %u connections at a time, each with its own data", format, COUNT);
  for (unsigned i = 0; i < COUNT; i++) send(&streams[i], RESET, 0);
}

static void all(const char *format, uint64_t features) {
  bring_up(features);
  handshake(format);
  large(format);
  pace(format);
  refused(format);
  violation(format);
  called(format);
  many(format);
}

void tests(void) {
  cid = argument_number("cid", 3);
  bool packed = argument_number("packed", 0);
  if (!virtio_find(VIRTIO_SOCK, 0, &device)) tap_bail_out("there is no virtio-sock");
  tap_plan(packed ? 65 : 35);
  configuration();
  uint64_t split = VIRTIO_VERSION_1 | VIRTIO_EVENT_IDX | STREAM_FEATURE;
  all("split", split);
  if (packed) all("packed", split | VIRTIO_RING_PACKED);
  struct stream s = connect(3000, ECHO);
  bring_up(split);
  send_data(&s, "old", 3);
  tap_equal(next(&s), RESET, "a reset of the device ends all connections");
}
