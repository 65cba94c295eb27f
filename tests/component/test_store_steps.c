/* The journal: steps begin, end once, and give their results back. */
#include "component/test_store_fixture.h"

static enum err write_step(struct fixture *f, const char *id, const struct step_write *step)
{
    struct run_update update = {.steps = step, .n_steps = 1};
    return store_run_update(f->store, id, (struct run_fence){0}, &update, NULL);
}

static void write_done(struct fixture *f, const char *id, const char *key, const char *result)
{
    AUTO(str_done) struct str sealed = {0};
    store_step_seal(f->store, id, 0, key, result, strlen(result), &sealed);
    struct step_write step = {.key = key,
                              .state = STEP_DONE,
                              .request_hash = "h",
                              .sealed = sealed.data,
                              .sealed_len = sealed.len,
                              .meta = "{\"status\":200}"};
    assert_ok(write_step(f, id, &step));
}

static void a_step_begins_and_ends_with_its_result(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    move_run(f, id, RUN_RUNNING);
    struct step_write begun = {.key = "tool/1.1", .state = STEP_BEGUN, .request_hash = "h"};
    assert_ok(write_step(f, id, &begun));
    struct step_write other = {.key = "tool/1.2", .state = STEP_BEGUN, .request_hash = "h2"};
    assert_ok(write_step(f, id, &other));
    write_done(f, id, "tool/1.1", "the result");

    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_int_equal(list.n, 2);
    assert_string_equal(list.rows[0].key, "tool/1.1");
    assert_int_equal(list.rows[0].state, STEP_DONE);
    assert_int_equal(list.rows[0].format, STEP_FORMAT);
    assert_int_equal(list.rows[0].attempt, 1);
    assert_string_equal(str_text(&list.rows[0].result), "the result");
    assert_string_equal(list.rows[0].meta, "{\"status\":200}");
    assert_true(list.rows[0].done_ms >= list.rows[0].begun_ms);
    assert_int_equal(list.rows[1].state, STEP_BEGUN);
    assert_int_equal(list.rows[1].done_ms, 0);
    assert_int_equal(list.rows[1].result.len, 0);
    assert_string_equal(list.rows[1].request_hash, "h2");
    AUTO(step_list_done) struct step_list none = {0};
    assert_ok(store_steps_list(f->store, id, 1, &none));
    assert_int_equal(none.n, 0);
}

static void a_step_that_begins_again_keeps_what_it_asked_first(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct step_write begun = {
        .key = "model/1", .state = STEP_BEGUN, .request_hash = "h1", .meta = "{\"a\":1}"};
    assert_ok(write_step(f, id, &begun));
    move_run(f, id, RUN_RUNNING);
    begun.request_hash = "h2";
    begun.meta = NULL;
    assert_ok(write_step(f, id, &begun));
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_int_equal(list.n, 1);
    assert_int_equal(list.rows[0].attempt, 1);
    assert_string_equal(list.rows[0].request_hash, "h1");
    assert_string_equal(list.rows[0].meta, "{\"a\":1}");
}

static void a_stored_result_is_never_replaced(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    write_done(f, id, "model/1", "first");
    struct step_write again = {.key = "model/1", .state = STEP_DONE, .request_hash = "h"};
    assert_int_equal(write_step(f, id, &again), E_CONFLICT);
    again.state = STEP_BEGUN;
    assert_int_equal(write_step(f, id, &again), E_CONFLICT);
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_string_equal(str_text(&list.rows[0].result), "first");
}

static void an_empty_result_is_a_result(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    write_done(f, id, "tool/1.1", "");
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_int_equal(list.rows[0].state, STEP_DONE);
    assert_int_equal(list.rows[0].result.len, 0);
}

static enum err prepare_anew(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->generation++;
    return E_OK;
}

static void each_generation_has_its_own_steps(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    write_done(f, id, "prepare", "old");
    struct step_write begun = {.key = "prepare", .state = STEP_BEGUN, .request_hash = "h2"};
    struct run_update update = {.change = prepare_anew, .steps = &begun, .n_steps = 1};
    assert_ok(store_run_update(f->store, id, (struct run_fence){0}, &update, NULL));
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 1, &list));
    assert_int_equal(list.n, 1);
    assert_int_equal(list.rows[0].state, STEP_BEGUN);
}

static void a_result_with_every_byte_comes_back_unchanged(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    unsigned char bytes[300000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    AUTO(str_done) struct str sealed = {0};
    store_step_seal(f->store, id, 0, "tool/1.1", bytes, sizeof bytes, &sealed);
    struct step_write step = {.key = "tool/1.1",
                              .state = STEP_DONE,
                              .request_hash = "h",
                              .sealed = sealed.data,
                              .sealed_len = sealed.len};
    assert_ok(write_step(f, id, &step));
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_int_equal(list.rows[0].result.len, sizeof bytes);
    assert_memory_equal(list.rows[0].result.data, bytes, sizeof bytes);
}

static void a_result_moved_to_another_step_is_not_believed(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    write_done(f, id, "model/1", "result");
    ask_file(f, "UPDATE steps SET key = 'model/2'");
    AUTO(step_list_done) struct step_list list = {0};
    assert_int_equal(store_steps_list(f->store, id, 0, &list), E_CORRUPT);
    assert_story_has("model/2");
    assert_story_has(id);
}

static void outcomes_of_earlier_generations_are_counted(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    static const char *const keys[] = {"delivery/1", "delivery/2", "delivery/3"};
    static const char *const metas[] = {"{\"outcome\":\"a\"}", "{\"outcome\":\"b\"}",
                                        "{\"outcome\":\"a\"}"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct step_write step = {
            .key = keys[i], .state = STEP_DONE, .request_hash = "h", .meta = metas[i]};
        assert_ok(write_step(f, id, &step));
    }
    int64_t n = -1;
    assert_ok(store_steps_count(f->store, id, 0, "a", &n));
    assert_int_equal(n, 0);
    assert_ok(store_steps_count(f->store, id, 1, "a", &n));
    assert_int_equal(n, 2);
    assert_ok(store_steps_count(f->store, id, 1, "c", &n));
    assert_int_equal(n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_begins_and_ends_with_its_result),
        TEST(a_step_that_begins_again_keeps_what_it_asked_first),
        TEST(a_stored_result_is_never_replaced),
        TEST(an_empty_result_is_a_result),
        TEST(a_result_moved_to_another_step_is_not_believed),
        TEST(outcomes_of_earlier_generations_are_counted),
        TEST(each_generation_has_its_own_steps),
        TEST(a_result_with_every_byte_comes_back_unchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
