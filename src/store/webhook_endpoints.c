#include "base/clock.h"
#include "store/audit_rows.h"
#include "store/idempotency_rows.h"
#include "store/internal.h"
#include "store/webhook_rows.h"

#include <stdio.h>

#define KEY_BYTES 32 /* Standard Webhooks: 24 to 64 */

void webhook_endpoint_done(struct webhook_endpoint *endpoint)
{
    xfree(endpoint->id);
    xfree(endpoint->url);
    xfree(endpoint->description);
    xfree(endpoint->events);
    xfree(endpoint->reason);
    *endpoint = (struct webhook_endpoint){0};
}

void webhook_endpoint_list_done(struct webhook_endpoint_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        webhook_endpoint_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct webhook_endpoint_list){0};
}

#define COLUMNS                                                                                    \
    "id, url, description, events, status = 'enabled', reason, created_ms, changed_ms,"            \
    " succeeded_ms, failed_ms, failing_ms, failures"

static void read_row(struct query *q, struct webhook_endpoint *out)
{
    *out = (struct webhook_endpoint){.id = query_text_copy(q, 0),
                                     .url = query_text_copy(q, 1),
                                     .description = query_text_copy(q, 2),
                                     .events = query_text_copy(q, 3),
                                     .is_enabled = query_i64(q, 4) != 0,
                                     .reason = query_text_copy(q, 5),
                                     .created_ms = query_i64(q, 6),
                                     .changed_ms = query_i64(q, 7),
                                     .succeeded_ms = query_i64(q, 8),
                                     .failed_ms = query_i64(q, 9),
                                     .failing_ms = query_i64(q, 10),
                                     .failures = query_i64(q, 11)};
}

enum err webhook_endpoint_row_get(struct db *db, const char *id, struct webhook_endpoint *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT " COLUMNS " FROM webhook_endpoints"
                                     " WHERE id = ? AND status <> 'deleted'");
    query_bind_text(&q, id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no webhook endpoint with this id");
    read_row(&q, out);
    return E_OK;
}

enum err store_webhook_endpoint_get(struct store *store, const char *id,
                                    struct webhook_endpoint *out_endpoint)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return webhook_endpoint_row_get(reader.db, id, out_endpoint);
}

enum err store_webhook_endpoints_list(struct store *store, const char *before_id, int limit,
                                      struct webhook_endpoint_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT " COLUMNS " FROM webhook_endpoints"
                                            " WHERE status <> 'deleted' AND (?1 IS NULL OR id < ?1)"
                                            " ORDER BY id DESC LIMIT ?2");
    query_bind_text(&q, before_id);
    query_bind_i64(&q, limit);
    AUTO(webhook_endpoint_list_done) struct webhook_endpoint_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        read_row(&q, LIST_ADD(&list));
    }
    *out_list = list;
    list = (struct webhook_endpoint_list){0};
    return E_OK;
}

/* ---- the signing key ---- */

static void key_context(const char *id, struct str *out)
{
    str_append_format(out, "webhook_endpoints/%s", id);
}

enum err store_webhook_key(struct store *store, const char *id, struct str *out_key)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT sealed FROM webhook_endpoints WHERE id = ?"
                                            " AND status <> 'deleted'");
    query_bind_text(&q, id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no webhook endpoint with this id");
    size_t len = 0;
    const void *sealed = query_blob(&q, 0, &len);
    AUTO(str_done) struct str context = {0};
    key_context(id, &context);
    e = seal_open(&store->keys, str_text(&context), sealed, len, out_key);
    return e ? fail_context(e, "the signing key of webhook endpoint %s", id) : E_OK;
}

struct resealing {
    char ids[WEBHOOK_ENDPOINTS_MAX][ID_MAX];
    struct str keys[WEBHOOK_ENDPOINTS_MAX];
    size_t n;
};

static void resealing_done(struct resealing *r)
{
    for (size_t i = 0; i < r->n; i++)
        str_done_secret(&r->keys[i]);
}

