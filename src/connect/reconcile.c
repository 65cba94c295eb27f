/*
 * The thread that keeps stored connections true.
 *
 * What a webhook spoke of is read at once, but the same account once a second at most, however many
 * webhooks come about it: those that come meanwhile are answered by one more reading. The rest is
 * read slowly: one every second among those that were
 * not read for `recheck_after_ms`. An account that is not stored as usable is believed to be usable
 * again only when the provider says so, too (its probe): ScaleKit notices a revocation late. While
 * ScaleKit cannot be asked, the thread waits longer and longer, up to a minute.
 *
 * It also forgets sessions, tickets, flows and receipts that are over.
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect/internal.h"
#include "store/sessions.h"

#define PACE_MS        1000
#define MERGE_MS       1000
#define BACKOFF_MS_MAX 60000
#define PRUNE_EVERY_MS 60000
#define BATCH          32

/* Until somebody wakes it (when `is_wakeable`) or the time is over. False: stop. */
static bool wait_ms(struct connect *connect, int64_t ms, bool is_wakeable)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&connect->mutex);
    int64_t until_ms = clock_mono_ms() + ms;
    while (!connect->is_stopping && !(is_wakeable && connect->has_news) &&
           cond_wait_until(&connect->woken, held, until_ms)) {
    }
    if (is_wakeable) connect->has_news = false;
    return !connect->is_stopping;
}

static bool is_stopping(struct connect *connect)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&connect->mutex);
    return connect->is_stopping;
}

/* A connection that this deployment does not offer any more is only put off. */
static enum err read_one(struct connect *connect, const struct connection_row *row)
{
    const struct agent *agent = connect->options.agent;
    AUTO(connection_row_done) struct connection_row fresh = {0};
    struct scalekit_error error = {0};
    struct scalekit_call call = {.cancel = &connect->stop};
    bool with_probe = row->due_ms > 0 || !account_is_usable(row->status) || !row->identity;
    enum err e =
        connect_read(connect, &call, row->user_id, row->connector, with_probe, &fresh, &error);
    if (!e) return E_OK;
    if (is_stopping(connect)) return e;
    if (error.class != SCALEKIT_FINE)
        log_warn("connection_not_read", LOG_STR("connector", row->connector),
                 LOG_STR("class", scalekit_class_name(error.class)),
                 LOG_INT("status", error.status), LOG_STR("upstream_request", error.request_id));
    bool is_pointless = e == E_INVALID;
    enum err put_off = store_connection_postpone(agent->store, row->user_id, row->connector,
                                                 clock_unix_ms(), is_pointless);
    return put_off ? put_off : is_pointless ? E_OK : e;
}

/* Those that are due, and one of the others. Sets *out_n to how many were read. */
static enum err read_some(struct connect *connect, size_t *out_n)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    int64_t before_ms = clock_unix_ms() - connect->options.recheck_after_ms;
    *out_n = 0;
    enum err e =
        store_connections_stale(connect->options.agent->store, before_ms, MERGE_MS, BATCH, &list);
    for (size_t i = 0; !e && i < list.n && !is_stopping(connect); i++) {
        e = read_one(connect, &list.rows[i]);
        ++*out_n;
        if (list.rows[i].due_ms == 0) break;
    }
    return e;
}

static void prune(struct connect *connect, int64_t *next_prune_ms)
{
    if (clock_mono_ms() < *next_prune_ms) return;
    *next_prune_ms = clock_mono_ms() + PRUNE_EVERY_MS;
    enum err e = store_browser_prune(connect->options.agent->store, clock_unix_ms());
    if (e) log_failure("not_pruned", e);
}

void *reconcile_main(void *arg)
{
    struct connect *connect = arg;
    int64_t backoff_ms = PACE_MS;
    int64_t next_prune_ms = 0;
    for (bool goes_on = true; goes_on;) {
        size_t n = 0;
        prune(connect, &next_prune_ms);
        enum err e = read_some(connect, &n);
        if (e && e != E_UPSTREAM && e != E_CANCELLED) log_failure("connections_not_read", e);
        backoff_ms = !e                                ? PACE_MS
                     : 2 * backoff_ms < BACKOFF_MS_MAX ? 2 * backoff_ms
                                                       : BACKOFF_MS_MAX;
        /* While ScaleKit is out of reach a flood of webhooks does not hurry us. */
        goes_on = wait_ms(connect, backoff_ms, !e);
    }
    return NULL;
}
