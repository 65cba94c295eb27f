/* Silence and slowness: each timer runs out for its own reason, and only then. */
#include "component/http_fixture.h"

static void expect_timer(struct fixture *f, const struct http_request *request, const char *timer)
{
    struct http_reply reply;
    http_call(f->http, request, &reply);
    if (reply.end != HTTP_TIMED_OUT) print_error("ended otherwise: %s\n", reply.error);
    assert_int_equal(reply.end, HTTP_TIMED_OUT);
    assert_string_equal(reply.timer, timer);
    assert_non_null(strstr(reply.error, timer));
    assert_true(reply.sent_unix_ms > 0);
    assert_true(reply.took_ms < 50000);
    http_reply_done(&reply);
}

static void no_answer_runs_into_the_first_byte_timer(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.end = STUB_HANG});
    struct http_request request = post_to(f, "/", "x");
    request.timeouts.first_byte_ms = 100;
    expect_timer(f, &request, "first byte");
}

static void a_stalled_body_runs_into_the_idle_timer(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200, .body = "0123456789", .cut_after = 5, .end = STUB_HANG});
    struct http_request request = get_from(f, "/");
    request.timeouts.idle_bytes_ms = 1000;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_string_equal(reply.timer, "idle bytes");
    assert_int_equal(reply.status, 200);
    assert_string_equal(str_text(&reply.body), "01234");
    http_reply_done(&reply);
}

static void a_slow_but_steady_body_is_no_stall(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200, .body = "0123456789", .piece = 1, .pause_ms = 150});
    struct http_request request = get_from(f, "/");
    request.timeouts.idle_bytes_ms = 1200;
    request.timeouts.first_byte_ms = 1200;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_ANSWERED);
    assert_true(reply.took_ms >= 1300);
    http_reply_done(&reply);
}

static void an_endless_body_runs_into_the_total(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(
        f->server,
        {.status = 200, .body = "x", .is_chunked = true, .is_endless = true, .pause_ms = 10});
    struct http_request request = get_from(f, "/");
    request.timeouts.total_ms = 150;
    expect_timer(f, &request, "total");
}

/* ---- streams ---- */

struct sink {
    enum http_sink_verdict verdict;
    size_t n_bytes;
    size_t stop_after; /* 0: never */
};

static enum http_sink_verdict take(void *ctx, const char *bytes, size_t len)
{
    struct sink *sink = ctx;
    (void)bytes;
    sink->n_bytes += len;
    if (sink->stop_after > 0 && sink->n_bytes >= sink->stop_after) return HTTP_SINK_STOP;
    return sink->verdict;
}

static struct http_request stream_from(struct fixture *f, struct sink *sink)
{
    struct http_request request = get_from(f, "/");
    request.sink = take;
    request.sink_ctx = sink;
    return request;
}

static void script_heartbeats(struct fixture *f)
{
    STUB_SCRIPT(f->server, {.status = 200,
                            .body = ": alive\n\n",
                            .is_chunked = true,
                            .is_endless = true,
                            .pause_ms = 20});
}

static void heartbeats_without_progress_run_into_the_event_timer(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_MORE};
    script_heartbeats(f);
    struct http_request request = stream_from(f, &sink);
    request.timeouts.idle_bytes_ms = 30000;
    request.timeouts.idle_events_ms = 200;
    expect_timer(f, &request, "idle events");
    assert_true(sink.n_bytes > 0);
}

static void progress_keeps_the_event_timer_away(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_EVENT};
    script_heartbeats(f);
    struct http_request request = stream_from(f, &sink);
    request.timeouts.idle_events_ms = 1200;
    request.timeouts.total_ms = 1800;
    expect_timer(f, &request, "total");
}

static void a_sink_gets_the_body_instead_of_the_reply(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_MORE};
    STUB_SCRIPT(f->server, {.status = 200, .body = "0123456789", .piece = 3});
    struct http_request request = stream_from(f, &sink);
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_ANSWERED);
    assert_int_equal(sink.n_bytes, 10);
    assert_int_equal(reply.body.len, 0);
    http_reply_done(&reply);
}

static void a_sink_can_stop(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_MORE, .stop_after = 100};
    script_heartbeats(f);
    struct http_request request = stream_from(f, &sink);
    assert_int_equal(end_of(f, &request), HTTP_SINK_STOPPED);
    assert_true(sink.n_bytes >= 100 && sink.n_bytes < 200);
}

