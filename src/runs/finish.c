/*
 * How a run leaves its thread: the end that the agent decided becomes a status in the database.
 *
 *   succeeded   already committed with the delivery or preview
 *   failed      status failed with its code
 *   cancelled   status cancelled
 *   blocked     status blocked (or failed, when the caller asked for if_blocked=fail)
 *   parked      status queued: the next start goes on
 *   credentials status queued, nothing is claimed until the secret is read anew
 *   lost        nothing: somebody else owns the run
 *
 * An intent without an outcome outranks all of them: the run ends as failed, delivery_unknown. A
 * confirmed delivery does too: the run has succeeded, whatever came after.
 */
#include "base/clock.h"
#include "base/log.h"
#include "runs/engine.h"

#include <stdio.h>

#define RETRY_MS      1000
#define OVERDUE_BATCH 100

struct finish {
    const struct agent_end *end;
    bool is_single;   /* nobody will read the secret anew: our refused credentials end the run */
    bool is_stopping; /* parked for the next start, not for a moment */
    char summary[700];
};

static void set_failed(struct run_row *row, const char *code, const char *detail)
{
    run_status_move(&row->status, RUN_FAILED);
    run_row_set(&row->error_code, code);
    run_row_set(&row->error_detail, detail);
}

static void set_summary(struct run_row *row, const char *text)
{
    run_row_set(&row->summary, text);
}

static void set_waiting(struct run_row *row, enum run_status status, const char *phase)
{
    run_status_move(&row->status, status);
    run_row_set(&row->phase, phase);
    if (row->blocked_ms == 0) row->blocked_ms = clock_unix_ms();
}

/* The run is taken up again: an open intent stays open, and is looked into then. */
static bool goes_on(const struct run_row *row, const struct finish *finish)
{
    switch (finish->end->kind) {
    case AGENT_PARKED:
        return true;
    case AGENT_BLOCKED:
        return !text_equal(row->if_blocked, "fail");
    case AGENT_CREDENTIALS:
        return !finish->is_single;
    case AGENT_UNDECIDED:
    case AGENT_SUCCEEDED:
    case AGENT_FAILED:
    case AGENT_CANCELLED:
    case AGENT_LOST:
        break;
    }
    return false;
}

static void apply_end(struct run_row *row, struct finish *finish)
{
    const struct agent_end *end = finish->end;
    enum agent_end_kind kind = end->kind;
    if (goes_on(row, finish) && row->is_cancel_wanted) kind = AGENT_CANCELLED;
    if (kind == AGENT_CREDENTIALS && finish->is_single) kind = AGENT_FAILED;
    switch (kind) {
    case AGENT_FAILED:
    case AGENT_UNDECIDED:
        set_failed(row, end->code ? end->code : "internal", end->detail);
        snprintf(finish->summary, sizeof(finish->summary), "Ended without success: %s.",
                 end->detail);
        set_summary(row, finish->summary);
        break;
    case AGENT_CANCELLED:
        run_status_move(&row->status, RUN_CANCELLED);
        set_summary(row, "Cancelled on request; nothing was posted.");
        break;
    case AGENT_BLOCKED:
        run_row_set(&row->blocked_on, end->blocked_on);
        if (text_equal(row->if_blocked, "fail")) {
            set_failed(row, row->started_ms ? "connector_revoked" : "connector_not_ready",
                       end->detail);
            set_summary(row, "A connection needs its user; nothing was posted.");
        } else {
            set_waiting(row, RUN_BLOCKED, NULL);
        }
        break;
    case AGENT_PARKED:
        run_status_move(&row->status, RUN_QUEUED);
        /* Whatever parked it (no thread, the database) needs a moment, too. */
        row->wake_ms = finish->is_stopping ? 0 : clock_unix_ms() + RETRY_MS;
        break;
    case AGENT_CREDENTIALS:
        set_waiting(row, RUN_QUEUED, "waiting_for_credentials");
        run_row_set(&row->error_detail, end->detail);
        break;
    case AGENT_SUCCEEDED: /* a recipe that goes on after its delivery */
        run_status_move(&row->status, RUN_SUCCEEDED);
        break;
    case AGENT_LOST:
        break;
    }
}

