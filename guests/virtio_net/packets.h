// Frames of a network of 10.0.2.0/24: ARP, ICMP echo, UDP and TCP over IPv4, without options.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ETHERNET = 14, IPV4 = 20, UDP = 8, TCP = 20, MOST_PAYLOAD = 1400 };
enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806 };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

#define OWN_ADDRESS 0x0a00020fu  // 10.0.2.15
#define HOST_ADDRESS 0x0a000202u // 10.0.2.2

struct packet {
  uint8_t bytes[1600];
  uint32_t length;
  // Of a packet that was read.
  uint16_t type;
  uint8_t protocol;
  uint32_t source, destination;
  // Where the transport's header and its payload begin and end.
  uint32_t transport, payload, end;
};

// Ethernet addresses of this card and of the host, which fill_* use.
extern uint8_t own_mac[6], host_mac[6];

uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
void put16(uint8_t *at, uint32_t value);
void put32(uint8_t *at, uint32_t value);

// Who has `address`?
void fill_arp_request(struct packet *packet, uint32_t address);
// ICMP echo request, with `count` bytes of payload(seed).
void fill_echo(struct packet *packet, uint16_t id, uint16_t sequence, uint32_t count, uint32_t seed);
void fill_udp(struct packet *packet, uint16_t from, uint16_t to, uint32_t count, uint32_t seed);
void fill_tcp(struct packet *packet, uint16_t from, uint16_t to, uint32_t sequence, uint32_t acknowledged, uint8_t flags,
              uint32_t count, uint32_t seed);
// Leaves only the sum of the pseudo header where the TCP or UDP checksum is, for a card that makes it.
void open_checksum(struct packet *packet);

// Finds the headers; false if they or a checksum are wrong. `verified`: the transport's checksum is
// somebody else's matter.
bool read_packet(struct packet *packet, bool verified);
// Whether bytes are payload(seed).
bool is_payload(const uint8_t *bytes, uint32_t count, uint32_t seed);
