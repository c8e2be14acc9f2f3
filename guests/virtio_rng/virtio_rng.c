// virtio-rng: handshake, split and packed queues, chains, indirect tables, event index, reset.
//
// Parameter: packed=1 expects a device that offers the packed format.
#include "../common/arguments.h"
#include "../common/machine.h"
#include "../common/tap.h"
#include "../common/text.h"
#include "../common/virtio.h"

enum { QUEUE = 0, SIZE = 8, BYTES = 64 };

static struct virtio_device device;
static struct virtqueue queue;
static uint8_t first[BYTES], second[BYTES], guard[BYTES];

static struct virtio_buffer into(uint8_t *bytes, uint32_t count) {
  memset(bytes, 0, count);
  return (struct virtio_buffer){bytes, count, true};
}

static bool all_zero(const uint8_t *bytes, unsigned count) {
  while (count--) if (bytes[count]) return false;
  return true;
}

// Brings the device up with these features besides VERSION_1.
static void bring_up(uint64_t features) {
  if (!virtio_negotiate(&device, features | VIRTIO_VERSION_1)) tap_bail_out("the device refuses the features");
  if (!virtio_queue(&device, &queue, QUEUE, SIZE)) tap_bail_out("the queue does not become ready");
  virtio_start(&device);
}

static void handshake(bool packed) {
  tap_equal(virtio_read(&device, VIRTIO_MAGIC), 0x74726976, "magic value");
  tap_equal(virtio_read(&device, VIRTIO_VERSION), 2, "version 2: no legacy interface");
  uint64_t offered = virtio_offered(&device);
  tap_ok(offered & VIRTIO_VERSION_1, "VERSION_1 is offered");
  tap_ok(offered & VIRTIO_INDIRECT_DESC, "INDIRECT_DESC is offered");
  tap_ok(offered & VIRTIO_EVENT_IDX, "EVENT_IDX is offered");
  tap_ok(!(offered & VIRTIO_RING_PACKED) == !packed, "RING_PACKED is%s offered", packed ? "" : " not");
  virtio_write(&device, VIRTIO_DEVICE_FEATURES_SEL, 2);
  tap_equal(virtio_read(&device, VIRTIO_DEVICE_FEATURES), 0, "no features above bit 63");

  tap_ok(virtio_negotiate(&device, VIRTIO_QUEUE_FEATURES), "FEATURES_OK stays set");
  tap_equal(virtio_read(&device, VIRTIO_STATUS), 0xb, "status after negotiation");
  virtio_write(&device, VIRTIO_QUEUE_SEL, 1);
  tap_equal(virtio_read(&device, VIRTIO_QUEUE_NUM_MAX), 0, "there is no queue 1");
  virtio_write(&device, VIRTIO_QUEUE_SEL, QUEUE);
  tap_ok(virtio_read(&device, VIRTIO_QUEUE_NUM_MAX) >= SIZE, "queue 0 has room for %u", SIZE);
  tap_equal(virtio_read(&device, VIRTIO_QUEUE_READY), 0, "a queue is not ready before it is set up");
  tap_ok(virtio_queue(&device, &queue, QUEUE, SIZE), "and is afterwards");
  virtio_start(&device);
  tap_equal(virtio_read(&device, VIRTIO_STATUS), 0xf, "status of a live device");
  tap_equal(virtio_read(&device, VIRTIO_INTERRUPT_STATUS), 0, "no interrupt yet");
}

static void requests(const char *format) {
  struct virtio_buffer buffer = into(first, BYTES);
  struct virtio_used used = virtqueue_do(&queue, &buffer, 1);
  tap_equal(used.written, BYTES, "%s: one buffer is filled", format);
  tap_ok(!all_zero(first, BYTES), "%s: with something", format);
  buffer = into(second, BYTES);
  virtqueue_do(&queue, &buffer, 1);
  tap_ok(memcmp(first, second, BYTES) != 0, "%s: and with something else the next time", format);

  memset(guard, 0, BYTES);
  struct virtio_buffer chain[] = {{first, 16, true}, {first + 20, 10, true}, {first + 40, 7, true}};
  memset(first, 0, BYTES);
  used = virtqueue_do(&queue, chain, 3);
  tap_equal(used.written, 33, "%s: a chain of three buffers", format);
  tap_ok(all_zero(first + 16, 4) && all_zero(first + 30, 10) && all_zero(first + 47, BYTES - 47) && all_zero(guard, BYTES),
         "%s: what lies between them is not touched", format);
}

