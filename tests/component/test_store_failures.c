/* A database that cannot be written: the error says so, nothing has changed, and it works again
 * after. */
#include "store/internal.h"

#include "component/test_store_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct room {
    int more_pages; /* -1: as much as SQLite allows */
};

/* Gives the writer's connection so many more pages. */
static enum err limit_pages(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct room *room = job->ctx;
    int64_t n_pages = 0;
    enum err e = db_ask_i64(db, "PRAGMA page_count", &n_pages);
    if (e) return e;
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld",
             room->more_pages < 0 ? 1073741823LL : (long long)n_pages + room->more_pages);
    return db_exec(db, sql);
}

static void set_room(struct fixture *f, int more_pages)
{
    struct room room = {.more_pages = more_pages};
    assert_ok(store_write(f->store, limit_pages, &room));
}

/* A step whose result takes hundreds of pages. */
static enum err write_large_step(struct fixture *f, const char *id, const char *key)
{
    static char large[1024 * 1024];
    memset(large, 'x', sizeof large);
    AUTO(str_done) struct str sealed = {0};
    store_step_seal(f->store, id, 0, key, large, sizeof large, &sealed);
    struct step_write step = {.key = key,
                              .state = STEP_DONE,
                              .request_hash = "h",
                              .sealed = sealed.data,
                              .sealed_len = sealed.len};
    struct event_new event = {.type = "step_done"};
    struct run_update update = {.events = &event, .n_events = 1, .steps = &step, .n_steps = 1};
    return store_run_update(f->store, id, (struct run_fence){0}, &update, NULL);
}

static void a_full_disk_changes_nothing_and_passes(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    set_room(f, 20);
    assert_int_equal(write_large_step(f, id, "model/1"), E_STORAGE);
    assert_story_has("full");
    assert_story_has(f->path);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM steps"), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM events"), 1);
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), 1);
    set_room(f, -1);
    assert_ok(write_large_step(f, id, "model/1"));
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), 2);
}

static void a_full_disk_accepts_no_run_and_counts_none(void **state)
{
    struct fixture *f = *state;
    set_room(f, 0);
    AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
    AUTO(str_done) struct str metadata = {0};
    str_append_text(&metadata, "\"");
    for (int i = 0; i < 20000; i++)
        str_append_char(&metadata, 'x');
    str_append_text(&metadata, "\"");
    run_row_set(&row.metadata, str_text(&metadata));
    struct run_create create = a_creation(&row);
    create.open_max = 1;
    create.idempotency = (struct run_idempotency){"backend", "POST /briefings", "k", "f"};
    AUTO(run_created_done) struct run_created created = {0};
    assert_int_equal(store_run_create(f->store, &create, &created), E_STORAGE);
    assert_int_equal(store_run_create(f->store, &create, &created), E_STORAGE);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM runs"), 0);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM idempotency_keys"), 0);
    set_room(f, -1);
    /* The refused ones took no place, and their key is free. */
    assert_ok(store_run_create(f->store, &create, &created));
    assert_int_equal(created.outcome, RUN_CREATED);
}

struct observed {
    size_t n;
};

static void count(void *ctx, const struct run_row *row)
{
    (void)row;
    ((struct observed *)ctx)->n++;
}

