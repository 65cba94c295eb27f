/* One question to Claude over a real socket: the request, the stream, and what breaks it. */
#include "component/anthropic_fixture.h"

static void a_reply_is_assembled_however_it_is_cut(void **state)
{
    struct fixture *f = *state;
    const size_t pieces[] = {1, 2, 3, 7, 64, 0};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        STUB_SCRIPT(f->server, SSE(STREAM, .piece = pieces[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        f->n_before = 0;
        expect_reply(f, 1);
        assert_string_equal(f->reply.request_id, "req_1");
        assert_string_equal(f->reply.message_id, "msg_1");
        assert_string_equal(f->reply.model, "claude-old-1");
    }
    assert_int_equal(stub_connections(f->server), 1);
}

static void the_request_carries_its_headers(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, GOOD_STREAM);
    expect_reply(f, 1);
    const struct stub_request *rq = stub_request(f->server, 0);
    char value[100];
    assert_int_equal(strncmp(rq->head, "POST /v1/messages HTTP/1.1\r\n", 28), 0);
    assert_string_equal(rq->body, BODY);
    assert_true(stub_request_header(rq, "authorization", value, sizeof value));
    assert_string_equal(value, "Bearer " KEY);
    assert_false(stub_request_header(rq, "x-api-key", value, sizeof value));
    assert_true(stub_request_header(rq, "anthropic-version", value, sizeof value));
    assert_string_equal(value, "2026-10-21");
    assert_true(stub_request_header(rq, "content-type", value, sizeof value));
    assert_string_equal(value, "application/json");
}

static void the_key_goes_where_it_is_wanted(void **state)
{
    struct fixture *f = *state;
    struct anthropic_options options = fixture_options(f);
    options.use_x_api_key = true;
    fixture_use(f, options);
    STUB_SCRIPT(f->server, GOOD_STREAM);
    expect_reply(f, 1);
    anthropic_set_key(f->claude, "second");
    f->n_before = 0;
    expect_reply(f, 1);
    char value[100];
    for (size_t i = 0; i < 2; i++) {
        const struct stub_request *rq = stub_request(f->server, i);
        assert_false(stub_request_header(rq, "authorization", value, sizeof value));
        assert_true(stub_request_header(rq, "x-api-key", value, sizeof value));
        assert_string_equal(value, i == 0 ? KEY : "second");
    }
}

/* ---- streams that come to nothing, and the next one that does not ---- */

static void expect_second_try(struct fixture *f, struct stub_reply first, int uncertain)
{
    stub_script(f->server, &first, 1);
    STUB_SCRIPT(f->server, GOOD_STREAM);
    expect_reply(f, 2);
    assert_int_equal(f->n_retries, 1);
    assert_int_equal(f->error.attempts_uncertain, uncertain);
}

#define IN_STREAM(type) EVENT("error", ",\"error\":{\"type\":\"" type "\",\"message\":\"no\"}")

static void an_overload_inside_the_stream_is_tried_again(void **state)
{
    expect_second_try(
        *state, (struct stub_reply)SSE(STREAM_BEGIN IN_STREAM("overloaded_error"), .piece = 50), 1);
}

static void an_error_of_an_unknown_type_is_tried_again(void **state)
{
    expect_second_try(*state, (struct stub_reply)SSE(IN_STREAM("new_error"), .piece = 50), 1);
}

static void an_error_inside_the_stream_can_be_final(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, SSE(STREAM_BEGIN IN_STREAM("invalid_request_error"), .piece = 50));
    expect_fault(f, ANTHROPIC_REJECTED, 1);
    assert_string_equal(f->error.type, "invalid_request_error");
    assert_string_equal(f->error.request_id, "req_1");
    assert_int_equal(f->error.attempts_uncertain, 1);
}

static void a_stream_without_message_stop_does_not_count(void **state)
{
    expect_second_try(*state,
                      (struct stub_reply)SSE(
                          STREAM_BEGIN EVENT("content_block_stop", ",\"index\":0")
                              EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}"),
                          .piece = 100),
                      1);
}

static void a_stream_that_is_cut_off_does_not_count(void **state)
{
    expect_second_try(*state, (struct stub_reply)SSE(STREAM, .cut_after = 300, .end = STUB_CLOSE),
                      1);
}

static void a_reset_connection_is_tried_again(void **state)
{
    expect_second_try(*state, (struct stub_reply){.end = STUB_RESET}, 1);
}

static void a_second_message_start_does_not_count(void **state)
{
    expect_second_try(*state, (struct stub_reply)SSE(STREAM_BEGIN STREAM, .piece = 0), 1);
}

static void use_short_timers(struct fixture *f)
{
    struct anthropic_options options = fixture_options(f);
    options.timeouts = (struct http_timeouts){
        .first_byte_ms = 400, .idle_bytes_ms = 400, .idle_events_ms = 600, .total_ms = 20000};
    fixture_use(f, options);
}

static void silence_before_the_answer_is_tried_again(void **state)
{
    use_short_timers(*state);
    expect_second_try(*state, (struct stub_reply){.end = STUB_HANG}, 1);
}

static void silence_inside_the_stream_is_tried_again(void **state)
{
    use_short_timers(*state);
    expect_second_try(*state, (struct stub_reply)SSE(STREAM_BEGIN, .end = STUB_HANG), 1);
}

static void heartbeats_do_not_hide_a_stall(void **state)
{
    use_short_timers(*state);
    expect_second_try(
        *state,
        (struct stub_reply)SSE(": alive\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
                               .is_endless = true, .pause_ms = 20),
        1);
}

