/*
 * The ScaleKit client's token, repeats, deadlines and cancels, against a scripted server.
 */
#include "component/test_scalekit_fixture.h"

#include "base/trace.h"

#define N_THREADS 32

/* ---- the token ---- */

static void the_token_is_asked_with_the_credentials_as_a_form(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = ACCOUNTS, .status = 200, .body = "{}"});
    struct scalekit_error error;
    trace_set("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
    enum err e = list_one(rig, &plain_call, &error);
    trace_set(NULL);
    assert_int_equal(e, E_OK);

    const struct stub_request *token = nth(rig, TOKEN, 0);
    assert_string_equal(token->body,
                        "grant_type=client_credentials&client_id=skc_1&client_secret=s%26cret");
    assert_header(token, "content-type", "application/x-www-form-urlencoded");
    const struct stub_request *list = nth(rig, ACCOUNTS, 0);
    assert_header(list, "authorization", "Bearer tok-1");
    /* one trace, a call of its own for each request */
    char first[TRACEPARENT_MAX];
    char second[TRACEPARENT_MAX];
    assert_true(stub_request_header(token, "traceparent", first, sizeof first));
    assert_true(stub_request_header(list, "traceparent", second, sizeof second));
    assert_true(trace_is_valid(first) && trace_is_valid(second));
    assert_memory_equal(first, "00-0af7651916cd43dd8448eb211c80319c-", 36);
    assert_memory_equal(second, "00-0af7651916cd43dd8448eb211c80319c-", 36);
    assert_string_equal(first + 52, "-01");
    assert_string_not_equal(first, second);
    assert_null(strstr(second, "00f067aa0ba902b7"));
}

struct crowd {
    struct rig *rig;
    atomic_int n_started;
    atomic_int n_fine;
    struct thread threads[N_THREADS];
};

static void *crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    struct scalekit_error error;
    atomic_fetch_add(&crowd->n_started, 1);
    enum err e = list_one(crowd->rig, &plain_call, &error);
    if (!e) atomic_fetch_add(&crowd->n_fine, 1);
    return NULL;
}

static void crowd_start(struct crowd *crowd)
{
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(thread_start(&crowd->threads[i], "crowd", crowd_main, crowd), E_OK);
}

static void crowd_join(struct crowd *crowd)
{
    for (int i = 0; i < N_THREADS; i++)
        thread_join(&crowd->threads[i]);
}

static void thirty_two_threads_cause_one_token_request(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub,
                {.match = TOKEN, .status = 200, .body = TOKEN_BODY, .times = -1, .gate = 1},
                {.match = ACCOUNTS, .status = 200, .body = "{}", .times = -1});
    struct crowd crowd = {.rig = rig};
    crowd_start(&crowd);
    while (atomic_load(&crowd.n_started) < N_THREADS)
        assert_true(stub_wait_requests(rig->stub, 1));
    stub_open(rig->stub, 1);
    crowd_join(&crowd);
    assert_int_equal(crowd.n_fine, N_THREADS);
    assert_int_equal(count(rig, TOKEN), 1);
    assert_int_equal(count(rig, ACCOUNTS), N_THREADS);
}

static void a_dead_token_of_many_threads_is_refreshed_once(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub, {.match = TOKEN, .status = 200, .body = TOKEN_BODY},
                {.match = TOKEN, .status = 200, .body = TOKEN_BODY_2, .times = -1},
                {.match = ACCOUNTS,
                 .status = 401,
                 .body = ERROR_BODY("UNAUTHENTICATED"),
                 .times = N_THREADS,
                 .gate = 1},
                {.match = ACCOUNTS, .status = 200, .body = "{}", .times = -1});
    struct crowd crowd = {.rig = rig};
    crowd_start(&crowd);
    assert_true(stub_wait_requests(rig->stub, 1 + N_THREADS));
    stub_open(rig->stub, 1);
    crowd_join(&crowd);
    assert_int_equal(crowd.n_fine, N_THREADS);
    assert_int_equal(count(rig, TOKEN), 2);
    assert_header(nth(rig, ACCOUNTS, N_THREADS), "authorization", "Bearer tok-2");
}

static void a_token_without_life_is_used_once(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub,
                {.match = TOKEN,
                 .status = 200,
                 .body = "{\"access_token\":\"a\",\"expires_in\":\"0\"}",
                 .times = -1},
                {.match = ACCOUNTS, .status = 200, .body = "{}", .times = -1});
    struct scalekit_error error;
    assert_int_equal(list_one(rig, &plain_call, &error), E_OK);
    assert_int_equal(list_one(rig, &plain_call, &error), E_OK);
    assert_int_equal(count(rig, TOKEN), 2);
}

