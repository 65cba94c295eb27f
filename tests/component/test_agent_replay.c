/*
 * The same journal gives the same requests: a run that was interrupted at any question asks it
 * again, word for word, and nothing that was answered.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"

#define FROZEN_MS INT64_C(1795420800000)

/* Everything that enters the conversation: results, errors, refusals, a cut reply, a reminder, a
 * refused delivery, a delivery after which the run goes on. */
static const struct fake_reply script[] = {
    ASKS(CALL("t1", QUERY, "{\"q\":1}") "," CALL("t2", "no_such_tool", "{}")),
    {.content = "[" CALL("x", QUERY, "{}") "]", .stop = STOP_MAX_TOKENS},
    READS("t3"),
    SAYS("I am done."),
    SENDS("t4"),
    ASKS(CALL("t5", SEND, "{\"text\":\"x\"}") "," CALL("t6", QUERY, "{\"q\":2}")),
    SENDS("t7"),
    READS("t8"),
    SENDS("t9"),
    SAYS("All done."),
};
#define N_SCRIPT ARRAY_LEN(script)

static void give_tools(void)
{
    FAKE_TOOLS({.tool = QUERY, .times = 1, .data = "[{\"a\":1}]"},
               {.tool = QUERY, .times = 1, .provider_error = "caf\xC3\xA9 cut \xE2\x80"},
               {.tool = QUERY, .times = -1},
               {.tool = SEND, .provider_error = "msg_too_long \xC3"}, /* unknown word: looked for */
               {.tool = HISTORY, .times = -1, .data = "{\"messages\":[]}"},
               {.tool = SEND, .provider_error = "msg_too_long"}, POSTS);
}

static char *baseline[N_SCRIPT];

static void check_questions(size_t interrupted_at)
{
    for (size_t i = 0, k = 0; i < fake_questions(); i++, k++) {
        if (i > 0 && i == interrupted_at + 1) k--; /* asked again */
        if (strcmp(fake_question(i), baseline[k]) != 0)
            fail_msg("interrupted at %zu, question %zu:\n%s\ninstead of\n%s", interrupted_at, i,
                     fake_question(i), baseline[k]);
    }
}

static void an_interrupted_run_asks_the_same_as_one_that_was_not(void **state)
{
    struct rig *rig = *state;
    rig->catalogue->recipes[0].delivery.continues = true;
    clock_freeze(FROZEN_MS);
    give_tools();
    fake_claude(script, N_SCRIPT);
    rig_run(rig);
    assert_delivered(rig, 3);
    assert_int_equal(rig->row.delivery, DELIVERY_CONFIRMED);
    assert_int_equal(fake_questions(), N_SCRIPT);
    for (size_t i = 0; i < N_SCRIPT; i++)
        baseline[i] = xstrdup(fake_question(i));

    for (size_t at = 0; at < N_SCRIPT; at++) {
        fake_reset();
        FAKE_TOOLS(SAYS_WHO);
        give_tools();
        fake_claude(script, at);
        FAKE_CLAUDE({.fault = ANTHROPIC_CANCELLED});
        fake_claude(script + at, N_SCRIPT - at);
        rig_run(rig);
        assert_end(rig, AGENT_PARKED, NULL);
        rig_again(rig);
        assert_delivered(rig, 3);
        if (fake_questions() != N_SCRIPT + 1)
            fail_msg("interrupted at %zu: %zu questions, %s", at, fake_questions(),
                     rig->end.detail);
        check_questions(at);
    }
    for (size_t i = 0; i < N_SCRIPT; i++)
        xfree(baseline[i]);
}

static void nothing_that_was_answered_is_asked_or_run_again(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.n_uncertain = 1, .fault = ANTHROPIC_CANCELLED}, SENDS("t2"));
    rig_run(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    int64_t cost = rig->row.usage.cost_nano_usd;
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(fake_calls(QUERY), 1);
    assert_int_equal(fake_questions(), 3);
    assert_true(rig->row.usage.cost_nano_usd > 2 * cost); /* the lost attempt is charged */
}

static void every_stop_in_the_middle_of_a_question_is_charged(void **state)
{
    struct rig *rig = *state;
    enum { N_STOPS = 4 };
    const struct fake_reply stopped = {.n_uncertain = 2, .fault = ANTHROPIC_CANCELLED};
    const struct fake_reply refused = {.n_refused = 3, .fault = ANTHROPIC_CANCELLED};
    int64_t costs[2] = {0};
    for (int i = 0; i < 2;
         i++) { /* once with one attempt that may have been billed, then with all */
        fake_reset();
        FAKE_TOOLS(SAYS_WHO, POSTS);
        if (i == 0) FAKE_CLAUDE({.n_uncertain = 1, .fault = ANTHROPIC_CANCELLED});
        for (int k = 0; i == 1 && k < N_STOPS; k++) {
            fake_claude(&stopped, 1);
            fake_claude(&refused, 1); /* is not billed */
        }
        FAKE_CLAUDE(SENDS("t1"));
        rig_run(rig);
        while (rig->end.kind == AGENT_PARKED)
            rig_again(rig);
        assert_end(rig, AGENT_SUCCEEDED, NULL);
        costs[i] = rig->row.usage.cost_nano_usd;
    }
    int64_t reply = 0; /* the same in both */
    fake_reset();
    FAKE_TOOLS(SAYS_WHO, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    reply = rig->row.usage.cost_nano_usd;
    assert_true(costs[0] > reply);
    assert_int_equal(costs[1] - reply, 2 * N_STOPS * (costs[0] - reply));
}

static void a_journal_that_answers_other_questions_stops_the_run(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.fault = ANTHROPIC_CANCELLED}, SENDS("t2"));
    rig_run(rig);
    (void)ask_file(&rig->f, "UPDATE steps SET request_hash = 'aa' WHERE key = 'tool/1.0'");
    rig_again(rig);
    assert_end(rig, AGENT_FAILED, "internal_replay_mismatch");
    assert_int_equal(fake_questions(), 2);
    assert_int_equal(fake_calls(SEND), 0);
}

