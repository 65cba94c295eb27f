/* Webhooks out in the store: what is written together with what happened, and for whom. */
#include "base/clock.h"
#include "store/connections.h"
#include "store/keys.h"
#include "store/webhooks.h"

#include "component/webhook_fixture.h"

#include <stdatomic.h>

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
    assert_ok(store_webhook_test(f->store, id, NULL, &delivery));
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

static void render_delivery(void *ctx, const void *row, struct run_answer *out)
{
    (void)ctx;
    const struct webhook_delivery *delivery = row;
    str_append_text(&out->body, delivery->id);
    out->http_status = 202;
}

static void a_test_is_made_once_for_a_key(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    make_endpoint(f, NULL, id, NULL);
    struct store_once first = {
        .what = {.principal = "host", .route = "POST x", .key = "k1", .fingerprint = "f1"},
        .render = render_delivery
    };
    struct store_once again = first, other = first, none = first;
    AUTO(webhook_delivery_done) struct webhook_delivery made = {0};
    AUTO(webhook_delivery_done) struct webhook_delivery nothing = {0};
    other.what.fingerprint = "f2";
    none.what.key = "k2";
    assert_int_equal(store_webhook_test(f->store, "we_none", &none, &nothing), E_NOT_FOUND);
    assert_ok(store_webhook_test(f->store, id, &first, &made));
    assert_false(first.is_replayed);
    assert_string_equal(str_text(&first.answer.body), made.id);
    assert_ok(store_webhook_test(f->store, id, &again, &nothing));
    assert_true(again.is_replayed);
    assert_int_equal(again.answer.http_status, 202);
    assert_string_equal(str_text(&again.answer.body), made.id);
    assert_int_equal(store_webhook_test(f->store, id, &other, &nothing), E_CONFLICT);
    assert_true(other.is_reused);
    assert_null(nothing.id);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM webhook_deliveries"), 1);
    /* What did not succeed is not kept. */
    assert_int_equal(ask_file(f, "SELECT count(*) FROM idempotency_keys"), 1);
    str_done(&first.answer.body);
    str_done(&again.answer.body);
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
        TEST(a_test_is_made_once_for_a_key),
    };
    return cmocka_run_group_tests_name("store webhooks", tests, NULL, NULL);
}
