// Virtio over MMIO, version 2 (virtio 1.2, section 4.2): finding devices, negotiation, queues of both
// formats with indirect tables and event index, polling and interrupts.
//
//   struct virtio_device device;
//   static struct virtqueue queue;
//   if (!virtio_find(VIRTIO_RNG, 0, &device)) tap_bail_out("there is no virtio-rng");
//   virtio_negotiate(&device, VIRTIO_QUEUE_FEATURES);
//   virtio_queue(&device, &queue, 0, 8);
//   virtio_start(&device);
//   struct virtio_buffer buffer = {bytes, sizeof bytes, true};
//   struct virtio_used used = virtqueue_do(&queue, &buffer, 1);
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { VIRTIO_NET = 1, VIRTIO_BLK = 2, VIRTIO_CONSOLE = 3, VIRTIO_RNG = 4, VIRTIO_SOCK = 19 };

#define VIRTIO_INDIRECT_DESC (1ul << 28)
#define VIRTIO_EVENT_IDX (1ul << 29)
#define VIRTIO_VERSION_1 (1ul << 32)
#define VIRTIO_RING_PACKED (1ul << 34)
#define VIRTIO_IN_ORDER (1ul << 35)
// What the driver of the queues understands.
#define VIRTIO_QUEUE_FEATURES (VIRTIO_VERSION_1 | VIRTIO_RING_PACKED | VIRTIO_EVENT_IDX | VIRTIO_INDIRECT_DESC)

// Registers.
enum {
  VIRTIO_MAGIC = 0x000,
  VIRTIO_VERSION = 0x004,
  VIRTIO_DEVICE_ID = 0x008,
  VIRTIO_VENDOR_ID = 0x00c,
  VIRTIO_DEVICE_FEATURES = 0x010,
  VIRTIO_DEVICE_FEATURES_SEL = 0x014,
  VIRTIO_DRIVER_FEATURES = 0x020,
  VIRTIO_DRIVER_FEATURES_SEL = 0x024,
  VIRTIO_QUEUE_SEL = 0x030,
  VIRTIO_QUEUE_NUM_MAX = 0x034,
  VIRTIO_QUEUE_NUM = 0x038,
  VIRTIO_QUEUE_READY = 0x044,
  VIRTIO_QUEUE_NOTIFY = 0x050,
  VIRTIO_INTERRUPT_STATUS = 0x060,
  VIRTIO_INTERRUPT_ACK = 0x064,
  VIRTIO_STATUS = 0x070,
  VIRTIO_QUEUE_AREAS = 0x080, // descriptors; +0x10 the driver's, +0x20 the device's; low half, high half
  VIRTIO_CONFIG_GENERATION = 0x0fc,
  VIRTIO_CONFIG = 0x100,
};

// Bits of VIRTIO_STATUS.
enum {
  VIRTIO_ACKNOWLEDGE = 1,
  VIRTIO_DRIVER = 2,
  VIRTIO_DRIVER_OK = 4,
  VIRTIO_FEATURES_OK = 8,
  VIRTIO_NEEDS_RESET = 0x40,
};
// Bits of VIRTIO_INTERRUPT_STATUS.
enum { VIRTIO_USED_BUFFER = 1, VIRTIO_CONFIGURATION = 2 };

struct virtio_device {
  uint64_t base;
  uint32_t interrupt;
  // Negotiated.
  uint64_t features;
  // Of virtio_interrupts: how often it came, and the causes that were acknowledged since they were
  // cleared here.
  volatile uint32_t interrupts, causes;
  struct virtio_device *next;
};

// The index-th device of this kind, in the order of machine_virtio.
bool virtio_find(uint32_t id, unsigned index, struct virtio_device *device);
uint32_t virtio_read(const struct virtio_device *device, unsigned offset);
void virtio_write(const struct virtio_device *device, unsigned offset, uint32_t value);
// Configuration, little-endian.
uint8_t virtio_config8(const struct virtio_device *device, unsigned offset);
uint16_t virtio_config16(const struct virtio_device *device, unsigned offset);
uint32_t virtio_config32(const struct virtio_device *device, unsigned offset);
uint64_t virtio_config64(const struct virtio_device *device, unsigned offset);
// Features that the device offers.
uint64_t virtio_offered(const struct virtio_device *device);
// Resets the device and accepts what is both wanted and offered; false if it refuses that.
bool virtio_negotiate(struct virtio_device *device, uint64_t wanted);
// DRIVER_OK.
void virtio_start(struct virtio_device *device);
// Takes the device's interrupts from now on. The device must stay where it is.
void virtio_interrupts(struct virtio_device *device);
// Whether the device has asked for an interrupt; acknowledges it. For devices that are polled.
uint32_t virtio_acknowledge(struct virtio_device *device);

// Entries of a queue at most, and of an indirect table.
#define VIRTQUEUE_MAX 64
#define VIRTQUEUE_TABLE 16

struct virtio_buffer {
  void *data;
  uint32_t bytes;
  // The device writes to it; such buffers come last.
  bool written;
};

struct virtio_used {
  // What virtqueue_add gave.
  unsigned id;
  // Bytes that the device says it wrote.
  uint32_t written;
};

struct virtio_descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t third, fourth; // split: flags, next; packed: buffer id, flags
};

struct virtqueue {
  struct virtio_descriptor descriptors[VIRTQUEUE_MAX] __attribute__((aligned(16)));
  // Split: flags, index, ring, event. Packed: event suppression in the first four bytes.
  volatile uint16_t driver_area[3 + VIRTQUEUE_MAX] __attribute__((aligned(4)));
  volatile uint16_t device_area[3 + 4 * VIRTQUEUE_MAX] __attribute__((aligned(4)));
  struct virtio_descriptor tables[VIRTQUEUE_MAX][VIRTQUEUE_TABLE] __attribute__((aligned(16)));
  struct virtio_device *device;
  unsigned index, size;
  // Entries without a request; ids without a request, as a list.
  unsigned room, free;
  // By id: the next free one, or the entries that its request takes.
  uint16_t next_free[VIRTQUEUE_MAX], slots[VIRTQUEUE_MAX];
  // Positions; in packed queues with wrap counters.
  uint16_t next_avail, next_used, kicked;
  bool packed, avail_wrap, used_wrap, silent;
  // Notifications that were sent.
  unsigned notifications;
};

// Hands queue `index` to the device with `size` entries, fewer if it can do no more; false if there is
// no such queue or it does not become ready. Between virtio_negotiate and virtio_start.
bool virtio_queue(struct virtio_device *device, struct virtqueue *queue, unsigned index, unsigned size);
// Makes buffers available, those that the device reads first; the request's id, -1 if there is no room.
int virtqueue_add(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count);
// The same with an indirect table of up to VIRTQUEUE_TABLE entries; needs VIRTIO_INDIRECT_DESC.
int virtqueue_add_indirect(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count);
// Notifies the device unless it does not want to hear; whether it was notified.
bool virtqueue_kick(struct virtqueue *queue);
// The next request that the device has returned; false if there is none.
bool virtqueue_poll(struct virtqueue *queue, struct virtio_used *used);
// Waits for it: for the device's interrupt if virtio_interrupts was called and the queue is not silent,
// else by polling. Bails out if it takes too long.
struct virtio_used virtqueue_wait(struct virtqueue *queue);
// One request from add to wait.
struct virtio_used virtqueue_do(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count);
// Asks the device not to interrupt for this queue, or to do so again.
void virtqueue_silence(struct virtqueue *queue, bool silent);
