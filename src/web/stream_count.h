/*
 * How many event streams each address has open, and the limit on it. Any thread.
 */
#ifndef WEB_STREAM_COUNT_H
#define WEB_STREAM_COUNT_H

#include "base/error.h"

#include <stdint.h>

struct sockaddr;
struct stream_count;
struct stream_address;

struct stream_count *stream_count_new(int64_t per_address_max);
/* When every stream has left. NULL is fine. */
void stream_count_free(struct stream_count *count);

/* One more from this peer: an IPv4 address, or an IPv6 network of 64 bits, which is what one machine
 * usually has to itself. E_LIMIT: it has as many as it may. */
enum err stream_enter(struct stream_count *count, const struct sockaddr *peer,
                      struct stream_address **out_address) MUST_CHECK;
void stream_leave(struct stream_count *count, struct stream_address *address);

#endif
