/* The only state machine of the program. */
#include "store/run_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The documented diagram, written down a second time on purpose: row from, column to. */
static const char *const documented[RUN_STATUS_COUNT] = {
    /*                    q r d b s f c e */
    [RUN_QUEUED] = "xx.x.xxx",    [RUN_RUNNING] = "xxxxxxx.",   [RUN_DELIVERING] = "xxxxxx..",
    [RUN_BLOCKED] = "xx.x.xxx",   [RUN_SUCCEEDED] = "....x...", [RUN_FAILED] = ".....x..",
    [RUN_CANCELLED] = "......x.", [RUN_EXPIRED] = ".......x",
};

static void the_table_allows_exactly_the_documented_moves(void **state)
{
    (void)state;
    for (unsigned from = 0; from < RUN_STATUS_COUNT; from++) {
        for (unsigned to = 0; to < RUN_STATUS_COUNT; to++) {
            bool expected = documented[from][to] == 'x';
            if (run_status_may_move((enum run_status)from, (enum run_status)to) != expected)
                fail_msg("%s to %s", run_status_name((enum run_status)from),
                         run_status_name((enum run_status)to));
        }
    }
}

static void nothing_leaves_a_terminal_status(void **state)
{
    (void)state;
    for (unsigned from = 0; from < RUN_STATUS_COUNT; from++) {
        bool is_terminal = from >= RUN_SUCCEEDED;
        assert_int_equal(run_status_is_terminal((enum run_status)from), is_terminal);
        for (unsigned to = 0; is_terminal && to < RUN_STATUS_COUNT; to++)
            assert_int_equal(run_status_may_move((enum run_status)from, (enum run_status)to),
                             from == to);
    }
}

static void a_run_that_may_be_seen_already_cannot_be_cancelled(void **state)
{
    (void)state;
    assert_false(run_status_may_move(RUN_DELIVERING, RUN_CANCELLED));
    assert_false(run_status_may_move(RUN_DELIVERING, RUN_EXPIRED));
}

static void an_allowed_move_is_made(void **state)
{
    (void)state;
    enum run_status status = RUN_QUEUED;
    run_status_move(&status, RUN_RUNNING);
    run_status_move(&status, RUN_RUNNING);
    assert_int_equal(status, RUN_RUNNING);
}

static void a_forbidden_move_ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        enum run_status status = RUN_SUCCEEDED;
        run_status_move(&status, RUN_RUNNING);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    /* A sanitizer turns the abort into an exit code of its own. */
    assert_false(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_false(WIFEXITED(how) && WEXITSTATUS(how) == 3);
}

static void every_status_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        enum run_status parsed = RUN_STATUS_COUNT;
        assert_int_equal(run_status_parse(run_status_name((enum run_status)i), &parsed), E_OK);
        assert_int_equal(parsed, i);
    }
    enum run_status none;
    assert_int_equal(run_status_parse("Queued", &none), E_NOT_FOUND);
    assert_int_equal(run_status_parse("", &none), E_NOT_FOUND);
}

static void every_delivery_state_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DELIVERY_STATE_COUNT; i++) {
        enum delivery_state parsed = DELIVERY_STATE_COUNT;
        const char *name = delivery_state_name((enum delivery_state)i);
        assert_int_equal(delivery_state_parse(name, &parsed), E_OK);
        assert_int_equal(parsed, i);
    }
    enum delivery_state none;
    assert_int_equal(delivery_state_parse("sent", &none), E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_allows_exactly_the_documented_moves),
        cmocka_unit_test(nothing_leaves_a_terminal_status),
        cmocka_unit_test(a_run_that_may_be_seen_already_cannot_be_cancelled),
        cmocka_unit_test(an_allowed_move_is_made),
        cmocka_unit_test(a_forbidden_move_ends_the_process),
        cmocka_unit_test(every_status_is_found_by_its_name),
        cmocka_unit_test(every_delivery_state_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
