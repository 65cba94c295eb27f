/* Many threads at once: one run for one idempotency key, numbers without gaps, order for the
 * observer. */

#include "component/test_store_fixture.h"

#define N_CREATORS  64
#define N_WRITERS   32
#define WRITES_EACH 20

struct worker {
    struct thread thread;
    struct fixture *f;
    const char *run_id;
    int number;
    /* results, read after the join */
    enum err error;
    enum run_create_outcome outcome;
    char created_id[ID_MAX];
    char body[256];
};

static void run_all(struct worker *workers, size_t n, void *(*main)(void *))
{
    for (size_t i = 0; i < n; i++)
        assert_ok(thread_start(&workers[i].thread, "test", main, &workers[i]));
    for (size_t i = 0; i < n; i++)
        thread_join(&workers[i].thread);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(workers[i].error, E_OK);
}

/* ---- creations ---- */

static void *create_same(void *arg)
{
    struct worker *w = arg;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create create = a_creation(&row);
    create.if_running = RUN_ENQUEUE;
    create.idempotency = (struct run_idempotency){
        .principal = "backend", .route = "POST /briefings", .key = "once", .fingerprint = "f"};
    AUTO(run_created_done) struct run_created created = {0};
    w->error = store_run_create(w->f->store, &create, &created);
    w->outcome = created.outcome;
    snprintf(w->body, sizeof w->body, "%s", str_text(&created.answer.body));
    return NULL;
}

static void sixty_four_requests_with_one_key_make_one_run(void **state)
{
    struct fixture *f = *state;
    struct worker workers[N_CREATORS] = {0};
    for (int i = 0; i < N_CREATORS; i++)
        workers[i].f = f;
    run_all(workers, N_CREATORS, create_same);
    int n_created = 0;
    for (int i = 0; i < N_CREATORS; i++) {
        n_created += workers[i].outcome == RUN_CREATED;
        if (workers[i].outcome != RUN_CREATED) assert_int_equal(workers[i].outcome, RUN_REPLAYED);
        assert_string_equal(workers[i].body, workers[0].body);
    }
    assert_int_equal(n_created, 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 1);
}

static void *create_or_attach(void *arg)
{
    struct worker *w = arg;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create create = a_creation(&row);
    AUTO(run_created_done) struct run_created created = {0};
    w->error = store_run_create(w->f->store, &create, &created);
    w->outcome = created.outcome;
    snprintf(w->created_id, ID_MAX, "%s", created.run_id);
    return NULL;
}

static void sixty_four_requests_that_attach_share_one_run(void **state)
{
    struct fixture *f = *state;
    struct worker workers[N_CREATORS] = {0};
    for (int i = 0; i < N_CREATORS; i++)
        workers[i].f = f;
    run_all(workers, N_CREATORS, create_or_attach);
    int n_created = 0;
    for (int i = 0; i < N_CREATORS; i++) {
        n_created += workers[i].outcome == RUN_CREATED;
        assert_string_equal(workers[i].created_id, workers[0].created_id);
    }
    assert_int_equal(n_created, 1);
}

static void *create_up_to_ten(void *arg)
{
    struct worker *w = arg;
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    struct run_create create = a_creation(&row);
    create.if_running = RUN_ENQUEUE;
    create.open_max = 10;
    AUTO(run_created_done) struct run_created created = {0};
    w->error = store_run_create(w->f->store, &create, &created);
    w->outcome = created.outcome;
    return NULL;
}

static void a_limit_holds_against_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct worker workers[N_CREATORS] = {0};
    for (int i = 0; i < N_CREATORS; i++)
        workers[i].f = f;
    run_all(workers, N_CREATORS, create_up_to_ten);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 10);
}

/* ---- updates ---- */

struct numbers {
    int64_t last; /* newest number the observer was told */
    size_t n;
    bool is_in_order;
};

/* On the writer thread; read after the joins. */
static void check_order(void *ctx, const struct run_row *row)
{
    struct numbers *numbers = ctx;
    if (row->last_event != numbers->last + 1) numbers->is_in_order = false;
    numbers->last = row->last_event;
    numbers->n++;
}

static enum err count_turn(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->turn++;
    return E_OK;
}

static void *write_events(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < WRITES_EACH && !w->error; i++) {
        char key[32];
        snprintf(key, sizeof key, "tool/%d.%d", w->number, i);
        struct event_new event = {.type = "tick"};
        struct step_write step = {.key = key, .state = STEP_BEGUN, .request_hash = "h"};
        struct run_update update = {
            .change = count_turn, .events = &event, .n_events = 1, .steps = &step, .n_steps = 1};
        AUTO(run_row_done) struct run_row row = {0};
        w->error = store_run_update(w->f->store, w->run_id, (struct run_fence){0}, &update, &row);
    }
    return NULL;
}

static void events_of_many_writers_are_numbered_without_gaps(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct numbers numbers = {.last = 1, .is_in_order = true};
    store_observe_runs(f->store, check_order, &numbers);
    struct worker workers[N_WRITERS] = {0};
    for (int i = 0; i < N_WRITERS; i++)
        workers[i] = (struct worker){.f = f, .run_id = id, .number = i};
    run_all(workers, N_WRITERS, write_events);

    int64_t total = N_WRITERS * WRITES_EACH;
    assert_true(numbers.is_in_order);
    assert_int_equal(numbers.n, total);
    assert_int_equal(numbers.last, total + 1);
    assert_int_equal(ask_file(f, "SELECT turn FROM runs"), total);
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), total + 1);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM steps"), total);
    AUTO(event_list_done) struct event_list events = {0};
    assert_ok(store_events_list(f->store, id, 0, (int)total + 10, &events));
    assert_int_equal(events.n, total + 1);
    for (size_t i = 0; i < events.n; i++)
        assert_int_equal(events.rows[i].n, i + 1);
}