static bool is_out(enum delivery_state state)
{
    return state == DELIVERY_CONFIRMED || state == DELIVERY_RECONCILED;
}

static void decide_end(struct run_row *row, struct finish *finish)
{
    run_row_set(&row->phase, NULL);
    if (row->delivery == DELIVERY_INTENDED && !goes_on(row, finish)) {
        set_failed(row, "delivery_unknown", finish->end->detail);
        row->delivery = DELIVERY_UNKNOWN;
        row->needs_attention = true;
        set_summary(row, "Nobody knows whether the message was posted: look into the channel.");
    } else if (is_out(row->delivery) && finish->end->kind != AGENT_PARKED) {
        run_status_move(&row->status, RUN_SUCCEEDED);
        set_summary(row, "Posted one message.");
    } else {
        apply_end(row, finish);
        if (row->status != RUN_FAILED) {
            /* nothing to say of a delivery */
        } else if (text_equal(row->error_code, "delivery_rejected")) {
            row->delivery = DELIVERY_REJECTED;
        } else if (text_equal(row->error_code, "delivery_unknown")) {
            row->delivery = DELIVERY_UNKNOWN; /* also when the last look did not find it */
            row->needs_attention = true;
        }
    }
    if (row->status != RUN_BLOCKED && row->status != RUN_FAILED)
        run_row_set(&row->blocked_on, NULL);
}

static enum err write_end(void *ctx, struct run_row *row)
{
    struct finish *finish = ctx;
    row->running_ms += finish->end->ran_ms;
    decide_end(row, finish);
    return E_OK;
}

void finish_crash_loop(struct run_row *row)
{
    struct agent_end end = {.kind = AGENT_FAILED, .code = "crash_loop"};
    snprintf(end.detail, sizeof(end.detail),
             "the process died %d times at the same step of this briefing, the last times while "
             "nothing else was running",
             row->unclean_ends);
    struct finish finish = {.end = &end};
    decide_end(row, &finish);
}

static const char *event_of(const struct agent_end *end)
{
    switch (end->kind) {
    case AGENT_BLOCKED:
        return "blocked";
    case AGENT_PARKED:
        return "parked";
    case AGENT_CREDENTIALS:
        return "waiting_for_credentials";
    case AGENT_CANCELLED:
        return "cancelled";
    case AGENT_UNDECIDED:
    case AGENT_FAILED:
    case AGENT_SUCCEEDED:
    case AGENT_LOST:
        break;
    }
    return "ended";
}

/* Waits a little; false when the process stops: what is not written now is recovered at the next
 * start. */
static bool wait_to_retry(struct runs *runs)
{
    mutex_lock(&runs->mutex);
    int64_t until_ms = clock_mono_ms() + RETRY_MS;
    while (!runs->is_grace_over && cond_wait_until(&runs->changed, &runs->mutex, until_ms)) {
    }
    bool goes_on = !runs->is_grace_over;
    mutex_unlock(&runs->mutex);
    return goes_on;
}

/* Before the end is written: whoever reads that the run waits finds the service waiting, too. A
 * secret that was read anew while the run was under way has not been refused yet. */
static void stop_claiming(struct live_run *run, const struct agent_end *end)
{
    struct runs *runs = run->runs;
    mutex_lock(&runs->mutex);
    bool is_refused = run->secrets_read == runs->secrets_read;
    if (is_refused) runs->waits_for_credentials = true;
    mutex_unlock(&runs->mutex);
    log_error("credentials_rejected", LOG_STR("detail", end->detail),
              LOG_STR("next", is_refused ? "no run is started until the secret is read anew "
                                           "(SIGHUP or restart)"
                                         : "the secret was read anew since: trying again"));
}

