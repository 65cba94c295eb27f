#include "base/clock.h"
#include "base/json.h"
#include "store/audit_rows.h"
#include "store/event_rows.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/run_update.h"

/* Lives on the stack of the caller of store_runs_recover(). */
struct recovery {
    run_recover_end *end;
    int64_t now_ms;
    struct run_ids ids;
    struct run_row *rows; /* for the observer; as many as ids */
    const char *backup_name;
};

static void recovery_done(struct recovery *r)
{
    for (size_t i = 0; r->rows && i < r->ids.n; i++)
        run_row_done(&r->rows[i]);
    xfree(r->rows);
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
static enum err recover_one(struct store *store, struct db *db, const struct recovery *r,
                            const char *id, struct run_row *row)
{
    enum err e = run_row_get(db, &store->keys, id, row);
    if (e) return e;
    AUTO(run_before_done) struct run_before before = run_before(row);
    row->unclean_ends++;
    row->blocked_ms = 0;
    row->wake_ms = 0;
    run_row_set(&row->phase, NULL);
    bool has_ended = r->end && r->end(row);
    if (!has_ended) row->status = RUN_QUEUED;
    AUTO(str_done) struct str data = {0};
    str_append_format(&data, "{\"from\":\"%s\",\"unclean_ends\":%d}",
                      run_status_name(before.status), row->unclean_ends);
    struct event_new event = {.type = "recovered", .data = str_text(&data)};
    e = event_row_add(db, row, r->now_ms, &event);
    if (!e && has_ended)
        e = event_row_add(db, row, r->now_ms, &(struct event_new){.type = "ended"});
    if (e) return e;
    return run_row_move(store, db, &before, row, r->now_ms);
}

static enum err recover_run(struct store *store, struct db *db, struct write_job *job)
{
    struct recovery *r = job->ctx;
    enum err e = find_interrupted(db, &r->ids);
    if (e) return e;
    r->rows = xcalloc(r->ids.n, sizeof *r->rows);
    for (size_t i = 0; i < r->ids.n; i++) {
        e = recover_one(store, db, r, r->ids.ids[i], &r->rows[i]);
        if (e) return e;
    }
    job->changed = r->rows;
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

/* ---- a restored copy ---- */

static enum err find_live(struct db *db, struct run_ids *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT id FROM runs WHERE finished_ms = 0 ORDER BY id");
    return run_ids_read(&q, out);
}

static bool is_known_to_be_out(const struct run_row *row)
{
    return row->delivery == DELIVERY_CONFIRMED || row->delivery == DELIVERY_RECONCILED;
}

static void set_restored(struct run_row *row)
{
    run_row_set(&row->phase, NULL);
    run_row_set(&row->blocked_on, NULL);
    if (is_known_to_be_out(row)) {
        if (row->status != RUN_RUNNING) run_status_move(&row->status, RUN_RUNNING);
        run_status_move(&row->status, RUN_SUCCEEDED);
        run_row_set(&row->summary, "Posted one message.");
        return;
    }
    run_status_move(&row->status, RUN_FAILED);
    if (row->delivery == DELIVERY_INTENDED) row->delivery = DELIVERY_UNKNOWN;
    row->needs_attention = true;
    run_row_set(&row->error_code, "restored");
    run_row_set(&row->error_detail, "it was under way when the backup was made; what became of it"
                                    " since is not in the backup");
    run_row_set(&row->summary, "Ended by restoring a backup: the message may have been posted after"
                               " the backup was made. Look into the channel.");
}

/* run_row_move() judges the move as a whole, and a queued run does not succeed; each of the moves
 * was judged above. */
static enum err end_restored(struct store *store, struct db *db, const char *id, int64_t now_ms)
{
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = run_row_get(db, &store->keys, id, &row);
    if (e) return e;
    AUTO(run_before_done) struct run_before before = run_before(&row);
    set_restored(&row);
    if (row.status == RUN_SUCCEEDED) before.status = RUN_RUNNING;
    struct event_new event = {.type = "restored"};
    e = event_row_add(db, &row, now_ms, &event);
    if (e) return e;
    return run_row_move(store, db, &before, &row, now_ms);
}

static enum err end_all_restored(struct store *store, struct db *db, struct write_job *job)
{
    struct recovery *r = job->ctx;
    enum err e = find_live(db, &r->ids);
    for (size_t i = 0; !e && i < r->ids.n; i++)
        e = end_restored(store, db, r->ids.ids[i], r->now_ms);
    if (e) return e;
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "backup", r->backup_name);
    json_put_int(&w, "ended_runs", (int64_t)r->ids.n);
    json_end_object(&w);
    struct audit_new audit = {
        .actor = "command", .action = "database_restored", .data = str_text(&data)};
    return audit_row_add(db, &audit);
}

enum err store_runs_end_restored(struct store *store, const char *backup_name, int64_t *out_count)
{
    AUTO(recovery_done)
    struct recovery recovery = {.now_ms = clock_unix_ms(), .backup_name = backup_name};
    enum err e = store_write(store, end_all_restored, &recovery);
    if (!e) *out_count = (int64_t)recovery.ids.n;
    return e;
}
