/*
 * Pairs of names and values: forms, query strings and cookies.
 */
#include "base/url.h"

#include <string.h>

void url_pairs_done(struct url_pairs *pairs)
{
    if (!pairs) return;
    for (size_t i = 0; i < pairs->n; i++) {
        xfree(pairs->items[i].name);
        xfree(pairs->items[i].value);
    }
    xfree(pairs->items);
    *pairs = (struct url_pairs){0};
}

const char *url_pairs_find(const struct url_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (text_equal(pairs->items[i].name, name)) return pairs->items[i].value;
    return NULL;
}

/* Takes over both texts, also when it fails. */
static enum err add_pair(struct url_pairs *pairs, size_t n_max, char *name, char *value)
{
    if (pairs->n >= n_max) {
        xfree(name);
        xfree(value);
        return fail(E_LIMIT, "more than %zu pairs", n_max);
    }
    /* Grown at powers of two. */
    if ((pairs->n & (pairs->n - 1)) == 0) {
        size_t room = pairs->n ? 2 * pairs->n : 1;
        pairs->items = xrealloc(pairs->items, room * sizeof pairs->items[0]);
    }
    pairs->items[pairs->n++] = (struct url_pair){.name = name, .value = value};
    return E_OK;
}

static enum err decode_part(const char *text, size_t len, char **out_text)
{
    AUTO(str_done) struct str decoded = STR_LIMIT(len ? len : 1);
    enum err e = percent_decode(&decoded, text, len, true);
    if (e) return e;
    *out_text = xstrndup(str_text(&decoded), decoded.len);
    return E_OK;
}

static enum err add_form_pair(struct url_pairs *pairs, size_t n_max, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;
    AUTO(xfree_ptr) char *name = NULL;
    AUTO(xfree_ptr) char *value = NULL;
    enum err e = decode_part(text, name_len, &name);
    if (e) return e;
    e = decode_part(text + len - value_len, value_len, &value);
    if (e) return e;
    return add_pair(pairs, n_max, take_ptr(&name), take_ptr(&value));
}

enum err form_parse(const char *text, size_t len, size_t n_max, struct url_pairs *out)
{
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    const char *end = text + len;
    const char *at = text;
    while (at < end) {
        const char *ampersand = memchr(at, '&', (size_t)(end - at));
        const char *piece_end = ampersand ? ampersand : end;
        if (piece_end > at) {
            enum err e = add_form_pair(&pairs, n_max, at, (size_t)(piece_end - at));
            if (e) return e;
        }
        at = ampersand ? ampersand + 1 : end;
    }
    *out = pairs;
    pairs = (struct url_pairs){0};
    return E_OK;
}

/* RFC 6265: a name is a token of RFC 9110. */
static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7F || strchr("()<>@,;:\\\"/[]?={}", text[i]))
            return false;
    return len > 0;
}

/* RFC 6265's cookie-octet, a little wider: spaces and commas are what real cookies contain. */
static bool is_cookie_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] >= 0x7F || text[i] == '"' || text[i] == '\\') return false;
    return true;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*len;
    }
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
        --*len;
}

static enum err add_cookie(struct url_pairs *pairs, size_t n_max, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    if (!equals) return E_OK;
    const char *name = text;
    size_t name_len = (size_t)(equals - text);
    const char *value = equals + 1;
    size_t value_len = len - name_len - 1;
    trim(&name, &name_len);
    trim(&value, &value_len);
    if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
        value++;
        value_len -= 2;
    }
    if (!is_token(name, name_len) || !is_cookie_value(value, value_len)) return E_OK;
    return add_pair(pairs, n_max, xstrndup(name, name_len), xstrndup(value, value_len));
}

enum err cookie_parse(const char *header, size_t n_max, struct url_pairs *out)
{
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    const char *at = header;
    for (;;) {
        size_t len = strcspn(at, ";");
        enum err e = add_cookie(&pairs, n_max, at, len);
        if (e) return e;
        at += len;
        if (*at == '\0') break;
        at++;
    }
    *out = pairs;
    pairs = (struct url_pairs){0};
    return E_OK;
}
