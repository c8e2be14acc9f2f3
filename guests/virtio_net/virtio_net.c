// virtio-net: configuration, control queue, ARP, ICMP, UDP and TCP echo.
//
// Expects the network 10.0.2.0/24 with the host at 10.0.2.2, this card's address 52:54:00:12:34:56, and
// at port 7007 of the host servers for TCP and UDP that send back what they get. Parameter: packed=1 if
// the device offers the packed format.
#include "../common/arguments.h"
#include "../common/tap.h"
#include "../common/text.h"
#include "../common/virtio.h"
#include "packets.h"

enum { RECEIVE = 0, TRANSMIT = 1, CONTROL = 2, SIZE = 16, BUFFER = 2048, SMALL = 256, HEADER = 12 };
enum { ECHO_PORT = 7007, OWN_PORT = 5000, ECHO_REPLY = 0, LARGE = 20000 };
#define CSUM (1ul << 0)
#define MAC (1ul << 5)
#define MRG_RXBUF (1ul << 15)
#define STATUS (1ul << 16)
#define CTRL_VQ (1ul << 17)
#define CTRL_RX (1ul << 18)
#define CTRL_VLAN (1ul << 19)
#define CTRL_MAC_ADDR (1ul << 23)
// Bits of the header's flags, and its fields.
enum { NEEDS_CSUM = 1, CHECKSUM_START = 6, CHECKSUM_OFFSET = 8, NUM_BUFFERS = 10 };

static struct virtio_device device;
static struct virtqueue queues[3];
static uint8_t inputs[SIZE][BUFFER];
// Bytes of each, and which one a request is in.
static uint32_t input_bytes;
static unsigned input_of[VIRTQUEUE_MAX];
static struct packet output, input;
// Buffers that the last frame came in.
static unsigned buffers;

static void give_input(unsigned which) {
  struct virtio_buffer buffer = {inputs[which], input_bytes, true};
  int id = virtqueue_add(&queues[RECEIVE], &buffer, 1);
  if (id < 0) tap_bail_out("the receive queue is full");
  input_of[id] = which;
}

static void bring_up(uint64_t features, uint32_t bytes) {
  if (!virtio_negotiate(&device, features | VIRTIO_VERSION_1)) tap_bail_out("the device refuses the features");
  unsigned count = device.features & CTRL_VQ ? 3 : 2;
  for (unsigned i = 0; i < count; i++) {
    if (!virtio_queue(&device, &queues[i], i, SIZE)) tap_bail_out("queue %u does not become ready", i);
  }
  virtio_start(&device);
  input_bytes = bytes;
  for (unsigned i = 0; i < SIZE; i++) give_input(i);
  virtqueue_kick(&queues[RECEIVE]);
}

static void send_with(const uint8_t *header) {
  struct virtio_buffer chain[] = {{(void *)header, HEADER, false}, {output.bytes, output.length, false}};
  virtqueue_do(&queues[TRANSMIT], chain, 2);
}

static void send(void) {
  static const uint8_t header[HEADER];
  send_with(header);
}

// The next part of a frame, appended to `input`; gives the header's number of buffers.
static unsigned take_part(uint32_t skip) {
  struct virtio_used used = virtqueue_wait(&queues[RECEIVE]);
  unsigned which = input_of[used.id];
  unsigned count = inputs[which][NUM_BUFFERS] | (unsigned)inputs[which][NUM_BUFFERS + 1] << 8;
  uint32_t bytes = used.written < skip ? 0 : used.written - skip;
  if (input.length + bytes > sizeof input.bytes) tap_bail_out("a frame of more than %u bytes", (unsigned)sizeof input.bytes);
  memcpy(input.bytes + input.length, inputs[which] + skip, bytes);
  input.length += bytes;
  give_input(which);
  return count;
}

// Waits for the next frame.
static void receive(void) {
  input.length = 0;
  buffers = take_part(HEADER);
  for (unsigned i = 1; i < buffers && device.features & MRG_RXBUF; i++) take_part(0);
  virtqueue_kick(&queues[RECEIVE]);
}

// Waits for an IPv4 packet for this card; others are passed over. False if it is malformed.
static bool receive_ip(uint8_t protocol) {
  for (;;) {
    receive();
    if (!read_packet(&input, false)) return false;
    if (input.type == TYPE_IPV4 && input.protocol == protocol && input.destination == OWN_ADDRESS) return true;
  }
}

