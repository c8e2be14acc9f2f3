#include "packets.h"
#include "../common/text.h"

enum { ECHO_REQUEST = 8, ICMP = 8, WINDOW = 8192, TTL = 64 };

uint8_t own_mac[6], host_mac[6];

uint16_t get16(const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t get32(const uint8_t *at) {
  return (uint32_t)get16(at) << 16 | get16(at + 2);
}

void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static uint32_t sum_of(const uint8_t *bytes, uint32_t count, uint32_t sum) {
  for (uint32_t i = 0; i < count; i++) sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// The sum of addresses, protocol and length that TCP and UDP have in their checksum.
static uint32_t pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t length) {
  return sum_of(ip + 12, 8, protocol + length);
}

static uint8_t payload_byte(uint32_t i, uint32_t seed) {
  return (uint8_t)((i + seed) * 7 + ((i + seed) >> 8));
}

bool is_payload(const uint8_t *bytes, uint32_t count, uint32_t seed) {
  for (uint32_t i = 0; i < count; i++) if (bytes[i] != payload_byte(i, seed)) return false;
  return true;
}

static void fill_ethernet(struct packet *packet, const uint8_t *to, uint16_t type) {
  memset(packet, 0, sizeof *packet);
  memcpy(packet->bytes, to, 6);
  memcpy(packet->bytes + 6, own_mac, 6);
  put16(packet->bytes + 12, type);
}

void fill_arp_request(struct packet *packet, uint32_t address) {
  static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
  static const uint8_t request[8] = {0, 1, 8, 0, 6, 4, 0, 1}; // Ethernet, IPv4, address lengths, request
  fill_ethernet(packet, everybody, TYPE_ARP);
  memcpy(packet->bytes + 14, request, sizeof request);
  memcpy(packet->bytes + 22, own_mac, 6);
  put32(packet->bytes + 28, OWN_ADDRESS);
  put32(packet->bytes + 38, address);
  packet->length = 42;
}

// IPv4 header and payload around a transport header of `header` bytes; gives where that is.
static uint8_t *fill_ipv4(struct packet *packet, uint8_t protocol, uint32_t header, uint32_t count, uint32_t seed) {
  fill_ethernet(packet, host_mac, TYPE_IPV4);
  uint8_t *ip = packet->bytes + ETHERNET;
  packet->protocol = protocol;
  packet->transport = ETHERNET + IPV4;
  packet->payload = packet->transport + header;
  packet->length = packet->end = packet->payload + count;
  ip[0] = 0x45;
  put16(ip + 2, IPV4 + header + count);
  put16(ip + 6, 0x4000); // not to be cut
  ip[8] = TTL;
  ip[9] = protocol;
  put32(ip + 12, OWN_ADDRESS);
  put32(ip + 16, HOST_ADDRESS);
  put16(ip + 10, ~sum_of(ip, IPV4, 0) & 0xffff);
  for (uint32_t i = 0; i < count; i++) packet->bytes[packet->payload + i] = payload_byte(i, seed);
  return ip + IPV4;
}

static uint32_t checksum_offset(const struct packet *packet) {
  return packet->protocol == PROTOCOL_TCP ? 16 : 6;
}

static void close_checksum(struct packet *packet) {
  uint8_t *transport = packet->bytes + packet->transport;
  uint32_t length = packet->end - packet->transport;
  uint32_t sum = sum_of(transport, length, pseudo_sum(packet->bytes + ETHERNET, packet->protocol, length));
  put16(transport + checksum_offset(packet), sum == 0xffff ? sum : ~sum & 0xffff);
}

void open_checksum(struct packet *packet) {
  uint32_t length = packet->end - packet->transport;
  put16(packet->bytes + packet->transport + checksum_offset(packet),
        pseudo_sum(packet->bytes + ETHERNET, packet->protocol, length));
}

void fill_echo(struct packet *packet, uint16_t id, uint16_t sequence, uint32_t count, uint32_t seed) {
  uint8_t *icmp = fill_ipv4(packet, PROTOCOL_ICMP, ICMP, count, seed);
  icmp[0] = ECHO_REQUEST;
  put16(icmp + 4, id);
  put16(icmp + 6, sequence);
  put16(icmp + 2, ~sum_of(icmp, ICMP + count, 0) & 0xffff);
}

void fill_udp(struct packet *packet, uint16_t from, uint16_t to, uint32_t count, uint32_t seed) {
  uint8_t *udp = fill_ipv4(packet, PROTOCOL_UDP, UDP, count, seed);
  put16(udp, from);
  put16(udp + 2, to);
  put16(udp + 4, UDP + count);
  close_checksum(packet);
}

void fill_tcp(struct packet *packet, uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledged, uint8_t flags,
              uint32_t count, uint32_t seed) {
  uint8_t *tcp = fill_ipv4(packet, PROTOCOL_TCP, TCP, count, seed);
  put16(tcp, from);
  put16(tcp + 2, to);
  put32(tcp + 4, sequence);
  put32(tcp + 8, acknowledged);
  tcp[12] = TCP / 4 << 4;
  tcp[13] = flags;
  put16(tcp + 14, WINDOW);
  close_checksum(packet);
}

bool read_packet(struct packet *packet, bool verified) {
  if (packet->length < ETHERNET) return false;
  packet->type = get16(packet->bytes + 12);
  packet->protocol = 0;
  if (packet->type != TYPE_IPV4) return true;
  const uint8_t *ip = packet->bytes + ETHERNET;
  uint32_t header = (ip[0] & 15u) * 4;
  if (packet->length < ETHERNET + IPV4 || ip[0] >> 4 != 4 || header < IPV4) return false;
  packet->end = ETHERNET + get16(ip + 2);
  packet->transport = ETHERNET + header;
  if (packet->end > packet->length || packet->end < packet->transport + UDP || sum_of(ip, header, 0) != 0xffff) return false;
  packet->protocol = ip[9];
  packet->source = get32(ip + 12);
  packet->destination = get32(ip + 16);
  const uint8_t *transport = packet->bytes + packet->transport;
  uint32_t length = packet->end - packet->transport;
  uint32_t sum = packet->protocol == PROTOCOL_ICMP ? 0 : pseudo_sum(ip, packet->protocol, length);
  packet->payload = packet->transport + UDP;
  if (packet->protocol == PROTOCOL_TCP) {
    if (length < TCP) return false;
    packet->payload = packet->transport + (transport[12] >> 4) * 4u;
    if (packet->payload > packet->end) return false;
  }
  // A UDP checksum of 0 is none.
  if (verified || (packet->protocol == PROTOCOL_UDP && get16(transport + 6) == 0)) return true;
  return sum_of(transport, length, sum) == 0xffff;
}
