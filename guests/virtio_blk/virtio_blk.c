// virtio-blk: configuration, reads, writes, flush, id, errors, many requests in flight, reset.
//
// Expects a disk of 2048 sectors with serial number "vml-disk", all zero but sector 1, which holds its
// own byte numbers modulo 251. Parameters: packed=1 if the device offers the packed format, readonly=1.
#include "../common/arguments.h"
#include "../common/machine.h"
#include "../common/tap.h"
#include "../common/text.h"
#include "../common/virtio.h"

enum { QUEUE = 0, SIZE = 16, SECTOR = 512, SECTORS = 2048 };
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13, UNKNOWN = 99 };
enum { OK = 0, IO_ERROR = 1, UNSUPPORTED = 2, NO_ANSWER = 0xff };
// Features.
#define SEG_MAX (1ul << 2)
#define RO (1ul << 5)
#define BLK_SIZE (1ul << 6)
#define FLUSH_FEATURE (1ul << 9)
#define WRITE_ZEROES_FEATURE (1ul << 14)
// Configuration.
enum { CAPACITY = 0, CONFIG_SEG_MAX = 12, CONFIG_BLK_SIZE = 20 };

struct request {
  struct {
    uint32_t type, reserved;
    uint64_t sector;
  } header;
  uint8_t status;
};

static struct virtio_device device;
static struct virtqueue queue;
static struct request requests[SIZE];
static uint8_t data[SIZE * SECTOR], copy[SIZE * SECTOR];

// Header, data, status; the number of descriptors.
static unsigned describe(struct virtio_buffer *chain, struct request *request, uint32_t type, uint64_t sector,
                         void *bytes, uint32_t count) {
  request->header.type = type;
  request->header.reserved = 0;
  request->header.sector = sector;
  request->status = NO_ANSWER;
  unsigned used = 0;
  chain[used++] = (struct virtio_buffer){&request->header, sizeof request->header, false};
  if (count > 0) chain[used++] = (struct virtio_buffer){bytes, count, type == IN || type == GET_ID};
  chain[used++] = (struct virtio_buffer){&request->status, 1, true};
  return used;
}

// One request; its status.
static uint8_t perform(uint32_t type, uint64_t sector, void *bytes, uint32_t count) {
  struct virtio_buffer chain[3];
  unsigned used = describe(chain, &requests[0], type, sector, bytes, count);
  virtqueue_do(&queue, chain, used);
  return requests[0].status;
}

static void pattern(uint8_t *bytes, unsigned count, unsigned seed) {
  for (unsigned i = 0; i < count; i++) bytes[i] = (uint8_t)(i * 7 + seed + (i >> 8));
}

static bool is_numbered(const uint8_t *bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++) if (bytes[i] != i % 251) return false;
  return true;
}

static bool all_zero(const uint8_t *bytes, unsigned count) {
  while (count--) if (bytes[count]) return false;
  return true;
}

static void bring_up(uint64_t features) {
  if (!virtio_negotiate(&device, features | VIRTIO_VERSION_1)) tap_bail_out("the device refuses the features");
  if (!virtio_queue(&device, &queue, QUEUE, SIZE)) tap_bail_out("the queue does not become ready");
  virtio_start(&device);
}

static void configuration(bool read_only) {
  uint64_t offered = virtio_offered(&device);
  tap_ok(offered & BLK_SIZE, "BLK_SIZE is offered");
  tap_ok(offered & SEG_MAX, "SEG_MAX is offered");
  tap_ok(offered & FLUSH_FEATURE, "FLUSH is offered");
  tap_ok(!(offered & RO) == !read_only, "RO is%s offered", read_only ? "" : " not");
  tap_equal(virtio_config64(&device, CAPACITY), SECTORS, "capacity");
  tap_equal(virtio_config32(&device, CONFIG_BLK_SIZE), SECTOR, "block size");
  tap_equal(virtio_config8(&device, CAPACITY + 1), SECTORS >> 8, "configuration is read in bytes too");
  tap_ok(virtio_config32(&device, CONFIG_SEG_MAX) > 0, "a request can have data");
  uint32_t before = virtio_config32(&device, CAPACITY);
  virtio_write(&device, VIRTIO_CONFIG + CAPACITY, 1);
  tap_equal(virtio_config32(&device, CAPACITY), before, "capacity cannot be written");
}

