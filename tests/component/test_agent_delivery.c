/*
 * The one step that others see: at most one message, whatever the answers are.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"

#define NOT_NOW                                                                                    \
    {                                                                                              \
        .tool = SEND, .class = SCALEKIT_RATE_LIMITED, .status = 429                                \
    }
#define LOST                                                                                       \
    {                                                                                              \
        .tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504                                     \
    }
#define ABSENT                                                                                     \
    {                                                                                              \
        .tool = HISTORY, .times = -1, .data = "{\"messages\":[],\"has_more\":false}"               \
    }

static void an_intent_that_was_not_written_sends_nothing(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_accept(rig, "post");
    (void)ask_file(&rig->f, "CREATE TRIGGER no_room BEFORE UPDATE ON runs WHEN NEW.delivery = "
                            "'intended' BEGIN SELECT RAISE(ABORT, 'no room'); END");
    rig_attempt(rig);
    assert_int_equal(fake_calls(SEND), 0);
    assert_end(rig, AGENT_FAILED, "internal");
    assert_int_equal(rig->row.delivery, DELIVERY_NONE);
    (void)ask_file(&rig->f, "DROP TRIGGER no_room");
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_questions(), 1);
}

static void not_now_is_waited_for_without_the_model(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(NOT_NOW, {.tool = SEND, .provider_error = "ratelimited"},
               {.tool = SEND, .class = SCALEKIT_NOT_SENT}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 4);
    assert_int_equal(fake_questions(), 1);
    for (size_t i = 1; i < 4; i++)
        assert_string_equal(fake_call(SEND, i), fake_call(SEND, 0));
}

static void not_now_is_heard_six_times_and_no_more(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = SEND, .times = -1, .class = SCALEKIT_RATE_LIMITED, .status = 429});
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "connector_service_unavailable");
    assert_int_equal(fake_calls(SEND), 6);
    assert_int_equal(rig->row.delivery, DELIVERY_NONE);
}

static void a_refused_message_goes_back_to_the_model(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = SEND, .provider_error = "msg_too_long"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 2);
    assert_non_null(strstr(fake_question(1), "msg_too_long"));
}

static void the_third_refusal_ends_the_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = SEND, .times = -1, .provider_error = "channel_not_found"});
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"), SENDS("t3"), SENDS("t4"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "delivery_rejected");
    assert_int_equal(fake_calls(SEND), 3);
}

static void a_call_that_is_not_acceptable_is_answered_without_an_intent(void **state)
{
    struct rig *rig = *state;
    static const char *const inputs[] = {
        "{}",
        "{\"text\":7}",
        "{\"text\":\"x\",\"channel\":\"C0999\"}",
        "{\"text\":\"x\",\"thread_ts\":\"1.2\"}",
        "{\"text\":\" \\n\"}",
    };
    FAKE_TOOLS(POSTS);
    char contents[ARRAY_LEN(inputs)][200];
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        snprintf(contents[i], sizeof contents[i], "[" CALL("t%zu", SEND, "%s") "]", i, inputs[i]);
        FAKE_CLAUDE({.content = contents[i], .stop = STOP_TOOL_USE});
    }
    FAKE_CLAUDE(ASKS(CALL("t9", SEND, "{\"text\":\"x\",\"channel\":\"C0123\"}")));
    rig_run(rig);
    assert_delivered(rig, 1); /* naming the fixed channel is harmless */
    assert_int_equal(fake_questions(), ARRAY_LEN(inputs) + 1);
}

static void a_message_that_is_too_long_goes_back_with_its_length(void **state)
{
    struct rig *rig = *state;
    AUTO(str_done) struct str content = {0};
    str_append_text(&content, "[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"" SEND
                              "\",\"input\":{\"text\":\"");
    for (int i = 0; i < 3960; i++)
        str_append_char(&content, 'x');
    str_append_text(&content, "\"}}]");
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = str_text(&content), .stop = STOP_TOOL_USE}, SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(1), "the message has 4001 characters, at most 4000"));
}

