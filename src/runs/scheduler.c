/*
 * The scheduler: gives queued runs a thread each, up to the ceiling.
 *
 * The order is in memory (runs/queue.h). The thread begins with the claim, a compare-and-set in the
 * database (queued to running, one attempt more), so a run that was cancelled meanwhile simply ends
 * there; claims of many threads share a commit. Once in a while the scheduler looks for runs whose
 * time is over. Nothing is claimed while our own credentials are refused: every run would only find
 * that out again. Runs that may bring the process down (runs/suspects.h) go first, each alone.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "runs/engine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SWEEP_EVERY_MS 1000
#define ALONE_LOOK_MS  100 /* how often a run that is alone is looked at */
#define FAULT_LOOK_MS  20  /* for the end of a fault */

void engine_enqueue(struct runs *runs, const struct engine_item *item)
{
    mutex_lock(&runs->mutex);
    if (suspects_include(item->unclean_ends))
        suspects_push(&runs->suspects, item->run_id, item->unclean_ends, item->wake_ms);
    else
        queue_push(&runs->queue, item->run_id, item->user_id, item->wake_ms);
    cond_broadcast(&runs->changed);
    mutex_unlock(&runs->mutex);
}

/* ---- the claim ---- */

static enum err claim(void *ctx, struct run_row *row)
{
    (void)ctx;
    run_status_move(&row->status, RUN_RUNNING);
    row->attempt++;
    row->claimed_ms = clock_unix_ms();
    row->blocked_ms = 0;
    row->wake_ms = 0;
    run_row_set(&row->blocked_on, NULL);
    run_row_set(&row->phase, NULL);
    return E_OK;
}

static void live_add(struct live_run *run)
{
    mutex_lock(&run->runs->mutex);
    run->secrets_read = run->runs->secrets_read;
    run->next = run->runs->live;
    run->runs->live = run;
    mutex_unlock(&run->runs->mutex);
}

void engine_drop_locked(struct live_run *run)
{
    struct runs *runs = run->runs;
    struct live_run **at = &runs->live;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    if (run->queue_user_id[0]) queue_left(&runs->queue, run->queue_user_id);
}

static void live_drop(struct live_run *run)
{
    struct runs *runs = run->runs;
    mutex_lock(&runs->mutex);
    engine_drop_locked(run);
    runs->n_live--;
    cond_broadcast(&runs->changed);
    mutex_unlock(&runs->mutex);
    run_row_done(&run->row);
    xfree(run);
}

/* The same run once more, a little later. */
static void enqueue_again(struct runs *runs, const char *run_id)
{
    AUTO(run_row_done) struct run_row row = {0};
    bool is_known = store_run_get(runs->options.store, run_id, &row) == E_OK;
    struct engine_item item = {.run_id = run_id,
                               .user_id = is_known ? row.user_id : "",
                               .wake_ms = clock_unix_ms() + SWEEP_EVERY_MS,
                               .unclean_ends = is_known ? row.unclean_ends : INT_MAX};
    engine_enqueue(runs, &item); /* with INT_MAX alone, to be sure */
}

bool engine_claim(struct live_run *run)
{
    if (atomic_load(&run->runs->is_stopping)) return false; /* it stays in the queue */
    struct event_new event = {.type = "claimed"};
    struct run_update update = {.change = claim, .events = &event, .n_events = 1};
    struct run_fence fence = {.statuses = 1u << RUN_QUEUED};
    enum err e = store_run_update(run->runs->options.store, run->id, fence, &update, &run->row);
    if (!e) return true;
    if (e != E_LOST && e != E_NOT_FOUND) {
        log_failure("claim_failed", e, LOG_STR("run", run->id));
        enqueue_again(run->runs, run->id);
    }
    return false;
}

static void start_run(struct runs *runs, const struct queue_taken *taken)
{
    struct live_run *run = xcalloc(1, sizeof(*run));
    run->runs = runs;
    snprintf(run->id, sizeof(run->id), "%s", taken->id);
    snprintf(run->queue_user_id, sizeof(run->queue_user_id), "%s", taken->user_id);
    live_add(run); /* a cancel that comes now finds it */
    enum err e = worker_start(run);
    if (!e) return;
    log_failure("run_not_started", e, LOG_STR("run", taken->id));
    enqueue_again(runs, taken->id);
    live_drop(run);
}

/* ---- the thread ---- */

