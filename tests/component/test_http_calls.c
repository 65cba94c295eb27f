/* Outbound HTTP against a real socket: requests, answers, connections. */
#include "component/http_fixture.h"

static void an_answer_comes_back(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 418,
                            .headers = "X-Tea:  green \r\n",
                            .body = "short\0 and stout",
                            .body_len = 16});
    struct http_request request = get_from(f, "/pot?a=1");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_ANSWERED);
    assert_int_equal(reply.status, 418);
    assert_int_equal(reply.body.len, 16);
    assert_memory_equal(reply.body.data, "short\0 and stout", 16);
    char value[16];
    assert_true(http_reply_header(&reply, "x-tea", value, sizeof value));
    assert_string_equal(value, "green");
    assert_false(http_reply_header(&reply, "x-tea", value, 5));
    assert_false(http_reply_header(&reply, "x-te", value, sizeof value));
    assert_null(reply.timer);
    assert_string_equal(reply.error, "");
    assert_true(reply.is_connection_new);
    assert_true(reply.sent_unix_ms > 0);
    assert_true(reply.first_byte_ms >= 0 && reply.first_byte_ms <= reply.took_ms);
    http_reply_done(&reply);
}

static void the_request_is_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200});
    const struct http_header headers[] = {
        {"content-type", "application/json"},
        {"accept",       "a/b"             },
        {"x-empty",      ""                }
    };
    struct http_request request = post_to(f, "/v1/x", "{\"a\":1}");
    request.headers = headers;
    request.n_headers = ARRAY_LEN(headers);
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);

    const struct stub_request *rq = stub_request(f->server, 0);
    char value[64];
    assert_int_equal(strncmp(rq->head, "POST /v1/x HTTP/1.1\r\n", 21), 0);
    assert_string_equal(rq->body, "{\"a\":1}");
    assert_true(stub_request_header(rq, "content-type", value, sizeof value));
    assert_string_equal(value, "application/json");
    assert_true(stub_request_header(rq, "accept", value, sizeof value));
    assert_string_equal(value, "a/b");
    assert_true(stub_request_header(rq, "x-empty", value, sizeof value));
    assert_string_equal(value, "");
    assert_true(stub_request_header(rq, "user-agent", value, sizeof value));
    assert_string_equal(value, "briefd-test/1");
    assert_false(stub_request_header(rq, "expect", value, sizeof value));
    assert_false(stub_request_header(rq, "accept-encoding", value, sizeof value));
}

static void each_method_is_sent_as_it_is(void **state)
{
    struct fixture *f = *state;
    const char *const methods[] = {"GET", "POST", "DELETE", "PUT", "PATCH"};
    STUB_SCRIPT(f->server, {.status = 200, .times = -1});
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct http_request request = get_from(f, "/");
        request.method = methods[i];
        assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
        const struct stub_request *rq = stub_request(f->server, i);
        char value[64];
        assert_int_equal(strncmp(rq->head, methods[i], strlen(methods[i])), 0);
        assert_int_equal(rq->body_len, 0);
        assert_false(stub_request_header(rq, "content-type", value, sizeof value));
    }
    struct http_request request = post_to(f, "/", "x");
    request.method = "DELETE";
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_string_equal(stub_request(f->server, ARRAY_LEN(methods))->body, "x");
}

static void a_large_body_arrives_whole(void **state)
{
    struct fixture *f = *state;
    const size_t len = 8 * MIB;
    STUB_SCRIPT(f->server, {.status = 200});
    char *body = xmalloc(len + 1);
    memset(body, 'x', len);
    body[len] = '\0';
    struct http_request request = post_to(f, "/", body);
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_int_equal(stub_request(f->server, 0)->body_len, len);
    assert_memory_equal(stub_request(f->server, 0)->body, body, len);
    xfree(body);
}

static void headers_that_would_smuggle_lines_are_refused(void **state)
{
    struct fixture *f = *state;
    const struct http_header bad[] = {
        {"a",      "b\r\nc: d"},
        {"a",      "b\nc"     },
        {"a\r\nb", "c"        },
        {"",       "x"        },
        {"a b",    "c"        },
        {"a:",     "b"        },
        {"a",      NULL       },
        {NULL,     "a"        },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_request request = get_from(f, "/");
        request.headers = &bad[i];
        request.n_headers = 1;
        assert_int_equal(end_of(f, &request), HTTP_FAILED_LOCALLY);
    }
    assert_int_equal(stub_connections(f->server), 0);
}

