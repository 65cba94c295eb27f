/*
 * What the tests of the store share: a database in a directory of its own, rows to put into it, and
 * a way past the store to the file.
 */
#ifndef COMPONENT_TEST_STORE_FIXTURE_H
#define COMPONENT_TEST_STORE_FIXTURE_H

#include "base/str.h"
#include "base/thread.h"
#include "store/runs.h"
#include "store/steps.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

struct fixture {
    char dir[64];
    char path[96];
    char key_path[128];
    struct store *store;
};

static UNUSED enum err fixture_try_open(struct fixture *f)
{
    struct store_options options = {.path = f->path};
    return store_open(&options, &f->store);
}

static UNUSED void assert_ok(enum err e)
{
    if (e) fail_msg("%s: %s (%s)", err_name(e), err_detail(), err_origin());
}

static UNUSED void assert_story_has(const char *words)
{
    if (!strstr(err_detail(), words)) fail_msg("\"%s\" is not in: %s", words, err_detail());
}

static UNUSED void fixture_open(struct fixture *f)
{
    assert_ok(fixture_try_open(f));
}

static UNUSED void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

/* A directory, and no database yet. */
static UNUSED int fixture_make(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/briefd-store-XXXXXX");
    if (!mkdtemp(f->dir)) return -1;
    snprintf(f->path, sizeof f->path, "%s/briefd.db", f->dir);
    snprintf(f->key_path, sizeof f->key_path, "%s.key", f->path);
    *state = f;
    return 0;
}

static UNUSED int fixture_make_open(void **state)
{
    if (fixture_make(state) != 0) return -1;
    return fixture_try_open(*state) == E_OK ? 0 : -1;
}

static UNUSED int fixture_remove(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    DIR *dir = opendir(f->dir);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (dir) closedir(dir);
    rmdir(f->dir);
    xfree(f);
    return 0;
}

/* ---- rows ---- */

static UNUSED struct run_row a_run(const char *user_id, const char *recipe)
{
    struct run_row row = {.start_by_ms = 4102444800000, .deadline_ms = 600000};
    run_row_set(&row.user_id, user_id);
    run_row_set(&row.principal, "backend");
    run_row_set(&row.recipe, recipe);
    run_row_set(&row.recipe_hash, "sha256:aa");
    run_row_set(&row.mode, "post");
    run_row_set(&row.params, "{\"slack_channel\":\"C01\"}");
    run_row_set(&row.params_hash, "p1");
    run_row_set(&row.timezone, "Europe/Oslo");
    run_row_set(&row.if_blocked, "wait");
    run_row_set(&row.model, "claude-x");
    row.budget_nano_usd = 500000000;
    return row;
}

static UNUSED void render_plain(void *ctx, const struct run_row *row, bool is_attached,
                                struct run_answer *out)
{
    (void)ctx;
    out->http_status = is_attached ? 200 : 202;
    str_append_format(&out->body, "{\"id\":\"%s\",\"status\":\"%s\",\"event\":%lld}", row->id,
                      run_status_name(row->status), (long long)row->last_event);
}

static UNUSED struct run_create a_creation(const struct run_row *row)
{
    return (struct run_create){.row = row, .open_max = 100000, .render = render_plain};
}

/* Creates a run and returns its id through `out_id`. */
static UNUSED void create_run(struct fixture *f, const char *user_id, char out_id[ID_MAX])
{
    AUTO(run_row_done) struct run_row row = a_run(user_id, "editorial-briefing");
    struct run_create create = a_creation(&row);
    create.if_running = RUN_ENQUEUE;
    AUTO(run_created_done) struct run_created created = {0};
    assert_ok(store_run_create(f->store, &create, &created));
    assert_int_equal(created.outcome, RUN_CREATED);
    snprintf(out_id, ID_MAX, "%s", created.run_id);
}

static UNUSED enum err become(void *ctx, struct run_row *row)
{
    row->status = *(enum run_status *)ctx;
    if (row->status == RUN_RUNNING) row->attempt++;
    return E_OK;
}

static UNUSED void move_run(struct fixture *f, const char *run_id, enum run_status status)
{
    struct event_new event = {.type = "status"};
    struct run_update update = {.change = become, .ctx = &status, .events = &event, .n_events = 1};
    assert_ok(store_run_update(f->store, run_id, (struct run_fence){0}, &update, NULL));
}

/* ---- past the store ---- */

/* The first column of the first row, by a connection of another program, as it were. */
static UNUSED int64_t ask_file(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    code = sqlite3_step(stmt);
    int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

/* Does a file of the directory (database, WAL, …) contain these bytes? */
static UNUSED bool files_contain(struct fixture *f, const char *bytes)
{
    bool found = false;
    DIR *dir = opendir(f->dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", f->dir, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file) continue;
        fseek(file, 0, SEEK_END);
        size_t size = (size_t)ftell(file);
        rewind(file);
        char *all = xmalloc(size + 1);
        size = fread(all, 1, size, file);
        if (memmem(all, size, bytes, strlen(bytes))) found = true;
        xfree(all);
        fclose(file);
    }
    closedir(dir);
    return found;
}

#endif