/* The next run that may start now. A suspect waits until everything else has left its thread. */
static bool pick_locked(struct runs *runs, int64_t now_ms, struct queue_taken *out,
                        int64_t *out_next_wake_ms)
{
    *out = (struct queue_taken){0};
    struct suspects *suspects = &runs->suspects;
    if (runs->n_live == 0) suspects->alone_id[0] = '\0';
    if (runs->waits_for_credentials || suspects->alone_id[0]) return false;
    if (suspects_have_due(suspects, now_ms)) {
        if (runs->n_live > 0) return false;
        runs->next_sweep_mono_ms = clock_mono_ms() + ALONE_LOOK_MS;
        return suspects_take(suspects, now_ms, out->id);
    }
    if (runs->n_live >= runs->options.runs_max) return false;
    return queue_pop(&runs->queue, now_ms, out, out_next_wake_ms);
}

/* Waits until there is something to do. True: `out` is to be started; false: sweep, or stop. */
static bool next_run(struct runs *runs, struct queue_taken *out)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&runs->mutex);
    while (!atomic_load(&runs->is_stopping)) {
        if (fault_fails("scheduler_hangs")) {
            (void)cond_wait_until(&runs->changed, held, clock_mono_ms() + FAULT_LOOK_MS);
            continue;
        }
        runs->seen_mono_ms = clock_mono_ms();
        int64_t next_wake_ms = 0;
        int64_t now_ms = clock_unix_ms();
        if (pick_locked(runs, now_ms, out, &next_wake_ms)) {
            runs->n_live++; /* its place; given back by live_drop() or the worker */
            return true;
        }
        int64_t mono_ms = clock_mono_ms();
        if (mono_ms >= runs->next_sweep_mono_ms) return false;
        int64_t until_ms = runs->next_sweep_mono_ms;
        if (next_wake_ms > 0 && mono_ms + next_wake_ms - now_ms < until_ms)
            until_ms = mono_ms + next_wake_ms - now_ms;
        (void)cond_wait_until(&runs->changed, held, until_ms);
    }
    return false;
}

/* A run that has finished a step is no suspect any more: the others may start beside it. True while
 * one is alone. */
static bool look_at_alone(struct runs *runs)
{
    char run_id[ID_MAX];
    mutex_lock(&runs->mutex);
    memcpy(run_id, runs->suspects.alone_id, ID_MAX);
    mutex_unlock(&runs->mutex);
    if (!run_id[0]) return false;
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = store_run_get(runs->options.store, run_id, &row);
    if (e) {
        log_failure("suspect_not_read", e, LOG_STR("run", run_id));
        return true;
    }
    if (suspects_include(row.unclean_ends)) return true;
    mutex_lock(&runs->mutex);
    runs->suspects.alone_id[0] = '\0';
    mutex_unlock(&runs->mutex);
    return false;
}

static void *scheduler_main(void *arg)
{
    struct runs *runs = arg;
    struct queue_taken taken;
    while (!atomic_load(&runs->is_stopping)) {
        if (next_run(runs, &taken)) {
            start_run(runs, &taken);
            continue;
        }
        finish_overdue(runs);
        int64_t pause_ms = look_at_alone(runs) ? ALONE_LOOK_MS : SWEEP_EVERY_MS;
        mutex_lock(&runs->mutex);
        runs->next_sweep_mono_ms = clock_mono_ms() + pause_ms;
        mutex_unlock(&runs->mutex);
    }
    return NULL;
}

/* ---- start and stop ---- */

static void load_queued(void *ctx, const struct run_queued *run)
{
    engine_enqueue(ctx, &(struct engine_item){.run_id = run->id,
                                              .user_id = run->user_id,
                                              .wake_ms = run->wake_ms,
                                              .unclean_ends = run->unclean_ends});
}

/* One unclean end more: is this the run that brings the process down? */
static bool ends_crash_loop(struct run_row *row)
{
    if (!suspects_convict(row->unclean_ends)) return false;
    finish_crash_loop(row);
    log_error("crash_loop", LOG_STR("run", row->id), LOG_INT("unclean_ends", row->unclean_ends));
    return true;
}

