/*
 * Snapshots and waiters: told exactly once, with news or at the end of their time.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "runs/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define FAR_MS 60000

struct told {
    atomic_int n; /* how often */
    atomic_int n_timeouts;
    atomic_llong etag;
};

static void told(void *ctx, struct snapshot *newest, bool is_timeout)
{
    struct told *t = ctx;
    atomic_store(&t->etag, newest->etag);
    if (is_timeout) atomic_fetch_add(&t->n_timeouts, 1);
    snapshot_release(newest);
    atomic_fetch_add(&t->n, 1);
}

static struct run_row a_row(const char *id, int64_t event, enum run_status status)
{
    struct run_row row = {.status = status, .last_event = event};
    run_row_set(&row.id, id);
    run_row_set(&row.user_id, "u");
    run_row_set(&row.recipe, "r");
    run_row_set(&row.params, "{}");
    return row;
}

static void put(struct watch *watch, const char *id, int64_t event, enum run_status status)
{
    AUTO(run_row_done) struct run_row row = a_row(id, event, status);
    watch_changed(watch, &row);
}

static void wait_for(atomic_int *value, int wanted)
{
    int64_t until = clock_mono_ms() + 60000;
    while (atomic_load(value) < wanted && clock_mono_ms() < until)
        sched_yield();
    assert_int_equal(atomic_load(value), wanted);
}

static enum err wait_on(struct watch *watch, const char *id, int64_t etag, int64_t ms,
                        struct told *t)
{
    return watch_wait(watch, id, etag, clock_mono_ms() + ms, told, t);
}

static int make(void **state)
{
    struct watch *watch = NULL;
    enum err e = watch_start("http://h", 300, &watch);
    *state = watch;
    return e ? -1 : 0;
}

static int drop(void **state)
{
    watch_free(*state);
    return 0;
}

static void the_newest_snapshot_wins_and_an_older_one_is_ignored(void **state)
{
    struct watch *watch = *state;
    assert_null(watch_find(watch, "br_1"));
    put(watch, "br_1", 2, RUN_RUNNING);
    put(watch, "br_1", 1, RUN_QUEUED);
    struct snapshot *found = watch_find(watch, "br_1");
    assert_int_equal(found->etag, 2);
    put(watch, "br_1", 3, RUN_SUCCEEDED);
    assert_int_equal(found->etag, 2); /* what one holds does not change */
    assert_non_null(strstr(found->document, "\"status\":\"running\""));
    snapshot_release(found);
    AUTO(run_row_done) struct run_row old = a_row("br_1", 1, RUN_QUEUED);
    struct snapshot *newest = watch_put(watch, &old);
    assert_int_equal(newest->etag, 3);
    assert_true(newest->is_terminal);
    snapshot_release(newest);
}

static void two_hundred_waiters_are_told_once_each(void **state)
{
    struct watch *watch = *state;
    static struct told all[200];
    memset(all, 0, sizeof all);
    put(watch, "br_1", 1, RUN_RUNNING);
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &all[i]), E_OK);
    put(watch, "br_1", 2, RUN_RUNNING);
    put(watch, "br_1", 3, RUN_SUCCEEDED);
    for (size_t i = 0; i < 200; i++) {
        wait_for(&all[i].n, 1);
        assert_int_equal(atomic_load(&all[i].n_timeouts), 0);
        assert_true(atomic_load(&all[i].etag) >= 2);
    }
}

static void a_waiter_of_another_run_is_left_alone(void **state)
{
    struct watch *watch = *state;
    struct told one = {0}, other = {0};
    put(watch, "br_1", 1, RUN_RUNNING);
    put(watch, "br_2", 1, RUN_RUNNING);
    assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &one), E_OK);
    assert_int_equal(wait_on(watch, "br_2", 1, FAR_MS, &other), E_OK);
    put(watch, "br_1", 2, RUN_RUNNING);
    wait_for(&one.n, 1);
    assert_int_equal(atomic_load(&other.n), 0);
    watch_stop(watch);
    assert_int_equal(atomic_load(&other.n), 1);
    assert_int_equal(atomic_load(&other.n_timeouts), 1);
}

