/* One question to Claude: refusals, waiting, giving up. */
#include "component/anthropic_fixture.h"

static void passing_statuses_are_tried_again(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(529, "overloaded_error", ""),
                ERROR_REPLY(429, "rate_limit_error", ""), ERROR_REPLY(500, "api_error", ""),
                ERROR_REPLY(504, "timeout_error", ""), {.status = 503, .body = "<html>"},
                {.status = 408}, {.status = 409}, {.status = 502, .body = "bad gateway"},
                GOOD_STREAM);
    expect_reply(f, 9);
    assert_int_equal(f->n_retries, 8);
    assert_int_equal(f->error.attempts_uncertain, 0);
    for (int i = 0; i < 8; i++)
        assert_true(f->waits_ms[i] > 0 && f->waits_ms[i] <= 5 << i);
}

static void what_they_ask_for_is_waited_for_and_more(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(429, "rate_limit_error", "retry-after: 0.3\r\n"),
                ERROR_REPLY(529, "overloaded_error", "retry-after-ms: 200\r\nretry-after: 60\r\n"),
                GOOD_STREAM);
    expect_reply(f, 3);
    assert_true(f->waits_ms[0] > 300 && f->waits_ms[0] <= 305);
    assert_true(f->waits_ms[1] > 200 && f->waits_ms[1] <= 210);
    assert_true(f->reply.took_ms >= 500);
}

static void their_hint_wins_over_the_status(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(400, "invalid_request_error", "x-should-retry: true\r\n"),
                ERROR_REPLY(529, "overloaded_error", "x-should-retry: false\r\n"));
    expect_fault(f, ANTHROPIC_UNAVAILABLE, 2);
    assert_int_equal(f->error.status, 529);
}

struct refusal {
    int status;
    const char *body;
    enum anthropic_fault fault;
    const char *in_message;
};

static void a_refusal_is_final_and_has_its_fault(void **state)
{
    struct fixture *f = *state;
    const struct refusal refusals[] = {
        {400,                                                            ERROR_BODY("invalid_request_error", "bad"),                                                   ANTHROPIC_REJECTED,"bad"},
        {400,                                                              ERROR_BODY("invalid_request_error",                                                                                              "prompt is too long: 9 > 8"),
         ANTHROPIC_CONTEXT_EXCEEDED,"too long"},
        {400,
         ERROR_BODY("invalid_request_error",                                                                                      "You have reached your specified API usage limits."),
         ANTHROPIC_SPEND_LIMIT,"usage limits"},
        {400,
         ERROR_BODY("invalid_request_error",
         "You have reached your specified workspace API usage limits."),
         ANTHROPIC_SPEND_LIMIT,"workspace"},
        {401, ERROR_BODY("authentication_error",                                                                              "invalid x-api-key"),                                                                                                                           ANTHROPIC_CREDENTIALS,
         "invalid"},
        {402,                             ERROR_BODY("billing_error","pay"),ANTHROPIC_REJECTED,"pay"},
        {403,                                                            ERROR_BODY("permission_error",                                        "no"),                                                                                                                             ANTHROPIC_CREDENTIALS, "no"},
        {403,                                                              "<html>blocked</html>",                                                                                              ANTHROPIC_REJECTED,                                                              "blocked"},
        {404,                                                          ERROR_BODY("not_found_error",                                                                                            "model: claude-old-1"),                                                                                                                                                  ANTHROPIC_REJECTED,
         "the model claude-old-1 is unknown to Anthropic or retired: configure another one"},
        {404,                                                     "nothing here",                                                                                       ANTHROPIC_REJECTED,                                                                                "nothing here"},
        {413,                                            "<html>\r\n413 Request Entity Too Large\x01</html>",                 ANTHROPIC_CONTEXT_EXCEEDED,
         "413 Request Entity Too Large"},
        {302,                                            "",ANTHROPIC_REJECTED,""},
        {422,                                    "{\"error\":\"text\"}",                                                                     ANTHROPIC_REJECTED,                                                                                                                             "text"                                                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        STUB_SCRIPT(f->server, {.status = r->status, .headers = JSON_HEADERS, .body = r->body});
        f->n_before = 0;
        assert_int_equal(ask_until(f, NULL, 0), E_UPSTREAM);
        if (f->error.fault != r->fault) print_error("status %d\n", r->status);
        assert_int_equal(f->error.fault, r->fault);
        assert_int_equal(f->error.status, r->status);
        assert_int_equal(f->error.attempts, 1);
        assert_string_equal(f->error.request_id, "req_2");
        assert_non_null(strstr(f->error.message, r->in_message));
        assert_int_equal(stub_requests(f->server), i + 1);
        assert_non_null(strstr(err_detail(), "req_2"));
    }
}

static void an_error_that_repeats_our_key_does_not_spread_it(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server,
                {.status = 402,
                 .headers = "request-id: " KEY "\r\n",
                 .body = ERROR_BODY("billing_error", "no credit for Bearer " KEY " of yours")},
                {.status = 403, .body = "<title>403</title>Authorization: Bearer " KEY "<br>"},
                {.status = 404, .body = "x-api-key: " KEY},
                SSE(STREAM_BEGIN "event: error\ndata: " ERROR_BODY("billing_error", KEY) "\n\n"));
    for (int i = 0; i < 4; i++) {
        f->n_before = 0;
        assert_int_equal(ask_until(f, NULL, 0), E_UPSTREAM);
        assert_int_equal(f->error.fault, ANTHROPIC_REJECTED);
        assert_non_null(strstr(f->error.message, "[redacted]"));
        assert_null(strstr(f->error.message, KEY));
        assert_null(strstr(f->error.request_id, KEY));
    }
}

