#include "store/sessions.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/session_rows.h"
#include "store/users.h"

#include <string.h>

#define SESSIONS_OF_A_USER_MAX 50
#define SEEN_STEP_MS           60000 /* how exactly it is noted when a session was seen */
#define KEPT_AFTER_END_MS      (INT64_C(60) * 60 * 1000)

void session_row_done(struct session_row *row)
{
    xfree(row->id);
    xfree(row->user_id);
    xfree(row->display_name);
    xfree(row->connectors);
    xfree(row->unconfirmed);
    xfree(row->return_to);
    *row = (struct session_row){0};
}

/* ---- inside a transaction ---- */

static enum err drop_surplus(struct db *db, const char *user_id)
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
                        " WHERE user_id = ?1 ORDER BY seen_ms DESC, id DESC LIMIT -1 OFFSET ?2)");
    query_bind_text(&q, user_id);
    query_bind_i64(&q, SESSIONS_OF_A_USER_MAX);
    return query_run(&q);
}

static enum err delete_row(struct db *db, const char *id)
{
    AUTO(query_done) struct query q = query_begin(db, "DELETE FROM sessions WHERE id = ?");
    query_bind_text(&q, id);
    return query_run(&q);
}

enum err session_row_add(struct db *db, const struct session_row *row,
                         const unsigned char hash[SHA256_LEN], char out_id[ID_MAX])
{
    int64_t now_ms = clock_unix_ms();
    id_new("ses", out_id);
    enum err e = user_row_add(db, row->user_id, now_ms);
    if (e) return e;
    AUTO(query_done)
    struct query q = query_begin(
        db, "INSERT INTO sessions (id, hash, kind, user_id, display_name, connectors, unconfirmed,"
            " return_to, created_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, out_id);
    query_bind_blob(&q, hash, SHA256_LEN);
    query_bind_text(&q, row->kind == SESSION_TICKET ? "ticket" : "signed_in");
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->display_name);
    query_bind_text(&q, row->connectors);
    query_bind_text(&q, row->unconfirmed ? row->unconfirmed : "[]");
    query_bind_text(&q, row->return_to);
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, now_ms);
    e = query_run(&q);
    return e ? e : drop_surplus(db, row->user_id);
}

static void read_row(struct query *q, struct session_row *row)
{
    row->id = query_text_copy(q, 0);
    row->kind = strcmp(query_text(q, 1), "ticket") == 0 ? SESSION_TICKET : SESSION_SIGNED_IN;
    row->user_id = query_text_copy(q, 2);
    row->display_name = query_text_copy(q, 3);
    row->connectors = query_text_copy(q, 4);
    row->unconfirmed = query_text_copy(q, 5);
    row->return_to = query_text_copy(q, 6);
    row->created_ms = query_i64(q, 7);
    row->seen_ms = query_i64(q, 8);
}

#define COLUMNS                                                                                    \
    "id, kind, user_id, display_name, connectors, unconfirmed, return_to, created_ms, seen_ms"
#define IS_LIVE " AND seen_ms > ?2 AND created_ms > ?3"

enum err session_row_get(struct db *db, const char *id, struct session_row *out_row)
{
    int64_t now_ms = clock_unix_ms();
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT " COLUMNS " FROM sessions WHERE id = ?1" IS_LIVE);
    query_bind_text(&q, id);
    query_bind_i64(&q, now_ms - SESSION_IDLE_MS);
    query_bind_i64(&q, now_ms - SESSION_LIFE_MS);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "the session has ended");
    read_row(&q, out_row);
    return E_OK;
}

