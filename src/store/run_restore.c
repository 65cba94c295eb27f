/*
 * The live runs of a copy that came out of a backup: all of them end here.
 */
#include "base/clock.h"
#include "base/json.h"
#include "store/audit_rows.h"
#include "store/event_rows.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/run_update.h"

/* Lives on the stack of the caller of store_runs_end_restored(). */
struct restoring {
    int64_t now_ms;
    struct run_ids ids;
    const char *backup_name;
};

static void restoring_done(struct restoring *r)
{
    run_ids_done(&r->ids);
}

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
    struct restoring *r = job->ctx;
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
    AUTO(restoring_done)
    struct restoring restoring = {.now_ms = clock_unix_ms(), .backup_name = backup_name};
    enum err e = store_write(store, end_all_restored, &restoring);
    if (!e) *out_count = (int64_t)restoring.ids.n;
    return e;
}
