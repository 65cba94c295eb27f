/*
 * What the files of this folder share: the open store, its readers, and its writer.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base/thread.h"
#include "store/db.h"
#include "store/store.h"
#include "store/writer.h"

#include <stdatomic.h>

#define READERS_MAX 16

struct store {
    struct writer *writer;
    struct seal_keys keys;           /* constant while open */
    int version;                     /* constant while open */
    int version_found;               /* the same, before migrating */
    atomic_bool is_damaged;          /* seen by any connection: nothing is written any more */
    atomic_llong connection_changes; /* counts them */
    struct mutex mutex;
    struct cond reader_is_back;
    /* guarded by mutex */
    struct db *idle[READERS_MAX];
    size_t n_idle;
    size_t n_readers; /* constant while open */
};

/* A read connection, waiting for one to come back. Use with
 *     AUTO(reader_give_back) struct reader reader = reader_take(store);
 * One at a time for a thread. */
struct reader {
    struct store *store;
    struct db *db;
};
struct reader reader_take(struct store *store);
void reader_give_back(struct reader *reader);

/* Room for one more row in a struct with `rows` and `n`; returns the address of the new, empty row.
 */
#define LIST_ADD(list)                                                                             \
    __extension__({                                                                                \
        __typeof__(list) to_ = (list);                                                             \
        to_->rows = list_grow(to_->rows, to_->n, sizeof *to_->rows);                               \
        &to_->rows[to_->n++];                                                                      \
    })
void *list_grow(void *rows, size_t n, size_t size) MUST_CHECK;

/* A job with nothing to tell the observer. `run` gets `ctx` as job->ctx. */
enum err store_write(struct store *store,
                     enum err (*run)(struct store *store, struct db *db, struct write_job *job),
                     void *ctx) MUST_CHECK;
/* The same, once for a key; `row` is what run() leaves for once->render(). `once` NULL: as above. */
struct store_once;
enum err store_write_once(struct store *store, struct store_once *once,
                          enum err (*run)(struct store *store, struct db *db,
                                          struct write_job *job),
                          void *ctx, const void *row) MUST_CHECK;

#endif
