#include "base/clock.h"
#include "store/audit_rows.h"
#include "store/internal.h"
#include "store/webhook_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
    [WEBHOOK_PENDING] = "pending",
    [WEBHOOK_DELIVERED] = "delivered",
    [WEBHOOK_FAILED] = "failed",
};
_Static_assert(ARRAY_LEN(state_names) == WEBHOOK_STATE_COUNT, "every state has a name");

const char *webhook_state_name(enum webhook_state state)
{
    assert(state < WEBHOOK_STATE_COUNT);
    return state_names[state];
}

enum err webhook_state_parse(const char *name, enum webhook_state *out_state)
{
    for (unsigned i = 0; i < WEBHOOK_STATE_COUNT; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *out_state = (enum webhook_state)i;
            return E_OK;
        }
    }
    return fail(E_NOT_FOUND, "no state of a webhook delivery has this name");
}

void webhook_delivery_done(struct webhook_delivery *delivery)
{
    xfree(delivery->id);
    xfree(delivery->endpoint_id);
    xfree(delivery->message_id);
    xfree(delivery->type);
    xfree(delivery->body);
    xfree(delivery->last_error);
    *delivery = (struct webhook_delivery){0};
}

void webhook_delivery_list_done(struct webhook_delivery_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        webhook_delivery_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct webhook_delivery_list){0};
}

#define COLUMNS                                                                                    \
    "d.id, d.endpoint_id, d.message_id, d.type, d.body, d.state, d.created_ms, d.next_ms,"         \
    " d.round, d.tries, d.attempts, d.last_ms, d.last_status, d.last_error"
#define FROM " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id"

static enum err read_row(struct query *q, struct webhook_delivery *out)
{
    *out = (struct webhook_delivery){.id = query_text_copy(q, 0),
                                     .endpoint_id = query_text_copy(q, 1),
                                     .message_id = query_text_copy(q, 2),
                                     .type = query_text_copy(q, 3),
                                     .body = query_text_copy(q, 4),
                                     .created_ms = query_i64(q, 6),
                                     .next_ms = query_i64(q, 7),
                                     .round = query_i64(q, 8),
                                     .tries = query_i64(q, 9),
                                     .attempts = query_i64(q, 10),
                                     .last_ms = query_i64(q, 11),
                                     .last_status = (int)query_i64(q, 12),
                                     .last_error = query_text_copy(q, 13)};
    if (webhook_state_parse(query_text(q, 5), &out->state))
        return fail(E_CORRUPT, "a webhook delivery has a state that does not exist");
    return E_OK;
}

static enum err read_list(struct query *q, struct webhook_delivery_list *out_list)
{
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(q, &has_row);
        if (e) return e;
        if (!has_row) break;
        e = read_row(q, LIST_ADD(&list));
        if (e) return e;
    }
    *out_list = list;
    list = (struct webhook_delivery_list){0};
    return E_OK;
}

enum err webhook_delivery_row_get(struct db *db, const char *id, struct webhook_delivery *out)
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "SELECT " COLUMNS FROM " WHERE d.id = ? AND e.status <> 'deleted'");
    query_bind_text(&q, id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no webhook delivery with this id");
    return read_row(&q, out);
}

enum err store_webhook_delivery_get(struct store *store, const char *id,
                                    struct webhook_delivery *out_delivery)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(webhook_delivery_done) struct webhook_delivery delivery = {0};
    enum err e = webhook_delivery_row_get(reader.db, id, &delivery);
    if (e) return e;
    *out_delivery = delivery;
    delivery = (struct webhook_delivery){0};
    return E_OK;
}

enum err store_webhook_deliveries_list(struct store *store, const char *endpoint_id, int state,
                                       const char *before_id, int limit,
                                       struct webhook_delivery_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    enum err e = webhook_endpoint_row_get(reader.db, endpoint_id, &endpoint);
    if (e) return e;
    AUTO(query_done)
    struct query q =
        query_begin(reader.db, "SELECT " COLUMNS " FROM webhook_deliveries d"
                               " INDEXED BY webhook_deliveries_by_endpoint"
                               " WHERE d.endpoint_id = ?1 AND (?2 IS NULL OR d.state = ?2)"
                               " AND (?3 IS NULL OR d.id < ?3) ORDER BY d.id DESC LIMIT ?4");
    query_bind_text(&q, endpoint_id);
    query_bind_text(&q, state < 0 ? NULL : webhook_state_name((enum webhook_state)state));
    query_bind_text(&q, before_id);
    query_bind_i64(&q, limit);
    return read_list(&q, out_list);
}

/* ---- what a person asks for ---- */

struct wish {
    const char *id, *actor;
    struct webhook_delivery delivery;
};

static void wish_done(struct wish *wish)
{
    webhook_delivery_done(&wish->delivery);
}

static enum err check_enabled(struct db *db, const char *endpoint_id)
{
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    enum err e = webhook_endpoint_row_get(db, endpoint_id, &endpoint);
    if (e || endpoint.is_enabled) return e;
    return fail(E_CONFLICT, "the endpoint is disabled (%s)", endpoint.reason);
}

