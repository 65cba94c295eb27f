/*
 * The loop: from the first question to the end of a run, with scripted upstreams.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"

static void a_briefing_is_read_written_and_posted_once(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = QUERY, .data = "[{\"_id\":\"a\"},{\"_id\":\"b\"}]", .times = -1}, POSTS);
    FAKE_CLAUDE(ASKS(CALL("t1", QUERY, "{\"query\":\"a\",\"n\":9007199254740993}") "," CALL(
                    "t2", QUERY, "{\"query\":\"b\"}")),
                SENDS("t3"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.delivery, DELIVERY_CONFIRMED);
    assert_string_equal(rig->row.delivery_ts, "1700000000.000100");
    assert_int_equal(rig->row.turn, 2);
    assert_int_equal(rig->row.tool_calls, 2);
    assert_int_equal(rig->row.usage.input_tokens, 20);
    assert_true(rig->row.usage.cost_nano_usd > 0);
    assert_string_equal(fake_call(QUERY, 0),
                        "u_7f sanity-1 {\"query\":\"a\",\"n\":9007199254740993}");
    assert_int_equal(fake_parallel_max(), 2);
    AUTO(str_done) struct str sent = {0};
    str_append_format(&sent,
                      "u_7f slack-1 {\"channel\":\"C0123\",\"text\":\"Hello team\\n_Briefing %s_\","
                      "\"unfurl_links\":false,\"unfurl_media\":false}",
                      rig->id);
    assert_string_equal(fake_call(SEND, 0), str_text(&sent));
    assert_non_null(strstr(fake_question(1), "{\\\"_id\\\":\\\"a\\\"}"));
    assert_false(files_contain(&rig->f, "Hello team")); /* sealed */
}

static void the_servers_own_tools_are_not_shown_to_the_model(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(0), "\"name\":\"" SEND "\""));
    assert_null(strstr(fake_question(0), PROBE));
    assert_null(strstr(fake_question(0), HISTORY));
    assert_null(strstr(fake_question(0), "C0123")); /* nor where it goes */
    assert_null(strstr(fake_question(0), "u_7f"));
}

static void a_preview_posts_nothing_and_shows_the_text(void **state)
{
    struct rig *rig = *state;
    FAKE_CLAUDE(SENDS("t1"));
    rig_accept(rig, "preview");
    rig_attempt(rig);
    assert_end(rig, AGENT_SUCCEEDED, NULL);
    assert_int_equal(fake_calls(SEND), 0);
    assert_int_equal(rig->row.delivery, DELIVERY_PREVIEWED);
    assert_int_equal(rig->row.status, RUN_SUCCEEDED);
    assert_non_null(strstr(rig->row.delivery_text, "Hello team\n_Briefing br_"));
}

static void an_account_that_is_not_usable_blocks_before_any_question(void **state)
{
    struct rig *rig = *state;
    fake_account("slack-1", "ca_2", "EXPIRED");
    fake_account("sanity-1", "", NULL);
    rig_run(rig);
    assert_end(rig, AGENT_BLOCKED, NULL);
    assert_string_equal(rig->end.blocked_on,
                        "[{\"connector\":\"sanity\",\"status\":\"NOT_CONNECTED\"},"
                        "{\"connector\":\"slack\",\"status\":\"EXPIRED\"}]");
    assert_int_equal(fake_questions(), 0);
    assert_int_equal(rig->row.started_ms, 0); /* not started yet: start_by holds */
}

static void a_status_of_any_length_is_told_in_whole_json(void **state)
{
    struct rig *rig = *state;
    fake_account(
        "slack-1", "ca_2",
        "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"");
    fake_account("sanity-1", "ca_1",
                 "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
                 "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01");
    rig_run(rig);
    assert_end(rig, AGENT_BLOCKED, NULL);
    assert_ok(
        json_check(rig->end.blocked_on, strlen(rig->end.blocked_on), (struct json_limits){0}));
}

static void a_tool_that_finds_the_account_gone_blocks_and_marks_it(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = QUERY, .class = SCALEKIT_USER_RECONNECT, .status = 401});
    FAKE_CLAUDE(READS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_BLOCKED, NULL);
    assert_string_equal(rig->end.blocked_on, "[{\"connector\":\"sanity\",\"status\":\"EXPIRED\"}]");
    AUTO(connection_list_done) struct connection_list list = {0};
    assert_ok(store_connections_list(rig->f.store, "u_7f", &list));
    assert_string_equal(list.rows[0].status, "EXPIRED");
    assert_string_equal(list.rows[1].status, "ACTIVE");
}

static void tools_that_the_account_does_not_offer_are_named(void **state)
{
    struct rig *rig = *state;
    fake_tool_missing("sanitymcp_list_releases");
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "tools_missing");
    assert_non_null(strstr(rig->end.detail, "sanitymcp_list_releases"));
    assert_int_equal(fake_questions(), 0);
}

