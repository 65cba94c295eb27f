#include "runs/feed_piece.h"

#include "runs/document.h"

#include <assert.h>
#include <string.h>

static struct piece *piece_new(size_t n_events, struct str *text)
{
    struct piece *piece = xcalloc(1, sizeof(*piece) + n_events * sizeof(piece->starts[0]));
    str_fit(text);
    piece->references = 1;
    piece->len = text->len;
    piece->text = str_take(text);
    return piece;
}

struct piece *piece_of_text(const char *fixed)
{
    AUTO(str_done) struct str text = {0};
    str_append_text(&text, fixed);
    return piece_new(0, &text);
}

struct piece *piece_of_end(const struct run_row *row)
{
    AUTO(str_done) struct str text = {0};
    str_append_text(&text, "event: end\ndata: ");
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    json_put_int(&w, "last_event", row->last_event);
    json_put_string(&w, "status", run_status_name(row->status));
    json_end_object(&w);
    str_append_text(&text, "\n\n");
    return piece_new(0, &text);
}

/* A line break in JSON can only stand between its tokens, and would end the field here. */
static void join_lines(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r') text[i] = ' ';
    }
}

static void append_event(struct str *text, const struct event_row *event)
{
    str_append_format(text, "id: %lld\nevent: %s\ndata: ", (long long)event->n, event->type);
    size_t start = text->len;
    struct json_writer w = json_writer(text);
    run_event(&w, event);
    join_lines(text->data + start, text->len - start);
    str_append_text(text, "\n\n");
}

enum err piece_read(struct store *store, const char *run_id, int64_t after,
                    struct piece **out_piece)
{
    AUTO(event_list_done) struct event_list list = {0};
    enum err e = store_events_list(store, run_id, after, PIECE_EVENTS_MAX, &list);
    if (e) return e;
    AUTO(str_done) struct str text = {0};
    uint32_t starts[PIECE_EVENTS_MAX];
    size_t n = 0;
    for (; n < list.n && text.len < PIECE_BYTES_MAX; n++) {
        if (list.rows[n].n != after + 1 + (int64_t)n)
            return fail(E_CORRUPT, "event %lld of %s is missing",
                        (long long)(after + 1 + (int64_t)n), run_id);
        starts[n] = (uint32_t)text.len;
        append_event(&text, &list.rows[n]);
    }
    *out_piece = NULL;
    if (n == 0) return E_OK;
    struct piece *piece = piece_new(n, &text);
    piece->first = list.rows[0].n;
    piece->last = list.rows[n - 1].n;
    memcpy(piece->starts, starts, n * sizeof(starts[0]));
    *out_piece = piece;
    return E_OK;
}

bool piece_holds(const struct piece *piece, int64_t n)
{
    return piece->first > 0 && piece->first <= n && n <= piece->last;
}

size_t piece_offset(const struct piece *piece, int64_t n)
{
    assert(piece_holds(piece, n));
    return piece->starts[n - piece->first];
}

struct piece *piece_hold(struct piece *piece)
{
    piece->references++;
    return piece;
}

void piece_release(struct piece *piece)
{
    if (!piece || --piece->references > 0) return;
    xfree(piece->text);
    xfree(piece);
}
