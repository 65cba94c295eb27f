/*
 * A ScaleKit client against a scripted server, for the tests of the client.
 */
#ifndef COMPONENT_TEST_SCALEKIT_FIXTURE_H
#define COMPONENT_TEST_SCALEKIT_FIXTURE_H

#include "api/scalekit.h"
#include "base/clock.h"
#include "base/thread.h"
#include "support/stub_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN        "POST /oauth/token"
#define ACCOUNTS     "GET /api/v1/connected_accounts"
#define SCOPED       "GET /api/v1/tools/scoped"
#define EXECUTE      "POST /api/v1/execute_tool"
#define TOKEN_BODY   "{\"access_token\":\"tok-1\",\"token_type\":\"Bearer\",\"expires_in\":3600}"
#define TOKEN_BODY_2 "{\"access_token\":\"tok-2\",\"token_type\":\"Bearer\",\"expires_in\":3600}"
#define ERROR_BODY(code)                                                                           \
    "{\"code\":2,\"message\":\"words\",\"details\":[{\"error_code\":\"" code                       \
    "\",\"request_info\":{\"request_id\":\"rq-1\"}}]}"

struct rig {
    struct stub_server *stub;
    struct http_client *http;
    struct scalekit *scalekit;
};

static const struct scalekit_call plain_call = {0};

static inline int rig_setup(void **state)
{
    struct rig *rig = xcalloc(1, sizeof *rig);
    rig->stub = stub_start();
    assert_int_equal(http_start(&(struct http_options){.user_agent = "briefd-test"}, &rig->http),
                     E_OK);
    rig->scalekit = scalekit_new(rig->http, &(struct scalekit_options){
                                                .env_url = stub_url(rig->stub, ""),
                                                .client_id = "skc_1",
                                                .client_secret = "s&cret",
                                                .tool_reply_bytes_max = 64 * KIB,
                                                .retry_base_ms = 1,
                                            });
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    scalekit_free(rig->scalekit);
    http_stop(rig->http);
    stub_stop(rig->stub);
    xfree(rig);
    return 0;
}

/* Every call may have a token. */
static inline void script_token(struct rig *rig)
{
    STUB_SCRIPT(rig->stub, {.match = TOKEN, .status = 200, .body = TOKEN_BODY, .times = -1});
}

static inline size_t count(struct rig *rig, const char *match)
{
    return stub_requests_matching(rig->stub, match);
}

/* The i-th request whose line has `match`. */
static inline const struct stub_request *nth(struct rig *rig, const char *match, size_t i)
{
    for (size_t k = 0; k < stub_requests(rig->stub); k++) {
        const struct stub_request *rq = stub_request(rig->stub, k);
        const char *end = strstr(rq->head, "\r\n");
        const char *found = strstr(rq->head, match);
        if (found && found < end && i-- == 0) return rq;
    }
    fail_msg("no such request: %s", match);
    return NULL;
}

static inline void assert_header(const struct stub_request *rq, const char *name, const char *value)
{
    char text[256] = "";
    assert_true(stub_request_header(rq, name, text, sizeof text));
    assert_string_equal(text, value);
}

static inline void assert_line_has(const struct stub_request *rq, const char *part)
{
    const char *found = strstr(rq->head, part);
    if (!found || found > strstr(rq->head, "\r\n")) fail_msg("%s is not in %s", part, rq->head);
}

/* A read of one account list: the simplest call there is. */
static inline enum err list_one(struct rig *rig, const struct scalekit_call *call,
                                struct scalekit_error *out_error)
{
    struct scalekit_accounts accounts = {0};
    static const char *const names[] = {"slack"};
    enum err e =
        scalekit_accounts_list(rig->scalekit, call, "user_1", names, 1, &accounts, out_error);
    if (!e) scalekit_accounts_done(&accounts);
    return e;
}

static inline enum err execute(struct rig *rig, const struct scalekit_call *call, bool is_delivery,
                               struct scalekit_result *out_result, struct scalekit_error *out_error)
{
    const struct scalekit_execute what = {
        .tool_name = "slack_send_message",
        .connection_name = "slack",
        .identifier = "user_1",
        .params = "{\"channel\":\"C1\"}",
        .params_len = strlen("{\"channel\":\"C1\"}"),
        .is_delivery = is_delivery,
    };
    return scalekit_execute(rig->scalekit, call, &what, out_result, out_error);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
