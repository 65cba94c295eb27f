/* Connections: webhooks about them, confirmation by the host, removal, and reading anew. */
#include "base/clock.h"
#include "store/connections.h"
#include "store/hooks.h"

#include "component/test_store_fixture.h"

static char user_1[] = "u1";
static char slack[] = "slack";

#define T0 INT64_C(1800000000000)

static void put_connection(struct fixture *f, char *status, char *identity, int64_t checked_ms)
{
    static char name[] = "slack-7Hd2";
    static char account[] = "ca_1";
    struct connection_row row = {.user_id = user_1,
                                 .connector = slack,
                                 .connection_name = name,
                                 .account_id = account,
                                 .status = status,
                                 .identity = identity,
                                 .checked_ms = checked_ms};
    assert_ok(store_connections_put(f->store, &row, 1));
}

static char active[] = "ACTIVE";
static char expired[] = "EXPIRED";
static char identity[] = "{\"team\":\"T1\"}";

static void get_connection(struct fixture *f, struct connection_row *out)
{
    assert_ok(store_connection_find(f->store, "u1", "slack", out));
}

static void a_webhook_is_taken_once_and_makes_its_connection_due(void **state)
{
    struct fixture *f = *state;
    int64_t n_due = 0;
    put_connection(f, active, identity, clock_unix_ms());
    struct hook_subject by_name = {.user_id = "u1", .connection_name = "slack-7Hd2"};
    assert_ok(store_hook_take(f->store, "msg_1", &by_name, &n_due));
    assert_int_equal(n_due, 1);
    assert_int_equal(store_hook_take(f->store, "msg_1", &by_name, &n_due), E_CONFLICT);
    assert_int_equal(n_due, 0);
    struct hook_subject by_account = {.user_id = "u1", .account_id = "ca_1"};
    assert_ok(store_hook_take(f->store, "msg_2", &by_account, &n_due));
    assert_int_equal(n_due, 1);
    struct hook_subject of_another = {.user_id = "u2", .account_id = "ca_1"};
    assert_ok(store_hook_take(f->store, "msg_3", &of_another, &n_due));
    assert_int_equal(n_due, 0);
    AUTO(connection_list_done) struct connection_list stale = {0};
    assert_ok(store_connections_stale(f->store, 0, 0, 10, &stale));
    assert_int_equal(stale.n, 1);
    put_connection(f, active, identity, clock_unix_ms() + 1);
    AUTO(connection_list_done) struct connection_list none = {0};
    assert_ok(store_connections_stale(f->store, 0, 0, 10, &none));
    assert_int_equal(none.n, 0);
}

static void a_webhook_that_names_no_connection_makes_due_what_is_lacking(void **state)
{
    struct fixture *f = *state;
    int64_t n_due = 0;
    struct hook_subject of_new = {.user_id = "u1", .account_id = "ca_new"};
    put_connection(f, active, identity, clock_unix_ms());
    assert_ok(store_hook_take(f->store, "msg_1", &of_new, &n_due));
    assert_int_equal(n_due, 0); /* of another account than the one that works */
    put_connection(f, expired, NULL, clock_unix_ms() + 1);
    struct hook_subject of_other = {.user_id = "u2", .account_id = "ca_new"};
    assert_ok(store_hook_take(f->store, "msg_2", &of_other, &n_due));
    assert_int_equal(n_due, 0);
    struct hook_subject of_foreign = {
        .user_id = "u1", .connection_name = "gmail", .account_id = "ca_new"};
    assert_ok(store_hook_take(f->store, "msg_3", &of_foreign, &n_due));
    assert_int_equal(n_due, 0);
    assert_ok(store_hook_take(f->store, "msg_4", &of_new, &n_due));
    assert_int_equal(n_due, 1);
}

