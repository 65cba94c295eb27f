/*
 * Snapshots and waiters.
 *
 * Threads: the store's writer (watch_changed), MHD and handler threads (find, put, wait), and the
 * watch's own thread, which alone calls waiters. One mutex guards everything; it is held for memory
 * work only, and no waiter is called under it.
 *
 *   entry (one a run in memory) ── snapshot (counted) ── waiters of the run
 *   ended entries form a line, the oldest is forgotten first
 *   waiters also stand in one list by the time they give up; almost all wait equally long, so
 * insertion is at the end told: waiters that are to be called now
 */
#include "runs/watch.h"

#include "base/clock.h"
#include "base/thread.h"
#include "runs/snapshot.h"

#include <string.h>

#define ENDED_MAX     10000
#define BUCKETS_FIRST 1024

struct waiter {
    struct entry *entry;
    int64_t until_mono_ms;
    watch_wake *wake;
    void *ctx;
    struct waiter *next_of_run, *previous_of_run;
    struct waiter *next, *previous; /* by time; or the list `told` */
    struct snapshot *news;          /* with its own reference, once told */
    bool is_timeout;
};

struct entry {
    struct snapshot *snapshot;
    struct waiter *waiters;
    struct entry *next_in_bucket;
    struct entry *next_ended, *previous_ended;
    bool is_in_line; /* of the ended */
};

struct watch {
    char *public_url;
    int64_t waiters_max;
    struct thread thread;

    struct mutex mutex; /* guards what follows */
    struct cond changed;
    struct entry **buckets;
    size_t n_buckets, n_entries;
    struct entry *ended_first, *ended_last;
    size_t n_ended;
    struct waiter *first, *last; /* by until_mono_ms */
    int64_t n_waiters;
    struct waiter *told;
    int64_t epoch; /* how often something was deleted */
    bool is_stopping;
};

/* ---- entries ---- */

static size_t bucket_of(const struct watch *watch, const char *run_id)
{
    uint64_t hash = 1469598103934665603ULL;
    for (; *run_id; run_id++)
        hash = (hash ^ (unsigned char)*run_id) * 1099511628211ULL;
    return (size_t)(hash & (watch->n_buckets - 1));
}

static struct entry *entry_find_locked(const struct watch *watch, const char *run_id)
{
    for (struct entry *e = watch->buckets[bucket_of(watch, run_id)]; e; e = e->next_in_bucket) {
        if (strcmp(e->snapshot->id, run_id) == 0) return e;
    }
    return NULL;
}

static void grow_locked(struct watch *watch)
{
    size_t n_old = watch->n_buckets;
    struct entry **old = watch->buckets;
    watch->n_buckets = n_old * 2;
    watch->buckets = xcalloc(watch->n_buckets, sizeof(struct entry *));
    for (size_t i = 0; i < n_old; i++) {
        while (old[i]) {
            struct entry *e = old[i];
            old[i] = e->next_in_bucket;
            size_t at = bucket_of(watch, e->snapshot->id);
            e->next_in_bucket = watch->buckets[at];
            watch->buckets[at] = e;
        }
    }
    xfree(old);
}

static struct entry *entry_add_locked(struct watch *watch, struct snapshot *snapshot)
{
    if (watch->n_entries >= watch->n_buckets) grow_locked(watch);
    struct entry *e = xcalloc(1, sizeof(*e));
    size_t at = bucket_of(watch, snapshot->id);
    e->snapshot = snapshot;
    e->next_in_bucket = watch->buckets[at];
    watch->buckets[at] = e;
    watch->n_entries++;
    return e;
}

static void leave_line_locked(struct watch *watch, struct entry *e)
{
    if (!e->is_in_line) return;
    if (e->previous_ended)
        e->previous_ended->next_ended = e->next_ended;
    else
        watch->ended_first = e->next_ended;
    if (e->next_ended)
        e->next_ended->previous_ended = e->previous_ended;
    else
        watch->ended_last = e->previous_ended;
    e->next_ended = e->previous_ended = NULL;
    e->is_in_line = false;
    watch->n_ended--;
}

