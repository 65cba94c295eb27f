/* Questions about several runs: lists, what waits, what is overdue, and recovery at start. */
#include "component/test_store_fixture.h"

/* Sets fields of one run as a statement of another program would. */
static void set(struct fixture *f, const char *id, const char *assignments)
{
    AUTO(str_done) struct str sql = {0};
    str_append_format(&sql, "UPDATE runs SET %s WHERE id = '%s'", assignments, id);
    ask_file(f, str_text(&sql));
}

static bool ids_have(const struct run_ids *ids, const char *id)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (text_equal(ids->ids[i], id)) return true;
    }
    return false;
}

/* ---- lists ---- */

#define ANY_FILTER                                                                                 \
    {                                                                                              \
        .status = -1, .limit = 100                                                                 \
    }

static void expect_list(struct fixture *f, const struct run_filter *filter, size_t n)
{
    AUTO(run_list_done) struct run_list list = {0};
    assert_ok(store_runs_list(f->store, filter, &list));
    assert_int_equal(list.n, n);
    for (size_t i = 1; i < list.n; i++)
        assert_true(strcmp(list.rows[i - 1].id, list.rows[i].id) > 0);
}

static void a_list_is_filtered_by_each_field_and_all_together(void **state)
{
    struct fixture *f = *state;
    char ids[4][ID_MAX];
    create_run(f, "u1", ids[0]);
    create_run(f, "u1", ids[1]);
    create_run(f, "u2", ids[2]);
    create_run(f, "u2", ids[3]);
    move_run(f, ids[1], RUN_CANCELLED);
    set(f, ids[3], "recipe = 'weekly', created_ms = created_ms + 1000000");
    AUTO(run_row_done) struct run_row third = {0};
    assert_ok(store_run_get(f->store, ids[2], &third));

    struct run_filter filter = ANY_FILTER;
    expect_list(f, &filter, 4);
    filter.user_id = "u1";
    expect_list(f, &filter, 2);
    filter.status = RUN_CANCELLED;
    expect_list(f, &filter, 1);
    filter.user_id = NULL;
    expect_list(f, &filter, 1);
    filter.status = RUN_QUEUED;
    expect_list(f, &filter, 3);
    filter.recipe = "weekly";
    expect_list(f, &filter, 1);
    filter.created_after_ms = third.created_ms + 1000;
    expect_list(f, &filter, 1);
    filter.recipe = NULL;
    filter.status = -1;
    expect_list(f, &filter, 1);
    filter.user_id = "u2";
    expect_list(f, &filter, 1);
    filter.user_id = "u1";
    expect_list(f, &filter, 0);
}

static void a_cursor_walks_through_all_runs_once(void **state)
{
    struct fixture *f = *state;
    char ids[25][ID_MAX];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        create_run(f, i % 2 ? "u1" : "u2", ids[i]);
    static const char *const users[] = {NULL, "u1"};
    static const size_t expected[] = {25, 12};
    for (size_t u = 0; u < ARRAY_LEN(users); u++) {
        char cursor[ID_MAX] = "";
        size_t n = 0;
        for (;;) {
            struct run_filter filter = {.user_id = users[u],
                                        .status = RUN_QUEUED,
                                        .before_id = cursor[0] ? cursor : NULL,
                                        .limit = 7};
            AUTO(run_list_done) struct run_list page = {0};
            assert_ok(store_runs_list(f->store, &filter, &page));
            if (page.n == 0) break;
            if (cursor[0]) assert_true(strcmp(page.rows[0].id, cursor) < 0);
            snprintf(cursor, sizeof cursor, "%s", page.rows[page.n - 1].id);
            n += page.n;
        }
        assert_int_equal(n, expected[u]);
    }
}

static void a_recent_time_does_not_hide_recent_runs(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(f->store, id, &row));
    struct run_filter filter = ANY_FILTER;
    filter.created_after_ms = row.created_ms - 1;
    expect_list(f, &filter, 1);
    filter.created_after_ms = row.created_ms;
    expect_list(f, &filter, 0);
}

static void no_question_about_runs_reads_them_all(void **state)
{
    struct fixture *f = *state;
    /* The texts as SQLite's planner sees them; the columns do not matter to it. */
    static const char *const questions[] = {
        "SELECT id FROM runs WHERE user_id = ? AND recipe = ? AND finished_ms = 0 ORDER BY id DESC",
        "SELECT count(*) FROM runs WHERE finished_ms = 0",
        "SELECT id FROM runs WHERE user_id = ? AND finished_ms = 0 AND status = 'blocked'"
        " ORDER BY id",
        "SELECT id FROM runs WHERE status = 'queued' ORDER BY id",
        "SELECT id FROM runs WHERE finished_ms = 0 AND started_ms = 0 AND start_by_ms < ?1",
        "SELECT id FROM runs WHERE finished_ms = 0 AND blocked_ms > 0 AND blocked_ms < ?2",
    };
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        char sql[512];
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", questions[i]);
        sqlite3 *db = NULL;
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(stmt, 3);
            if (!strstr(plan, "INDEX") && !strstr(plan, "TEMP B-TREE"))
                fail_msg("%s: %s", questions[i], plan);
        }
        sqlite3_finalize(stmt);
        sqlite3_close(db);
    }
}

