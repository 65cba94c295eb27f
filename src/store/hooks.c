#include "store/hooks.h"

#include "base/clock.h"
#include "store/internal.h"

struct take {
    const char *id;
    const struct hook_subject *subject;
    int64_t *out_n_due;
};

static enum err note(struct db *db, const char *id, int64_t now_ms)
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "INSERT OR IGNORE INTO hook_receipts (id, received_ms) VALUES (?, ?)");
    query_bind_text(&q, id);
    query_bind_i64(&q, now_ms);
    enum err e = query_run(&q);
    if (e) return e;
    return query_changes(&q) == 1 ? E_OK : fail(E_CONFLICT, "this webhook was taken before");
}

static enum err mark_due(struct db *db, const struct hook_subject *subject, int64_t now_ms,
                         int64_t *out_n_due)
{
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE connections SET due_ms = ?4"
                                     " WHERE (user_id = ?1 AND connection_name = ?2)"
                                     " OR (account_id = ?3 AND user_id = coalesce(?1, user_id))");
    query_bind_text(&q, subject->user_id);
    query_bind_text(&q, subject->connection_name);
    query_bind_text(&q, subject->account_id);
    query_bind_i64(&q, now_ms);
    enum err e = query_run(&q);
    if (!e) *out_n_due = query_changes(&q);
    return e;
}

/* Most events name no connection, and an account that was made meanwhile is none of those stored:
 * then it may be any that the user still lacks. */
static enum err mark_lacking_due(struct db *db, const struct hook_subject *subject, int64_t now_ms,
                                 int64_t *out_n_due)
{
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE connections SET due_ms = ?2"
                                     " WHERE user_id = ?1 AND status <> 'ACTIVE'");
    query_bind_text(&q, subject->user_id);
    query_bind_i64(&q, now_ms);
    enum err e = query_run(&q);
    if (!e) *out_n_due = query_changes(&q);
    return e;
}

static enum err take_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct take *take = job->ctx;
    int64_t now_ms = clock_unix_ms();
    enum err e = note(db, take->id, now_ms);
    if (!e) e = mark_due(db, take->subject, now_ms, take->out_n_due);
    if (e || *take->out_n_due > 0 || take->subject->connection_name) return e;
    return mark_lacking_due(db, take->subject, now_ms, take->out_n_due);
}

enum err store_hook_take(struct store *store, const char *id, const struct hook_subject *subject,
                         int64_t *out_n_due)
{
    *out_n_due = 0;
    struct take take = {.id = id, .subject = subject, .out_n_due = out_n_due};
    return store_write(store, take_run, &take);
}
