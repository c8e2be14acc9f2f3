// Work for virtio devices: a disk of at least 64 MiB, a console.
#include "../common/tap.h"
#include "../common/virtio.h"
#include "kernels.h"

enum { READ = 0, WRITE = 1, SECTOR = 512, QUEUE = 16, DEPTH = 8 };
enum { DISK_BYTES = 64 << 20, LARGE = 128 << 10, SMALL = 4 << 10 };

#define BLK_FLUSH (1ul << 9)

struct request {
  struct {
    uint32_t type, reserved;
    uint64_t sector;
  } header;
  uint8_t status;
};

static struct virtio_device disk, port;
static struct virtqueue disk_queue, input_queue, output_queue;
static struct request requests[QUEUE];
static uint8_t data[QUEUE][LARGE];

bool has_disk(void) {
  return disk.base != 0 || virtio_find(VIRTIO_BLK, 0, &disk);
}

bool has_console(void) {
  return port.base != 0 || virtio_find(VIRTIO_CONSOLE, 0, &port);
}

static void start(struct virtio_device *device, struct virtqueue *queue, unsigned index, struct virtqueue *other) {
  // Of a disk: writes may wait for a flush.
  virtio_negotiate(device, VIRTIO_VERSION_1 | VIRTIO_EVENT_IDX | (device == &disk ? BLK_FLUSH : 0));
  if (other) virtio_queue(device, other, 0, QUEUE);
  if (!virtio_queue(device, queue, index, QUEUE)) tap_bail_out("the queue does not become ready");
  virtio_interrupts(device);
  virtio_start(device);
}

// `count` requests, `depth` of them at a time; `random` or one after the other.
static uint64_t transfer(uint32_t type, uint32_t bytes, unsigned count, unsigned depth, bool random) {
  // Requests in flight by the queue's ids: header, data and status take three entries each.
  enum { MOST = QUEUE / 3 };
  if (disk.features == 0) start(&disk, &disk_queue, 0, 0);
  if (depth > MOST) depth = MOST;
  uint64_t state = 9, failed = 0;
  unsigned begun = 0, done = 0, slots[QUEUE];
  for (unsigned i = 0; i < depth; i++) slots[i] = i;
  unsigned free = depth, slot_of[VIRTQUEUE_MAX];
  while (done < count) {
    bool added = false;
    while (free > 0 && begun < count) {
      unsigned slot = slots[--free];
      uint64_t place = (random ? next_random(&state) : begun) % (DISK_BYTES / bytes);
      requests[slot].header.type = type;
      requests[slot].header.sector = place * (bytes / SECTOR);
      struct virtio_buffer chain[] = {
          {&requests[slot].header, sizeof requests[slot].header, false},
          {data[slot], bytes, type == READ},
          {&requests[slot].status, 1, true},
      };
      int id = virtqueue_add(&disk_queue, chain, 3);
      if (id < 0) tap_bail_out("the queue is full");
      slot_of[id] = slot;
      begun++;
      added = true;
    }
    if (added) virtqueue_kick(&disk_queue);
    struct virtio_used used = virtqueue_wait(&disk_queue);
    do {
      unsigned slot = slot_of[used.id];
      failed += requests[slot].status != 0;
      slots[free++] = slot;
      done++;
    } while (virtqueue_poll(&disk_queue, &used));
  }
  return failed;
}

uint64_t disk_read(unsigned scale) {
  return transfer(READ, LARGE, 512 * scale, DEPTH, false);
}

uint64_t disk_write(unsigned scale) {
  return transfer(WRITE, LARGE, 512 * scale, DEPTH, false);
}

uint64_t disk_random(unsigned scale) {
  return transfer(READ, SMALL, 4096 * scale, DEPTH, true);
}

uint64_t disk_single(unsigned scale) {
  return transfer(READ, SMALL, 1024 * scale, 1, true);
}

uint64_t virtio_console(unsigned scale) {
  enum { RECEIVE = 0, TRANSMIT = 1 };
  if (port.features == 0) start(&port, &output_queue, TRANSMIT, &input_queue);
  for (unsigned i = 0; i < SMALL; i++) data[0][i] = i % 64 == 63 ? '\n' : '.';
  struct virtio_buffer buffer = {data[0], SMALL, false};
  for (unsigned i = 0; i < 2048 * scale; i++) virtqueue_do(&output_queue, &buffer, 1);
  return 0;
}