enum err session_row_renew(struct db *db, const struct session_row *row, const unsigned char *hash)
{
    AUTO(query_done)
    struct query q = query_begin(
        db, "UPDATE sessions SET hash = coalesce(?2, hash), display_name = ?3, connectors = ?4,"
            " unconfirmed = ?5, return_to = ?6, seen_ms = ?7 WHERE id = ?1");
    query_bind_text(&q, row->id);
    query_bind_blob(&q, hash, hash ? SHA256_LEN : 0);
    query_bind_text(&q, row->display_name);
    query_bind_text(&q, row->connectors);
    query_bind_text(&q, row->unconfirmed);
    query_bind_text(&q, row->return_to);
    query_bind_i64(&q, clock_unix_ms());
    return query_run(&q);
}

/* ---- questions ---- */

struct create {
    const struct session_row *row;
    const unsigned char *hash;
    const char *replaces;
    char *out_id;
};

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct create *create = job->ctx;
    enum err e = create->replaces ? delete_row(db, create->replaces) : E_OK;
    return e ? e : session_row_add(db, create->row, create->hash, create->out_id);
}

enum err store_session_create(struct store *store, const struct session_row *row,
                              const unsigned char hash[SHA256_LEN], const char *replaces,
                              char out_id[ID_MAX])
{
    struct create create = {.row = row, .hash = hash, .replaces = replaces, .out_id = out_id};
    return store_write(store, create_run, &create);
}

static enum err seen_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE sessions SET seen_ms = ? WHERE id = ?");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, job->ctx);
    return query_run(&q);
}

static enum err find(struct store *store, const unsigned char hash[SHA256_LEN], int64_t now_ms,
                     struct session_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q =
        query_begin(reader.db, "SELECT " COLUMNS " FROM sessions WHERE hash = ?1" IS_LIVE);
    query_bind_blob(&q, hash, SHA256_LEN);
    query_bind_i64(&q, now_ms - SESSION_IDLE_MS);
    query_bind_i64(&q, now_ms - SESSION_LIFE_MS);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "no session has this cookie");
    read_row(&q, out_row);
    return E_OK;
}

enum err store_session_find(struct store *store, const unsigned char hash[SHA256_LEN],
                            struct session_row *out_row)
{
    int64_t now_ms = clock_unix_ms();
    enum err e = find(store, hash, now_ms, out_row);
    if (e || now_ms - out_row->seen_ms < SEEN_STEP_MS) return e;
    return store_write(store, seen_run, out_row->id);
}

static enum err delete_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    return delete_row(db, job->ctx);
}

enum err store_session_delete(struct store *store, const char *id)
{
    AUTO(xfree_ptr) char *copy = xstrdup(id);
    return store_write(store, delete_run, copy);
}

/* ---- forgetting ---- */

/* A literal each: statements are kept by the address of their text. */
static enum err delete_before(struct db *db, const char *sql, int64_t before_ms)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    query_bind_i64(&q, before_ms);
    return query_run(&q);
}

static enum err prune_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    int64_t now_ms = *(int64_t *)job->ctx;
    enum err e = delete_before(db,
                               "DELETE FROM sessions WHERE id IN"
                               " (SELECT id FROM sessions WHERE seen_ms < ? LIMIT 1000)",
                               now_ms - SESSION_IDLE_MS);
    if (!e)
        e = delete_before(db,
                          "DELETE FROM connect_tickets WHERE hash IN"
                          " (SELECT hash FROM connect_tickets WHERE expires_ms < ? LIMIT 1000)",
                          now_ms - KEPT_AFTER_END_MS);
    if (!e)
        e = delete_before(db,
                          "DELETE FROM oauth_flows WHERE id IN"
                          " (SELECT id FROM oauth_flows WHERE expires_ms < ? LIMIT 1000)",
                          now_ms - KEPT_AFTER_END_MS);
    if (!e)
        e = delete_before(db,
                          "DELETE FROM hook_receipts WHERE id IN"
                          " (SELECT id FROM hook_receipts WHERE received_ms < ? LIMIT 1000)",
                          now_ms - KEPT_AFTER_END_MS);
    return e;
}

enum err store_browser_prune(struct store *store, int64_t now_ms)
{
    return store_write(store, prune_run, &now_ms);
}
