/*
 * One run against a real database and scripted upstreams: claimed, run, taken up again.
 */
#ifndef COMPONENT_AGENT_FIXTURE_H
#define COMPONENT_AGENT_FIXTURE_H

#include "support/fake_upstreams.h"

#include "agent/agent.h"
#include "base/clock.h"
#include "component/test_store_fixture.h"
#include "store/connections.h"

#define SEND    "slack_send_message"
#define HISTORY "slack_fetch_conversation_history"
#define PROBE   "slack_auth_test"
#define QUERY   "sanitymcp_query_documents"

#define CALL(id, tool, input)                                                                      \
    "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" tool "\",\"input\":" input "}"
#define ASKS(calls)                                                                                \
    {                                                                                              \
        .content = "[" calls "]", .stop = STOP_TOOL_USE                                            \
    }
#define SAYS(text)                                                                                 \
    {                                                                                              \
        .content = "[{\"type\":\"text\",\"text\":\"" text "\"}]", .stop = STOP_END_TURN            \
    }
#define READS(id) ASKS(CALL(id, QUERY, "{\"query\":\"*\"}"))
#define SENDS(id) ASKS(CALL(id, SEND, "{\"text\":\"Hello team\"}"))
#define POSTED    "{\"ok\":true,\"ts\":\"1700000000.000100\"}"
#define POSTS                                                                                      \
    {                                                                                              \
        .tool = SEND, .data = POSTED                                                               \
    }
#define SAYS_WHO                                                                                   \
    {                                                                                              \
        .tool = PROBE, .times = -1,                                                                \
        .data = "{\"team_id\":\"T1\",\"user_id\":\"U1\",\"bot_id\":\"B1\"}"                        \
    }

struct rig {
    struct fixture f; /* the database; first, so that fixture_remove() works on it */
    struct catalogue *catalogue;
    struct http_client *http;
    struct agent agent;
    struct agent_control control;
    struct run_row row; /* as the agent left it */
    struct agent_end end;
    char id[ID_MAX];
};

static UNUSED const char *rig_setting(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "SANITY_CONNECTION") == 0) return "sanity-1";
    if (strcmp(name, "SLACK_CONNECTION") == 0) return "slack-1";
    if (strcmp(name, "SANITY_PROJECT_NAME") == 0) return "newsroom";
    return strcmp(name, "SLACK_CHANNEL") == 0 ? "C0123" : NULL;
}

static UNUSED int rig_make(void **state)
{
    void *fixture = NULL;
    if (fixture_make_open(&fixture) != 0) return -1;
    struct rig *rig = xcalloc(1, sizeof *rig);
    rig->f = *(struct fixture *)fixture;
    xfree(fixture);
    AUTO(str_done) struct str problems = {0};
    if (catalogue_load(NULL, rig_setting, NULL, &rig->catalogue, &problems)) return -1;
    if (http_start(&(struct http_options){.user_agent = "test"}, &rig->http)) return -1;
    rig->agent = (struct agent){.store = rig->f.store,
                                .http = rig->http,
                                .catalogue = rig->catalogue,
                                .delivery_settle_ms = 1,
                                .delivery_retry_ms = 1,
                                .reconcile_pause_ms = 1,
                                .reconcile_timeout_ms = 60 * 1000};
    fake_reset();
    FAKE_TOOLS(SAYS_WHO);
    *state = rig;
    return 0;
}

static UNUSED int rig_remove(void **state)
{
    struct rig *rig = *state;
    clock_freeze(0);
    run_row_done(&rig->row);
    catalogue_release(rig->catalogue);
    http_stop(rig->http);
    fake_reset();
    struct fixture *f = xcalloc(1, sizeof *f);
    *f = rig->f;
    xfree(rig);
    void *fixture = f;
    return fixture_remove(&fixture);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_remove)

/* ---- runs ---- */

static UNUSED void rig_accept(struct rig *rig, const char *mode)
{
    AUTO(run_row_done) struct run_row row = a_run("u_7f", "editorial-briefing");
    run_row_set(&row.mode, mode);
    run_row_set(&row.model, "claude-sonnet-5-5");
    row.budget_nano_usd = INT64_C(5000000000);
    run_row_set(&row.params, "{\"sanity_dataset\":\"production\",\"sanity_project\":\"newsroom\","
                             "\"slack_channel\":\"C0123\"}");
    struct run_create create = a_creation(&row);
    create.if_running = RUN_ENQUEUE;
    AUTO(run_created_done) struct run_created created = {0};
    assert_ok(store_run_create(rig->f.store, &create, &created));
    snprintf(rig->id, sizeof rig->id, "%s", created.run_id);
}

static UNUSED enum err rig_claim(void *ctx, struct run_row *row)
{
    (void)ctx;
    run_status_move(&row->status, RUN_RUNNING);
    row->attempt++;
    row->claimed_ms = clock_unix_ms();
    return E_OK;
}

/* The next attempt, on this thread. */
static UNUSED void rig_attempt(struct rig *rig)
{
    run_row_done(&rig->row);
    rig->row = (struct run_row){0};
    rig->control = (struct agent_control){0};
    struct event_new event = {.type = "claimed"};
    struct run_update update = {.change = rig_claim, .events = &event, .n_events = 1};
    assert_ok(store_run_update(rig->f.store, rig->id, (struct run_fence){0}, &update, &rig->row));
    agent_run(&rig->agent, &rig->row, &rig->control, &rig->end);
}

static UNUSED enum err rig_requeue(void *ctx, struct run_row *row)
{
    (void)ctx;
    run_status_move(&row->status, RUN_QUEUED);
    return E_OK;
}

/* Another attempt, as after a park or the death of the process. */
static UNUSED void rig_again(struct rig *rig)
{
    struct run_update update = {.change = rig_requeue};
    assert_ok(store_run_update(rig->f.store, rig->id, (struct run_fence){0}, &update, NULL));
    rig_attempt(rig);
}

/* Somebody else takes the run over while the message is on its way: as after the death of this
 * process. */
static UNUSED void rig_take_over(void *ctx)
{
    struct rig *rig = ctx;
    struct run_update requeue = {.change = rig_requeue};
    struct run_update claim = {.change = rig_claim};
    assert_ok(store_run_update(rig->f.store, rig->id, (struct run_fence){0}, &requeue, NULL));
    assert_ok(store_run_update(rig->f.store, rig->id, (struct run_fence){0}, &claim, NULL));
}

static UNUSED void rig_run(struct rig *rig)
{
    rig_accept(rig, "post");
    rig_attempt(rig);
}

static UNUSED void assert_end(const struct rig *rig, enum agent_end_kind kind, const char *code)
{
    if (rig->end.kind != kind || !text_equal(rig->end.code, code))
        fail_msg("ended as %d %s: %s", (int)rig->end.kind, rig->end.code ? rig->end.code : "-",
                 rig->end.detail);
}

static UNUSED void assert_delivered(const struct rig *rig, size_t n_sends)
{
    assert_end(rig, AGENT_SUCCEEDED, NULL);
    bool goes_on = rig->catalogue->recipes[0].delivery.continues; /* its end is written later */
    assert_int_equal(rig->row.status, goes_on ? RUN_RUNNING : RUN_SUCCEEDED);
    assert_int_equal(fake_calls(SEND), n_sends);
    assert_non_null(rig->row.delivery_ts);
}

#endif
