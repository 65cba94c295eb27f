/*
 * Keys, bodies and the ways of a connection, over real sockets.
 */
#include "support/fake_upstreams.h"

#include "component/web_fixture.h"

static void a_revoked_key_is_refused_soon(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    assert_int_equal(once(s, "GET /briefings", NULL, NULL, &a), 200);
    (void)ask_file(&s->rig->f, "UPDATE api_keys SET revoked_ms = 1"); /* by another process */
    int64_t until = clock_mono_ms() + 60000;
    while (once(s, "GET /briefings", NULL, NULL, &a) == 200 && clock_mono_ms() < until) {
    }
    assert_int_equal(a.status, 401);
    assert_non_null(strstr(str_text(&a.head), "WWW-Authenticate: Bearer"));
    AUTO(xfree_ptr) char *id = NULL;
    xfree_secret(s->secret);
    s->secret = NULL;
    assert_ok(store_key_create(s->rig->f.store, "new", SCOPE_BRIEFINGS_READ, &id, &s->secret));
    assert_int_equal(once(s, "GET /briefings", NULL, NULL, &a), 200); /* at once */
    assert_int_equal(once(s, "POST /briefings", NULL, "{\"user_id\":\"u\"}", &a), 403);
}

static void a_body_without_a_length_has_the_same_limit(void **state)
{
    struct server *s = *state;
    AUTO(str_done) struct str chunk = {0};
    str_append_text(&chunk, "4000\r\n");
    for (int i = 0; i < 0x4000; i++)
        str_append_char(&chunk, ' ');
    str_append_text(&chunk, "\r\n");
    static const char headers[] =
        "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n";
    for (int n = 4; n <= 5; n++) { /* 64 KiB of white space, and 16 KiB more */
        AUTO(answer_done) struct answer a = {0};
        int fd = dial(s);
        ask(s, fd, "POST /briefings", headers, NULL);
        for (int i = 0; i < n; i++)
            say(fd, chunk.data, chunk.len);
        say(fd, "0\r\n\r\n", 5);
        hear(fd, true, &a);
        assert_int_equal(a.status, n == 4 ? 400 : 413);
        close(fd);
    }
    /* One that never ends is not read for ever. */
    int fd = dial(s);
    ask(s, fd, "POST /briefings", headers, NULL);
    for (int i = 0; i < 2000; i++) {
        if (send(fd, chunk.data, chunk.len, MSG_NOSIGNAL) <= 0) break;
        if (i == 1999) fail_msg("32 MB were taken");
    }
    close(fd);
}

static void a_declared_length_beyond_the_limit_is_refused_before_the_body(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    int fd = dial(s);
    ask(s, fd, "POST /briefings", "Content-Length: 70000\r\nContent-Type: application/json\r\n",
        NULL);
    hear(fd, true, &a);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(str_text(&a.body), "body_too_large"));
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct server *s = *state;
    held_run(s);
    int fd = dial(s);
    ask(s, fd, "GET /briefings?limit=1", NULL, NULL);
    ask(s, fd, line_for(s, "GET", ""), "If-None-Match: *\r\n", NULL);
    ask(s, fd, "GET /nothing", NULL, NULL);
    ask(s, fd, "GET /healthz", NULL, NULL);
    static const int expected[] = {200, 304, 404, 200};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        AUTO(answer_done) struct answer a = {0};
        hear(fd, expected[i] != 304, &a);
        assert_int_equal(a.status, expected[i]);
    }
    close(fd);
}

static void a_request_in_single_bytes_is_understood(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    AUTO(str_done) struct str text = {0};
    str_append_format(
        &text,
        "POST /briefings HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: bearer %s\r\n"
        "Content-Type: application/json; charset=UTF-8\r\nContent-Length: 2\r\n\r\n{}",
        s->port, s->secret);
    int fd = dial(s);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    for (size_t i = 0; i < text.len; i++)
        say(fd, text.data + i, 1);
    hear(fd, true, &a);
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(str_text(&a.body), "/user_id"));
    close(fd);
}

static void a_foreign_host_is_refused_but_health_answers(void **state)
{
    struct server *s = *state;
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"/briefings", 421},
        {"/healthz",   200},
        {"/readyz",    200},
        {"/version",   421}
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(answer_done) struct answer a = {0};
        AUTO(str_done) struct str text = {0};
        str_append_format(&text, "GET %s HTTP/1.1\r\nHost: evil.example\r\n\r\n", rows[i].target);
        int fd = dial(s);
        say(fd, text.data, text.len);
        hear(fd, true, &a);
        assert_int_equal(a.status, rows[i].status);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEB_TEST(a_revoked_key_is_refused_soon),
        WEB_TEST(a_body_without_a_length_has_the_same_limit),
        WEB_TEST(a_declared_length_beyond_the_limit_is_refused_before_the_body),
        WEB_TEST(pipelined_requests_are_answered_in_order),
        WEB_TEST(a_request_in_single_bytes_is_understood),
        WEB_TEST(a_foreign_host_is_refused_but_health_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
