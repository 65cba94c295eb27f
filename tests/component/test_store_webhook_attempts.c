/* Webhooks out in the store: what became of them, when an endpoint is disabled, what is forgotten. */
#include "component/webhook_fixture.h"

static const char *attempt(struct fixture *f, const struct webhook_delivery *d, const char *error,
                           int64_t at_ms, int64_t next_ms)
{
    struct webhook_result result = {.delivery_id = d->id,
                                    .round = d->round,
                                    .next_ms = next_ms,
                                    .status = error ? 500 : 204,
                                    .error = error};
    struct webhook_attempt a = {.endpoint_id = d->endpoint_id,
                                .results = &result,
                                .n = 1,
                                .at_ms = at_ms,
                                .failing_max_ms = 10000,
                                .failures_max = 3};
    const char *reason = NULL;
    assert_ok(store_webhook_attempt_put(f->store, &a, &reason));
    return reason;
}

static void what_became_of_a_sending_is_kept(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    make_endpoint(f, NULL, id, NULL);
    AUTO(webhook_delivery_done) struct webhook_delivery d = {0}, now = {0};
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list list = {0};
    assert_ok(store_webhook_test(f->store, id, NULL, &d));
    int64_t at_ms = clock_unix_ms();
    int64_t next_ms = 0;
    assert_null(attempt(f, &d, "HTTP 500", at_ms, at_ms + 60000));
    assert_ok(store_webhook_due(f->store, id, at_ms + 59999, 10, &list, &next_ms));
    assert_int_equal(list.n, 0);
    assert_int_equal(next_ms, at_ms + 60000);
    assert_null(attempt(f, &d, NULL, at_ms + 60000, 0));
    assert_ok(store_webhook_delivery_get(f->store, d.id, &now));
    assert_int_equal(now.state, WEBHOOK_DELIVERED);
    assert_int_equal(now.attempts, 2);
    assert_int_equal(now.last_status, 204);
    assert_null(now.last_error);
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    assert_ok(store_webhook_endpoint_get(f->store, id, &endpoint));
    assert_int_equal(endpoint.succeeded_ms, at_ms + 60000);
    assert_int_equal(endpoint.failed_ms, at_ms);
    assert_int_equal(endpoint.failing_ms, 0);
}

static void sent_again_by_hand_while_it_is_on_its_way_it_stays_due(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    make_endpoint(f, NULL, id, NULL);
    AUTO(webhook_delivery_done) struct webhook_delivery d = {0}, again = {0}, now = {0};
    assert_ok(store_webhook_test(f->store, id, NULL, &d));
    assert_ok(store_webhook_redeliver(f->store, d.id, "host", NULL, &again));
    assert_null(attempt(f, &d, NULL, clock_unix_ms(), 0)); /* of the first round */
    assert_ok(store_webhook_delivery_get(f->store, d.id, &now));
    assert_int_equal(now.state, WEBHOOK_PENDING);
    assert_int_equal(now.attempts, 1);
    assert_int_equal(now.tries, 0);
    assert_null(attempt(f, &again, NULL, clock_unix_ms(), 0));
    webhook_delivery_done(&now);
    assert_ok(store_webhook_delivery_get(f->store, d.id, &now));
    assert_int_equal(now.state, WEBHOOK_DELIVERED);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM audit WHERE action = 'webhook_redelivered'"),
                     1);
}

