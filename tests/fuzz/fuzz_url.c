/*
 * URLs: what is accepted has harmless parts, and written from its parts it is the same URL.
 */
#include "base/url.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(xfree_ptr) char *text = xstrndup(size ? (const char *)data : "", size);
    host_is_loopback(text);
    struct url url;
    if (url_parse(text, &url)) return 0;

    assert(url.host[0] && strlen(url.host) < sizeof url.host);
    assert(!strpbrk(url.host, "@/?#% \\\r\n\t"));
    assert(url.port >= 1 && url.port <= 65535);
    size_t path_len = strlen(url.path);
    assert(path_len == 0 || url.path[0] == '/');
    assert(path_len == 0 || url.path[path_len - 1] != '/');
    assert(!strpbrk(url.path, "?# \\\r\n\t\""));

    AUTO(str_done) struct str written = {0};
    str_append_format(&written, "%s://%s:%d%s", url.is_https ? "https" : "http", url.host, url.port,
                      url.path);
    struct url again;
    assert(url_parse(str_text(&written), &again) == E_OK);
    assert(again.is_https == url.is_https && again.port == url.port);
    assert(text_equal(again.host, url.host) && text_equal(again.path, url.path));
    return 0;
}
