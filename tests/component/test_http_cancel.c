/* Calling off, stopping, and many at once. */
#include "component/http_fixture.h"

#include "http/retry.h"

#define N_PARALLEL 200

static void a_cancel_ends_the_call_at_once(void **state)
{
    struct fixture *f = *state;
    struct http_cancel cancel = {0};
    STUB_SCRIPT(f->server, {.end = STUB_HANG});
    struct background call;
    struct http_request request = post_to(f, "/", "x");
    request.cancel = &cancel;
    background_start(&call, f, request);
    assert_true(stub_wait_requests(f->server, 1));

    int64_t before = clock_mono_ms();
    http_cancel_fire(f->http, &cancel);
    thread_join(&call.thread);
    assert_int_equal(call.reply.end, HTTP_CANCELLED);
    assert_true(clock_mono_ms() - before < 50000);
    /* Its connection is closed: the other side sees it, too. */
    assert_true(stub_wait_open(f->server, 0));
    http_reply_done(&call.reply);
}

static void a_cancel_in_the_middle_of_a_body_ends_it(void **state)
{
    struct fixture *f = *state;
    struct http_cancel cancel = {0};
    STUB_SCRIPT(f->server, {.status = 200, .body = "0123456789", .cut_after = 5, .end = STUB_HANG});
    struct background call;
    struct http_request request = get_from(f, "/");
    request.cancel = &cancel;
    background_start(&call, f, request);
    assert_true(stub_wait_requests(f->server, 1));
    http_cancel_fire(f->http, &cancel);
    thread_join(&call.thread);
    assert_int_equal(call.reply.end, HTTP_CANCELLED);
    http_reply_done(&call.reply);
}

static void a_fired_cancel_lets_nothing_out(void **state)
{
    struct fixture *f = *state;
    struct http_cancel cancel = {0};
    http_cancel_fire(f->http, &cancel);
    struct http_request request = post_to(f, "/", "x");
    request.cancel = &cancel;
    assert_int_equal(end_of(f, &request), HTTP_CANCELLED);
    assert_int_equal(end_of(f, &request), HTTP_CANCELLED);
    assert_int_equal(stub_connections(f->server), 0);
}

static void a_cancel_is_for_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    struct http_cancel mine = {0};
    struct http_cancel other = {0};
    STUB_SCRIPT(f->server, {.status = 200, .gate = 1, .times = -1});
    struct background calls[2];
    for (int i = 0; i < 2; i++) {
        struct http_request request = get_from(f, "/");
        request.cancel = i == 0 ? &mine : &other;
        background_start(&calls[i], f, request);
    }
    assert_true(stub_wait_requests(f->server, 2));
    http_cancel_fire(f->http, &mine);
    thread_join(&calls[0].thread);
    stub_open(f->server, 1);
    thread_join(&calls[1].thread);
    assert_int_equal(calls[0].reply.end, HTTP_CANCELLED);
    assert_int_equal(calls[1].reply.end, HTTP_ANSWERED);
    for (int i = 0; i < 2; i++)
        http_reply_done(&calls[i].reply);
}

static void stopping_calls_off_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.end = STUB_HANG, .times = -1});
    struct background calls[5];
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        background_start(&calls[i], f, post_to(f, "/", "x"));
    }
    assert_true(stub_wait_requests(f->server, ARRAY_LEN(calls)));
    http_stop(f->http);
    f->http = NULL;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        thread_join(&calls[i].thread);
        assert_int_equal(calls[i].reply.end, HTTP_CANCELLED);
        http_reply_done(&calls[i].reply);
    }
}

static void two_hundred_calls_go_in_parallel(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200, .body = "x", .gate = 1, .times = N_PARALLEL},
                {.status = 200, .body = "y", .times = -1});
    struct background *calls = xcalloc(N_PARALLEL, sizeof *calls);
    for (int i = 0; i < N_PARALLEL; i++)
        background_start(&calls[i], f, post_to(f, "/", "body"));
    assert_true(stub_wait_requests(f->server, N_PARALLEL));
    assert_int_equal(stub_connections(f->server), N_PARALLEL);
    stub_open(f->server, 1);
    for (int i = 0; i < N_PARALLEL; i++) {
        thread_join(&calls[i].thread);
        assert_int_equal(calls[i].reply.end, HTTP_ANSWERED);
        assert_string_equal(str_text(&calls[i].reply.body), "x");
        http_reply_done(&calls[i].reply);
    }
    /* They are kept, and used again. */
    for (int i = 0; i < N_PARALLEL; i++) {
        struct http_request request = get_from(f, "/");
        assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    }
    assert_int_equal(stub_connections(f->server), N_PARALLEL);
    xfree(calls);
}