static void reads(const char *format) {
  memset(data, 0x55, sizeof data);
  struct virtio_buffer chain[3];
  struct virtio_used used = virtqueue_do(&queue, chain, describe(chain, &requests[0], IN, 1, data, SECTOR));
  tap_equal(requests[0].status, OK, "%s: read a sector", format);
  tap_equal(used.written, SECTOR + 1, "%s: used length is data and status", format);
  tap_ok(is_numbered(data, SECTOR), "%s: it is what it should be", format);
  tap_equal(data[SECTOR], 0x55, "%s: nothing is written behind it", format);
  tap_equal(perform(IN, 0, data, 3 * SECTOR), OK, "%s: read three", format);
  tap_ok(all_zero(data, SECTOR) && is_numbered(data + SECTOR, SECTOR) && all_zero(data + 2 * SECTOR, SECTOR),
         "%s: in their order", format);
}

// Header and data in pieces of odd sizes.
static void scattered(bool indirect, const char *format) {
  struct request *request = &requests[0];
  memset(data, 0, SECTOR);
  request->header.type = IN;
  request->header.sector = 1;
  request->status = NO_ANSWER;
  struct virtio_buffer chain[] = {
    {&request->header, 3, false},
    {(uint8_t *)&request->header + 3, 13, false},
    {data, 1, true},
    {data + 1, 300, true},
    {data + 301, 211, true},
    {&request->status, 1, true},
  };
  int id = (indirect ? virtqueue_add_indirect : virtqueue_add)(&queue, chain, 6);
  if (id < 0) tap_bail_out("no room for a chain of six");
  virtqueue_kick(&queue);
  virtqueue_wait(&queue);
  tap_ok(request->status == OK && is_numbered(data, SECTOR), "%s: buffers of any size", format);
}

static void writes(const char *format) {
  pattern(data, 4 * SECTOR, 3);
  tap_equal(perform(OUT, 10, data, 4 * SECTOR), OK, "%s: write four sectors", format);
  tap_equal(perform(FLUSH, 0, 0, 0), OK, "%s: flush", format);
  tap_equal(perform(IN, 9, copy, 6 * SECTOR), OK, "%s: read them and their neighbours", format);
  tap_ok(memcmp(data, copy + SECTOR, 4 * SECTOR) == 0, "%s: they are there", format);
  tap_ok(all_zero(copy, SECTOR) && all_zero(copy + 5 * SECTOR, SECTOR), "%s: the neighbours are as before", format);
  memset(data, 0, 4 * SECTOR);
  tap_equal(perform(OUT, 10, data, 4 * SECTOR), OK, "%s: write them back", format);
}

static void in_flight(const char *format) {
  static struct virtio_buffer chains[SIZE][3];
  unsigned good = 0, count = 0;
  pattern(data, sizeof data, 9);
  for (unsigned i = 0; i < SIZE / 3; i++) {
    unsigned used = describe(chains[i], &requests[i], OUT, 100 + i, data + SECTOR * i, SECTOR);
    count += virtqueue_add(&queue, chains[i], used) >= 0;
  }
  virtqueue_kick(&queue);
  for (unsigned i = 0; i < count; i++) virtqueue_wait(&queue);
  for (unsigned i = 0; i < SIZE / 3; i++) good += requests[i].status == OK;
  tap_equal(good, SIZE / 3, "%s: %u writes in flight at once", format, SIZE / 3);
  tap_equal(perform(IN, 100, copy, SIZE / 3 * SECTOR), OK, "%s: read them", format);
  tap_ok(memcmp(data, copy, SIZE / 3 * SECTOR) == 0, "%s: each went to its sector", format);
  good = 0;
  for (unsigned i = 0; i < 50; i++) good += perform(IN, 1, copy, SECTOR) == OK;
  tap_equal(good, 50, "%s: 50 more requests, around the ring", format);
}

static void identity(void) {
  char id[20];
  memset(id, 'x', sizeof id);
  tap_equal(perform(GET_ID, 0, id, sizeof id), OK, "get id");
  tap_ok(memcmp(id, "vml-disk", 9) == 0, "the id is the serial number, with zeroes behind it");
}

