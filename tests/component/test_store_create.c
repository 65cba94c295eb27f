/* Creating runs: attaching, queueing, refusing, and answering the same request the same way. */
#include "base/clock.h"
#include "store/idempotency.h"

#include "component/test_store_fixture.h"

static struct run_created create(struct fixture *f, const struct run_create *what)
{
    struct run_created created = {0};
    assert_ok(store_run_create(f->store, what, &created));
    return created;
}

static void a_created_run_has_the_fields_it_was_given(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u 7ø", "editorial-briefing");
    run_row_set(&row.metadata, "{\"ticket\":\"ED-123\"}");
    run_row_set(&row.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created created = create(f, &what);
    assert_int_equal(created.outcome, RUN_CREATED);
    assert_int_equal(created.answer.http_status, 202);
    assert_true(id_valid("br", created.run_id));

    AUTO(run_row_done) struct run_row got = {0};
    assert_ok(store_run_get(f->store, created.run_id, &got));
    assert_string_equal(got.user_id, "u 7ø");
    assert_string_equal(got.metadata, row.metadata);
    assert_string_equal(got.traceparent, row.traceparent);
    assert_string_equal(got.params, row.params);
    assert_int_equal(got.start_by_ms, row.start_by_ms);
    assert_int_equal(got.deadline_ms, 600000);
    assert_int_equal(got.budget_nano_usd, 500000000);
    assert_int_equal(got.status, RUN_QUEUED);
    assert_int_equal(got.delivery, DELIVERY_NONE);
    assert_int_equal(got.last_event, 1);
    assert_true(got.created_ms > 0);
    assert_null(got.phase);
    assert_null(got.delivery_text);
}

static void the_answer_is_rendered_from_the_row_as_it_is_stored(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created created = create(f, &what);
    char expected[128];
    snprintf(expected, sizeof expected, "{\"id\":\"%s\",\"status\":\"queued\",\"event\":1}",
             created.run_id);
    assert_string_equal(str_text(&created.answer.body), expected);
}

static void the_first_event_says_queued(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    AUTO(event_list_done) struct event_list events = {0};
    assert_ok(store_events_list(f->store, id, 0, 10, &events));
    assert_int_equal(events.n, 1);
    assert_int_equal(events.rows[0].n, 1);
    assert_string_equal(events.rows[0].type, "queued");
    assert_string_equal(events.rows[0].data, "{}");
}

static void a_run_that_asks_the_same_is_attached_to(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);
    AUTO(run_created_done) struct run_created second = create(f, &what);
    assert_int_equal(second.outcome, RUN_ATTACHED);
    assert_int_equal(second.answer.http_status, 200);
    assert_string_equal(second.run_id, first.run_id);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), 1);
}

static void expect_already_running(struct fixture *f, const struct run_create *what,
                                   const char *run_id)
{
    AUTO(run_created_done) struct run_created created = create(f, what);
    assert_int_equal(created.outcome, RUN_ALREADY_RUNNING);
    assert_string_equal(created.run_id, run_id);
    assert_int_equal(created.answer.body.len, 0);
}

static void a_run_that_asks_something_else_is_not_attached_to(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);

    run_row_set(&row.params_hash, "p2");
    expect_already_running(f, &what, first.run_id);
    run_row_set(&row.params_hash, "p1");
    run_row_set(&row.mode, "preview");
    expect_already_running(f, &what, first.run_id);
    run_row_set(&row.mode, "post");
    run_row_set(&row.recipe_hash, "sha256:bb");
    expect_already_running(f, &what, first.run_id);
}

static enum err want_cancel(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->is_cancel_wanted = true;
    return E_OK;
}

static void a_run_that_is_being_cancelled_is_not_attached_to(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);
    struct run_update cancel = {.change = want_cancel};
    assert_ok(store_run_update(f->store, first.run_id, (struct run_fence){0}, &cancel, NULL));
    expect_already_running(f, &what, first.run_id);
}

static void another_user_or_recipe_does_not_count_as_running(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.if_running = RUN_REJECT;
    AUTO(run_created_done) struct run_created first = create(f, &what);
    run_row_set(&row.user_id, "u2");
    AUTO(run_created_done) struct run_created second = create(f, &what);
    assert_int_equal(second.outcome, RUN_CREATED);
    run_row_set(&row.recipe, "weekly");
    AUTO(run_created_done) struct run_created third = create(f, &what);
    assert_int_equal(third.outcome, RUN_CREATED);
}

