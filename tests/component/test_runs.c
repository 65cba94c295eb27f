/*
 * The engine: accepted, claimed, run on its thread, ended; blocked, parked, cancelled, stopped.
 */
#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"
#include "runs/runs.h"

struct engine {
    struct rig *rig;
    struct watch *watch;
    struct runs *runs;
};

static void start(struct engine *e, bool is_single)
{
    struct runs_options options = {.agent = &e->rig->agent,
                                   .store = e->rig->f.store,
                                   .watch = e->watch,
                                   .runs_max = 4,
                                   .open_runs_max = 1000,
                                   .start_by_default_ms = 86400000,
                                   .blocked_ttl_ms = 86400000,
                                   .deadline_max_ms = 3600000,
                                   .budget_max_nano_usd = INT64_C(10000000000),
                                   .stop_grace_ms = 20,
                                   .model = "claude-sonnet-5-5",
                                   .timezone = "Europe/Oslo",
                                   .is_single = is_single};
    assert_ok(runs_start(&options, &e->runs));
}

static int engine_make(void **state)
{
    struct engine *e = xcalloc(1, sizeof *e);
    void *rig = NULL;
    if (rig_make(&rig) != 0) return -1;
    e->rig = rig;
    if (watch_start("http://h", 100, &e->watch)) return -1;
    store_observe_runs(e->rig->f.store, watch_changed, e->watch);
    start(e, false);
    *state = e;
    return 0;
}

static int engine_remove(void **state)
{
    struct engine *e = *state;
    fake_release();
    runs_free(e->runs);
    store_close(e->rig->f.store); /* its writer tells the watch */
    e->rig->f.store = NULL;
    watch_free(e->watch);
    void *rig = e->rig;
    xfree(e);
    return rig_remove(&rig);
}

static void no_problem(void *ctx, const char *pointer, const char *detail)
{
    (void)ctx;
    fail_msg("%s %s", pointer, detail);
}

static struct run_request a_request(void)
{
    return (struct run_request){.principal = "backend",
                                .route = "POST /briefings",
                                .user_id = "u_7f",
                                .if_running = "enqueue"};
}

static enum submit_outcome submit(struct engine *e, const struct run_request *request)
{
    AUTO(submit_result_done) struct submit_result result = {0};
    struct run_problem problem = {.add = no_problem};
    assert_ok(runs_submit(e->runs, request, &problem, &result));
    if (result.run_id[0]) snprintf(e->rig->id, sizeof e->rig->id, "%s", result.run_id);
    return result.outcome;
}

static void accept(struct engine *e, const char *if_blocked)
{
    struct run_request request = a_request();
    request.if_blocked = if_blocked;
    assert_int_equal(submit(e, &request), SUBMIT_ACCEPTED);
}

/* Reads the row until it says so. */
static void wait_status(struct engine *e, enum run_status status)
{
    int64_t until = clock_mono_ms() + 60000;
    do {
        run_row_done(&e->rig->row);
        e->rig->row = (struct run_row){0};
        assert_ok(store_run_get(e->rig->f.store, e->rig->id, &e->rig->row));
        if (e->rig->row.status == status) return;
    } while (clock_mono_ms() < until);
    fail_msg("it is %s %s", run_status_name(e->rig->row.status),
             e->rig->row.error_detail ? e->rig->row.error_detail : "");
}

static void an_accepted_briefing_ends(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), SENDS("t2"));
    accept(e, "wait");
    wait_status(e, RUN_SUCCEEDED);
    assert_int_equal(e->rig->row.attempt, 1);
    assert_int_equal(fake_calls(SEND), 1);
}

static void a_repeated_request_gets_its_first_answer_whatever_has_changed(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    struct run_request request = a_request();
    request.idempotency_key = "k";
    request.fingerprint = "aa";
    request.if_blocked = "fail";
    request.start_by_ms = clock_unix_ms() + 3600000;
    assert_int_equal(submit(e, &request), SUBMIT_ACCEPTED);
    wait_status(e, RUN_SUCCEEDED);
    char first[ID_MAX];
    snprintf(first, sizeof first, "%s", e->rig->id);

    struct connection_row broken = {.user_id = xstrdup("u_7f"),
                                    .connector = xstrdup("slack"),
                                    .connection_name = xstrdup("slack-1"),
                                    .status = xstrdup("EXPIRED"),
                                    .checked_ms = clock_unix_ms()};
    assert_ok(store_connections_put(e->rig->f.store, &broken, 1));
    connection_row_done(&broken);
    request.start_by_ms = 1; /* over by now */
    e->rig->id[0] = '\0';
    assert_int_equal(submit(e, &request), SUBMIT_REPLAYED);
    assert_string_equal(e->rig->id, first);
    request.fingerprint = "bb";
    assert_int_equal(submit(e, &request), SUBMIT_KEY_REUSED);
}

