/*
 * Looking for a message, with stops of the process in between, and the clocks of it.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"

#define LOST                                                                                       \
    {                                                                                              \
        .tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504                                     \
    }
#define ABSENT_ONCE                                                                                \
    {                                                                                              \
        .tool = HISTORY, .data = "{\"messages\":[],\"has_more\":false}"                            \
    }

#define ABSENT                                                                                     \
    {                                                                                              \
        .tool = HISTORY, .times = -1, .data = "{\"messages\":[],\"has_more\":false}"               \
    }

static void stop_the_process(void *ctx)
{
    struct rig *rig = ctx;
    atomic_store(&rig->control.wish, AGENT_STOP_PARK);
}

/* As if so much time had passed since, by the clocks that are named. */
static void let_time_pass(struct rig *rig, int64_t unix_ms, int64_t mono_ms)
{
    AUTO(str_done) struct str sql = {0};
    str_append_format(&sql,
                      "UPDATE steps SET meta = json_set(meta, '$.quiet_unix_ms', "
                      "json_extract(meta, '$.quiet_unix_ms') - %lld, '$.quiet_mono_ms', "
                      "json_extract(meta, '$.quiet_mono_ms') - %lld) WHERE state = 'begun'",
                      (long long)unix_ms, (long long)mono_ms);
    (void)ask_file(&rig->f, str_text(&sql));
}

#define ABSENT_AND_STOPPED                                                                         \
    {                                                                                              \
        .tool = HISTORY, .data = "{\"messages\":[],\"has_more\":false}", .hook = stop_the_process, \
        .ctx = rig                                                                                 \
    }

static int64_t decided_deliveries(struct rig *rig)
{
    return ask_file(&rig->f,
                    "SELECT count(*) FROM steps WHERE key = 'delivery/1' AND state = 'done'");
}