/* The limit on the size of files bites when the WAL is written, at COMMIT. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_commit_that_fails_is_told_to_nobody(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    char id[ID_MAX];
    create_run(f, "u1", id);
    struct observed observed = {0};
    store_observe_runs(f->store, count, &observed);
    limit_files(4096);
    enum err e = write_large_step(f, id, "model/1");
    enum err readiness = store_check_writable(f->store);
    limit_files(RLIM_INFINITY);
    assert_int_equal(e, E_STORAGE);
    assert_int_equal(readiness, E_STORAGE);
    assert_int_equal(observed.n, 0);
    assert_int_equal(ask_file(f, "SELECT last_event FROM runs"), 1);

    assert_ok(store_check_writable(f->store));
    assert_ok(write_large_step(f, id, "model/1"));
    assert_int_equal(observed.n, 1);
    AUTO(step_list_done) struct step_list list = {0};
    assert_ok(store_steps_list(f->store, id, 0, &list));
    assert_int_equal(list.n, 1);
}

#define N_THREADS 16

struct worker {
    struct thread thread;
    struct fixture *f;
    char id[ID_MAX];
    int n_written;
    int n_refused;
    bool is_wrong;
};

static void *write_many(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < 20; i++) {
        struct event_new event = {.type = "tick"};
        struct run_update update = {.events = &event, .n_events = 1};
        enum err e = store_run_update(w->f->store, w->id, (struct run_fence){0}, &update, NULL);
        if (!e)
            w->n_written++;
        else if (e == E_STORAGE)
            w->n_refused++;
        else
            w->is_wrong = true;
    }
    return NULL;
}

static void what_was_confirmed_while_a_disk_was_full_is_exactly_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct worker workers[N_THREADS] = {0};
    for (int i = 0; i < N_THREADS; i++) {
        workers[i].f = f;
        create_run(f, "u1", workers[i].id);
    }
    set_room(f, 3);
    for (int i = 0; i < N_THREADS; i++)
        assert_ok(thread_start(&workers[i].thread, "test", write_many, &workers[i]));
    for (int i = 0; i < N_THREADS; i++)
        thread_join(&workers[i].thread);
    set_room(f, -1);
    int n_refused = 0;
    for (int i = 0; i < N_THREADS; i++) {
        assert_false(workers[i].is_wrong);
        assert_int_equal(workers[i].n_written + workers[i].n_refused, 20);
        n_refused += workers[i].n_refused;
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM events WHERE run_id = '%s'", workers[i].id);
        assert_int_equal(ask_file(f, sql), 1 + workers[i].n_written);
        snprintf(sql, sizeof sql, "SELECT last_event FROM runs WHERE id = '%s'", workers[i].id);
        assert_int_equal(ask_file(f, sql), 1 + workers[i].n_written);
    }
    assert_true(n_refused > 0);
}

static void a_status_that_cannot_be_is_corrupt(void **state)
{
    struct fixture *f = *state;
    char id[ID_MAX];
    create_run(f, "u1", id);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA ignore_check_constraints = ON;"
                                  "UPDATE runs SET status = 'sleeping'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    AUTO(run_row_done) struct run_row row = {0};
    assert_int_equal(store_run_get(f->store, id, &row), E_CORRUPT);
}

static void a_database_locked_for_too_long_is_told(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_check_writable(f->store), E_STORAGE);
    assert_story_has("another process");
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(store_check_writable(f->store));
}

/* In a child: creates runs and tells the id of each through the pipe, until it is killed. */
static void create_for_ever(struct fixture *f, int fd)
{
    if (fixture_try_open(f)) _exit(1);
    for (;;) {
        AUTO(run_row_done) struct run_row row = a_run("u1", "editorial-briefing");
        struct run_create create = a_creation(&row);
        create.if_running = RUN_ENQUEUE;
        AUTO(run_created_done) struct run_created created = {0};
        if (store_run_create(f->store, &create, &created)) _exit(2);
        if (write(fd, created.run_id, ID_MAX) != ID_MAX) _exit(3);
    }
}

static void what_was_confirmed_before_a_kill_is_there_after_it(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        create_for_ever(f, ends[1]);
    }
    close(ends[1]);
    char ids[512][ID_MAX];
    size_t n = 0;
    while (n < ARRAY_LEN(ids) && read(ends[0], ids[n], ID_MAX) == ID_MAX) {
        if (++n == 40) assert_int_equal(kill(child, SIGKILL), 0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    close(ends[0]);
    assert_true(WIFSIGNALED(how) && n >= 40 && n < ARRAY_LEN(ids));

    fixture_open(f);
    for (size_t i = 0; i < n; i++) {
        AUTO(run_row_done) struct run_row row = {0};
        assert_ok(store_run_get(f->store, ids[i], &row));
        assert_int_equal(row.last_event, 1);
    }
    assert_int_equal(
        ask_file(f, "SELECT (SELECT count(*) FROM runs) = (SELECT count(*) FROM events)"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_open, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_changes_nothing_and_passes),
        TEST(a_full_disk_accepts_no_run_and_counts_none),
        TEST(a_commit_that_fails_is_told_to_nobody),
        TEST(what_was_confirmed_while_a_disk_was_full_is_exactly_what_is_there),
        TEST(a_status_that_cannot_be_is_corrupt),
        TEST(a_database_locked_for_too_long_is_told),
        TEST(what_was_confirmed_before_a_kill_is_there_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
