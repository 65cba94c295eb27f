/*
 * GET /briefings/{id}/events?after=N: what happened, as a page of JSON. The same numbers as the
 * document's ETag, without gaps.
 */
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
    for (size_t i = 0; i < list->n; i++) {
        const struct event_row *event = &list->rows[i];
        json_begin_object(w);
        json_put_int(w, "n", event->n);
        json_put_string(w, "type", event->type);
        json_put_time(w, "at", event->at_ms);
        json_put_raw(w, "data", event->data ? event->data : "{}",
                     event->data ? strlen(event->data) : 2);
        json_end_object(w);
    }
    json_end_array(w);
    json_put_int(w, "last_event", row->last_event);
    json_put_bool(w, "terminal", run_status_is_terminal(row->status));
    json_end_object(w);
}

void briefing_events_get(struct request *rq)
{
    static const char *const known[] = {"after", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    int64_t after = 0;
    if (!request_query(rq, known, &query)) return;
    const char *text = url_pairs_find(&query, "after");
    if (text && text_to_i64(text, 0, INT64_MAX, &after)) {
        AUTO(field_errors_done) struct field_errors errors = {0};
        field_error(&errors, "?after", "must be the number of an event");
        reply_invalid(rq, &errors);
        return;
    }
    AUTO(run_row_done) struct run_row row = {0};
    AUTO(event_list_done) struct event_list list = {0};
    enum err e = id_valid("br", rq->args[0])
                     ? store_run_get(rq->web->options.store, rq->args[0], &row)
                     : E_NOT_FOUND;
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
        reply_json(rq, 200, &body);
    }
}
