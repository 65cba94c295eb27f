/*
 * Who waits for which run, and the newest document of each, in memory.
 *
 * After each commit the store tells watch_changed(): the document is rendered once and kept;
 * readers get a counted reference to it without touching the database. Waiters (long-polls) are
 * woken from the watch's own thread, never from the store's. Live runs stay in memory; ended ones
 * are forgotten after the newest 10,000.
 *
 * A snapshot is immutable and counted: watch_find() and watch_put() give one reference,
 * snapshot_release() returns it.
 */
#ifndef RUNS_WATCH_H
#define RUNS_WATCH_H

#include "store/runs.h"

struct watch;

struct snapshot {
    char id[ID_MAX];
    char user_id[USER_ID_BYTES_MAX + 1];
    int64_t etag; /* number of the last event */
    bool is_terminal;
    int64_t created_ms;
    size_t len;
    char *document; /* JSON text */
};

enum err watch_start(const char *public_url, int64_t waiters_max,
                     struct watch **out_watch) MUST_CHECK;
/* Wakes every waiter (as timed out), joins the thread; nobody can wait any more. The snapshots stay
 * readable until watch_free(). NULL is fine for both. */
void watch_stop(struct watch *watch);
void watch_free(struct watch *watch);

/* What links in documents start with; valid as long as the watch. */
const char *watch_public_url(const struct watch *watch);

/* For store_observe_runs(): ctx is the watch. */
void watch_changed(void *watch, const struct run_row *row);

/* NULL: not in memory; read the row and watch_put() it. */
struct snapshot *watch_find(struct watch *watch, const char *run_id);
struct snapshot *watch_put(struct watch *watch, const struct run_row *row);
/* For a row that was read, not just written: it may have been deleted since. `epoch` is what
 * watch_epoch() said before it was read; when something was forgotten meanwhile, the snapshot is
 * the caller's alone. */
int64_t watch_epoch(struct watch *watch);
struct snapshot *watch_put_read(struct watch *watch, const struct run_row *row, int64_t epoch);
/* These were deleted; those that have not ended stay. NULL: forget every ended one, it is read anew
 * when somebody asks. */
void watch_forget(struct watch *watch, const struct run_ids *ids);
void snapshot_release(struct snapshot *snapshot);

/* A waiter is called exactly once, on the watch's thread, when the run's etag differs from
 * `known_etag` (then with the new snapshot, its own reference) or when the time is over or the
 * watch stops (with the newest snapshot). If it differs already at the time of the call, nothing is
 * linked: E_CONFLICT, and the caller answers at once. E_NOT_FOUND: no snapshot in memory; E_LIMIT:
 * too many waiters. */
typedef void watch_wake(void *ctx, struct snapshot *newest, bool is_timeout);
enum err watch_wait(struct watch *watch, const char *run_id, int64_t known_etag,
                    int64_t until_mono_ms, watch_wake *wake, void *ctx) MUST_CHECK;

#endif
