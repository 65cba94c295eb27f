/* Webhooks out in the store: what is written together with what happened, and for whom. */
#include "base/clock.h"
#include "store/connections.h"
#include "store/keys.h"
#include "store/webhooks.h"

#include "component/test_store_fixture.h"

#include <stdatomic.h>

static void render_secret(void *ctx, const struct webhook_endpoint *endpoint, const char *secret,
                          struct run_answer *out)
{
    char *id = ctx;
    snprintf(id, ID_MAX, "%s", endpoint->id);
    out->http_status = 201;
    str_append_text(&out->body, secret);
}

/* The secret through `out_secret`, which may be NULL. */
static void make_endpoint(struct fixture *f, const char *events, char out_id[ID_MAX],
                          struct str *out_secret)
{
    struct webhook_create create = {.url = "https://example.com/hooks",
                                    .events = events,
                                    .actor = "host",
                                    .render = render_secret,
                                    .ctx = out_id};
    struct run_answer answer = {0};
    bool is_replayed = true;
    assert_ok(store_webhook_endpoint_create(f->store, &create, &answer, &is_replayed));
    assert_false(is_replayed);
    if (out_secret) str_append_str(out_secret, &answer.body);
    str_done(&answer.body);
}

static void due(struct fixture *f, const char *id, int limit, struct webhook_delivery_list *out)
{
    int64_t next_ms = 0;
    assert_ok(store_webhook_due(f->store, id, clock_unix_ms() + 1000, limit, out, &next_ms));
}

/* The one of this type; what happened in the same millisecond has no order. */
static const struct webhook_delivery *of_type(const struct webhook_delivery_list *list,
                                              const char *type)
{
    const struct webhook_delivery *found = NULL;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->rows[i].type, type) == 0) found = &list->rows[i];
    if (!found) fail_msg("%s was not told", type);
    return found;
}

static int64_t n_deliveries(struct fixture *f)
{
    return ask_file(f, "SELECT count(*) FROM webhook_deliveries");
}

static void a_status_is_told_to_those_who_want_it(void **state)
{
    struct fixture *f = *state;
    char before[ID_MAX], run[ID_MAX], all[ID_MAX], ends[ID_MAX];
    create_run(f, "u1", before);
    assert_int_equal(n_deliveries(f), 0);
    make_endpoint(f, NULL, all, NULL);
    make_endpoint(f, "[\"briefing.failed\",\"briefing.succeeded\"]", ends, NULL);
    create_run(f, "u1", run);
    move_run(f, run, RUN_RUNNING);
    move_run(f, run, RUN_RUNNING); /* no change */
    move_run(f, run, RUN_FAILED);
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list of_all = {0}, of_ends = {0};
    due(f, all, 10, &of_all);
    due(f, ends, 10, &of_ends);
    assert_int_equal(of_all.n, 3);
    const struct webhook_delivery *queued = of_type(&of_all, "briefing.queued");
    const struct webhook_delivery *running = of_type(&of_all, "briefing.running");
    const struct webhook_delivery *failed = of_type(&of_all, "briefing.failed");
    assert_int_equal(of_ends.n, 1);
    /* One event, one id, whoever is told. */
    assert_string_equal(of_ends.rows[0].message_id, failed->message_id);
    assert_string_not_equal(queued->message_id, running->message_id);
    assert_non_null(strstr(failed->body, run));
    assert_null(strstr(failed->body, before));
}

static enum err refuse(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->status = RUN_RUNNING;
    return E_DENIED;
}

static void what_did_not_happen_is_not_told(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX], run[ID_MAX];
    create_run(f, "u1", run);
    make_endpoint(f, NULL, id, NULL);
    struct run_update update = {.change = refuse};
    assert_int_equal(store_run_update(f->store, run, (struct run_fence){0}, &update, NULL),
                     E_DENIED);
    assert_int_equal(n_deliveries(f), 0);
    /* The event's number is taken: everything of this transaction is undone, the outbox last. */
    struct event_new event = {.type = "status", .data = "no JSON"};
    enum run_status running = RUN_RUNNING;
    struct run_update broken = {.change = become, .ctx = &running, .events = &event, .n_events = 1};
    assert_int_not_equal(store_run_update(f->store, run, (struct run_fence){0}, &broken, NULL),
                         E_OK);
    assert_int_equal(n_deliveries(f), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs WHERE status = 'queued'"), 1);
}