static void many(const char *format) {
  unsigned good = 0;
  for (unsigned i = 0; i < 100; i++) {
    struct virtio_buffer chain[] = {{first, 8, true}, {second, 8, true}, {guard, 8, true}};
    good += virtqueue_do(&queue, chain, 1 + i % 3).written == 8 * (1 + i % 3);
  }
  tap_equal(good, 100, "%s: 100 requests, many times around the ring", format);
}

static void indirect(const char *format) {
  struct virtio_buffer chain[12];
  memset(first, 0, BYTES);
  for (unsigned i = 0; i < 12; i++) chain[i] = (struct virtio_buffer){first + 4 * i, 3, true};
  virtqueue_add_indirect(&queue, chain, 12);
  tap_equal(queue.room, SIZE - 1, "%s: an indirect table takes one entry", format);
  virtqueue_kick(&queue);
  tap_equal(virtqueue_wait(&queue).written, 36, "%s: and has more buffers than the ring", format);
  unsigned holes = 0;
  for (unsigned i = 0; i < 12; i++) holes += first[4 * i + 3] == 0;
  tap_equal(holes, 12, "%s: each gets its bytes", format);
}

// The causes of an interrupt, once there is one.
static uint32_t causes(void) {
  for (unsigned looks = 0; looks < 1 << 20; looks++) {
    uint32_t found = virtio_acknowledge(&device);
    if (found) return found;
  }
  return 0;
}

static void suppression(const char *format) {
  struct virtio_buffer buffer = into(first, 8);
  virtqueue_silence(&queue, true);
  virtio_acknowledge(&device);
  virtqueue_do(&queue, &buffer, 1);
  tap_equal(virtio_read(&device, VIRTIO_INTERRUPT_STATUS), 0, "%s: no interrupt when silenced", format);
  virtqueue_silence(&queue, false);
  // Looking at the queue first would say that the interrupt is not needed any more.
  virtqueue_add(&queue, &buffer, 1);
  virtqueue_kick(&queue);
  tap_equal(causes(), VIRTIO_USED_BUFFER, "%s: one when not", format);
  tap_equal(virtio_read(&device, VIRTIO_INTERRUPT_STATUS), 0, "%s: it is gone when acknowledged", format);
  virtqueue_wait(&queue);
}

static void interrupts(void) {
  virtio_acknowledge(&device);
  virtio_interrupts(&device);
  struct virtio_buffer buffer = into(first, 8);
  for (unsigned i = 1; i <= 5; i++) {
    virtqueue_add(&queue, &buffer, 1);
    virtqueue_kick(&queue);
    while (device.interrupts < i) machine_wait_for_interrupt();
    virtqueue_wait(&queue);
  }
  tap_equal(device.interrupts, 5, "5 requests, 5 interrupts");
  tap_equal(device.causes, VIRTIO_USED_BUFFER, "for used buffers");
}

static void reset(uint64_t features) {
  virtio_write(&device, VIRTIO_STATUS, 0);
  tap_equal(virtio_read(&device, VIRTIO_STATUS), 0, "reset: status 0");
  virtio_write(&device, VIRTIO_QUEUE_SEL, QUEUE);
  tap_equal(virtio_read(&device, VIRTIO_QUEUE_READY), 0, "reset: the queue is gone");
  tap_equal(virtio_read(&device, VIRTIO_INTERRUPT_STATUS), 0, "reset: no interrupt");
  bring_up(features);
  requests("after reset");
}

void tests(void) {
  bool packed = argument_number("packed", 0);
  if (!virtio_find(VIRTIO_RNG, 0, &device)) tap_bail_out("there is no virtio-rng");
  handshake(packed);
  requests("all features");
  many("all features");
  indirect("all features");
  suppression("all features");
  bring_up(0);
  requests("split");
  many("split");
  suppression("split");
  bring_up(VIRTIO_EVENT_IDX);
  many("split, event index");
  suppression("split, event index");
  if (packed) {
    bring_up(VIRTIO_RING_PACKED);
    requests("packed");
    many("packed");
    suppression("packed");
    bring_up(VIRTIO_RING_PACKED | VIRTIO_EVENT_IDX | VIRTIO_INDIRECT_DESC);
    many("packed, event index");
    indirect("packed, event index");
    suppression("packed, event index");
  }
  interrupts();
  reset(VIRTIO_QUEUE_FEATURES);
}