static void a_forgotten_delivery_is_asked_for_once(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SAYS("Done."), SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(1), "You have not sent the message yet"));
}

static void a_model_that_never_delivers_ends_the_run(void **state)
{
    struct rig *rig = *state;
    FAKE_CLAUDE(SAYS("Done."), {.content = "[]", .stop = STOP_END_TURN});
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "not_delivered");
    assert_int_equal(fake_calls(SEND), 0);
}

static void a_reply_that_was_cut_off_is_asked_again_with_more_room(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{}") "]", .stop = STOP_MAX_TOKENS}, SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(0), "\"max_tokens\":16000,"));
    assert_non_null(strstr(fake_question(1), "\"max_tokens\":32000,"));
    assert_null(strstr(fake_question(1), "tool_use\"")); /* nothing of the cut reply stays */
}

static void every_way_of_stopping_has_its_end(void **state)
{
    struct rig *rig = *state;
    static const struct {
        enum stop_reason stop;
        const char *code;
        size_t n_questions;
    } rows[] = {
        {STOP_REFUSAL,          "model_refused",          1},
        {STOP_CONTEXT_EXCEEDED, "model_context_exceeded", 1},
        {STOP_UNKNOWN,          "model_rejected",         1},
        {STOP_MAX_TOKENS,       "model_truncated",        3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_reset();
        for (size_t k = 0; k < rows[i].n_questions; k++)
            FAKE_CLAUDE(
                {.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]", .stop = rows[i].stop});
        rig_run(rig);
        assert_end(rig, AGENT_FAILED, rows[i].code);
        assert_int_equal(fake_questions(), rows[i].n_questions);
        assert_int_equal(fake_calls(SEND), 0);
    }
}

static void a_paused_turn_goes_on_with_nothing_added(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[{\"type\":\"text\",\"text\":\"hm\"}]", .stop = STOP_PAUSE_TURN},
                SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_true(
        text_ends(fake_question(1),
                  "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"hm\"}]}]}"));
}

static void calls_of_a_paused_turn_are_answered_not_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", QUERY, "{}") "]", .stop = STOP_PAUSE_TURN}, SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_calls(QUERY), 0);
    assert_non_null(strstr(fake_question(1), "\"tool_use_id\":\"t1\",\"content\":\"Not executed"));
}

static void calls_of_a_reply_that_ended_otherwise_are_answered_not_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]", .stop = STOP_END_TURN},
                SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(1), "Not executed"));
}

static void a_delivery_beside_other_calls_is_refused_while_they_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(ASKS(CALL("t1", SEND, "{\"text\":\"x\"}") "," CALL("t2", QUERY, "{}")),
                SENDS("t3"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_calls(QUERY), 1);
    const char *refusal = strstr(fake_question(1), "call this tool alone");
    assert_non_null(refusal);
    assert_true(strstr(fake_question(1), "\"tool_use_id\":\"t1\"") < refusal); /* in order */
}

static void many_calls_run_in_batches(void **state)
{
    struct rig *rig = *state;
    AUTO(str_done) struct str content = {0};
    for (int i = 0; i < 21; i++)
        str_append_format(&content, "%s" CALL("t%d", QUERY, "{}"), i ? "," : "[", i);
    str_append_char(&content, ']');
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = str_text(&content), .stop = STOP_TOOL_USE}, SENDS("s"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_calls(QUERY), 21);
    assert_int_equal(fake_parallel_max(), 8);
    assert_int_equal(rig->row.tool_calls, 21);
}

static void tools_that_keep_failing_end_the_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = QUERY, .times = 4, .class = SCALEKIT_BAD_CALL, .status = 400},
               {.tool = QUERY}, {.tool = QUERY, .times = -1, .provider_error = "parse error"});
    FAKE_CLAUDE(READS("t1"), READS("t2"), READS("t3"), READS("t4"), READS("t5"), READS("t6"),
                READS("t7"), READS("t8"), READS("t9"), READS("t10"), READS("t11"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "tool_failed");
    assert_int_equal(fake_calls(QUERY), 10); /* the fifth was fine: counted anew */
}

static void many_failures_in_one_reply_are_first_told_to_the_model(void **state)
{
    struct rig *rig = *state;
    AUTO(str_done) struct str calls = {0};
    for (int i = 0; i < 6; i++)
        str_append_format(&calls, "%s" CALL("t%d", QUERY, "{}"), i ? "," : "[", i);
    str_append_char(&calls, ']');
    struct fake_reply reads = {.content = str_text(&calls), .stop = STOP_TOOL_USE};
    FAKE_TOOLS({.tool = QUERY, .times = 6, .class = SCALEKIT_BAD_CALL, .status = 400}, POSTS);
    FAKE_CLAUDE(reads, SENDS("s"));
    rig_run(rig);
    assert_delivered(rig, 1);

    fake_reset();
    FAKE_TOOLS({.tool = QUERY, .times = -1, .class = SCALEKIT_BAD_CALL, .status = 400});
    FAKE_CLAUDE(reads, READS("r"), SENDS("s"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "tool_failed");
    assert_int_equal(fake_questions(), 2);
}

static void white_space_is_no_output(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS({.tool = QUERY, .data = "\" \\n\\t\""}, POSTS);
    FAKE_CLAUDE(READS("t1"), SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(1), "\"content\":\"(no output)\""));
}

