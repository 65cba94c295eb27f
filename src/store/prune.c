#include "store/prune.h"

#include "store/internal.h"
#include "store/run_queries.h"

/* Free pages that stay in the file, for what is written next: these, or a part of the file. */
#define FREE_PAGES_KEPT 1024
#define FREE_PART_KEPT  8

/* ---- runs ---- */

/* The random part of an id is behind its time: ids of earlier milliseconds are below this one. */
static enum err runs_find(struct store *store, const struct runs_prune *what, struct run_ids *out)
{
    char newest[ID_MAX];
    id_at("br", what->before_ms, newest);
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(
        reader.db, "SELECT id FROM runs"
                   " WHERE status IN ('succeeded', 'failed', 'cancelled', 'expired') AND id < ?1"
                   " AND finished_ms < CASE needs_attention WHEN 1 THEN ?3 ELSE ?2 END LIMIT ?4");
    query_bind_text(&q, newest);
    query_bind_i64(&q, what->before_ms);
    query_bind_i64(&q, what->attention_before_ms);
    query_bind_i64(&q, what->max);
    return run_ids_read(&q, out);
}

struct runs_delete {
    const struct runs_prune *what;
    const struct run_ids *ids;
};

/* Steps, events and answers go with the row. */
static enum err runs_delete_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct runs_delete *delete = job->ctx;
    for (size_t i = 0; i < delete->ids->n; i++) {
        AUTO(query_done)
        struct query q =
            query_begin(db, "DELETE FROM runs WHERE id = ?1 AND finished_ms > 0"
                            " AND finished_ms < CASE needs_attention WHEN 1 THEN ?3 ELSE ?2 END");
        query_bind_text(&q, delete->ids->ids[i]);
        query_bind_i64(&q, delete->what->before_ms);
        query_bind_i64(&q, delete->what->attention_before_ms);
        enum err e = query_run(&q);
        if (e) return e;
    }
    return E_OK;
}

enum err store_runs_prune(struct store *store, const struct runs_prune *what,
                          struct run_ids *out_ids)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = runs_find(store, what, &ids);
    if (!e && ids.n > 0)
        e = store_write(store, runs_delete_run, &(struct runs_delete){.what = what, .ids = &ids});
    if (e) return e;
    *out_ids = ids;
    ids = (struct run_ids){0};
    return E_OK;
}

/* ---- users ---- */

/* Nothing is left of the user ?1 that is younger than ?2 or more than a look that found no account.
 */
#define USER_IS_FORGOTTEN                                                                          \
    " created_ms < ?2 AND NOT EXISTS (SELECT 1 FROM runs WHERE user_id = ?1)"                      \
    " AND NOT EXISTS (SELECT 1 FROM connections WHERE user_id = ?1"                                \
    "  AND (account_id IS NOT NULL OR changed_ms >= ?2))"                                          \
    " AND NOT EXISTS (SELECT 1 FROM user_params WHERE user_id = ?1)"                               \
    " AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = ?1)"                                  \
    " AND NOT EXISTS (SELECT 1 FROM connect_tickets WHERE user_id = ?1)"

/* The next ids, in whatever state. */
static enum err users_read(struct reader *reader, const char *after, int max, struct run_ids *out)
{
    AUTO(query_done)
    struct query q =
        query_begin(reader->db, "SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?");
    query_bind_text(&q, after ? after : "");
    query_bind_i64(&q, max);
    return run_ids_read(&q, out);
}

static enum err user_is_forgotten(struct reader *reader, const char *user_id, int64_t before_ms,
                                  bool *out_is)
{
    AUTO(query_done)
    struct query q =
        query_begin(reader->db, "SELECT 1 FROM users WHERE id = ?1 AND" USER_IS_FORGOTTEN);
    query_bind_text(&q, user_id);
    query_bind_i64(&q, before_ms);
    return query_next(&q, out_is);
}

struct user_delete {
    const char *user_id;
    int64_t before_ms;
};

static enum err user_delete_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct user_delete *delete = job->ctx;
    AUTO(query_done)
    struct query q = query_begin(db, "DELETE FROM users WHERE id = ?1 AND" USER_IS_FORGOTTEN);
    query_bind_text(&q, delete->user_id);
    query_bind_i64(&q, delete->before_ms);
    return query_run(&q);
}