static enum err redeliver_run(struct store *store, struct db *db, struct write_job *job)
{
    struct wish *wish = job->ctx;
    enum err e = webhook_delivery_row_get(db, wish->id, &wish->delivery);
    if (!e) e = check_enabled(db, wish->delivery.endpoint_id);
    if (e) return e;
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE webhook_deliveries SET state = 'pending',"
                                     " next_ms = ?, round = round + 1, tries = 0 WHERE id = ?");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, wish->id);
    e = query_run(&q);
    if (e) return e;
    struct audit_new audit = {
        .actor = wish->actor, .action = "webhook_redelivered", .subject = wish->id};
    e = audit_row_add(db, &audit);
    if (e) return e;
    writer_outbox_added(store->writer);
    webhook_delivery_done(&wish->delivery);
    return webhook_delivery_row_get(db, wish->id, &wish->delivery);
}

static enum err take_wish(struct wish *wish, enum err e, struct webhook_delivery *out_delivery)
{
    if (e) return e;
    *out_delivery = wish->delivery;
    wish->delivery = (struct webhook_delivery){0};
    return E_OK;
}

enum err store_webhook_redeliver(struct store *store, const char *id, const char *actor,
                                 struct store_once *once, struct webhook_delivery *out_delivery)
{
    AUTO(wish_done) struct wish wish = {.id = id, .actor = actor};
    enum err e = store_write_once(store, once, redeliver_run, &wish, &wish.delivery);
    return take_wish(&wish, e, out_delivery);
}

static enum err test_run(struct store *store, struct db *db, struct write_job *job)
{
    struct wish *wish = job->ctx;
    char id[ID_MAX];
    enum err e = check_enabled(db, wish->id);
    if (!e) e = webhook_test_add(store, db, wish->id, clock_unix_ms(), id);
    return e ? e : webhook_delivery_row_get(db, id, &wish->delivery);
}

enum err store_webhook_test(struct store *store, const char *endpoint_id, struct store_once *once,
                            struct webhook_delivery *out_delivery)
{
    AUTO(wish_done) struct wish wish = {.id = endpoint_id};
    enum err e = store_write_once(store, once, test_run, &wish, &wish.delivery);
    return take_wish(&wish, e, out_delivery);
}

/* ---- the sender's questions ---- */

static enum err next_due(struct db *db, const char *endpoint_id, int64_t *out_next_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT min(d.next_ms)" FROM " WHERE d.endpoint_id = ?"
                                     " AND d.state = 'pending' AND e.status = 'enabled'");
    query_bind_text(&q, endpoint_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_next_ms = has_row ? query_i64(&q, 0) : 0;
    return e;
}

enum err store_webhook_due(struct store *store, const char *endpoint_id, int64_t now_ms, int limit,
                           struct webhook_delivery_list *out_list, int64_t *out_next_ms)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    *out_next_ms = 0;
    {
        AUTO(query_done)
        struct query q = query_begin(reader.db, "SELECT " COLUMNS FROM " WHERE d.endpoint_id = ?"
                                                " AND d.state = 'pending' AND d.next_ms <= ?"
                                                " AND e.status = 'enabled'"
                                                " ORDER BY d.next_ms, d.id LIMIT ?");
        query_bind_text(&q, endpoint_id);
        query_bind_i64(&q, now_ms);
        query_bind_i64(&q, limit);
        enum err e = read_list(&q, out_list);
        if (e || out_list->n > 0) return e;
    }
    return next_due(reader.db, endpoint_id, out_next_ms);
}

void store_observe_webhooks(struct store *store, void (*added)(void *ctx), void *ctx)
{
    writer_observe_outbox(store->writer, added, ctx);
}

/* ---- forgetting ---- */

struct prune {
    char below[ID_MAX];
    int max;
    int64_t n;
};

#define PRUNED " FROM webhook_deliveries WHERE id < ?1 AND state <> 'pending' ORDER BY id LIMIT ?2"

static enum err prune_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct prune *prune = job->ctx;
    AUTO(query_done)
    struct query q =
        query_begin(db, "DELETE FROM webhook_deliveries WHERE id IN (SELECT id" PRUNED ")");
    query_bind_text(&q, prune->below);
    query_bind_i64(&q, prune->max);
    enum err e = query_run(&q);
    if (!e) prune->n = query_changes(&q);
    return e;
}

static enum err prune_look(struct store *store, const struct prune *prune, bool *out_has_some)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done) struct query q = query_begin(reader.db, "SELECT 1" PRUNED);
    query_bind_text(&q, prune->below);
    query_bind_i64(&q, 1);
    return query_next(&q, out_has_some);
}

enum err store_webhook_prune(struct store *store, int64_t before_ms, int max, int64_t *out_n)
{
    struct prune prune = {.max = max};
    bool has_some = false;
    id_at("wd", before_ms, prune.below);
    enum err e = prune_look(store, &prune, &has_some);
    if (!e && has_some) e = store_write(store, prune_run, &prune);
    if (!e) *out_n = prune.n;
    return e;
}
