#include "store/run_queries.h"

#include "store/internal.h"
#include "store/run_row.h"

#include <stdio.h>

void run_ids_done(struct run_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        xfree(ids->ids[i]);
    xfree(ids->ids);
    *ids = (struct run_ids){0};
}

enum err run_ids_read(struct query *q, struct run_ids *out)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(q, &has_row);
        if (e) return e;
        if (!has_row) break;
        ids.ids = list_grow(ids.ids, ids.n, sizeof *ids.ids);
        ids.ids[ids.n++] = xstrdup(query_text(q, 0));
    }
    *out = ids;
    ids = (struct run_ids){0};
    return E_OK;
}

enum err store_run_get(struct store *store, const char *run_id, struct run_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return run_row_get(reader.db, &store->keys, run_id, out_row);
}

enum err store_runs_each_queued(struct store *store, run_queued_each *each, void *ctx)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT id, user_id, wake_ms, unclean_ends FROM runs"
                                            " WHERE status = 'queued' ORDER BY id");
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) return E_OK;
        AUTO(xfree_ptr) char *id = query_text_copy(&q, 0);
        AUTO(xfree_ptr) char *user_id = query_text_copy(&q, 1);
        each(ctx, &(struct run_queued){.id = id,
                                       .user_id = user_id,
                                       .wake_ms = query_i64(&q, 2),
                                       .unclean_ends = (int)query_i64(&q, 3)});
    }
}

enum err store_runs_blocked(struct store *store, const char *user_id, struct run_ids *out)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(
        reader.db, user_id ? "SELECT id FROM runs WHERE user_id = ? AND finished_ms = 0"
                             " AND status = 'blocked' ORDER BY id"
                           : "SELECT id FROM runs WHERE status = 'blocked' ORDER BY id");
    if (user_id) query_bind_text(&q, user_id);
    return run_ids_read(&q, out);
}

enum err store_runs_overdue(struct store *store, int64_t now_ms, int64_t blocked_before_ms, int max,
                            struct run_ids *out)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    /* A run that is parked for credentials before it ever started waits for us, not for its user:
     * its time is over like that of a started one. */
    AUTO(query_done)
    struct query q =
        query_begin(reader.db, "SELECT id FROM runs WHERE finished_ms = 0 AND started_ms = 0"
                               " AND start_by_ms < ?1 AND status IN ('queued', 'blocked')"
                               " UNION SELECT id FROM runs WHERE finished_ms = 0 AND blocked_ms > 0"
                               " AND blocked_ms < ?2 AND status IN ('queued', 'blocked')"
                               " AND (started_ms > 0 OR phase = 'waiting_for_credentials')"
                               " ORDER BY 1 LIMIT ?3");
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, blocked_before_ms);
    query_bind_i64(&q, max);
    return run_ids_read(&q, out);
}

void run_list_done(struct run_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        run_row_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct run_list){0};
}

/* One text for each index that can carry the question; the rest of the filter is checked row by
 * row, from the newest on. */
#define LIST_REST                                                                                  \
    " AND (?2 IS NULL OR recipe = ?2) AND (?3 IS NULL OR status = ?3) AND created_ms > ?4"         \
    " AND id < ?5 AND id >= ?7 ORDER BY id DESC LIMIT ?6"

#define ABOVE_ALL_IDS "~"
/* An id is made a moment before its row gets its time. */
#define ID_EARLIER_MS (INT64_C(60) * 1000)

/* The lowest id that a row of that time can have: bounds the walk through the index. (The first ten
 * digits of an id are its milliseconds, see id_new().) */
static void id_floor(int64_t created_ms, char out[ID_MAX])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    int64_t ms = created_ms > ID_EARLIER_MS ? created_ms - ID_EARLIER_MS : 0;
    char *at = out + snprintf(out, ID_MAX, "br_");
    for (int shift = 45; shift >= 0; shift -= 5)
        *at++ = digits[ms >> shift & 31];
    *at = '\0';
}

static const char *list_sql(const struct run_filter *filter)
{
    if (filter->user_id)
        return "SELECT " RUN_SQL_COLUMNS " FROM runs INDEXED BY runs_by_user"
               " WHERE user_id = ?1" LIST_REST;
    if (filter->status >= 0)
        return "SELECT " RUN_SQL_COLUMNS " FROM runs INDEXED BY runs_by_status"
               " WHERE ?1 IS NULL AND status = ?3" LIST_REST;
    return "SELECT " RUN_SQL_COLUMNS " FROM runs WHERE ?1 IS NULL" LIST_REST;
}

enum err store_runs_list(struct store *store, const struct run_filter *filter,
                         struct run_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    char floor[ID_MAX];
    id_floor(filter->created_after_ms, floor);
    AUTO(query_done) struct query q = query_begin(reader.db, list_sql(filter));
    query_bind_text(&q, filter->user_id);
    query_bind_text(&q, filter->recipe);
    query_bind_text(&q,
                    filter->status < 0 ? NULL : run_status_name((enum run_status)filter->status));
    query_bind_i64(&q, filter->created_after_ms);
    query_bind_text(&q, filter->before_id ? filter->before_id : ABOVE_ALL_IDS);
    query_bind_i64(&q, filter->limit);
    query_bind_text(&q, floor);

    AUTO(run_list_done) struct run_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        list.rows = list_grow(list.rows, list.n, sizeof *list.rows);
        e = run_row_read(&q, &store->keys, &list.rows[list.n]);
        if (e) return e;
        list.n++;
    }
    *out_list = list;
    list = (struct run_list){0};
    return E_OK;
}