static void a_running_one_is_cancelled_in_the_middle_of_a_question(void **state)
{
    struct engine *e = *state;
    FAKE_CLAUDE({.content = "[]", .stop = STOP_END_TURN, .is_held = true});
    accept(e, "wait");
    assert_true(fake_wait_questions(1));
    bool is_delivering = true;
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(runs_cancel(e->runs, e->rig->id, "backend", &is_delivering, &row));
    assert_false(is_delivering);
    wait_status(e, RUN_CANCELLED);
    run_row_done(&row);
    assert_ok(
        runs_cancel(e->runs, e->rig->id, "backend", &is_delivering, &row)); /* again is fine */
    assert_int_equal(fake_calls(SEND), 0);
}

static void one_that_delivers_is_not_cancelled(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .is_held = true});
    FAKE_CLAUDE(SENDS("t1"));
    accept(e, "wait");
    wait_status(e, RUN_DELIVERING);
    bool is_delivering = false;
    AUTO(run_row_done) struct run_row row = {0};
    assert_int_equal(runs_cancel(e->runs, e->rig->id, "backend", &is_delivering, &row), E_CONFLICT);
    assert_true(is_delivering);
    fake_release();
    wait_status(e, RUN_SUCCEEDED);
}

static void a_blocked_one_goes_on_when_its_connection_is_active(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(SENDS("t1"));
    fake_account("slack-1", "ca_1", "EXPIRED");
    accept(e, "wait");
    wait_status(e, RUN_BLOCKED);
    assert_non_null(strstr(e->rig->row.blocked_on, "slack"));
    assert_ok(runs_connections_changed(e->runs, "u_7f")); /* not yet */
    wait_status(e, RUN_BLOCKED);
    fake_account("slack-1", "ca_1", "ACTIVE");
    AUTO(connection_list_done) struct connection_list list = {0};
    assert_ok(store_connections_list(e->rig->f.store, "u_7f", &list));
    for (size_t i = 0; i < list.n; i++) {
        xfree(list.rows[i].status);
        list.rows[i].status = xstrdup("ACTIVE");
    }
    assert_ok(store_connections_put(e->rig->f.store, list.rows, list.n));
    assert_ok(runs_connections_changed(e->runs, "u_7f"));
    wait_status(e, RUN_SUCCEEDED);
}

static void an_open_intent_never_ends_as_anything_but_unknown(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS({.tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504},
               {.tool = HISTORY, .provider_error = "token_revoked"});
    FAKE_CLAUDE(SENDS("t1"));
    accept(e, "fail");
    wait_status(e, RUN_FAILED);
    assert_string_equal(e->rig->row.error_code, "delivery_unknown");
    assert_int_equal(e->rig->row.delivery, DELIVERY_UNKNOWN);
    assert_true(e->rig->row.needs_attention);
}

static void a_stop_parks_what_runs_and_the_next_start_goes_on(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE(READS("t1"), {.content = "[]", .stop = STOP_END_TURN, .is_held = true},
                SENDS("t2"));
    accept(e, "wait");
    assert_true(fake_wait_questions(2));
    runs_stop(e->runs);
    wait_status(e, RUN_QUEUED);
    assert_int_equal(e->rig->row.unclean_ends, 0);
    struct run_request request = a_request();
    assert_int_equal(submit(e, &request), SUBMIT_STOPPING);
    runs_free(e->runs);
    start(e, false);
    wait_status(e, RUN_SUCCEEDED);
    assert_int_equal(e->rig->row.attempt, 2);
    assert_int_equal(fake_calls(QUERY), 1);
}

static void a_clock_that_is_set_does_not_use_up_the_deadline(void **state)
{
    struct engine *e = *state;
    FAKE_CLAUDE({.content = "[]", .stop = STOP_END_TURN, .is_held = true});
    accept(e, "wait");
    assert_true(fake_wait_questions(1));
    clock_freeze(clock_unix_ms() + 7200000);
    runs_stop(e->runs);
    clock_freeze(0);
    wait_status(e, RUN_QUEUED);
    assert_true(e->rig->row.running_ms < 3600000);
}

static void a_stop_lets_a_delivery_finish(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS({.tool = SEND, .data = POSTED, .is_held = true});
    FAKE_CLAUDE(SENDS("t1"));
    accept(e, "wait");
    wait_status(e, RUN_DELIVERING);
    fake_release();
    runs_stop(e->runs);
    wait_status(e, RUN_SUCCEEDED);
}