static void forget_locked(struct watch *watch, struct entry *e)
{
    leave_line_locked(watch, e);
    struct entry **at = &watch->buckets[bucket_of(watch, e->snapshot->id)];
    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    watch->n_entries--;
    snapshot_release(e->snapshot);
    xfree(e);
}

static void join_line_locked(struct watch *watch, struct entry *e)
{
    if (e->is_in_line) return;
    e->is_in_line = true;
    e->previous_ended = watch->ended_last;
    if (watch->ended_last)
        watch->ended_last->next_ended = e;
    else
        watch->ended_first = e;
    watch->ended_last = e;
    watch->n_ended++;
    struct entry *oldest = watch->ended_first;
    if (watch->n_ended > ENDED_MAX && oldest != e && !oldest->waiters) forget_locked(watch, oldest);
}

/* ---- waiters ---- */

static void unlink_waiter_locked(struct watch *watch, struct waiter *w)
{
    if (w->previous_of_run)
        w->previous_of_run->next_of_run = w->next_of_run;
    else
        w->entry->waiters = w->next_of_run;
    if (w->next_of_run) w->next_of_run->previous_of_run = w->previous_of_run;
    if (w->previous)
        w->previous->next = w->next;
    else
        watch->first = w->next;
    if (w->next)
        w->next->previous = w->previous;
    else
        watch->last = w->previous;
}

static void tell_locked(struct watch *watch, struct waiter *w, bool is_timeout)
{
    unlink_waiter_locked(watch, w);
    watch
        ->n_waiters--; /* now: whoever is answered may wait again at once, and finds the place free */
    w->news = snapshot_hold(w->entry->snapshot);
    w->is_timeout = is_timeout;
    w->previous = NULL;
    w->next = watch->told;
    watch->told = w;
}

static void link_by_time_locked(struct watch *watch, struct waiter *w)
{
    struct waiter *before = watch->last;
    while (before && before->until_mono_ms > w->until_mono_ms)
        before = before->previous;
    w->previous = before;
    w->next = before ? before->next : watch->first;
    if (w->next)
        w->next->previous = w;
    else
        watch->last = w;
    if (before)
        before->next = w;
    else
        watch->first = w;
}

enum err watch_wait(struct watch *watch, const char *run_id, int64_t known_etag,
                    int64_t until_mono_ms, watch_wake *wake, void *ctx)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&watch->mutex);
    struct entry *e = entry_find_locked(watch, run_id);
    if (!e) return fail(E_NOT_FOUND, "no snapshot of %s", run_id);
    if (e->snapshot->etag != known_etag || e->snapshot->is_terminal || watch->is_stopping)
        return fail(E_CONFLICT, "there are news of %s already", run_id);
    if (watch->n_waiters >= watch->waiters_max)
        return fail(E_LIMIT, "%lld callers wait already", (long long)watch->n_waiters);
    struct waiter *w = xcalloc(1, sizeof(*w));
    *w = (struct waiter){.entry = e, .until_mono_ms = until_mono_ms, .wake = wake, .ctx = ctx};
    w->next_of_run = e->waiters;
    if (e->waiters) e->waiters->previous_of_run = w;
    e->waiters = w;
    link_by_time_locked(watch, w);
    watch->n_waiters++;
    if (watch->first == w) cond_signal(&watch->changed);
    return E_OK;
}

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    mutex_lock(&watch->mutex);
    for (;;) {
        int64_t now_ms = clock_mono_ms();
        while (watch->first && (watch->is_stopping || watch->first->until_mono_ms <= now_ms))
            tell_locked(watch, watch->first, true);
        struct waiter *told = watch->told;
        watch->told = NULL;
        if (told) {
            mutex_unlock(&watch->mutex);
            while (told) {
                struct waiter *next = told->next;
                told->wake(told->ctx, told->news, told->is_timeout);
                xfree(told);
                told = next;
            }
            mutex_lock(&watch->mutex);
            continue;
        }
        if (watch->is_stopping) break;
        if (watch->first)
            (void)cond_wait_until(&watch->changed, &watch->mutex, watch->first->until_mono_ms);
        else
            cond_wait(&watch->changed, &watch->mutex);
    }
    mutex_unlock(&watch->mutex);
    return NULL;
}

