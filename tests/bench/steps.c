/*
 * Durable steps as fast as the store takes them: steps DATABASE WRITERS SECONDS
 *
 * Each writer has a briefing of its own and finishes one step after the other, as a run thread
 * does: the row, an event and a sealed result in one transaction, and waits until it is committed.
 * Prints one JSON object. Counts syncs by standing in front of libc's functions, so that every
 * sync of the process is seen, whoever asks for it.
 */
#include "store/steps.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/runs.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RESULT_BYTES 4096
#define WRITERS_MAX  1024
#define SLOTS        20000 /* of 0.05 ms */
#define SLOT_US      50

static _Atomic(int64_t) n_syncs;
static _Atomic(int64_t) sync_us;
static atomic_bool is_over;

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int sync_counted(long number, int fd)
{
    int64_t begin = now_us(CLOCK_MONOTONIC);
    int result = (int)syscall(number, fd);
    atomic_fetch_add(&n_syncs, 1);
    atomic_fetch_add(&sync_us, now_us(CLOCK_MONOTONIC) - begin);
    return result;
}

int fsync(int fd)
{
    return sync_counted(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_counted(SYS_fdatasync, fd);
}

struct writer_thread {
    struct thread thread;
    struct store *store;
    char run_id[ID_MAX];
    int64_t n_steps;
    int64_t slots[SLOTS]; /* how many steps took how long */
};

static void die_on(enum err e)
{
    if (!e) return;
    fprintf(stderr, "steps: %s: %s\n", err_name(e), err_detail());
    exit(1);
}

static void create_run(struct writer_thread *w, int number)
{
    char user[32];
    snprintf(user, sizeof user, "u_%d", number);
    AUTO(run_row_done)
    struct run_row row = {.user_id = xstrdup(user),
                          .principal = xstrdup("bench"),
                          .recipe = xstrdup("editorial-briefing"),
                          .recipe_hash = xstrdup("sha256:0"),
                          .mode = xstrdup("post"),
                          .params = xstrdup("{}"),
                          .params_hash = xstrdup("sha256:1"),
                          .timezone = xstrdup("UTC"),
                          .if_blocked = xstrdup("wait"),
                          .model = xstrdup("claude-sonnet-5-5"),
                          .start_by_ms = clock_unix_ms() + 86400000,
                          .deadline_ms = 600000,
                          .budget_nano_usd = 1000000000,
                          .status = RUN_QUEUED};
    struct run_create create = {.row = &row, .if_running = RUN_ENQUEUE, .open_max = WRITERS_MAX};
    AUTO(run_created_done) struct run_created created = {0};
    die_on(store_run_create(w->store, &create, &created));
    snprintf(w->run_id, sizeof w->run_id, "%s", created.run_id);
}

static enum err count_turn(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->turn++;
    return E_OK;
}

static void one_step(struct writer_thread *w)
{
    static const char result[RESULT_BYTES] = {0};
    char key[48];
    snprintf(key, sizeof key, "tool/%lld", (long long)w->n_steps);
    AUTO(str_done) struct str sealed = {0};
    store_step_seal(w->store, w->run_id, 0, key, result, sizeof result, &sealed);
    struct step_write step = {.key = key,
                              .state = STEP_DONE,
                              .request_hash = "0123456789abcdef0123456789abcdef",
                              .sealed = sealed.data,
                              .sealed_len = sealed.len};
    struct event_new event = {.type = "tool_result", .data = "{\"tool\":\"bench\"}"};
    struct run_update update = {
        .change = count_turn, .events = &event, .n_events = 1, .steps = &step, .n_steps = 1};
    AUTO(run_row_done) struct run_row fresh = {0};
    die_on(store_run_update(w->store, w->run_id, (struct run_fence){0}, &update, &fresh));
}

static void *writer_thread_main(void *arg)
{
    struct writer_thread *w = arg;
    while (!atomic_load(&is_over)) {
        int64_t begin = now_us(CLOCK_MONOTONIC);
        one_step(w);
        int64_t slot = (now_us(CLOCK_MONOTONIC) - begin) / SLOT_US;
        w->slots[slot < SLOTS ? slot : SLOTS - 1]++;
        w->n_steps++;
    }
    return NULL;
}

static double percentile_ms(const struct writer_thread *writers, int n, int64_t n_steps,
                            double share)
{
    int64_t wanted = (int64_t)((double)n_steps * share);
    int64_t seen = 0;
    for (int slot = 0; slot < SLOTS; slot++) {
        for (int i = 0; i < n; i++)
            seen += writers[i].slots[slot];
        if (seen > wanted) return (double)(slot + 1) * SLOT_US / 1000;
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: steps DATABASE WRITERS SECONDS\n");
        return 64;
    }
    int64_t n = 0;
    int64_t seconds = 0;
    die_on(text_to_i64(argv[2], 1, WRITERS_MAX, &n));
    die_on(text_to_i64(argv[3], 1, 3600, &seconds));
    struct store *store = NULL;
    die_on(store_open(&(struct store_options){.path = argv[1]}, &store));
    AUTO(xfree_ptr) struct writer_thread *writers = xcalloc((size_t)n, sizeof *writers);
    for (int i = 0; i < n; i++) {
        writers[i].store = store;
        create_run(&writers[i], i);
    }
    int64_t syncs = atomic_load(&n_syncs);
    int64_t in_sync = atomic_load(&sync_us);
    int64_t cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    int64_t begin = now_us(CLOCK_MONOTONIC);
    for (int i = 0; i < n; i++)
        die_on(thread_start(&writers[i].thread, "writer", writer_thread_main, &writers[i]));
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    atomic_store(&is_over, true);
    int64_t n_steps = 0;
    for (int i = 0; i < n; i++) {
        thread_join(&writers[i].thread);
        n_steps += writers[i].n_steps;
    }
    int64_t took = now_us(CLOCK_MONOTONIC) - begin;
    printf("{\"steps\":%lld,\"seconds\":%.3f,\"fsyncs\":%lld,\"fsync_ms\":%.1f,\"cpu_ms\":%.1f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           (long long)n_steps, (double)took / 1e6, (long long)(atomic_load(&n_syncs) - syncs),
           (double)(atomic_load(&sync_us) - in_sync) / 1e3,
           (double)(now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3,
           percentile_ms(writers, (int)n, n_steps, 0.5),
           percentile_ms(writers, (int)n, n_steps, 0.99));
    store_close(store);
    return 0;
}