/* ---- waiting ---- */

struct queued {
    char ids[8][ID_MAX];
    int64_t wake_ms[8];
    size_t n;
};

static void remember(void *ctx, const struct run_queued *run)
{
    struct queued *queued = ctx;
    assert_string_equal(run->user_id, "u1");
    assert_true(queued->n < ARRAY_LEN(queued->ids));
    snprintf(queued->ids[queued->n], ID_MAX, "%s", run->id);
    queued->wake_ms[queued->n++] = run->wake_ms;
}

static void queued_runs_are_told_oldest_first(void **state)
{
    struct fixture *f = *state;
    char ids[4][ID_MAX];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        create_run(f, "u1", ids[i]);
    move_run(f, ids[1], RUN_RUNNING);
    set(f, ids[2], "wake_ms = 77");
    struct queued queued = {0};
    assert_ok(store_runs_each_queued(f->store, remember, &queued));
    assert_int_equal(queued.n, 3);
    bool is_sorted =
        strcmp(queued.ids[0], queued.ids[1]) < 0 && strcmp(queued.ids[1], queued.ids[2]) < 0;
    assert_true(is_sorted);
    assert_int_equal(queued.wake_ms[0] + queued.wake_ms[1] + queued.wake_ms[2], 77);
}

static void blocked_runs_are_found_by_user_and_at_all(void **state)
{
    struct fixture *f = *state;
    char ids[3][ID_MAX];
    create_run(f, "u1", ids[0]);
    create_run(f, "u2", ids[1]);
    create_run(f, "u1", ids[2]);
    move_run(f, ids[0], RUN_BLOCKED);
    move_run(f, ids[1], RUN_BLOCKED);
    AUTO(run_ids_done) struct run_ids all = {0};
    assert_ok(store_runs_blocked(f->store, NULL, &all));
    assert_int_equal(all.n, 2);
    AUTO(run_ids_done) struct run_ids one = {0};
    assert_ok(store_runs_blocked(f->store, "u1", &one));
    assert_int_equal(one.n, 1);
    assert_string_equal(one.ids[0], ids[0]);
}

static void a_run_is_overdue_when_its_own_time_is_over(void **state)
{
    struct fixture *f = *state;
    char never[ID_MAX], waits[ID_MAX], started[ID_MAX], running[ID_MAX], ended[ID_MAX];
    char parked[ID_MAX], long_parked[ID_MAX], blocked[ID_MAX];
    create_run(f, "u1", never);
    set(f, never, "start_by_ms = 999");
    create_run(f, "u1", waits);
    set(f, waits, "start_by_ms = 1000");
    create_run(f, "u1", started); /* its start is behind it, and it is not blocked */
    set(f, started, "start_by_ms = 1, started_ms = 1");
    create_run(f, "u1", running);
    set(f, running, "start_by_ms = 1, status = 'running'");
    create_run(f, "u1", ended);
    set(f, ended, "start_by_ms = 1, status = 'failed', finished_ms = 2");
    create_run(f, "u1", parked);
    set(f, parked, "phase = 'waiting_for_credentials', blocked_ms = 500");
    create_run(f, "u1", long_parked);
    set(f, long_parked, "phase = 'waiting_for_credentials', blocked_ms = 499");
    create_run(f, "u1", blocked);
    set(f, blocked, "started_ms = 1, status = 'blocked', blocked_ms = 499");

    AUTO(run_ids_done) struct run_ids ids = {0};
    assert_ok(store_runs_overdue(f->store, 1000, 500, 10, &ids));
    assert_int_equal(ids.n, 3);
    assert_true(ids_have(&ids, never));
    assert_true(ids_have(&ids, long_parked));
    assert_true(ids_have(&ids, blocked));
    AUTO(run_ids_done) struct run_ids two = {0};
    assert_ok(store_runs_overdue(f->store, 1000, 500, 2, &two));
    assert_int_equal(two.n, 2);
}

static void a_block_before_the_start_counts_by_start_by_only(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    set(f, id, "status = 'blocked', blocked_ms = 1");
    AUTO(run_ids_done) struct run_ids ids = {0};
    assert_ok(store_runs_overdue(f->store, 1000, 500, 10, &ids));
    assert_int_equal(ids.n, 0);
}

/* ---- recovery ---- */

struct counter {
    size_t n;
};

static void count(void *ctx, const struct run_row *row)
{
    struct counter *counter = ctx;
    assert_int_equal(row->status, RUN_QUEUED);
    counter->n++;
}