/* ---- the public side ---- */

/* Takes the snapshot over, unless a newer one is there. Returns the newest with a reference for the
 * caller. */
static struct snapshot *put_locked(struct watch *watch, struct snapshot *fresh)
{
    struct entry *e = entry_find_locked(watch, fresh->id);
    if (e && e->snapshot->etag >= fresh->etag) {
        snapshot_release(fresh);
        return snapshot_hold(e->snapshot);
    }
    if (e) {
        snapshot_release(e->snapshot);
        e->snapshot = fresh;
    } else {
        e = entry_add_locked(watch, fresh);
    }
    struct snapshot *result = snapshot_hold(fresh);
    bool has_waiters = e->waiters != NULL;
    while (e->waiters)
        tell_locked(watch, e->waiters, false);
    if (has_waiters) cond_signal(&watch->changed);
    if (fresh->is_terminal)
        join_line_locked(watch, e);
    else
        leave_line_locked(watch, e); /* settled or taken up again */
    return result;
}

struct snapshot *watch_put(struct watch *watch, const struct run_row *row)
{
    struct snapshot *fresh = snapshot_new(row, watch->public_url);
    mutex_lock(&watch->mutex);
    struct snapshot *newest = put_locked(watch, fresh);
    mutex_unlock(&watch->mutex);
    return newest;
}

int64_t watch_epoch(struct watch *watch)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&watch->mutex);
    return watch->epoch;
}

struct snapshot *watch_put_read(struct watch *watch, const struct run_row *row, int64_t epoch)
{
    struct snapshot *fresh = snapshot_new(row, watch->public_url);
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&watch->mutex);
    return watch->epoch == epoch ? put_locked(watch, fresh) : fresh;
}

void watch_forget(struct watch *watch, const struct run_ids *ids)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&watch->mutex);
    watch->epoch++;
    for (size_t i = 0; ids && i < ids->n; i++) {
        struct entry *e = entry_find_locked(watch, ids->ids[i]);
        if (e && e->is_in_line) forget_locked(watch, e);
    }
    for (struct entry *e = ids ? NULL : watch->ended_first; e;) {
        struct entry *next = e->next_ended;
        forget_locked(watch, e);
        e = next;
    }
}

void watch_changed(void *watch, const struct run_row *row)
{
    snapshot_release(watch_put(watch, row));
}

struct snapshot *watch_find(struct watch *watch, const char *run_id)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&watch->mutex);
    struct entry *e = entry_find_locked(watch, run_id);
    return e ? snapshot_hold(e->snapshot) : NULL;
}

const char *watch_public_url(const struct watch *watch)
{
    return watch->public_url;
}

enum err watch_start(const char *public_url, int64_t waiters_max, struct watch **out_watch)
{
    struct watch *watch = xcalloc(1, sizeof(*watch));
    watch->public_url = xstrdup(public_url);
    watch->waiters_max = waiters_max;
    watch->n_buckets = BUCKETS_FIRST;
    watch->buckets = xcalloc(watch->n_buckets, sizeof(struct entry *));
    mutex_init(&watch->mutex);
    cond_init(&watch->changed);
    enum err e = thread_start(&watch->thread, "watch", watch_main, watch);
    if (e) {
        watch_free(watch);
        return e;
    }
    *out_watch = watch;
    return E_OK;
}

void watch_stop(struct watch *watch)
{
    if (!watch) return;
    mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    cond_signal(&watch->changed);
    mutex_unlock(&watch->mutex);
    thread_join(&watch->thread);
}

void watch_free(struct watch *watch)
{
    if (!watch) return;
    watch_stop(watch);
    for (size_t i = 0; i < watch->n_buckets; i++) {
        while (watch->buckets[i])
            forget_locked(watch, watch->buckets[i]);
    }
    xfree(watch->buckets);
    xfree(watch->public_url);
    cond_done(&watch->changed);
    mutex_done(&watch->mutex);
    xfree(watch);
}
