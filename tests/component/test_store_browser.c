/* Sessions of browsers, connect tickets, flows, and users' defaults. */
#include "base/clock.h"
#include "store/flows.h"
#include "store/hooks.h"
#include "store/tickets.h"
#include "store/user_params.h"

#include "component/test_store_fixture.h"

static const unsigned char cookie_1[SHA256_LEN] = {1};
static const unsigned char cookie_2[SHA256_LEN] = {2};
static const unsigned char ticket_1[SHA256_LEN] = {11};
static const unsigned char ticket_2[SHA256_LEN] = {12};
static char user_1[] = "u1";
static char user_2[] = "u2";
static char slack[] = "slack";
static char both[] = "[\"sanity\",\"slack\"]";
static char slack_and_github[] = "[\"slack\",\"github\"]";

#define T0 INT64_C(1800000000000)

static void sign_in(struct fixture *f, char *user_id, const unsigned char *hash, char id[ID_MAX])
{
    struct session_row row = {.kind = SESSION_SIGNED_IN, .user_id = user_id};
    assert_ok(store_session_create(f->store, &row, hash, NULL, id));
}

static enum err find_session(struct fixture *f, const unsigned char *hash, int64_t now_ms)
{
    AUTO(session_row_done) struct session_row row = {0};
    clock_freeze(now_ms);
    enum err e = store_session_find(f->store, hash, &row);
    clock_freeze(0);
    return e;
}

/* ---- sessions ---- */

static void a_session_is_found_by_its_cookie_alone(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    sign_in(f, user_1, cookie_1, id);
    AUTO(session_row_done) struct session_row row = {0};
    assert_ok(store_session_find(f->store, cookie_1, &row));
    assert_string_equal(row.id, id);
    assert_string_equal(row.user_id, "u1");
    assert_int_equal(row.kind, SESSION_SIGNED_IN);
    assert_null(row.connectors);
    assert_string_equal(row.unconfirmed, "[]");
    AUTO(session_row_done) struct session_row none = {0};
    assert_int_equal(store_session_find(f->store, cookie_2, &none), E_NOT_FOUND);
}

static void a_session_ends_when_idle_and_lives_on_when_used(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    clock_freeze(T0);
    sign_in(f, user_1, cookie_1, id);
    int64_t at = T0;
    for (int i = 0; i < 20; i++) {
        at += SESSION_IDLE_MS - 1000;
        assert_ok(find_session(f, cookie_1, at));
    }
    assert_int_equal(find_session(f, cookie_1, at + SESSION_IDLE_MS), E_NOT_FOUND);
}

static void a_session_ends_after_twelve_hours_however_much_it_is_used(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    clock_freeze(T0);
    sign_in(f, user_1, cookie_1, id);
    for (int64_t at = T0; at < T0 + SESSION_LIFE_MS; at += SESSION_IDLE_MS / 2)
        assert_ok(find_session(f, cookie_1, at));
    assert_int_equal(find_session(f, cookie_1, T0 + SESSION_LIFE_MS), E_NOT_FOUND);
}

