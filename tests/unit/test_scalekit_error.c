/*
 * Answers of ScaleKit into classes: one row for each rule, with bodies in the shapes of the wire
 * notes.
 */
#include "api/scalekit_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INFO(code, more)                                                                           \
    "{\"code\":3,\"message\":\"m\",\"details\":[{\"@type\":"                                       \
    "\"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo\",\"error_code\":\"" code "\"" more    \
    "}]}"
#define TOOL(tool_code, words)                                                                     \
    INFO("TOOL_ERROR",                                                                             \
         ",\"tool_error_info\":{\"execution_id\":\"ex-1\",\"tool_error_code\":\"" tool_code        \
         "\",\"tool_error_message\":\"" words "\"}")
#define MESSAGE(text) "{\"code\":5,\"message\":\"" text "\",\"details\":[]}"

struct row {
    int status;
    const char *body;
    enum scalekit_class class;
};

static void read_answer(int status, const char *body, struct scalekit_error *out_error)
{
    struct http_reply reply = {.end = HTTP_ANSWERED, .status = status};
    str_append_text(&reply.body, body);
    scalekit_error_read(&reply, out_error);
    http_reply_done(&reply);
}

static void assert_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct scalekit_error error;
        read_answer(rows[i].status, rows[i].body, &error);
        if (error.class != rows[i].class)
            fail_msg("%d %s: %s instead of %s", rows[i].status, rows[i].body,
                     scalekit_class_name(error.class), scalekit_class_name(rows[i].class));
    }
}

static void an_answer_that_repeats_our_token_does_not_spread_it(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        MESSAGE("no such thing for Bearer abcdefghij.klm"),
        "<html>Authorization: Bearer abcdefghij.klm</html>",
        "Authorization: bearer abcdefghij.klm",
        TOOL("TOOL_ERROR", "eyJhbGciOiJSUzI1NiIsImtpZCI6abcdefghij.klm is no token"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct scalekit_error error;
        read_answer(400, bodies[i], &error);
        assert_non_null(strstr(error.message, "[redacted]"));
        assert_null(strstr(error.message, "abcdefghij.klm"));
    }
}

static void a_401_is_about_our_token_only_without_code_or_with_unauthenticated(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {401,                      "",                               SCALEKIT_OUR_CREDENTIALS},
        {401,                      "<html>no</html>",                SCALEKIT_OUR_CREDENTIALS},
        {401,                      MESSAGE("Token empty"),           SCALEKIT_OUR_CREDENTIALS},
        {401,                      INFO("UNAUTHENTICATED",           ""),                      SCALEKIT_OUR_CREDENTIALS},
        {401,                        INFO("REAUTHENTICATION_NEEDED",                                                      ""),                         SCALEKIT_USER_RECONNECT},
        {401, INFO("REFRESH_TOKEN_MISSING",                                 ""),                               SCALEKIT_USER_RECONNECT},
        {401,                     TOOL("UNAUTHORIZED","token revoked"),SCALEKIT_USER_RECONNECT},
        {401,TOOL("",    ""),              SCALEKIT_USER_RECONNECT},
        {401,                      INFO("SOMETHING_NEW",                                                               ""),                                                                                 SCALEKIT_USER_RECONNECT},
        {401,                        "{\"details\":[{\"errorCode\":\"TOOL_ERROR\"}]}",                                                      SCALEKIT_USER_RECONNECT                                    },
    };
    assert_rows(rows, ARRAY_LEN(rows));
    struct scalekit_error error;
    read_answer(401, INFO("UNAUTHENTICATED", ""), &error);
    assert_true(scalekit_error_is_our_token(&error));
    read_answer(401, TOOL("x", "y"), &error);
    assert_false(scalekit_error_is_our_token(&error));
}