static void another_day_starts_the_run_over(void **state)
{
    struct rig *rig = *state;
    clock_freeze(FROZEN_MS);
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.fault = ANTHROPIC_CANCELLED}, SENDS("t1"));
    rig_run(rig);
    int64_t cost = rig->row.usage.cost_nano_usd;
    clock_freeze(FROZEN_MS + 24 * 3600 * 1000);
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.generation, 1);
    assert_int_equal(rig->row.turn, 1);
    assert_true(rig->row.usage.cost_nano_usd > cost); /* what it cost so far stays counted */
    assert_true(strcmp(fake_question(2), fake_question(0)) != 0);
}

/* ---- generations ---- */

static void another_account_behind_a_connection_starts_the_run_over(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.fault = ANTHROPIC_CANCELLED}, SENDS("t1"));
    rig_run(rig);
    int64_t cost = rig->row.usage.cost_nano_usd;
    fake_account("sanity-1", "ca_other", "ACTIVE");
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.generation, 1);
    assert_true(rig->row.usage.cost_nano_usd > cost);
    int64_t n_prepared = 0;
    n_prepared = ask_file(&rig->f, "SELECT count(*) FROM steps WHERE key = 'prepare'");
    assert_int_equal(n_prepared, 2);
}

/* The process is lost while the message is on its way, and it is found when somebody looks. */
static void lose_the_answer(struct rig *rig, struct str *page)
{
    rig_accept(rig, "post");
    str_append_format(page, "{\"messages\":[{\"user\":\"U1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}",
                      rig->id);
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .hook = rig_take_over, .ctx = rig},
               {.tool = HISTORY, .data = str_text(page)}, POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"));
    rig_attempt(rig);
    assert_end(rig, AGENT_LOST, NULL);
}

static void with_an_open_intent_another_day_or_account_only_looks(void **state)
{
    struct rig *rig = *state;
    for (int is_account = 0; is_account < 2; is_account++) {
        fake_reset();
        FAKE_TOOLS(SAYS_WHO);
        clock_freeze(FROZEN_MS);
        AUTO(str_done) struct str page = {0};
        lose_the_answer(rig, &page);
        if (is_account)
            fake_account("sanity-1", "ca_other", "ACTIVE");
        else
            clock_freeze(FROZEN_MS + 24 * 3600 * 1000);
        rig_again(rig);
        assert_delivered(rig, 1);
        assert_int_equal(rig->row.delivery, DELIVERY_RECONCILED);
        assert_int_equal(rig->row.generation, 0);
        assert_int_equal(fake_questions(), 1);
    }
}

static void sends_looked_for_in_vain_count_for_all_generations(void **state)
{
    struct rig *rig = *state;
    clock_freeze(FROZEN_MS);
    FAKE_TOOLS({.tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504},
               {.tool = HISTORY, .times = -1, .data = "{\"messages\":[]}"},
               {.tool = SEND, .provider_error = "token_revoked"},
               {.tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504}, POSTS);
    FAKE_CLAUDE(SENDS("t1"), SENDS("t2"));
    rig_run(rig);
    assert_end(rig, AGENT_BLOCKED, NULL);
    clock_freeze(FROZEN_MS + 24 * 3600 * 1000);
    rig_again(rig);
    assert_int_equal(rig->row.generation, 1);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_int_equal(fake_calls(SEND), 3); /* of unknown outcome: two in all */
}

static void a_configuration_that_changed_meanwhile_changes_nothing(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.fault = ANTHROPIC_CANCELLED}, SENDS("t2"));
    rig_run(rig);
    struct recipe *recipe = &rig->catalogue->recipes[0];
    recipe->prompt[0] = recipe->prompt[0] == 'X' ? 'Y' : 'X';
    recipe->max_tokens = 5;
    recipe->turns_max = 1;
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_string_equal(fake_question(2), fake_question(1));
}

static void a_delivered_run_has_succeeded_whatever_comes_after(void **state)
{
    struct rig *rig = *state;
    rig->catalogue->recipes[0].delivery.continues = true;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SENDS("t1"), {.fault = ANTHROPIC_CANCELLED}, SAYS("done"));
    rig_run(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    fake_account("slack-1", "ca_9", "EXPIRED");
    rig_again(rig);
    assert_end(rig, AGENT_SUCCEEDED, NULL);
    assert_int_equal(fake_calls(SEND), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_interrupted_run_asks_the_same_as_one_that_was_not),
        RIG_TEST(nothing_that_was_answered_is_asked_or_run_again),
        RIG_TEST(every_stop_in_the_middle_of_a_question_is_charged),
        RIG_TEST(a_journal_that_answers_other_questions_stops_the_run),
        RIG_TEST(another_day_starts_the_run_over),
        RIG_TEST(another_account_behind_a_connection_starts_the_run_over),
        RIG_TEST(with_an_open_intent_another_day_or_account_only_looks),
        RIG_TEST(sends_looked_for_in_vain_count_for_all_generations),
        RIG_TEST(a_configuration_that_changed_meanwhile_changes_nothing),
        RIG_TEST(a_delivered_run_has_succeeded_whatever_comes_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
