#include "store/store.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/internal.h"
#include "store/migrate.h"
#include "store/seal_key.h"

#include <assert.h>
#include <string.h>

#define READERS_DEFAULT 4
/* A larger file is not looked through at start: its damage shows when it is met. */
#define QUICK_CHECK_BYTES_MAX (INT64_C(256) * 1024 * 1024)

void *list_grow(void *rows, size_t n, size_t size)
{
    /* Full at 0 and at each power of two from 8 on. */
    bool is_full = n == 0 || (n >= 8 && (n & (n - 1)) == 0);
    if (is_full) rows = xrealloc(rows, (n == 0 ? 8 : 2 * n) * size);
    memset((char *)rows + n * size, 0, size);
    return rows;
}

/* ---- readers ---- */

struct reader reader_take(struct store *store)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&store->mutex);
    while (store->n_idle == 0)
        cond_wait(&store->reader_is_back, held);
    return (struct reader){.store = store, .db = store->idle[--store->n_idle]};
}

void reader_give_back(struct reader *reader)
{
    struct store *store = reader->store;
    assert(!db_in_transaction(reader->db));
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&store->mutex);
    store->idle[store->n_idle++] = reader->db;
    cond_signal(&store->reader_is_back);
}

enum err store_write(struct store *store,
                     enum err (*run)(struct store *store, struct db *db, struct write_job *job),
                     void *ctx)
{
    struct write_job job = {.run = run, .ctx = ctx};
    return writer_do(store->writer, &job);
}

/* ---- open and close ---- */

static enum err open_file(const struct store_options *options, struct db **out_db)
{
    if (file_exists(options->path)) return db_open(options->path, DB_WRITE, out_db);
    if (options->no_create)
        return fail(E_NOT_FOUND, "there is no database %s; `briefd migrate` makes one",
                    options->path);
    /* Not left to SQLite, which would let others read it, and would not sync its directory. */
    enum err e = file_create(options->path, "", 0, 0600);
    if (e && e != E_CONFLICT) return fail_context(E_STORAGE, "making the database");
    return db_open(options->path, DB_WRITE, out_db);
}

static enum err check_health(struct db *db)
{
    assert(db);
    int64_t n_pages = 0;
    int64_t page_bytes = 0;
    enum err e = db_ask_i64(db, "PRAGMA page_count", &n_pages);
    if (!e) e = db_ask_i64(db, "PRAGMA page_size", &page_bytes);
    if (e || n_pages * page_bytes > QUICK_CHECK_BYTES_MAX) return e;
    AUTO(xfree_ptr) char *found = NULL;
    e = db_ask_text(db, "PRAGMA quick_check(1)", &found);
    if (e) return e;
    if (!text_equal(found, "ok"))
        return fail(E_CORRUPT, "database %s is damaged: %s; stop, and restore a backup", db->path,
                    found ? found : "no answer");
    return E_OK;
}

static enum err use_wal(struct db *db)
{
    assert(db);
    AUTO(xfree_ptr) char *mode = NULL;
    int64_t n_pages = 0;
    enum err e = db_ask_i64(db, "PRAGMA page_count", &n_pages);
    /* Only a new file can be laid out so that pages are given back in small steps. */
    if (!e && n_pages == 0) e = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL");
    if (!e) e = db_ask_text(db, "PRAGMA journal_mode = WAL", &mode);
    if (e) return e;
    if (!text_equal(mode, "wal"))
        return fail(E_STORAGE,
                    "database %s: this file system cannot do what SQLite's WAL needs (shared memory"
                    " and locks); put the database on a local disk",
                    db->path);
    return E_OK;
}

static enum err prepare_file(struct db *db, const struct store_options *options,
                             struct store *store)
{
    enum err e = check_health(db);
    if (!e) e = migrate_check(db, !options->no_migrate, &store->version_found);
    if (!e) e = use_wal(db);
    if (!e) e = migrate(db, &store->version);
    if (!e) e = seal_keys_load(db, options, &store->keys);
    return e;
}

static enum err open_readers(struct store *store, const struct store_options *options)
{
    int n = options->n_readers > 0 ? options->n_readers : READERS_DEFAULT;
    assert(n <= READERS_MAX);
    for (int i = 0; i < n; i++) {
        enum err e = db_open(options->path, DB_READ, &store->idle[store->n_idle]);
        if (e) return e;
        store->idle[store->n_idle]->is_damaged = &store->is_damaged;
        store->n_idle++;
        store->n_readers++;
    }
    return E_OK;
}

static enum err open_all(struct store *store, const struct store_options *options)
{
    struct db *db = NULL;
    enum err e = open_file(options, &db);
    if (e) return e;
    e = prepare_file(db, options, store);
    if (!e) e = open_readers(store, options);
    if (e) {
        db_close(db);
        return e;
    }
    db->is_damaged = &store->is_damaged;
    return writer_start(store, db, &store->writer);
}

enum err store_open(const struct store_options *options, struct store **out_store)
{
    struct store *store = xcalloc(1, sizeof *store);
    mutex_init(&store->mutex);
    cond_init(&store->reader_is_back);
    enum err e = open_all(store, options);
    if (e) {
        store_close(store);
        return e;
    }
    *out_store = store;
    return E_OK;
}

void store_close(struct store *store)
{
    if (!store) return;
    assert(store->n_idle == store->n_readers); /* nobody is reading any more */
    for (size_t i = 0; i < store->n_idle; i++)
        db_close(store->idle[i]);
    writer_stop(store->writer);
    cond_done(&store->reader_is_back);
    mutex_done(&store->mutex);
    mem_wipe(&store->keys, sizeof store->keys);
    xfree(store);
}

/* ---- the rest of store.h ---- */

int store_version(struct store *store)
{
    return store->version;
}

int store_version_found(struct store *store)
{
    return store->version_found;
}

void store_observe_runs(struct store *store, void (*changed)(void *ctx, const struct run_row *row),
                        void *ctx)
{
    writer_observe(store->writer, changed, ctx);
}

const struct seal_keys *store_seal_keys(const struct store *store)
{
    return &store->keys;
}

static enum err version_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)db;
    /* Looked up by the writer at the beginning of every transaction. */
    *(int64_t *)job->ctx = writer_data_version(store->writer);
    return E_OK;
}

enum err store_data_version(struct store *store, int64_t *out_version)
{
    int64_t version = 0;
    enum err e = store_write(store, version_run, &version);
    if (!e) *out_version = version;
    return e;
}

static enum err writable_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    (void)job;
    char now[TIME_TEXT_MAX];
    time_format(clock_unix_ms(), now);
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO meta (name, value) VALUES ('writable', ?)"
                                     " ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    query_bind_text(&q, now);
    return query_run(&q);
}

enum err store_check_writable(struct store *store)
{
    return store_write(store, writable_run, NULL);
}
