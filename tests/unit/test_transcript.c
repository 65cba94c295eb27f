/* The conversation with Claude: what is sent, and what is never sent. */
#include "agent/transcript.h"
#include "unit/frozen_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define CALL(id) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"find\",\"input\":{}}"

static struct json_span span(const char *text)
{
    return json_root(text, strlen(text));
}

static void add_assistant(struct transcript *t, const char *content)
{
    transcript_add_assistant(t, span(content));
}

static void add_result(struct transcript *t, const char *const *ids, size_t n)
{
    struct tool_outcome outcomes[4];
    memset(outcomes, 0, sizeof outcomes);
    for (size_t i = 0; i < n; i++) {
        outcomes[i].tool_use_id = xstrdup(ids[i]);
        str_append_text(&outcomes[i].text, "r");
    }
    transcript_add_results(t, outcomes, n);
    for (size_t i = 0; i < n; i++)
        tool_outcome_done(&outcomes[i]);
}

#define ADD_RESULTS(t, ...)                                                                        \
    add_result((t), (const char *const[]){__VA_ARGS__},                                            \
               ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void the_body_is_made_of_the_very_bytes_that_came(void **state)
{
    (void)state;
    AUTO(frozen_done) struct frozen frozen = {0};
    AUTO(str_done) struct str json = {0};
    str_append_text(&json, FROZEN);
    assert_int_equal(frozen_load(&frozen, &json), E_OK);
    AUTO(transcript_done) struct transcript t = {0};
    transcript_add_user_text(&t, "Go \"on\"");
    add_assistant(&t, "[ {\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"find\",\"input\":"
                      "{\"n\": 12345678901234567890.50, \"a\":\"\\u0061\"}} ]");
    ADD_RESULTS(&t, "t1");
    AUTO(str_done) struct str body = {0};
    assert_int_equal(transcript_check(&t), E_OK);
    assert_int_equal(transcript_body(&t, &frozen, 77, &body), E_OK);
    assert_string_equal(
        str_text(&body),
        "{\"model\":\"claude-x\",\"max_tokens\":77,\"stream\":true,\"cache_control\":"
        "{\"type\":\"ephemeral\"},\"output_config\":{\"effort\":\"medium\"},\"metadata\":"
        "{\"user_id\":\"ab\"},\"tools\":" FROZEN_TOOLS ",\"system\":[{\"type\":\"text\",\"text\":"
        "\"Be \\u0062rief.\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":["
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Go \\\"on\\\"\"}]},"
        "{\"role\":\"assistant\",\"content\":[ {\"type\":\"tool_use\",\"id\":\"t1\",\"name\":"
        "\"find\",\"input\":{\"n\": 12345678901234567890.50, \"a\":\"\\u0061\"}} ]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
        "\"content\":\"r\"}]}]}");
}

static void more_calls_than_can_be_checked_are_the_models_fault(void **state)
{
    (void)state;
    AUTO(transcript_done) struct transcript t = {0};
    AUTO(str_done) struct str content = {0};
    for (int i = 0; i <= 4096; i++)
        str_append_format(&content, "%s" CALL("t%d"), i ? "," : "[", i);
    str_append_char(&content, ']');
    transcript_add_user_text(&t, "Go");
    add_assistant(&t, str_text(&content));
    assert_int_equal(transcript_check(&t), E_PROTOCOL);
}

static void an_empty_result_says_so_and_an_error_is_marked(void **state)
{
    (void)state;
    AUTO(transcript_done) struct transcript t = {0};
    struct tool_outcome outcome = {.tool_use_id = xstrdup("t1"), .is_error = true};
    transcript_add_results(&t, &outcome, 1);
    tool_outcome_done(&outcome);
    assert_non_null(strstr(str_text(&t.messages), "\"content\":\"(no output)\",\"is_error\":true"));
}

static void an_empty_reply_adds_nothing(void **state)
{
    (void)state;
    AUTO(transcript_done) struct transcript t = {0};
    transcript_add_user_text(&t, "hi");
    size_t len = t.messages.len;
    add_assistant(&t, "[]");
    assert_int_equal(t.messages.len, len);
    transcript_add_user_text(&t, "again");
    assert_int_equal(transcript_check(&t), E_OK);
}

static void conversations_that_are_fine(void **state)
{
    (void)state;
    AUTO(transcript_done) struct transcript t = {0};
    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[{\"type\":\"text\",\"text\":\"wait\"}]"); /* paused: goes on by itself */
    add_assistant(&t, "[" CALL("t1") "," CALL("t2") "," CALL("t3") "]");
    ADD_RESULTS(&t, "t3", "t1", "t2");
    add_assistant(&t, "[{\"type\":\"thinking\",\"thinking\":\"\"}," CALL("t4") "]");
    ADD_RESULTS(&t, "t4");
    assert_int_equal(transcript_check(&t), E_OK);
}

static void assert_refused_as(struct transcript *t, enum err code, const char *words)
{
    assert_int_equal(transcript_check(t), code);
    if (!strstr(err_detail(), words)) fail_msg("\"%s\" is not in: %s", words, err_detail());
    transcript_done(t);
}

static void assert_refused(struct transcript *t, const char *words)
{
    assert_refused_as(t, E_INTERNAL, words);
}

static void what_the_api_would_refuse_is_not_sent(void **state)
{
    (void)state;
    struct transcript t = {0};
    add_assistant(&t, "[{\"type\":\"text\",\"text\":\"a\"}]");
    assert_refused(&t, "begins with the model");

    transcript_add_user_text(&t, "");
    assert_refused(&t, "empty text");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[{\"type\":\"text\",\"text\":\"\"}]");
    assert_refused(&t, "empty text");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "]");
    assert_refused(&t, "last tool calls are not answered");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "]");
    add_assistant(&t, "[{\"type\":\"text\",\"text\":\"a\"}]");
    assert_refused(&t, "not answered");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "]");
    transcript_add_user_text(&t, "no");
    assert_refused(&t, "do not come first");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "," CALL("t2") "]");
    ADD_RESULTS(&t, "t1");
    assert_refused(&t, "1 tool calls have no result");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[{\"type\":\"tool_use\",\"name\":\"find\",\"input\":{}}]");
    assert_refused_as(&t, E_PROTOCOL, "no id");
}

static void answers_and_calls_stand_one_to_one(void **state)
{
    (void)state;
    struct transcript t = {0};
    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "," CALL("t2") "]");
    ADD_RESULTS(&t, "t1", "t1");
    assert_refused(&t, "answers no open call");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "]");
    ADD_RESULTS(&t, "t1", "t2");
    assert_refused(&t, "answers no open call");

    transcript_add_user_text(&t, "hi");
    ADD_RESULTS(&t, "t1");
    assert_refused(&t, "answers no open call");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "," CALL("t1") "]");
    ADD_RESULTS(&t, "t1", "t1");
    assert_refused_as(&t, E_PROTOCOL, "stands twice");

    transcript_add_user_text(&t, "hi");
    add_assistant(&t, "[" CALL("t1") "]");
    ADD_RESULTS(&t, "t1");
    add_assistant(&t, "[" CALL("t2") "," CALL("t1") "]");
    assert_refused_as(&t, E_PROTOCOL, "stands twice");
}

