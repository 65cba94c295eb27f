#include "web/stream_count.h"

#include "base/thread.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#define BUCKETS       256
#define NETWORK_BYTES 8 /* of an IPv6 address */

struct stream_address {
    unsigned char bytes[16];
    int64_t n;
    struct stream_address *next; /* in its bucket */
};

struct stream_count {
    int64_t per_address_max;

    struct mutex mutex; /* guards what follows */
    struct stream_address *buckets[BUCKETS];
};

struct stream_count *stream_count_new(int64_t per_address_max)
{
    struct stream_count *count = xcalloc(1, sizeof(*count));
    count->per_address_max = per_address_max;
    mutex_init(&count->mutex);
    return count;
}

void stream_count_free(struct stream_count *count)
{
    if (!count) return;
    for (size_t i = 0; i < BUCKETS; i++)
        assert(!count->buckets[i]);
    mutex_done(&count->mutex);
    xfree(count);
}

/* An IPv4 address inside an IPv6 one counts as itself, as everywhere. */
static void address_key(const struct sockaddr *peer, unsigned char out[16])
{
    memset(out, 0, 16);
    if (!peer) return;
    if (peer->sa_family == AF_INET) {
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(in6))
            memcpy(out + 12, in6->s6_addr + 12, 4);
        else
            memcpy(out, in6->s6_addr, NETWORK_BYTES);
    }
}

static struct stream_address **find_locked(struct stream_count *count, const unsigned char key[16])
{
    uint64_t hash = 1469598103934665603ULL;
    for (int i = 0; i < 16; i++)
        hash = (hash ^ key[i]) * 1099511628211ULL;
    struct stream_address **at = &count->buckets[hash % BUCKETS];
    while (*at && memcmp((*at)->bytes, key, 16) != 0)
        at = &(*at)->next;
    return at;
}

enum err stream_enter(struct stream_count *count, const struct sockaddr *peer,
                      struct stream_address **out_address)
{
    unsigned char key[16];
    address_key(peer, key);
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&count->mutex);
    struct stream_address **at = find_locked(count, key);
    if (!*at) {
        *at = xcalloc(1, sizeof(**at));
        memcpy((*at)->bytes, key, sizeof(key));
    }
    if ((*at)->n >= count->per_address_max)
        return fail(E_LIMIT, "%lld streams from one address", (long long)(*at)->n);
    (*at)->n++;
    *out_address = *at;
    return E_OK;
}

void stream_leave(struct stream_count *count, struct stream_address *address)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&count->mutex);
    if (--address->n > 0) return;
    *find_locked(count, address->bytes) = address->next;
    xfree(address);
}