static void times_run_out_in_their_order(void **state)
{
    struct watch *watch = *state;
    struct told late = {0}, soon = {0}, now = {0};
    put(watch, "br_1", 1, RUN_RUNNING);
    assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &late), E_OK);
    assert_int_equal(wait_on(watch, "br_1", 1, 30, &soon), E_OK);
    assert_int_equal(wait_on(watch, "br_1", 1, 0, &now), E_OK);
    wait_for(&now.n, 1);
    wait_for(&soon.n, 1);
    assert_int_equal(atomic_load(&soon.n_timeouts), 1);
    assert_int_equal(atomic_load(&soon.etag), 1);
    assert_int_equal(atomic_load(&late.n), 0);
    watch_stop(watch); /* the last one must be told while it is there */
}

static void there_is_no_waiting_for_what_is_known_ended_or_absent(void **state)
{
    struct watch *watch = *state;
    struct told t = {0};
    assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &t), E_NOT_FOUND);
    put(watch, "br_1", 2, RUN_RUNNING);
    assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &t), E_CONFLICT);
    put(watch, "br_1", 3, RUN_FAILED);
    assert_int_equal(wait_on(watch, "br_1", 3, FAR_MS, &t), E_CONFLICT);
    put(watch, "br_2", 1, RUN_RUNNING);
    watch_stop(watch);
    assert_int_equal(wait_on(watch, "br_2", 1, FAR_MS, &t), E_CONFLICT);
    assert_int_equal(atomic_load(&t.n), 0);
}

static void the_number_of_waiters_has_a_limit_that_is_given_back(void **state)
{
    struct watch *watch = *state;
    static struct told all[300];
    struct told more = {0};
    memset(all, 0, sizeof all);
    put(watch, "br_1", 1, RUN_RUNNING);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &all[i]), E_OK);
    assert_int_equal(wait_on(watch, "br_1", 1, FAR_MS, &more), E_LIMIT);
    put(watch, "br_1", 2, RUN_RUNNING);
    for (size_t i = 0; i < 300; i++)
        wait_for(&all[i].n, 1);
    /* The places are free a moment after the last one was told. */
    int64_t until = clock_mono_ms() + 60000;
    enum err e = E_LIMIT;
    while (e == E_LIMIT && clock_mono_ms() < until)
        e = wait_on(watch, "br_1", 2, FAR_MS, &more);
    assert_int_equal(e, E_OK);
    watch_stop(watch);
}

static void only_the_newest_ended_ones_stay_in_memory(void **state)
{
    struct watch *watch = *state;
    char id[ID_MAX];
    put(watch, "br_live", 1, RUN_RUNNING);
    for (int i = 0; i < 10050; i++) {
        snprintf(id, sizeof id, "br_%05d", i);
        put(watch, id, 1, RUN_SUCCEEDED);
    }
    assert_null(watch_find(watch, "br_00049"));
    struct snapshot *kept = watch_find(watch, "br_00050");
    assert_non_null(kept);
    snapshot_release(kept);
    struct snapshot *live = watch_find(watch, "br_live");
    assert_non_null(live);
    snapshot_release(live);
}

static bool has(struct watch *watch, const char *id)
{
    struct snapshot *found = watch_find(watch, id);
    snapshot_release(found);
    return found != NULL;
}

static void what_was_deleted_is_forgotten_but_nothing_live(void **state)
{
    struct watch *watch = *state;
    put(watch, "br_1", 1, RUN_SUCCEEDED);
    put(watch, "br_2", 1, RUN_FAILED);
    put(watch, "br_3", 1, RUN_RUNNING);
    char *ids[] = {xstrdup("br_1"), xstrdup("br_3"), xstrdup("br_unknown")};
    watch_forget(watch, &(struct run_ids){.ids = ids, .n = ARRAY_LEN(ids)});
    assert_false(has(watch, "br_1"));
    assert_true(has(watch, "br_2"));
    assert_true(has(watch, "br_3"));
    watch_forget(watch, NULL);
    assert_false(has(watch, "br_2"));
    assert_true(has(watch, "br_3"));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        xfree(ids[i]);
}