static void the_users_account_is_told_from_a_bad_call(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {403,                             TOOL("",                                           "Resource not accessible by integration"),SCALEKIT_SCOPE_MISSING},
        {403,                               TOOL("missing_scope",                                                                              ""),SCALEKIT_SCOPE_MISSING},
        {403,         TOOL("token_revoked",                                                          ""),                             SCALEKIT_USER_RECONNECT},
        {403,                            TOOL("not_in_channel",""),SCALEKIT_BAD_CALL},
        {403,INFO("PERMISSION_DENIED",                                 ""),                                                SCALEKIT_BAD_CALL},
        {400,                             MESSAGE("connected account is not active"),                                                                        SCALEKIT_USER_RECONNECT},
        {400,                               TOOL("",                                                                              "the connected account is not active"),SCALEKIT_USER_RECONNECT},
        {400,                               TOOL("",                                                                              "dataset is not active"),     SCALEKIT_BAD_CALL},
        {400,        TOOL("EXEC_FAILED",                                                         "token_revoked"),                                                SCALEKIT_USER_RECONNECT},
        {400,       TOOL("TOOL_EXEC_FAILED","slack: missing_scope"),SCALEKIT_SCOPE_MISSING},
        {400,      TOOL("","Slack: error: ratelimited"),SCALEKIT_RATE_LIMITED},
        {403,                             TOOL("EXEC_FAILED",                                                 "not_in_channel"),SCALEKIT_BAD_CALL},
        {400,                               TOOL("EXEC_FAILED",                                                                              "this dataset is unauthorized"),SCALEKIT_BAD_CALL},
        {400,          TOOL("EXEC_FAILED",                                                           "x: "),                                                                                                                                                 SCALEKIT_BAD_CALL},
        {400,              TOOL("invalid_auth",""),SCALEKIT_USER_RECONNECT},
        {400,TOOL("channel_not_found",""),SCALEKIT_BAD_CALL},
        {400,                             INFO("REAUTHENTICATION_NEEDED",                                                   ""),SCALEKIT_USER_RECONNECT},
        {400,                               INFO("INVALID_ARGUMENT",                                                                              ""),SCALEKIT_BAD_CALL},
        {404,        MESSAGE("connected account not found"),                                                         SCALEKIT_USER_CONNECT},
        {404,                            MESSAGE("no connected account for tool x"),                                                                                                                                         SCALEKIT_USER_CONNECT                                                                                                                                                               },
        {404,MESSAGE("tool not found"),SCALEKIT_BAD_CALL},
        {404,                             MESSAGE("connection not found"),                         SCALEKIT_BAD_CALL},
        {404,                               INFO("RESOURCE_NOT_FOUND",                                                                              ""),SCALEKIT_USER_CONNECT},
        {404,                               TOOL("",                                                                              "no such account"),SCALEKIT_BAD_CALL},
        {404,                               "<html>nginx</html>",                                                                              SCALEKIT_BAD_CALL},
        {413,                               "",                                                                              SCALEKIT_BAD_CALL},
        {422,                               "{}",                                                                              SCALEKIT_BAD_CALL                                                                              },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void rate_limits_are_seen_by_status_and_by_the_providers_word(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {429,                         "",  SCALEKIT_RATE_LIMITED},
        { 429,        INFO("RATE_LIMITED", ""), SCALEKIT_RATE_LIMITED},
        { 429,         TOOL("EXEC_FAILED", ""), SCALEKIT_RATE_LIMITED},
        { 403, TOOL("RATE_LIMIT_EXCEEDED", ""), SCALEKIT_RATE_LIMITED},
        { 400,         TOOL("ratelimited", ""), SCALEKIT_RATE_LIMITED},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void whatever_may_have_been_executed_is_unknown(void **state)
{
    (void)state;
    static const int statuses[] = {301, 302, 307, 402, 408, 409, 425, 499,
                                   500, 501, 502, 503, 504, 520, 599};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        /* Words inside never turn an uncertain status into a certain one. */
        const struct row rows[] = {
            {statuses[i],                     "",   SCALEKIT_UNKNOWN},
            { statuses[i],       TOOL("channel_not_found", "x"), SCALEKIT_UNKNOWN},
            { statuses[i],         INFO("UNAUTHENTICATED",  ""), SCALEKIT_UNKNOWN},
            { statuses[i], INFO("REAUTHENTICATION_NEEDED",  ""), SCALEKIT_UNKNOWN},
        };
        assert_rows(rows, ARRAY_LEN(rows));
    }
}

static void an_end_without_answer_is_unsent_only_when_the_connection_never_opened(void **state)
{
    (void)state;
    static const struct {
        enum http_end end;
        const char *timer;
        enum scalekit_class class;
    } rows[] = {
        {HTTP_NOT_SENT,       NULL,         SCALEKIT_NOT_SENT },
        {HTTP_FAILED_LOCALLY, NULL,         SCALEKIT_NOT_SENT },
        {HTTP_TIMED_OUT,      "connect",    SCALEKIT_NOT_SENT },
        {HTTP_TIMED_OUT,      "first byte", SCALEKIT_UNKNOWN  },
        {HTTP_TIMED_OUT,      "total",      SCALEKIT_UNKNOWN  },
        {HTTP_LOST,           NULL,         SCALEKIT_UNKNOWN  },
        {HTTP_TOO_LARGE,      NULL,         SCALEKIT_UNKNOWN  },
        {HTTP_CANCELLED,      NULL,         SCALEKIT_CANCELLED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_reply reply = {.end = rows[i].end, .timer = rows[i].timer};
        struct scalekit_error error;
        scalekit_error_read(&reply, &error);
        assert_int_equal(error.class, rows[i].class);
        assert_int_equal(error.status, 0);
    }
}

static void ids_codes_and_words_are_kept(void **state)
{
    (void)state;
    struct scalekit_error error;
    read_answer(500,
                "{\"code\":8,\"message\":\"provider error\",\"details\":[{\"@type\":\"x\","
                "\"error_code\":\"TOOL_ERROR\",\"request_info\":{\"request_id\":\"rq-7\"},"
                "\"tool_error_info\":{\"execution_id\":\"exec-789\",\"tool_error_code\":"
                "\"RATE_LIMITED\",\"tool_error_message\":\"limit\\nexceeded\"}}]}",
                &error);
    assert_string_equal(error.error_code, "TOOL_ERROR");
    assert_string_equal(error.tool_error_code, "RATE_LIMITED");
    assert_string_equal(error.request_id, "rq-7");
    assert_string_equal(error.execution_id, "exec-789");
    assert_string_equal(error.message, "provider error: limit exceeded");

    read_answer(401, "{\"error\":\"invalid_client\",\"error_description\":\"bad secret\"}", &error);
    assert_string_equal(error.message, "invalid_client: bad secret");

    read_answer(
        400,
        "{\"message\":\"validation failed\",\"details\":[{\"validationErrorInfo\":"
        "{\"fieldViolations\":[{\"field\":\"page_size\",\"description\":\"too large\"}]}}]}",
        &error);
    assert_string_equal(error.message, "validation failed (page_size: too large)");
}

static void long_and_broken_words_are_cut_and_cleaned(void **state)
{
    (void)state;
    AUTO(str_done) struct str body = {0};
    str_append_text(&body, "{\"message\":\"");
    for (int i = 0; i < 1000; i++)
        str_append_text(&body, "\xc3\xa9"); /* é */
    str_append_text(&body, "\"}");
    struct scalekit_error error;
    read_answer(400, str_text(&body), &error);
    assert_true(strlen(error.message) < sizeof error.message);
    assert_int_equal((unsigned char)error.message[strlen(error.message) - 1], 0xa9);

    read_answer(502, "upstream\xff\x01 request\r\nfailed", &error);
    assert_string_equal(error.message, "upstream\xef\xbf\xbd  request  failed");
}

static void a_page_of_a_proxy_is_told_by_its_words(void **state)
{
    (void)state;
    struct scalekit_error error;
    char story[SCALEKIT_STORY_MAX];
    read_answer(502, "\r\n<!doctype html><html><title>502 Bad\r\nGateway</title><p>later", &error);
    assert_string_equal(error.message, "502 Bad Gateway later");
    scalekit_error_describe(&error, story, sizeof story);
    assert_string_equal(story, "HTTP 502: 502 Bad Gateway later");
    read_answer(404, "<", &error);
    assert_string_equal(error.message, "");
    scalekit_error_describe(&error, story, sizeof story);
    assert_string_equal(story, "HTTP 404");
}

static void an_error_is_described_by_what_is_known_of_it(void **state)
{
    (void)state;
    struct scalekit_error error = {.class = SCALEKIT_NOT_SENT};
    char story[SCALEKIT_STORY_MAX];
    scalekit_error_describe(&error, story, sizeof story);
    assert_string_equal(story, "not_sent");
    snprintf(error.message, sizeof error.message, "no connection: refused");
    scalekit_error_describe(&error, story, sizeof story);
    assert_string_equal(story, "no connection: refused");
    read_answer(503, "{\"message\":\"try later\",\"details\":[{\"error_code\":\"UNAVAILABLE\"}]}",
                &error);
    scalekit_error_describe(&error, story, sizeof story);
    assert_string_equal(story, "HTTP 503 UNAVAILABLE: try later");
    scalekit_error_tell(&error, story, sizeof story);
    assert_string_equal(story, "HTTP 503 UNAVAILABLE");
}

static void a_providers_error_is_told_only_when_it_is_a_word(void **state)
{
    (void)state;
    assert_string_equal(scalekit_provider_word("channel_not_found"), "channel_not_found");
    static const char *const own_words[] = {"", "no \"Budget 2027\"", "Budget", "a-b",
                                            "a_word_that_is_longer_than_any_word_they_have"};
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
        assert_string_equal(scalekit_provider_word(own_words[i]),
                            "an error in the provider's own words");
}

static void a_providers_word_that_proves_nothing_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(scalekit_provider_class("ratelimited"), SCALEKIT_RATE_LIMITED);
    assert_int_equal(scalekit_provider_class("channel_not_found"), SCALEKIT_BAD_CALL);
    assert_int_equal(scalekit_provider_class("missing_scope"), SCALEKIT_SCOPE_MISSING);
    assert_int_equal(scalekit_provider_class("account_inactive"), SCALEKIT_USER_RECONNECT);
    assert_int_equal(scalekit_provider_class("internal_error"), SCALEKIT_UNKNOWN);
    assert_int_equal(scalekit_provider_class(""), SCALEKIT_UNKNOWN);
}

static void every_class_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SCALEKIT_CLASS_COUNT; i++) {
        assert_true(strlen(scalekit_class_name((enum scalekit_class)i)) > 1);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(scalekit_class_name((enum scalekit_class)i),
                                    scalekit_class_name((enum scalekit_class)k));
    }
}

