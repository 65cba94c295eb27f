/* The fold: facts of the message, and streams that break the rules. */
#include "unit/message_stream_fixture.h"

static void the_facts_of_the_message_are_read(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    give_ok(s, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\","
               "\"stop_details\":{\"type\":\"refusal\",\"category\":\"cyber\"}},"
               "\"usage\":{\"output_tokens\":7,\"input_tokens\":null}}");
    give_ok(s, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},"
               "\"usage\":{\"output_tokens\":9,\"cache_creation_input_tokens\":350}}");
    give_ok(s, STOP);
    struct anthropic_reply reply = {0};
    assert_int_equal(message_stream_take(s, &reply), E_OK);
    assert_int_equal(reply.stop, STOP_REFUSAL);
    assert_string_equal(reply.refusal_category, "cyber");
    assert_string_equal(reply.message_id, "msg_1");
    assert_string_equal(reply.model, "claude-x");
    assert_int_equal(reply.usage.input_tokens, 10);
    assert_int_equal(reply.usage.output_tokens, 9);
    assert_int_equal(reply.usage.cache_read_tokens, 5);
    assert_int_equal(reply.usage.cache_write_1h_tokens, 200);
    assert_int_equal(reply.usage.cache_write_5m_tokens, 150);
    anthropic_reply_done(&reply);
    message_stream_free(s);
}

static void absurd_counts_are_not_believed(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    give_ok(s, "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":-4,"
               "\"input_tokens\":9e300,\"cache_read_input_tokens\":9223372036854775807,"
               "\"cache_creation_input_tokens\":50}}");
    give_ok(s, STOP);
    struct anthropic_reply reply = {0};
    assert_int_equal(message_stream_take(s, &reply), E_OK);
    assert_int_equal(reply.usage.output_tokens, 1);
    assert_int_equal(reply.usage.input_tokens, 10);
    assert_int_equal(reply.usage.cache_read_tokens, 5);
    assert_int_equal(reply.usage.cache_write_1h_tokens + reply.usage.cache_write_5m_tokens, 50);
    anthropic_reply_done(&reply);
    message_stream_free(s);
}

static void every_stop_reason_has_its_word(void **state)
{
    (void)state;
    for (int i = 0; i < STOP_REASON_COUNT; i++) {
        struct message_stream *s = begun();
        give_stop_reason(s, stop_reason_name((enum stop_reason)i));
        give_ok(s, STOP);
        struct anthropic_reply reply = {0};
        assert_int_equal(message_stream_take(s, &reply), E_OK);
        assert_int_equal(reply.stop, i);
        assert_string_equal(reply.stop_word, stop_reason_name((enum stop_reason)i));
        anthropic_reply_done(&reply);
        message_stream_free(s);
    }
}

static void a_call_cut_off_by_max_tokens_is_marked(void **state)
{
    (void)state;
    const char *const inputs[] = {
        "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\\\"bc\"}",
        "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct message_stream *s = begun();
        give_block(s, 0, tool_block);
        assert_int_equal(give_delta(s, 0, inputs[i]), E_OK);
        if (i == 0) give_end(s, 0);
        give_stop_reason(s, "max_tokens");
        give_ok(s, STOP);
        struct anthropic_reply reply = {0};
        assert_int_equal(message_stream_take(s, &reply), E_OK);
        assert_true(reply.has_truncated_tool_use);
        assert_int_equal(reply.stop, STOP_MAX_TOKENS);
        assert_int_equal(json_check(reply.content.data, reply.content.len, (struct json_limits){0}),
                         E_OK);
        anthropic_reply_done(&reply);
        message_stream_free(s);
    }
}

static void text_cut_off_by_max_tokens_is_no_truncated_call(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, tool_block, "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}");
    GIVE_BLOCK(s, 1, text_block, "{\"type\":\"text_delta\",\"text\":\"x\"}");
    give_stop_reason(s, "max_tokens");
    give_ok(s, STOP);
    struct anthropic_reply reply = {0};
    assert_int_equal(message_stream_take(s, &reply), E_OK);
    assert_false(reply.has_truncated_tool_use);
    anthropic_reply_done(&reply);
    message_stream_free(s);
}

static void a_broken_input_fails_the_reply(void **state)
{
    (void)state;
    const char *const inputs[] = {"{\\\"a\\\":", "[1]", "7", "{} {}", "{\\\"a\\\":\\\"\\n\\\"}"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        AUTO(str_done) struct str delta = {0};
        str_append_format(&delta, "{\"type\":\"input_json_delta\",\"partial_json\":\"%s\"}",
                          inputs[i]);
        struct message_stream *s = begun();
        GIVE_BLOCK(s, 0, tool_block, delta.data);
        give_stop_reason(s, "tool_use");
        assert_int_equal(give(s, STOP), E_PROTOCOL);
        assert_false(message_stream_is_complete(s));
        message_stream_free(s);
    }
}

