#include "store/event_rows.h"
#include "store/internal.h"

enum err event_row_add(struct db *db, struct run_row *row, int64_t now_ms,
                       const struct event_new *event)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO events (run_id, n, at_ms, type, data)"
                                     " VALUES (?, ?, ?, ?, ?)");
    query_bind_text(&q, row->id);
    query_bind_i64(&q, row->last_event + 1);
    query_bind_i64(&q, now_ms);
    query_bind_text(&q, event->type);
    query_bind_text(&q, event->data ? event->data : "{}");
    enum err e = query_run(&q);
    if (e) return e;
    row->last_event++;
    return E_OK;
}

void event_list_done(struct event_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        xfree(list->rows[i].type);
        xfree(list->rows[i].data);
    }
    xfree(list->rows);
    *list = (struct event_list){0};
}

enum err store_events_list(struct store *store, const char *run_id, int64_t after, int limit,
                           struct event_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT n, at_ms, type, data FROM events"
                                            " WHERE run_id = ? AND n > ? ORDER BY n LIMIT ?");
    query_bind_text(&q, run_id);
    query_bind_i64(&q, after);
    query_bind_i64(&q, limit);

    AUTO(event_list_done) struct event_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        struct event_row *row = LIST_ADD(&list);
        row->n = query_i64(&q, 0);
        row->at_ms = query_i64(&q, 1);
        row->type = query_text_copy(&q, 2);
        row->data = query_text_copy(&q, 3);
    }
    *out_list = list;
    list = (struct event_list){0};
    return E_OK;
}
