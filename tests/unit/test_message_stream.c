/* The fold: events of one reply become its content, byte by byte. */
#include "unit/message_stream_fixture.h"

static void text_fragments_are_joined_as_they_came(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, text_block, "{\"type\":\"text_delta\",\"text\":\"a\\u00e4\\/\"}",
               "{\"type\":\"text_delta\",\"text\":\"\\n\xC3\xA4\\\"\"}");
    expect_content(s, "end_turn", "[{\"type\":\"text\",\"text\":\"a\\u00e4\\/\\n\xC3\xA4\\\"\"}]");
}

static void members_keep_their_order_and_unknown_ones_stay(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, "{ \"text\" : \"\" , \"new\":[1, 2], \"type\":\"text\" }",
               "{\"type\":\"text_delta\",\"text\":\"hi\"}");
    expect_content(s, "end_turn", "[{ \"text\" : \"hi\" , \"new\":[1, 2], \"type\":\"text\" }]");
}

static void text_that_comes_with_the_block_is_kept(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, "{\"type\":\"text\",\"text\":\"ab\"}",
               "{\"type\":\"text_delta\",\"text\":\"cd\"}");
    expect_content(s, "end_turn", "[{\"type\":\"text\",\"text\":\"abcd\"}]");
}

static void citations_are_added_to_the_array(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, "{\"citations\":[{\"n\":0}],\"type\":\"text\",\"text\":\"\"}",
               "{\"type\":\"text_delta\",\"text\":\"x\"}",
               "{\"type\":\"citations_delta\",\"citation\":{\"n\":1.0}}",
               "{\"type\":\"citations_delta\",\"citation\":{\"n\":2}}");
    GIVE_BLOCK(s, 1, "{\"citations\":null,\"type\":\"text\",\"text\":\"\"}",
               "{\"type\":\"text_delta\",\"text\":\"y\"}",
               "{\"type\":\"citations_delta\",\"citation\":{\"n\":3}}");
    GIVE_BLOCK(s, 2, text_block, "{\"type\":\"text_delta\",\"text\":\"z\"}",
               "{\"type\":\"citations_delta\",\"citation\":{\"n\":4}}");
    expect_content(
        s, "end_turn",
        "[{\"citations\":[{\"n\":0},{\"n\":1.0},{\"n\":2}],\"type\":\"text\",\"text\":\"x\"},"
        "{\"citations\":[{\"n\":3}],\"type\":\"text\",\"text\":\"y\"},"
        "{\"type\":\"text\",\"text\":\"z\",\"citations\":[{\"n\":4}]}]");
}

static void the_last_signature_counts_and_empty_thinking_stays(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
               "{\"type\":\"signature_delta\",\"signature\":\"old\"}",
               "{\"type\":\"signature_delta\",\"signature\":\"a\\/b==\"}");
    GIVE_BLOCK(s, 1, "{\"type\":\"thinking\",\"thinking\":\"\"}",
               "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}",
               "{\"type\":\"signature_delta\",\"signature\":\"c\"}");
    give_block(s, 2, "{\"type\":\"redacted_thinking\",\"data\":\"xyz\"}");
    give_end(s, 2);
    expect_content(s, "end_turn",
                   "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"a\\/b==\"},"
                   "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"c\"},"
                   "{\"type\":\"redacted_thinking\",\"data\":\"xyz\"}]");
}

static void tool_input_keeps_every_byte_of_its_numbers(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(
        s, 0, tool_block, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
        "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"id\\\": 90071992\"}",
        "{\"type\":\"input_json_delta\",\"partial_json\":\"54740993123, \\\"t\\\":\\\"\\\\u00\"}",
        "{\"type\":\"input_json_delta\",\"partial_json\":\"e4\\\"}\"}");
    expect_content(s, "tool_use",
                   "[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\","
                   "\"input\":{\"id\": 9007199254740993123, \"t\":\"\\u00e4\"}}]");
}

