/*
 * Calling a briefing off, and taking blocked ones up again.
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "runs/engine.h"

#include <stdio.h>
#include <string.h>

struct cancelling {
    bool is_delivering; /* too late: an intent is written */
    bool is_running;    /* the run's thread ends it */
};

static enum err cancel(void *ctx, struct run_row *row)
{
    struct cancelling *c = ctx;
    *c = (struct cancelling){0};
    if (row->status == RUN_CANCELLED) return fail(E_BUSY, "cancelled already");
    if (run_status_is_terminal(row->status))
        return fail(E_CONFLICT, "the briefing has ended: %s", run_status_name(row->status));
    if (row->delivery == DELIVERY_INTENDED || row->status == RUN_DELIVERING) {
        c->is_delivering = true;
        return fail(E_CONFLICT, "the message is on its way");
    }
    /* A message that was confirmed decides the run: there is nothing left to call off. */
    if (row->delivery == DELIVERY_CONFIRMED || row->delivery == DELIVERY_RECONCILED)
        return fail(E_CONFLICT, "the message was posted");
    if (row->status == RUN_RUNNING) {
        c->is_running = true;
        row->is_cancel_wanted = true;
        return E_OK;
    }
    run_status_move(&row->status, RUN_CANCELLED);
    run_row_set(&row->phase, NULL);
    run_row_set(&row->blocked_on, NULL);
    run_row_set(&row->summary, "Cancelled on request; nothing was posted.");
    return E_OK;
}

/* Tells the thread, if there is one, and calls off what it waits for. */
static void tell_thread(struct runs *runs, const char *run_id)
{
    mutex_lock(&runs->mutex);
    for (struct live_run *run = runs->live; run; run = run->next) {
        if (strcmp(run->id, run_id) != 0) continue;
        atomic_store(&run->control.wish, AGENT_STOP_CANCEL);
        http_cancel_fire(runs->options.agent->http, &run->control.reads);
    }
    mutex_unlock(&runs->mutex);
}

void engine_log_person(const char *event, const struct run_row *row, const char *principal,
                       const char *state)
{
    char by[200];
    char hash[LOG_USER_HASH_MAX];
    bool is_user = text_starts(principal, "user:");
    if (is_user) log_user_hash(principal + strlen("user:"), hash);
    snprintf(by, sizeof(by), "%s%s", is_user ? "user:" : principal, is_user ? hash : "");
    log_set_run(row->id, row->user_id);
    log_info(event, LOG_STR("by", by),
             LOG_STR("state", state ? state : run_status_name(row->status)));
}

enum err runs_cancel(struct runs *runs, const char *run_id, const char *principal,
                     bool *out_is_delivering, struct run_row *out_row)
{
    struct cancelling c = {0};
    struct event_new event = {.type = "cancel_requested"};
    struct run_update update = {.change = cancel, .ctx = &c, .events = &event, .n_events = 1};
    enum err e =
        store_run_update(runs->options.store, run_id, (struct run_fence){0}, &update, out_row);
    *out_is_delivering = c.is_delivering;
    if (e == E_BUSY) return store_run_get(runs->options.store, run_id, out_row);
    if (e) return e;
    engine_log_person("cancel_requested", out_row, principal, NULL);
    if (c.is_running) tell_thread(runs, run_id);
    return E_OK;
}

/* ---- blocked runs ---- */

static enum err unblock(void *ctx, struct run_row *row)
{
    const struct connection_list *list = ctx;
    struct json_span blocked = row->blocked_on ? json_root(row->blocked_on, strlen(row->blocked_on))
                                               : (struct json_span){0};
    for (struct json_iter it = json_iter(blocked); json_next(&it);) {
        bool is_usable = false;
        for (size_t i = 0; i < list->n; i++) {
            if (json_string_is(json_get(it.value, "connector"), list->rows[i].connector))
                is_usable = connection_is_usable(&list->rows[i]);
        }
        if (!is_usable) return fail(E_CONFLICT, "still blocked");
    }
    run_status_move(&row->status, RUN_QUEUED);
    row->blocked_ms = 0;
    run_row_set(&row->blocked_on, NULL);
    return E_OK;
}

enum err runs_connections_changed(struct runs *runs, const char *user_id)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = store_runs_blocked(runs->options.store, user_id, &ids);
    if (e || ids.n == 0) return e;
    AUTO(connection_list_done) struct connection_list list = {0};
    e = store_connections_list(runs->options.store, user_id, &list);
    if (e) return e;
    for (size_t i = 0; i < ids.n; i++) {
        struct event_new event = {.type = "unblocked"};
        struct run_update update = {
            .change = unblock, .ctx = &list, .events = &event, .n_events = 1};
        struct run_fence fence = {.statuses = 1u << RUN_BLOCKED};
        AUTO(run_row_done) struct run_row row = {0};
        e = store_run_update(runs->options.store, ids.ids[i], fence, &update, &row);
        if (!e)
            engine_enqueue(runs, &(struct engine_item){.run_id = row.id,
                                                       .user_id = row.user_id,
                                                       .unclean_ends = row.unclean_ends});
        else if (e != E_CONFLICT && e != E_LOST && e != E_NOT_FOUND)
            return e;
    }
    return E_OK;
}
