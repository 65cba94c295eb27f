/* A client of a scripted Messages API. */
#ifndef COMPONENT_ANTHROPIC_FIXTURE_H
#define COMPONENT_ANTHROPIC_FIXTURE_H

#include "api/anthropic.h"
#include "base/clock.h"
#include "base/thread.h"
#include "support/stub_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define KEY  "sk-ant-api03-test"
#define BODY "{\"model\":\"claude-old-1\",\"stream\":true}"

#define EVENT(name, data) "event: " name "\ndata: {\"type\":\"" name "\"" data "}\n\n"
#define STREAM_BEGIN                                                                               \
    EVENT("message_start",                                                                         \
          ",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-old-1\",\"content\":[],"              \
          "\"usage\":{\"input_tokens\":11,\"output_tokens\":1}}")                                  \
    EVENT("content_block_start",                                                                   \
          ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")                      \
    "event: ping\ndata: {\"type\": \"ping\"}\n\n" EVENT(                                           \
        "content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"         \
                               "\"Gr\xC3\xBC\xC3\x9F \\u00fc\"}")
#define STREAM_END                                                                                 \
    EVENT("content_block_stop", ",\"index\":0")                                                    \
    EVENT("message_delta",                                                                         \
          ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":42}")            \
    EVENT("message_stop", "")
#define STREAM  STREAM_BEGIN STREAM_END
#define CONTENT "[{\"type\":\"text\",\"text\":\"Gr\xC3\xBC\xC3\x9F \\u00fc\"}]"

#define SSE_HEADERS  "Content-Type: text/event-stream; charset=utf-8\r\nrequest-id: req_1\r\n"
#define JSON_HEADERS "Content-Type: application/json\r\nrequest-id: req_2\r\n"
#define ERROR_BODY(type, message)                                                                  \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"},"           \
    "\"request_id\":\"req_2\"}"

/* A stream that is sent like this. */
#define SSE(text, ...)                                                                             \
    {                                                                                              \
        .status = 200, .headers = SSE_HEADERS, .body = (text), .is_chunked = true, __VA_ARGS__     \
    }
#define GOOD_STREAM SSE(STREAM, .times = -1)
#define ERROR_REPLY(code, type, more_headers)                                                      \
    {                                                                                              \
        .status = (code), .headers = JSON_HEADERS more_headers,                                    \
        .body = ERROR_BODY(type, "they say so")                                                    \
    }

struct fixture {
    struct http_client *http;
    struct stub_server *server;
    struct anthropic *claude;
    struct anthropic_reply reply;
    struct anthropic_error error;
    /* what the hooks saw */
    int n_before;
    int n_retries;
    int allow; /* attempts that before_attempt() allows; 0: all */
    int64_t waits_ms[16];
};

static inline struct anthropic_options fixture_options(struct fixture *f)
{
    return (struct anthropic_options){
        .base_url = stub_url(f->server, ""),
        .api_key = KEY,
        .version = "2026-10-21",
        .retry_base_ms = 5,
        .retry_budget_ms = 8000,
    };
}

/* Takes the place of the client that the setup made. */
static inline void fixture_use(struct fixture *f, struct anthropic_options options)
{
    anthropic_free(f->claude);
    f->claude = anthropic_new(f->http, &options);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->server = stub_start();
    if (http_start(&(struct http_options){.user_agent = "briefd-test/1"}, &f->http)) return -1;
    fixture_use(f, fixture_options(f));
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    anthropic_reply_done(&f->reply);
    anthropic_free(f->claude);
    http_stop(f->http);
    stub_stop(f->server);
    xfree(f);
    return 0;
}

#define TEST_WITH_CLAUDE(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

static inline bool note_before(void *ctx, int n)
{
    struct fixture *f = ctx;
    f->n_before++;
    assert_int_equal(n, f->n_before);
    return f->allow == 0 || n <= f->allow;
}

static inline void note_retry(void *ctx, const struct anthropic_error *error, int64_t wait_ms)
{
    struct fixture *f = ctx;
    assert_int_equal(error->attempts, f->n_before);
    if (f->n_retries < (int)ARRAY_LEN(f->waits_ms)) f->waits_ms[f->n_retries] = wait_ms;
    f->n_retries++;
}

/* Asks; `deadline_ms` from now, 0: none. */
static inline enum err ask_until(struct fixture *f, struct http_cancel *cancel, int64_t deadline_ms)
{
    const struct anthropic_hooks hooks = {note_before, note_retry, f};
    anthropic_reply_done(&f->reply);
    int64_t deadline = deadline_ms > 0 ? clock_mono_ms() + deadline_ms : 0;
    enum err e = anthropic_ask(f->claude, BODY, strlen(BODY), cancel, deadline, &hooks, &f->reply,
                               &f->error);
    assert_null(strstr(err_detail(), KEY));
    return e;
}

static inline void expect_reply(struct fixture *f, int attempts)
{
    enum err e = ask_until(f, NULL, 0);
    if (e) print_error("no reply: %s\n", err_detail());
    assert_int_equal(e, E_OK);
    assert_string_equal(str_text(&f->reply.content), CONTENT);
    assert_int_equal(f->reply.stop, STOP_END_TURN);
    assert_int_equal(f->reply.usage.input_tokens, 11);
    assert_int_equal(f->reply.usage.output_tokens, 42);
    assert_int_equal(f->reply.attempts, attempts);
    assert_int_equal(f->error.fault, ANTHROPIC_FINE);
    assert_int_equal(f->error.attempts, attempts);
}

static inline void expect_fault(struct fixture *f, enum anthropic_fault fault, int attempts)
{
    enum err e = ask_until(f, NULL, 0);
    assert_int_equal(e, E_UPSTREAM);
    if (f->error.fault != fault) print_error("another fault: %s\n", err_detail());
    assert_int_equal(f->error.fault, fault);
    assert_int_equal(f->error.attempts, attempts);
    assert_int_equal(stub_requests(f->server), attempts);
}

#endif
