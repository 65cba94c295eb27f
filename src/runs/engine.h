/*
 * The inside of `struct runs`: shared by scheduler, worker, submit and cancel. Internal to runs/.
 *
 * Threads: the scheduler, the run threads, and whoever calls the public functions. One mutex guards
 * the queue and the list of live runs; it is held for memory work only.
 */
#ifndef RUNS_ENGINE_H
#define RUNS_ENGINE_H

#include "base/thread.h"
#include "runs/queue.h"
#include "runs/runs.h"
#include "runs/suspects.h"

/* One run with a thread. Lives on the heap from before its claim to the end of its thread. */
struct live_run {
    struct runs *runs;
    struct run_row row;           /* as claimed, empty before; belongs to the run thread */
    struct agent_control control; /* written by others */
    char id[ID_MAX];
    char queue_user_id[USER_ID_BYTES_MAX + 1]; /* whose place in the queue it holds; "": nobody's */
    int secrets_read;                          /* of `runs`, when it was claimed */
    struct live_run *next;
};

struct runs {
    struct runs_options options;
    struct thread scheduler;
    atomic_bool is_stopping;
    bool is_overdue_unread; /* the scheduler's own: reading them failed, and that was told */

    struct mutex mutex; /* guards what follows */
    struct cond changed;
    struct run_queue queue;
    struct suspects suspects;
    struct live_run *live;
    int n_live;
    bool waits_for_credentials;
    int secrets_read; /* how often they were read anew */
    bool is_grace_over;
    char *model, *timezone;     /* of briefings that do not say */
    int64_t seen_mono_ms;       /* the scheduler came around */
    int64_t next_sweep_mono_ms; /* when overdue runs are looked for again */
};

/* What is to be started, and when. */
struct engine_item {
    const char *run_id;
    const char *user_id;
    int64_t wake_ms;  /* not before; 0: now */
    int unclean_ends; /* of its row */
};
/* Puts a run into the queue, or among the suspects, and wakes the scheduler. */
void engine_enqueue(struct runs *runs, const struct engine_item *item);

/* Takes a run off the list of live ones and gives its user's place back. Holding the mutex. */
void engine_drop_locked(struct live_run *run);

/* scheduler.c, on the run's thread: makes a queued run a running one, in the database. False: it is
 * not to be run by this thread; it was cancelled, or could not be claimed and comes again. */
bool engine_claim(struct live_run *run) MUST_CHECK;

/* cancel.c: tells the log what somebody did with a run. Browsers' users appear as their hash. */
void engine_log_person(const char *event, const struct run_row *row, const char *principal,
                       const char *state);

/* worker.c: takes the run over and starts its thread, which claims it. E_LIMIT: no thread could be
 * had, the run stays the caller's. */
enum err worker_start(struct live_run *run) MUST_CHECK;

/* finish.c: writes how a run ended, again and again while the database cannot (until the process
 * stops). */
void finish_run(struct live_run *run, const struct agent_end *end);
/* finish.c: ends a run that brought the process down again and again. Changes the row only. */
void finish_crash_loop(struct run_row *row);
/* finish.c: ends runs whose time is over without ever running again. */
void finish_overdue(struct runs *runs);

#endif
