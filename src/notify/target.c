#include "notify/target.h"

#include "base/address.h"

#include <string.h>
#include <sys/socket.h>

static enum err check_query(const char *query)
{
    for (const char *at = query; *at; at++) {
        if (*at == '#') return fail(E_INVALID, "must not have a fragment");
        if (*at <= ' ' || *at >= 0x7f || strchr("\"<>\\^`{|}", *at))
            return fail(E_INVALID, "has a character that must be percent-encoded");
    }
    return E_OK;
}

static enum err check_peer(const char *url, const char *host, const char *allowed)
{
    struct sockaddr_storage peer;
    if (!address_parse(host, &peer)) {
        bool is_known = strcmp(host, "localhost") == 0 && !allowed;
        return is_known ? fail(E_INVALID, "leads to this machine, which is not allowed") : E_OK;
    }
    if (target_may_connect(url, allowed, (const struct sockaddr *)&peer)) return E_OK;
    return fail(E_INVALID, "leads to an address that is not public and not in"
                           " BRIEFD_WEBHOOK_ALLOW");
}

enum err target_check(const char *text, const char *allowed)
{
    size_t len = strlen(text);
    const char *query = strchr(text, '?');
    AUTO(xfree_ptr) char *bare = query ? xstrndup(text, (size_t)(query - text)) : xstrdup(text);
    struct url url;
    if (len > TARGET_URL_BYTES_MAX)
        return fail(E_INVALID, "must have at most %d bytes", TARGET_URL_BYTES_MAX);
    if (url_parse(bare, &url)) {
        AUTO(xfree_ptr) char *why = xstrdup(err_detail());
        return fail(E_INVALID, "is no address for webhooks: %s", why);
    }
    if (!url.is_https && !allowed) return fail(E_INVALID, "must begin with https://");
    if (url.port < 1024 && url.port != 80 && url.port != 443)
        return fail(E_INVALID, "must not have a port below 1024 other than 80 and 443");
    enum err e = check_query(query ? query : "");
    return e ? e : check_peer(text, url.host, allowed);
}

bool target_may_connect(const char *url, const char *allowed, const struct sockaddr *peer)
{
    if (address_is_among(allowed, peer)) return true;
    bool is_https = strncasecmp(url, "https://", strlen("https://")) == 0;
    return is_https && address_is_public(peer);
}
