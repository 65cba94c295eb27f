/* Threads, locks and conditions. */
#include "base/thread.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A small meeting point: a number under a lock. */
struct counter {
    struct mutex mutex;
    struct cond changed;
    int value;
};

static void counter_init(struct counter *c)
{
    mutex_init(&c->mutex);
    cond_init(&c->changed);
    c->value = 0;
}

static void counter_done(struct counter *c)
{
    cond_done(&c->changed);
    mutex_done(&c->mutex);
}

static void *count_to_thousand(void *arg)
{
    struct counter *c = arg;
    for (int i = 0; i < 1000; i++) {
        AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&c->mutex);
        c->value++;
        cond_broadcast(&c->changed);
    }
    return NULL;
}

static void a_held_lock_is_released_at_the_end_of_the_scope(void **state)
{
    (void)state;
    struct counter c;
    counter_init(&c);
    struct thread threads[4] = {0};
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(thread_start(&threads[i], "counter", count_to_thousand, &c), E_OK);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        thread_join(&threads[i]);
    assert_int_equal(c.value, 4000);
    counter_done(&c);
}

static void a_detached_thread_is_waited_for_by_condition(void **state)
{
    (void)state;
    struct counter c;
    counter_init(&c);
    assert_int_equal(thread_start_detached("detached", count_to_thousand, &c), E_OK);
    mutex_lock(&c.mutex);
    while (c.value < 1000)
        cond_wait(&c.changed, &c.mutex);
    mutex_unlock(&c.mutex);
    assert_int_equal(c.value, 1000);
    counter_done(&c);
}

static void a_wait_ends_when_its_time_has_come(void **state)
{
    (void)state;
    struct counter c;
    counter_init(&c);
    mutex_lock(&c.mutex);
    assert_false(cond_wait_until(&c.changed, &c.mutex, 0));
    assert_false(cond_wait_until(&c.changed, &c.mutex, -5));
    int64_t until = clock_mono_ms() + 20;
    while (cond_wait_until(&c.changed, &c.mutex, until))
        assert_true(clock_mono_ms() <= until);
    assert_true(clock_mono_ms() >= until);
    mutex_unlock(&c.mutex);
    counter_done(&c);
}

static void a_wait_with_a_deadline_ends_early_when_signalled(void **state)
{
    (void)state;
    struct counter c;
    counter_init(&c);
    int64_t until = clock_mono_ms() + 60000;
    struct thread thread = {0};
    mutex_lock(&c.mutex);
    assert_int_equal(thread_start(&thread, "counter", count_to_thousand, &c), E_OK);
    while (c.value < 1000)
        assert_true(cond_wait_until(&c.changed, &c.mutex, until));
    mutex_unlock(&c.mutex);
    thread_join(&thread);
    counter_done(&c);
}

/* What a thread finds when it looks at itself. */
struct looks {
    char name[32];
    sigset_t blocked;
    size_t stack_size;
    void *arg_seen;
};

static void *look_at_oneself(void *arg)
{
    struct looks *looks = arg;
    pthread_attr_t attributes;
    pthread_getname_np(pthread_self(), looks->name, sizeof looks->name);
    pthread_sigmask(SIG_BLOCK, NULL, &looks->blocked);
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &looks->stack_size);
        pthread_attr_destroy(&attributes);
    }
    looks->arg_seen = arg;
    return NULL;
}

static void a_thread_has_its_name_and_a_small_stack(void **state)
{
    (void)state;
    struct looks looks = {0};
    struct thread thread = {0};
    char name[] = "a name that the kernel would refuse";
    assert_int_equal(thread_start(&thread, name, look_at_oneself, &looks), E_OK);
    memset(name, 'x', sizeof name - 1); /* the name was copied */
    thread_join(&thread);
    assert_string_equal(looks.name, "a name that the");
    assert_ptr_equal(looks.arg_seen, &looks);
    assert_in_range(looks.stack_size, 256 * KIB, 1 * MIB + 64 * KIB);
}

