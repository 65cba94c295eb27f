/* W3C Trace Context: what is taken for one, and what is passed on. */
#include "base/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void valid_ones_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "00-" ID "-" PARENT "-01", "00-" ID "-" PARENT "-00",      "00-" ID "-" PARENT "-ff",
        "cc-" ID "-" PARENT "-01", "cc-" ID "-" PARENT "-01-what", "cc-" ID "-" PARENT "-01-",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!trace_is_valid(good[i])) fail_msg("refused: %s", good[i]);
}

static void anything_else_is_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        NULL,
        "",
        "00",
        "00-" ID "-" PARENT,
        "00-" ID "-" PARENT "-",
        "00-" ID "-" PARENT "-1",
        "00-" ID "-" PARENT "-01-",
        "00-" ID "-" PARENT "-01-what",
        "00-" ID "-" PARENT "-01 ",
        " 00-" ID "-" PARENT "-01",
        "cc-" ID "-" PARENT "-01.what",
        "ff-" ID "-" PARENT "-01",
        "0x-" ID "-" PARENT "-01",
        "0-" ID "-" PARENT "-01",
        "00_" ID "_" PARENT "_01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" ID "-00F067AA0BA902B7-01",
        "00-" ID "-" PARENT "-0A",
        "00-" ID "-" PARENT "-xy",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" ID "-0000000000000000-01",
        "00-" ID "1-" PARENT "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47\xC3\xB8-" PARENT "-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (trace_is_valid(bad[i])) fail_msg("taken: %s", bad[i]);
}

static void a_new_one_is_valid_and_its_own(void **state)
{
    (void)state;
    char one[TRACEPARENT_MAX];
    char two[TRACEPARENT_MAX];
    trace_new(one);
    trace_new(two);
    assert_true(trace_is_valid(one));
    assert_true(trace_is_valid(two));
    assert_string_not_equal(one, two);
    assert_string_equal(one + 52, "-00");
}

static void a_child_has_the_trace_and_a_span_of_its_own(void **state)
{
    (void)state;
    char one[TRACEPARENT_MAX];
    char two[TRACEPARENT_MAX];
    trace_set("00-" ID "-" PARENT "-03");
    assert_string_equal(trace_id(), ID);
    assert_true(trace_child(one));
    assert_true(trace_child(two));
    assert_true(trace_is_valid(one));
    assert_memory_equal(one, "00-" ID "-", 36);
    assert_string_equal(one + 52, "-01");
    assert_string_not_equal(one, two);
    assert_memory_not_equal(one + 36, PARENT, 16);
    trace_set("00-" ID "-" PARENT "-02");
    assert_true(trace_child(one));
    assert_string_equal(one + 52, "-00");
}

static void nothing_comes_of_nothing(void **state)
{
    (void)state;
    char child[TRACEPARENT_MAX];
    trace_set("00-" ID "-" PARENT "-01");
    trace_set(NULL);
    assert_string_equal(trace_id(), "");
    assert_false(trace_child(child));
    trace_set("00-" ID "-" PARENT "-01");
    trace_set("nonsense");
    assert_false(trace_child(child));
}

static void a_later_version_is_passed_on_as_ours(void **state)
{
    (void)state;
    char copy[TRACEPARENT_MAX];
    trace_copy("cc-" ID "-" PARENT "-05-what-they-added", copy);
    assert_string_equal(copy, "00-" ID "-" PARENT "-01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_ones_are_taken),
        cmocka_unit_test(anything_else_is_not),
        cmocka_unit_test(a_new_one_is_valid_and_its_own),
        cmocka_unit_test(a_child_has_the_trace_and_a_span_of_its_own),
        cmocka_unit_test(nothing_comes_of_nothing),
        cmocka_unit_test(a_later_version_is_passed_on_as_ours),
    };
    return cmocka_run_group_tests_name("base/trace", tests, NULL, NULL);
}
