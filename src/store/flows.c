#include "store/flows.h"

#include "base/clock.h"
#include "store/internal.h"

#include <string.h>

#define OPEN_FLOWS_MAX 20 /* of a session: each has a cookie of its own */

void flow_row_done(struct flow_row *row)
{
    xfree(row->id);
    xfree(row->session_id);
    xfree(row->user_id);
    xfree(row->connector);
    xfree(row->return_to);
    xfree_secret(row->link);
    *row = (struct flow_row){0};
}

static void seal_context(const char *id, struct str *out)
{
    str_append_format(out, "oauth_flows/%s", id);
}

/* ---- make ---- */

static enum err check_room(struct db *db, const char *session_id, int64_t now_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT (SELECT count(*) FROM sessions WHERE id = ?1),"
                                     " (SELECT count(*) FROM oauth_flows WHERE session_id = ?1"
                                     "  AND consumed_ms = 0 AND expires_ms > ?2)");
    query_bind_text(&q, session_id);
    query_bind_i64(&q, now_ms);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (query_i64(&q, 0) == 0) return fail(E_NOT_FOUND, "the session has ended");
    if (query_i64(&q, 1) >= OPEN_FLOWS_MAX)
        return fail(E_LIMIT, "%d connections are being made already", OPEN_FLOWS_MAX);
    return E_OK;
}

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct flow_row *row = job->ctx;
    int64_t now_ms = clock_unix_ms();
    enum err e = check_room(db, row->session_id, now_ms);
    if (e) return e;
    AUTO(str_done) struct str context = {0};
    AUTO(str_done) struct str sealed = {0};
    seal_context(row->id, &context);
    seal(&store->keys, str_text(&context), row->link, strlen(row->link), &sealed);
    AUTO(query_done)
    struct query q = query_begin(
        db, "INSERT INTO oauth_flows (id, state_hash, cookie_hash, session_id, user_id, connector,"
            " needs_confirm, return_to, sealed, created_ms, expires_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, row->id);
    query_bind_blob(&q, row->state_hash, SHA256_LEN);
    query_bind_blob(&q, row->cookie_hash, SHA256_LEN);
    query_bind_text(&q, row->session_id);
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->connector);
    query_bind_i64(&q, row->needs_confirm);
    query_bind_text(&q, row->return_to);
    query_bind_blob(&q, str_text(&sealed), sealed.len);
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, row->expires_ms);
    return query_run(&q);
}

enum err store_flow_create(struct store *store, const struct flow_row *row)
{
    struct flow_row copy = *row; /* texts borrowed */
    return store_write(store, create_run, &copy);
}

/* ---- find ---- */

static enum err read_hash(struct query *q, int column, unsigned char out[SHA256_LEN])
{
    size_t len = 0;
    const void *bytes = query_blob(q, column, &len);
    if (len != SHA256_LEN) return fail(E_CORRUPT, "a stored hash has %zu bytes", len);
    memcpy(out, bytes, SHA256_LEN);
    return E_OK;
}

static enum err open_link(const struct store *store, struct query *q, struct flow_row *row)
{
    size_t len = 0;
    const void *sealed = query_blob(q, 8, &len);
    if (!sealed) return E_OK;
    AUTO(str_done) struct str context = {0};
    AUTO(str_done_secret) struct str link = {0};
    seal_context(row->id, &context);
    enum err e = seal_open(&store->keys, str_text(&context), sealed, len, &link);
    if (e) return fail_context(e, "the link of a flow");
    row->link = xstrndup(str_text(&link), link.len);
    return E_OK;
}

enum err store_flow_find(struct store *store, const char *id, struct flow_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(
        reader.db, "SELECT id, state_hash, cookie_hash, session_id, user_id, connector,"
                   " needs_confirm, return_to, sealed, created_ms, expires_ms, consumed_ms"
                   " FROM oauth_flows WHERE id = ?");
    query_bind_text(&q, id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no such flow");
    AUTO(flow_row_done)
    struct flow_row row = {.id = query_text_copy(&q, 0),
                           .session_id = query_text_copy(&q, 3),
                           .user_id = query_text_copy(&q, 4),
                           .connector = query_text_copy(&q, 5),
                           .needs_confirm = query_i64(&q, 6) != 0,
                           .return_to = query_text_copy(&q, 7),
                           .created_ms = query_i64(&q, 9),
                           .expires_ms = query_i64(&q, 10),
                           .consumed_ms = query_i64(&q, 11)};
    e = read_hash(&q, 1, row.state_hash);
    if (!e) e = read_hash(&q, 2, row.cookie_hash);
    if (!e) e = open_link(store, &q, &row);
    if (e) return e;
    *out_row = row;
    row = (struct flow_row){0};
    return E_OK;
}

/* ---- use up ---- */

static enum err consume_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    int64_t now_ms = clock_unix_ms();
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE oauth_flows SET consumed_ms = ?2, sealed = NULL"
                                     " WHERE id = ?1 AND consumed_ms = 0 AND expires_ms > ?2");
    query_bind_text(&q, job->ctx);
    query_bind_i64(&q, now_ms);
    enum err e = query_run(&q);
    if (e) return e;
    return query_changes(&q) == 1 ? E_OK : fail(E_CONFLICT, "the flow was used, or has expired");
}

enum err store_flow_consume(struct store *store, const char *id)
{
    AUTO(xfree_ptr) char *copy = xstrdup(id);
    return store_write(store, consume_run, copy);
}
