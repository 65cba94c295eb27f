/*
 * GET /briefings?user_id=&recipe=&status=&created_after=&limit=&cursor=: newest first, a page at a
 * time. The cursor is the last id of a page; ids sort by time, so pages stay right while briefings
 * are added.
 */
#include "base/clock.h"
#include "runs/document.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

#define LIMIT_DEFAULT 20
#define LIMIT_MAX     100

static void read_status(const struct url_pairs *query, struct run_filter *filter,
                        struct field_errors *errors)
{
    const char *status = url_pairs_find(query, "status");
    enum run_status parsed;
    filter->status = -1;
    if (!status) return;
    if (run_status_parse(status, &parsed))
        field_error(errors, "?status", "is no status of a briefing");
    else
        filter->status = (int)parsed;
}

static void read_cursor(const struct url_pairs *query, struct str *id, struct field_errors *errors)
{
    const char *cursor = url_pairs_find(query, "cursor");
    if (!cursor) return;
    if (strlen(cursor) > 2 * (size_t)ID_MAX || base64url_decode(id, cursor, strlen(cursor)) ||
        !id_valid("br", str_text(id)))
        field_error(errors, "?cursor", "is no cursor of this list");
}

static void put_list(struct json_writer *w, const struct run_list *list, int limit,
                     const char *public_url)
{
    json_begin_object(w);
    json_key(w, "data");
    json_begin_array(w);
    size_t n = list->n < (size_t)limit ? list->n : (size_t)limit;
    for (size_t i = 0; i < n; i++) {
        AUTO(str_done) struct str document = {0};
        run_document(&list->rows[i], public_url, &document);
        json_write_raw(w, str_text(&document), document.len);
    }
    json_end_array(w);
    if (list->n > (size_t)limit) {
        AUTO(str_done) struct str cursor = {0};
        const char *last = list->rows[n - 1].id;
        base64url_encode(&cursor, last, strlen(last));
        json_put_string(w, "next_cursor", str_text(&cursor));
    } else {
        json_put_null(w, "next_cursor");
    }
    json_end_object(w);
}

void briefings_get(struct request *rq)
{
    static const char *const known[] = {"user_id", "recipe", "status", "created_after",
                                        "limit",   "cursor", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return;
    AUTO(field_errors_done) struct field_errors errors = {0};
    AUTO(str_done) struct str before = {0};
    struct run_filter filter = {.user_id = url_pairs_find(&query, "user_id"),
                                .recipe = url_pairs_find(&query, "recipe")};
    if (rq->principal.kind == PRINCIPAL_BROWSER && !filter.user_id)
        filter.user_id = rq->principal.user_id;
    if (filter.user_id && !request_owns(rq, filter.user_id)) {
        reply_problem(rq, PROBLEM_not_found, "There is no such user.");
        return;
    }
    int64_t limit = LIMIT_DEFAULT;
    const char *text = url_pairs_find(&query, "limit");
    if (text && text_to_i64(text, 1, LIMIT_MAX, &limit))
        field_error(&errors, "?limit", "must be from 1 to 100");
    text = url_pairs_find(&query, "created_after");
    if (text && time_parse(text, &filter.created_after_ms))
        field_error(&errors, "?created_after", "must be a time like \"2026-11-23T09:00:00Z\"");
    read_status(&query, &filter, &errors);
    read_cursor(&query, &before, &errors);
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    if (before.len > 0) filter.before_id = str_text(&before);
    filter.limit = (int)limit + 1; /* one more tells whether there is a next page */
    AUTO(run_list_done) struct run_list list = {0};
    enum err e = store_runs_list(rq->web->options.store, &filter, &list);
    if (e) {
        reply_error(rq, e, "listing briefings");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    put_list(&w, &list, (int)limit, rq->web->options.public_url);
    reply_json(rq, 200, &body);
}
