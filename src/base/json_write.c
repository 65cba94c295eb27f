#include "base/clock.h"
#include "base/json_internal.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

struct json_writer json_writer(struct str *out)
{
    return (struct json_writer){.out = out};
}

/* Every value and every key begins here. */
static void begin_item(struct json_writer *w)
{
    if (w->need_comma) str_append_char(w->out, ',');
    w->need_comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin_item(w);
    str_append_char(w->out, '{');
    w->need_comma = false;
}

void json_end_object(struct json_writer *w)
{
    str_append_char(w->out, '}');
    w->need_comma = true;
}

void json_begin_array(struct json_writer *w)
{
    begin_item(w);
    str_append_char(w->out, '[');
    w->need_comma = false;
}

void json_end_array(struct json_writer *w)
{
    str_append_char(w->out, ']');
    w->need_comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
    json_write_string(w, key);
    str_append_char(w->out, ':');
    w->need_comma = false;
}

static void write_escape(struct str *out, unsigned char byte)
{
    static const char short_forms[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
    };
    if (byte < sizeof short_forms && short_forms[byte]) {
        const char escape[2] = {'\\', short_forms[byte]};
        str_append(out, escape, sizeof escape);
        return;
    }
    static const char hex[] = "0123456789abcdef";
    const char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    str_append(out, escape, sizeof escape);
}

void json_write_string_n(struct json_writer *w, const char *text, size_t len)
{
    struct str *out = w->out;
    begin_item(w);
    str_append_char(out, '"');
    size_t clean_from = 0;
    size_t at = 0;
    for (;;) {
        at += json_plain_run(text + at, len - at);
        if (at == len) break;
        unsigned char byte = (unsigned char)text[at];
        size_t n = byte < 0x80 ? 0 : utf8_sequence(text + at, len - at);
        if (n > 0) {
            at += n;
            continue;
        }
        str_append(out, text + clean_from, at - clean_from);
        if (byte < 0x80) {
            write_escape(out, byte);
            at++;
        } else {
            utf8_append(out, utf8_next(text, len, &at));
        }
        clean_from = at;
    }
    str_append(out, text + clean_from, len - clean_from);
    str_append_char(out, '"');
}

void json_write_string(struct json_writer *w, const char *text)
{
    if (text)
        json_write_string_n(w, text, strlen(text));
    else
        json_write_null(w);
}

void json_write_int(struct json_writer *w, int64_t value)
{
    begin_item(w);
    str_append_i64(w->out, value);
}

void json_write_bool(struct json_writer *w, bool value)
{
    begin_item(w);
    str_append_text(w->out, value ? "true" : "false");
}

void json_write_null(struct json_writer *w)
{
    begin_item(w);
    str_append_text(w->out, "null");
}

void json_write_raw(struct json_writer *w, const char *json, size_t len)
{
    assert(len > 0);
    begin_item(w);
    str_append(w->out, json, len);
}

void json_write_span(struct json_writer *w, struct json_span value)
{
    if (value.len > 0)
        json_write_raw(w, value.text, value.len);
    else
        json_write_null(w);
}

void json_put_string(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_write_string(w, text);
}

void json_put_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_write_int(w, value);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_write_bool(w, value);
}

void json_put_null(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_write_null(w);
}

void json_put_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
    json_key(w, key);
    json_write_raw(w, json, len);
}

void json_put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    if (unix_ms == 0) {
        json_put_null(w, key);
        return;
    }
    char text[TIME_TEXT_MAX];
    time_format(unix_ms, text);
    json_put_string(w, key, text);
}