static void a_fresh_token_is_fetched_when_wished(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub, {.match = TOKEN, .status = 200, .body = TOKEN_BODY},
                {.match = TOKEN, .status = 200, .body = TOKEN_BODY_2},
                {.match = TOKEN, .status = 401, .body = "{\"error\":\"invalid_client\"}"},
                {.match = ACCOUNTS, .status = 200, .body = "{}", .times = -1});
    struct scalekit_error error;
    const struct scalekit_call fresh = {.is_fresh_token = true};
    assert_int_equal(list_one(rig, &plain_call, &error), E_OK);
    scalekit_set_secret(rig->scalekit, "other");
    assert_int_equal(list_one(rig, &fresh, &error), E_OK);
    assert_header(nth(rig, ACCOUNTS, 1), "authorization", "Bearer tok-2");
    assert_non_null(strstr(nth(rig, TOKEN, 1)->body, "client_secret=other"));
    assert_int_equal(list_one(rig, &fresh, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_OUR_CREDENTIALS);
    assert_int_equal(count(rig, ACCOUNTS), 2);
}

static void a_401_about_our_token_is_refreshed_once_and_no_more(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub, {.match = TOKEN, .status = 200, .body = TOKEN_BODY},
                {.match = TOKEN, .status = 200, .body = TOKEN_BODY_2, .times = -1},
                {.match = EXECUTE, .status = 401, .body = "", .times = 2});
    struct scalekit_error error;
    struct scalekit_result result = {0};
    assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_OUR_CREDENTIALS);
    assert_int_equal(error.status, 401);
    assert_int_equal(count(rig, TOKEN), 2);
    assert_int_equal(count(rig, EXECUTE), 2);
    assert_header(nth(rig, EXECUTE, 1), "authorization", "Bearer tok-2");
}

static void a_401_about_the_users_account_does_not_touch_our_token(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const char *const bodies[] = {
        ERROR_BODY("TOOL_ERROR"),
        ERROR_BODY("REAUTHENTICATION_NEEDED"),
        ERROR_BODY("REFRESH_TOKEN_MISSING"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 401, .body = bodies[i]});
        struct scalekit_error error;
        struct scalekit_result result = {0};
        assert_int_equal(execute(rig, &plain_call, false, &result, &error), E_UPSTREAM);
        assert_int_equal(error.class, SCALEKIT_USER_RECONNECT);
        assert_string_equal(error.request_id, "rq-1");
    }
    assert_int_equal(count(rig, TOKEN), 1);
    assert_int_equal(count(rig, EXECUTE), ARRAY_LEN(bodies));
}

static void without_a_token_nothing_is_sent_and_the_class_says_so(void **state)
{
    struct rig *rig = *state;
    static const struct {
        int status;
        const char *body;
        int times;
        enum scalekit_class class;
    } rows[] = {
        {401, "{\"error\":\"invalid_client\"}", 1, SCALEKIT_OUR_CREDENTIALS},
        {400, "{\"error\":\"invalid_client\"}", 1, SCALEKIT_OUR_CREDENTIALS},
        {404, "<html>",                         1, SCALEKIT_NOT_SENT       },
        {302, "",                               1, SCALEKIT_NOT_SENT       },
        {200, "<html>",                         1, SCALEKIT_NOT_SENT       },
        {200, "{\"access_token\":\"a\\nb\"}",   1, SCALEKIT_NOT_SENT       },
        {500, "",                               4, SCALEKIT_NOT_SENT       },
        {429, "",                               4, SCALEKIT_RATE_LIMITED   },
    };
    size_t n_tokens = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        STUB_SCRIPT(rig->stub, {.match = TOKEN,
                                .status = rows[i].status,
                                .body = rows[i].body,
                                .times = rows[i].times});
        struct scalekit_error error;
        struct scalekit_result result = {0};
        assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_UPSTREAM);
        assert_int_equal(error.class, rows[i].class);
        char story[SCALEKIT_STORY_MAX];
        scalekit_error_describe(&error, story, sizeof story);
        assert_true(story[0]);
        n_tokens += (size_t)rows[i].times;
        assert_int_equal(count(rig, TOKEN), n_tokens);
    }
    assert_int_equal(count(rig, EXECUTE), 0);
    assert_int_equal(stub_unscripted(rig->stub), 0);
}

/* ---- repeats ---- */

static void a_read_is_repeated_while_the_failure_is_passing(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = ACCOUNTS, .status = 503}, {.match = ACCOUNTS, .status = 429},
                {.match = ACCOUNTS, .end = STUB_RESET, .status = 0, .body = "HTTP/1.1 2"},
                {.match = ACCOUNTS, .status = 200, .body = "{}"});
    struct scalekit_error error;
    assert_int_equal(list_one(rig, &plain_call, &error), E_OK);
    assert_int_equal(error.class, SCALEKIT_FINE);
    assert_int_equal(count(rig, ACCOUNTS), 4);
}

static void a_read_is_repeated_three_times_at_most(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = ACCOUNTS, .status = 504, .times = -1});
    struct scalekit_error error;
    assert_int_equal(list_one(rig, &plain_call, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_UNKNOWN);
    assert_int_equal(count(rig, ACCOUNTS), 4);
}

