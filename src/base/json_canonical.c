#include "base/json_internal.h"

#include <stdlib.h>
#include <string.h>

struct member {
    const char *key; /* decoded */
    size_t key_len;
    size_t index; /* in the order of the text */
    struct json_span value;
};

/* Orders by UTF-16 code units, as RFC 8785 asks. Bytes of UTF-8 have that order but for one case:
 * characters above U+FFFF are pairs of surrogates there and come before U+E000 to U+FFFF. */
static int order_of_byte(unsigned char byte)
{
    if (byte == 0xEE || byte == 0xEF) return byte + 0x100;
    return byte;
}

static int compare_keys(const struct member *a, const struct member *b)
{
    size_t shorter = a->key_len < b->key_len ? a->key_len : b->key_len;
    for (size_t i = 0; i < shorter; i++)
        if (a->key[i] != b->key[i])
            return order_of_byte((unsigned char)a->key[i]) -
                   order_of_byte((unsigned char)b->key[i]);
    return (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = compare_keys(a, b);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void write_value(struct json_writer *w, struct json_span value);

static void write_string(struct json_writer *w, struct json_span value)
{
    AUTO(str_done) struct str decoded = STR_LIMIT(value.len);
    json_string(value, &decoded);
    json_write_string_n(w, str_text(&decoded), decoded.len);
}

static void write_array(struct json_writer *w, struct json_span array)
{
    json_begin_array(w);
    struct json_iter it = json_iter(array);
    while (json_next(&it))
        write_value(w, it.value);
    json_end_array(w);
}

static void write_members(struct json_writer *w, const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* The first of equal keys wins everywhere; the others are as if they were not there. */
        if (i > 0 && compare_keys(&members[i - 1], &members[i]) == 0) continue;
        json_write_string_n(w, members[i].key, members[i].key_len);
        str_append_char(w->out, ':');
        w->need_comma = false;
        write_value(w, members[i].value);
    }
}

static void write_object(struct json_writer *w, struct json_span object)
{
    size_t n = 0;
    struct json_iter it = json_iter(object);
    while (json_next(&it))
        n++;

    AUTO(xfree_ptr) struct member *members = xcalloc(n, sizeof *members);
    AUTO(str_done) struct str keys = STR_LIMIT(object.len);
    /* All keys fit at once, so the pointers into `keys` stay good. */
    str_reserve(&keys, object.len);
    it = json_iter(object);
    for (size_t i = 0; i < n && json_next(&it); i++) {
        size_t from = keys.len;
        json_string(it.key, &keys);
        members[i] = (struct member){
            .key = keys.data + from,
            .key_len = keys.len - from,
            .index = i,
            .value = it.value,
        };
    }
    qsort(members, n, sizeof *members, compare_members);
    json_begin_object(w);
    write_members(w, members, n);
    json_end_object(w);
}

/* Recursion is bounded: the text passed json_check(), so it has at most JSON_DEPTH_MAX levels. */
static void write_value(struct json_writer *w, struct json_span value)
{
    switch (json_type(value)) {
    case JSON_OBJECT:
        write_object(w, value);
        break;
    case JSON_ARRAY:
        write_array(w, value);
        break;
    case JSON_STRING:
        write_string(w, value);
        break;
    case JSON_NONE:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_TYPE_COUNT:
        json_write_span(w, value);
        break;
    }
}

enum err json_canonical(struct str *out, const char *text, size_t len)
{
    enum err e = json_check(text, len, (struct json_limits){0});
    if (e) return e;
    struct json_writer w = json_writer(out);
    write_value(&w, json_root(text, len));
    if (!str_ok(out)) return fail(E_LIMIT, "the canonical JSON does not fit");
    return E_OK;
}