/* Answers, stalls, cancels and timers all at once, for the sanitizers. */
static void a_storm_of_cancels_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.match = "/ok", .status = 200, .body = "x", .times = -1},
                {.match = "/hang", .times = -1, .end = STUB_HANG},
                {.match = "/cut", .times = -1, .end = STUB_RESET});
    static const char *const paths[] = {"/ok", "/hang", "/cut"};
    const size_t n = 30;
    struct background *calls = xcalloc(n, sizeof *calls);
    for (int round = 0; round < 10; round++) {
        struct http_cancel cancels[3] = {0};
        for (size_t i = 0; i < n; i++) {
            struct http_request request = post_to(f, paths[i % 3], "x");
            request.cancel = &cancels[i % ARRAY_LEN(cancels)];
            request.timeouts.first_byte_ms = 20 + (int64_t)i;
            background_start(&calls[i], f, request);
        }
        for (size_t i = 0; i < ARRAY_LEN(cancels); i++)
            http_cancel_fire(f->http, &cancels[i]);
        for (size_t i = 0; i < n; i++) {
            thread_join(&calls[i].thread);
            enum http_end end = calls[i].reply.end;
            assert_true(end == HTTP_CANCELLED || end == HTTP_ANSWERED || end == HTTP_LOST ||
                        end == HTTP_TIMED_OUT);
            http_reply_done(&calls[i].reply);
        }
    }
    xfree(calls);
}

/* ---- sleeping between attempts ---- */

struct sleeper {
    struct thread thread;
    struct http_client *http;
    struct http_cancel *cancel;
    bool has_slept;
};

static void *sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    s->has_slept = retry_sleep(s->http, 60000, s->cancel, 0);
    return NULL;
}

static void a_cancel_wakes_those_who_sleep(void **state)
{
    struct fixture *f = *state;
    struct http_cancel cancel = {0};
    struct sleeper sleeper = {.http = f->http, .cancel = &cancel, .has_slept = true};
    int64_t before = clock_mono_ms();
    assert_int_equal(thread_start(&sleeper.thread, "sleeper", sleeper_main, &sleeper), E_OK);
    http_cancel_fire(f->http, &cancel);
    thread_join(&sleeper.thread);
    assert_false(sleeper.has_slept);
    assert_true(clock_mono_ms() - before < 50000);
}

static void a_sleep_ends_in_time_or_does_not_begin(void **state)
{
    struct fixture *f = *state;
    struct http_cancel cancel = {0};
    int64_t before = clock_mono_ms();
    assert_true(retry_sleep(f->http, 30, &cancel, 0));
    assert_true(clock_mono_ms() - before >= 30);
    assert_true(retry_sleep(f->http, 0, NULL, 0));
    before = clock_mono_ms();
    assert_false(retry_sleep(f->http, 60000, &cancel, before + 100));
    assert_true(clock_mono_ms() - before < 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_SERVER(a_cancel_ends_the_call_at_once),
        TEST_WITH_SERVER(a_cancel_in_the_middle_of_a_body_ends_it),
        TEST_WITH_SERVER(a_fired_cancel_lets_nothing_out),
        TEST_WITH_SERVER(a_cancel_is_for_its_owner_alone),
        TEST_WITH_SERVER(stopping_calls_off_what_is_in_flight),
        TEST_WITH_SERVER(two_hundred_calls_go_in_parallel),
        TEST_WITH_SERVER(a_storm_of_cancels_leaves_nothing_behind),
        TEST_WITH_SERVER(a_cancel_wakes_those_who_sleep),
        TEST_WITH_SERVER(a_sleep_ends_in_time_or_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