static void errors(bool read_only) {
  tap_equal(perform(IN, SECTORS, data, SECTOR), IO_ERROR, "a read behind the end");
  tap_equal(perform(IN, SECTORS - 1, data, 2 * SECTOR), IO_ERROR, "a read over the end");
  tap_equal(perform(IN, ~0ul, data, SECTOR), IO_ERROR, "a read far behind the end");
  tap_equal(perform(IN, SECTORS - 1, data, SECTOR), OK, "a read of the last sector");
  tap_equal(perform(IN, 0, data, 100), IO_ERROR, "a read of part of a sector");
  tap_equal(perform(UNKNOWN, 0, data, SECTOR), UNSUPPORTED, "a request of an unknown type");
  if (read_only) tap_equal(perform(OUT, 0, data, SECTOR), IO_ERROR, "a write to a read-only disk");
  else tap_equal(perform(OUT, SECTORS, data, SECTOR), IO_ERROR, "a write behind the end");
  tap_equal(virtio_read(&device, VIRTIO_STATUS), 0xf, "the device is alive");
}

static void write_zeroes(void) {
  struct {
    uint64_t sector;
    uint32_t count, flags;
  } segment = {21, 2, 0};
  pattern(data, 4 * SECTOR, 5);
  tap_equal(perform(OUT, 20, data, 4 * SECTOR), OK, "write zeroes: four sectors of data");
  tap_equal(perform(WRITE_ZEROES, 0, &segment, sizeof segment), OK, "write zeroes: over two of them");
  tap_equal(perform(IN, 20, copy, 4 * SECTOR), OK, "write zeroes: read all");
  tap_ok(all_zero(copy + SECTOR, 2 * SECTOR), "write zeroes: they are zero");
  tap_ok(memcmp(copy, data, SECTOR) == 0 && memcmp(copy + 3 * SECTOR, data + 3 * SECTOR, SECTOR) == 0,
         "write zeroes: the others are not");
  segment.sector = SECTORS - 1;
  tap_equal(perform(WRITE_ZEROES, 0, &segment, sizeof segment), IO_ERROR, "write zeroes: over the end");
}

static void interrupts(void) {
  virtio_acknowledge(&device);
  virtio_interrupts(&device);
  struct virtio_buffer chain[3];
  virtqueue_add(&queue, chain, describe(chain, &requests[0], IN, 1, data, SECTOR));
  virtqueue_kick(&queue);
  while (device.interrupts == 0) machine_wait_for_interrupt();
  virtqueue_wait(&queue);
  tap_equal(device.interrupts, 1, "a request, an interrupt");
  tap_equal(requests[0].status, OK, "it has come to an end then");
}

static void reset(uint64_t features) {
  struct virtio_buffer chain[3];
  virtqueue_add(&queue, chain, describe(chain, &requests[0], IN, 1, data, SECTOR));
  virtqueue_kick(&queue);
  virtio_write(&device, VIRTIO_STATUS, 0);
  tap_equal(virtio_read(&device, VIRTIO_STATUS), 0, "reset with a request in flight");
  bring_up(features);
  reads("after reset");
}

void tests(void) {
  bool packed = argument_number("packed", 0), read_only = argument_number("readonly", 0);
  uint64_t features = SEG_MAX | BLK_SIZE | FLUSH_FEATURE | WRITE_ZEROES_FEATURE | (read_only ? RO : 0);
  if (!virtio_find(VIRTIO_BLK, 0, &device)) tap_bail_out("there is no virtio-blk");
  configuration(read_only);
  bring_up(features);
  reads("split");
  scattered(false, "split");
  if (!read_only) {
    writes("split");
    in_flight("split");
  }
  identity();
  errors(read_only);
  if (!read_only) write_zeroes();
  bring_up(features | VIRTIO_EVENT_IDX | VIRTIO_INDIRECT_DESC);
  scattered(true, "split, indirect");
  if (!read_only) in_flight("split, event index");
  if (packed) {
    bring_up(features | VIRTIO_RING_PACKED);
    tap_ok(queue.packed, "RING_PACKED is negotiated");
    reads("packed");
    scattered(false, "packed");
    if (!read_only) in_flight("packed");
    bring_up(features | VIRTIO_QUEUE_FEATURES);
    scattered(true, "packed, indirect");
    if (!read_only) in_flight("packed, event index");
  }
  interrupts();
  reset(features | VIRTIO_QUEUE_FEATURES);
}