static void a_row_read_before_something_was_deleted_is_not_kept(void **state)
{
    struct watch *watch = *state;
    AUTO(run_row_done) struct run_row row = a_row("br_1", 4, RUN_SUCCEEDED);
    int64_t epoch = watch_epoch(watch);
    watch_forget(watch, &(struct run_ids){0});
    struct snapshot *own = watch_put_read(watch, &row, epoch);
    assert_int_equal(own->etag, 4);
    snapshot_release(own);
    assert_false(has(watch, "br_1"));
    snapshot_release(watch_put_read(watch, &row, watch_epoch(watch)));
    assert_true(has(watch, "br_1"));
}

/* ---- from all sides at once ---- */

#define RUNS   4
#define EVENTS 2000

struct crowd {
    struct watch *watch;
    atomic_int n_waiting;
    atomic_int n_told;
    atomic_bool is_over;
};

static void told_in_crowd(void *ctx, struct snapshot *newest, bool is_timeout)
{
    struct crowd *crowd = ctx;
    (void)is_timeout;
    snapshot_release(newest);
    atomic_fetch_add(&crowd->n_told, 1);
}

static void *writer(void *arg)
{
    struct crowd *crowd = arg;
    for (int64_t n = 2; n <= EVENTS; n++) {
        for (int i = 0; i < RUNS; i++) {
            char id[ID_MAX];
            snprintf(id, sizeof id, "br_%d", i);
            put(crowd->watch, id, n, n == EVENTS ? RUN_SUCCEEDED : RUN_RUNNING);
        }
    }
    atomic_store(&crowd->is_over, true);
    return NULL;
}

static void *reader(void *arg)
{
    struct crowd *crowd = arg;
    for (unsigned i = 0; !atomic_load(&crowd->is_over); i++) {
        char id[ID_MAX];
        snprintf(id, sizeof id, "br_%u", i % RUNS);
        struct snapshot *s = watch_find(crowd->watch, id);
        enum err e =
            watch_wait(crowd->watch, id, s->etag, clock_mono_ms() + (i % 3), told_in_crowd, crowd);
        if (!e) atomic_fetch_add(&crowd->n_waiting, 1);
        snapshot_release(s);
    }
    return NULL;
}

static void nobody_is_lost_and_nobody_told_twice_in_a_crowd(void **state)
{
    struct crowd crowd = {.watch = *state};
    struct thread threads[4];
    memset(threads, 0, sizeof threads);
    for (int i = 0; i < RUNS; i++) {
        char id[ID_MAX];
        snprintf(id, sizeof id, "br_%d", i);
        put(crowd.watch, id, 1, RUN_RUNNING);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(thread_start(&threads[i], "t", i ? reader : writer, &crowd), E_OK);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        thread_join(&threads[i]);
    watch_stop(crowd.watch);
    assert_int_equal(atomic_load(&crowd.n_told), atomic_load(&crowd.n_waiting));
    assert_true(atomic_load(&crowd.n_told) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_snapshot_wins_and_an_older_one_is_ignored),
        TEST(two_hundred_waiters_are_told_once_each),
        TEST(a_waiter_of_another_run_is_left_alone),
        TEST(times_run_out_in_their_order),
        TEST(there_is_no_waiting_for_what_is_known_ended_or_absent),
        TEST(the_number_of_waiters_has_a_limit_that_is_given_back),
        TEST(only_the_newest_ended_ones_stay_in_memory),
        TEST(what_was_deleted_is_forgotten_but_nothing_live),
        TEST(a_row_read_before_something_was_deleted_is_not_kept),
        TEST(nobody_is_lost_and_nobody_told_twice_in_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
