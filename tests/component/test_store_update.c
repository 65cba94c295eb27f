/* Changing runs: fences, events, the observer, and what a failing change leaves behind. */
#include "component/test_store_fixture.h"

static enum err fill_all(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->status = RUN_RUNNING;
    run_row_set(&row->phase, "model");
    row->attempt = 3;
    row->generation = 2;
    row->started_ms = 11;
    row->claimed_ms = 12;
    row->running_ms = 13;
    row->blocked_ms = 14;
    row->wake_ms = 15;
    run_row_set(&row->blocked_on, "[{\"connector\":\"slack\",\"status\":\"EXPIRED\"}]");
    row->is_cancel_wanted = true;
    row->needs_attention = true;
    row->unclean_ends = 1;
    row->turn = 4;
    row->tool_calls = 5;
    row->usage = (struct run_usage){6, 7, 8, 9, INT64_C(9007199254740993)};
    row->delivery = DELIVERY_INTENDED;
    run_row_set(&row->delivery_connector, "slack");
    run_row_set(&row->delivery_channel, "C01");
    run_row_set(&row->delivery_ts, "17.5");
    run_row_set(&row->delivery_permalink, "https://example.org/p");
    run_row_set(&row->delivery_text, "Good morning");
    run_row_set(&row->summary, "Running.");
    run_row_set(&row->error_code, "internal");
    run_row_set(&row->error_detail, "why");
    return E_OK;
}

static void assert_all_filled(const struct run_row *row)
{
    assert_int_equal(row->status, RUN_RUNNING);
    assert_string_equal(row->phase, "model");
    assert_int_equal(row->attempt, 3);
    assert_int_equal(row->generation, 2);
    assert_int_equal(row->started_ms, 11);
    assert_int_equal(row->claimed_ms, 12);
    assert_int_equal(row->running_ms, 13);
    assert_int_equal(row->blocked_ms, 14);
    assert_int_equal(row->wake_ms, 15);
    assert_string_equal(row->blocked_on, "[{\"connector\":\"slack\",\"status\":\"EXPIRED\"}]");
    assert_true(row->is_cancel_wanted);
    assert_true(row->needs_attention);
    assert_int_equal(row->unclean_ends, 1);
    assert_int_equal(row->turn, 4);
    assert_int_equal(row->tool_calls, 5);
    assert_int_equal(row->usage.input_tokens, 6);
    assert_int_equal(row->usage.output_tokens, 7);
    assert_int_equal(row->usage.cache_read_tokens, 8);
    assert_int_equal(row->usage.cache_write_tokens, 9);
    assert_int_equal(row->usage.cost_nano_usd, INT64_C(9007199254740993));
    assert_int_equal(row->delivery, DELIVERY_INTENDED);
    assert_string_equal(row->delivery_connector, "slack");
    assert_string_equal(row->delivery_channel, "C01");
    assert_string_equal(row->delivery_ts, "17.5");
    assert_string_equal(row->delivery_permalink, "https://example.org/p");
    assert_string_equal(row->delivery_text, "Good morning");
    assert_string_equal(row->summary, "Running.");
    assert_string_equal(row->error_code, "internal");
    assert_string_equal(row->error_detail, "why");
}

static void every_field_that_moves_is_stored(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct run_update update = {.change = fill_all};
    AUTO(run_row_done) struct run_row committed = {0};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &update, &committed));
    assert_all_filled(&committed);
    AUTO(run_row_done) struct run_row got = {0};
    assert_ok(store_run_get(f->store, id, &got));
    assert_all_filled(&got);
    assert_string_equal(got.recipe, "editorial-briefing");
}

static enum err progress(void *ctx, struct run_row *row)
{
    row->turn += *(int *)ctx;
    run_row_set(&row->delivery_text, NULL);
    return E_OK;
}

static void a_change_that_moves_no_index_is_stored_as_well(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct run_update update = {.change = fill_all};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &update, NULL));
    int more = 10;
    struct run_update light = {.change = progress, .ctx = &more};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &light, NULL));
    AUTO(run_row_done) struct run_row got = {0};
    assert_ok(store_run_get(f->store, id, &got));
    assert_int_equal(got.turn, 14);
    assert_null(got.delivery_text);
    assert_int_equal(got.status, RUN_RUNNING);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs WHERE delivery_sealed IS NULL"), 1);
}

