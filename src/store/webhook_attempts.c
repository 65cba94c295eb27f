/*
 * What became of webhooks that were sent, and when an endpoint is disabled.
 */
#include "base/clock.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/webhook_rows.h"

struct put {
    const struct webhook_attempt *attempt;
    const char *reason; /* it was disabled now */
};

/* Sent again by hand meanwhile, it stays pending. */
static enum err put_result(struct db *db, const struct webhook_result *r, int64_t at_ms)
{
    const char *state = r->error ? r->next_ms ? "pending" : "failed" : "delivered";
    AUTO(query_done)
    struct query q =
        query_begin(db, "UPDATE webhook_deliveries SET attempts = attempts + 1, last_ms = ?2,"
                        " last_status = ?3, last_error = ?4,"
                        " state = CASE round WHEN ?5 THEN ?6 ELSE state END,"
                        " next_ms = CASE round WHEN ?5 THEN ?7 ELSE next_ms END,"
                        " tries = CASE round WHEN ?5 THEN tries + 1 ELSE tries END"
                        " WHERE id = ?1");
    query_bind_text(&q, r->delivery_id);
    query_bind_i64(&q, at_ms);
    query_bind_i64(&q, r->status);
    query_bind_text(&q, r->error);
    query_bind_i64(&q, r->round);
    query_bind_text(&q, state);
    query_bind_i64(&q, r->next_ms);
    return query_run(&q);
}

static enum err put_health(struct db *db, const struct webhook_attempt *a, bool is_any_taken,
                           bool is_any_refused)
{
    AUTO(query_done)
    struct query q = query_begin(
        db, "UPDATE webhook_endpoints SET"
            " succeeded_ms = CASE WHEN ?2 THEN ?4 ELSE succeeded_ms END,"
            " failed_ms = CASE WHEN ?3 THEN ?4 ELSE failed_ms END,"
            " failing_ms = CASE WHEN ?2 THEN 0 WHEN failing_ms > 0 THEN failing_ms ELSE ?4 END,"
            " failures = CASE WHEN ?2 THEN 0 ELSE failures + 1 END WHERE id = ?1");
    query_bind_text(&q, a->endpoint_id);
    query_bind_i64(&q, is_any_taken);
    query_bind_i64(&q, is_any_refused);
    query_bind_i64(&q, a->at_ms);
    return query_run(&q);
}

static const char *reason_to_disable(const struct webhook_attempt *a,
                                     const struct webhook_endpoint *endpoint)
{
    if (!endpoint->is_enabled) return NULL;
    if (a->is_gone) return WEBHOOK_REASON_GONE;
    bool is_failing = endpoint->failing_ms > 0 && endpoint->failures >= a->failures_max &&
                      a->at_ms - endpoint->failing_ms >= a->failing_max_ms;
    return is_failing ? WEBHOOK_REASON_FAILING : NULL;
}

static enum err put_run(struct store *store, struct db *db, struct write_job *job)
{
    struct put *put = job->ctx;
    const struct webhook_attempt *a = put->attempt;
    bool is_any_taken = false;
    bool is_any_refused = false;
    for (size_t i = 0; i < a->n; i++) {
        enum err e = put_result(db, &a->results[i], a->at_ms);
        if (e) return e;
        is_any_taken = is_any_taken || !a->results[i].error;
        is_any_refused = is_any_refused || a->results[i].error;
    }
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    enum err e = put_health(db, a, is_any_taken, is_any_refused);
    if (!e) e = webhook_endpoint_row_get(db, a->endpoint_id, &endpoint);
    if (e == E_NOT_FOUND) return E_OK; /* deleted meanwhile */
    if (e) return e;
    put->reason = reason_to_disable(a, &endpoint);
    if (!put->reason) return E_OK;
    return webhook_endpoint_disable(store, db, a->endpoint_id, put->reason, a->at_ms);
}

enum err store_webhook_attempt_put(struct store *store, const struct webhook_attempt *attempt,
                                   const char **out_reason)
{
    struct put put = {.attempt = attempt};
    enum err e = store_write(store, put_run, &put);
    if (!e) *out_reason = put.reason;
    return e;
}