static void the_story_does_not_repeat_the_other_sides_words(void **state)
{
    (void)state;
    struct scalekit_error error;
    read_answer(400, MESSAGE("invalid text: the salary list"), &error);
    assert_int_equal(scalekit_error_fail("execute_tool", &error), E_UPSTREAM);
    assert_null(strstr(err_detail(), "salary"));
    assert_non_null(strstr(err_detail(), "400"));
    assert_non_null(strstr(err_detail(), "execute_tool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_repeats_our_token_does_not_spread_it),
        cmocka_unit_test(a_401_is_about_our_token_only_without_code_or_with_unauthenticated),
        cmocka_unit_test(the_users_account_is_told_from_a_bad_call),
        cmocka_unit_test(rate_limits_are_seen_by_status_and_by_the_providers_word),
        cmocka_unit_test(whatever_may_have_been_executed_is_unknown),
        cmocka_unit_test(an_end_without_answer_is_unsent_only_when_the_connection_never_opened),
        cmocka_unit_test(ids_codes_and_words_are_kept),
        cmocka_unit_test(long_and_broken_words_are_cut_and_cleaned),
        cmocka_unit_test(a_providers_word_that_proves_nothing_is_unknown),
        cmocka_unit_test(every_class_has_a_name_of_its_own),
        cmocka_unit_test(the_story_does_not_repeat_the_other_sides_words),
        cmocka_unit_test(a_page_of_a_proxy_is_told_by_its_words),
        cmocka_unit_test(an_error_is_described_by_what_is_known_of_it),
        cmocka_unit_test(a_providers_error_is_told_only_when_it_is_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
