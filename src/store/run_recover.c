#include "base/clock.h"
#include "base/json.h"
#include "store/event_rows.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/run_update.h"

/* Lives on the stack of the caller of store_runs_recover(). */
struct recovery {
    run_recover_end *end;
    int64_t now_ms;
    struct run_ids ids;
    struct run_row *rows;   /* for the observer; as many as ids */
    struct run_before *was; /* of each of them */
};

static void recovery_done(struct recovery *r)
{
    for (size_t i = 0; r->rows && i < r->ids.n; i++)
        run_row_done(&r->rows[i]);
    for (size_t i = 0; r->was && i < r->ids.n; i++)
        run_before_done(&r->was[i]);
    xfree(r->rows);
    xfree(r->was);
    run_ids_done(&r->ids);
}

static enum err find_interrupted(struct db *db, struct run_ids *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT id FROM runs WHERE status IN ('running', 'delivering')"
                                     " ORDER BY id");
    return run_ids_read(&q, out);
}

/* How long it ran before the process died is not known, and not counted. */
static enum err recover_one(struct store *store, struct db *db, const struct recovery *r, size_t i)
{
    const char *id = r->ids.ids[i];
    struct run_row *row = &r->rows[i];
    enum err e = run_row_get(db, &store->keys, id, row);
    if (e) return e;
    r->was[i] = run_before(row);
    const struct run_before *before = &r->was[i];
    row->unclean_ends++;
    row->blocked_ms = 0;
    row->wake_ms = 0;
    run_row_set(&row->phase, NULL);
    bool has_ended = r->end && r->end(row);
    if (!has_ended) row->status = RUN_QUEUED;
    AUTO(str_done) struct str data = {0};
    str_append_format(&data, "{\"from\":\"%s\",\"unclean_ends\":%d}",
                      run_status_name(before->status), row->unclean_ends);
    struct event_new event = {.type = "recovered", .data = str_text(&data)};
    e = event_row_add(db, row, r->now_ms, &event);
    if (!e && has_ended)
        e = event_row_add(db, row, r->now_ms, &(struct event_new){.type = "ended"});
    if (e) return e;
    return run_row_move(store, db, before, row, r->now_ms);
}

static enum err recover_run(struct store *store, struct db *db, struct write_job *job)
{
    struct recovery *r = job->ctx;
    enum err e = find_interrupted(db, &r->ids);
    if (e) return e;
    r->rows = xcalloc(r->ids.n, sizeof *r->rows);
    r->was = xcalloc(r->ids.n, sizeof *r->was);
    for (size_t i = 0; i < r->ids.n; i++) {
        e = recover_one(store, db, r, i);
        if (e) return e;
    }
    job->changed = r->rows;
    job->before = r->was;
    job->n_changed = r->ids.n;
    return E_OK;
}

enum err store_runs_recover(struct store *store, run_recover_end *end, int64_t now_ms,
                            int64_t *out_count)
{
    AUTO(recovery_done) struct recovery recovery = {.end = end, .now_ms = now_ms};
    struct write_job job = {.run = recover_run, .ctx = &recovery};
    enum err e = writer_do(store->writer, &job);
    if (e) return e;
    *out_count = (int64_t)recovery.ids.n;
    return E_OK;
}
