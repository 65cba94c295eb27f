#include "base/clock.h"
#include "store/internal.h"
#include "store/keys.h"

struct entry {
    const char *actor;
    const char *action;
    const char *subject;
    const char *data;
};

static enum err audit_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct entry *entry = job->ctx;
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

enum err store_audit(struct store *store, const char *actor, const char *action,
                     const char *subject, const char *data)
{
    struct entry entry = {.actor = actor, .action = action, .subject = subject, .data = data};
    return store_write(store, audit_run, &entry);
}