static void count_wakes(void *ctx)
{
    atomic_int *n = ctx;
    atomic_fetch_add(n, 1);
}

static void a_commit_that_made_something_due_wakes_the_sender(void **state)
{
    struct fixture *f = *state;
    static atomic_int n_wakes;
    char id[ID_MAX], run[ID_MAX];
    store_observe_webhooks(f->store, count_wakes, &n_wakes);
    create_run(f, "u1", run);
    assert_int_equal(atomic_load(&n_wakes), 0);
    make_endpoint(f, NULL, id, NULL);
    assert_int_equal(atomic_load(&n_wakes), 0);
    move_run(f, run, RUN_RUNNING);
    assert_int_equal(atomic_load(&n_wakes), 1);
    AUTO(webhook_delivery_done) struct webhook_delivery delivery = {0};
    assert_ok(store_webhook_test(f->store, id, &delivery));
    assert_int_equal(atomic_load(&n_wakes), 2);
}

static void recovered_and_restored_runs_are_told_of(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX], run[ID_MAX];
    int64_t n = 0;
    create_run(f, "u1", run);
    move_run(f, run, RUN_RUNNING);
    make_endpoint(f, NULL, id, NULL);
    assert_ok(store_runs_recover(f->store, NULL, clock_unix_ms(), &n));
    assert_ok(store_runs_end_restored(f->store, "backup.db", &n));
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list list = {0};
    due(f, id, 10, &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(of_type(&list, "briefing.queued")->type, "briefing.queued");
    assert_non_null(strstr(of_type(&list, "briefing.failed")->body, "\"error_code\":\"restored\""));
}

static void put(struct fixture *f, const char *status, const char *account, int64_t checked_ms)
{
    struct connection_row row = {.checked_ms = checked_ms};
    row.user_id = xstrdup("u1");
    row.connector = xstrdup("slack");
    row.connection_name = xstrdup("slack-7Hd2");
    row.account_id = xstrdup(account);
    row.status = xstrdup(status);
    row.account_updated_ms = checked_ms;
    enum err e = store_connections_put(f->store, &row, 1);
    connection_row_done(&row);
    assert_ok(e);
}

static void a_connection_is_told_of_when_it_matters(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    make_endpoint(f, "[\"connection.updated\"]", id, NULL);
    put(f, "NOT_CONNECTED", NULL, 1000);
    assert_int_equal(n_deliveries(f), 0); /* it was none before, too */
    put(f, "ACTIVE", "ca_1", 2000);
    assert_int_equal(n_deliveries(f), 1);
    put(f, "ACTIVE", "ca_1", 3000); /* its token was renewed */
    assert_int_equal(n_deliveries(f), 1);
    put(f, "EXPIRED", "ca_1", 4000);
    assert_int_equal(n_deliveries(f), 2);
    put(f, "ACTIVE", "ca_1", 5000);
    put(f, "ACTIVE", "ca_2", 6000); /* somebody else's account */
    assert_int_equal(n_deliveries(f), 4);
    assert_ok(store_connection_hold(f->store, "u1", "slack", "slack-7Hd2", false));
    assert_int_equal(n_deliveries(f), 5);
    assert_ok(store_connection_release(f->store, "u1", "slack"));
    assert_ok(store_connection_forget(f->store, "u1", "slack", "slack-7Hd2"));
    assert_int_equal(n_deliveries(f), 7);
}