static enum err read_keys(struct store *store, struct db *db, struct resealing *r)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT id, sealed FROM webhook_endpoints"
                                     " WHERE status <> 'deleted' LIMIT ?");
    query_bind_i64(&q, WEBHOOK_ENDPOINTS_MAX);
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e || !has_row) return e;
        size_t len = 0;
        const void *sealed = query_blob(&q, 1, &len);
        snprintf(r->ids[r->n], ID_MAX, "%s", query_text(&q, 0));
        AUTO(str_done) struct str context = {0};
        key_context(r->ids[r->n], &context);
        /* One that cannot be opened stays as it is: its own receiver will say so. */
        if (seal_open(&store->keys, str_text(&context), sealed, len, &r->keys[r->n])) continue;
        r->n++;
    }
}

static enum err write_key(struct store *store, struct db *db, const char *id, const struct str *key)
{
    AUTO(str_done) struct str context = {0};
    AUTO(str_done) struct str sealed = {0};
    key_context(id, &context);
    seal(&store->keys, str_text(&context), key->data, key->len, &sealed);
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE webhook_endpoints SET sealed = ? WHERE id = ?");
    query_bind_blob(&q, sealed.data, sealed.len);
    query_bind_text(&q, id);
    return query_run(&q);
}

static enum err reseal_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)job;
    AUTO(resealing_done) struct resealing r = {0};
    enum err e = read_keys(store, db, &r);
    for (size_t i = 0; !e && i < r.n; i++)
        e = write_key(store, db, r.ids[i], &r.keys[i]);
    return e;
}

enum err store_webhook_reseal(struct store *store)
{
    if (!store->keys.previous.id[0]) return E_OK;
    return store_write(store, reseal_run, NULL);
}

/* ---- create ---- */

struct creation {
    const struct webhook_create *create;
    struct run_answer *answer;
    bool is_replayed;
    char id[ID_MAX];
    unsigned char key[KEY_BYTES];
    struct webhook_endpoint row;
};

static void creation_done(struct creation *c)
{
    mem_wipe(c->key, sizeof c->key);
    webhook_endpoint_done(&c->row);
}

static enum err look_up_key(struct store *store, struct db *db, struct creation *c, int64_t now_ms)
{
    char run_id[ID_MAX];
    if (!c->create->idempotency.key) return E_OK;
    enum err e =
        idempotency_row_get(db, &store->keys, &c->create->idempotency, now_ms, c->answer, run_id);
    c->is_replayed = e == E_OK;
    return e == E_NOT_FOUND ? E_OK : e;
}

static enum err check_room(struct db *db)
{
    int64_t n = 0;
    enum err e =
        db_ask_i64(db, "SELECT count(*) FROM webhook_endpoints WHERE status <> 'deleted'", &n);
    if (e || n < WEBHOOK_ENDPOINTS_MAX) return e;
    return fail(E_LIMIT, "there are %d webhook endpoints already", WEBHOOK_ENDPOINTS_MAX);
}

static enum err insert(struct store *store, struct db *db, const struct creation *c, int64_t now_ms)
{
    AUTO(str_done) struct str context = {0};
    AUTO(str_done) struct str sealed = {0};
    key_context(c->id, &context);
    seal(&store->keys, str_text(&context), c->key, sizeof c->key, &sealed);
    AUTO(query_done)
    struct query q = query_begin(
        db, "INSERT INTO webhook_endpoints (id, url, description, events, sealed, status,"
            " created_ms, changed_ms, succeeded_ms, failed_ms, failing_ms, failures)"
            " VALUES (?1, ?2, ?3, ?4, ?5, 'enabled', ?6, ?6, 0, 0, 0, 0)");
    query_bind_text(&q, c->id);
    query_bind_text(&q, c->create->url);
    query_bind_text(&q, c->create->description);
    query_bind_text(&q, c->create->events);
    query_bind_blob(&q, sealed.data, sealed.len);
    query_bind_i64(&q, now_ms);
    return query_run(&q);
}