static void a_conversation_beyond_the_apis_limit_is_told(void **state)
{
    (void)state;
    AUTO(transcript_done) struct transcript t = {0};
    AUTO(str_done) struct str large = {0};
    str_reserve(&large, 31 * MIB);
    while (large.len < 31 * MIB)
        str_append_text(&large, "0123456789abcdef0123456789abcdef");
    transcript_add_user_text(&t, large.data);
    assert_int_equal(transcript_check(&t), E_LIMIT);
    AUTO(frozen_done) struct frozen frozen = {0};
    AUTO(str_done) struct str json = {0};
    str_append_text(&json, FROZEN);
    assert_int_equal(frozen_load(&frozen, &json), E_OK);
    AUTO(str_done) struct str body = {0};
    assert_int_equal(transcript_body(&t, &frozen, 77, &body), E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_is_made_of_the_very_bytes_that_came),
        cmocka_unit_test(more_calls_than_can_be_checked_are_the_models_fault),
        cmocka_unit_test(an_empty_result_says_so_and_an_error_is_marked),
        cmocka_unit_test(an_empty_reply_adds_nothing),
        cmocka_unit_test(conversations_that_are_fine),
        cmocka_unit_test(what_the_api_would_refuse_is_not_sent),
        cmocka_unit_test(answers_and_calls_stand_one_to_one),
        cmocka_unit_test(a_conversation_beyond_the_apis_limit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
