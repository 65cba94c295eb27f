#include "store/idempotency.h"

#include "base/clock.h"
#include "store/idempotency_rows.h"
#include "store/internal.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

/* Callers choose the key, of whatever length: hashed, the context is always complete. */
#define CONTEXT_MAX (SHA256_HEX_LEN + 32)

static void answer_context(const struct run_idempotency *what, struct str *out)
{
    char hash[SHA256_HEX_LEN + 1];
    struct sha256_state state = {0};
    sha256_init(&state);
    sha256_add_text(&state, what->principal);
    sha256_add_text(&state, what->route);
    sha256_add_text(&state, what->key);
    sha256_final_hex(&state, hash);
    str_append_format(out, "idempotency_keys/%s", hash);
}

enum err idempotency_row_get(struct db *db, const struct seal_keys *keys,
                             const struct run_idempotency *what, int64_t now_ms,
                             struct run_answer *out_answer, char out_run_id[ID_MAX])
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT fingerprint, http_status, sealed, run_id"
                                     " FROM idempotency_keys"
                                     " WHERE principal = ? AND route = ? AND key = ?"
                                     " AND created_ms > ?");
    query_bind_text(&q, what->principal);
    query_bind_text(&q, what->route);
    query_bind_text(&q, what->key);
    query_bind_i64(&q, now_ms - IDEMPOTENCY_KEPT_MS);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "this idempotency key was not used yet");
    if (!text_equal(query_text(&q, 0), what->fingerprint))
        return fail(E_CONFLICT, "this idempotency key was used with another body");
    int64_t http_status = query_i64(&q, 1);
    if (http_status < 100 || http_status > 599)
        return fail(E_CORRUPT, "the answer stored under an idempotency key has no valid status");

    size_t len = 0;
    const void *sealed = query_blob(&q, 2, &len);
    AUTO(str_done) struct str context = {0};
    answer_context(what, &context);
    AUTO(str_done_secret) struct str body = {0};
    e = seal_open(keys, str_text(&context), sealed, len, &body);
    if (e) return fail_context(e, "the answer stored under an idempotency key");
    str_move(&out_answer->body, &body);
    out_answer->http_status = (int)http_status;
    snprintf(out_run_id, ID_MAX, "%s", query_text(&q, 3) ? query_text(&q, 3) : "");
    return E_OK;
}

enum err idempotency_row_put(struct db *db, const struct seal_keys *keys,
                             const struct run_idempotency *what, const char *run_id, int64_t now_ms,
                             const struct run_answer *answer)
{
    AUTO(str_done) struct str context = {0};
    answer_context(what, &context);
    AUTO(str_done) struct str sealed = {0};
    seal(keys, str_text(&context), str_text(&answer->body), answer->body.len, &sealed);

    AUTO(query_done)
    struct query q =
        query_begin(db, "INSERT OR REPLACE INTO idempotency_keys (principal, route, key,"
                        " fingerprint, run_id, created_ms, http_status, sealed)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, what->principal);
    query_bind_text(&q, what->route);
    query_bind_text(&q, what->key);
    query_bind_text(&q, what->fingerprint);
    query_bind_text(&q, run_id);
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, answer->http_status);
    query_bind_blob(&q, str_text(&sealed), sealed.len);
    return query_run(&q);
}

enum err store_idempotency_find(struct store *store, const struct run_idempotency *what,
                                struct run_answer *out_answer)
{
    assert(what->key);
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    char run_id[ID_MAX];
    return idempotency_row_get(reader.db, &store->keys, what, clock_unix_ms(), out_answer, run_id);
}

struct put {
    const struct run_idempotency *what;
    struct run_answer *answer;
    bool is_replay;
};

static enum err put_run(struct store *store, struct db *db, struct write_job *job)
{
    struct put *put = job->ctx;
    int64_t now_ms = clock_unix_ms();
    struct run_answer first = {0};
    char run_id[ID_MAX];
    enum err e = idempotency_row_get(db, &store->keys, put->what, now_ms, &first, run_id);
    if (e == E_NOT_FOUND)
        return idempotency_row_put(db, &store->keys, put->what, NULL, now_ms, put->answer);
    if (e) return e;
    str_move(&put->answer->body, &first.body);
    put->answer->http_status = first.http_status;
    put->is_replay = true;
    return E_OK;
}

enum err store_idempotency_put(struct store *store, const struct run_idempotency *what,
                               struct run_answer *answer, bool *out_is_replay)
{
    assert(what->key);
    struct put put = {.what = what, .answer = answer};
    enum err e = store_write(store, put_run, &put);
    *out_is_replay = put.is_replay;
    return e;
}

/* ---- with the work itself ---- */

struct doing {
    struct store_once *once;
    enum err (*run)(struct store *store, struct db *db, struct write_job *job);
    void *ctx;
    const void *row;
};

static enum err once_find(struct store *store, struct db *db, struct store_once *once)
{
    char run_id[ID_MAX];
    if (!once->what.key) return E_OK;
    enum err e =
        idempotency_row_get(db, &store->keys, &once->what, clock_unix_ms(), &once->answer, run_id);
    once->is_replayed = e == E_OK;
    once->is_reused = e == E_CONFLICT;
    return e == E_NOT_FOUND ? E_OK : e;
}

static enum err once_run(struct store *store, struct db *db, struct write_job *job)
{
    struct doing *doing = job->ctx;
    struct store_once *once = doing->once;
    enum err e = once_find(store, db, once);
    if (e || once->is_replayed) return e;
    job->ctx = doing->ctx;
    e = doing->run(store, db, job);
    if (e) return e;
    once->render(once->ctx, doing->row, &once->answer);
    if (!once->what.key) return E_OK;
    return idempotency_row_put(db, &store->keys, &once->what, NULL, clock_unix_ms(), &once->answer);
}

enum err store_write_once(struct store *store, struct store_once *once,
                          enum err (*run)(struct store *store, struct db *db,
                                          struct write_job *job),
                          void *ctx, const void *row)
{
    if (!once) return store_write(store, run, ctx);
    struct doing doing = {.once = once, .run = run, .ctx = ctx, .row = row};
    enum err e = store_write(store, once_run, &doing);
    /* A commit that failed leaves an answer about nothing. */
    if (e) str_done_secret(&once->answer.body);
    return e;
}

struct prune {
    int64_t before_ms;
    int64_t n;
    int max;
};

static enum err prune_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct prune *prune = job->ctx;
    /* The oldest have the lowest numbers: no index on the time is needed. */
    AUTO(query_done)
    struct query q = query_begin(db, "DELETE FROM idempotency_keys WHERE created_ms < ?1 AND seq IN"
                                     " (SELECT seq FROM idempotency_keys ORDER BY seq LIMIT ?2)");
    query_bind_i64(&q, prune->before_ms);
    query_bind_i64(&q, prune->max);
    enum err e = query_run(&q);
    if (!e) prune->n = query_changes(&q);
    return e;
}

static enum err prune_is_due(struct store *store, int64_t before_ms, bool *out_is)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT 1 FROM (SELECT created_ms FROM idempotency_keys"
                                            " ORDER BY seq LIMIT 1) WHERE created_ms < ?");
    query_bind_i64(&q, before_ms);
    return query_next(&q, out_is);
}

enum err store_idempotency_prune(struct store *store, int64_t before_ms, int max, int64_t *out_n)
{
    struct prune prune = {.before_ms = before_ms, .max = max};
    bool is_due = false;
    enum err e = prune_is_due(store, before_ms, &is_due);
    if (!e && is_due) e = store_write(store, prune_run, &prune);
    if (!e) *out_n = prune.n;
    return e;
}
