// virtio-console: ports, control messages, names, streams of bytes, emergency write, reset.
//
// Expects three ports: a console and a port "org.vml.echo" whose host ends send back what they get, and a
// port "org.vml.upper" whose host end does so in capitals. Parameter: packed=1 if the device offers the
// packed format.
#include "../common/arguments.h"
#include "../common/machine.h"
#include "../common/tap.h"
#include "../common/text.h"
#include "../common/virtio.h"

// Features and configuration.
#define MULTIPORT (1ul << 1)
#define EMERG_WRITE (1ul << 2)
enum { MAX_PORTS = 4, EMERGENCY = 8 };
// Queues: two per port, with those of the control messages behind those of port 0.
enum { PORTS = 3, QUEUES = 2 * (PORTS + 1), CONTROL_RECEIVE = 2, CONTROL_TRANSMIT = 3 };
enum { ECHO = 1, UPPER = 2 };
// Control messages.
enum {
  DEVICE_READY = 0,
  PORT_ADD = 1,
  PORT_READY = 3,
  CONSOLE_PORT = 4,
  RESIZE = 5,
  PORT_OPEN = 6,
  PORT_NAME = 7,
};
enum { SIZE = 16, BUFFER = 512, NAME = 64, LARGE = 20000 };

struct control {
  uint32_t port;
  uint16_t event, value;
  char rest[NAME];
};

// What the device has told of a port.
struct told {
  unsigned added, console, opened;
  char name[NAME];
};

static struct virtio_device device;
static struct virtqueue queues[QUEUES];
static struct control messages[SIZE];
static uint8_t inputs[PORTS][SIZE][BUFFER];
static uint8_t sent[LARGE], received[LARGE];
static struct told told[PORTS];
static unsigned strange;

static struct virtqueue *receive_queue(unsigned port) {
  return &queues[port == 0 ? 0 : 2 * port + 2];
}

static struct virtqueue *transmit_queue(unsigned port) {
  return receive_queue(port) + 1;
}

static void add_one(struct virtqueue *queue, void *data, uint32_t bytes, bool written) {
  struct virtio_buffer buffer = {data, bytes, written};
  if (virtqueue_add(queue, &buffer, 1) < 0) tap_bail_out("queue %u is full", queue->index);
}

// Buffers are used in the order in which they were given.
static unsigned next_message, next_input[PORTS];

static void give_message(void) {
  add_one(&queues[CONTROL_RECEIVE], &messages[next_message++ % SIZE], sizeof(struct control), true);
}

// Takes one control message, and gives its buffer back.
static void take_message(uint32_t written) {
  struct control *message = &messages[next_message % SIZE];
  unsigned rest = written - 8;
  if (message->port >= PORTS || written < 8 || rest > NAME) {
    strange++;
  } else {
    struct told *about = &told[message->port];
    switch (message->event) {
      case PORT_ADD: about->added++; break;
      case CONSOLE_PORT: about->console += message->value; break;
      case PORT_OPEN: about->opened += message->value; break;
      case RESIZE: break;
      case PORT_NAME:
        // With or without a zero at its end.
        for (unsigned i = 0; i < rest && i < NAME - 1; i++) about->name[i] = message->rest[i];
        break;
      default: strange++;
    }
  }
  give_message();
  virtqueue_kick(&queues[CONTROL_RECEIVE]);
}

static void tell(uint32_t port, uint16_t event, uint16_t value) {
  static struct control message;
  message = (struct control){.port = port, .event = event, .value = value};
  struct virtio_buffer buffer = {&message, 8, false};
  struct virtio_used used = virtqueue_do(&queues[CONTROL_TRANSMIT], &buffer, 1);
  if (used.written != 0) tap_bail_out("a control message was written to");
}

// Takes messages until `done`, as long as there may come some.
static void listen_until(bool (*done)(void)) {
  while (!done()) take_message(virtqueue_wait(&queues[CONTROL_RECEIVE]).written);
}