static void the_secret_is_sealed_and_given_once(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    AUTO(str_done) struct str secret = {0};
    AUTO(str_done) struct str key = {0};
    AUTO(str_done) struct str decoded = {0};
    make_endpoint(f, NULL, id, &secret);
    assert_ok(store_webhook_key(f->store, id, &key));
    assert_int_equal(key.len, 32);
    const char *text = str_text(&secret) + strlen("whsec_");
    assert_ok(base64_decode(&decoded, text, strlen(text)));
    assert_memory_equal(decoded.data, key.data, key.len);
    assert_false(files_contain(f, text));
    AUTO(xfree_ptr) char *raw = xstrndup(key.data, key.len);
    assert_false(strlen(raw) == key.len && files_contain(f, raw));
}

static void the_key_outlives_a_change_of_the_seal_key(void **state)
{
    struct fixture *f = *state;
    static const char old_key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    static const char new_key[] = "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
    struct store_options options = {.path = f->path, .seal_key = old_key};
    AUTO(str_done) struct str before = {0};
    AUTO(str_done) struct str after = {0};
    char id[ID_MAX];
    fixture_close(f);
    unlink(f->path);
    assert_ok(store_open(&options, &f->store));
    make_endpoint(f, NULL, id, NULL);
    assert_ok(store_webhook_key(f->store, id, &before));
    fixture_close(f);
    options.seal_key = new_key;
    options.seal_key_previous = old_key;
    assert_ok(store_open(&options, &f->store));
    assert_ok(store_webhook_reseal(f->store));
    fixture_close(f);
    options.seal_key_previous = NULL;
    assert_ok(store_open(&options, &f->store));
    assert_ok(store_webhook_key(f->store, id, &after));
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
}

static void an_endpoint_is_made_once_for_a_key(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    struct webhook_create create = {
        .url = "https://example.com/hooks",
        .actor = "host",
        .idempotency = {.principal = "host",
                        .route = "POST /webhook-endpoints",
                        .key = "k1",
                        .fingerprint = "f1"},
        .render = render_secret,
        .ctx = id
    };
    struct run_answer one = {0}, two = {0}, three = {0};
    bool is_replayed = false;
    assert_ok(store_webhook_endpoint_create(f->store, &create, &one, &is_replayed));
    assert_false(is_replayed);
    assert_ok(store_webhook_endpoint_create(f->store, &create, &two, &is_replayed));
    assert_true(is_replayed);
    assert_string_equal(str_text(&one.body), str_text(&two.body));
    assert_false(files_contain(f, str_text(&one.body)));
    create.idempotency.fingerprint = "f2";
    assert_int_equal(store_webhook_endpoint_create(f->store, &create, &three, &is_replayed),
                     E_CONFLICT);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM webhook_endpoints"), 1);
    str_done(&one.body);
    str_done(&two.body);
}

/* ---- attempts ---- */

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
    assert_ok(store_webhook_test(f->store, id, &d));
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
    assert_ok(store_webhook_test(f->store, id, &d));
    assert_ok(store_webhook_redeliver(f->store, d.id, "host", &again));
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
    assert_ok(store_webhook_test(f->store, id, &d));
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
    assert_int_equal(store_webhook_test(f->store, id, &none), E_CONFLICT);
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
    assert_ok(store_webhook_test(f->store, id, &one));
    assert_ok(store_webhook_test(f->store, id, &two));
    assert_ok(store_webhook_test(f->store, id, &three));
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
        TEST(a_status_is_told_to_those_who_want_it),
        TEST(what_did_not_happen_is_not_told),
        TEST(a_commit_that_made_something_due_wakes_the_sender),
        TEST(recovered_and_restored_runs_are_told_of),
        TEST(a_connection_is_told_of_when_it_matters),
        TEST(the_secret_is_sealed_and_given_once),
        TEST(the_key_outlives_a_change_of_the_seal_key),
        TEST(an_endpoint_is_made_once_for_a_key),
        TEST(what_became_of_a_sending_is_kept),
        TEST(sent_again_by_hand_while_it_is_on_its_way_it_stays_due),
        TEST(an_endpoint_that_takes_nothing_for_long_is_disabled),
        TEST(a_backlog_disables_and_is_swept_in_steps),
        TEST(old_deliveries_are_pruned_but_not_pending_ones),
    };
    return cmocka_run_group_tests_name("store webhooks", tests, NULL, NULL);
}
