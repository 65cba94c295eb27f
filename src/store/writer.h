/*
 * The writer thread: every change of the database goes through it, one COMMIT for all that wait.
 *
 *     callers            queue            writer thread
 *     job on the stack ─▶ │ │ │ ─▶ BEGIN IMMEDIATE
 *     wait                          for each job: SAVEPOINT, job.run, RELEASE (or ROLLBACK TO)
 *                                   COMMIT, one fsync for all
 *                                   tell the observer, job by job
 *     return  ◀──────────────────── wake everybody of the batch
 *
 * A job lives on its caller's stack: the caller waits until the writer has let go of it. A job that
 * fails is undone alone; when the COMMIT fails, or SQLite gives up the whole transaction, every job
 * of the batch gets E_STORAGE and nothing has changed. The story of a failure is carried over to
 * the caller.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/db.h"

struct run_before;
struct run_row;
struct store;
struct writer;

struct write_job {
    /* Runs on the writer thread inside the transaction, once. May fail with any code. */
    enum err (*run)(struct store *store, struct db *db, struct write_job *job);
    void *ctx;
    /* What run() leaves for the observer: rows as they will be committed. They belong to `ctx`. */
    const struct run_row *changed;
    const struct run_before *before; /* what each of them was; NULL: they are new */
    size_t n_changed;

    /* the writer's own */
    enum err result;
    char *detail; /* the story, when result is an error */
    char *origin;
    bool is_finished;
    struct write_job *next;
};

/* Takes the connection over (it is closed by writer_stop), also when it fails. */
enum err writer_start(struct store *store, struct db *db, struct writer **out_writer) MUST_CHECK;
/* Waits for what is queued. NULL is fine. */
void writer_stop(struct writer *writer);
/* Runs the job and waits for its commit. Returns what the job or the commit returned. */
enum err writer_do(struct writer *writer, struct write_job *job) MUST_CHECK;
void writer_observe(struct writer *writer, void (*changed)(void *ctx, const struct run_row *row),
                    void *ctx);

/* Runs that have not ended, in the whole database. On the writer thread, inside a job: a job that
 * creates or ends a run says so, and is undone with it. */
int64_t writer_live_runs(const struct writer *writer);
void writer_live_runs_add(struct writer *writer, int change);
/* A job wrote into the outbox: somebody is told after the commit. On the writer thread. */
void writer_outbox_added(struct writer *writer);
void writer_observe_outbox(struct writer *writer, void (*added)(void *ctx), void *ctx);
/* The number that store_data_version() gives. On the writer thread. */
int64_t writer_data_version(const struct writer *writer);

#endif