static void what_was_asked_before_a_webhook_came_does_not_answer_it(void **state)
{
    struct fixture *f = *state;
    int64_t n_due = 0;
    int64_t now_ms = clock_unix_ms();
    put_connection(f, active, identity, now_ms - 2000);
    struct hook_subject subject = {.user_id = "u1", .connection_name = "slack-7Hd2"};
    assert_ok(store_hook_take(f->store, "msg_1", &subject, &n_due));
    put_connection(f, active, identity, now_ms - 1000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_true(row.due_ms >= now_ms);
}

static void the_answer_to_an_older_question_does_not_count(void **state)
{
    struct fixture *f = *state;
    put_connection(f, active, identity, T0);
    put_connection(f, expired, NULL, T0 - 1);
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_string_equal(row.status, "ACTIVE");
    put_connection(f, expired, NULL, T0 - 3600000); /* the clock was set back */
    AUTO(connection_row_done) struct connection_row later = {0};
    get_connection(f, &later);
    assert_string_equal(later.status, "EXPIRED");
}

static void no_answer_of_scalekit_confirms_who_is_connected(void **state)
{
    struct fixture *f = *state;
    assert_ok(store_connection_hold(f->store, "u1", "slack", "slack-7Hd2", false));
    put_connection(f, active, identity, T0);
    put_connection(f, expired, NULL, T0 + 1);
    put_connection(f, active, identity, T0 + 2);
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_true(row.is_pending_confirmation);
    AUTO(connection_row_done) struct connection_row confirmed = {0};
    assert_int_equal(
        store_connection_confirm(f->store, "u1", "slack", row.version + 1, NULL, &confirmed),
        E_CONFLICT);
    assert_ok(store_connection_confirm(f->store, "u1", "slack", row.version, NULL, &confirmed));
    assert_false(confirmed.is_pending_confirmation);
    assert_int_equal(confirmed.version, row.version + 1);
    AUTO(connection_row_done) struct connection_row again = {0};
    assert_ok(store_connection_confirm(f->store, "u1", "slack", 0, NULL, &again));
}

static void nobody_can_be_confirmed_before_it_is_known_who_it_is(void **state)
{
    struct fixture *f = *state;
    AUTO(connection_row_done) struct connection_row row = {0};
    assert_int_equal(store_connection_confirm(f->store, "u1", "slack", 0, NULL, &row), E_NOT_FOUND);
    put_connection(f, active, identity, T0);
    assert_ok(store_connection_hold(f->store, "u1", "slack", "slack-7Hd2", false));
    assert_int_equal(store_connection_confirm(f->store, "u1", "slack", 0, NULL, &row), E_CONFLICT);
    assert_ok(store_connection_release(f->store, "u1", "slack"));
    get_connection(f, &row);
    assert_false(row.is_pending_confirmation);
}

static void a_working_connection_is_not_held_by_a_mere_beginning(void **state)
{
    struct fixture *f = *state;
    put_connection(f, active, identity, T0);
    assert_ok(store_connection_hold(f->store, "u1", "slack", "slack-7Hd2", true));
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_false(row.is_pending_confirmation);
}

static void a_removed_account_leaves_a_row_that_says_so(void **state)
{
    struct fixture *f = *state;
    assert_ok(store_connection_hold(f->store, "u1", "slack", "slack-7Hd2", false));
    put_connection(f, active, identity, T0);
    int64_t before = store_connections_changes(f->store);
    assert_ok(store_connection_forget(f->store, "u1", "slack", "slack-7Hd2"));
    assert_true(store_connections_changes(f->store) > before);
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_string_equal(row.status, "NOT_CONNECTED");
    assert_null(row.account_id);
    assert_null(row.identity);
    assert_false(row.is_pending_confirmation);
}

static void the_longest_unread_connection_comes_first(void **state)
{
    struct fixture *f = *state;
    put_connection(f, active, identity, 1000);
    AUTO(connection_list_done) struct connection_list stale = {0};
    assert_ok(store_connections_stale(f->store, 1000, 0, 10, &stale));
    assert_int_equal(stale.n, 0);
    AUTO(connection_list_done) struct connection_list found = {0};
    assert_ok(store_connections_stale(f->store, 1001, 0, 10, &found));
    assert_int_equal(found.n, 1);
    assert_ok(store_connection_postpone(f->store, "u1", "slack", 5000, false));
    AUTO(connection_row_done) struct connection_row row = {0};
    get_connection(f, &row);
    assert_int_equal(row.due_ms, 5000);
    assert_int_equal(row.checked_ms, 1000);
    assert_ok(store_connection_postpone(f->store, "u1", "slack", 6000, true));
    AUTO(connection_row_done) struct connection_row later = {0};
    get_connection(f, &later);
    assert_int_equal(later.due_ms, 0);
    assert_int_equal(later.checked_ms, 6000);
}

static void one_that_was_read_before_the_clock_was_set_back_is_read_anew(void **state)
{
    struct fixture *f = *state;
    put_connection(f, active, identity, clock_unix_ms() + 3600000);
    AUTO(connection_list_done) struct connection_list stale = {0};
    assert_ok(store_connections_stale(f->store, 0, 0, 10, &stale));
    assert_int_equal(stale.n, 1);
    put_connection(f, active, identity, clock_unix_ms());
    AUTO(connection_list_done) struct connection_list none = {0};
    assert_ok(store_connections_stale(f->store, 0, 0, 10, &none));
    assert_int_equal(none.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_webhook_is_taken_once_and_makes_its_connection_due),
        TEST(a_webhook_that_names_no_connection_makes_due_what_is_lacking),
        TEST(what_was_asked_before_a_webhook_came_does_not_answer_it),
        TEST(the_answer_to_an_older_question_does_not_count),
        TEST(no_answer_of_scalekit_confirms_who_is_connected),
        TEST(nobody_can_be_confirmed_before_it_is_known_who_it_is),
        TEST(a_working_connection_is_not_held_by_a_mere_beginning),
        TEST(a_removed_account_leaves_a_row_that_says_so),
        TEST(the_longest_unread_connection_comes_first),
        TEST(one_that_was_read_before_the_clock_was_set_back_is_read_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