// The answer to a command.
static uint8_t command(uint8_t class, uint8_t number, const void *data, uint32_t bytes) {
  uint8_t header[2] = {class, number}, answer = 0xff;
  struct virtio_buffer chain[] = {{header, 2, false}, {(void *)data, bytes, false}, {&answer, 1, true}};
  virtqueue_do(&queues[CONTROL], chain, 3);
  return answer;
}

static void configuration(void) {
  static const uint8_t expected[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
  uint64_t offered = virtio_offered(&device);
  tap_ok(offered & MAC, "MAC is offered");
  tap_ok(offered & STATUS, "STATUS is offered");
  tap_ok(offered & MRG_RXBUF, "MRG_RXBUF is offered");
  tap_ok((offered & (CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_MAC_ADDR)) == (CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_MAC_ADDR),
         "a control queue for modes, VLANs and the address is offered");
  for (unsigned i = 0; i < 6; i++) own_mac[i] = virtio_config8(&device, i);
  tap_ok(memcmp(own_mac, expected, 6) == 0, "the address is 52:54:00:12:34:56");
  tap_equal(virtio_config16(&device, 6) & 1, 1, "the link is up");
}

static void arp(const char *when) {
  fill_arp_request(&output, HOST_ADDRESS);
  send();
  do receive(); while (get16(input.bytes + 12) != TYPE_ARP || get16(input.bytes + 20) != 2);
  memcpy(host_mac, input.bytes + 22, 6);
  tap_ok(memcmp(input.bytes, own_mac, 6) == 0, "%s: the ARP reply is for this card", when);
  tap_equal(get32(input.bytes + 28), HOST_ADDRESS, "%s: it tells where 10.0.2.2 is", when);
  tap_ok(memcmp(input.bytes + 6, host_mac, 6) == 0, "%s: and comes from there", when);
}

static void ping(const char *when, uint32_t count) {
  fill_echo(&output, 77, (uint16_t)count, count, 3);
  send();
  bool good = receive_ip(PROTOCOL_ICMP);
  const uint8_t *icmp = input.bytes + input.transport;
  tap_ok(good && icmp[0] == ECHO_REPLY && get16(icmp + 4) == 77 && get16(icmp + 6) == count, "%s: ping of %u bytes", when, count);
  tap_ok(input.end - input.payload == count && is_payload(input.bytes + input.payload, count, 3), "%s: its payload", when);
}

static void udp(const char *when, uint32_t count, bool open) {
  uint8_t header[HEADER] = {NEEDS_CSUM};
  fill_udp(&output, OWN_PORT, ECHO_PORT, count, 5);
  if (open) {
    open_checksum(&output);
    header[CHECKSUM_START] = (uint8_t)output.transport;
    header[CHECKSUM_OFFSET] = 6;
  } else {
    header[0] = 0;
  }
  send_with(header);
  bool good = receive_ip(PROTOCOL_UDP);
  const uint8_t *udp = input.bytes + input.transport;
  tap_ok(good && get16(udp) == ECHO_PORT && get16(udp + 2) == OWN_PORT && get16(udp + 4) == UDP + count &&
           is_payload(input.bytes + input.payload, count, 5),
         "%s: %u bytes over UDP and back", when, count);
}

// A connection.
static uint16_t port;
static uint32_t sequence, expected;

static void segment(uint8_t flags, uint32_t count, uint32_t seed) {
  fill_tcp(&output, port, ECHO_PORT, sequence, expected, flags, count, seed);
  send();
  sequence += count + !!(flags & (SYN | FIN));
}

// Waits for the next segment; its flags, RST if it is malformed or for somebody else.
static uint8_t next_segment(void) {
  if (!receive_ip(PROTOCOL_TCP)) return RST;
  const uint8_t *tcp = input.bytes + input.transport;
  return get16(tcp) == ECHO_PORT && get16(tcp + 2) == port ? tcp[13] : RST;
}

static void tcp(const char *when) {
  port++;
  sequence = 0xfffff000; // it wraps on the way
  expected = 0;
  segment(SYN, 0, 0);
  uint8_t flags = next_segment();
  const uint8_t *header = input.bytes + input.transport;
  tap_ok((flags & (SYN | ACK | RST)) == (SYN | ACK) && get32(header + 8) == sequence, "%s: the connection is made", when);
  if (flags & RST) return;
  expected = get32(header + 4) + 1;
  segment(ACK, 0, 0);
  uint32_t sent = 0, received = 0, first = sequence;
  bool good = true, ended = false;
  while (received < LARGE && good) {
    // One segment on its way at a time.
    if (sent == received) {
      uint32_t count = LARGE - sent < MOST_PAYLOAD ? LARGE - sent : MOST_PAYLOAD;
      segment(ACK | PSH, count, sent);
      sent += count;
    }
    flags = next_segment();
    uint32_t count = input.end - input.payload;
    if (flags & (RST | FIN)) good = false;
    if (count == 0 || get32(input.bytes + input.transport + 4) != expected) continue;
    good = good && is_payload(input.bytes + input.payload, count, received);
    received += count;
    expected += count;
    segment(ACK, 0, 0);
  }
  tap_ok(good && received == LARGE, "%s: %u bytes there and back", when, LARGE);
  segment(FIN | ACK, 0, 0);
  while (good && !ended) {
    flags = next_segment();
    if (flags & RST) good = false;
    if (flags & FIN) ended = true;
  }
  expected++;
  segment(ACK, 0, 0);
  tap_ok(good && ended, "%s: both sides end", when);
  tap_equal(sequence - first, LARGE + 1, "%s: and every byte was counted", when);
}

static void control(void) {
  static const uint8_t off = 0, on = 1, vlan[2] = {100, 0}, no_vlan[2] = {0, 0x10};
  static const uint8_t other[6] = {0x52, 0x54, 0x00, 0x00, 0x00, 0x01};
  static const uint8_t tables[8] = {0}, broken[7] = {1};
  tap_equal(command(0, 0, &off, 1), 0, "promiscuous mode ends");
  arp("not promiscuous");
  tap_equal(command(0, 1, &on, 1), 0, "all multicasts");
  tap_equal(command(1, 0, tables, 8), 0, "no further addresses");
  tap_equal(command(1, 0, broken, 7), 1, "a malformed table is refused");
  tap_equal(command(2, 0, vlan, 2), 0, "VLAN 100");
  tap_equal(command(2, 1, vlan, 2), 0, "and no more");
  tap_equal(command(2, 0, no_vlan, 2), 1, "there is no VLAN 4096");
  tap_equal(command(2, 9, vlan, 2), 1, "an unknown command is refused");
  tap_equal(command(99, 0, &on, 1), 1, "an unknown class is refused");
  tap_equal(command(1, 1, other, 6), 0, "another address");
  memcpy(own_mac, other, 6);
  tap_equal(virtio_config8(&device, 5), 1, "the configuration has it");
  arp("with another address");
}

void tests(void) {
  bool packed = argument_number("packed", 0);
  port = OWN_PORT;
  if (!virtio_find(VIRTIO_NET, 0, &device)) tap_bail_out("there is no virtio-net");
  tap_ok(!(virtio_offered(&device) & VIRTIO_RING_PACKED) == !packed, "RING_PACKED is%s offered", packed ? "" : " not");
  configuration();

  bring_up(MAC | STATUS | CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_MAC_ADDR | VIRTIO_QUEUE_FEATURES, BUFFER);
  arp("plain");
  ping("plain", 0);
  ping("plain", 33);
  ping("plain", MOST_PAYLOAD);
  udp("plain", 1, false);
  udp("plain", MOST_PAYLOAD, false);
  tcp("plain");
  control();

  bring_up(MAC | MRG_RXBUF, SMALL);
  for (unsigned i = 0; i < 6; i++) own_mac[i] = virtio_config8(&device, i);
  tap_equal(own_mac[5], 0x56, "after reset the card has its own address");
  arp("small buffers");
  tap_equal(buffers, 1, "a small frame comes in one");
  ping("small buffers", MOST_PAYLOAD);
  tap_equal(buffers, (HEADER + ETHERNET + IPV4 + UDP + MOST_PAYLOAD + SMALL - 1) / SMALL, "a large one in six");
  tcp("small buffers");

  if (virtio_offered(&device) & CSUM) {
    bring_up(MAC | CSUM, BUFFER);
    arp("checksums by the card");
    udp("checksums by the card", 999, true);
  } else {
    for (unsigned i = 0; i < 4; i++) tap_skip("CSUM is not offered", "checksums by the card");
  }
}