static void a_long_result_is_cut_between_characters_and_the_model_is_told(void **state)
{
    struct rig *rig = *state;
    AUTO(str_done) struct str data = {0};
    str_append_text(&data, "[\"x");
    while (data.len < 70 * KIB)
        str_append_text(&data, "\xC3\xA9");
    str_append_text(&data, "\"]");
    FAKE_TOOLS({.tool = QUERY, .data = str_text(&data)}, POSTS);
    FAKE_CLAUDE(READS("t1"), SENDS("t2"));
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_non_null(strstr(fake_question(1), "\xC3\xA9\\n[truncated: 65535 of 71683 bytes"));
}

static void the_number_of_replies_has_a_limit(void **state)
{
    struct rig *rig = *state;
    rig->catalogue->recipes[0].turns_max = 3;
    FAKE_CLAUDE(READS("t1"), READS("t2"), READS("t3"), READS("t4"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "model_max_turns");
    assert_int_equal(fake_questions(), 3);
}

static void attempts_that_were_turned_away_cost_nothing(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                 .stop = STOP_TOOL_USE,
                 .n_refused = 20});
    rig_run(rig);
    assert_delivered(rig, 1);
    assert_true(rig->row.usage.cost_nano_usd < 1000000);
}

static void attempts_that_may_have_been_billed_stay_within_the_budget(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                 .stop = STOP_TOOL_USE,
                 .n_uncertain = 60});
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "budget_exceeded");
    assert_int_equal(fake_calls(SEND), 0);
    assert_true(rig->row.usage.cost_nano_usd <= rig->row.budget_nano_usd);
}

static void a_deadline_that_is_over_asks_nothing(void **state)
{
    struct rig *rig = *state;
    rig_accept(rig, "post");
    AUTO(str_done) struct str sql = {0};
    str_append_format(&sql, "UPDATE runs SET running_ms = deadline_ms WHERE id = '%s'", rig->id);
    (void)ask_file(&rig->f, str_text(&sql));
    rig_attempt(rig);
    assert_end(rig, AGENT_FAILED, "deadline_exceeded");
    assert_int_equal(fake_questions(), 0);
}

static void our_own_key_refused_is_told_apart(void **state)
{
    struct rig *rig = *state;
    FAKE_CLAUDE({.fault = ANTHROPIC_CREDENTIALS});
    rig_run(rig);
    assert_end(rig, AGENT_CREDENTIALS, "credentials_rejected");
    fake_reset();
    fake_accounts_fail(SCALEKIT_OUR_CREDENTIALS);
    rig_run(rig);
    assert_end(rig, AGENT_CREDENTIALS, "credentials_rejected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_briefing_is_read_written_and_posted_once),
        RIG_TEST(the_servers_own_tools_are_not_shown_to_the_model),
        RIG_TEST(a_preview_posts_nothing_and_shows_the_text),
        RIG_TEST(an_account_that_is_not_usable_blocks_before_any_question),
        RIG_TEST(a_status_of_any_length_is_told_in_whole_json),
        RIG_TEST(a_tool_that_finds_the_account_gone_blocks_and_marks_it),
        RIG_TEST(tools_that_the_account_does_not_offer_are_named),
        RIG_TEST(a_forgotten_delivery_is_asked_for_once),
        RIG_TEST(a_model_that_never_delivers_ends_the_run),
        RIG_TEST(a_reply_that_was_cut_off_is_asked_again_with_more_room),
        RIG_TEST(every_way_of_stopping_has_its_end),
        RIG_TEST(a_paused_turn_goes_on_with_nothing_added),
        RIG_TEST(calls_of_a_paused_turn_are_answered_not_run),
        RIG_TEST(calls_of_a_reply_that_ended_otherwise_are_answered_not_run),
        RIG_TEST(a_delivery_beside_other_calls_is_refused_while_they_run),
        RIG_TEST(many_calls_run_in_batches),
        RIG_TEST(tools_that_keep_failing_end_the_run),
        RIG_TEST(many_failures_in_one_reply_are_first_told_to_the_model),
        RIG_TEST(white_space_is_no_output),
        RIG_TEST(a_long_result_is_cut_between_characters_and_the_model_is_told),
        RIG_TEST(the_number_of_replies_has_a_limit),
        RIG_TEST(attempts_that_were_turned_away_cost_nothing),
        RIG_TEST(attempts_that_may_have_been_billed_stay_within_the_budget),
        RIG_TEST(a_deadline_that_is_over_asks_nothing),
        RIG_TEST(our_own_key_refused_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
