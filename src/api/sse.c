#include "api/sse.h"

#include <string.h>

static const char bom[] = "\xEF\xBB\xBF";
#define BOM_LEN 3

void sse_init(struct sse_parser *p, size_t event_bytes_max)
{
    *p = (struct sse_parser){
        .event = STR_LIMIT(event_bytes_max),
        .data = STR_LIMIT(event_bytes_max),
        .line = STR_LIMIT(event_bytes_max),
    };
}

void sse_done(struct sse_parser *p)
{
    str_done(&p->event);
    str_done(&p->data);
    str_done(&p->line);
}

static bool name_is(const char *line, size_t name_len, const char *name)
{
    return strlen(name) == name_len && memcmp(line, name, name_len) == 0;
}

/* One line that is not empty. Fields other than these two mean nothing here. */
static void take_field(struct sse_parser *p, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : len;
    if (colon && name_len == 0) return; /* a comment */

    const char *value = colon ? colon + 1 : line + len;
    size_t value_len = (size_t)(line + len - value);
    if (value_len > 0 && *value == ' ') {
        value++;
        value_len--;
    }
    if (name_is(line, name_len, "data")) {
        if (p->has_data) str_append_char(&p->data, '\n');
        str_append(&p->data, value, value_len);
        p->has_data = true;
    } else if (name_is(line, name_len, "event")) {
        str_clear(&p->event);
        str_append(&p->event, value, value_len);
    }
}

static enum err take_line(struct sse_parser *p, const char *line, size_t len,
                          bool (*on_event)(void *, const char *, const char *, size_t), void *ctx)
{
    if (len > 0) {
        take_field(p, line, len);
        if (str_ok(&p->data) && str_ok(&p->event)) return E_OK;
        return fail(E_LIMIT, "an event of the stream is longer than %zu bytes", p->data.max);
    }
    bool goes_on = true;
    if (p->data.len > 0) {
        goes_on = on_event(ctx, str_text(&p->event), str_text(&p->data), p->data.len);
    }
    str_clear(&p->event);
    str_clear(&p->data);
    p->has_data = false;
    return goes_on ? E_OK : fail(E_CANCELLED, "the receiver of the stream wants no more");
}

/* The byte order mark may come in pieces; what only began like one belongs to the first line. */
static size_t skip_bom(struct sse_parser *p, const char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && p->bom_seen < BOM_LEN && bytes[at] == bom[p->bom_seen]) {
        p->bom_seen++;
        at++;
    }
    if (p->bom_seen == BOM_LEN) {
        p->is_past_bom = true;
    } else if (at < len) {
        str_append(&p->line, bom, (size_t)p->bom_seen);
        p->is_past_bom = true;
    }
    return at;
}

static const char *find_line_end(const char *at, const char *end)
{
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return at < end ? at : NULL;
}

enum err sse_feed(struct sse_parser *p, const char *bytes, size_t len,
                  bool (*on_event)(void *ctx, const char *event, const char *data, size_t data_len),
                  void *ctx)
{
    const char *end = bytes + len;
    const char *at = bytes;
    if (!p->is_past_bom) at += skip_bom(p, bytes, len);

    while (at < end) {
        if (p->skip_lf) {
            p->skip_lf = false;
            if (*at == '\n') {
                at++;
                continue;
            }
        }
        const char *line_end = find_line_end(at, end);
        size_t n = (size_t)((line_end ? line_end : end) - at);
        bool is_in_parts = p->line.len > 0;
        if (!line_end || is_in_parts) str_append(&p->line, at, n);
        if (!str_ok(&p->line)) {
            return fail(E_LIMIT, "a line of the stream is longer than %zu bytes", p->line.max);
        }
        if (!line_end) return E_OK;

        const char *line = is_in_parts ? str_text(&p->line) : at;
        enum err e = take_line(p, line, is_in_parts ? p->line.len : n, on_event, ctx);
        if (e) return e;
        str_clear(&p->line);
        p->skip_lf = *line_end == '\r';
        at = line_end + 1;
    }
    return E_OK;
}
