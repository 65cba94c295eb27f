/* Sealing: what lies in the file cannot be read, and a lost or exchanged key is noticed at start.
 */
#include "base/crypt.h"

#include "component/test_store_fixture.h"

#define CANARY "canary-5d1f-what-only-the-user-may-read"

static const char key_a[] = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
static const char key_b[] = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";
static const char key_c[] = "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M";

static enum err open_with(struct fixture *f, const char *key, const char *previous)
{
    struct store_options options = {
        .path = f->path, .seal_key = key, .seal_key_previous = previous};
    return store_open(&options, &f->store);
}

static enum err write_message(void *ctx, struct run_row *row)
{
    run_row_set(&row->delivery_text, ctx);
    return E_OK;
}

static void write_secrets(struct fixture *f, const char *secret, char out_id[ID_MAX])
{
    create_run(f, "u1", out_id);
    AUTO(str_done) struct str sealed = {0};
    store_step_seal(f->store, out_id, 0, "model/1", secret, strlen(secret), &sealed);
    struct step_write step = {.key = "model/1",
                              .state = STEP_DONE,
                              .request_hash = "h",
                              .sealed = sealed.data,
                              .sealed_len = sealed.len};
    AUTO(xfree_ptr) char *copy = xstrdup(secret);
    struct run_update update = {.change = write_message, .ctx = copy, .steps = &step, .n_steps = 1};
    assert_ok(store_run_update(f->store, out_id, (struct run_fence){0}, &update, NULL));
}

static void expect_secrets(struct fixture *f, const char *id, const char *secret)
{
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(f->store, id, &row));
    assert_string_equal(row.delivery_text, secret);
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_string_equal(str_text(&list.rows[0].result), secret);
}

static void results_and_messages_are_in_no_file_in_the_clear(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char id[ID_MAX];
    write_secrets(f, CANARY, id);
    assert_true(files_contain(f, id)); /* the search does find what is there */
    assert_false(files_contain(f, CANARY));
    fixture_close(f);
    assert_true(files_contain(f, id));
    assert_false(files_contain(f, CANARY));
    fixture_open(f);
    expect_secrets(f, id, CANARY);
}

static void a_lost_key_file_is_noticed_when_rows_need_it(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char id[ID_MAX];
    write_secrets(f, CANARY, id);
    fixture_close(f);
    char aside[160];
    snprintf(aside, sizeof aside, "%s.aside", f->key_path);
    assert_int_equal(rename(f->key_path, aside), 0);
    assert_int_equal(fixture_try_open(f), E_INVALID);
    assert_story_has(f->key_path);
    assert_story_has("BRIEFD_SEAL_KEY");
    assert_int_not_equal(access(f->key_path, F_OK), 0); /* and no new one was made */
    assert_int_equal(rename(aside, f->key_path), 0);
    fixture_open(f);
    expect_secrets(f, id, CANARY);
}

static void a_lost_key_file_is_made_anew_when_no_row_needs_it(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(unlink(f->key_path), 0);
    fixture_open(f);
    char id[ID_MAX];
    write_secrets(f, CANARY, id);
    expect_secrets(f, id, CANARY);
}

static void another_key_is_refused_and_says_which_is_wanted(void **state)
{
    struct fixture *f = *state;
    assert_ok(open_with(f, key_a, NULL));
    char id[ID_MAX];
    write_secrets(f, CANARY, id);
    char wanted[17];
    snprintf(wanted, sizeof wanted, "%s", store_seal_keys(f->store)->current.id);
    fixture_close(f);
    assert_int_equal(open_with(f, key_b, NULL), E_INVALID);
    assert_story_has(wanted);
    assert_story_has("BRIEFD_SEAL_KEY_PREVIOUS");
    assert_null(strstr(err_detail(), key_b));
    assert_int_equal(open_with(f, key_b, key_c), E_INVALID);
    assert_ok(open_with(f, key_a, NULL));
    expect_secrets(f, id, CANARY);
}

