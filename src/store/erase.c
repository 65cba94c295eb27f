#include "store/erase.h"

#include "base/clock.h"
#include "base/url.h"
#include "store/audit_rows.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/users.h"

#include <string.h>

#define RUNS_A_STEP   16
#define COMPACT_TRIES 12 /* each waits DB_BUSY_MS at most */

enum err store_erasures(struct store *store, int64_t *out_n)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(
        reader.db,
        "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = 'erasures'");
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_n = query_i64(&q, 0);
    return e;
}

/* ---- the steps ---- */

struct erasing {
    const char *user_id;
    struct user_erased *erased;
    int64_t n_step; /* runs that this step deleted */
};

/* For statements whose only parameter is the user. */
static enum err about_user(struct db *db, const char *sql, const char *user_id)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    query_bind_text(&q, user_id);
    return query_run(&q);
}

static enum err count(struct db *db, const char *sql, const char *user_id, int64_t *out_n)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    query_bind_text(&q, user_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_n = query_i64(&q, 0);
    return e;
}

/* In every transaction: one may have been accepted since the last. */
static enum err check_quiet(struct db *db, const char *user_id)
{
    int64_t n = 0;
    enum err e =
        count(db, "SELECT count(*) FROM runs WHERE user_id = ? AND finished_ms = 0", user_id, &n);
    if (e || n == 0) return e;
    return fail(E_CONFLICT,
                "%lld briefing%s of this user %s not ended: cancel %s (POST /briefings/{id}/cancel)"
                " or wait for the end",
                (long long)n, n == 1 ? "" : "s", n == 1 ? "has" : "have", n == 1 ? "it" : "them");
}

enum err store_user_is_quiet(struct store *store, const char *user_id)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return check_quiet(reader.db, user_id);
}

/* A service in front of the file sees it, and forgets what it has in memory. */
static enum err note_erasure(struct db *db)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO meta (name, value) VALUES ('erasures', '1')"
                                     " ON CONFLICT (name) DO UPDATE SET"
                                     " value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)");
    return query_run(&q);
}

/* "POST /users/ID/…", with the id as the caller spelled it. */
static bool route_names(const char *route, const char *user_id)
{
    static const char prefix[] = "POST /users/";
    if (!text_starts(route, prefix)) return false;
    const char *at = route + strlen(prefix);
    AUTO(str_done) struct str id = {0};
    if (percent_decode(&id, at, strcspn(at, "/"), false)) return false;
    return text_equal(str_text(&id), user_id);
}

static enum err answer_delete(struct db *db, int64_t seq)
{
    AUTO(query_done) struct query q = query_begin(db, "DELETE FROM idempotency_keys WHERE seq = ?");
    query_bind_i64(&q, seq);
    return query_run(&q);
}

/* Stored answers that belong to no run: those of the user's own browser, those about the user, and
 * those to calls about one run, whose route names it. */
static enum err answers_delete(struct db *db, const char *user_id)
{
    enum err e =
        about_user(db, "DELETE FROM idempotency_keys WHERE principal = 'user:' || ?", user_id);
    if (!e)
        e = about_user(db,
                       "DELETE FROM idempotency_keys WHERE run_id IS NULL AND substr(route, 17, 29)"
                       " IN (SELECT id FROM runs WHERE user_id = ?)",
                       user_id);
    if (e) return e;
    AUTO(query_done)
    struct query q =
        query_begin(db, "SELECT seq, route FROM idempotency_keys WHERE route LIKE 'POST /users/%'");
    for (;;) {
        bool has_row = false;
        e = query_next(&q, &has_row);
        if (e || !has_row) return e;
        if (route_names(query_text(&q, 1), user_id)) e = answer_delete(db, query_i64(&q, 0));
        if (e) return e;
    }
}

static enum err first_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct erasing *erasing = job->ctx;
    int64_t n = 0;
    enum err e = check_quiet(db, erasing->user_id);
    if (!e) e = count(db, "SELECT count(*) FROM users WHERE id = ?", erasing->user_id, &n);
    erasing->erased->was_known = n > 0;
    if (!e) e = answers_delete(db, erasing->user_id);
    if (!e)
        e = about_user(db,
                       "DELETE FROM audit WHERE subject IN (SELECT id FROM runs WHERE user_id = ?)",
                       erasing->user_id);
    return e;
}

static enum err runs_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct erasing *erasing = job->ctx;
    enum err e = check_quiet(db, erasing->user_id);
    if (e) return e;
    AUTO(query_done)
    struct query q = query_begin(db, "DELETE FROM runs WHERE id IN"
                                     " (SELECT id FROM runs WHERE user_id = ? LIMIT ?)");
    query_bind_text(&q, erasing->user_id);
    query_bind_i64(&q, RUNS_A_STEP);
    e = query_run(&q);
    erasing->n_step = e ? 0 : query_changes(&q);
    if (!e && erasing->n_step > 0) e = note_erasure(db);
    return e;
}

static enum err note_user(struct db *db, const struct erasing *erasing)
{
    char hash[SHA256_HEX_LEN + 1];
    sha256_hex(erasing->user_id, strlen(erasing->user_id), hash);
    AUTO(str_done) struct str subject = {0};
    AUTO(str_done) struct str data = {0};
    str_append_format(&subject, "sha256:%s", hash);
    str_append_format(&data, "{\"briefings\":%lld}", (long long)erasing->erased->n_runs);
    struct audit_new audit = {.actor = "command",
                              .action = "user_erased",
                              .subject = str_text(&subject),
                              .data = str_text(&data)};
    enum err e = audit_row_add(db, &audit);
    return e ? e : user_row_note_erased(db, hash, clock_unix_ms());
}

/* The user, and with it connections, parameters, tickets, sessions, flows, webhook deliveries. */
static enum err last_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct erasing *erasing = job->ctx;
    enum err e = check_quiet(db, erasing->user_id);
    if (!e)
        e = about_user(db, "DELETE FROM audit WHERE subject = ?1 OR actor = 'user:' || ?1",
                       erasing->user_id);
    if (!e) e = about_user(db, "DELETE FROM users WHERE id = ?", erasing->user_id);
    if (!e && erasing->erased->was_known) e = note_user(db, erasing);
    return e ? e : note_erasure(db);
}

enum err store_user_erase(struct store *store, const char *user_id, struct user_erased *out_erased)
{
    *out_erased = (struct user_erased){0};
    struct erasing erasing = {.user_id = user_id, .erased = out_erased};
    enum err e = store_write(store, first_run, &erasing);
    do {
        if (!e) e = store_write(store, runs_run, &erasing);
        if (!e) out_erased->n_runs += erasing.n_step;
    } while (!e && erasing.n_step > 0);
    return e ? e : store_write(store, last_run, &erasing);
}

/* ---- the file ---- */

static enum err empty_wal(struct db *db)
{
    for (int i = 0; i < COMPACT_TRIES; i++) {
        int64_t is_busy = 0;
        enum err e = db_ask_i64(db, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy);
        if (e) return e;
        if (!is_busy) return E_OK;
    }
    return fail(E_STORAGE, "database %s is in use all the time: its WAL could not be emptied",
                db->path);
}

enum err store_compact(const char *path)
{
    struct db *db = NULL;
    enum err e = db_open(path, DB_WRITE, &db);
    if (e) return e;
    /* The copy that VACUUM makes may be larger than memory. */
    e = db_exec(db, "PRAGMA temp_store = FILE;"
                    "PRAGMA auto_vacuum = INCREMENTAL;"
                    "VACUUM;");
    if (!e) e = empty_wal(db);
    db_close(db);
    return e;
}
