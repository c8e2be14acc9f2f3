#include "virtio.h"
#include "machine.h"
#include "tap.h"
#include "text.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 }; // flags of descriptors
enum { AVAIL = 1 << 7, USED = 1 << 15 };    // of packed ones
enum { FLAGS = 0, INDEX = 1, RING = 2 };    // split rings, in units of 16 bits
enum { EVENT = 0, EVENT_FLAGS = 1 };        // event suppression of packed queues, the same
enum { ENABLE = 0, DISABLE = 1, DESCRIPTOR = 2 };
enum { MAGIC = 0x74726976, VERSION = 2 };
// Looks at a queue before the device counts as dead.
enum { PATIENCE = 1 << 29 };

static struct virtio_device *with_interrupts;

uint32_t virtio_read(const struct virtio_device *device, unsigned offset) {
  return device_read32(device->base + offset);
}

void virtio_write(const struct virtio_device *device, unsigned offset, uint32_t value) {
  device_write32(device->base + offset, value);
}

uint8_t virtio_config8(const struct virtio_device *device, unsigned offset) {
  return device_read8(device->base + VIRTIO_CONFIG + offset);
}

uint16_t virtio_config16(const struct virtio_device *device, unsigned offset) {
  return device_read16(device->base + VIRTIO_CONFIG + offset);
}

uint32_t virtio_config32(const struct virtio_device *device, unsigned offset) {
  return virtio_read(device, VIRTIO_CONFIG + offset);
}

// Two accesses: the generation says whether they belong together.
uint64_t virtio_config64(const struct virtio_device *device, unsigned offset) {
  for (;;) {
    uint32_t generation = virtio_read(device, VIRTIO_CONFIG_GENERATION);
    uint64_t value = virtio_config32(device, offset) | (uint64_t)virtio_config32(device, offset + 4) << 32;
    if (virtio_read(device, VIRTIO_CONFIG_GENERATION) == generation) return value;
  }
}

bool virtio_find(uint32_t id, unsigned index, struct virtio_device *device) {
  memset(device, 0, sizeof *device);
  for (unsigned place = 0; machine_virtio(place, &device->base, &device->interrupt); place++) {
    if (virtio_read(device, VIRTIO_MAGIC) != MAGIC || virtio_read(device, VIRTIO_VERSION) != VERSION) continue;
    if (virtio_read(device, VIRTIO_DEVICE_ID) == id && index-- == 0) return true;
  }
  device->base = 0;
  return false;
}

uint64_t virtio_offered(const struct virtio_device *device) {
  virtio_write(device, VIRTIO_DEVICE_FEATURES_SEL, 1);
  uint64_t high = virtio_read(device, VIRTIO_DEVICE_FEATURES);
  virtio_write(device, VIRTIO_DEVICE_FEATURES_SEL, 0);
  return high << 32 | virtio_read(device, VIRTIO_DEVICE_FEATURES);
}