static bool all_added(void) {
  for (unsigned i = 0; i < PORTS; i++) if (!told[i].added) return false;
  return true;
}

static bool all_described(void) {
  for (unsigned i = 0; i < PORTS; i++) if (!told[i].opened) return false;
  return told[0].console && told[ECHO].name[0] && told[UPPER].name[0];
}

static void give_input(unsigned port) {
  add_one(receive_queue(port), inputs[port][next_input[port]++ % SIZE], BUFFER, true);
}

static void bring_up(uint64_t features, unsigned ports) {
  if (!virtio_negotiate(&device, features)) tap_bail_out("the device refuses the features");
  unsigned count = ports == 1 ? 2 : QUEUES;
  for (unsigned i = 0; i < count; i++) {
    if (!virtio_queue(&device, &queues[i], i, SIZE)) tap_bail_out("queue %u does not become ready", i);
  }
  virtio_start(&device);
  memset(told, 0, sizeof told);
  memset(next_input, 0, sizeof next_input);
  strange = next_message = 0;
  for (unsigned port = 0; port < ports; port++) {
    for (unsigned i = 0; i < SIZE; i++) give_input(port);
    virtqueue_kick(receive_queue(port));
  }
  if (ports == 1) return;
  for (unsigned i = 0; i < SIZE; i++) give_message();
  virtqueue_kick(&queues[CONTROL_RECEIVE]);
}

// Receives so many bytes, in pieces as they come.
static void receive(unsigned port, uint8_t *into, unsigned count) {
  struct virtqueue *queue = receive_queue(port);
  for (unsigned got = 0; got < count;) {
    unsigned place = next_input[port] % SIZE;
    uint32_t written = virtqueue_wait(queue).written;
    if (written == 0 || written > BUFFER || written > count - got) tap_bail_out("a buffer has %u bytes", written);
    memcpy(into + got, inputs[port][place], written);
    got += written;
    give_input(port);
    virtqueue_kick(queue);
  }
}

static bool is_same(const uint8_t *a, const uint8_t *b, unsigned count) {
  for (unsigned i = 0; i < count; i++) if (a[i] != b[i]) return false;
  return true;
}

// Sends text in two buffers of one chain; whether the answer is as expected.
static bool answers(unsigned port, char *text, const char *expected) {
  unsigned count = text_length(text);
  struct virtio_buffer chain[] = {{text, 2, false}, {text + 2, count - 2, false}};
  struct virtio_used used = virtqueue_do(transmit_queue(port), chain, 2);
  receive(port, received, count);
  return used.written == 0 && is_same(received, (const uint8_t *)expected, count);
}

static void configuration(void) {
  uint64_t offered = virtio_offered(&device);
  tap_ok(offered & MULTIPORT, "MULTIPORT is offered");
  tap_ok(offered & EMERG_WRITE, "EMERG_WRITE is offered");
  tap_equal(virtio_config32(&device, MAX_PORTS), PORTS, "number of ports");
  tap_equal(virtio_config8(&device, MAX_PORTS), PORTS, "a byte of it");
  tap_equal(virtio_config16(&device, MAX_PORTS + 2), 0, "the upper half of it");
  virtio_write(&device, VIRTIO_CONFIG + MAX_PORTS, 77);
  tap_equal(virtio_config32(&device, MAX_PORTS), PORTS, "it cannot be written");
}