static void refused_credentials_stop_the_claims_until_they_are_renewed(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.fault = ANTHROPIC_CREDENTIALS}, SENDS("t1"), SENDS("t1"));
    accept(e, "wait");
    struct runs_state now = {0};
    int64_t until = clock_mono_ms() + 60000;
    while (!now.waits_for_credentials && clock_mono_ms() < until)
        runs_state_get(e->runs, &now);
    assert_true(now.waits_for_credentials);
    wait_status(e, RUN_QUEUED);
    assert_string_equal(e->rig->row.phase, "waiting_for_credentials");
    runs_credentials_renewed(e->runs);
    wait_status(e, RUN_SUCCEEDED);
}

static void many_runs_end_with_a_ceiling_of_four_threads(void **state)
{
    struct engine *e = *state;
    enum { N = 30 };
    FAKE_TOOLS({.tool = SEND, .times = -1, .data = POSTED});
    char ids[N][ID_MAX];
    for (int i = 0; i < N; i++) {
        FAKE_CLAUDE(SENDS("t1"));
        struct run_request request = a_request();
        char user[20];
        snprintf(user, sizeof user, "u_%d", i % 7);
        request.user_id = user;
        assert_int_equal(submit(e, &request), SUBMIT_ACCEPTED);
        snprintf(ids[i], ID_MAX, "%s", e->rig->id);
        struct runs_state now;
        runs_state_get(e->runs, &now);
        assert_true(now.running <= 4);
    }
    for (int i = 0; i < N; i++) {
        snprintf(e->rig->id, ID_MAX, "%s", ids[i]);
        wait_status(e, RUN_SUCCEEDED);
    }
    assert_int_equal(fake_calls(SEND), N);
}

static void what_was_never_started_in_time_expires(void **state)
{
    struct engine *e = *state;
    fake_account("slack-1", "ca_1", "EXPIRED");
    accept(e, "wait");
    wait_status(e, RUN_BLOCKED);
    (void)ask_file(&e->rig->f, "UPDATE runs SET start_by_ms = 1");
    wait_status(e, RUN_EXPIRED);
}

static void a_parked_one_ends_when_the_key_is_refused_for_too_long(void **state)
{
    struct engine *e = *state;
    FAKE_CLAUDE({.fault = ANTHROPIC_CREDENTIALS});
    accept(e, "wait");
    struct runs_state now = {0};
    int64_t until = clock_mono_ms() + 60000;
    while (!now.waits_for_credentials && clock_mono_ms() < until)
        runs_state_get(e->runs, &now);
    wait_status(e, RUN_QUEUED);
    (void)ask_file(&e->rig->f, "UPDATE runs SET blocked_ms = 1");
    wait_status(e, RUN_FAILED);
    assert_string_equal(e->rig->row.error_code, "credentials_rejected");
    assert_int_equal(e->rig->row.delivery, DELIVERY_NONE);
    assert_false(e->rig->row.needs_attention);
}

static void a_blocked_one_with_an_open_intent_ends_as_unknown(void **state)
{
    struct engine *e = *state;
    FAKE_TOOLS({.tool = SEND, .class = SCALEKIT_UNKNOWN, .status = 504},
               {.tool = HISTORY, .provider_error = "token_revoked"});
    FAKE_CLAUDE(SENDS("t1"));
    accept(e, "wait");
    wait_status(e, RUN_BLOCKED);
    assert_int_equal(e->rig->row.delivery, DELIVERY_INTENDED);
    (void)ask_file(&e->rig->f, "UPDATE runs SET blocked_ms = 1");
    wait_status(e, RUN_FAILED);
    assert_string_equal(e->rig->row.error_code, "delivery_unknown");
    assert_int_equal(e->rig->row.delivery, DELIVERY_UNKNOWN);
    assert_true(e->rig->row.needs_attention);
    assert_int_equal(fake_calls(SEND), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_make, engine_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_briefing_ends),
        TEST(a_repeated_request_gets_its_first_answer_whatever_has_changed),
        TEST(a_running_one_is_cancelled_in_the_middle_of_a_question),
        TEST(one_that_delivers_is_not_cancelled),
        TEST(a_blocked_one_goes_on_when_its_connection_is_active),
        TEST(an_open_intent_never_ends_as_anything_but_unknown),
        TEST(a_stop_parks_what_runs_and_the_next_start_goes_on),
        TEST(a_clock_that_is_set_does_not_use_up_the_deadline),
        TEST(a_stop_lets_a_delivery_finish),
        TEST(refused_credentials_stop_the_claims_until_they_are_renewed),
        TEST(many_runs_end_with_a_ceiling_of_four_threads),
        TEST(what_was_never_started_in_time_expires),
        TEST(a_parked_one_ends_when_the_key_is_refused_for_too_long),
        TEST(a_blocked_one_with_an_open_intent_ends_as_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
