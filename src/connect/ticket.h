/*
 * Connect tickets: links that a host hands to its user. What one may contain, and its making.
 *
 * Needs no running service: `briefd connect` makes them, too.
 */
#ifndef CONNECT_TICKET_H
#define CONNECT_TICKET_H

#include "store/tickets.h"

#define TICKET_LIFE_MS        (INT64_C(10) * 60 * 1000)
#define TICKET_TEXT_BYTES     43 /* 256 bits in base64url */
#define TICKET_NAME_BYTES_MAX 200

/* "{public_url}/connect/t/{ticket}", shown once: a secret. `row` without times. E_LIMIT: the user
 * has too many open ones. `once` as of store_ticket_create(); it may render `out_url`, too, which is
 * a link to nothing after an error or a replay. */
enum err ticket_make(struct store *store, const char *public_url, struct ticket_row *row,
                     struct store_once *once, struct str *out_url) MUST_CHECK;
/* Its hash; false for a text that is no ticket. */
bool ticket_hash(const char *text, unsigned char out[SHA256_LEN]);

/* A path of ours: begins with one slash, and nothing in it makes a browser leave this host. */
bool is_own_path(const char *text);
/* Where a host may send people afterwards: a path of ours, or an address whose origin is among
 * `origins` (separated by commas; NULL: none). */
bool is_return_address(const char *origins, const char *text);

#endif