static void signals_go_to_main_and_faults_stay_where_they_are(void **state)
{
    (void)state;
    struct looks looks = {0};
    struct thread thread = {0};
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_int_equal(sigismember(&before, SIGTERM), 0);
    assert_int_equal(thread_start(&thread, "quiet", look_at_oneself, &looks), E_OK);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    thread_join(&thread);
    static const int away[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1};
    for (size_t i = 0; i < ARRAY_LEN(away); i++) {
        assert_int_equal(sigismember(&looks.blocked, away[i]), 1);
        assert_int_equal(sigismember(&after, away[i]), sigismember(&before, away[i]));
    }
    assert_int_equal(sigismember(&looks.blocked, SIGSEGV), 0);
    assert_int_equal(sigismember(&looks.blocked, SIGABRT), 0);

    thread_block_signals();
    pthread_sigmask(SIG_SETMASK, &before, &after);
    assert_int_equal(sigismember(&after, SIGTERM), 1);
    assert_int_equal(sigismember(&after, SIGSEGV), 0);
}

/* What a thread's stack held before and after it gave back what lies deeper. */
struct depths {
    size_t before;
    size_t after;
    size_t again;
    bool is_own_frame_whole;
};

static size_t resident_pages(void *lowest, size_t size)
{
    unsigned char pages[1024];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = size / page, sum = 0;
    assert_true(n <= sizeof pages);
    if (mincore(lowest, n * page, pages)) return 0;
    for (size_t i = 0; i < n; i++)
        sum += pages[i] & 1;
    return sum;
}

OWN_FRAME static void go_deep(void)
{
    volatile char deep[100 * KIB];
    for (size_t i = 0; i < sizeof deep; i += 512)
        deep[i] = 'x';
    assert_int_equal(deep[512], 'x');
}

static void *give_back(void *arg)
{
    struct depths *depths = arg;
    volatile char mine[1000];
    for (size_t i = 0; i < sizeof mine; i++)
        mine[i] = (char)i;
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size = 0;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    assert_int_equal(pthread_attr_getstack(&attributes, &lowest, &size), 0);
    pthread_attr_destroy(&attributes);
    go_deep();
    depths->before = resident_pages(lowest, size);
    thread_give_back_stack();
    depths->after = resident_pages(lowest, size);
    go_deep();
    depths->again = resident_pages(lowest, size);
    depths->is_own_frame_whole = true;
    for (size_t i = 0; i < sizeof mine; i++)
        depths->is_own_frame_whole = depths->is_own_frame_whole && mine[i] == (char)i;
    return NULL;
}

static void a_stack_that_went_deep_is_given_back(void **state)
{
    (void)state;
    struct depths depths = {0};
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "deep", give_back, &depths), E_OK);
    thread_join(&thread);
    assert_true(depths.before >= 25);
    assert_true(depths.after + 20 <= depths.before);
    assert_true(depths.again >= 25);
    assert_true(depths.is_own_frame_whole);
}

static void joining_what_never_started_is_nothing(void **state)
{
    (void)state;
    struct thread thread = {0};
    thread_join(&thread);
    struct looks looks = {0};
    assert_int_equal(thread_start(&thread, "once", look_at_oneself, &looks), E_OK);
    thread_join(&thread);
    thread_join(&thread);
    assert_false(thread.is_started);
    struct mutex *none = NULL;
    mutex_unlock_ptr(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_lock_is_released_at_the_end_of_the_scope),
        cmocka_unit_test(a_detached_thread_is_waited_for_by_condition),
        cmocka_unit_test(a_wait_ends_when_its_time_has_come),
        cmocka_unit_test(a_wait_with_a_deadline_ends_early_when_signalled),
        cmocka_unit_test(a_thread_has_its_name_and_a_small_stack),
        cmocka_unit_test(signals_go_to_main_and_faults_stay_where_they_are),
        cmocka_unit_test(a_stack_that_went_deep_is_given_back),
        cmocka_unit_test(joining_what_never_started_is_nothing),
    };
    return cmocka_run_group_tests_name("base/thread", tests, NULL, NULL);
}
