#include "base/address.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
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

bool address_of(const struct sockaddr *peer, unsigned char out[ADDRESS_LEN])
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
    if (!list || !peer || !address_of(peer, bytes)) return false;
    for (const char *at = list; next_entry(&at, &len); at += len) {
        struct network network;
        if (network_parse(at, len, &network) && holds(&network, bytes)) return true;
    }
    return false;
}

bool address_parse(const char *host, struct sockaddr_storage *out)
{
    char bare[64];
    size_t len = strlen(host);
    bool is_bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
    if (len >= sizeof bare) return false;
    snprintf(bare, sizeof bare, "%.*s", (int)(is_bracketed ? len - 2 : len), host + is_bracketed);
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, bare, &v4.sin_addr) == 1)
        memcpy(out, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, bare, &v6.sin6_addr) == 1)
        memcpy(out, &v6, sizeof v6);
    else
        return false;
    return true;
}

/* 168.63.129.16 is no special address, but Azure answers its machines there. */
static const char not_public_v4[] =
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16 169.254.0.0/16 172.16.0.0/12"
    " 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24"
    " 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
/* All of IPv6 that is given out is in here (RFC 4291, 2.4) … */
static const char global_v6[] = "2000::/3";
/* … but for these: protocols (Teredo among them), documentation, 6to4. */
static const char not_public_v6[] = "2001::/23 2001:db8::/32 2002::/16 3fff::/20";

bool address_is_public(const struct sockaddr *peer)
{
    unsigned char bytes[16];
    if (!peer || !address_of(peer, bytes)) return false;
    if (memcmp(bytes, mapped, sizeof mapped) == 0) return !address_is_among(not_public_v4, peer);
    return address_is_among(global_v6, peer) && !address_is_among(not_public_v6, peer);
}

void address_make_network(unsigned char address[ADDRESS_LEN])
{
    if (memcmp(address, mapped, sizeof(mapped)) != 0) memset(address + 8, 0, 8);
}