static enum err answer(struct store *store, struct db *db, struct creation *c, int64_t now_ms)
{
    AUTO(str_done_secret) struct str secret = {0};
    str_reserve(&secret, 2 * KEY_BYTES);
    str_append_text(&secret, WEBHOOK_SECRET_PREFIX);
    base64_encode(&secret, c->key, sizeof c->key);
    enum err e = webhook_endpoint_row_get(db, c->id, &c->row);
    if (e) return e;
    c->create->render(c->create->ctx, &c->row, str_text(&secret), c->answer);
    if (!c->create->idempotency.key) return E_OK;
    return idempotency_row_put(db, &store->keys, &c->create->idempotency, NULL, now_ms, c->answer);
}

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    struct creation *c = job->ctx;
    int64_t now_ms = clock_unix_ms();
    enum err e = look_up_key(store, db, c, now_ms);
    if (e || c->is_replayed) return e;
    e = check_room(db);
    if (!e) e = insert(store, db, c, now_ms);
    struct audit_new audit = {
        .actor = c->create->actor, .action = "webhook_endpoint_created", .subject = c->id};
    if (!e) e = audit_row_add(db, &audit);
    return e ? e : answer(store, db, c, now_ms);
}

enum err store_webhook_endpoint_create(struct store *store, const struct webhook_create *create,
                                       struct run_answer *out_answer, bool *out_is_replayed)
{
    AUTO(creation_done) struct creation c = {.create = create, .answer = out_answer};
    id_new("we", c.id);
    random_bytes(c.key, sizeof c.key);
    enum err e = store_write(store, create_run, &c);
    if (e) {
        /* A commit that failed leaves an answer about nothing. */
        str_done_secret(&out_answer->body);
        return e;
    }
    *out_is_replayed = c.is_replayed;
    return E_OK;
}

/* ---- delete, enable ---- */

struct change {
    const char *id, *actor;
    struct webhook_endpoint row;
};

static void change_done(struct change *change)
{
    webhook_endpoint_done(&change->row);
}

static enum err delete_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct change *change = job->ctx;
    enum err e = webhook_endpoint_row_get(db, change->id, &change->row);
    if (e) return e;
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE webhook_endpoints SET status = 'deleted',"
                                     " sealed = NULL, url = '', description = NULL, changed_ms = ?"
                                     " WHERE id = ?");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, change->id);
    e = query_run(&q);
    if (e) return e;
    struct audit_new audit = {
        .actor = change->actor, .action = "webhook_endpoint_deleted", .subject = change->id};
    return audit_row_add(db, &audit);
}

enum err store_webhook_endpoint_delete(struct store *store, const char *id, const char *actor)
{
    AUTO(change_done) struct change change = {.id = id, .actor = actor};
    return store_write(store, delete_run, &change);
}

static enum err enable_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct change *change = job->ctx;
    enum err e = webhook_endpoint_row_get(db, change->id, &change->row);
    if (e || change->row.is_enabled) return e;
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE webhook_endpoints SET status = 'enabled',"
                                     " reason = NULL, failing_ms = 0, failures = 0, changed_ms = ?"
                                     " WHERE id = ?");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, change->id);
    e = query_run(&q);
    if (e) return e;
    struct audit_new audit = {
        .actor = change->actor, .action = "webhook_endpoint_enabled", .subject = change->id};
    e = audit_row_add(db, &audit);
    if (e) return e;
    webhook_endpoint_done(&change->row);
    return webhook_endpoint_row_get(db, change->id, &change->row);
}

enum err store_webhook_endpoint_enable(struct store *store, const char *id, const char *actor,
                                       struct webhook_endpoint *out_endpoint)
{
    AUTO(change_done) struct change change = {.id = id, .actor = actor};
    enum err e = store_write(store, enable_run, &change);
    if (e) return e;
    *out_endpoint = change.row;
    change.row = (struct webhook_endpoint){0};
    return E_OK;
}