static void an_endpoint_that_takes_nothing_for_long_is_disabled(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX], other[ID_MAX];
    make_endpoint(f, NULL, id, NULL);
    make_endpoint(f, "[\"webhook_endpoint.disabled\"]", other, NULL);
    AUTO(webhook_delivery_done) struct webhook_delivery d = {0};
    assert_ok(store_webhook_test(f->store, id, NULL, &d));
    assert_null(attempt(f, &d, "HTTP 500", 1000, 2000));
    assert_null(attempt(f, &d, "HTTP 500", 2000, 3000));
    assert_null(attempt(f, &d, "HTTP 500", 10999, 12000)); /* often enough, not long enough */
    assert_null(attempt(f, &d, NULL, 11000, 0));           /* it begins anew */
    assert_null(attempt(f, &d, "HTTP 500", 50000, 51000));
    assert_null(attempt(f, &d, "HTTP 500", 70000, 71000)); /* long enough, not often enough */
    assert_string_equal(attempt(f, &d, "HTTP 500", 71000, 72000), "failing");
    assert_null(attempt(f, &d, "HTTP 500", 72000, 73000)); /* what was still on its way */
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    assert_ok(store_webhook_endpoint_get(f->store, id, &endpoint));
    assert_false(endpoint.is_enabled);
    assert_string_equal(endpoint.reason, "failing");
    assert_int_equal(
        ask_file(f, "SELECT count(*) FROM audit WHERE action = 'webhook_endpoint_disabled'"), 1);
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list told = {0}, mine = {0};
    due(f, other, 10, &told);
    assert_int_equal(told.n, 1);
    assert_non_null(strstr(told.rows[0].body, id));
    due(f, id, 10, &mine);
    assert_int_equal(mine.n, 0);
    AUTO(webhook_delivery_done) struct webhook_delivery none = {0};
    assert_int_equal(store_webhook_test(f->store, id, NULL, &none), E_CONFLICT);
}

static void a_backlog_disables_and_is_swept_in_steps(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX], run[ID_MAX];
    make_endpoint(f, NULL, id, NULL);
    for (int i = 0; i < 5; i++)
        create_run(f, "u1", run);
    AUTO(run_ids_done) struct run_ids ids = {0};
    assert_ok(store_webhook_check_backlogs(f->store, 5, &ids));
    assert_int_equal(ids.n, 0);
    assert_ok(store_webhook_check_backlogs(f->store, 4, &ids));
    assert_int_equal(ids.n, 1);
    assert_string_equal(ids.ids[0], id);
    int64_t n = 0, steps = 0;
    do {
        assert_ok(store_webhook_sweep(f->store, 2, &n));
        steps++;
    } while (n > 0);
    assert_int_equal(steps, 4);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM webhook_deliveries WHERE state = 'failed'"),
                     5);
    assert_ok(store_webhook_endpoint_delete(f->store, id, "host"));
    do
        assert_ok(store_webhook_sweep(f->store, 2, &n));
    while (n > 0);
    assert_int_equal(n_deliveries(f), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM webhook_endpoints"), 0);
}

static void old_deliveries_are_pruned_but_not_pending_ones(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    int64_t n = 0;
    make_endpoint(f, NULL, id, NULL);
    AUTO(webhook_delivery_done) struct webhook_delivery one = {0}, two = {0}, three = {0};
    assert_ok(store_webhook_test(f->store, id, NULL, &one));
    assert_ok(store_webhook_test(f->store, id, NULL, &two));
    assert_ok(store_webhook_test(f->store, id, NULL, &three));
    assert_null(attempt(f, &one, NULL, 1000, 0));
    assert_null(attempt(f, &two, NULL, 1000, 0));
    assert_ok(store_webhook_prune(f->store, clock_unix_ms() - 60000, 10, &n));
    assert_int_equal(n, 0);
    assert_ok(store_webhook_prune(f->store, clock_unix_ms() + 60000, 1, &n));
    assert_int_equal(n, 1);
    assert_ok(store_webhook_prune(f->store, clock_unix_ms() + 60000, 10, &n));
    assert_int_equal(n, 1);
    assert_int_equal(n_deliveries(f), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)
    const struct CMUnitTest tests[] = {
        TEST(what_became_of_a_sending_is_kept),
        TEST(sent_again_by_hand_while_it_is_on_its_way_it_stays_due),
        TEST(an_endpoint_that_takes_nothing_for_long_is_disabled),
        TEST(a_backlog_disables_and_is_swept_in_steps),
        TEST(old_deliveries_are_pruned_but_not_pending_ones),
    };
    return cmocka_run_group_tests_name("store webhook attempts", tests, NULL, NULL);
}