static void no_input_is_an_empty_object(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, tool_block, "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}");
    give_block(s, 1, "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"b\"}");
    give_end(s, 1);
    give_block(s, 2, "{\"type\":\"tool_use\",\"id\":\"toolu_3\",\"name\":\"b\",\"input\":null}");
    give_end(s, 2);
    expect_content(s, "tool_use",
                   "[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\",\"input\":{}},"
                   "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"b\",\"input\":{}},"
                   "{\"type\":\"tool_use\",\"id\":\"toolu_3\",\"name\":\"b\",\"input\":{}}]");
}

static void surrogates_split_between_fragments_are_joined(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, text_block, "{\"type\":\"text_delta\",\"text\":\"\\ud83d\"}",
               "{\"type\":\"text_delta\",\"text\":\"\\ude00\"}");
    GIVE_BLOCK(s, 1, tool_block,
               "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\\\"\\ud83d\"}",
               "{\"type\":\"input_json_delta\",\"partial_json\":\"\\ude00\\\"}\"}");
    expect_content(s, "tool_use",
                   "[{\"type\":\"text\",\"text\":\"\\ud83d\\ude00\"},"
                   "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\","
                   "\"input\":{\"a\":\"\xF0\x9F\x98\x80\"}}]");
}

static void lone_surrogates_are_repaired(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    GIVE_BLOCK(s, 0, text_block, "{\"type\":\"text_delta\",\"text\":\"a\\ud83d\"}",
               "{\"type\":\"text_delta\",\"text\":\"b\"}");
    GIVE_BLOCK(
        s, 1, tool_block,
        "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\\\"\\\\udc00\\\"}\"}");
    expect_content(s, "tool_use",
                   "[{\"type\":\"text\",\"text\":\"a\\ufffdb\"},"
                   "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\","
                   "\"input\":{\"a\":\"\\ufffd\"}}]");
}

static void text_that_nobody_sees_is_left_out(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    give_block(s, 0, text_block);
    give_end(s, 0);
    GIVE_BLOCK(s, 1, text_block, "{\"type\":\"text_delta\",\"text\":\"\\n\\u0020\"}",
               "{\"type\":\"text_delta\",\"text\":\" \\t\"}");
    GIVE_BLOCK(s, 2, tool_block, "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}");
    GIVE_BLOCK(s, 3, text_block, "{\"type\":\"text_delta\",\"text\":\"\\n\"}",
               "{\"type\":\"text_delta\",\"text\":\".\"}");
    expect_content(s, "tool_use",
                   "[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\",\"input\":{}},"
                   "{\"type\":\"text\",\"text\":\"\\n.\"}]");
}

static void an_empty_reply_is_an_empty_array(void **state)
{
    (void)state;
    expect_content(begun(), "end_turn", "[]");
}

static void unknown_blocks_and_interleaved_ones_are_kept(void **state)
{
    (void)state;
    struct message_stream *s = begun();
    give_block(s, 0, "{\"type\":\"web_search_tool_result\",\"content\":[{\"n\":1e0}]}");
    give_block(s, 1, text_block);
    give_end(s, 0);
    assert_int_equal(give_delta(s, 1, "{\"type\":\"text_delta\",\"text\":\"x\"}"), E_OK);
    give_end(s, 1);
    expect_content(s, "end_turn",
                   "[{\"type\":\"web_search_tool_result\",\"content\":[{\"n\":1e0}]},"
                   "{\"type\":\"text\",\"text\":\"x\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_fragments_are_joined_as_they_came),
        cmocka_unit_test(members_keep_their_order_and_unknown_ones_stay),
        cmocka_unit_test(text_that_comes_with_the_block_is_kept),
        cmocka_unit_test(citations_are_added_to_the_array),
        cmocka_unit_test(the_last_signature_counts_and_empty_thinking_stays),
        cmocka_unit_test(tool_input_keeps_every_byte_of_its_numbers),
        cmocka_unit_test(no_input_is_an_empty_object),
        cmocka_unit_test(surrogates_split_between_fragments_are_joined),
        cmocka_unit_test(lone_surrogates_are_repaired),
        cmocka_unit_test(text_that_nobody_sees_is_left_out),
        cmocka_unit_test(an_empty_reply_is_an_empty_array),
        cmocka_unit_test(unknown_blocks_and_interleaved_ones_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
