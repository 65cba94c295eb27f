#include "store/run_update.h"
#include "base/clock.h"
#include "store/audit_rows.h"
#include "store/event_rows.h"
#include "store/internal.h"
#include "store/run_row.h"
#include "store/step_rows.h"
#include "store/webhook_rows.h"

#include <assert.h>

/* Lives on the stack of the caller of store_run_update(). */
struct updating {
    const char *run_id;
    struct run_fence fence;
    const struct run_update *update;
    struct run_row *out_row; /* may be NULL */
    struct run_row row;
    struct run_before before;
};

static enum err check_fence(struct run_fence fence, int attempt, enum run_status status)
{
    if (fence.attempt && fence.attempt != attempt)
        return fail(E_LOST, "attempt %d of this briefing is over, it is at attempt %d",
                    fence.attempt, attempt);
    if (fence.statuses && !(fence.statuses & (1u << status)))
        return fail(E_LOST, "this briefing is %s now", run_status_name(status));
    return E_OK;
}

static enum err write_steps(struct db *db, const struct updating *u, int generation, int attempt,
                            int64_t now_ms)
{
    const struct run_update *update = u->update;
    for (size_t i = 0; i < update->n_steps; i++) {
        enum err e = step_row_write(db, u->run_id, generation, attempt, now_ms, &update->steps[i]);
        if (e) return e;
    }
    return E_OK;
}

/* The journal alone: the row is not written, and only what the fence needs of it is read. */
static enum err update_steps(struct db *db, const struct updating *u)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT attempt, generation, status FROM runs WHERE id = ?");
    query_bind_text(&q, u->run_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no briefing with this id");
    int attempt = (int)query_i64(&q, 0);
    int generation = (int)query_i64(&q, 1);
    enum run_status status = RUN_QUEUED;
    if (run_status_parse(query_text(&q, 2), &status))
        return fail(E_CORRUPT, "briefing %s has a status that does not exist", u->run_id);
    e = check_fence(u->fence, attempt, status);
    if (e) return e;
    return write_steps(db, u, generation, attempt, clock_unix_ms());
}

enum err run_row_move(struct store *store, struct db *db, const struct run_before *before,
                      struct run_row *row, int64_t now_ms)
{
    enum run_status to = row->status;
    row->status = before->status;
    run_status_move(&row->status, to); /* dies when the table forbids it */
    bool has_ended = run_status_is_terminal(to);
    if (has_ended && !row->finished_ms) row->finished_ms = now_ms;
    assert(has_ended == (row->finished_ms > 0));
    if (has_ended && !before->finished_ms) writer_live_runs_add(store->writer, -1);
    enum err e = run_row_update(db, &store->keys, before, row);
    if (e) return e;
    if (to != before->status)
        return webhook_run_changed(store, db, row, run_status_name(to), now_ms);
    bool is_settled = before->needs_attention && !row->needs_attention;
    return is_settled ? webhook_run_changed(store, db, row, "settled", now_ms) : E_OK;
}

static enum err update_run(struct store *store, struct db *db, struct write_job *job)
{
    struct updating *u = job->ctx;
    const struct run_update *update = u->update;
    struct run_row *row = &u->row;
    if (!update->change && !update->n_events && !u->out_row) return update_steps(db, u);

    enum err e = run_row_get(db, &store->keys, u->run_id, row);
    if (e) return e;
    e = check_fence(u->fence, row->attempt, row->status);
    if (e) return e;

    int64_t now_ms = clock_unix_ms();
    u->before = run_before(row);
    if (update->change) {
        e = update->change(update->ctx, row);
        if (e) return e;
    }
    for (size_t i = 0; i < update->n_events; i++) {
        e = event_row_add(db, row, now_ms, &update->events[i]);
        if (e) return e;
    }
    e = write_steps(db, u, row->generation, row->attempt, now_ms);
    if (e || (!update->change && !update->n_events)) return e;
    if (update->audit) e = audit_row_add(db, update->audit);
    if (e) return e;
    job->changed = row;
    job->before = &u->before;
    job->n_changed = 1;
    return run_row_move(store, db, &u->before, row, now_ms);
}

static void updating_done(struct updating *u)
{
    run_row_done(&u->row);
    run_before_done(&u->before);
}

enum err store_run_update(struct store *store, const char *run_id, struct run_fence fence,
                          const struct run_update *update, struct run_row *out_row)
{
    AUTO(updating_done)
    struct updating updating = {
        .run_id = run_id, .fence = fence, .update = update, .out_row = out_row};
    struct write_job job = {.run = update_run, .ctx = &updating};
    enum err e = writer_do(store->writer, &job);
    if (e || !out_row) return e;
    *out_row = updating.row;
    updating.row = (struct run_row){0};
    return E_OK;
}