static void interrupted_runs_are_queued_again_with_an_unclean_end(void **state)
{
    struct fixture *f = *state;
    char ids[4][ID_MAX];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        create_run(f, "u1", ids[i]);
    move_run(f, ids[0], RUN_RUNNING);
    set(f, ids[0], "phase = 'model', running_ms = 40, claimed_ms = 5, blocked_ms = 6");
    move_run(f, ids[1], RUN_RUNNING);
    move_run(f, ids[1], RUN_DELIVERING);
    set(f, ids[1], "delivery = 'intended'");
    move_run(f, ids[2], RUN_BLOCKED);

    struct counter counter = {0};
    store_observe_runs(f->store, count, &counter);
    int64_t n = 0;
    assert_ok(store_runs_recover(f->store, NULL, 1234567, &n));
    assert_int_equal(n, 2);
    assert_int_equal(counter.n, 2);

    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(f->store, ids[0], &row));
    assert_int_equal(row.status, RUN_QUEUED);
    assert_int_equal(row.unclean_ends, 1);
    assert_int_equal(row.running_ms, 40);
    assert_int_equal(row.blocked_ms, 0);
    assert_int_equal(row.attempt, 1);
    assert_null(row.phase);
    AUTO(event_list_done) struct event_list events = {0};
    assert_ok(store_events_list(f->store, ids[0], 2, 10, &events));
    assert_int_equal(events.n, 1);
    assert_string_equal(events.rows[0].type, "recovered");
    assert_string_equal(events.rows[0].data, "{\"from\":\"running\",\"unclean_ends\":1}");
    assert_int_equal(events.rows[0].at_ms, 1234567);
    assert_int_equal(row.last_event, 3);

    AUTO(run_row_done) struct run_row delivering = {0};
    assert_ok(store_run_get(f->store, ids[1], &delivering));
    assert_int_equal(delivering.status, RUN_QUEUED);
    assert_int_equal(delivering.delivery, DELIVERY_INTENDED);
    AUTO(run_row_done) struct run_row blocked = {0};
    assert_ok(store_run_get(f->store, ids[2], &blocked));
    assert_int_equal(blocked.status, RUN_BLOCKED);
    assert_ok(store_runs_recover(f->store, NULL, 1234568, &n));
    assert_int_equal(n, 0);
}

static bool ends_at_the_third(struct run_row *row)
{
    if (row->unclean_ends < 3) return false;
    run_status_move(&row->status, RUN_FAILED);
    run_row_set(&row->error_code, "crash_loop");
    return true;
}

static void a_recovery_can_end_a_run_instead(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    for (int i = 0; i < 3; i++) {
        move_run(f, id, RUN_RUNNING);
        int64_t n = 0;
        assert_ok(store_runs_recover(f->store, ends_at_the_third, 1234567 + i, &n));
        assert_int_equal(n, 1);
    }
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(f->store, id, &row));
    assert_int_equal(row.status, RUN_FAILED);
    assert_string_equal(row.error_code, "crash_loop");
    assert_int_equal(row.finished_ms, 1234569);
    AUTO(event_list_done) struct event_list events = {0};
    assert_ok(store_events_list(f->store, id, row.last_event - 2, 10, &events));
    assert_int_equal(events.n, 2);
    assert_string_equal(events.rows[0].type, "recovered");
    assert_string_equal(events.rows[1].type, "ended");
    int64_t n = -1;
    assert_ok(store_runs_recover(f->store, ends_at_the_third, 1, &n));
    assert_int_equal(n, 0);
}

static void a_thousand_interrupted_runs_are_recovered_at_once(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    /* Copies of one run, so that the test does not wait for a thousand commits. */
    ask_file(f,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
             " INSERT INTO runs (id, user_id, principal, recipe, recipe_hash, mode, params,"
             " params_hash, timezone, if_blocked, model, created_ms, start_by_ms, deadline_ms,"
             " budget_nano_usd, status, started_ms, finished_ms, blocked_ms, attempt, generation,"
             " last_event, claimed_ms, running_ms, wake_ms, is_cancel_wanted, needs_attention,"
             " unclean_ends, turn, tool_calls, input_tokens, output_tokens, cache_read_tokens,"
             " cache_write_tokens, cost_nano_usd, delivery)"
             " SELECT 'br_copy' || i, user_id, principal, recipe, recipe_hash, mode, params,"
             " params_hash, timezone, if_blocked, model, created_ms, start_by_ms, deadline_ms,"
             " budget_nano_usd, 'running', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
             " 'none' FROM runs, n");
    struct counter counter = {0};
    store_observe_runs(f->store, count, &counter);
    int64_t n = 0;
    assert_ok(store_runs_recover(f->store, NULL, 1, &n));
    assert_int_equal(n, 1000);
    assert_int_equal(counter.n, 1000);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs WHERE status = 'queued'"), 1001);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events WHERE type = 'recovered'"), 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_filtered_by_each_field_and_all_together),
        TEST(a_cursor_walks_through_all_runs_once),
        TEST(a_recent_time_does_not_hide_recent_runs),
        TEST(no_question_about_runs_reads_them_all),
        TEST(queued_runs_are_told_oldest_first),
        TEST(blocked_runs_are_found_by_user_and_at_all),
        TEST(a_run_is_overdue_when_its_own_time_is_over),
        TEST(a_block_before_the_start_counts_by_start_by_only),
        TEST(interrupted_runs_are_queued_again_with_an_unclean_end),
        TEST(a_recovery_can_end_a_run_instead),
        TEST(a_thousand_interrupted_runs_are_recovered_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
