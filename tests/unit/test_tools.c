/* The tool calls of a reply, as the model wrote them. */
#include "agent/tools.h"
#include "unit/frozen_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int load(void **state)
{
    struct frozen *frozen = xcalloc(1, sizeof *frozen);
    AUTO(str_done) struct str json = {0};
    str_append_text(&json, FROZEN);
    *state = frozen;
    return frozen_load(frozen, &json) == E_OK ? 0 : -1;
}

static int unload(void **state)
{
    frozen_done(*state);
    xfree(*state);
    return 0;
}

static enum err collect(void **state, const char *content, struct tool_calls *out)
{
    return tool_calls_collect(*state, json_root(content, strlen(content)), out);
}

static void calls_are_matched_with_the_recipes_tools(void **state)
{
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    assert_int_equal(
        collect(state,
                "[{\"type\":\"text\",\"text\":\"a\"},"
                "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"find\",\"input\":{\"n\":1}},"
                "{\"type\":\"thinking\"},"
                "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"send\",\"input\":{}}]",
                &calls),
        E_OK);
    assert_int_equal(calls.n, 2);
    assert_int_equal(calls.n_deliveries, 1);
    assert_string_equal(calls.items[0].tool->name, "sanity_find");
    assert_string_equal(calls.items[0].outcome.tool_use_id, "t1");
    assert_int_equal(calls.items[0].index, 0);
    assert_int_equal(calls.items[0].input.len, strlen("{\"n\":1}"));
    assert_false(calls.items[0].is_answered);
    assert_true(calls.items[1].tool->is_delivery);
    assert_int_equal(calls.items[1].index, 1);
}

static void a_reply_without_calls_has_none(void **state)
{
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    assert_int_equal(collect(state, "[{\"type\":\"text\",\"text\":\"a\"},7]", &calls), E_OK);
    assert_int_equal(calls.n, 0);
}

static void what_cannot_run_is_answered_with_an_error(void **state)
{
    static const char *const blocks[] = {
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"sanity_find\",\"input\":{}}",
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"slack_delete\",\"input\":{}}",
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"find\",\"input\":[]}",
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"find\",\"input\":\"{}\"}",
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"find\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        AUTO(str_done) struct str content = {0};
        str_append_format(&content, "[%s]", blocks[i]);
        AUTO(tool_calls_done) struct tool_calls calls = {0};
        assert_int_equal(collect(state, str_text(&content), &calls), E_OK);
        assert_true(calls.items[0].is_answered);
        assert_true(calls.items[0].outcome.is_error);
        assert_true(calls.items[0].outcome.text.len > 0);
    }
}

static void an_input_of_more_than_64_kib_is_refused(void **state)
{
    AUTO(str_done) struct str content = {0};
    str_append_text(&content,
                    "[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"find\",\"input\":{\"a\":\"");
    while (content.len < 66 * KIB)
        str_append_text(&content, "xxxxxxxxxxxxxxxx");
    str_append_text(&content, "\"}}]");
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    assert_int_equal(collect(state, str_text(&content), &calls), E_OK);
    assert_true(calls.items[0].outcome.is_error);
    assert_non_null(strstr(str_text(&calls.items[0].outcome.text), "65536"));
}

static void calls_beyond_64_are_refused(void **state)
{
    AUTO(str_done) struct str content = {0};
    for (int i = 0; i < 70; i++)
        str_append_format(&content,
                          "%s{\"type\":\"tool_use\",\"id\":\"t%d\",\"name\":\"find\",\"input\":{}}",
                          i ? "," : "[", i);
    str_append_char(&content, ']');
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    assert_int_equal(collect(state, str_text(&content), &calls), E_OK);
    assert_int_equal(calls.n, 70);
    assert_false(calls.items[63].is_answered);
    assert_true(calls.items[64].is_answered);
}

static void a_call_without_id_or_name_breaks_the_protocol(void **state)
{
    static const char *const contents[] = {
        "[{\"type\":\"tool_use\",\"name\":\"find\",\"input\":{}}]",
        "[{\"type\":\"tool_use\",\"id\":7,\"name\":\"find\",\"input\":{}}]",
        "[{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{}}]",
        "[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"fi\\u0000nd\",\"input\":{}}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        AUTO(tool_calls_done) struct tool_calls calls = {0};
        assert_int_equal(collect(state, contents[i], &calls), E_PROTOCOL);
        assert_int_equal(calls.n, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_are_matched_with_the_recipes_tools),
        TEST(a_reply_without_calls_has_none),
        TEST(what_cannot_run_is_answered_with_an_error),
        TEST(an_input_of_more_than_64_kib_is_refused),
        TEST(calls_beyond_64_are_refused),
        TEST(a_call_without_id_or_name_breaks_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