#define PINGS_5  PING PING PING PING PING
#define PINGS_50 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5 PINGS_5
#define PING     "event: ping\ndata: {\"type\":\"ping\"}\n\n"
#define THOUGHT(inside)                                                                            \
    EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"content\":[]}")                       \
    EVENT("content_block_start",                                                                   \
          ",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}")              \
    inside EVENT("content_block_delta",                                                            \
                 ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}")

static void pings_are_all_that_is_seen_of_a_long_thought(void **state)
{
    struct fixture *f = *state;
    use_short_timers(f);
    STUB_SCRIPT(f->server, SSE(THOUGHT(PINGS_50) STREAM_END, .piece = 40, .pause_ms = 25));
    assert_int_equal(ask_until(f, NULL, 0), E_OK);
    assert_int_equal(f->reply.attempts, 1);
    assert_string_equal(str_text(&f->reply.content),
                        "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"c2ln\"}]");
    assert_true(f->reply.took_ms > 1000); /* longer than the timer of events */
}

static void slow_progress_is_no_stall(void **state)
{
    struct fixture *f = *state;
    use_short_timers(f);
    STUB_SCRIPT(f->server, SSE(STREAM, .piece = 40, .pause_ms = 50));
    expect_reply(f, 1);
    assert_true(f->reply.took_ms > 600);
}

static void a_server_that_never_hangs_up_does_not_spoil_the_reply(void **state)
{
    struct fixture *f = *state;
    use_short_timers(f);
    STUB_SCRIPT(f->server, SSE(STREAM, .end = STUB_HANG),
                SSE(STREAM ": alive\n\n", .is_endless = true, .pause_ms = 20));
    expect_reply(f, 1);
    f->n_before = 0;
    expect_reply(f, 1);
}

static void a_complete_reply_is_not_held_up_by_its_connection(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, SSE(STREAM, .end = STUB_HANG));
    expect_reply(f, 1);
    assert_true(f->reply.took_ms < 50000); /* silence alone may last for 60 s */
}

static void a_stream_that_makes_no_sense_is_not_paid_for_without_end(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, SSE(STREAM_BEGIN STREAM_BEGIN, .times = -1));
    expect_fault(f, ANTHROPIC_UNAVAILABLE, 3);
    assert_int_equal(f->error.attempts_uncertain, 3);
    assert_non_null(strstr(f->error.message, "second message"));
}

static void a_page_instead_of_a_stream_is_named(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200,
                            .headers = "Content-Type: text/html\r\n",
                            .body = "<html>welcome</html>",
                            .times = -1});
    expect_fault(f, ANTHROPIC_UNAVAILABLE, 3);
    assert_non_null(strstr(f->error.message, "text/html"));
    assert_non_null(strstr(err_detail(), "text/html"));
}

static void a_call_cut_off_by_max_tokens_is_marked(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(
        f->server,
        SSE(EVENT("message_start", ",\"message\":{\"id\":\"msg_2\"}") EVENT(
                "content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"tool_use\","
                                       "\"id\":\"toolu_1\",\"name\":\"n\",\"input\":{}}")
                EVENT("content_block_delta",
                      ",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
                      "\"partial_json\":\"{\\\"a\\\":\\\"b\"}")
                    EVENT("content_block_stop", ",\"index\":0")
                        EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"max_tokens\"}")
                            EVENT("message_stop", ""),
            .piece = 33));
    assert_int_equal(ask_until(f, NULL, 0), E_OK);
    assert_true(f->reply.has_truncated_tool_use);
    assert_int_equal(f->reply.stop, STOP_MAX_TOKENS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_CLAUDE(a_reply_is_assembled_however_it_is_cut),
        TEST_WITH_CLAUDE(the_request_carries_its_headers),
        TEST_WITH_CLAUDE(the_key_goes_where_it_is_wanted),
        TEST_WITH_CLAUDE(an_overload_inside_the_stream_is_tried_again),
        TEST_WITH_CLAUDE(an_error_of_an_unknown_type_is_tried_again),
        TEST_WITH_CLAUDE(an_error_inside_the_stream_can_be_final),
        TEST_WITH_CLAUDE(a_stream_without_message_stop_does_not_count),
        TEST_WITH_CLAUDE(a_stream_that_is_cut_off_does_not_count),
        TEST_WITH_CLAUDE(a_reset_connection_is_tried_again),
        TEST_WITH_CLAUDE(a_second_message_start_does_not_count),
        TEST_WITH_CLAUDE(silence_before_the_answer_is_tried_again),
        TEST_WITH_CLAUDE(silence_inside_the_stream_is_tried_again),
        TEST_WITH_CLAUDE(heartbeats_do_not_hide_a_stall),
        TEST_WITH_CLAUDE(pings_are_all_that_is_seen_of_a_long_thought),
        TEST_WITH_CLAUDE(slow_progress_is_no_stall),
        TEST_WITH_CLAUDE(a_server_that_never_hangs_up_does_not_spoil_the_reply),
        TEST_WITH_CLAUDE(a_complete_reply_is_not_held_up_by_its_connection),
        TEST_WITH_CLAUDE(a_stream_that_makes_no_sense_is_not_paid_for_without_end),
        TEST_WITH_CLAUDE(a_page_instead_of_a_stream_is_named),
        TEST_WITH_CLAUDE(a_call_cut_off_by_max_tokens_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
