/* A client and a scripted server for each test. */
#ifndef COMPONENT_HTTP_FIXTURE_H
#define COMPONENT_HTTP_FIXTURE_H

#include "base/clock.h"
#include "base/thread.h"
#include "http/http.h"
#include "support/stub_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct fixture {
    struct http_client *http;
    struct stub_server *server;
};

static inline int fixture_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    const struct http_options options = {.user_agent = "briefd-test/1"};
    f->server = stub_start();
    if (http_start(&options, &f->http)) return -1;
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    http_stop(f->http);
    stub_stop(f->server);
    xfree(f);
    return 0;
}

#define TEST_WITH_SERVER(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* A request that one test or the other changes. */
static inline struct http_request get_from(struct fixture *f, const char *path)
{
    return (struct http_request){.method = "GET", .url = stub_url(f->server, path)};
}

static inline struct http_request post_to(struct fixture *f, const char *path, const char *body)
{
    return (struct http_request){
        .method = "POST",
        .url = stub_url(f->server, path),
        .body = body,
        .body_len = strlen(body),
    };
}

/* What came of it, without the rest. */
static inline enum http_end end_of(struct fixture *f, const struct http_request *request)
{
    struct http_reply reply;
    http_call(f->http, request, &reply);
    enum http_end end = reply.end;
    http_reply_done(&reply);
    return end;
}

/* A call on a thread of its own, for tests that do something meanwhile. */
struct background {
    struct thread thread;
    struct http_client *http;
    struct http_request request;
    struct http_reply reply;
};

static inline void *background_main(void *arg)
{
    struct background *b = arg;
    http_call(b->http, &b->request, &b->reply);
    return NULL;
}

static inline void background_start(struct background *b, struct fixture *f,
                                    struct http_request request)
{
    *b = (struct background){.http = f->http, .request = request};
    assert_int_equal(thread_start(&b->thread, "caller", background_main, b), E_OK);
}

#endif
