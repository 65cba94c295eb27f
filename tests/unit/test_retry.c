/* When to try again: what answers ask for, jitter, the shared brake. */
#include "http/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define NOW_MS INT64_C(1795413600000) /* Mon, 23 Nov 2026 06:00:00 GMT */

static struct http_reply reply_with(const char *headers)
{
    struct http_reply reply = {.end = HTTP_ANSWERED, .status = 429};
    str_append_text(&reply.headers, headers);
    return reply;
}

/* -1: nothing usable was said. */
static int64_t asked(const char *headers)
{
    struct http_reply reply = reply_with(headers);
    int64_t ms = -1;
    bool has_asked = retry_after_ms(&reply, NOW_MS, &ms);
    http_reply_done(&reply);
    return has_asked ? ms : -1;
}

static void seconds_are_understood(void **state)
{
    (void)state;
    assert_int_equal(asked("HTTP/1.1 429 X\r\nRetry-After: 7\r\n\r\n"), 7000);
    assert_int_equal(asked("retry-after: 0.25\r\n"), 250);
    assert_int_equal(asked("RETRY-AFTER:  0 \r\n"), 0);
}

static void a_date_is_understood(void **state)
{
    (void)state;
    assert_int_equal(asked("retry-after: Mon, 23 Nov 2026 06:00:30 GMT\r\n"), 30000);
    assert_int_equal(asked("retry-after: Mon, 23 Nov 2026 05:59:00 GMT\r\n"), 0);
}

static void milliseconds_win_over_seconds(void **state)
{
    (void)state;
    assert_int_equal(asked("retry-after: 7\r\nretry-after-ms: 1500.5\r\n"), 1501);
    assert_int_equal(asked("retry-after: 7\r\nretry-after-ms: soon\r\n"), 7000);
}

static void nonsense_is_not_obeyed(void **state)
{
    (void)state;
    assert_int_equal(asked("date: x\r\n"), -1);
    assert_int_equal(asked("retry-after:\r\n"), -1);
    assert_int_equal(asked("retry-after: -5\r\n"), -1);
    assert_int_equal(asked("retry-after: inf\r\n"), -1);
    assert_int_equal(asked("retry-after: nan\r\n"), -1);
    assert_int_equal(asked("retry-after: 1e300\r\n"), -1);
    assert_int_equal(asked("retry-after: later\r\n"), -1);
}

static void the_hint_to_retry_is_read(void **state)
{
    (void)state;
    const struct {
        const char *headers;
        int expected;
    } cases[] = {
        {"x-should-retry: true\r\n",     1 },
        {"X-Should-Retry: FALSE\r\n",    0 },
        {"x-should-retry: maybe\r\n",    -1},
        {"x-should-retry-not: true\r\n", -1},
        {"",                             -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_reply reply = reply_with(cases[i].headers);
        assert_int_equal(retry_should(&reply), cases[i].expected);
        http_reply_done(&reply);
    }
}

static void backoff_grows_to_its_cap_and_never_is_nothing(void **state)
{
    (void)state;
    int64_t top[8] = {0};
    for (int n = 0; n < 8; n++) {
        for (int i = 0; i < 500; i++) {
            int64_t ms = retry_backoff_ms(n, 100, 2000);
            assert_true(ms >= 1 && ms <= 2000 && ms <= (INT64_C(100) << n));
            if (ms > top[n]) top[n] = ms;
        }
    }
    assert_true(top[3] > top[0] && top[6] > 1000);
    assert_true(retry_backoff_ms(1000000, 100, 2000) <= 2000);
}

static void jitter_comes_on_top_of_what_was_asked(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        int64_t ms = retry_delay_ms(0, true, 5000, 100, 2000);
        assert_true(ms > 5000 && ms <= 5100);
    }
    assert_true(retry_delay_ms(0, false, 5000, 100, 2000) <= 100);
}

static void a_brake_that_was_never_hit_lets_everyone_go(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    for (int i = 0; i < 100; i++)
        assert_int_equal(retry_brake_place_ms(brake), 0);
    retry_brake_free(brake);
}

static void after_an_overload_callers_go_one_after_another(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    retry_brake_hit(brake, 3000);
    int64_t before = retry_brake_place_ms(brake);
    assert_true(before > 2900 && before <= 3000);
    for (int i = 0; i < 20; i++) {
        int64_t place = retry_brake_place_ms(brake);
        assert_true(place >= before + 40);
        before = place;
    }
    retry_brake_free(brake);
}

static void answers_of_one_moment_brake_once(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    for (int i = 0; i < 100; i++)
        retry_brake_hit(brake, 0);
    (void)retry_brake_place_ms(brake);
    /* A hundred doublings would have set the callers apart by the maximum. */
    assert_true(retry_brake_place_ms(brake) <= 100);
    retry_brake_free(brake);
}

static void a_success_releases_the_brake(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    retry_brake_hit(brake, 0);
    for (int i = 0; i < 5; i++)
        (void)retry_brake_place_ms(brake);
    assert_true(retry_brake_place_ms(brake) > 0);
    retry_brake_ok(brake);
    assert_int_equal(retry_brake_place_ms(brake), 0);
    assert_int_equal(retry_brake_place_ms(brake), 0);
    retry_brake_free(brake);
}

static void a_success_from_before_does_not_end_the_silence(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    retry_brake_hit(brake, 60000);
    retry_brake_ok(brake);
    assert_true(retry_brake_place_ms(brake) > 50000);
    retry_brake_free(brake);
}

static void an_absurd_wait_does_not_stop_everyone_for_ever(void **state)
{
    (void)state;
    struct retry_brake *brake = retry_brake_new();
    retry_brake_hit(brake, INT32_MAX);
    assert_true(retry_brake_place_ms(brake) <= 120000);
    retry_brake_free(brake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_understood),
        cmocka_unit_test(a_date_is_understood),
        cmocka_unit_test(milliseconds_win_over_seconds),
        cmocka_unit_test(nonsense_is_not_obeyed),
        cmocka_unit_test(the_hint_to_retry_is_read),
        cmocka_unit_test(backoff_grows_to_its_cap_and_never_is_nothing),
        cmocka_unit_test(jitter_comes_on_top_of_what_was_asked),
        cmocka_unit_test(a_brake_that_was_never_hit_lets_everyone_go),
        cmocka_unit_test(after_an_overload_callers_go_one_after_another),
        cmocka_unit_test(answers_of_one_moment_brake_once),
        cmocka_unit_test(a_success_releases_the_brake),
        cmocka_unit_test(a_success_from_before_does_not_end_the_silence),
        cmocka_unit_test(an_absurd_wait_does_not_stop_everyone_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