static void reject_refuses_even_the_same(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);
    what.if_running = RUN_REJECT;
    expect_already_running(f, &what, first.run_id);
}

static void enqueue_creates_beside_a_live_one(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.if_running = RUN_ENQUEUE;
    AUTO(run_created_done) struct run_created first = create(f, &what);
    AUTO(run_created_done) struct run_created second = create(f, &what);
    assert_int_equal(second.outcome, RUN_CREATED);
    assert_string_not_equal(second.run_id, first.run_id);
}

static void an_ended_run_is_not_attached_to(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);
    move_run(f, first.run_id, RUN_CANCELLED);
    AUTO(run_created_done) struct run_created second = create(f, &what);
    assert_int_equal(second.outcome, RUN_CREATED);
}

static void a_full_queue_creates_nothing_and_has_room_again_when_one_ends(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    create_run(f, "u2", id);
    AUTO(run_row_done) struct run_row row = a_run("u3", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.open_max = 2;
    AUTO(run_created_done) struct run_created full = create(f, &what);
    assert_int_equal(full.outcome, RUN_QUEUE_FULL);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 2);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM users WHERE id = 'u3'"), 0);
    move_run(f, id, RUN_CANCELLED);
    AUTO(run_created_done) struct run_created created = create(f, &what);
    assert_int_equal(created.outcome, RUN_CREATED);
}

static struct run_idempotency key(const char *text)
{
    return (struct run_idempotency){
        .principal = "backend", .route = "POST /briefings", .key = text, .fingerprint = "f1"};
}

static void the_same_key_gives_the_first_answer_again(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.idempotency = key("k1");
    AUTO(run_created_done) struct run_created first = create(f, &what);
    move_run(f, first.run_id, RUN_CANCELLED);
    AUTO(run_created_done) struct run_created again = create(f, &what);
    assert_int_equal(again.outcome, RUN_REPLAYED);
    assert_int_equal(again.answer.http_status, 202);
    assert_string_equal(str_text(&again.answer.body), str_text(&first.answer.body));
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 1);
}

static void the_answer_to_an_attached_request_is_kept_too(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    AUTO(run_created_done) struct run_created first = create(f, &what);
    what.idempotency = key("k1");
    AUTO(run_created_done) struct run_created attached = create(f, &what);
    assert_int_equal(attached.outcome, RUN_ATTACHED);
    move_run(f, first.run_id, RUN_CANCELLED);
    AUTO(run_created_done) struct run_created again = create(f, &what);
    assert_int_equal(again.outcome, RUN_REPLAYED);
    assert_int_equal(again.answer.http_status, 200);
}

static void a_refusal_is_not_kept_under_its_key(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.idempotency = key("k1");
    what.open_max = 0;
    AUTO(run_created_done) struct run_created full = create(f, &what);
    assert_int_equal(full.outcome, RUN_QUEUE_FULL);
    what.open_max = 1;
    AUTO(run_created_done) struct run_created created = create(f, &what);
    assert_int_equal(created.outcome, RUN_CREATED);
}

static void the_same_key_with_another_body_is_refused(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.idempotency = key("k1");
    AUTO(run_created_done) struct run_created first = create(f, &what);
    what.idempotency.fingerprint = "f2";
    AUTO(run_created_done) struct run_created again = create(f, &what);
    assert_int_equal(again.outcome, RUN_KEY_REUSED);
    assert_int_equal(again.answer.body.len, 0);
}

static void keys_of_different_principals_and_routes_are_different_keys(void **state)
{
    struct fixture *f = *state;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.if_running = RUN_ENQUEUE;
    what.idempotency = key("k1");
    AUTO(run_created_done) struct run_created first = create(f, &what);
    what.idempotency.principal = "other";
    AUTO(run_created_done) struct run_created second = create(f, &what);
    assert_int_equal(second.outcome, RUN_CREATED);
    what.idempotency.route = "POST /elsewhere";
    AUTO(run_created_done) struct run_created third = create(f, &what);
    assert_int_equal(third.outcome, RUN_CREATED);
}

