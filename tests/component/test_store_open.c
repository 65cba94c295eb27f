/* Opening a database: new, old, newer, foreign, damaged, out of reach. */
#include "component/test_store_fixture.h"

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 0777;
}

static void a_new_database_and_its_key_are_readable_by_their_owner_only(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_int_equal(mode_of(f->path), 0600);
    assert_int_equal(mode_of(f->key_path), 0600);
    assert_int_equal(store_version(f->store), store_version_known());
    assert_int_equal(store_version_found(f->store), 0);
}

static void what_was_written_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char id[ID_MAX];
    create_run(f, "u1", id);
    fixture_close(f);
    fixture_open(f);
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(f->store, id, &row));
    assert_string_equal(row.user_id, "u1");
}

static void closing_leaves_one_complete_file(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char id[ID_MAX];
    create_run(f, "u1", id);
    fixture_close(f);
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_not_equal(access(wal, F_OK), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 1);
}

static void an_absent_database_is_not_made_for_an_admin_command(void **state)
{
    struct fixture *f = *state;
    struct store_options options = {.path = f->path, .no_create = true};
    assert_int_equal(store_open(&options, &f->store), E_NOT_FOUND);
    assert_story_has(f->path);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

static void a_database_of_a_newer_version_is_refused_naming_both(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    ask_file(f, "PRAGMA user_version = 9876");
    assert_int_equal(fixture_try_open(f), E_CONFLICT);
    assert_story_has("9876");
    char known[32];
    snprintf(known, sizeof known, "up to %d", store_version_known());
    assert_story_has(known);
    assert_story_has(f->path);
}

static void an_older_version_is_refused_where_migrating_is_not_allowed(void **state)
{
    struct fixture *f = *state;
    struct store_options options = {.path = f->path, .no_migrate = true};
    assert_int_equal(store_open(&options, &f->store), E_CONFLICT);
    assert_story_has("briefd migrate");
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sqlite_schema"), 0);
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    struct fixture *f = *state;
    ask_file(f, "CREATE TABLE recipes (name TEXT)");
    assert_int_equal(fixture_try_open(f), E_INVALID);
    assert_story_has("another program");
    assert_int_equal(ask_file(f, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM pragma_journal_mode"
                                 " WHERE journal_mode = 'delete'"),
                     1);
    assert_int_not_equal(access(f->key_path, F_OK), 0);
}

static void write_file(const char *path, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(path, at ? "r+b" : "wb");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    memset(text, 'x', sizeof text);
    write_file(f->path, 0, text, sizeof text);
    assert_int_equal(fixture_try_open(f), E_CORRUPT);
    assert_story_has("no SQLite database");
    assert_story_has(f->path);
}

static void a_damaged_page_is_found_at_start(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (int i = 0; i < 20; i++) {
        char id[ID_MAX];
        create_run(f, "u1", id);
    }
    fixture_close(f);
    long root = (long)ask_file(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'runs'");
    char damage[512];
    memset(damage, 0x5a, sizeof damage);
    write_file(f->path, (root - 1) * 4096, damage, sizeof damage);
    assert_int_equal(fixture_try_open(f), E_CORRUPT);
    assert_story_has(f->path);
}

static void a_missing_directory_is_told(void **state)
{
    struct fixture *f = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/missing/briefd.db", f->dir);
    struct store_options options = {.path = path};
    assert_int_equal(store_open(&options, &f->store), E_STORAGE);
    assert_story_has(path);
}

/* Root may write anything: file permissions count only for somebody else. */
static enum err open_as_nobody(struct fixture *f)
{
    bool is_root = geteuid() == 0;
    if (is_root) assert_int_equal(seteuid(65534), 0);
    enum err e = fixture_try_open(f);
    if (is_root) assert_int_equal(seteuid(0), 0);
    return e;
}

static void a_directory_that_may_not_be_written_is_told(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chmod(f->dir, 0555), 0);
    enum err e = open_as_nobody(f);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(e, E_STORAGE);
    assert_story_has(f->path);
}

static void a_file_that_may_only_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(open_as_nobody(f), E_STORAGE);
    assert_story_has(f->path);
    assert_story_has("may not write");
}

static void the_database_can_be_asked_whether_it_can_be_written(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    assert_ok(store_check_writable(f->store));
    assert_ok(store_check_writable(f->store));
    assert_int_equal(ask_file(f, "SELECT count(*) FROM meta WHERE name = 'writable'"), 1);
}

static void a_change_by_another_process_is_noticed_and_an_own_one_is_not(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    int64_t before = 0;
    int64_t after = 0;
    assert_ok(store_data_version(f->store, &before));
    char id[ID_MAX];
    create_run(f, "u1", id);
    assert_ok(store_data_version(f->store, &after));
    assert_int_equal(after, before);
    ask_file(f, "INSERT INTO users VALUES ('from outside', 1)");
    assert_ok(store_data_version(f->store, &after));
    assert_true(after > before);
}

static void runs_ended_by_another_process_make_room(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char id[ID_MAX];
    create_run(f, "u1", id);
    AUTO(run_row_done) struct run_row row = a_run("u2", "editorial-briefing");
    struct run_create create = a_creation(&row);
    create.open_max = 1;
    AUTO(run_created_done) struct run_created full = {0};
    assert_ok(store_run_create(f->store, &create, &full));
    assert_int_equal(full.outcome, RUN_QUEUE_FULL);
    ask_file(f, "UPDATE runs SET status = 'failed', finished_ms = 5");
    AUTO(run_created_done) struct run_created created = {0};
    assert_ok(store_run_create(f->store, &create, &created));
    assert_int_equal(created.outcome, RUN_CREATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_database_and_its_key_are_readable_by_their_owner_only),
        TEST(what_was_written_is_there_after_opening_again),
        TEST(closing_leaves_one_complete_file),
        TEST(an_absent_database_is_not_made_for_an_admin_command),
        TEST(a_database_of_a_newer_version_is_refused_naming_both),
        TEST(an_older_version_is_refused_where_migrating_is_not_allowed),
        TEST(a_database_of_another_program_is_left_alone),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_damaged_page_is_found_at_start),
        TEST(a_missing_directory_is_told),
        TEST(a_directory_that_may_not_be_written_is_told),
        TEST(a_file_that_may_only_be_read_is_told),
        TEST(the_database_can_be_asked_whether_it_can_be_written),
        TEST(a_change_by_another_process_is_noticed_and_an_own_one_is_not),
        TEST(runs_ended_by_another_process_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