/* ---- backlogs ---- */

struct backlogs {
    int64_t max;
    struct run_ids ids;
};

static void backlogs_done(struct backlogs *backlogs)
{
    run_ids_done(&backlogs->ids);
}

static enum err find_backlogs(struct db *db, int64_t max, struct run_ids *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT id FROM webhook_endpoints e WHERE status = 'enabled'"
                                     " AND (SELECT count(*) FROM webhook_deliveries d"
                                     "  WHERE d.endpoint_id = e.id AND d.state = 'pending') > ?");
    query_bind_i64(&q, max);
    return run_ids_read(&q, out);
}

static enum err disable_backlogs_run(struct store *store, struct db *db, struct write_job *job)
{
    struct backlogs *backlogs = job->ctx;
    enum err e = find_backlogs(db, backlogs->max, &backlogs->ids);
    for (size_t i = 0; !e && i < backlogs->ids.n; i++)
        e = webhook_endpoint_disable(store, db, backlogs->ids.ids[i], WEBHOOK_REASON_BACKLOG,
                                     clock_unix_ms());
    return e;
}

enum err store_webhook_check_backlogs(struct store *store, int64_t max, struct run_ids *out_ids)
{
    AUTO(backlogs_done) struct backlogs backlogs = {.max = max};
    {
        /* Counted beside the writer: nearly always there is nothing to do. */
        AUTO(reader_give_back) struct reader reader = reader_take(store);
        enum err e = find_backlogs(reader.db, max, &backlogs.ids);
        if (e || backlogs.ids.n == 0) return e;
    }
    run_ids_done(&backlogs.ids);
    enum err e = store_write(store, disable_backlogs_run, &backlogs);
    if (e) return e;
    *out_ids = backlogs.ids;
    backlogs.ids = (struct run_ids){0};
    return E_OK;
}

/* ---- what disabled and deleted endpoints leave ---- */

struct sweep {
    int max;
    int64_t n;
};

static enum err sweep_statement(struct db *db, const char *sql, struct sweep *sweep)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    query_bind_i64(&q, sweep->max);
    enum err e = query_run(&q);
    if (!e) sweep->n += query_changes(&q);
    return e;
}

static enum err sweep_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct sweep *sweep = job->ctx;
    enum err e = sweep_statement(
        db,
        "UPDATE webhook_deliveries SET state = 'failed', next_ms = 0,"
        " last_error = coalesce(last_error, 'not sent: the endpoint was disabled')"
        " WHERE id IN (SELECT d.id FROM webhook_endpoints e JOIN webhook_deliveries d"
        "  ON d.endpoint_id = e.id WHERE e.status = 'disabled' AND d.state = 'pending' LIMIT ?)",
        sweep);
    if (!e)
        e = sweep_statement(
            db,
            "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_endpoints e"
            " JOIN webhook_deliveries d ON d.endpoint_id = e.id WHERE e.status = 'deleted' LIMIT "
            "?)",
            sweep);
    if (e || sweep->n > 0) return e;
    return sweep_statement(db,
                           "DELETE FROM webhook_endpoints WHERE id IN"
                           " (SELECT id FROM webhook_endpoints WHERE status = 'deleted' LIMIT ?)",
                           sweep);
}

static enum err count_to_sweep(struct store *store, int64_t *out_n)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(
        reader.db, "SELECT count(*) FROM webhook_endpoints e WHERE e.status = 'deleted'"
                   " OR (e.status = 'disabled' AND EXISTS (SELECT 1 FROM webhook_deliveries d"
                   "  WHERE d.endpoint_id = e.id AND d.state = 'pending'))");
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_n = query_i64(&q, 0);
    return e;
}

enum err store_webhook_sweep(struct store *store, int max, int64_t *out_n)
{
    struct sweep sweep = {.max = max};
    *out_n = 0;
    enum err e = count_to_sweep(store, &sweep.n);
    if (e || sweep.n == 0) return e;
    sweep.n = 0;
    e = store_write(store, sweep_run, &sweep);
    if (!e) *out_n = sweep.n;
    return e;
}
