/*
 * A list of networks, and a host on a line of its own: an address is in the list that is itself, and
 * none that is called public is one of this machine or of a private network.
 */
#include "base/address.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

static const char not_public[] =
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, "
    "192.168.0.0/16, 224.0.0.0/3, ::/128, ::1/128, fc00::/7, fe80::/10, ff00::/8, 2002::/16, "
    "2001::/32, 64:ff9b::/96";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const char *list, const char *host)
{
    struct sockaddr_storage storage;
    unsigned char bytes[ADDRESS_LEN], network[ADDRESS_LEN];
    if (!address_parse(host, &storage)) return;
    const struct sockaddr *peer = (const struct sockaddr *)&storage;
    assert(address_of(peer, bytes));
    memcpy(network, bytes, sizeof network);
    address_make_network(network);
    assert(memcmp(network, bytes, 8) == 0);
    if (host[0] != '[') assert(address_is_among(host, peer));
    if (address_is_public(peer)) assert(!address_is_among(not_public, peer));
    if (list && address_list_check(list) == E_OK) (void)address_is_among(list, peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assert(address_list_check(not_public) == E_OK);
    AUTO(xfree_ptr) char *list = xstrndup(size ? (const char *)data : "", size);
    char *host = strchr(list, '\n');
    if (host) *host++ = '\0';
    enum err e = address_list_check(list);
    assert(e == E_OK || e == E_INVALID || e == E_DENIED);
    check_host(list, host ? host : list);
    return 0;
}