static void a_restart_does_not_set_the_settle_time_back(void **state)
{
    struct rig *rig = *state;
    rig->agent.delivery_settle_ms = 8000;
    FAKE_TOOLS(LOST, ABSENT_AND_STOPPED, ABSENT_AND_STOPPED, ABSENT_ONCE, ABSENT_AND_STOPPED,
               POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    for (int i = 0; i < 2; i++) {
        assert_end(rig, AGENT_PARKED, NULL);
        assert_int_equal(decided_deliveries(rig), 0);
        let_time_pass(rig, 4000, 4000);
        rig_again(rig);
    }
    assert_end(rig, AGENT_PARKED, NULL);
    assert_int_equal(decided_deliveries(rig), 1); /* both reads of this attempt counted */
    rig_again(rig);
    assert_delivered(rig, 2);
}

static void a_clock_that_was_set_does_not_make_absent_what_may_still_come(void **state)
{
    struct rig *rig = *state;
    rig->agent.delivery_settle_ms = 2000;
    FAKE_TOOLS(LOST, ABSENT_AND_STOPPED, ABSENT_ONCE, ABSENT_AND_STOPPED, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    let_time_pass(rig, 3600 * 1000, 0);
    rig_again(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    assert_int_equal(decided_deliveries(rig), 0); /* the first of the two came too early */
    assert_int_equal(fake_calls(SEND), 1);
}

static void patience_is_used_up_over_all_attempts(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, ABSENT_AND_STOPPED,
               {.tool = HISTORY, .times = -1, .provider_error = "ratelimited"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig->agent.delivery_settle_ms = 3600 * 1000;
    rig_run(rig);
    assert_end(rig, AGENT_PARKED, NULL);
    (void)ask_file(&rig->f, "UPDATE steps SET meta = json_set(meta, '$.looked_ms', 7200000)"
                            " WHERE state = 'begun'");
    rig_again(rig);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_int_equal(fake_calls(HISTORY), 2); /* one last look */
    assert_int_equal(fake_calls(SEND), 1);
}

/* ---- what a read proves ---- */

/* The message is out, and the process dies before it can write that down. */
static void die_after_the_send(struct rig *rig)
{
    static char page[200]; /* read until the end of the test */
    rig_accept(rig, "post");
    snprintf(page, sizeof page,
             "{\"messages\":[{\"user\":\"U1\",\"text\":\"%s\",\"ts\":\"17.5\"}]}", rig->id);
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .hook = rig_take_over, .ctx = rig},
               {.tool = HISTORY, .data = page});
    FAKE_CLAUDE(SENDS("t1"));
    rig_attempt(rig);
    assert_end(rig, AGENT_LOST, NULL);
}

static void a_list_that_does_not_say_whether_it_goes_on_proves_nothing(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, {.tool = HISTORY, .data = "[{\"user\":\"U2\",\"text\":\"x\",\"ts\":\"1.2\"}]"},
               POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_end(rig, AGENT_FAILED, "delivery_unknown");
    assert_int_equal(fake_calls(SEND), 1);
}

static void an_empty_list_is_complete(void **state)
{
    struct rig *rig = *state;
    FAKE_TOOLS(LOST, {.tool = HISTORY, .times = -1, .data = "[]"}, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_run(rig);
    assert_delivered(rig, 2);
}

/* Since when the channel was read the i-th time, in seconds of their clock. */
static long long read_since(size_t i)
{
    static const char member[] = "\"oldest\":\"";
    const char *at = strstr(fake_call(HISTORY, i), member);
    assert_non_null(at);
    return strtoll(at + sizeof member - 1, NULL, 10);
}

#define AHEAD_S 7200

static void a_wall_clock_that_is_ahead_hides_no_message(void **state)
{
    struct rig *rig = *state;
    fake_clock_ahead_ms = AHEAD_S * 1000;
    FAKE_TOOLS(LOST, ABSENT, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    long long before_s = clock_unix_ms() / 1000 - AHEAD_S;
    rig_run(rig);
    assert_delivered(rig, 2);
    long long after_s = clock_unix_ms() / 1000 - AHEAD_S;
    assert_in_range(read_since(0), before_s - 601, after_s - 600);
}

static void nor_does_one_that_was_put_right_while_the_process_was_dead(void **state)
{
    struct rig *rig = *state;
    fake_clock_ahead_ms = AHEAD_S * 1000;
    long long before_s = clock_unix_ms() / 1000 - AHEAD_S;
    die_after_the_send(rig);
    long long after_s = clock_unix_ms() / 1000 - AHEAD_S;
    fake_clock_ahead_ms = 0;
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_in_range(read_since(0), before_s - 601, after_s - 600);
}

/* ---- the deadline ---- */

static void looking_for_a_message_is_no_running_time(void **state)
{
    struct rig *rig = *state;
    rig->agent.delivery_settle_ms = 3500;
    FAKE_TOOLS(LOST, ABSENT_ONCE, ABSENT_ONCE, ABSENT_ONCE, POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    rig_accept(rig, "post");
    (void)ask_file(&rig->f, "UPDATE runs SET deadline_ms = 3000");
    rig_attempt(rig);
    assert_delivered(rig, 2);
    assert_true(rig->row.running_ms < 3000);
}

static void think_for_a_moment(void *ctx)
{
    (void)ctx;
    int64_t until_ms = clock_mono_ms() + 5;
    while (clock_mono_ms() < until_ms) {
    }
}

static void a_briefing_that_succeeds_says_how_long_it_was_running(void **state)
{
    struct rig *rig = *state;
    static const char *const modes[] = {"post", "preview"};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        FAKE_TOOLS(POSTS);
        FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                     .stop = STOP_TOOL_USE,
                     .hook = think_for_a_moment});
        rig_accept(rig, modes[i]);
        rig_attempt(rig);
        assert_int_equal(rig->row.status, RUN_SUCCEEDED);
        assert_true(rig->row.running_ms >= 5);
    }
}

/* ---- a configuration that has changed ---- */

static struct connector *slack_of(struct rig *rig)
{
    for (size_t i = 0; i < rig->catalogue->n_connectors; i++) {
        struct connector *connector = &rig->catalogue->connectors[i];
        if (text_equal(connector->name, "slack")) return connector;
    }
    fail_msg("there is no connector slack");
    return NULL;
}

static void an_open_intent_is_looked_into_also_when_its_recipe_is_gone(void **state)
{
    struct rig *rig = *state;
    die_after_the_send(rig);
    (void)ask_file(&rig->f, "UPDATE runs SET recipe = 'removed'");
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_int_equal(rig->row.delivery, DELIVERY_RECONCILED);
}

static void who_is_connected_is_asked_where_the_message_went(void **state)
{
    struct rig *rig = *state;
    die_after_the_send(rig);
    struct connector *slack = slack_of(rig);
    xfree(slack->connection_name);
    slack->connection_name = xstrdup("slack-2");
    size_t n_before = fake_calls(PROBE);
    rig_again(rig);
    assert_delivered(rig, 1);
    assert_true(fake_calls(PROBE) > n_before);
    for (size_t i = n_before; i < fake_calls(PROBE); i++)
        assert_non_null(strstr(fake_call(PROBE, i), " slack-1 "));
}

static void without_a_probe_nobody_knows_whose_channel_is_read(void **state)
{
    struct rig *rig = *state;
    die_after_the_send(rig);
    struct connector *slack = slack_of(rig);
    xfree(slack->probe_tool);
    slack->probe_tool = NULL;
    rig_again(rig);
    assert_end(rig, AGENT_FAILED, "connector_not_ready");
    assert_int_equal(rig->row.delivery, DELIVERY_INTENDED); /* so it ends as delivery_unknown */
    assert_int_equal(fake_calls(HISTORY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_restart_does_not_set_the_settle_time_back),
        RIG_TEST(a_clock_that_was_set_does_not_make_absent_what_may_still_come),
        RIG_TEST(patience_is_used_up_over_all_attempts),
        RIG_TEST(a_list_that_does_not_say_whether_it_goes_on_proves_nothing),
        RIG_TEST(an_empty_list_is_complete),
        RIG_TEST(a_wall_clock_that_is_ahead_hides_no_message),
        RIG_TEST(nor_does_one_that_was_put_right_while_the_process_was_dead),
        RIG_TEST(an_open_intent_is_looked_into_also_when_its_recipe_is_gone),
        RIG_TEST(who_is_connected_is_asked_where_the_message_went),
        RIG_TEST(without_a_probe_nobody_knows_whose_channel_is_read),
        RIG_TEST(looking_for_a_message_is_no_running_time),
        RIG_TEST(a_briefing_that_succeeds_says_how_long_it_was_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
