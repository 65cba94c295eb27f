#include "store/gauges.h"

#include "store/internal.h"

#include <stdio.h>
#include <string.h>

static enum err read_runs(struct db *db, struct store_gauges *out)
{
    /* The oldest by id: ids sort by time. */
    AUTO(query_done)
    struct query q = query_begin(
        db, "SELECT status, count(*) FROM runs INDEXED BY runs_by_status"
            " WHERE status IN ('queued', 'running', 'delivering', 'blocked') GROUP BY status");
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) return E_OK;
        enum run_status status = RUN_QUEUED;
        if (run_status_parse(query_text(&q, 0), &status) == E_OK)
            out->runs[status] = query_i64(&q, 1);
    }
}

static enum err read_oldest(struct db *db, struct store_gauges *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT created_ms FROM runs INDEXED BY runs_by_status"
                                     " WHERE status = 'queued' ORDER BY id LIMIT 1");
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e || !has_row) return e;
    out->oldest_queued_ms = query_i64(&q, 0);
    return E_OK;
}

/* ScaleKit may say words that nobody knows: they must not make series without end. */
static const char *known_status(const char *status, bool is_pending)
{
    static const char *const known[] = {"ACTIVE",       "EXPIRED",       "PENDING_AUTH",
                                        "DISCONNECTED", "NOT_CONNECTED", "REVOKED"};
    if (is_pending && strcmp(status, "ACTIVE") == 0) return "UNCONFIRMED";
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(status, known[i]) == 0) return known[i];
    return "OTHER";
}

static void add_connections(struct store_gauges *out, const char *connector, const char *status,
                            int64_t n)
{
    struct connections_gauge *gauge = out->connections;
    const struct connections_gauge *end = gauge + out->n_connections;
    while (gauge < end &&
           (strcmp(gauge->connector, connector) != 0 || strcmp(gauge->status, status) != 0))
        gauge++;
    if (gauge == end) {
        if (out->n_connections == GAUGES_CONNECTIONS_MAX) return;
        out->n_connections++;
        snprintf(gauge->connector, sizeof(gauge->connector), "%s", connector);
        snprintf(gauge->status, sizeof(gauge->status), "%s", status);
    }
    gauge->n += n;
}

static enum err read_connections(struct db *db, struct store_gauges *out)
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "SELECT connector, status, pending_confirmation, count(*)"
                        " FROM connections GROUP BY connector, status, pending_confirmation");
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) return E_OK;
        AUTO(xfree_ptr) char *connector = query_text_copy(&q, 0);
        AUTO(xfree_ptr) char *status = query_text_copy(&q, 1);
        if (connector && status)
            add_connections(out, connector, known_status(status, query_i64(&q, 2) != 0),
                            query_i64(&q, 3));
    }
}

static enum err read_webhooks(struct db *db, struct store_gauges *out)
{
    /* The oldest by id, which the index has. */
    AUTO(query_done)
    struct query q = query_begin(
        db, "SELECT n, coalesce((SELECT created_ms FROM webhook_deliveries WHERE id = oldest), 0)"
            " FROM (SELECT count(*) AS n, min(id) AS oldest FROM webhook_deliveries"
            " INDEXED BY webhook_deliveries_pending WHERE state = 'pending')");
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e || !has_row) return e;
    out->webhooks_pending = query_i64(&q, 0);
    out->oldest_webhook_ms = query_i64(&q, 1);
    return E_OK;
}

enum err store_gauges_read(struct store *store, struct store_gauges *out)
{
    memset(out, 0, sizeof(*out));
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    enum err e = read_runs(reader.db, out);
    if (!e) e = read_oldest(reader.db, out);
    if (!e) e = read_connections(reader.db, out);
    if (!e) e = read_webhooks(reader.db, out);
    return e;
}
