#include "store/writer.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/metrics.h"
#include "base/str.h"
#include "base/thread.h"
#include "store/internal.h"
#include "store/run_counts.h"
#include "store/runs.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

struct writer {
    struct store *store;
    struct thread thread;

    struct mutex mutex;
    struct cond has_work;
    /* Two: a caller waits on the one of its batch, so that the end of a batch wakes nobody of the
     * next. */
    struct cond is_finished[2];
    /* guarded by mutex */
    struct write_job *first;
    struct write_job **last;
    unsigned batch; /* number of the batch that the queued jobs will be */
    bool is_stopping;

    /* set before other threads write */
    void (*changed)(void *ctx, const struct run_row *row);
    void *changed_ctx;
    void (*added)(void *ctx);
    void *added_ctx;

    /* the writer thread's own */
    struct db *db;
    int64_t live_runs;
    bool has_outbox; /* this batch wrote into the outbox */
    struct metric *commit_time, *commit_jobs, *commit_failures;
    int64_t data_version; /* as SQLite gives it: changes when another connection has committed */
};

static const struct metric_def commit_time = {
    .name = "briefd_db_commit_seconds",
    .help = "How long COMMIT took, the disk included.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 6,
    .bounds = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000,
               5000000},
};
static const struct metric_def commit_jobs = {
    .name = "briefd_db_commit_writes",
    .help = "Writes that went into one commit.",
    .kind = METRIC_HISTOGRAM,
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
};
static const struct metric_def commit_failures = {
    .name = "briefd_db_commit_failures_total",
    .help = "Transactions that were given up: nothing of them was written.",
    .kind = METRIC_COUNTER,
};

static void job_fail(struct write_job *job, enum err e)
{
    job->result = e;
    job->changed = NULL;
    job->n_changed = 0;
    xfree(job->detail);
    xfree(job->origin);
    job->detail = xstrdup(err_detail());
    job->origin = xstrdup(err_origin());
}

static enum err statement(struct db *db, const char *sql)
{
    AUTO(query_done) struct query q = query_begin(db, sql);
    return query_run(&q);
}

/* Another process, an admin command, may have changed what is counted in memory here. */
static enum err look_outside(struct writer *writer)
{
    int64_t version = 0;
    bool has_row = false;
    {
        AUTO(query_done) struct query q = query_begin(writer->db, "PRAGMA data_version");
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        version = query_i64(&q, 0);
    }
    if (version == writer->data_version) return E_OK;

    AUTO(query_done)
    struct query q = query_begin(writer->db, "SELECT count(*) FROM runs WHERE finished_ms = 0");
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    writer->live_runs = query_i64(&q, 0);
    writer->data_version = version;
    return E_OK;
}

static enum err batch_begin(struct writer *writer)
{
    /* What is read may be wrong from here on, and what is written might make it worse. */
    if (atomic_load(&writer->store->is_damaged))
        return fail(E_STORAGE,
                    "database %s is damaged, and not written any more: stop, and"
                    " restore a backup",
                    writer->db->path);
    enum err e = statement(writer->db, "BEGIN IMMEDIATE");
    if (e) return e;
    return look_outside(writer);
}

/* One job inside the transaction. Returns an error only when the transaction is to be given up. */
static enum err job_run(struct writer *writer, struct write_job *job)
{
    struct db *db = writer->db;
    int64_t live_runs = writer->live_runs;
    enum err e = statement(db, "SAVEPOINT job");
    if (e) return e;
    e = job->run(writer->store, db, job);
    if (!e) return statement(db, "RELEASE job");

    job_fail(job, e);
    writer->live_runs = live_runs;
    if (!db_in_transaction(db)) return e; /* SQLite has rolled all of it back */
    e = statement(db, "ROLLBACK TO job");
    if (e) return e;
    return statement(db, "RELEASE job");
}

static enum err batch_commit(struct writer *writer)
{
    fault_crash("commit_before");
    int64_t begun_us = clock_mono_us();
    enum err e = statement(writer->db, "COMMIT");
    if (!e) fault_crash("commit_after");
    if (!e) metric_observe(writer->commit_time, clock_mono_us() - begun_us);
    return e;
}

/* Nothing of the batch happened. A job that failed by itself keeps its own story. */
static void batch_give_up(struct writer *writer, struct write_job *first, int64_t live_runs)
{
    db_rollback(writer->db);
    writer->live_runs = live_runs;
    for (struct write_job *job = first; job; job = job->next) {
        if (!job->result) job_fail(job, E_STORAGE);
    }
}

static void batch_count(struct writer *writer, const struct write_job *first)
{
    int n_jobs = 0;
    for (const struct write_job *job = first; job; job = job->next) {
        for (size_t i = 0; i < job->n_changed; i++)
            run_counts_add(job->before ? &job->before[i] : NULL, &job->changed[i]);
        n_jobs++;
    }
    metric_observe(writer->commit_jobs, n_jobs);
}

static void batch_tell(struct writer *writer, const struct write_job *first)
{
    if (writer->has_outbox && writer->added) writer->added(writer->added_ctx);
    if (!writer->changed) return;
    for (const struct write_job *job = first; job; job = job->next) {
        for (size_t i = 0; i < job->n_changed; i++)
            writer->changed(writer->changed_ctx, &job->changed[i]);
    }
}