static void handshake(const char *format) {
  tell(0, DEVICE_READY, 1);
  listen_until(all_added);
  for (unsigned i = 0; i < PORTS; i++) tap_equal(told[i].added, 1, "%s: port %u is added once", format, i);
  tap_ok(!told[0].console && !told[ECHO].name[0], "%s: no more is told of them yet", format);
  for (unsigned i = 0; i < PORTS; i++) tell(i, PORT_READY, 1);
  listen_until(all_described);
  tap_equal(told[0].console, 1, "%s: port 0 is a console", format);
  tap_equal(told[ECHO].console + told[UPPER].console, 0, "%s: the others are not", format);
  tap_ok(text_equal(told[ECHO].name, "org.vml.echo"), "%s: name of port 1", format);
  tap_ok(text_equal(told[UPPER].name, "org.vml.upper"), "%s: name of port 2", format);
  for (unsigned i = 0; i < PORTS; i++) tap_equal(told[i].opened, 1, "%s: port %u is open on the host", format, i);
  tap_equal(strange, 0, "%s: nothing else is told", format);
  for (unsigned i = 0; i < PORTS; i++) {
    tell(i, PORT_OPEN, 1);
    // QEMU looks for input when it is notified of a buffer, but not when a port is opened.
    virtio_write(&device, VIRTIO_QUEUE_NOTIFY, receive_queue(i)->index);
  }
}

static void streams(const char *format) {
  tap_ok(answers(ECHO, "hello port", "hello port"), "%s: a port sends and receives", format);
  tap_ok(answers(UPPER, "hello port", "HELLO PORT"), "%s: so does another one, by itself", format);
  tap_ok(answers(0, "hello console", "hello console"), "%s: so does the console", format);
}

// More than a queue holds, in chains of several buffers.
static void large(const char *format) {
  for (unsigned i = 0; i < LARGE; i++) sent[i] = (uint8_t)(i * 13 + (i >> 8));
  for (unsigned at = 0; at < LARGE;) {
    unsigned count = LARGE - at < 3000 ? LARGE - at : 3000;
    struct virtio_buffer chain[] = {
      {sent + at, 1, false},
      {sent + at + 1, 1500, false},
      {sent + at + 1501, count - 1501, false},
    };
    virtqueue_do(transmit_queue(ECHO), chain, 3);
    receive(ECHO, received + at, count);
    at += count;
  }
  tap_ok(is_same(sent, received, LARGE), "%s: %u bytes come back as they went", format, LARGE);
}

// What makes no sense has no effect.
static void nonsense(const char *format) {
  tell(PORTS, PORT_READY, 1);
  tell(0xffffffff, PORT_OPEN, 1);
  tell(ECHO, 99, 1);
  static uint8_t half[4];
  struct virtio_buffer buffer = {half, sizeof half, false};
  virtqueue_do(&queues[CONTROL_TRANSMIT], &buffer, 1);
  tap_equal(virtio_read(&device, VIRTIO_STATUS) & VIRTIO_NEEDS_RESET, 0, "%s: nonsense is ignored", format);
  tap_ok(answers(ECHO, "still there", "still there"), "%s: and the ports go on", format);
}

static void emergency(void) {
  virtio_write(&device, VIRTIO_CONFIG + EMERGENCY, 'E');
  receive(0, received, 1);
  tap_equal(received[0], 'E', "an emergency write comes back from the console's host end");
}

void tests(void) {
  if (!virtio_find(VIRTIO_CONSOLE, 0, &device)) tap_bail_out("there is no virtio-console");
  bool packed = argument_number("packed", 0);
  tap_plan(packed ? 45 : 27);
  configuration();

  uint64_t split = VIRTIO_VERSION_1 | VIRTIO_EVENT_IDX | MULTIPORT | EMERG_WRITE;
  bring_up(split, PORTS);
  handshake("split");
  streams("split");
  large("split");
  nonsense("split");
  emergency();

  if (packed) {
    bring_up(split | VIRTIO_RING_PACKED, PORTS);
    handshake("packed");
    streams("packed");
    large("packed");
    nonsense("packed");
  }

  bring_up(VIRTIO_VERSION_1, 1);
  tap_ok(answers(0, "plain", "plain"), "without MULTIPORT port 0 sends and receives");
  tap_equal(device.features & MULTIPORT, 0, "and there are no others");
}
