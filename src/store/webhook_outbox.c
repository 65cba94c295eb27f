/*
 * What happened, written down for each endpoint that wants to be told. On the writer thread, in the
 * transaction of what happened.
 */
#include "base/clock.h"
#include "store/audit_rows.h"
#include "store/internal.h"
#include "store/webhook_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TYPE_MAX 64

static const char *const types[] = {
    "briefing.queued",    "briefing.running",   "briefing.delivering",       "briefing.blocked",
    "briefing.succeeded", "briefing.failed",    "briefing.cancelled",        "briefing.expired",
    "briefing.settled",   "connection.updated", "webhook_endpoint.disabled",
};

const char *webhook_type(size_t i)
{
    return i < ARRAY_LEN(types) ? types[i] : NULL;
}

struct targets {
    char ids[WEBHOOK_ENDPOINTS_MAX][ID_MAX];
    size_t n;
};

static bool wants(const char *events, const char *type)
{
    if (!events) return true;
    for (struct json_iter it = json_iter(json_root(events, strlen(events))); json_next(&it);)
        if (json_string_is(it.value, type)) return true;
    return false;
}

/* All that such an event costs where there are no endpoints. */
static enum err find_targets(struct db *db, const char *type, struct targets *out)
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "SELECT id, events FROM webhook_endpoints WHERE status = 'enabled'");
    out->n = 0;
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) return E_OK;
        const char *events = query_text(&q, 1);
        if (!wants(*events ? events : NULL, type)) continue;
        assert(out->n < WEBHOOK_ENDPOINTS_MAX);
        snprintf(out->ids[out->n++], ID_MAX, "%s", query_text(&q, 0));
    }
}

struct message {
    const char *type;
    const char *user_id; /* NULL: about nobody */
    const char *body;
    char id[ID_MAX];
    int64_t now_ms;
};

static enum err insert(struct db *db, const struct message *m, const char *endpoint_id,
                       char out_id[ID_MAX])
{
    id_new("wd", out_id);
    AUTO(query_done)
    struct query q = query_begin(
        db, "INSERT INTO webhook_deliveries (id, endpoint_id, message_id, user_id, type, body,"
            " state, created_ms, next_ms, round, tries, attempts, last_ms, last_status)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', ?7, ?7, 1, 0, 0, 0, 0)");
    query_bind_text(&q, out_id);
    query_bind_text(&q, endpoint_id);
    query_bind_text(&q, m->id);
    query_bind_text(&q, m->user_id);
    query_bind_text(&q, m->type);
    query_bind_text(&q, m->body);
    query_bind_i64(&q, m->now_ms);
    return query_run(&q);
}

static enum err insert_all(struct store *store, struct db *db, struct message *m,
                           const struct targets *targets)
{
    id_new("msg", m->id);
    for (size_t i = 0; i < targets->n; i++) {
        char id[ID_MAX];
        enum err e = insert(db, m, targets->ids[i], id);
        if (e) return e;
    }
    writer_outbox_added(store->writer);
    return E_OK;
}

/* {"type":…,"timestamp":…,"data":{ … what the caller writes … }} */
static struct json_writer begin_body(struct str *body, const char *type, int64_t now_ms)
{
    struct json_writer w = json_writer(body);
    json_begin_object(&w);
    json_put_string(&w, "type", type);
    json_put_time(&w, "timestamp", now_ms);
    json_key(&w, "data");
    json_begin_object(&w);
    return w;
}

static void end_body(struct json_writer *w)
{
    json_end_object(w);
    json_end_object(w);
}

enum err webhook_run_changed(struct store *store, struct db *db, const struct run_row *row,
                             const char *what, int64_t now_ms)
{
    char type[TYPE_MAX];
    struct targets targets;
    snprintf(type, sizeof type, "briefing.%s", what);
    enum err e = find_targets(db, type, &targets);
    if (e || targets.n == 0) return e;
    AUTO(str_done) struct str body = {0};
    struct json_writer w = begin_body(&body, type, now_ms);
    json_put_string(&w, "id", row->id);
    json_put_string(&w, "user_id", row->user_id);
    json_put_string(&w, "recipe", row->recipe);
    json_put_string(&w, "status", run_status_name(row->status));
    json_put_bool(&w, "terminal", run_status_is_terminal(row->status));
    json_put_bool(&w, "needs_attention", row->needs_attention);
    json_put_string(&w, "delivery_state", delivery_state_name(row->delivery));
    json_put_string(&w, "error_code", row->error_code);
    json_put_int(&w, "event", row->last_event);
    end_body(&w);
    struct message m = {
        .type = type, .user_id = row->user_id, .body = str_text(&body), .now_ms = now_ms};
    return insert_all(store, db, &m, &targets);
}