static void batch_run(struct writer *writer, struct write_job *first)
{
    int64_t live_runs = writer->live_runs;
    writer->has_outbox = false;
    enum err e = batch_begin(writer);
    /* look_outside() may have counted anew. */
    if (!e) live_runs = writer->live_runs;
    for (struct write_job *job = first; job && !e; job = job->next)
        e = job_run(writer, job);
    if (!e) e = batch_commit(writer);
    if (e) {
        batch_give_up(writer, first, live_runs);
        metric_add(writer->commit_failures, 1);
        return;
    }
    /* Counted first: who is told of an end finds it in the metrics. */
    batch_count(writer, first);
    batch_tell(writer, first);
}

/* Waits for jobs; false when there will be none any more. */
static bool batch_take(struct writer *writer, struct write_job **out_first, unsigned *out_batch)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&writer->mutex);
    while (!writer->first && !writer->is_stopping)
        cond_wait(&writer->has_work, held);
    if (!writer->first) return false;
    *out_first = writer->first;
    *out_batch = writer->batch++;
    writer->first = NULL;
    writer->last = &writer->first;
    return true;
}

static void batch_finish(struct writer *writer, struct write_job *first, unsigned batch)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&writer->mutex);
    /* From is_finished on a job may be gone as soon as the lock is. */
    for (struct write_job *job = first; job; job = job->next)
        job->is_finished = true;
    cond_broadcast(&writer->is_finished[batch % 2]);
}

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    struct write_job *first = NULL;
    unsigned batch = 0;
    while (batch_take(writer, &first, &batch)) {
        batch_run(writer, first);
        batch_finish(writer, first, batch);
    }
    return NULL;
}

enum err writer_start(struct store *store, struct db *db, struct writer **out_writer)
{
    struct writer *writer = xcalloc(1, sizeof *writer);
    writer->store = store;
    writer->db = db;
    writer->last = &writer->first;
    writer->data_version = -1;
    writer->commit_time = metric_only(&commit_time);
    writer->commit_jobs = metric_only(&commit_jobs);
    writer->commit_failures = metric_only(&commit_failures);
    run_counts_init();
    mutex_init(&writer->mutex);
    cond_init(&writer->has_work);
    cond_init(&writer->is_finished[0]);
    cond_init(&writer->is_finished[1]);
    enum err e = thread_start(&writer->thread, "store-writer", writer_main, writer);
    if (e) {
        writer_stop(writer);
        return e;
    }
    *out_writer = writer;
    return E_OK;
}

void writer_stop(struct writer *writer)
{
    if (!writer) return;
    mutex_lock(&writer->mutex);
    writer->is_stopping = true;
    cond_signal(&writer->has_work);
    mutex_unlock(&writer->mutex);
    thread_join(&writer->thread);

    /* Leaves one file that can be copied. When it cannot be done, the next start finds the WAL. */
    if (db_exec(writer->db, "PRAGMA wal_checkpoint(TRUNCATE)"))
        assert(!db_in_transaction(writer->db));
    db_close(writer->db);
    mutex_done(&writer->mutex);
    cond_done(&writer->has_work);
    cond_done(&writer->is_finished[0]);
    cond_done(&writer->is_finished[1]);
    xfree(writer);
}

static void wait_for(struct writer *writer, struct write_job *job)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&writer->mutex);
    assert(!writer->is_stopping); /* the store is closed after everybody who uses it has ended */
    if (!writer->first) cond_signal(&writer->has_work);
    *writer->last = job;
    writer->last = &job->next;
    struct cond *is_finished = &writer->is_finished[writer->batch % 2];
    while (!job->is_finished)
        cond_wait(is_finished, held);
}

/* Tells the story of the writer thread once more, on this one. */
static enum err job_fail_here(struct write_job *job)
{
    int64_t line = 0;
    char *colon = strrchr(job->origin, ':');
    if (colon && text_to_i64(colon + 1, 0, INT_MAX, &line) == E_OK) *colon = '\0';
    enum err e = fail_at(job->origin, (int)line, job->result, "%s", job->detail);
    xfree(job->detail);
    xfree(job->origin);
    job->detail = NULL;
    job->origin = NULL;
    return e;
}

enum err writer_do(struct writer *writer, struct write_job *job)
{
    wait_for(writer, job);
    return job->result ? job_fail_here(job) : E_OK;
}

void writer_observe(struct writer *writer, void (*changed)(void *ctx, const struct run_row *row),
                    void *ctx)
{
    writer->changed = changed;
    writer->changed_ctx = ctx;
}

void writer_observe_outbox(struct writer *writer, void (*added)(void *ctx), void *ctx)
{
    writer->added = added;
    writer->added_ctx = ctx;
}

void writer_outbox_added(struct writer *writer)
{
    writer->has_outbox = true;
}

int64_t writer_live_runs(const struct writer *writer)
{
    return writer->live_runs;
}

void writer_live_runs_add(struct writer *writer, int change)
{
    writer->live_runs += change;
    assert(writer->live_runs >= 0);
}

int64_t writer_data_version(const struct writer *writer)
{
    return writer->data_version;
}
