/* Settings that are lists, or names of headers. */
#include "base/address.h"
#include "base/url.h"
#include "config/settings.h"

#include <ctype.h>
#include <string.h>

static bool refuse(struct str *out_why, const char *why)
{
    str_append_text(out_why, why);
    return false;
}

/* RFC 9110, 5.6.2: a token. */
static bool is_header(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("!#$%&'*+-.^_`|~", *at)) return false;
    return *text != '\0';
}

static bool is_origin(const char *text)
{
    struct url url;
    return url_parse(text, &url) == E_OK && url.path[0] == '\0' &&
           (url.is_https || host_is_loopback(url.host));
}

static bool is_host(const char *text)
{
    AUTO(str_done) struct str address = {0};
    struct url url;
    str_append_format(&address, "https://%s", text);
    return !strpbrk(text, ":/@") && url_parse(str_text(&address), &url) == E_OK;
}

static bool each(const char *list, bool (*is_fine)(const char *text))
{
    int n = 0;
    for (const char *at = list; *at; n++) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len == 0) break;
        AUTO(xfree_ptr) char *item = xstrndup(at, len);
        if (!is_fine(item)) return false;
        at += len;
    }
    return n > 0;
}

static bool are_addresses(const char *text, struct str *out_why)
{
    enum err e = address_list_check(text);
    if (!e) return true;
    str_append_format(out_why,
                      e == E_DENIED ? "must not mean everybody: %s"
                                    : "must be addresses or networks, separated by commas: %s",
                      err_detail());
    return false;
}

bool setting_list_is_fine(enum setting_kind kind, const char *text, struct str *out_why)
{
    if (kind == SETTING_ADDRESSES) return are_addresses(text, out_why);
    if (kind == SETTING_HEADER)
        return is_header(text) || refuse(out_why, "must be the name of a header");
    if (kind == SETTING_ORIGINS)
        return each(text, is_origin) ||
               refuse(out_why, "must be origins like https://app.example.com, separated by commas");
    return each(text, is_host) ||
           refuse(out_why, "must be host names like auth.example.com, separated by commas");
}
