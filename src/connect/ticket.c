#include "connect/ticket.h"

#include "base/clock.h"
#include "base/url.h"

#include <ctype.h>
#include <string.h>

#define RETURN_BYTES_MAX 1000

enum err ticket_make(struct store *store, const char *public_url, struct ticket_row *row,
                     struct store_once *once, struct str *out_url)
{
    AUTO(xfree_secret_ptr) char *ticket = token_new(SHA256_LEN);
    unsigned char hash[SHA256_LEN];
    sha256(ticket, strlen(ticket), hash);
    row->expires_ms = clock_unix_ms() + TICKET_LIFE_MS;
    str_append_format(out_url, "%s/connect/t/%s", public_url, ticket);
    return store_ticket_create(store, row, hash, once);
}

bool ticket_hash(const char *text, unsigned char out[SHA256_LEN])
{
    size_t len = strlen(text);
    if (len != TICKET_TEXT_BYTES) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_') return false;
    sha256(text, len, out);
    return true;
}

/* Browsers drop tabs and line ends inside an address and read a backslash as a slash. */
static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > RETURN_BYTES_MAX) return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || strchr("\\\"<>", text[i])) return false;
    return true;
}

bool is_own_path(const char *text)
{
    return is_plain(text) && text[0] == '/' && text[1] != '/';
}

static bool same_origin(const char *text, const char *origin, size_t len)
{
    AUTO(xfree_ptr) char *wanted = xstrndup(origin, len);
    struct url allowed;
    struct url given;
    const char *authority = strstr(text, "://");
    size_t end = authority ? (size_t)(authority - text) + 3 : 0;
    AUTO(xfree_ptr) char *start = xstrndup(text, end + strcspn(text + end, "/?#"));
    if (!authority || url_parse(wanted, &allowed) || url_parse(start, &given)) return false;
    return allowed.is_https == given.is_https && allowed.port == given.port &&
           strcmp(allowed.host, given.host) == 0;
}

bool is_return_address(const char *origins, const char *text)
{
    if (is_own_path(text)) return true;
    if (!is_plain(text)) return false;
    for (const char *at = origins ? origins : ""; *at;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len > 0 && same_origin(text, at, len)) return true;
        at += len;
    }
    return false;
}