static void a_user_keeps_the_newest_fifty_sessions(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    clock_freeze(T0);
    sign_in(f, user_1, cookie_1, id);
    for (unsigned char i = 0; i < 50; i++) {
        unsigned char hash[SHA256_LEN] = {100, i};
        clock_freeze(T0 + 1 + i);
        sign_in(f, user_1, hash, id);
    }
    clock_freeze(0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sessions"), 50);
    assert_int_equal(find_session(f, cookie_1, T0 + 100), E_NOT_FOUND);
}

static void signing_in_again_ends_the_session_before(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    char next[ID_MAX];
    sign_in(f, user_1, cookie_1, id);
    struct session_row row = {.kind = SESSION_SIGNED_IN, .user_id = user_2};
    assert_ok(store_session_create(f->store, &row, cookie_2, id, next));
    AUTO(session_row_done) struct session_row none = {0};
    assert_int_equal(store_session_find(f->store, cookie_1, &none), E_NOT_FOUND);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sessions"), 1);
}

/* ---- tickets ---- */

static void make_ticket(struct fixture *f, char *user_id, char *connectors, bool needs_confirm,
                        const unsigned char *hash)
{
    struct ticket_row row = {.user_id = user_id,
                             .connectors = connectors,
                             .needs_confirm = needs_confirm,
                             .expires_ms = clock_unix_ms() + 600000};
    assert_ok(store_ticket_create(f->store, &row, hash, NULL));
}

static enum err redeem(struct fixture *f, const unsigned char *ticket, const char *session_id,
                       const unsigned char *cookie, struct session_row *out)
{
    struct ticket_redeem what = {.ticket = ticket, .session_id = session_id, .cookie = cookie};
    return store_ticket_redeem(f->store, &what, out);
}

static void a_ticket_begins_one_session_and_no_second(void **state)
{
    struct fixture *f = *state;
    make_ticket(f, user_1, both, true, ticket_1);
    AUTO(session_row_done) struct session_row session = {0};
    assert_ok(redeem(f, ticket_1, NULL, cookie_1, &session));
    assert_int_equal(session.kind, SESSION_TICKET);
    assert_string_equal(session.connectors, both);
    assert_string_equal(session.unconfirmed, both);
    AUTO(session_row_done) struct session_row again = {0};
    assert_int_equal(redeem(f, ticket_1, NULL, cookie_2, &again), E_CONFLICT);
    assert_int_equal(redeem(f, ticket_2, NULL, cookie_2, &again), E_NOT_FOUND);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sessions"), 1);
    AUTO(ticket_row_done) struct ticket_row row = {0};
    assert_ok(store_ticket_find(f->store, ticket_1, &row));
    assert_true(row.redeemed_ms > 0);
}

static void a_ticket_expires(void **state)
{
    struct fixture *f = *state;
    clock_freeze(T0);
    make_ticket(f, user_1, both, false, ticket_1);
    clock_freeze(T0 + 600000);
    AUTO(session_row_done) struct session_row session = {0};
    enum err e = redeem(f, ticket_1, NULL, cookie_1, &session);
    clock_freeze(0);
    assert_int_equal(e, E_TIMEOUT);
    assert_int_equal(ask_file(f, "SELECT redeemed_ms FROM connect_tickets"), 0);
}

static void another_ticket_of_the_same_user_widens_the_session(void **state)
{
    struct fixture *f = *state;
    make_ticket(f, user_1, both, false, ticket_1);
    AUTO(session_row_done) struct session_row session = {0};
    assert_ok(redeem(f, ticket_1, NULL, cookie_1, &session));
    make_ticket(f, user_1, slack_and_github, true, ticket_2);
    AUTO(session_row_done) struct session_row wider = {0};
    assert_ok(redeem(f, ticket_2, session.id, cookie_2, &wider));
    assert_string_equal(wider.id, session.id);
    AUTO(session_row_done) struct session_row found = {0};
    assert_ok(store_session_find(f->store, cookie_2, &found));
    assert_string_equal(found.connectors, "[\"sanity\",\"slack\",\"github\"]");
    assert_string_equal(found.unconfirmed, slack_and_github);
    AUTO(session_row_done) struct session_row none = {0};
    assert_int_equal(store_session_find(f->store, cookie_1, &none), E_NOT_FOUND);
}

static void a_ticket_of_another_user_is_refused_and_stays_good(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    sign_in(f, user_2, cookie_1, id);
    make_ticket(f, user_1, both, false, ticket_1);
    AUTO(session_row_done) struct session_row session = {0};
    assert_int_equal(redeem(f, ticket_1, id, cookie_2, &session), E_DENIED);
    assert_int_equal(ask_file(f, "SELECT redeemed_ms FROM connect_tickets"), 0);
    assert_ok(redeem(f, ticket_1, NULL, cookie_2, &session));
}

static void open_tickets_of_a_user_are_limited(void **state)
{
    struct fixture *f = *state;
    struct ticket_row row = {
        .user_id = user_1, .connectors = both, .expires_ms = clock_unix_ms() + 600000};
    enum err e = E_OK;
    int n = 0;
    for (; !e && n < 200; n++) {
        unsigned char hash[SHA256_LEN] = {3, (unsigned char)n};
        e = store_ticket_create(f->store, &row, hash, NULL);
    }
    assert_int_equal(e, E_LIMIT);
    assert_int_equal(n, 101);
    row.user_id = user_2;
    assert_ok(store_ticket_create(f->store, &row, ticket_1, NULL));
}

/* ---- flows ---- */

static enum err make_flow(struct fixture *f, char *session_id, char id[ID_MAX])
{
    static char link[] = "https://env.example/magicLink/verysecret";
    id_new("of", id);
    struct flow_row row = {.id = id,
                           .state_hash = {7},
                           .cookie_hash = {8},
                           .session_id = session_id,
                           .user_id = user_1,
                           .connector = slack,
                           .link = link,
                           .expires_ms = clock_unix_ms() + 600000};
    return store_flow_create(f->store, &row);
}

static void a_flow_is_used_up_once_and_its_link_is_forgotten(void **state)
{
    struct fixture *f = *state;
    char session[ID_MAX];
    char id[ID_MAX];
    sign_in(f, user_1, cookie_1, session);
    assert_ok(make_flow(f, session, id));
    AUTO(flow_row_done) struct flow_row row = {0};
    assert_ok(store_flow_find(f->store, id, &row));
    assert_string_equal(row.link, "https://env.example/magicLink/verysecret");
    assert_int_equal(row.state_hash[0], 7);
    assert_int_equal(row.cookie_hash[0], 8);
    assert_false(files_contain(f, "verysecret"));
    assert_ok(store_flow_consume(f->store, id));
    assert_int_equal(store_flow_consume(f->store, id), E_CONFLICT);
    AUTO(flow_row_done) struct flow_row used = {0};
    assert_ok(store_flow_find(f->store, id, &used));
    assert_null(used.link);
    assert_true(used.consumed_ms > 0);
}

static void a_flow_expires(void **state)
{
    struct fixture *f = *state;
    char session[ID_MAX];
    char id[ID_MAX];
    clock_freeze(T0);
    sign_in(f, user_1, cookie_1, session);
    assert_ok(make_flow(f, session, id));
    clock_freeze(T0 + 600000);
    enum err e = store_flow_consume(f->store, id);
    clock_freeze(0);
    assert_int_equal(e, E_CONFLICT);
}

static void a_flow_goes_with_its_session(void **state)
{
    struct fixture *f = *state;
    char session[ID_MAX];
    char id[ID_MAX];
    sign_in(f, user_1, cookie_1, session);
    assert_ok(make_flow(f, session, id));
    assert_ok(store_session_delete(f->store, session));
    AUTO(flow_row_done) struct flow_row row = {0};
    assert_int_equal(store_flow_find(f->store, id, &row), E_NOT_FOUND);
    assert_int_equal(make_flow(f, session, id), E_NOT_FOUND);
}

static void open_flows_of_a_session_are_limited(void **state)
{
    struct fixture *f = *state;
    char session[ID_MAX];
    char id[ID_MAX];
    sign_in(f, user_1, cookie_1, session);
    for (int i = 0; i < 20; i++)
        assert_ok(make_flow(f, session, id));
    char more[ID_MAX];
    assert_int_equal(make_flow(f, session, more), E_LIMIT);
    assert_ok(store_flow_consume(f->store, id));
    assert_ok(make_flow(f, session, more));
}

static void what_is_over_is_pruned(void **state)
{
    struct fixture *f = *state;
    char session[ID_MAX];
    char id[ID_MAX];
    int64_t n_due = 0;
    clock_freeze(T0);
    sign_in(f, user_1, cookie_1, session);
    make_ticket(f, user_1, both, false, ticket_1);
    assert_ok(make_flow(f, session, id));
    assert_ok(store_hook_take(f->store, "msg_1", &(struct hook_subject){0}, &n_due));
    assert_ok(store_browser_prune(f->store, T0 + 1000));
    clock_freeze(0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sessions"), 1);
    assert_ok(store_browser_prune(f->store, T0 + 5 * 3600000));
    assert_int_equal(ask_file(f, "SELECT (SELECT count(*) FROM sessions)"
                                 " + (SELECT count(*) FROM connect_tickets)"
                                 " + (SELECT count(*) FROM oauth_flows)"
                                 " + (SELECT count(*) FROM hook_receipts)"),
                     0);
}

static void a_users_defaults_are_kept_and_replaced(void **state)
{
    struct fixture *f = *state;
    static char params[] = "{\"slack_channel\":\"C1\"}";
    static char zone[] = "Europe/Oslo";
    struct user_params_row row = {.params = params, .timezone = zone};
    AUTO(user_params_row_done) struct user_params_row found = {0};
    assert_int_equal(store_user_params_find(f->store, "u1", "r", &found), E_NOT_FOUND);
    assert_ok(store_user_params_put(f->store, "u1", "r", &row));
    assert_ok(store_user_params_find(f->store, "u1", "r", &found));
    assert_string_equal(found.params, params);
    assert_string_equal(found.timezone, zone);
    assert_true(found.updated_ms > 0);
    row.timezone = NULL;
    assert_ok(store_user_params_put(f->store, "u1", "r", &row));
    AUTO(user_params_row_done) struct user_params_row second = {0};
    assert_ok(store_user_params_find(f->store, "u1", "r", &second));
    assert_null(second.timezone);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_found_by_its_cookie_alone),
        TEST(a_session_ends_when_idle_and_lives_on_when_used),
        TEST(a_session_ends_after_twelve_hours_however_much_it_is_used),
        TEST(a_user_keeps_the_newest_fifty_sessions),
        TEST(signing_in_again_ends_the_session_before),
        TEST(a_ticket_begins_one_session_and_no_second),
        TEST(a_ticket_expires),
        TEST(another_ticket_of_the_same_user_widens_the_session),
        TEST(a_ticket_of_another_user_is_refused_and_stays_good),
        TEST(open_tickets_of_a_user_are_limited),
        TEST(a_flow_is_used_up_once_and_its_link_is_forgotten),
        TEST(a_flow_expires),
        TEST(a_flow_goes_with_its_session),
        TEST(open_flows_of_a_session_are_limited),
        TEST(what_is_over_is_pruned),
        TEST(a_users_defaults_are_kept_and_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