static enum err claim(void *ctx, struct run_row *row)
{
    (void)ctx;
    row->status = RUN_RUNNING;
    row->attempt++;
    return E_OK;
}

static void *claim_run(void *arg)
{
    struct worker *w = arg;
    struct run_update update = {.change = claim};
    struct run_fence fence = {.statuses = 1u << RUN_QUEUED};
    enum err e = store_run_update(w->f->store, w->run_id, fence, &update, NULL);
    w->outcome = e == E_LOST ? RUN_ATTACHED : RUN_CREATED;
    w->error = e == E_LOST ? E_OK : e;
    return NULL;
}

static void one_of_many_claims_wins(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct worker workers[N_WRITERS] = {0};
    for (int i = 0; i < N_WRITERS; i++)
        workers[i] = (struct worker){.f = f, .run_id = id};
    run_all(workers, N_WRITERS, claim_run);
    int n_won = 0;
    for (int i = 0; i < N_WRITERS; i++)
        n_won += workers[i].outcome == RUN_CREATED;
    assert_int_equal(n_won, 1);
    assert_int_equal(ask_file(f, "SELECT attempt FROM runs"), 1);
}

static enum err refuse(void *ctx, struct run_row *row)
{
    row->turn = 1000;
    return fail_at("here.c", 1, E_CONFLICT, "number %d", *(int *)ctx);
}

/* Every second write fails, with a story of its own. */
static void *fail_or_write(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < WRITES_EACH && !w->error; i++) {
        struct event_new event = {.type = "tick"};
        struct run_update good = {.change = count_turn, .events = &event, .n_events = 1};
        w->error = store_run_update(w->f->store, w->run_id, (struct run_fence){0}, &good, NULL);
        if (w->error) break;
        int number = w->number * 1000 + i;
        struct run_update bad = {.change = refuse, .ctx = &number, .events = &event, .n_events = 1};
        enum err e = store_run_update(w->f->store, w->run_id, (struct run_fence){0}, &bad, NULL);
        char expected[32];
        snprintf(expected, sizeof expected, "number %d", number);
        if (e != E_CONFLICT || !text_equal(err_detail(), expected)) w->error = E_INTERNAL;
    }
    return NULL;
}

static void a_failing_write_leaves_its_neighbours_alone_and_keeps_its_own_story(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct worker workers[N_WRITERS] = {0};
    for (int i = 0; i < N_WRITERS; i++)
        workers[i] = (struct worker){.f = f, .run_id = id, .number = i};
    run_all(workers, N_WRITERS, fail_or_write);
    int64_t total = N_WRITERS * WRITES_EACH;
    assert_int_equal(ask_file(f, "SELECT turn FROM runs"), total);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), total + 1);
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), total + 1);
}

/* ---- readers ---- */

static void *read_and_write(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < WRITES_EACH && !w->error; i++) {
        struct event_new event = {.type = "tick"};
        struct run_update update = {.change = count_turn, .events = &event, .n_events = 1};
        AUTO(run_row_done) struct run_row written = {0};
        w->error =
            store_run_update(w->f->store, w->run_id, (struct run_fence){0}, &update, &written);
        AUTO(run_row_done) struct run_row row = {0};
        if (!w->error) w->error = store_run_get(w->f->store, w->run_id, &row);
        /* What was committed before is seen, and row and number belong together. */
        if (!w->error && (row.turn < written.turn || row.turn + 1 != row.last_event))
            w->error = E_INTERNAL;
        AUTO(event_list_done) struct event_list events = {0};
        if (!w->error)
            w->error = store_events_list(w->f->store, w->run_id, row.last_event - 1, 1, &events);
        if (!w->error && events.n != 1) w->error = E_INTERNAL;
    }
    return NULL;
}

static void readers_see_what_was_committed_before(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct worker workers[N_WRITERS] = {0};
    for (int i = 0; i < N_WRITERS; i++)
        workers[i] = (struct worker){.f = f, .run_id = id};
    run_all(workers, N_WRITERS, read_and_write);
}

/* ---- another process ---- */

static void two_stores_on_one_file_take_turns(void **state)
{
    struct fixture *f = *state;
    struct fixture admin = *f;
    struct store_options options = {.path = f->path, .no_create = true, .no_migrate = true};
    assert_ok(store_open(&options, &admin.store));
    struct worker workers[8] = {0};
    char ids[2][ID_MAX];
    create_run(f, "u1", ids[0]);
    create_run(f, "u2", ids[1]);
    for (int i = 0; i < 8; i++)
        workers[i] =
            (struct worker){.f = i % 2 ? f : &admin, .run_id = ids[i % 4 < 2], .number = i};
    run_all(workers, 8, write_events);
    fixture_close(&admin);
    assert_int_equal(ask_file(f, "SELECT sum(turn) FROM runs"), 8 * WRITES_EACH);
    assert_ok(store_check_writable(f->store));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sixty_four_requests_with_one_key_make_one_run),
        TEST(sixty_four_requests_that_attach_share_one_run),
        TEST(a_limit_holds_against_many_at_once),
        TEST(events_of_many_writers_are_numbered_without_gaps),
        TEST(one_of_many_claims_wins),
        TEST(a_failing_write_leaves_its_neighbours_alone_and_keeps_its_own_story),
        TEST(readers_see_what_was_committed_before),
        TEST(two_stores_on_one_file_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
