/* API keys, the audit, and users' connections. */
#include "base/clock.h"
#include "store/connections.h"
#include "store/keys.h"

#include "component/test_store_fixture.h"

/* ---- keys ---- */

static void a_key_is_found_by_its_hash_and_stored_as_nothing_else(void **state)
{
    struct fixture *f = *state;
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    assert_ok(store_key_create(f->store, "backend-1", SCOPE_BRIEFINGS_READ | SCOPE_BRIEFINGS_WRITE,
                               &id, &secret));
    assert_true(text_starts(secret, "bk_"));
    assert_true(strlen(secret) >= 40);
    assert_true(id_valid("key", id));
    unsigned char hash[SHA256_LEN];
    sha256(secret, strlen(secret), hash);
    AUTO(key_row_done) struct key_row row = {0};
    assert_ok(store_key_find(f->store, hash, &row));
    assert_string_equal(row.id, id);
    assert_string_equal(row.name, "backend-1");
    assert_int_equal(row.scopes, SCOPE_BRIEFINGS_READ | SCOPE_BRIEFINGS_WRITE);
    assert_memory_equal(row.hash, hash, SHA256_LEN);
    assert_true(row.created_ms > 0);
    assert_int_equal(row.revoked_ms, 0);
    assert_true(files_contain(f, "backend-1"));
    assert_false(files_contain(f, secret + 3));
    hash[0] ^= 1;
    AUTO(key_row_done) struct key_row none = {0};
    assert_int_equal(store_key_find(f->store, hash, &none), E_NOT_FOUND);
}

static void a_revoked_key_is_not_found_but_listed_on_demand(void **state)
{
    struct fixture *f = *state;
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    AUTO(xfree_ptr) char *other_id = NULL;
    AUTO(xfree_secret_ptr) char *other_secret = NULL;
    assert_ok(store_key_create(f->store, "backend", SCOPE_ADMIN, &id, &secret));
    assert_ok(store_key_create(f->store, "backend", SCOPE_ADMIN, &other_id, &other_secret));
    assert_ok(store_key_revoke(f->store, id));
    unsigned char hash[SHA256_LEN];
    sha256(secret, strlen(secret), hash);
    AUTO(key_row_done) struct key_row none = {0};
    assert_int_equal(store_key_find(f->store, hash, &none), E_NOT_FOUND);
    AUTO(key_list_done) struct key_list live = {0};
    assert_ok(store_keys_list(f->store, false, &live));
    assert_int_equal(live.n, 1);
    assert_string_equal(live.rows[0].id, other_id);
    AUTO(key_list_done) struct key_list all = {0};
    assert_ok(store_keys_list(f->store, true, &all));
    assert_int_equal(all.n, 2);
}

static void revoking_twice_keeps_the_first_time(void **state)
{
    struct fixture *f = *state;
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    assert_ok(store_key_create(f->store, "backend", SCOPE_ADMIN, &id, &secret));
    clock_freeze(1800000000000);
    assert_ok(store_key_revoke(f->store, id));
    clock_freeze(1900000000000);
    enum err e = store_key_revoke(f->store, id);
    clock_freeze(0);
    assert_ok(e);
    assert_int_equal(ask_file(f, "SELECT revoked_ms FROM api_keys"), 1800000000000);
    assert_int_equal(store_key_revoke(f->store, "key_none"), E_NOT_FOUND);
}

static void a_name_has_one_to_sixty_four_plain_characters(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {
        "",  "with space", "a/b",
        "ø", "user:x",     "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *id = NULL;
        char *secret = NULL;
        assert_int_equal(store_key_create(f->store, wrong[i], SCOPE_ADMIN, &id, &secret),
                         E_INVALID);
        assert_null(id);
        assert_null(secret);
    }
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    assert_ok(store_key_create(f->store,
                               "1234567890123456789012345678901234567890123456789012345678901.-_",
                               SCOPE_ADMIN, &id, &secret));
}

static void scopes_have_one_spelling(void **state)
{
    (void)state;
    assert_int_equal(scope_parse("briefings:read"), SCOPE_BRIEFINGS_READ);
    assert_int_equal(scope_parse("admin"), SCOPE_ADMIN);
    assert_int_equal(scope_parse("Admin"), 0);
    assert_int_equal(scope_parse(""), 0);
    AUTO(str_done) struct str words = {0};
    scope_format(SCOPE_ADMIN | SCOPE_CONNECTIONS_WRITE | SCOPE_BRIEFINGS_READ, &words);
    assert_string_equal(str_text(&words), "briefings:read connections:write admin");
}

static void a_scope_of_a_later_version_gives_no_right(void **state)
{
    struct fixture *f = *state;
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    assert_ok(store_key_create(f->store, "backend", SCOPE_BRIEFINGS_READ, &id, &secret));
    ask_file(f, "UPDATE api_keys SET scopes = 'reports:read  briefings:write admins'");
    AUTO(key_list_done) struct key_list list = {0};
    assert_ok(store_keys_list(f->store, true, &list));
    assert_int_equal(list.rows[0].scopes, SCOPE_BRIEFINGS_WRITE);
}

static void the_audit_keeps_who_did_what(void **state)
{
    struct fixture *f = *state;
    assert_ok(store_audit(f->store, "operator", "key.create", "key_1", "{\"name\":\"backend\"}"));
    assert_ok(store_audit(f->store, "operator", "start", NULL, NULL));
    assert_int_equal(ask_file(f, "SELECT count(*) FROM audit WHERE at_ms > 0"), 2);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM audit WHERE actor = 'operator'"
                                 " AND action = 'key.create' AND subject = 'key_1'"
                                 " AND data = '{\"name\":\"backend\"}'"),
                     1);
}

/* ---- connections ---- */

