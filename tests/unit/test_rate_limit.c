/* Token buckets. */
#include "web/rate_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct rate_answer take(struct rate_limit *limit, const char *who, int64_t now_ms)
{
    return rate_limit_take(limit, who, strlen(who), now_ms);
}

static void a_burst_passes_and_then_the_rate(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("key", 10, 5, 100);
    for (int i = 0; i < 5; i++) {
        struct rate_answer answer = take(limit, "ann", 1000);
        assert_false(answer.is_refused);
        assert_int_equal(answer.left, 4 - i);
    }
    assert_true(take(limit, "ann", 1000).is_refused);
    assert_true(take(limit, "ann", 1099).is_refused);
    assert_false(take(limit, "ann", 1100).is_refused);
    assert_true(take(limit, "ann", 1100).is_refused);
    assert_false(take(limit, "ann", 1200).is_refused);
    rate_limit_free(limit);
}

static void a_bucket_fills_up_to_its_burst_and_no_further(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("key", 3, 2, 100);
    assert_int_equal(take(limit, "ann", 0).left, 1);
    assert_int_equal(take(limit, "ann", INT64_MAX / 2).left, 1);
    assert_int_equal(take(limit, "ann", INT64_MAX / 2).left, 0);
    assert_true(take(limit, "ann", INT64_MAX / 2).is_refused);
    /* A clock that was read a little earlier by another thread changes nothing. */
    assert_true(take(limit, "ann", INT64_MAX / 2 - 50).is_refused);
    rate_limit_free(limit);
}

static void callers_do_not_share(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("key", 1, 1, 100000);
    char name[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "caller-%d", i);
        if (take(limit, name, 7).is_refused) fail_msg("%s", name);
    }
    assert_true(take(limit, "caller-4999", 7).is_refused);
    rate_limit_free(limit);
}

static void a_crowd_takes_no_memory_and_the_thirsty_stay(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("address", 1, 100, 128);
    for (int i = 0; i < 100; i++)
        assert_false(take(limit, "greedy", 7).is_refused);
    char name[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "stranger-%d", i);
        assert_false(take(limit, name, 7).is_refused);
    }
    assert_true(take(limit, "greedy", 7).is_refused);
    rate_limit_free(limit);
}

static void what_was_given_back_can_be_taken_again(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("address", 1, 2, 100);
    rate_limit_give_back(limit, "ann", 3); /* nobody knows her */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(take(limit, "ann", 5).left, 1);
        rate_limit_give_back(limit, "ann", 3);
        rate_limit_give_back(limit, "ann", 3); /* more than full it does not get */
    }
    assert_int_equal(take(limit, "ann", 5).left, 1);
    assert_int_equal(take(limit, "ann", 5).left, 0);
    assert_true(take(limit, "ann", 5).is_refused);
    rate_limit_free(limit);
}

static void without_a_rate_there_is_no_limit(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("key", 0, 5, 100);
    for (int i = 0; i < 1000; i++) {
        struct rate_answer answer = take(limit, "ann", 5);
        assert_false(answer.is_refused);
        assert_null(answer.limit);
    }
    rate_limit_give_back(limit, "ann", 3);
    rate_limit_free(limit);
}

static void callers_are_told_what_is_left_and_until_when(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new("key", 2, 5, 100);
    char text[RATE_TEXT_MAX];
    assert_string_equal(rate_limit_policy(limit), "\"key\";q=5;w=3");
    struct rate_answer answer = take(limit, "ann", 0);
    rate_answer_format(&answer, text);
    assert_string_equal(text, "\"key\";r=4;t=1");
    assert_int_equal(answer.retry_after_s, 0);
    while (!answer.is_refused)
        answer = take(limit, "ann", 0);
    rate_answer_format(&answer, text);
    assert_string_equal(text, "\"key\";r=0;t=3");
    assert_int_equal(answer.retry_after_s, 1);
    rate_limit_free(limit);

    limit = rate_limit_new("key", 10000000, 1000000000, 100);
    assert_string_equal(rate_limit_policy(limit), "\"key\";q=1000000000;w=100");
    assert_int_equal(take(limit, "ann", 1).left, 999999999);
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate),
        cmocka_unit_test(a_bucket_fills_up_to_its_burst_and_no_further),
        cmocka_unit_test(callers_do_not_share),
        cmocka_unit_test(a_crowd_takes_no_memory_and_the_thirsty_stay),
        cmocka_unit_test(what_was_given_back_can_be_taken_again),
        cmocka_unit_test(without_a_rate_there_is_no_limit),
        cmocka_unit_test(callers_are_told_what_is_left_and_until_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