static void a_sealed_answer_needs_its_key_as_well(void **state)
{
    struct fixture *f = *state;
    assert_ok(open_with(f, key_a, NULL));
    AUTO(run_row_done) struct run_row row = a_run("u1", "r");
    struct run_create create = a_creation(&row);
    create.idempotency = (struct run_idempotency){"backend", "POST /briefings", "k", "f"};
    AUTO(run_created_done) struct run_created created = {0};
    assert_ok(store_run_create(f->store, &create, &created));
    fixture_close(f);
    assert_int_equal(open_with(f, key_b, NULL), E_INVALID);
}

static void rotation_opens_old_rows_and_seals_new_ones_with_the_new_key(void **state)
{
    struct fixture *f = *state;
    assert_ok(open_with(f, key_a, NULL));
    char old[ID_MAX];
    write_secrets(f, CANARY, old);
    fixture_close(f);
    assert_ok(open_with(f, key_b, key_a));
    char new[ID_MAX];
    write_secrets(f, "new " CANARY, new);
    expect_secrets(f, old, CANARY);
    expect_secrets(f, new, "new " CANARY);
    fixture_close(f);
    /* Both are needed now. */
    assert_int_equal(open_with(f, key_b, NULL), E_INVALID);
    assert_int_equal(open_with(f, key_a, NULL), E_INVALID);
    assert_ok(open_with(f, key_b, key_a));
    expect_secrets(f, old, CANARY);
}

static void a_retired_key_is_forgotten_with_its_last_row(void **state)
{
    struct fixture *f = *state;
    assert_ok(open_with(f, key_a, NULL));
    char old[ID_MAX];
    write_secrets(f, CANARY, old);
    fixture_close(f);
    assert_ok(open_with(f, key_b, key_a));
    char new[ID_MAX];
    write_secrets(f, CANARY, new);
    char sql[128];
    snprintf(sql, sizeof sql, "DELETE FROM steps WHERE run_id = '%s'", old);
    ask_file(f, sql);
    fixture_close(f);
    assert_int_equal(open_with(f, key_b, NULL), E_INVALID); /* the message is left */
    snprintf(sql, sizeof sql, "UPDATE runs SET delivery_sealed = NULL WHERE id = '%s'", old);
    ask_file(f, sql);
    assert_ok(open_with(f, key_b, NULL));
    expect_secrets(f, new, CANARY);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM meta WHERE name LIKE 'seal_key/%'"), 1);
}

static void a_malformed_key_is_refused_without_showing_it(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {"", "c2hvcnQ=", "not base64 at all, but long enough to be",
                                        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(open_with(f, wrong[i], NULL), E_INVALID);
        assert_story_has("BRIEFD_SEAL_KEY");
        if (wrong[i][0]) assert_null(strstr(err_detail(), wrong[i]));
        assert_int_equal(open_with(f, key_a, wrong[i]), E_INVALID);
        assert_story_has("BRIEFD_SEAL_KEY_PREVIOUS");
    }
}

static void both_spellings_of_base64_give_the_same_key(void **state)
{
    struct fixture *f = *state;
    assert_ok(open_with(f, "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=\n", NULL));
    char id[ID_MAX];
    write_secrets(f, CANARY, id);
    fixture_close(f);
    assert_ok(open_with(f, "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8", NULL));
    expect_secrets(f, id, CANARY);
}

static void a_damaged_key_file_is_told(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->key_path, "w");
    assert_non_null(file);
    fputs("oops\n", file);
    fclose(file);
    assert_int_equal(fixture_try_open(f), E_INVALID);
    assert_story_has(f->key_path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_and_messages_are_in_no_file_in_the_clear),
        TEST(a_lost_key_file_is_noticed_when_rows_need_it),
        TEST(a_lost_key_file_is_made_anew_when_no_row_needs_it),
        TEST(another_key_is_refused_and_says_which_is_wanted),
        TEST(a_sealed_answer_needs_its_key_as_well),
        TEST(rotation_opens_old_rows_and_seals_new_ones_with_the_new_key),
        TEST(a_retired_key_is_forgotten_with_its_last_row),
        TEST(a_malformed_key_is_refused_without_showing_it),
        TEST(both_spellings_of_base64_give_the_same_key),
        TEST(a_damaged_key_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
