/*
 * GET /briefings/{id}/events: what happened, as a page of JSON (?after=N) or, for those who ask for
 * text/event-stream, as a stream. The same numbers as the document's ETag, without gaps.
 */
#include "runs/document.h"
#include "web/briefing_events_stream.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

#define PAGE 200

static void put_events(struct json_writer *w, const struct run_row *row,
                       const struct event_list *list)
{
    json_begin_object(w);
    json_key(w, "data");
    json_begin_array(w);
    for (size_t i = 0; i < list->n; i++)
        run_event(w, &list->rows[i]);
    json_end_array(w);
    json_put_int(w, "last_event", row->last_event);
    json_put_bool(w, "terminal", run_status_is_terminal(row->status));
    json_end_object(w);
}

static void events_page(struct request *rq, int64_t after)
{
    AUTO(run_row_done) struct run_row row = {0};
    AUTO(event_list_done) struct event_list list = {0};
    enum err e = store_run_get(rq->web->options.store, rq->args[0], &row);
    if (!e && !request_owns(rq, row.user_id)) e = E_NOT_FOUND;
    if (!e) e = store_events_list(rq->web->options.store, rq->args[0], after, PAGE, &list);
    if (e == E_NOT_FOUND) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    } else if (e) {
        reply_error(rq, e, "reading a briefing's events");
    } else {
        AUTO(str_done) struct str body = {0};
        struct json_writer w = json_writer(&body);
        put_events(&w, &row, &list);
        reply_header(rq, "Vary", "Accept");
        reply_json(rq, 200, &body);
    }
}

/* In thousandths (RFC 9110, 12.4.2): "0.5" is 500. What is no weight counts as none given. */
static int weight(const char *text)
{
    int value = 1000;
    if (text[0] == '1') return value;
    if (text[0] != '0') return value;
    value = 0;
    int scale = 100;
    for (const char *at = text + (text[1] == '.' ? 2 : 1); *at >= '0' && *at <= '9' && scale;
         at++) {
        value += (*at - '0') * scale;
        scale /= 10;
    }
    return value;
}

/* How much the Accept header likes this very type; 0: it does not name it. */
static int liking(const char *accept, const char *type)
{
    size_t len = strlen(type);
    for (const char *at = accept; at && *at; at += strcspn(at, ",")) {
        at += strspn(at, ", \t");
        size_t named = strcspn(at, ",; \t");
        if (named != len || strncasecmp(at, type, len) != 0) continue;
        size_t end = strcspn(at, ",");
        for (size_t i = len; i + 2 < end; i++) {
            bool is_begin = at[i - 1] == ';' || at[i - 1] == ' ' || at[i - 1] == '\t';
            if (is_begin && strncasecmp(at + i, "q=", 2) == 0) return weight(at + i + 2);
        }
        return 1000;
    }
    return 0;
}

static bool wants_stream(const struct request *rq)
{
    const char *accept = request_header(rq, "Accept");
    int stream = liking(accept, "text/event-stream");
    return stream > 0 && stream >= liking(accept, "application/json");
}

/* False: answered. */
static bool read_number(struct request *rq, const char *pointer, const char *text, int64_t *out)
{
    if (text_is_i64(text, strlen(text), out) && *out >= 0) return true;
    AUTO(field_errors_done) struct field_errors errors = {0};
    field_error(&errors, pointer, "must be the number of an event");
    reply_invalid(rq, &errors);
    return false;
}

void briefing_events_get(struct request *rq)
{
    static const char *const known[] = {"after", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    int64_t after = 0;
    const char *pointer = "?after";
    bool is_stream = wants_stream(rq);
    if (!request_query(rq, known, &query)) return;
    const char *text = url_pairs_find(&query, "after");
    if (text && !read_number(rq, pointer, text, &after)) return;
    /* EventSource comes back to the URL it was made with: what it has since then counts. */
    const char *last = is_stream ? request_header(rq, "Last-Event-ID") : NULL;
    if (last && last[0] != '\0') {
        pointer = "Last-Event-ID";
        if (!read_number(rq, pointer, last, &after)) return;
    }
    if (!id_valid("br", rq->args[0]))
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    else if (is_stream)
        events_stream(rq, after, pointer);
    else
        events_page(rq, after);
}
