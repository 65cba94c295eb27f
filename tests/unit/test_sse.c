/* Server-sent events: the same events however the bytes are cut. */
#include "api/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* What came out, as "event|data;" one behind the other. */
struct seen {
    struct str text;
    int n_events;
    int stop_at; /* the receiver says stop at this event; 0: never */
};

static bool note_event(void *ctx, const char *event, const char *data, size_t len)
{
    struct seen *seen = ctx;
    assert_true(len > 0);
    assert_int_equal(strlen(data), len);
    str_append_format(&seen->text, "%s|%s;", event, data);
    seen->n_events++;
    return seen->n_events != seen->stop_at;
}

/* Feeds the stream in pieces of that many bytes. */
static void expect_events(const char *stream, size_t piece, const char *expected)
{
    struct sse_parser parser;
    struct seen seen = {0};
    sse_init(&parser, 1000);
    size_t len = strlen(stream);
    for (size_t at = 0; at < len; at += piece) {
        /* A block of its own, so that a read behind its end is seen. */
        size_t n = len - at < piece ? len - at : piece;
        char *copy = xmalloc(n);
        memcpy(copy, stream + at, n);
        assert_int_equal(sse_feed(&parser, copy, n, note_event, &seen), E_OK);
        xfree(copy);
    }
    assert_string_equal(str_text(&seen.text), expected);
    str_done(&seen.text);
    sse_done(&parser);
}

static void expect_in_all_pieces(const char *stream, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(stream); piece++)
        expect_events(stream, piece, expected);
}

static void an_event_is_complete_at_its_empty_line(void **state)
{
    (void)state;
    expect_in_all_pieces("event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", "a|1;b|2;");
}

static void all_three_line_ends_are_understood(void **state)
{
    (void)state;
    expect_in_all_pieces("event: a\rdata: 1\r\rdata: 2\r\n\r\ndata: 3\n\n", "a|1;|2;|3;");
    expect_in_all_pieces("data: 1\r\ndata: 2\r\r\ndata: 3\n\r\n", "|1\n2;|3;");
}

static void a_byte_order_mark_is_dropped_only_at_the_start(void **state)
{
    (void)state;
    expect_in_all_pieces("\xEF\xBB\xBF"
                         "data: 1\n\n",
                         "|1;");
    expect_in_all_pieces("data: 1\n\ndata: \xEF\xBB\xBF\n\n", "|1;|\xEF\xBB\xBF;");
}

static void the_beginning_of_a_byte_order_mark_is_text(void **state)
{
    (void)state;
    expect_in_all_pieces("\xEF\xBB"
                         "data: 1\ndata: 2\n\n",
                         "|2;");
    expect_in_all_pieces("\xEF"
                         "data\ndata: 2\n\n",
                         "|2;");
}

static void several_data_lines_are_joined(void **state)
{
    (void)state;
    expect_in_all_pieces("data: 1\ndata:2\ndata:  3\ndata\n\n", "|1\n2\n 3\n;");
}

static void comments_and_unknown_fields_are_no_events(void **state)
{
    (void)state;
    expect_in_all_pieces(": alive\n\n:\n\nid: 7\nretry: 5\n\nfoo: bar\n\ndata: 1\n: x\n\n", "|1;");
}

static void an_event_without_data_is_skipped_and_its_name_forgotten(void **state)
{
    (void)state;
    expect_in_all_pieces("event: a\n\ndata: 1\n\nevent: b\ndata:\n\ndata: 2\n\n", "|1;|2;");
}

static void the_last_event_name_counts(void **state)
{
    (void)state;
    expect_in_all_pieces("event: a\nevent: b\ndata: 1\n\n", "b|1;");
}

static void an_event_cut_off_by_the_end_is_none(void **state)
{
    (void)state;
    expect_in_all_pieces("data: 1\n\ndata: 2\n", "|1;");
    expect_in_all_pieces("data: 1\n\ndata: 2", "|1;");
}

static void characters_may_be_split_anywhere(void **state)
{
    (void)state;
    expect_in_all_pieces("data: \xF0\x9F\x98\x80 \xC3\xA4\n\n", "|\xF0\x9F\x98\x80 \xC3\xA4;");
}

static void the_receiver_can_stop(void **state)
{
    (void)state;
    struct sse_parser parser;
    struct seen seen = {.stop_at = 1};
    const char stream[] = "data: 1\n\ndata: 2\n\n";
    sse_init(&parser, 100);
    assert_int_equal(sse_feed(&parser, stream, strlen(stream), note_event, &seen), E_CANCELLED);
    assert_string_equal(str_text(&seen.text), "|1;");
    str_done(&seen.text);
    sse_done(&parser);
}

static void expect_limit(const char *line)
{
    struct sse_parser parser;
    struct seen seen = {0};
    sse_init(&parser, 100);
    enum err e = E_OK;
    for (int i = 0; i < 60 && !e; i++) {
        e = sse_feed(&parser, line, strlen(line), note_event, &seen);
    }
    assert_int_equal(e, E_LIMIT);
    assert_int_equal(seen.n_events, 0);
    sse_done(&parser);
}

static void an_endless_line_is_refused(void **state)
{
    (void)state;
    expect_limit("0123456789");
}

static void an_endless_event_is_refused(void **state)
{
    (void)state;
    expect_limit("data: 0123456789\n");
}

static void endless_comments_take_no_memory(void **state)
{
    (void)state;
    struct sse_parser parser;
    struct seen seen = {0};
    sse_init(&parser, 100);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sse_feed(&parser, ": alive\n", 8, note_event, &seen), E_OK);
    }
    assert_int_equal(parser.line.len + parser.data.len + parser.event.len, 0);
    sse_done(&parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_complete_at_its_empty_line),
        cmocka_unit_test(all_three_line_ends_are_understood),
        cmocka_unit_test(a_byte_order_mark_is_dropped_only_at_the_start),
        cmocka_unit_test(the_beginning_of_a_byte_order_mark_is_text),
        cmocka_unit_test(several_data_lines_are_joined),
        cmocka_unit_test(comments_and_unknown_fields_are_no_events),
        cmocka_unit_test(an_event_without_data_is_skipped_and_its_name_forgotten),
        cmocka_unit_test(the_last_event_name_counts),
        cmocka_unit_test(an_event_cut_off_by_the_end_is_none),
        cmocka_unit_test(characters_may_be_split_anywhere),
        cmocka_unit_test(the_receiver_can_stop),
        cmocka_unit_test(an_endless_line_is_refused),
        cmocka_unit_test(an_endless_event_is_refused),
        cmocka_unit_test(endless_comments_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