static void
an_account_that_is_gone_at_the_send_blocks_and_the_same_text_goes_out_later(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = SEND, .provider_error = "token_revoked"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_BLOCKED, NULL);
    assert_int_equal(rig->row.delivery, DELIVERY_NONE);
    rig_again(rig);
    assert_delivered(rig, 2);
    assert_int_equal(fake_questions(), 1); /* the stored reply is not asked again */
}

static void an_unknown_outcome_without_a_history_tool_is_left_to_people(void **state)
{
    struct rig *rig = *state;
    fake_tool_missing(HISTORY);
    FAKE_TOOLS(LOST, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_true(rig->end.needs_attention);
    assert_int_equal(fake_calls(SEND), 1);
    assert_int_equal(rig->row.delivery, DELIVERY_INTENDED);
}

static void a_message_that_is_found_in_the_channel_was_delivered(void **state)
{
    struct rig *rig = *state;
    rig_accept(rig, "post");
    AUTO(str_done) struct str page = {0};
    str_append_format(&page, "{\"messages\":[{\"bot_id\":\"B1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}",
                      rig->id);
    FAKE_TOOLS(LOST, {.tool = HISTORY, .data = str_text(&page)});
    FAKE_CLAUDE(SENDS("t1"));
    rig_attempt(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.delivery, DELIVERY_RECONCILED);
    assert_string_equal(rig->row.delivery_ts, "17.5");
}

static void a_message_that_is_surely_absent_is_sent_once_more(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, ABSENT, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 2);
    assert_true(fake_calls(HISTORY) >= 2);
}

/* What is read before the settle time is over proves nothing, and one read after it is not enough. */
static void a_message_that_comes_late_is_found_by_the_last_read(void **state)
{
    struct rig *rig = *state;
    rig->agent.delivery_settle_ms = 3000; /* the first read comes long before its end */
    rig_accept(rig, "post");
    AUTO(str_done) struct str page = {0};
    str_append_format(&page, "{\"messages\":[{\"user\":\"U1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}",
                      rig->id);
    FAKE_TOOLS(LOST, {.tool = HISTORY, .times = 2, .data = "{\"messages\":[],\"has_more\":false}"},
               {.tool = HISTORY, .data = str_text(&page)}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_attempt(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.delivery, DELIVERY_RECONCILED);
}

static void nothing_is_sent_after_a_second_unknown_outcome(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, ABSENT, LOST, {.tool = HISTORY, .times = -1, .data = "{\"messages\":[]}"},
               POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_true(rig->end.needs_attention);
    assert_int_equal(fake_calls(SEND), 2);
}

static void nor_when_a_refusal_came_between_the_two(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, ABSENT, {.tool = SEND, .provider_error = "msg_too_long"}, LOST,
               {.tool = HISTORY, .times = -1, .data = "{\"messages\":[]}"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"), SENDS("t3"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_int_equal(fake_calls(SEND), 3);
}

static void a_probe_that_says_later_is_asked_again_before_the_send(void **state)
{
    struct rig *rig = *state;
    fake_reset();
    FAKE_TOOLS({.tool = PROBE, .data = "{\"user_id\":\"U1\"}"},
               {.tool = PROBE, .times = 2, .provider_error = "ratelimited"},
               {.tool = PROBE, .data = "{\"user_id\":\"U1\"}"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_calls(PROBE), 4);
}

static void another_account_at_the_send_starts_the_run_over(void **state)
{
    struct rig *rig = *state;
    fake_reset();
    FAKE_TOOLS({.tool = PROBE, .data = "{\"user_id\":\"U1\"}"},
               {.tool = PROBE, .times = -1, .data = "{\"user_id\":\"U2\"}"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    assert_int_equal(fake_calls(SEND), 0);
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.generation, 1);
    assert_int_equal(fake_questions(), 2);
}

/* ---- cancelling ---- */

static enum err want_cancel(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->is_cancel_wanted = true;
    return E_OK;
}

static void cancel_in_the_database(void *ctx)
{
    struct rig *rig = ctx;
    struct run_update update = {.change = want_cancel};
    assert_ok(store_run_update(rig->f.store, rig->id, (struct run_fence){0}, &update, NULL));
}

static void a_cancel_that_comes_before_the_intent_wins(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                 .stop = STOP_TOOL_USE,
                 .hook = cancel_in_the_database,
                 .ctx = rig});
    rig_run(rig);
    assert_end(rig, AGENT_CANCELLED, NULL);
    assert_int_equal(fake_calls(SEND), 0);
}

static void a_cancel_that_is_seen_only_by_the_intent_wins_too(void **state)
{
    struct rig *rig = *state;
    fake_reset(); /* the last look before the intent is the probe's */
    FAKE_TOOLS(
        {.tool = PROBE, .data = "{\"user_id\":\"U1\"}"},
        {.tool = PROBE, .data = "{\"user_id\":\"U1\"}", .hook = cancel_in_the_database, .ctx = rig},
        POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_CANCELLED, NULL);
    assert_int_equal(fake_calls(SEND), 0);
    assert_int_equal(rig->row.status, RUN_RUNNING);
    assert_int_equal(rig->row.delivery, DELIVERY_NONE);
}

/* ---- a lost run ---- */

static void a_thread_that_lost_its_run_writes_nothing_and_the_next_one_looks(void **state)
{
    struct rig *rig = *state;
    rig_accept(rig, "post");
    AUTO(str_done) struct str page = {0};
    str_append_format(&page, "{\"messages\":[{\"user\":\"U1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}",
                      rig->id);
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .hook = rig_take_over, .ctx = rig},
               {.tool = HISTORY, .data = str_text(&page)});
    FAKE_CLAUDE(SENDS("t1"));
    rig_attempt(rig);
    assert_end(rig, AGENT_LOST, NULL);
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.delivery, DELIVERY_RECONCILED);
    assert_int_equal(fake_questions(), 1);
}