/* Borrows its texts: not to be given to connection_row_done(). */
static struct connection_row a_connection(char *account, char *status, char *identity)
{
    static char user[] = "u1";
    static char connector[] = "slack";
    static char name[] = "slack-7Hd2";
    return (struct connection_row){.user_id = user,
                                   .connector = connector,
                                   .connection_name = name,
                                   .account_id = account,
                                   .status = status,
                                   .identity = identity,
                                   .account_updated_ms = 5,
                                   .checked_ms = 100};
}

static char account_1[] = "ca_1";
static char account_2[] = "ca_2";
static char active[] = "ACTIVE";
static char expired[] = "EXPIRED";
static char identity_1[] = "{\"team\":\"T1\"}";

static void put(struct fixture *f, struct connection_row row, int64_t now_ms)
{
    clock_freeze(now_ms);
    enum err e = store_connections_put(f->store, &row, 1);
    clock_freeze(0);
    assert_ok(e);
}

static void get(struct fixture *f, struct connection_row *out)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    assert_ok(store_connections_list(f->store, "u1", &list));
    assert_int_equal(list.n, 1);
    *out = list.rows[0];
    list.rows[0] = (struct connection_row){0};
}

static void a_connection_is_read_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, identity_1), 1000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get(f, &row);
    assert_string_equal(row.user_id, "u1");
    assert_string_equal(row.connector, "slack");
    assert_string_equal(row.connection_name, "slack-7Hd2");
    assert_string_equal(row.account_id, "ca_1");
    assert_string_equal(row.status, "ACTIVE");
    assert_string_equal(row.identity, identity_1);
    assert_int_equal(row.account_updated_ms, 5);
    assert_int_equal(row.checked_ms, 100);
    assert_int_equal(row.changed_ms, 1000);
    assert_int_equal(row.version, 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM users WHERE id = 'u1'"), 1);
}

static void reading_the_same_again_is_no_change(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, identity_1), 1000);
    struct connection_row again = a_connection(account_1, active, NULL);
    again.checked_ms = 200;
    put(f, again, 2000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get(f, &row);
    assert_int_equal(row.version, 1);
    assert_int_equal(row.changed_ms, 1000);
    assert_int_equal(row.checked_ms, 200);
    assert_string_equal(row.identity, identity_1);
}

static void another_status_is_a_change_and_keeps_who_it_is(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, identity_1), 1000);
    put(f, a_connection(account_1, expired, NULL), 2000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get(f, &row);
    assert_int_equal(row.version, 2);
    assert_int_equal(row.changed_ms, 2000);
    assert_string_equal(row.status, "EXPIRED");
    assert_string_equal(row.identity, identity_1);
}

static void another_account_forgets_who_the_old_one_was(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, identity_1), 1000);
    put(f, a_connection(account_2, active, NULL), 2000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get(f, &row);
    assert_int_equal(row.version, 2);
    assert_int_equal(row.changed_ms, 2000);
    assert_null(row.identity);
    put(f, a_connection(NULL, active, NULL), 3000);
    AUTO(connection_row_done) struct connection_row gone = {0};
    get(f, &gone);
    assert_null(gone.account_id);
    assert_int_equal(gone.version, 3);
}

static void learning_who_it_is_is_a_change_of_the_document_only(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, NULL), 1000);
    put(f, a_connection(account_1, active, identity_1), 2000);
    AUTO(connection_row_done) struct connection_row row = {0};
    get(f, &row);
    assert_int_equal(row.version, 2);
    assert_int_equal(row.changed_ms, 1000);
}

static void several_are_put_together_and_listed_by_name(void **state)
{
    struct fixture *f = *state;
    static char sanity[] = "sanity";
    static char github[] = "github";
    struct connection_row rows[] = {a_connection(account_1, active, NULL),
                                    a_connection(account_1, active, NULL),
                                    a_connection(account_1, active, NULL)};
    rows[1].connector = sanity;
    rows[2].connector = github;
    assert_ok(store_connections_put(f->store, rows, ARRAY_LEN(rows)));
    AUTO(connection_list_done) struct connection_list list = {0};
    assert_ok(store_connections_list(f->store, "u1", &list));
    assert_int_equal(list.n, 3);
    assert_string_equal(list.rows[0].connector, "github");
    assert_string_equal(list.rows[1].connector, "sanity");
    assert_string_equal(list.rows[2].connector, "slack");
    AUTO(connection_list_done) struct connection_list none = {0};
    assert_ok(store_connections_list(f->store, "u2", &none));
    assert_int_equal(none.n, 0);
}

static void deleting_a_user_deletes_what_is_theirs(void **state)
{
    struct fixture *f = *state;
    put(f, a_connection(account_1, active, NULL), 1000);
    char id[ID_MAX];
    create_run(f, "u1", id);
    create_run(f, "u2", id);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = ON; DELETE FROM users WHERE id = 'u1'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM connections"), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_found_by_its_hash_and_stored_as_nothing_else),
        TEST(a_revoked_key_is_not_found_but_listed_on_demand),
        TEST(revoking_twice_keeps_the_first_time),
        TEST(a_name_has_one_to_sixty_four_plain_characters),
        TEST(scopes_have_one_spelling),
        TEST(a_scope_of_a_later_version_gives_no_right),
        TEST(the_audit_keeps_who_did_what),
        TEST(a_connection_is_read_as_it_was_put),
        TEST(reading_the_same_again_is_no_change),
        TEST(another_status_is_a_change_and_keeps_who_it_is),
        TEST(another_account_forgets_who_the_old_one_was),
        TEST(learning_who_it_is_is_a_change_of_the_document_only),
        TEST(several_are_put_together_and_listed_by_name),
        TEST(deleting_a_user_deletes_what_is_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