bool virtio_negotiate(struct virtio_device *device, uint64_t wanted) {
  virtio_write(device, VIRTIO_STATUS, 0);
  while (virtio_read(device, VIRTIO_STATUS) != 0) {}
  virtio_write(device, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE);
  virtio_write(device, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
  device->features = wanted & virtio_offered(device);
  virtio_write(device, VIRTIO_DRIVER_FEATURES_SEL, 0);
  virtio_write(device, VIRTIO_DRIVER_FEATURES, (uint32_t)device->features);
  virtio_write(device, VIRTIO_DRIVER_FEATURES_SEL, 1);
  virtio_write(device, VIRTIO_DRIVER_FEATURES, (uint32_t)(device->features >> 32));
  virtio_write(device, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
  return virtio_read(device, VIRTIO_STATUS) & VIRTIO_FEATURES_OK;
}

void virtio_start(struct virtio_device *device) {
  virtio_write(device, VIRTIO_STATUS, virtio_read(device, VIRTIO_STATUS) | VIRTIO_DRIVER_OK);
}

uint32_t virtio_acknowledge(struct virtio_device *device) {
  uint32_t causes = virtio_read(device, VIRTIO_INTERRUPT_STATUS);
  if (causes) virtio_write(device, VIRTIO_INTERRUPT_ACK, causes);
  return causes;
}

static void interrupt(void) {
  for (struct virtio_device *device = with_interrupts; device; device = device->next) {
    uint32_t causes = virtio_acknowledge(device);
    if (causes == 0) continue;
    device->interrupts++;
    device->causes |= causes;
  }
}

void virtio_interrupts(struct virtio_device *device) {
  device->next = with_interrupts;
  with_interrupts = device;
  machine_enable_interrupt(device->interrupt, interrupt);
}

static void write_area(const struct virtqueue *queue, unsigned area, const volatile void *at) {
  uint64_t address = (uintptr_t)at;
  virtio_write(queue->device, VIRTIO_QUEUE_AREAS + 0x10 * area, (uint32_t)address);
  virtio_write(queue->device, VIRTIO_QUEUE_AREAS + 0x10 * area + 4, (uint32_t)(address >> 32));
}

bool virtio_queue(struct virtio_device *device, struct virtqueue *queue, unsigned index, unsigned size) {
  memset(queue, 0, sizeof *queue);
  queue->device = device;
  queue->index = index;
  virtio_write(device, VIRTIO_QUEUE_SEL, index);
  unsigned most = virtio_read(device, VIRTIO_QUEUE_NUM_MAX);
  if (most == 0 || virtio_read(device, VIRTIO_QUEUE_READY) != 0) return false;
  if (size > VIRTQUEUE_MAX) size = VIRTQUEUE_MAX;
  if (size > most) size = most;
  queue->size = queue->room = size;
  for (unsigned id = 0; id < size; id++) queue->next_free[id] = (uint16_t)(id + 1);
  queue->packed = device->features & VIRTIO_RING_PACKED;
  queue->avail_wrap = queue->used_wrap = true;
  virtio_write(device, VIRTIO_QUEUE_NUM, size);
  write_area(queue, 0, queue->descriptors);
  write_area(queue, 1, queue->driver_area);
  write_area(queue, 2, queue->device_area);
  memory_barrier();
  virtio_write(device, VIRTIO_QUEUE_READY, 1);
  return virtio_read(device, VIRTIO_QUEUE_READY) == 1;
}

// The descriptor of a buffer; `next` only counts in the split format.
static void describe(const struct virtqueue *queue, volatile struct virtio_descriptor *descriptor,
                     const struct virtio_buffer *buffer, unsigned flags, unsigned next) {
  descriptor->address = (uintptr_t)buffer->data;
  descriptor->length = buffer->bytes;
  descriptor->third = (uint16_t)(queue->packed ? next : flags);
  descriptor->fourth = (uint16_t)(queue->packed ? flags : next);
}

static unsigned flags_of(const struct virtio_buffer *buffer) {
  return buffer->written ? WRITE : 0;
}

// Takes as many descriptors from the list as there are buffers, and offers the first.
static unsigned add_split(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count, unsigned flags) {
  unsigned head = queue->free;
  for (unsigned i = 0; i < count; i++) {
    unsigned at = queue->free;
    queue->free = queue->next_free[at];
    unsigned more = i + 1 < count ? NEXT : 0;
    describe(queue, &queue->descriptors[at], &buffers[i], flags | flags_of(&buffers[i]) | more, queue->free);
  }
  queue->driver_area[RING + queue->next_avail % queue->size] = (uint16_t)head;
  memory_barrier();
  queue->driver_area[INDEX] = ++queue->next_avail;
  return head;
}

static unsigned add_packed(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count, unsigned flags) {
  unsigned id = queue->free;
  queue->free = queue->next_free[id];
  volatile struct virtio_descriptor *head = &queue->descriptors[queue->next_avail];
  uint16_t first = 0;
  for (unsigned i = 0; i < count; i++) {
    volatile struct virtio_descriptor *descriptor = &queue->descriptors[queue->next_avail];
    unsigned state = queue->avail_wrap ? AVAIL : USED;
    unsigned all = flags | flags_of(&buffers[i]) | (i + 1 < count ? NEXT : 0) | state;
    // The flags of the first descriptor come last and make all of them available.
    if (i == 0) first = (uint16_t)all;
    describe(queue, descriptor, &buffers[i], i == 0 ? descriptor->fourth : all, id);
    if (++queue->next_avail == queue->size) {
      queue->next_avail = 0;
      queue->avail_wrap = !queue->avail_wrap;
    }
  }
  memory_barrier();
  head->fourth = first;
  queue->kicked = (uint16_t)(queue->kicked + count);
  return id;
}

static int add(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count, unsigned flags) {
  if (count == 0 || count > queue->room) return -1;
  queue->room -= count;
  unsigned id = (queue->packed ? add_packed : add_split)(queue, buffers, count, flags);
  queue->slots[id] = (uint16_t)count;
  return (int)id;
}

int virtqueue_add(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count) {
  return add(queue, buffers, count, 0);
}

int virtqueue_add_indirect(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count) {
  if (count == 0 || count > VIRTQUEUE_TABLE || queue->room == 0) return -1;
  // The id that the request is going to have.
  struct virtio_descriptor *table = queue->tables[queue->free];
  for (unsigned i = 0; i < count; i++) {
    unsigned more = !queue->packed && i + 1 < count ? NEXT : 0;
    describe(queue, &table[i], &buffers[i], flags_of(&buffers[i]) | more, i + 1);
  }
  struct virtio_buffer buffer = {table, count * (uint32_t)sizeof *table, false};
  return add(queue, &buffer, 1, INDIRECT);
}

static bool wants_notification(struct virtqueue *queue) {
  bool event_index = queue->device->features & VIRTIO_EVENT_IDX;
  if (!queue->packed) {
    uint16_t since = (uint16_t)(queue->next_avail - queue->kicked);
    queue->kicked = queue->next_avail;
    if (!event_index) return !(queue->device_area[FLAGS] & 1);
    uint16_t event = queue->device_area[RING + 4 * queue->size];
    return (uint16_t)(queue->next_avail - event - 1) < since;
  }
  unsigned since = queue->kicked, flags = queue->device_area[EVENT_FLAGS], event = queue->device_area[EVENT];
  queue->kicked = 0;
  if (flags != DESCRIPTOR || !event_index) return flags != DISABLE;
  int ago = queue->next_avail - (int)(event & 0x7fff) + ((event >> 15) == queue->avail_wrap ? 0 : (int)queue->size);
  return ago >= 1 && ago <= (int)since;
}

bool virtqueue_kick(struct virtqueue *queue) {
  memory_barrier();
  if (!wants_notification(queue)) return false;
  queue->notifications++;
  virtio_write(queue->device, VIRTIO_QUEUE_NOTIFY, queue->index);
  return true;
}

// The entries of a request are free again.
static void release(struct virtqueue *queue, unsigned id) {
  queue->room += queue->slots[id];
  unsigned last = id;
  if (!queue->packed) {
    for (unsigned i = 1; i < queue->slots[id]; i++) last = queue->descriptors[last].fourth;
  }
  queue->next_free[last] = (uint16_t)queue->free;
  queue->free = id;
}

// With the event index, says at which used buffer the device interrupts: at the next one.
static void publish_event(struct virtqueue *queue) {
  if (queue->silent || !(queue->device->features & VIRTIO_EVENT_IDX)) return;
  if (queue->packed) {
    queue->driver_area[EVENT] = (uint16_t)(queue->next_used | queue->used_wrap << 15);
    memory_barrier();
    queue->driver_area[EVENT_FLAGS] = DESCRIPTOR;
  } else {
    queue->driver_area[RING + queue->size] = queue->next_used;
  }
  memory_barrier();
}

static bool take_split(struct virtqueue *queue, struct virtio_used *used) {
  if (queue->device_area[INDEX] == queue->next_used) return false;
  memory_barrier();
  unsigned at = RING + 4 * (queue->next_used % queue->size);
  used->id = queue->device_area[at] | (unsigned)queue->device_area[at + 1] << 16;
  used->written = queue->device_area[at + 2] | (uint32_t)queue->device_area[at + 3] << 16;
  queue->next_used++;
  return true;
}

static bool take_packed(struct virtqueue *queue, struct virtio_used *used) {
  volatile struct virtio_descriptor *descriptor = &queue->descriptors[queue->next_used];
  unsigned flags = descriptor->fourth;
  if ((flags & (AVAIL | USED)) != (queue->used_wrap ? AVAIL | USED : 0)) return false;
  memory_barrier();
  used->id = descriptor->third;
  used->written = descriptor->length;
  if (used->id < queue->size) queue->next_used = (uint16_t)(queue->next_used + queue->slots[used->id]);
  if (queue->next_used >= queue->size) {
    queue->next_used = (uint16_t)(queue->next_used - queue->size);
    queue->used_wrap = !queue->used_wrap;
  }
  return true;
}

bool virtqueue_poll(struct virtqueue *queue, struct virtio_used *used) {
  if (!(queue->packed ? take_packed : take_split)(queue, used)) return false;
  if (used->id >= queue->size || queue->slots[used->id] == 0) {
    tap_bail_out("queue %u returned a request that it does not have: %u", queue->index, used->id);
  }
  release(queue, used->id);
  queue->slots[used->id] = 0;
  publish_event(queue);
  return true;
}

static bool takes_interrupts(const struct virtqueue *queue) {
  for (const struct virtio_device *device = with_interrupts; device; device = device->next) {
    if (device == queue->device) return !queue->silent;
  }
  return false;
}

struct virtio_used virtqueue_wait(struct virtqueue *queue) {
  struct virtio_used used;
  bool sleep = takes_interrupts(queue);
  for (unsigned looks = 0; looks < PATIENCE; looks++) {
    if (virtqueue_poll(queue, &used)) return used;
    if (sleep) machine_wait_for_interrupt();
  }
  tap_bail_out("queue %u does not answer", queue->index);
}

struct virtio_used virtqueue_do(struct virtqueue *queue, const struct virtio_buffer *buffers, unsigned count) {
  if (virtqueue_add(queue, buffers, count) < 0) tap_bail_out("queue %u has no room", queue->index);
  virtqueue_kick(queue);
  return virtqueue_wait(queue);
}

void virtqueue_silence(struct virtqueue *queue, bool silent) {
  queue->silent = silent;
  if (queue->packed) {
    queue->driver_area[EVENT_FLAGS] = silent ? DISABLE : ENABLE;
  } else if (queue->device->features & VIRTIO_EVENT_IDX) {
    // An index that lies behind is passed after 65535 more buffers.
    queue->driver_area[RING + queue->size] = (uint16_t)(queue->next_used - 1);
  } else {
    queue->driver_area[FLAGS] = silent;
  }
  publish_event(queue);
}
