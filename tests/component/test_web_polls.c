/*
 * Polls, long-polls and lists over real sockets.
 */
#include "support/fake_upstreams.h"

#include "component/web_fixture.h"

static void a_briefing_is_accepted_polled_and_not_modified(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    held_run(s);
    assert_int_equal(once(s, line_for(s, "GET", ""), NULL, NULL, &a), 200);
    const char *etag = strstr(str_text(&a.head), "ETag: ");
    assert_non_null(etag);
    char header[200];
    int n = (int)strcspn(etag + 6, "\r");
    static const char *const forms[] = {"If-None-Match: %.*s\r\n",
                                        "If-None-Match: \"0\", W/%.*s\r\n",
                                        "If-None-Match: \"x\" ,%.*s,\"9\"\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(header, sizeof header, forms[i], n, etag + 6);
#pragma GCC diagnostic pop
        AUTO(answer_done) struct answer b = {0};
        assert_int_equal(once(s, line_for(s, "GET", ""), header, NULL, &b), 304);
        assert_int_equal(b.body.len, 0);
    }
    AUTO(answer_done) struct answer b = {0};
    assert_int_equal(once(s, line_for(s, "GET", ""), "If-None-Match: *\r\n", NULL, &b), 304);
    static const char *const others[] = {"If-None-Match: \"0\"\r\n", "If-None-Match: 5\r\n",
                                         "If-None-Match: \"5\r\n", "If-None-Match: ,\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(once(s, line_for(s, "GET", ""), others[i], NULL, &b), 200);
}

static void a_head_request_has_the_headers_alone(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    held_run(s);
    int fd = dial(s);
    ask(s, fd, line_for(s, "HEAD", ""), NULL, NULL);
    hear(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_null(strstr(str_text(&a.head), "Content-Length: 0\r\n"));
    ask(s, fd, "GET /healthz", NULL, NULL); /* nothing of a body stands between */
    hear(fd, true, &a);
    assert_int_equal(a.status, 200);
    close(fd);
}

static void two_hundred_parked_polls_are_answered_by_one_event(void **state)
{
    struct server *s = *state;
    enum { N = 200 };
    int fds[N];
    held_run(s);
    for (int i = 0; i < N; i++) {
        fds[i] = dial(s);
        ask(s, fds[i], line_for(s, "GET", "?wait=60"), NULL, NULL);
    }
    close(fds[0]); /* one that does not wait for its answer */
    fake_release();
    for (int i = 1; i < N; i++) {
        AUTO(answer_done) struct answer a = {0};
        hear(fds[i], true, &a);
        assert_int_equal(a.status, 200);
        close(fds[i]);
    }
}

static void a_wait_that_runs_out_says_not_modified_or_the_document(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    held_run(s);
    assert_int_equal(once(s, line_for(s, "GET", "?wait=0"), NULL, NULL, &a), 200);
    assert_int_equal(once(s, line_for(s, "GET", ""), "Prefer: respond-async, wait=1\r\n", NULL, &a),
                     200);
    assert_int_equal(once(s, line_for(s, "GET", "?wait=1"), "If-None-Match: *\r\n", NULL, &a), 304);
    assert_int_equal(once(s, line_for(s, "GET", "?wait=61"), NULL, NULL, &a), 400);
    assert_int_equal(once(s, line_for(s, "GET", "?wait=-1"), NULL, NULL, &a), 400);
    assert_int_equal(once(s, line_for(s, "GET", "?wait=1&wait=1"), NULL, NULL, &a), 400);
    assert_int_equal(once(s, line_for(s, "GET", "?waits=1"), NULL, NULL, &a), 400);
    /* What is no preference of ours does not wait. */
    int64_t began = clock_mono_ms();
    assert_int_equal(once(s, line_for(s, "GET", ""), "Prefer: await=30\r\n", NULL, &a), 200);
    assert_true(clock_mono_ms() - began < 15000);
}

static void stopping_answers_everybody_who_waits(void **state)
{
    struct server *s = *state;
    held_run(s);
    int fd = dial(s);
    ask(s, fd, line_for(s, "GET", "?wait=60"), NULL, NULL);
    AUTO(answer_done) struct answer a = {0};
    web_drain(s->web);
    assert_int_equal(once(s, "POST /briefings", NULL, "{\"user_id\":\"u\"}", &a), 503);
    assert_int_equal(once(s, "GET /readyz", NULL, NULL, &a), 503);
    assert_int_equal(once(s, "GET /healthz", NULL, NULL, &a), 200);
    stop(s);
    hear(fd, true, &a);
    assert_int_equal(a.status, 200);
    close(fd);
}

static void pages_of_a_list_neither_skip_nor_repeat(void **state)
{
    struct server *s = *state;
    held_run(s);
    for (int i = 0; i < 6; i++)
        accept_run(s);
    char line[300] = "GET /briefings?limit=2";
    char last[ID_MAX] = "~";
    int n = 0;
    for (int page = 0; page < 4; page++) {
        AUTO(answer_done) struct answer a = {0};
        assert_int_equal(once(s, line, NULL, NULL, &a), 200);
        struct json_span root = json_root(str_text(&a.body), a.body.len);
        for (struct json_iter it = json_iter(json_get(root, "data")); json_next(&it); n++) {
            AUTO(xfree_ptr) char *id = json_strdup(json_get(it.value, "id"), ID_MAX);
            assert_true(strcmp(id, last) < 0);
            snprintf(last, sizeof last, "%s", id);
        }
        AUTO(xfree_ptr) char *cursor = json_strdup(json_get(root, "next_cursor"), 100);
        assert_int_equal(cursor != NULL, page < 3);
        accept_run(s); /* newer ones do not move the pages */
        snprintf(line, sizeof line, "GET /briefings?limit=2&cursor=%s", cursor ? cursor : "");
    }
    assert_int_equal(n, 7);
    AUTO(answer_done) struct answer a = {0};
    assert_int_equal(once(s, "GET /briefings?cursor=YnJfMQ", NULL, NULL, &a), 400);
    assert_int_equal(once(s, "GET /briefings?cursor=", NULL, NULL, &a), 400);
    assert_int_equal(once(s, "GET /briefings?limit=101", NULL, NULL, &a), 400);
    assert_int_equal(once(s, "GET /briefings?status=gone", NULL, NULL, &a), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEB_TEST(a_briefing_is_accepted_polled_and_not_modified),
        WEB_TEST(a_head_request_has_the_headers_alone),
        WEB_TEST(two_hundred_parked_polls_are_answered_by_one_event),
        WEB_TEST(a_wait_that_runs_out_says_not_modified_or_the_document),
        WEB_TEST(stopping_answers_everybody_who_waits),
        WEB_TEST(pages_of_a_list_neither_skip_nor_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
