/*
 * The keeper: sees to it that every enabled endpoint has its thread and no other has one, that
 * backlogs stay bounded, and that nothing is left of what was deleted.
 */
#include "notify/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "notify/counts.h"
#include "notify/internal.h"
#include "notify/target.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX (WEBHOOK_ENDPOINTS_MAX * BATCH_MAX)
#define LOOK_EVERY_MS   30000
#define SWEEP_ROWS      500
#define STOP_GRACE_MS   3000

static bool may_connect(void *ctx, const struct http_request *request, const struct sockaddr *peer)
{
    const struct notify *notify = ctx;
    return target_may_connect(request->url, notify->allowed, peer);
}

/* ---- receivers ---- */

static void receiver_free(struct receiver *r)
{
    if (!r) return;
    thread_join(&r->thread);
    xfree(r->url);
    str_done_secret(&r->key);
    xfree(r);
}

static void receiver_end(struct notify *notify, struct receiver *r)
{
    mutex_lock(&notify->mutex);
    r->is_over = true;
    cond_broadcast(&notify->changed);
    mutex_unlock(&notify->mutex);
    http_cancel_fire(notify->http, &r->cancel);
    receiver_free(r);
}

static bool is_listed(const struct webhook_endpoint_list *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->rows[i].is_enabled && strcmp(list->rows[i].id, id) == 0) return true;
    return false;
}

static bool has_receiver(const struct notify *notify, const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(notify->receivers); i++)
        if (notify->receivers[i] && strcmp(notify->receivers[i]->id, id) == 0) return true;
    return false;
}

static enum err receiver_begin(struct notify *notify, const char *id)
{
    size_t i = 0;
    while (i < ARRAY_LEN(notify->receivers) && notify->receivers[i])
        i++;
    if (i == ARRAY_LEN(notify->receivers)) return fail(E_LIMIT, "there are too many endpoints");
    struct receiver *r = xcalloc(1, sizeof *r);
    r->notify = notify;
    snprintf(r->id, sizeof r->id, "%s", id);
    enum err e = thread_start(&r->thread, "webhook", receiver_main, r);
    if (e)
        receiver_free(r);
    else
        notify->receivers[i] = r;
    return e;
}

/* A thread for each enabled endpoint, and for no other. */
static enum err match_receivers(struct notify *notify)
{
    AUTO(webhook_endpoint_list_done) struct webhook_endpoint_list list = {0};
    enum err e =
        store_webhook_endpoints_list(notify->options.store, NULL, WEBHOOK_ENDPOINTS_MAX, &list);
    if (e) return e;
    for (size_t i = 0; i < ARRAY_LEN(notify->receivers); i++) {
        struct receiver *r = notify->receivers[i];
        if (!r || is_listed(&list, r->id)) continue;
        notify->receivers[i] = NULL;
        receiver_end(notify, r);
    }
    for (size_t i = 0; !e && i < list.n; i++) {
        const struct webhook_endpoint *endpoint = &list.rows[i];
        if (endpoint->is_enabled && !has_receiver(notify, endpoint->id))
            e = receiver_begin(notify, endpoint->id);
    }
    return e;
}

/* ---- the keeper ---- */

static bool is_stopping(struct notify *notify)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    return notify->is_stopping;
}

static enum err check_backlogs(struct notify *notify)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = store_webhook_check_backlogs(notify->options.store, WEBHOOK_BACKLOG_MAX, &ids);
    for (size_t i = 0; !e && i < ids.n; i++)
        log_warn("webhook_endpoint_disabled", LOG_STR("endpoint", ids.ids[i]),
                 LOG_STR("reason", WEBHOOK_REASON_BACKLOG));
    return e;
}

static enum err sweep(struct notify *notify)
{
    int64_t n = 1;
    enum err e = E_OK;
    while (!e && n > 0 && !is_stopping(notify))
        e = store_webhook_sweep(notify->options.store, SWEEP_ROWS, &n);
    return e;
}

static bool wait_for_change(struct notify *notify)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    int64_t until_ms = clock_mono_ms() + LOOK_EVERY_MS;
    while (!notify->is_stopping && !notify->has_new_endpoints &&
           cond_wait_until(&notify->changed, held, until_ms)) {
    }
    notify->has_new_endpoints = false;
    return !notify->is_stopping;
}

static void *keeper_main(void *arg)
{
    struct notify *notify = arg;
    enum err first = store_webhook_reseal(notify->options.store);
    if (first) log_failure("webhook_keys_not_sealed_anew", first);
    do {
        enum err e = check_backlogs(notify);
        if (!e) e = match_receivers(notify);
        if (!e) e = sweep(notify);
        if (e) log_failure("webhooks_not_looked_after", e);
    } while (wait_for_change(notify));
    return NULL;
}

/* ---- start and stop ---- */

enum err notify_start(const struct notify_options *options, struct notify **out_notify)
{
    struct notify *notify = xcalloc(1, sizeof *notify);
    notify->options = *options;
    notify->allowed = xstrdup(options->allowed);
    mutex_init(&notify->mutex);
    cond_init(&notify->changed);
    struct http_options http = {.connections_max = CONNECTIONS_MAX,
                                .user_agent = options->user_agent,
                                .ca_file = options->ca_file,
                                .may_connect = may_connect,
                                .may_connect_ctx = notify};
    enum err e = http_start(&http, &notify->http);
    notify_counts_init();
    store_observe_webhooks(options->store, notify_wake, notify);
    if (!e) e = thread_start(&notify->keeper, "webhooks", keeper_main, notify);
    if (e) {
        notify_stop(notify);
        return e;
    }
    *out_notify = notify;
    return E_OK;
}

static bool is_any_sending_locked(const struct notify *notify)
{
    for (size_t i = 0; i < ARRAY_LEN(notify->receivers); i++)
        if (notify->receivers[i] && notify->receivers[i]->is_sending) return true;
    return false;
}

static void wait_for_answers(struct notify *notify)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    int64_t until_ms = clock_mono_ms() + STOP_GRACE_MS;
    while (is_any_sending_locked(notify) && cond_wait_until(&notify->changed, held, until_ms)) {
    }
}

void notify_stop(struct notify *notify)
{
    if (!notify) return;
    mutex_lock(&notify->mutex);
    notify->is_stopping = true;
    cond_broadcast(&notify->changed);
    mutex_unlock(&notify->mutex);
    thread_join(&notify->keeper);
    wait_for_answers(notify);
    for (size_t i = 0; i < ARRAY_LEN(notify->receivers); i++)
        if (notify->receivers[i]) receiver_end(notify, notify->receivers[i]);
    http_stop(notify->http);
    cond_done(&notify->changed);
    mutex_done(&notify->mutex);
    xfree(notify->allowed);
    xfree(notify);
}

void notify_wake(void *ctx)
{
    struct notify *notify = ctx;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    notify->news++;
    cond_broadcast(&notify->changed);
}

void notify_endpoints_changed(struct notify *notify)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    notify->has_new_endpoints = true;
    cond_broadcast(&notify->changed);
}