static void a_stream_that_breaks_the_rules_fails(void **state)
{
    (void)state;
    const char *const events[] = {
        START, /* a second one */
        "{\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":"
        "\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"new_delta\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
        "5}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{}\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0}",
        "{\"type\":\"content_block_delta\",\"index\":-1,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"\"}}",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}",
        "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"text\":\"\"}}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":[]}",
        "{\"type\":\"content_block_stop\",\"index\":1}",
        "{\"type\":\"message_stop\"}", /* inside a block */
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"\xFF\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        struct message_stream *s = begun();
        give_block(s, 0, text_block);
        enum err e = give(s, events[i]);
        if (e != E_PROTOCOL) print_error("accepted: %s\n", events[i]);
        assert_int_equal(e, E_PROTOCOL);
        message_stream_free(s);
    }
}

static void what_is_not_known_is_ignored(void **state)
{
    (void)state;
    struct message_stream *s = message_stream_new(MIB);
    give_ok(s, "{\"type\":\"message_stop\"}");
    give_ok(s, "{\"type\":\"content_block_stop\",\"index\":0}");
    give_ok(s, START);
    give_ok(s, "{\"type\":\"ping\"}");
    assert_int_equal(message_stream_event(s, "fancy_new_event", "not json", 8), E_OK);
    assert_int_equal(message_stream_event(s, "", "{\"type\":\"fancy\"}", 16), E_OK);
    GIVE_BLOCK(s, 0, text_block, "{\"type\":\"text_delta\",\"text\":\"x\",\"more\":{}}");
    expect_content(s, "end_turn", "[{\"type\":\"text\",\"text\":\"x\"}]");
}

static void events_without_a_name_go_by_their_type(void **state)
{
    (void)state;
    struct message_stream *s = message_stream_new(MIB);
    assert_int_equal(message_stream_event(s, "", START, strlen(START)), E_OK);
    assert_int_equal(message_stream_event(s, "", STOP, strlen(STOP)), E_OK);
    assert_true(message_stream_is_complete(s));
    message_stream_free(s);
}

static void an_error_event_is_told(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    const char *event = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                        "\"message\":\"Over\\nloaded\",\"details\":{\"error_code\":\"c\"}},"
                        "\"request_id\":\"req_9\"}";
    assert_int_equal(give(s, event), E_UPSTREAM);
    struct anthropic_error error;
    message_stream_error(s, &error);
    assert_string_equal(error.type, "overloaded_error");
    assert_string_equal(error.message, "Over loaded");
    assert_string_equal(error.code, "c");
    assert_string_equal(error.request_id, "req_9");
    message_stream_free(s);
}

static void an_unfinished_reply_cannot_be_taken(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    give_stop_reason(s, "end_turn");
    struct anthropic_reply reply = {0};
    assert_int_equal(message_stream_take(s, &reply), E_PROTOCOL);
    message_stream_free(s);
}

static void an_endless_reply_is_refused(void **state)
{
    (void)state;
    struct message_stream *s = message_stream_new(1000);
    give_ok(s, START);
    give_block(s, 0, text_block);
    enum err e = E_OK;
    for (int i = 0; i < 200 && !e; i++) {
        e = give_delta(s, 0, "{\"type\":\"text_delta\",\"text\":\"0123456789\"}");
    }
    assert_int_equal(e, E_LIMIT);
    message_stream_free(s);
}

static void endless_blocks_are_refused(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    enum err e = E_OK;
    for (int i = 0; i < 5000 && !e; i++) {
        AUTO(str_done) struct str data = {0};
        str_append_format(&data,
                          "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":"
                          "{\"type\":\"x\"}}",
                          i);
        e = give(s, data.data);
    }
    assert_int_equal(e, E_LIMIT);
    message_stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_of_the_message_are_read),
        cmocka_unit_test(absurd_counts_are_not_believed),
        cmocka_unit_test(every_stop_reason_has_its_word),
        cmocka_unit_test(a_call_cut_off_by_max_tokens_is_marked),
        cmocka_unit_test(text_cut_off_by_max_tokens_is_no_truncated_call),
        cmocka_unit_test(a_broken_input_fails_the_reply),
        cmocka_unit_test(a_stream_that_breaks_the_rules_fails),
        cmocka_unit_test(what_is_not_known_is_ignored),
        cmocka_unit_test(events_without_a_name_go_by_their_type),
        cmocka_unit_test(an_error_event_is_told),
        cmocka_unit_test(an_unfinished_reply_cannot_be_taken),
        cmocka_unit_test(an_endless_reply_is_refused),
        cmocka_unit_test(endless_blocks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
