#include "base/address.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* IPv4 as ::ffff:a.b.c.d, so that there is one kind. */
struct network {
    unsigned char bytes[16];
    int bits;
};

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool network_parse(const char *text, size_t len, struct network *out)
{
    char copy[64];
    if (len == 0 || len >= sizeof(copy)) return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *slash = strchr(copy, '/');
    int64_t bits = -1;
    if (slash) {
        *slash++ = '\0';
        if (!text_is_i64(slash, strlen(slash), &bits) || bits < 0) return false;
    }
    bool is_v4 = inet_pton(AF_INET, copy, out->bytes + 12) == 1;
    if (is_v4)
        memcpy(out->bytes, mapped, sizeof(mapped));
    else if (inet_pton(AF_INET6, copy, out->bytes) != 1)
        return false;
    if (bits > (is_v4 ? 32 : 128)) return false;
    out->bits = (int)(bits < 0 ? 128 : is_v4 ? bits + 96 : bits);
    return true;
}

static bool holds_all(const struct network *network)
{
    return network->bits == 0 ||
           (network->bits == 96 && memcmp(network->bytes, mapped, sizeof(mapped)) == 0);
}

static bool holds(const struct network *network, const unsigned char bytes[16])
{
    for (int bit = 0; bit < network->bits; bit++) {
        unsigned mask = 0x80u >> (bit % 8);
        if ((network->bytes[bit / 8] & mask) != (bytes[bit / 8] & mask)) return false;
    }
    return true;
}

/* The next entry of a list; false at the end. */
static bool next_entry(const char **at, size_t *out_len)
{
    *at += strspn(*at, ", ");
    *out_len = strcspn(*at, ", ");
    return *out_len > 0;
}

enum err address_list_check(const char *list)
{
    int n = 0;
    size_t len = 0;
    for (const char *at = list; next_entry(&at, &len); at += len, n++) {
        struct network network;
        if (!network_parse(at, len, &network))
            return fail(E_INVALID, "\"%.*s\" is no address like 10.0.0.5 or 10.0.0.0/8", (int)len,
                        at);
        if (holds_all(&network))
            return fail(E_DENIED, "\"%.*s\" is every address there is", (int)len, at);
    }
    return n > 0 ? E_OK : fail(E_INVALID, "there is no address");
}

static bool peer_bytes(const struct sockaddr *peer, unsigned char out[16])
{
    if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof(v6));
        memcpy(out, &v6.sin6_addr, 16);
        return true;
    }
    if (peer->sa_family != AF_INET) return false;
    struct sockaddr_in v4;
    memcpy(&v4, peer, sizeof(v4));
    memcpy(out, mapped, sizeof(mapped));
    memcpy(out + 12, &v4.sin_addr, 4);
    return true;
}

bool address_is_among(const char *list, const struct sockaddr *peer)
{
    unsigned char bytes[16];
    size_t len = 0;
    if (!list || !peer || !peer_bytes(peer, bytes)) return false;
    for (const char *at = list; next_entry(&at, &len); at += len) {
        struct network network;
        if (network_parse(at, len, &network) && holds(&network, bytes)) return true;
    }
    return false;
}