struct connection_before connection_before(const struct connection_row *row)
{
    return (struct connection_before){.status =
                                          xstrdup(row->user_id ? row->status : "NOT_CONNECTED"),
                                      .account_id = xstrdup(row->account_id),
                                      .is_pending_confirmation = row->is_pending_confirmation};
}

void connection_before_done(struct connection_before *before)
{
    xfree(before->status);
    xfree(before->account_id);
}

enum err webhook_connection_changed(struct store *store, struct db *db,
                                    const struct connection_before *before,
                                    const struct connection_row *row, int64_t now_ms)
{
    struct targets targets;
    bool is_same = text_equal(before->status, row->status) &&
                   text_equal(before->account_id, row->account_id) &&
                   before->is_pending_confirmation == row->is_pending_confirmation;
    if (is_same) return E_OK;
    enum err e = find_targets(db, "connection.updated", &targets);
    if (e || targets.n == 0) return e;
    AUTO(str_done) struct str body = {0};
    struct json_writer w = begin_body(&body, "connection.updated", now_ms);
    json_put_string(&w, "user_id", row->user_id);
    json_put_string(&w, "connector", row->connector);
    json_put_string(&w, "status", row->status);
    json_put_bool(&w, "pending_confirmation", row->is_pending_confirmation);
    json_put_int(&w, "version", row->version);
    end_body(&w);
    struct message m = {.type = "connection.updated",
                        .user_id = row->user_id,
                        .body = str_text(&body),
                        .now_ms = now_ms};
    return insert_all(store, db, &m, &targets);
}

static enum err tell_of_disabled(struct store *store, struct db *db, const char *id,
                                 const char *reason, int64_t now_ms)
{
    struct targets targets;
    enum err e = find_targets(db, "webhook_endpoint.disabled", &targets);
    if (e || targets.n == 0) return e;
    AUTO(str_done) struct str body = {0};
    struct json_writer w = begin_body(&body, "webhook_endpoint.disabled", now_ms);
    json_put_string(&w, "id", id);
    json_put_string(&w, "status", "disabled");
    json_put_string(&w, "reason", reason);
    end_body(&w);
    struct message m = {
        .type = "webhook_endpoint.disabled", .body = str_text(&body), .now_ms = now_ms};
    return insert_all(store, db, &m, &targets);
}

enum err webhook_endpoint_disable(struct store *store, struct db *db, const char *id,
                                  const char *reason, int64_t now_ms)
{
    {
        AUTO(query_done)
        struct query q = query_begin(db, "UPDATE webhook_endpoints SET status = 'disabled',"
                                         " reason = ?, changed_ms = ?"
                                         " WHERE id = ? AND status = 'enabled'");
        query_bind_text(&q, reason);
        query_bind_i64(&q, now_ms);
        query_bind_text(&q, id);
        enum err e = query_run(&q);
        if (e) return e;
        assert(query_changes(&q) == 1);
    }
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "reason", reason);
    json_end_object(&w);
    struct audit_new audit = {.actor = "briefd",
                              .action = "webhook_endpoint_disabled",
                              .subject = id,
                              .data = str_text(&data)};
    enum err e = audit_row_add(db, &audit);
    return e ? e : tell_of_disabled(store, db, id, reason, now_ms);
}

enum err webhook_test_add(struct store *store, struct db *db, const char *endpoint_id,
                          int64_t now_ms, char out_id[ID_MAX])
{
    AUTO(str_done) struct str body = {0};
    struct json_writer w = begin_body(&body, WEBHOOK_TEST, now_ms);
    json_put_string(&w, "id", endpoint_id);
    end_body(&w);
    struct message m = {.type = WEBHOOK_TEST, .body = str_text(&body), .now_ms = now_ms};
    id_new("msg", m.id);
    enum err e = insert(db, &m, endpoint_id, out_id);
    if (!e) writer_outbox_added(store->writer);
    return e;
}