static void a_spend_limit_is_final_whatever_the_status_promises(void **state)
{
    struct fixture *f = *state;
    static const char *const codes[] = {"enforced_spend_limit_reached",
                                        "contract_spend_limit_reached"};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        AUTO(str_done) struct str body = {0};
        str_append_format(
            &body,
            "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\","
            "\"details\":{\"error_code\":\"%s\"}}}",
            codes[i]);
        STUB_SCRIPT(f->server,
                    {.status = 429, .headers = "x-should-retry: true\r\n", .body = body.data});
        f->n_before = 0;
        assert_int_equal(ask_until(f, NULL, 0), E_UPSTREAM);
        assert_int_equal(f->error.fault, ANTHROPIC_SPEND_LIMIT);
        assert_string_equal(f->error.code, codes[i]);
        assert_int_equal(stub_requests(f->server), i + 1);
    }
}

static void another_limit_code_is_tried_again(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(
        f->server,
        {.status = 429,
         .body = "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\","
                 "\"details\":{\"error_code\":\"ramp_limit_exceeded\"}}}"},
        GOOD_STREAM);
    expect_reply(f, 2);
}

static void the_retry_budget_ends(void **state)
{
    struct fixture *f = *state;
    struct anthropic_options options = fixture_options(f);
    options.retry_budget_ms = 300;
    options.retry_base_ms = 40;
    fixture_use(f, options);
    STUB_SCRIPT(f->server, {.status = 500, .times = -1});
    int64_t before = clock_mono_ms();
    assert_int_equal(ask_until(f, NULL, 0), E_UPSTREAM);
    assert_int_equal(f->error.fault, ANTHROPIC_UNAVAILABLE);
    assert_true(f->error.attempts >= 2);
    assert_int_equal(stub_requests(f->server), f->error.attempts);
    assert_true(clock_mono_ms() - before < 50000);
}

static void a_wait_beyond_the_budget_is_not_begun(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(429, "rate_limit_error", "retry-after: 600\r\n"));
    int64_t before = clock_mono_ms();
    expect_fault(f, ANTHROPIC_UNAVAILABLE, 1);
    assert_true(clock_mono_ms() - before < 50000);
}

static void a_deadline_ends_the_waiting(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(429, "rate_limit_error", "retry-after: 5\r\n"));
    assert_int_equal(ask_until(f, NULL, 2000), E_TIMEOUT);
    assert_int_equal(f->error.fault, ANTHROPIC_DEADLINE);
    assert_int_equal(f->error.attempts, 1);
}

/* A later deadline would not help. */
static void a_wait_beyond_budget_and_deadline_is_no_lack_of_time(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(429, "rate_limit_error", "retry-after: 600\r\n"));
    assert_int_equal(ask_until(f, NULL, 60000), E_UPSTREAM);
    assert_int_equal(f->error.fault, ANTHROPIC_UNAVAILABLE);
    assert_int_equal(f->error.attempts, 1);
}

