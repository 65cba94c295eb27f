/*
 * Fault points. The module is compiled into this test, so that it is tested in builds without fault
 * points, too.
 */
#ifndef BRIEFD_FAULTS
#define BRIEFD_FAULTS
#endif
#include "base/fault.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int disarm(void **state)
{
    (void)state;
    fault_arm(NULL, 0);
    fault_arm_crash(NULL, 0);
    return 0;
}

static void nothing_fails_unless_armed(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_false(fault_fails("sqlite"));
        fault_crash("sqlite");
    }
    assert_false(fault_fails(""));
}

static void exactly_one_call_fails(void **state)
{
    (void)state;
    for (long wanted = 0; wanted < 5; wanted++) {
        fault_arm("sqlite", wanted);
        for (long i = 0; i < 10; i++) {
            assert_false(fault_fails("curl"));
            assert_int_equal(fault_fails("sqlite"), i == wanted);
        }
        assert_int_equal(fault_passed(), 10);
    }
    fault_arm(NULL, 0);
    assert_false(fault_fails("sqlite"));
    assert_int_equal(fault_passed(), 0);
}

static void long_names_are_told_apart_by_their_beginning(void **state)
{
    (void)state;
    char name[100];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fault_arm(name, 0);
    name[POINT_MAX - 1] = '\0';
    assert_true(fault_fails(name));
}

static void the_environment_arms_both_kinds(void **state)
{
    (void)state;
    fault_setup("sqlite:1", NULL);
    assert_false(fault_fails("sqlite"));
    assert_true(fault_fails("sqlite"));
    assert_false(fault_fails("sqlite"));
    fault_setup(NULL, "step_done:0");
    assert_false(fault_fails("step_done"));
    fault_setup("", "");
}

static void points_in_the_file_fail_while_they_stand_there(void **state)
{
    (void)state;
    char path[] = "/tmp/briefd-fault-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    fault_setup_file(path);
    assert_false(fault_fails("io_write"));
    assert_int_equal(write(fd, "io_sync io_write\n", 17), 17);
    assert_true(fault_fails("io_write"));
    assert_true(fault_fails("io_write"));
    assert_true(fault_fails("io_sync"));
    assert_false(fault_fails("io_writ"));
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_false(fault_fails("io_write"));
    fault_setup_file(NULL);
}

/* What became of a child that ran `body`: its signal, or 0. */
static int signal_of(void (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka has its own handler */
        close(STDERR_FILENO);
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void pass_twice(void)
{
    fault_crash("step_done");
    fault_crash("step_done");
}

static void pass_thrice(void)
{
    pass_twice();
    fault_crash("step_done");
}

static void the_process_dies_at_the_armed_passage(void **state)
{
    (void)state;
    fault_arm_crash("step_done", 2);
    assert_int_equal(signal_of(pass_twice), 0);
    assert_int_equal(signal_of(pass_thrice), SIGABRT);
}

static void pass_for_another(void)
{
    fault_subject("u_good");
    pass_twice();
    fault_subject(NULL);
    pass_twice();
}

static void pass_for_the_subject(void)
{
    fault_subject("u_bad_7");
    fault_crash("step");
    pass_twice();
}

static void a_point_can_be_armed_for_one_subject(void **state)
{
    (void)state;
    fault_setup(NULL, "step_done@u_bad:1");
    assert_int_equal(signal_of(pass_for_another), 0);
    assert_int_equal(signal_of(pass_for_the_subject), SIGABRT);
    fault_setup(NULL, "step_done@u_bad:2");
    assert_int_equal(signal_of(pass_for_the_subject), 0);
}

static void ask_without_count(void)
{
    fault_setup("sqlite", NULL);
}

static void ask_with_a_bad_count(void)
{
    fault_setup(NULL, "sqlite:-1");
}

static void ask_without_name(void)
{
    fault_setup(":1", NULL);
}

static void a_misspelt_wish_does_not_pass_unseen(void **state)
{
    (void)state;
    assert_int_equal(signal_of(ask_without_count), SIGABRT);
    assert_int_equal(signal_of(ask_with_a_bad_count), SIGABRT);
    assert_int_equal(signal_of(ask_without_name), SIGABRT);
}

#define TEST(name) cmocka_unit_test_teardown(name, disarm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_fails_unless_armed),
        TEST(exactly_one_call_fails),
        TEST(long_names_are_told_apart_by_their_beginning),
        TEST(the_environment_arms_both_kinds),
        TEST(points_in_the_file_fail_while_they_stand_there),
        TEST(the_process_dies_at_the_armed_passage),
        TEST(a_point_can_be_armed_for_one_subject),
        TEST(a_misspelt_wish_does_not_pass_unseen),
    };
    return cmocka_run_group_tests_name("base/fault", tests, NULL, NULL);
}