/* Sets *out_first to the first of them that is to go; NULL: none is. */
static enum err users_look(struct store *store, int64_t before_ms, struct run_ids *ids,
                           size_t *out_n_forgotten)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    size_t n = 0;
    for (size_t i = 0; i < ids->n; i++) {
        bool is_forgotten = false;
        enum err e = user_is_forgotten(&reader, ids->ids[i], before_ms, &is_forgotten);
        if (e) return e;
        if (!is_forgotten) continue;
        char *id = ids->ids[n];
        ids->ids[n++] = ids->ids[i];
        ids->ids[i] = id;
    }
    *out_n_forgotten = n;
    return E_OK;
}

enum err store_users_prune(struct store *store, int64_t before_ms, int max, char **after,
                           int64_t *out_n)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    size_t n = 0;
    *out_n = 0;
    enum err e = E_OK;
    {
        AUTO(reader_give_back) struct reader reader = reader_take(store);
        e = users_read(&reader, *after, max, &ids);
    }
    if (e) return e;
    AUTO(xfree_ptr) char *last = ids.n > 0 ? xstrdup(ids.ids[ids.n - 1]) : NULL;
    e = users_look(store, before_ms, &ids, &n);
    for (size_t i = 0; i < n && !e; i++, ++*out_n)
        e = store_write(store, user_delete_run,
                        &(struct user_delete){.user_id = ids.ids[i], .before_ms = before_ms});
    if (e) return e;
    xfree(*after);
    *after = take_ptr(&last);
    return E_OK;
}

/* ---- audit ---- */

struct audit_delete {
    int64_t before_ms;
    int64_t n;
    int max;
};

static enum err audit_delete_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct audit_delete *delete = job->ctx;
    /* The oldest have the lowest numbers: no index on the time is needed. */
    AUTO(query_done)
    struct query q = query_begin(db, "DELETE FROM audit WHERE at_ms < ?1 AND seq IN"
                                     " (SELECT seq FROM audit ORDER BY seq LIMIT ?2)");
    query_bind_i64(&q, delete->before_ms);
    query_bind_i64(&q, delete->max);
    enum err e = query_run(&q);
    if (!e) delete->n = query_changes(&q);
    return e;
}

static enum err audit_is_due(struct store *store, int64_t before_ms, bool *out_is)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT 1 FROM (SELECT at_ms FROM audit ORDER BY seq"
                                            " LIMIT 1) WHERE at_ms < ?");
    query_bind_i64(&q, before_ms);
    return query_next(&q, out_is);
}

enum err store_audit_prune(struct store *store, int64_t before_ms, int max, int64_t *out_n)
{
    struct audit_delete delete = {.before_ms = before_ms, .max = max};
    bool is_due = false;
    enum err e = audit_is_due(store, before_ms, &is_due);
    if (!e && is_due) e = store_write(store, audit_delete_run, &delete);
    if (!e) *out_n = delete.n;
    return e;
}

/* ---- space ---- */

static enum err ask_number(struct db *db, const char *sql, int64_t *out)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out = has_row ? query_i64(&q, 0) : 0;
    return e;
}

/* Pages that are worth giving back. */
static enum err spare_pages(struct db *db, int64_t *out_n)
{
    int64_t mode = 0;
    int64_t n_free = 0;
    int64_t n_pages = 0;
    enum err e = ask_number(db, "PRAGMA auto_vacuum", &mode);
    if (!e) e = ask_number(db, "PRAGMA freelist_count", &n_free);
    if (!e) e = ask_number(db, "PRAGMA page_count", &n_pages);
    if (e) return e;
    int64_t kept = n_pages / FREE_PART_KEPT;
    if (kept < FREE_PAGES_KEPT) kept = FREE_PAGES_KEPT;
    bool is_incremental = mode == 2;
    *out_n = is_incremental && n_free > kept ? n_free - kept : 0;
    return E_OK;
}

static enum err give_back_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    int64_t *out_n = job->ctx;
    int64_t before = 0;
    int64_t after = 0;
    enum err e = ask_number(db, "PRAGMA freelist_count", &before);
    if (e) return e;
    {
        AUTO(query_done) struct query q = query_begin(db, "PRAGMA incremental_vacuum(256)");
        e = query_run(&q);
    }
    if (!e) e = ask_number(db, "PRAGMA freelist_count", &after);
    if (!e) *out_n = before - after;
    return e;
}

enum err store_space_give_back(struct store *store, int64_t *out_n)
{
    int64_t n_spare = 0;
    *out_n = 0;
    enum err e = E_OK;
    {
        AUTO(reader_give_back) struct reader reader = reader_take(store);
        e = spare_pages(reader.db, &n_spare);
    }
    if (e || n_spare == 0) return e;
    return store_write(store, give_back_run, out_n);
}