static void a_sink_that_is_done_does_not_wait_for_the_end(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_DONE};
    STUB_SCRIPT(f->server,
                {.status = 200, .body = "0123456789", .is_chunked = true, .end = STUB_HANG});
    script_heartbeats(f);
    for (int i = 0; i < 2; i++) {
        struct http_request request = stream_from(f, &sink);
        request.timeouts.idle_bytes_ms = 60000;
        struct http_reply reply;
        http_call(f->http, &request, &reply);
        assert_int_equal(reply.end, HTTP_SINK_STOPPED);
        assert_null(reply.timer);
        assert_true(reply.took_ms < 50000);
        http_reply_done(&reply);
    }
}

static void a_sink_that_is_done_leaves_time_for_the_end(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_DONE};
    STUB_SCRIPT(f->server,
                {.status = 200, .body = "0123456789", .is_chunked = true, .piece = 5, .times = 2});
    struct http_request request = stream_from(f, &sink);
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_int_equal(sink.n_bytes, 20);
    assert_int_equal(stub_connections(f->server), 1);
}

static void an_error_page_is_not_given_to_the_sink(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_MORE};
    STUB_SCRIPT(f->server, {.status = 503, .body = "later"});
    struct http_request request = stream_from(f, &sink);
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.status, 503);
    assert_string_equal(str_text(&reply.body), "later");
    assert_int_equal(sink.n_bytes, 0);
    http_reply_done(&reply);
}

static void an_endless_error_page_is_cut_off_early(void **state)
{
    struct fixture *f = *state;
    struct sink sink = {.verdict = HTTP_SINK_MORE};
    char page[1025];
    memset(page, 'x', 1024);
    page[1024] = '\0';
    STUB_SCRIPT(f->server, {.status = 502, .body = page, .is_chunked = true, .is_endless = true});
    struct http_request request = stream_from(f, &sink);
    request.reply_bytes_max = 64 * MIB;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_TOO_LARGE);
    assert_int_equal(reply.status, 502);
    assert_true(reply.body.len > 0 && reply.body.len <= MIB);
    http_reply_done(&reply);
}

static void timers_of_many_transfers_do_not_disturb_each_other(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.match = "/hang", .times = -1, .end = STUB_HANG},
                {.match = "/fine", .status = 200, .times = -1, .gate = 1});
    const int n = 20;
    struct http_request *requests = xcalloc((size_t)n, sizeof *requests);
    struct http_reply *replies = xcalloc((size_t)n, sizeof *replies);
    struct background fine;
    background_start(&fine, f, get_from(f, "/fine"));
    for (int i = 0; i < n; i++) {
        requests[i] = get_from(f, "/hang");
        requests[i].timeouts.first_byte_ms = 50 + 10 * (i % 7);
    }
    http_call_all(f->http, requests, (size_t)n, replies);
    for (int i = 0; i < n; i++) {
        assert_int_equal(replies[i].end, HTTP_TIMED_OUT);
        assert_true(replies[i].took_ms >= requests[i].timeouts.first_byte_ms);
        http_reply_done(&replies[i]);
    }
    stub_open(f->server, 1);
    thread_join(&fine.thread);
    assert_int_equal(fine.reply.end, HTTP_ANSWERED);
    http_reply_done(&fine.reply);
    xfree(requests);
    xfree(replies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_SERVER(no_answer_runs_into_the_first_byte_timer),
        TEST_WITH_SERVER(a_stalled_body_runs_into_the_idle_timer),
        TEST_WITH_SERVER(a_slow_but_steady_body_is_no_stall),
        TEST_WITH_SERVER(an_endless_body_runs_into_the_total),
        TEST_WITH_SERVER(heartbeats_without_progress_run_into_the_event_timer),
        TEST_WITH_SERVER(progress_keeps_the_event_timer_away),
        TEST_WITH_SERVER(a_sink_gets_the_body_instead_of_the_reply),
        TEST_WITH_SERVER(a_sink_can_stop),
        TEST_WITH_SERVER(a_sink_that_is_done_does_not_wait_for_the_end),
        TEST_WITH_SERVER(a_sink_that_is_done_leaves_time_for_the_end),
        TEST_WITH_SERVER(an_error_page_is_not_given_to_the_sink),
        TEST_WITH_SERVER(an_endless_error_page_is_cut_off_early),
        TEST_WITH_SERVER(timers_of_many_transfers_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
