/* One code for the program, one story for the person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* cmocka has a macro of the same name; here ours is the one under test. */
#undef fail

#include "base/error.h"

#include "base/thread.h"

#include <string.h>

static void a_failure_keeps_its_story_and_origin(void **state)
{
    (void)state;
    enum err e = fail(E_UPSTREAM, "ScaleKit answered %d to %s", 503, "execute");
    assert_int_equal(e, E_UPSTREAM);
    assert_string_equal(err_detail(), "ScaleKit answered 503 to execute");
    assert_true(strncmp(err_origin(), "test_error.c:", 13) == 0);
}

static void a_new_story_may_quote_the_old_one(void **state)
{
    (void)state;
    fail(E_TIMEOUT, "no answer");
    fail(E_INTERNAL, "gave up: %s", err_detail());
    assert_string_equal(err_detail(), "gave up: no answer");
    enum err e = fail_context(E_BUSY, "again %s", err_detail());
    assert_int_equal(e, E_BUSY);
    assert_string_equal(err_detail(), "again gave up: no answer: gave up: no answer");
}

static void context_goes_in_front_and_keeps_the_origin(void **state)
{
    (void)state;
    fail(E_NOT_FOUND, "no such row");
    char origin[64];
    memcpy(origin, err_origin(), strlen(err_origin()) + 1);
    assert_int_equal(fail_context(E_NOT_FOUND, "run %s", "br_1"), E_NOT_FOUND);
    assert_string_equal(err_detail(), "run br_1: no such row");
    assert_string_equal(err_origin(), origin);
}

static void long_stories_are_cut_and_stay_texts(void **state)
{
    (void)state;
    char longer[3000];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fail(E_INVALID, "%s", longer);
    size_t limit = strlen(err_detail());
    assert_in_range(limit, 500, 2000);
    fail_context(E_INVALID, "outer");
    assert_int_equal(strlen(err_detail()), limit);
    assert_true(strncmp(err_detail(), "outer: aaa", 10) == 0);
    fail_context(E_INVALID, "%s", longer);
    assert_int_equal(strlen(err_detail()), limit);
}

static void *look_and_fail(void *arg)
{
    char *seen = arg;
    memcpy(seen, err_detail(), strlen(err_detail()) + 1);
    fail(E_BUSY, "of the other thread");
    return NULL;
}

static void each_thread_has_its_own_story(void **state)
{
    (void)state;
    fail(E_LOST, "of this thread");
    char seen[64] = "untouched";
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "other", look_and_fail, seen), E_OK);
    thread_join(&thread);
    assert_string_equal(seen, "");
    assert_string_equal(err_detail(), "of this thread");
}

static void every_code_has_its_name(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++)
        assert_true(strncmp(err_name((enum err)code), "E_", 2) == 0);
    assert_string_equal(err_name(E_OK), "E_OK");
    assert_string_equal(err_name(E_PROTOCOL), "E_PROTOCOL");
    assert_string_equal(err_name(ERR_COUNT), "E_UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_keeps_its_story_and_origin),
        cmocka_unit_test(a_new_story_may_quote_the_old_one),
        cmocka_unit_test(context_goes_in_front_and_keeps_the_origin),
        cmocka_unit_test(long_stories_are_cut_and_stay_texts),
        cmocka_unit_test(each_thread_has_its_own_story),
        cmocka_unit_test(every_code_has_its_name),
    };
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