static void after_end(struct live_run *run, const struct agent_end *end)
{
    struct runs *runs = run->runs;
    const struct run_row *row = &run->row;
    if (row->status == RUN_QUEUED && !atomic_load(&runs->is_stopping))
        engine_enqueue(runs, &(struct engine_item){.run_id = row->id,
                                                   .user_id = row->user_id,
                                                   .wake_ms = row->wake_ms,
                                                   .unclean_ends = row->unclean_ends});
    log_info("run_left", LOG_STR("status", run_status_name(row->status)),
             LOG_STR("code", row->error_code), LOG_STR("detail", end->detail),
             LOG_INT("turns", row->turn), LOG_INT("tool_calls", row->tool_calls),
             LOG_INT("running_ms", row->running_ms));
    if (row->status != RUN_BLOCKED) return;
    /* A check that found the connection usable may have come between our own look and this end: it
     * saw no blocked run, so nobody else would take this one up. */
    enum err e = runs_connections_changed(runs, row->user_id);
    if (e) log_failure("blocked_not_checked", e);
}

void finish_run(struct live_run *run, const struct agent_end *end)
{
    if (end->kind == AGENT_LOST || run_status_is_terminal(run->row.status)) {
        log_info("run_left", LOG_STR("status", run_status_name(run->row.status)),
                 LOG_STR("code", NULL), LOG_STR("detail", end->detail),
                 LOG_INT("turns", run->row.turn), LOG_INT("tool_calls", run->row.tool_calls));
        return;
    }
    if (end->kind == AGENT_CREDENTIALS) stop_claiming(run, end);
    struct finish finish = {.end = end,
                            .is_single = run->runs->options.is_single,
                            .is_stopping = atomic_load(&run->runs->is_stopping)};
    struct event_new event = {.type = event_of(end)};
    struct run_update update = {
        .change = write_end, .ctx = &finish, .events = &event, .n_events = 1};
    struct run_fence fence = {.attempt = run->row.attempt,
                              .statuses = 1u << RUN_RUNNING | 1u << RUN_DELIVERING};
    struct run_row fresh = {0};
    enum err e = store_run_update(run->runs->options.store, run->id, fence, &update, &fresh);
    if (e == E_STORAGE)
        log_failure("end_waits", e, LOG_STR("next", "written when the database can be written"));
    while (e == E_STORAGE && wait_to_retry(run->runs))
        e = store_run_update(run->runs->options.store, run->id, fence, &update, &fresh);
    if (e) {
        log_failure("end_not_written", e,
                    LOG_STR("next", "the run is recovered at the next start"));
        return;
    }
    run_row_done(&run->row);
    run->row = fresh;
    after_end(run, end);
}

/* ---- runs whose time is over ---- */

static enum err write_overdue(void *ctx, struct run_row *row)
{
    (void)ctx;
    bool is_parked = text_equal(row->phase, "waiting_for_credentials");
    if (row->delivery == DELIVERY_INTENDED) {
        set_failed(row, "delivery_unknown", "the run was taken up too late to find out");
        row->delivery = DELIVERY_UNKNOWN;
        row->needs_attention = true;
    } else if (row->started_ms == 0 && !is_parked) {
        run_status_move(&row->status, RUN_EXPIRED);
        set_summary(row, "Not started in time (start_by); nothing was posted.");
    } else if (is_parked) {
        set_failed(row, "credentials_rejected",
                   row->error_detail ? row->error_detail : "our own key is refused");
    } else {
        set_failed(row, "connector_not_ready",
                   "no usable connection within the time a run may stay blocked");
    }
    run_row_set(&row->phase, NULL);
    return E_OK;
}

void finish_overdue(struct runs *runs)
{
    if (runs->options.is_single) return;
    int64_t now_ms = clock_unix_ms();
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = store_runs_overdue(runs->options.store, now_ms,
                                    now_ms - runs->options.blocked_ttl_ms, OVERDUE_BATCH, &ids);
    if (e && !runs->is_overdue_unread) log_failure("overdue_not_read", e);
    runs->is_overdue_unread = e != E_OK;
    if (e) return;
    for (size_t i = 0; i < ids.n; i++) {
        struct event_new event = {.type = "ended"};
        struct run_update update = {.change = write_overdue, .events = &event, .n_events = 1};
        struct run_fence fence = {.statuses = 1u << RUN_QUEUED | 1u << RUN_BLOCKED};
        e = store_run_update(runs->options.store, ids.ids[i], fence, &update, NULL);
        if (e && e != E_LOST) log_failure("overdue_not_written", e, LOG_STR("run", ids.ids[i]));
    }
}