static void other_failures_of_a_read_are_final(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const int statuses[] = {400, 403, 404, 408, 409, 499, 500, 501};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = statuses[i]});
        struct scalekit_error error;
        struct scalekit_result result = {0};
        assert_int_equal(execute(rig, &plain_call, false, &result, &error), E_UPSTREAM);
        assert_int_equal(error.status, statuses[i]);
    }
    assert_int_equal(count(rig, EXECUTE), ARRAY_LEN(statuses));
}

static void the_servers_wish_to_wait_is_obeyed(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = ACCOUNTS, .status = 503, .headers = "Retry-After-Ms: 150\r\n"},
                {.match = ACCOUNTS, .status = 200, .body = "{}"});
    struct scalekit_error error;
    int64_t before_ms = clock_mono_ms();
    assert_int_equal(list_one(rig, &plain_call, &error), E_OK);
    assert_true(clock_mono_ms() - before_ms >= 150);
}

static void a_wish_to_wait_for_an_hour_ends_the_call(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = ACCOUNTS,
                            .status = 503,
                            .headers = "Retry-After: 3600\r\n",
                            .body = ERROR_BODY("UNAVAILABLE")});
    struct scalekit_error error;
    assert_int_equal(list_one(rig, &plain_call, &error), E_UPSTREAM);
    assert_int_equal(error.retry_after_ms, 3600 * 1000);
    assert_int_equal(count(rig, ACCOUNTS), 1);
}

/* ---- deadline and cancel ---- */

static void nothing_is_sent_after_the_deadline(void **state)
{
    struct rig *rig = *state;
    struct scalekit_error error;
    const struct scalekit_call call = {.deadline_mono_ms = clock_mono_ms() - 1};
    assert_int_equal(list_one(rig, &call, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_NOT_SENT);
    assert_int_equal(stub_requests(rig->stub), 0);
}

static void the_deadline_ends_a_call_on_its_way(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 0, .end = STUB_HANG});
    struct scalekit_error error;
    struct scalekit_result result = {0};
    const struct scalekit_call call = {.deadline_mono_ms = clock_mono_ms() + 400};
    assert_int_equal(execute(rig, &call, true, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_UNKNOWN);
    assert_int_equal(count(rig, EXECUTE), 1);
}

struct cancelled {
    struct rig *rig;
    struct http_cancel cancel;
    bool is_delivery;
    enum err e;
    struct scalekit_error error;
};

static void *cancelled_main(void *arg)
{
    struct cancelled *c = arg;
    struct scalekit_result result = {0};
    const struct scalekit_call call = {.cancel = &c->cancel};
    c->e = execute(c->rig, &call, c->is_delivery, &result, &c->error);
    return NULL;
}

static void cancel_one(struct rig *rig, bool is_delivery, enum scalekit_class class)
{
    size_t n_before = stub_requests(rig->stub);
    size_t n_tokens = count(rig, TOKEN) ? 0 : 1;
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 0, .end = STUB_HANG});
    struct cancelled c = {.rig = rig, .is_delivery = is_delivery};
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "cancelled", cancelled_main, &c), E_OK);
    assert_true(stub_wait_requests(rig->stub, n_before + n_tokens + 1));
    http_cancel_fire(rig->http, &c.cancel);
    thread_join(&thread);
    assert_int_equal(c.e, E_CANCELLED);
    assert_int_equal(c.error.class, class);
}

static void a_cancelled_read_is_cancelled_and_a_cancelled_delivery_unknown(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    cancel_one(rig, false, SCALEKIT_CANCELLED);
    cancel_one(rig, true, SCALEKIT_UNKNOWN);

    struct http_cancel fired = {0};
    http_cancel_fire(rig->http, &fired);
    const struct scalekit_call call = {.cancel = &fired};
    struct scalekit_error error;
    struct scalekit_result result = {0};
    size_t n = stub_requests(rig->stub);
    assert_int_equal(execute(rig, &call, true, &result, &error), E_CANCELLED);
    assert_int_equal(error.class, SCALEKIT_CANCELLED);
    assert_int_equal(stub_requests(rig->stub), n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_token_is_asked_with_the_credentials_as_a_form),
        RIG_TEST(thirty_two_threads_cause_one_token_request),
        RIG_TEST(a_dead_token_of_many_threads_is_refreshed_once),
        RIG_TEST(a_token_without_life_is_used_once),
        RIG_TEST(a_fresh_token_is_fetched_when_wished),
        RIG_TEST(a_401_about_our_token_is_refreshed_once_and_no_more),
        RIG_TEST(a_401_about_the_users_account_does_not_touch_our_token),
        RIG_TEST(without_a_token_nothing_is_sent_and_the_class_says_so),
        RIG_TEST(a_read_is_repeated_while_the_failure_is_passing),
        RIG_TEST(a_read_is_repeated_three_times_at_most),
        RIG_TEST(other_failures_of_a_read_are_final),
        RIG_TEST(the_servers_wish_to_wait_is_obeyed),
        RIG_TEST(a_wish_to_wait_for_an_hour_ends_the_call),
        RIG_TEST(nothing_is_sent_after_the_deadline),
        RIG_TEST(the_deadline_ends_a_call_on_its_way),
        RIG_TEST(a_cancelled_read_is_cancelled_and_a_cancelled_delivery_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
