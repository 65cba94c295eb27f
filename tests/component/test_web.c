/*
 * The HTTP side over real sockets: keys, polls, long-polls, bodies, lists, and stopping.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"
#include "store/keys.h"
#include "web/listen.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

struct server {
    struct rig *rig;
    struct watch *watch;
    struct runs *runs;
    struct web *web;
    int port;
    char *key_id, *secret;
};

static void start_runs(struct server *s)
{
    struct runs_options options = {.agent = &s->rig->agent,
                                   .store = s->rig->f.store,
                                   .watch = s->watch,
                                   .runs_max = 1,
                                   .open_runs_max = 1000,
                                   .start_by_default_ms = 86400000,
                                   .blocked_ttl_ms = 86400000,
                                   .deadline_max_ms = 3600000,
                                   .budget_max_nano_usd = INT64_C(10000000000),
                                   .stop_grace_ms = 1,
                                   .model = "claude-sonnet-5-5",
                                   .timezone = "Europe/Oslo"};
    assert_ok(runs_start(&options, &s->runs));
}

static int server_make(void **state)
{
    struct server *s = xcalloc(1, sizeof *s);
    void *rig = NULL;
    int fd = -1;
    if (rig_make(&rig) != 0) return -1;
    s->rig = rig;
    if (watch_start("http://127.0.0.1", 250, &s->watch)) return -1;
    store_observe_runs(s->rig->f.store, watch_changed, s->watch);
    start_runs(s);
    unsigned scopes = SCOPE_BRIEFINGS_READ | SCOPE_BRIEFINGS_WRITE;
    if (store_key_create(s->rig->f.store, "backend", scopes, &s->key_id, &s->secret)) return -1;
    if (listen_bind("127.0.0.1", 0, &fd, &s->port)) return -1;
    struct web_options options = {.listen_fd = fd,
                                  .listen_host = "127.0.0.1",
                                  .listen_port = s->port,
                                  .public_url = "http://127.0.0.1",
                                  .body_bytes_max = 64 * KIB,
                                  .connections_max = 1000,
                                  .connections_per_address_max = 1000,
                                  .agent = &s->rig->agent,
                                  .store = s->rig->f.store,
                                  .runs = s->runs,
                                  .watch = s->watch,
                                  .catalogue = s->rig->catalogue};
    if (web_start(&options, &s->web)) return -1;
    *state = s;
    return 0;
}

static void stop(struct server *s)
{
    if (!s->web) return;
    web_drain(s->web);
    fake_release();
    runs_stop(s->runs);
    watch_stop(s->watch);
    web_stop(s->web);
    s->web = NULL;
}

static int server_remove(void **state)
{
    struct server *s = *state;
    stop(s);
    runs_free(s->runs);
    store_close(s->rig->f.store);
    s->rig->f.store = NULL;
    watch_free(s->watch);
    xfree(s->key_id);
    xfree_secret(s->secret);
    void *rig = s->rig;
    xfree(s);
    return rig_remove(&rig);
}

/* ---- a client ---- */

static int dial(const struct server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static void say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0) return; /* it was closed: what it said is read all the same */
        text += n;
        len -= (size_t)n;
    }
}

/* "METHOD target", further header lines with their \r\n, a body or NULL. */
static void ask(const struct server *s, int fd, const char *line, const char *headers,
                const char *body)
{
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n%s",
                      line, s->port, s->secret, headers ? headers : "");
    if (body)
        str_append_format(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                          strlen(body));
    str_append_format(&text, "\r\n%s", body ? body : "");
    say(fd, text.data, text.len);
}

struct answer {
    int status; /* 0: the connection ended without one */
    struct str head, body;
};

static void answer_done(struct answer *a)
{
    str_done(&a->head);
    str_done(&a->body);
}

static void hear(int fd, bool has_body, struct answer *a)
{
    char c;
    answer_done(a);
    *a = (struct answer){0};
    while (!text_ends(str_text(&a->head), "\r\n\r\n") && recv(fd, &c, 1, 0) == 1)
        str_append_char(&a->head, c);
    if (a->head.len < 12) return;
    a->status = (int)strtol(a->head.data + 9, NULL, 10);
    const char *length = strcasestr(a->head.data, "content-length:");
    size_t len = length ? (size_t)strtoul(length + 15, NULL, 10) : 0;
    while (has_body && a->body.len < len && recv(fd, &c, 1, 0) == 1)
        str_append_char(&a->body, c);
}

static int once(const struct server *s, const char *line, const char *headers, const char *body,
                struct answer *a)
{
    int fd = dial(s);
    ask(s, fd, line, headers, body);
    hear(fd, strncmp(line, "HEAD", 4) != 0, a);
    close(fd);
    return a->status;
}

static void accept_run(struct server *s)
{
    AUTO(answer_done) struct answer a = {0};
    assert_int_equal(
        once(s, "POST /briefings", NULL, "{\"user_id\":\"u_7f\",\"if_running\":\"enqueue\"}", &a),
        202);
    const char *id = strstr(str_text(&a.body), "\"br_");
    assert_non_null(id);
    snprintf(s->rig->id, sizeof s->rig->id, "%.29s", id + 1);
}

/* A run whose question is never answered until fake_release(). */
static void held_run(struct server *s)
{
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                 .stop = STOP_TOOL_USE,
                 .is_held = true});
    accept_run(s);
    assert_true(fake_wait_questions(1));
}

static const char *line_for(const struct server *s, const char *method, const char *tail)
{
    static char line[300];
    snprintf(line, sizeof line, "%s /briefings/%s%s", method, s->rig->id, tail);
    return line;
}

/* ---- tests ---- */

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

static void a_revoked_key_is_refused_within_a_second(void **state)
{
    struct server *s = *state;
    AUTO(answer_done) struct answer a = {0};
    assert_int_equal(once(s, "GET /briefings", NULL, NULL, &a), 200);
    (void)ask_file(&s->rig->f, "UPDATE api_keys SET revoked_ms = 1"); /* by another process */
    int64_t until = clock_mono_ms() + 10000;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_make, server_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_briefing_is_accepted_polled_and_not_modified),
        TEST(a_head_request_has_the_headers_alone),
        TEST(two_hundred_parked_polls_are_answered_by_one_event),
        TEST(a_wait_that_runs_out_says_not_modified_or_the_document),
        TEST(stopping_answers_everybody_who_waits),
        TEST(a_revoked_key_is_refused_within_a_second),
        TEST(a_body_without_a_length_has_the_same_limit),
        TEST(a_declared_length_beyond_the_limit_is_refused_before_the_body),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_request_in_single_bytes_is_understood),
        TEST(pages_of_a_list_neither_skip_nor_repeat),
        TEST(a_foreign_host_is_refused_but_health_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
