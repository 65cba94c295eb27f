/*
 * Lists of network addresses: "127.0.0.1, 10.0.0.0/8, fd00::/8". Pure.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/error.h"

#include <stdbool.h>

struct sockaddr;

/* E_INVALID with the reason: an entry is no address or network, or there is none. E_DENIED: an
 * entry holds every address there is. */
enum err address_list_check(const char *list) MUST_CHECK;
/* Is this peer in the list? An IPv4 address inside an IPv6 one counts as itself. */
bool address_is_among(const char *list, const struct sockaddr *peer);

/* The host of a URL (brackets around IPv6) as an address: false when it is a name. */
struct sockaddr_storage;
bool address_parse(const char *host, struct sockaddr_storage *out);
/* An address that anybody on the internet may be reached under: not private, loopback, link-local
 * (cloud metadata is there), shared, multicast, reserved, and not one that hides another (6to4,
 * Teredo, NAT64). Source: IANA's special-purpose address registries; RFC 6890. */
bool address_is_public(const struct sockaddr *peer);

/* An address as 16 bytes, IPv4 as ::ffff:a.b.c.d. False: it is none. */
#define ADDRESS_LEN 16
bool address_of(const struct sockaddr *peer, unsigned char out[ADDRESS_LEN]);
/* What one client can be expected to have alone: the /64 of an IPv6 address, all of an IPv4 one. */
void address_make_network(unsigned char address[ADDRESS_LEN]);

#endif
