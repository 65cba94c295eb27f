#include "base/clock.h"
#include "store/audit_rows.h"
#include "store/internal.h"
#include "store/keys.h"

enum err audit_row_add(struct db *db, const struct audit_new *entry)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO audit (at_ms, actor, action, subject, data)"
                                     " VALUES (?, ?, ?, ?, ?)");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, entry->actor);
    query_bind_text(&q, entry->action);
    query_bind_text(&q, entry->subject);
    query_bind_text(&q, entry->data);
    return query_run(&q);
}

static enum err audit_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    return audit_row_add(db, job->ctx);
}

enum err store_audit(struct store *store, const char *actor, const char *action,
                     const char *subject, const char *data)
{
    struct audit_new entry = {.actor = actor, .action = action, .subject = subject, .data = data};
    return store_write(store, audit_run, &entry);
}