static void an_unknown_run_is_not_found(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = {0};
    assert_int_equal(store_run_get(f->store, "br_none", &row), E_NOT_FOUND);
    struct run_update update = {.change = fill_all};
    assert_int_equal(store_run_update(f->store, "br_none", (struct run_fence){0}, &update, &row),
                     E_NOT_FOUND);
    struct step_write step = {.key = "prepare", .state = STEP_BEGUN, .request_hash = "h"};
    struct run_update steps = {.steps = &step, .n_steps = 1};
    assert_int_equal(store_run_update(f->store, "br_none", (struct run_fence){0}, &steps, NULL),
                     E_NOT_FOUND);
}

static void an_end_gets_its_time_once(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    move_run(f, id, RUN_CANCELLED);
    AUTO(run_row_done) struct run_row first = {0};
    assert_ok(store_run_get(f->store, id, &first));
    assert_true(first.finished_ms > 0);
    struct event_new event = {.type = "settled"};
    struct run_update update = {.events = &event, .n_events = 1};
    AUTO(run_row_done) struct run_row second = {0};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &update, &second));
    assert_int_equal(second.finished_ms, first.finished_ms);
}

static void a_thread_that_lost_its_run_writes_nothing(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    move_run(f, id, RUN_RUNNING);
    move_run(f, id, RUN_QUEUED);
    move_run(f, id, RUN_RUNNING); /* attempt 2 */
    int64_t n_events = ask_file(f, "SELECT count(*) FROM events");

    struct event_new event = {.type = "late"};
    struct step_write step = {.key = "model/1", .state = STEP_DONE, .request_hash = "h"};
    struct run_update update = {
        .change = fill_all, .events = &event, .n_events = 1, .steps = &step, .n_steps = 1};
    struct run_fence old = {.attempt = 1, .statuses = 1u << RUN_RUNNING};
    assert_int_equal(store_run_update(f->store, id, old, &update, NULL), E_LOST);
    assert_story_has("attempt 1");
    struct run_fence delivering = {.attempt = 2, .statuses = 1u << RUN_DELIVERING};
    assert_int_equal(store_run_update(f->store, id, delivering, &update, NULL), E_LOST);
    assert_story_has("running");
    struct run_update journal = {.steps = &step, .n_steps = 1};
    assert_int_equal(store_run_update(f->store, id, old, &journal, NULL), E_LOST);
    assert_int_equal(store_run_update(f->store, id, delivering, &journal, NULL), E_LOST);

    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), n_events);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM steps"), 0);
    assert_int_equal(ask_file(f, "SELECT turn FROM runs"), 0);
    struct run_fence holds = {.attempt = 2, .statuses = 1u << RUN_RUNNING | 1u << RUN_QUEUED};
    assert_ok(store_run_update(f->store, id, holds, &journal, NULL));
}

static enum err refuse(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->turn = 99;
    return fail_at("here.c", 7, E_CONFLICT, "it is delivering");
}

static void a_change_that_refuses_changes_nothing_and_tells_why(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct event_new event = {.type = "x"};
    struct run_update update = {.change = refuse, .events = &event, .n_events = 1};
    assert_int_equal(store_run_update(f->store, id, (struct run_fence){0}, &update, NULL),
                     E_CONFLICT);
    assert_string_equal(err_detail(), "it is delivering");
    assert_string_equal(err_origin(), "here.c:7");
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), 1);
    assert_int_equal(ask_file(f, "SELECT turn FROM runs"), 0);
}