enum err runs_start(const struct runs_options *options, struct runs **out_runs)
{
    struct runs *runs = xcalloc(1, sizeof(*runs));
    runs->options = *options;
    runs->queue.running_max = options->runs_per_user_max;
    runs->model = xstrdup(options->model);
    runs->timezone = xstrdup(options->timezone);
    runs->seen_mono_ms = clock_mono_ms();
    mutex_init(&runs->mutex);
    cond_init(&runs->changed);
    int64_t n_recovered = 0;
    enum err e = E_OK;
    if (!options->is_single)
        e = store_runs_recover(options->store, ends_crash_loop, clock_unix_ms(), &n_recovered);
    if (!e && !options->is_single) e = store_runs_each_queued(options->store, load_queued, runs);
    if (!e) e = thread_start(&runs->scheduler, "scheduler", scheduler_main, runs);
    if (e) {
        runs_free(runs);
        return e;
    }
    if (n_recovered > 0) log_info("runs_recovered", LOG_INT("count", n_recovered));
    *out_runs = runs;
    return E_OK;
}

static enum err adopt(void *ctx, struct run_row *row)
{
    (void)ctx;
    if (run_status_is_terminal(row->status)) return fail(E_CONFLICT, "the briefing has ended");
    if (row->status == RUN_RUNNING || row->status == RUN_DELIVERING) {
        row->unclean_ends++;
        if (ends_crash_loop(row)) return E_OK;
    }
    run_status_move(&row->status, RUN_QUEUED);
    row->blocked_ms = 0;
    run_row_set(&row->blocked_on, NULL);
    return E_OK;
}

enum err runs_adopt(struct runs *runs, const char *run_id)
{
    struct event_new event = {.type = "recovered"};
    struct run_update update = {.change = adopt, .events = &event, .n_events = 1};
    AUTO(run_row_done) struct run_row row = {0};
    enum err e =
        store_run_update(runs->options.store, run_id, (struct run_fence){0}, &update, &row);
    if (e || run_status_is_terminal(row.status)) return e;
    engine_enqueue(runs, &(struct engine_item){.run_id = run_id,
                                               .user_id = row.user_id,
                                               .unclean_ends = row.unclean_ends});
    return E_OK;
}

/* Asks every live run to stop between two steps; after the grace, calls off its model and read
 * calls. */
static void stop_live_locked(struct runs *runs, bool is_grace_over)
{
    for (struct live_run *run = runs->live; run; run = run->next) {
        int go = AGENT_GO;
        atomic_compare_exchange_strong(&run->control.wish, &go, AGENT_STOP_PARK);
        if (is_grace_over) http_cancel_fire(runs->options.agent->http, &run->control.reads);
    }
}

void runs_stop(struct runs *runs)
{
    if (!runs || atomic_load(&runs->is_stopping)) return;
    mutex_lock(&runs->mutex);
    atomic_store(&runs->is_stopping, true);
    cond_broadcast(&runs->changed);
    mutex_unlock(&runs->mutex);
    thread_join(&runs->scheduler);

    int64_t grace_ends_ms = clock_mono_ms() + runs->options.stop_grace_ms;
    mutex_lock(&runs->mutex);
    stop_live_locked(runs, false);
    while (runs->n_live > 0 && cond_wait_until(&runs->changed, &runs->mutex, grace_ends_ms)) {
    }
    runs->is_grace_over = true;
    stop_live_locked(runs, true);
    while (runs->n_live > 0)
        cond_wait(&runs->changed, &runs->mutex);
    mutex_unlock(&runs->mutex);
}

void runs_free(struct runs *runs)
{
    if (!runs) return;
    runs_stop(runs);
    queue_done(&runs->queue);
    suspects_done(&runs->suspects);
    cond_done(&runs->changed);
    mutex_done(&runs->mutex);
    xfree(runs->model);
    xfree(runs->timezone);
    xfree(runs);
}

void runs_state_get(struct runs *runs, struct runs_state *out_state)
{
    mutex_lock(&runs->mutex);
    out_state->running = runs->n_live;
    out_state->queued = runs->queue.n + runs->suspects.n;
    out_state->scheduler_seen_mono_ms = runs->seen_mono_ms;
    out_state->waits_for_credentials = runs->waits_for_credentials;
    mutex_unlock(&runs->mutex);
    out_state->is_stopping = atomic_load(&runs->is_stopping);
}

void runs_set_defaults(struct runs *runs, const char *model, const char *zone)
{
    mutex_lock(&runs->mutex);
    xfree(runs->model);
    xfree(runs->timezone);
    runs->model = xstrdup(model);
    runs->timezone = xstrdup(zone);
    mutex_unlock(&runs->mutex);
}

void runs_credentials_renewed(struct runs *runs)
{
    mutex_lock(&runs->mutex);
    runs->waits_for_credentials = false;
    runs->secrets_read++;
    cond_broadcast(&runs->changed);
    mutex_unlock(&runs->mutex);
}