static void a_deadline_ends_an_attempt(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.end = STUB_HANG, .times = -1});
    int64_t before = clock_mono_ms();
    assert_int_equal(ask_until(f, NULL, 200), E_TIMEOUT);
    assert_int_equal(f->error.fault, ANTHROPIC_DEADLINE);
    assert_int_equal(f->error.attempts_uncertain, 1);
    assert_true(clock_mono_ms() - before < 50000);
}

/* ---- called off ---- */

struct firing {
    struct thread thread;
    struct fixture *f;
    struct http_cancel cancel;
};

static void *fire_after_the_request(void *arg)
{
    struct firing *firing = arg;
    stub_wait_requests(firing->f->server, 1);
    http_cancel_fire(firing->f->http, &firing->cancel);
    return NULL;
}

static void expect_cancelled(struct fixture *f)
{
    struct firing firing = {.f = f};
    assert_int_equal(thread_start(&firing.thread, "firing", fire_after_the_request, &firing), E_OK);
    assert_int_equal(ask_until(f, &firing.cancel, 0), E_CANCELLED);
    thread_join(&firing.thread);
    assert_int_equal(f->error.fault, ANTHROPIC_CANCELLED);
    assert_int_equal(f->error.attempts, 1);
}

static void a_cancel_ends_an_attempt(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, SSE(STREAM_BEGIN, .end = STUB_HANG));
    expect_cancelled(f);
    assert_int_equal(f->error.attempts_uncertain, 1);
}

static void a_cancel_ends_the_waiting(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, ERROR_REPLY(429, "rate_limit_error", "retry-after: 7\r\n"));
    expect_cancelled(f);
}

static void the_caller_may_refuse_another_attempt(void **state)
{
    struct fixture *f = *state;
    f->allow = 2;
    STUB_SCRIPT(f->server, {.status = 500, .times = -1});
    expect_fault(f, ANTHROPIC_REJECTED, 2);
    assert_string_equal(f->error.code, "budget");
}

static void without_hooks_it_works_as_well(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 500}, GOOD_STREAM);
    assert_int_equal(
        anthropic_ask(f->claude, BODY, strlen(BODY), NULL, 0, NULL, &f->reply, &f->error), E_OK);
    assert_string_equal(str_text(&f->reply.content), CONTENT);
}

static void an_unreachable_server_is_retried_and_told(void **state)
{
    struct fixture *f = *state;
    struct anthropic_options options = fixture_options(f);
    options.base_url = "http://127.0.0.1:1"; /* nobody may listen there */
    options.retry_budget_ms = 100;
    fixture_use(f, options);
    assert_int_equal(ask_until(f, NULL, 0), E_UPSTREAM);
    assert_int_equal(f->error.fault, ANTHROPIC_UNAVAILABLE);
    assert_true(f->error.attempts >= 2);
    assert_int_equal(f->error.attempts_uncertain, 0);
    assert_non_null(strstr(f->error.message, "no connection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_CLAUDE(passing_statuses_are_tried_again),
        TEST_WITH_CLAUDE(what_they_ask_for_is_waited_for_and_more),
        TEST_WITH_CLAUDE(their_hint_wins_over_the_status),
        TEST_WITH_CLAUDE(a_refusal_is_final_and_has_its_fault),
        TEST_WITH_CLAUDE(an_error_that_repeats_our_key_does_not_spread_it),
        TEST_WITH_CLAUDE(a_spend_limit_is_final_whatever_the_status_promises),
        TEST_WITH_CLAUDE(another_limit_code_is_tried_again),
        TEST_WITH_CLAUDE(the_retry_budget_ends),
        TEST_WITH_CLAUDE(a_wait_beyond_the_budget_is_not_begun),
        TEST_WITH_CLAUDE(a_deadline_ends_the_waiting),
        TEST_WITH_CLAUDE(a_wait_beyond_budget_and_deadline_is_no_lack_of_time),
        TEST_WITH_CLAUDE(a_deadline_ends_an_attempt),
        TEST_WITH_CLAUDE(a_cancel_ends_an_attempt),
        TEST_WITH_CLAUDE(a_cancel_ends_the_waiting),
        TEST_WITH_CLAUDE(the_caller_may_refuse_another_attempt),
        TEST_WITH_CLAUDE(without_hooks_it_works_as_well),
        TEST_WITH_CLAUDE(an_unreachable_server_is_retried_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