static void a_failing_last_part_undoes_the_first_ones(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct step_write done = {.key = "model/1", .state = STEP_DONE, .request_hash = "h"};
    struct run_update first = {.steps = &done, .n_steps = 1};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &first, NULL));

    struct event_new events[] = {
        {.type = "a"         },
        { .type = "b", .data = "{\"n\":1}"}
    };
    struct run_update second = {
        .change = fill_all, .events = events, .n_events = 2, .steps = &done, .n_steps = 1};
    /* fill_all() raises the generation, where the key is free; without it, it is taken. */
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &second, NULL));
    int more = 1;
    struct run_update third = {.change = progress,
                               .ctx = &more,
                               .events = events,
                               .n_events = 2,
                               .steps = &done,
                               .n_steps = 1};
    assert_int_equal(store_run_update(f->store, id, (struct run_fence){0}, &third, NULL),
                     E_CONFLICT);
    assert_story_has("model/1");
    assert_int_equal(ask_file(f, "SELECT turn FROM runs"), 4);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), 3);
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), 3);
}

static void data_of_an_event_that_is_no_json_is_refused(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct event_new event = {.type = "x", .data = "{oops"};
    struct run_update update = {.events = &event, .n_events = 1};
    assert_int_equal(store_run_update(f->store, id, (struct run_fence){0}, &update, NULL),
                     E_INTERNAL);
}

/* ---- events ---- */

static void events_are_read_from_a_number_on(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    for (int i = 0; i < 5; i++) {
        struct event_new event = {.type = "tick", .data = i == 3 ? "{\"i\":3}" : NULL};
        struct run_update update = {.events = &event, .n_events = 1};
        assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &update, NULL));
    }
    AUTO(event_list_done) struct event_list page = {0};
    assert_ok(store_events_list(f->store, id, 3, 2, &page));
    assert_int_equal(page.n, 2);
    assert_int_equal(page.rows[0].n, 4);
    assert_int_equal(page.rows[1].n, 5);
    assert_string_equal(page.rows[1].data, "{\"i\":3}");
    assert_true(page.rows[0].at_ms > 0);
    AUTO(event_list_done) struct event_list rest = {0};
    assert_ok(store_events_list(f->store, id, 6, 10, &rest));
    assert_int_equal(rest.n, 0);
}

/* ---- observer ---- */

struct seen {
    char ids[16][ID_MAX];
    int64_t events[16];
    enum run_status statuses[16];
    size_t n;
};

/* On the writer thread, but every write below waits for it. */
static void see(void *ctx, const struct run_row *row)
{
    struct seen *seen = ctx;
    assert_true(seen->n < ARRAY_LEN(seen->ids));
    snprintf(seen->ids[seen->n], ID_MAX, "%s", row->id);
    seen->events[seen->n] = row->last_event;
    seen->statuses[seen->n] = row->status;
    seen->n++;
}

static void the_observer_sees_each_change_as_committed_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    store_observe_runs(f->store, see, &seen);
    char id[ID_MAX];
    create_run(f, "u1", id);
    move_run(f, id, RUN_RUNNING);
    struct run_update refused = {.change = refuse};
    assert_int_equal(store_run_update(f->store, id, (struct run_fence){0}, &refused, NULL),
                     E_CONFLICT);
    struct step_write step = {.key = "model/1", .state = STEP_BEGUN, .request_hash = "h"};
    struct run_update journal = {.steps = &step, .n_steps = 1};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &journal, NULL));
    move_run(f, id, RUN_FAILED);
    assert_int_equal(seen.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(seen.ids[i], id);
        assert_int_equal(seen.events[i], i + 1);
    }
    assert_int_equal(seen.statuses[0], RUN_QUEUED);
    assert_int_equal(seen.statuses[1], RUN_RUNNING);
    assert_int_equal(seen.statuses[2], RUN_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_that_moves_is_stored),
        TEST(a_change_that_moves_no_index_is_stored_as_well),
        TEST(an_unknown_run_is_not_found),
        TEST(an_end_gets_its_time_once),
        TEST(a_thread_that_lost_its_run_writes_nothing),
        TEST(a_change_that_refuses_changes_nothing_and_tells_why),
        TEST(a_failing_last_part_undoes_the_first_ones),
        TEST(data_of_an_event_that_is_no_json_is_refused),
        TEST(events_are_read_from_a_number_on),
        TEST(the_observer_sees_each_change_as_committed_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
