/*
 * Forms, cookies and percent-encoding. What comes out of a form can be written and read again; what
 * comes out of a cookie header has no byte that could end a header.
 */
#include "base/url.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define PAIRS_MAX 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_form(const struct url_pairs *pairs, struct str *out)
{
    for (size_t i = 0; i < pairs->n; i++) {
        str_append_text(out, i > 0 ? "&" : "");
        percent_encode(out, pairs->items[i].name, strlen(pairs->items[i].name));
        str_append_char(out, '=');
        percent_encode(out, pairs->items[i].value, strlen(pairs->items[i].value));
    }
}

static void check_form(const char *text, size_t len)
{
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    if (form_parse(text, len, PAIRS_MAX, &pairs)) {
        assert(!pairs.items && pairs.n == 0);
        return;
    }
    assert(pairs.n <= PAIRS_MAX);
    AUTO(str_done) struct str written = {0};
    write_form(&pairs, &written);
    AUTO(url_pairs_done) struct url_pairs again = {0};
    assert(form_parse(str_text(&written), written.len, PAIRS_MAX, &again) == E_OK);
    assert(again.n == pairs.n);
    for (size_t i = 0; i < pairs.n; i++) {
        assert(text_equal(again.items[i].name, pairs.items[i].name));
        assert(text_equal(again.items[i].value, pairs.items[i].value));
        assert(utf8_valid(pairs.items[i].value, strlen(pairs.items[i].value)));
    }
}

static void check_cookies(const char *text, size_t len)
{
    AUTO(xfree_ptr) char *header = xstrndup(len ? text : "", len);
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    if (cookie_parse(header, PAIRS_MAX, &pairs)) return;
    assert(pairs.n <= PAIRS_MAX);
    for (size_t i = 0; i < pairs.n; i++) {
        assert(pairs.items[i].name[0]);
        assert(!strpbrk(pairs.items[i].name, " \t\r\n;=,\""));
        assert(!strpbrk(pairs.items[i].value, "\t\r\n;\""));
        assert(url_pairs_find(&pairs, pairs.items[i].name));
    }
}

static void check_escapes(const char *text, size_t len)
{
    AUTO(str_done) struct str encoded = {0};
    percent_encode(&encoded, text, len);
    AUTO(str_done) struct str back = {0};
    enum err e = percent_decode(&back, str_text(&encoded), encoded.len, true);
    bool is_text = utf8_valid(text, len) && (len == 0 || !memchr(text, '\0', len));
    assert((e == E_OK) == is_text);
    if (!e) assert(back.len == len && (len == 0 || memcmp(back.data, text, len) == 0));
    str_clear(&back);
    if (percent_decode(&back, text, len, false)) assert(back.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_form(text, size);
    check_cookies(text, size);
    check_escapes(text, size);
    return 0;
}