static void only_http_and_https_are_spoken(void **state)
{
    struct fixture *f = *state;
    const char *const urls[] = {"file:///etc/passwd",
                                "ftp://127.0.0.1/",
                                "gopher://127.0.0.1/",
                                "not a url",
                                "",
                                "http://"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_request request = {.method = "GET", .url = urls[i]};
        assert_int_equal(end_of(f, &request), HTTP_FAILED_LOCALLY);
    }
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 302, .headers = "Location: /elsewhere\r\n"});
    struct http_request request = get_from(f, "/");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.status, 302);
    assert_int_equal(stub_requests(f->server), 1);
    http_reply_done(&reply);
}

static void a_connection_is_used_again(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200, .body = "x", .times = -1});
    for (int i = 0; i < 5; i++) {
        struct http_request request = post_to(f, "/", "y");
        struct http_reply reply;
        http_call(f->http, &request, &reply);
        assert_int_equal(reply.end, HTTP_ANSWERED);
        assert_int_equal(reply.is_connection_new, i == 0);
        http_reply_done(&reply);
    }
    assert_int_equal(stub_connections(f->server), 1);
    assert_int_equal(http_connections_opened(f->http), 1);
}

static void a_fresh_connection_is_used_once(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.status = 200, .times = -1});
    struct http_request request = post_to(f, "/", "y");
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    request.is_fresh = true;
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    assert_int_equal(stub_connections(f->server), 3);
    assert_int_equal(http_connections_opened(f->http), 3);
    /* The kept one is still there; the fresh ones are closed. */
    assert_true(stub_wait_open(f->server, 1));
}

static void informational_answers_are_not_the_answer(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.body = "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                                    "HTTP/1.1 200 OK\r\nX-Late: 1\r\nContent-Length: 2\r\n\r\nhi"});
    struct http_request request = get_from(f, "/");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    char value[8];
    assert_int_equal(reply.status, 200);
    assert_string_equal(str_text(&reply.body), "hi");
    assert_true(http_reply_header(&reply, "x-late", value, sizeof value));
    assert_false(http_reply_header(&reply, "x-early", value, sizeof value));
    http_reply_done(&reply);
}

static void trailers_may_follow_the_body(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"});
    struct http_request request = get_from(f, "/");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_ANSWERED);
    assert_string_equal(str_text(&reply.body), "hi");
    http_reply_done(&reply);
}

/* Lets the answers go once three requests have arrived. */
static void *open_after_three(void *arg)
{
    struct fixture *f = arg;
    bool are_there = stub_wait_requests(f->server, 3);
    stub_open(f->server, 1);
    return are_there ? f : NULL;
}

static void several_calls_go_out_together(void **state)
{
    struct fixture *f = *state;
    STUB_SCRIPT(f->server, {.match = "/a", .status = 200, .body = "a", .gate = 1},
                {.match = "/b", .status = 200, .body = "b", .gate = 1},
                {.match = "/c", .status = 500, .body = "c", .gate = 1});
    struct http_request requests[3] = {get_from(f, "/a"), get_from(f, "/b"), get_from(f, "/c")};
    struct http_reply replies[3];
    struct thread opener = {0};
    assert_int_equal(thread_start(&opener, "opener", open_after_three, f), E_OK);
    http_call_all(f->http, requests, 3, replies);
    thread_join(&opener);
    /* One after the other, the first would have waited for the opener to give up. */
    assert_true(replies[0].took_ms < 55000);
    assert_string_equal(str_text(&replies[0].body), "a");
    assert_string_equal(str_text(&replies[1].body), "b");
    assert_int_equal(replies[2].status, 500);
    for (int i = 0; i < 3; i++)
        http_reply_done(&replies[i]);
    http_call_all(f->http, requests, 0, replies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_SERVER(an_answer_comes_back),
        TEST_WITH_SERVER(the_request_is_what_was_asked_for),
        TEST_WITH_SERVER(each_method_is_sent_as_it_is),
        TEST_WITH_SERVER(a_large_body_arrives_whole),
        TEST_WITH_SERVER(headers_that_would_smuggle_lines_are_refused),
        TEST_WITH_SERVER(only_http_and_https_are_spoken),
        TEST_WITH_SERVER(redirects_are_not_followed),
        TEST_WITH_SERVER(a_connection_is_used_again),
        TEST_WITH_SERVER(a_fresh_connection_is_used_once),
        TEST_WITH_SERVER(informational_answers_are_not_the_answer),
        TEST_WITH_SERVER(trailers_may_follow_the_body),
        TEST_WITH_SERVER(several_calls_go_out_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