static void an_open_intent_is_looked_into_even_when_the_connections_cannot_be_read(void **state)
{
    struct rig *rig = *state;
    rig_accept(rig, "post");
    AUTO(str_done) struct str page = {0};
    str_append_format(&page, "{\"messages\":[{\"user\":\"U1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}",
                      rig->id);
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .hook = rig_take_over, .ctx = rig},
               {.tool = HISTORY, .data = str_text(&page)});
    FAKE_CLAUDE(SENDS("t1"));
    rig_attempt(rig);
    assert_end(rig, AGENT_LOST, NULL);
    fake_accounts_fail(SCALEKIT_UNKNOWN);
    rig_again(rig);
    assert_delivered(rig, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_intent_that_was_not_written_sends_nothing),
        RIG_TEST(not_now_is_waited_for_without_the_model),
        RIG_TEST(not_now_is_heard_six_times_and_no_more),
        RIG_TEST(a_refused_message_goes_back_to_the_model),
        RIG_TEST(the_third_refusal_ends_the_run),
        RIG_TEST(a_call_that_is_not_acceptable_is_answered_without_an_intent),
        RIG_TEST(a_message_that_is_too_long_goes_back_with_its_length),
        RIG_TEST(an_account_that_is_gone_at_the_send_blocks_and_the_same_text_goes_out_later),
        RIG_TEST(an_unknown_outcome_without_a_history_tool_is_left_to_people),
        RIG_TEST(a_message_that_is_found_in_the_channel_was_delivered),
        RIG_TEST(a_message_that_is_surely_absent_is_sent_once_more),
        RIG_TEST(a_message_that_comes_late_is_found_by_the_last_read),
        RIG_TEST(nothing_is_sent_after_a_second_unknown_outcome),
        RIG_TEST(nor_when_a_refusal_came_between_the_two),
        RIG_TEST(a_probe_that_says_later_is_asked_again_before_the_send),
        RIG_TEST(another_account_at_the_send_starts_the_run_over),
        RIG_TEST(a_cancel_that_comes_before_the_intent_wins),
        RIG_TEST(a_cancel_that_is_seen_only_by_the_intent_wins_too),
        RIG_TEST(a_thread_that_lost_its_run_writes_nothing_and_the_next_one_looks),
        RIG_TEST(an_open_intent_is_looked_into_even_when_the_connections_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