static void a_key_is_forgotten_after_seven_days(void **state)
{
    struct fixture *f = *state;
    int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
    clock_freeze(1800000000000);
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create what = a_creation(&row);
    what.if_running = RUN_ENQUEUE;
    what.idempotency = key("k1");
    AUTO(run_created_done) struct run_created first = create(f, &what);
    clock_freeze(1800000000000 + 7 * day_ms - 1);
    AUTO(run_created_done) struct run_created replayed = create(f, &what);
    clock_freeze(1800000000000 + 7 * day_ms);
    AUTO(run_created_done) struct run_created created = create(f, &what);
    clock_freeze(0);
    assert_int_equal(replayed.outcome, RUN_REPLAYED);
    assert_int_equal(created.outcome, RUN_CREATED);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM idempotency_keys"), 1);
}

static void other_routes_keep_and_find_their_answers(void **state)
{
    struct fixture *f = *state;
    struct run_idempotency what = key("k1");
    struct run_answer answer = {0};
    assert_int_equal(store_idempotency_find(f->store, &what, &answer), E_NOT_FOUND);
    answer.http_status = 201;
    str_append_text(&answer.body, "{\"url\":\"secret\"}");
    bool is_replay = true;
    assert_ok(store_idempotency_put(f->store, &what, &answer, &is_replay));
    assert_false(is_replay);

    struct run_answer second = {.http_status = 409};
    assert_ok(store_idempotency_put(f->store, &what, &second, &is_replay));
    assert_true(is_replay);
    assert_int_equal(second.http_status, 201);
    assert_string_equal(str_text(&second.body), str_text(&answer.body));

    struct run_answer found = {0};
    assert_ok(store_idempotency_find(f->store, &what, &found));
    assert_string_equal(str_text(&found.body), str_text(&answer.body));
    what.fingerprint = "f2";
    assert_int_equal(store_idempotency_find(f->store, &what, &found), E_CONFLICT);
    assert_false(files_contain(f, "\"url\":\"secret\""));
    str_done(&answer.body);
    str_done(&second.body);
    str_done(&found.body);
}

static void pruning_forgets_the_oldest_up_to_a_number(void **state)
{
    struct fixture *f = *state;
    int64_t n_pruned = -1;
    static const char *const names[] = {"k1", "k2", "k3", "k4"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        clock_freeze(1800000000000 + (int64_t)i);
        struct run_idempotency what = key(names[i]);
        struct run_answer answer = {.http_status = 200};
        bool is_replay = false;
        assert_ok(store_idempotency_put(f->store, &what, &answer, &is_replay));
    }
    assert_ok(store_idempotency_prune(f->store, 1800000000003, 2, &n_pruned));
    assert_int_equal(n_pruned, 2);
    int64_t left = ask_file(f, "SELECT count(*) FROM idempotency_keys WHERE key IN ('k3', 'k4')");
    int64_t all = ask_file(f, "SELECT count(*) FROM idempotency_keys");
    assert_ok(store_idempotency_prune(f->store, 1800000000003, 100, &n_pruned));
    clock_freeze(0);
    assert_int_equal(left, 2);
    assert_int_equal(all, 2);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM idempotency_keys WHERE key = 'k4'"), 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM idempotency_keys"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_created_run_has_the_fields_it_was_given),
        TEST(the_answer_is_rendered_from_the_row_as_it_is_stored),
        TEST(the_first_event_says_queued),
        TEST(a_run_that_asks_the_same_is_attached_to),
        TEST(a_run_that_asks_something_else_is_not_attached_to),
        TEST(a_run_that_is_being_cancelled_is_not_attached_to),
        TEST(another_user_or_recipe_does_not_count_as_running),
        TEST(reject_refuses_even_the_same),
        TEST(enqueue_creates_beside_a_live_one),
        TEST(an_ended_run_is_not_attached_to),
        TEST(a_full_queue_creates_nothing_and_has_room_again_when_one_ends),
        TEST(the_same_key_gives_the_first_answer_again),
        TEST(the_answer_to_an_attached_request_is_kept_too),
        TEST(a_refusal_is_not_kept_under_its_key),
        TEST(the_same_key_with_another_body_is_refused),
        TEST(keys_of_different_principals_and_routes_are_different_keys),
        TEST(a_key_is_forgotten_after_seven_days),
        TEST(other_routes_keep_and_find_their_answers),
        TEST(pruning_forgets_the_oldest_up_to_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
