/*
 * Rows of `idempotency_keys` inside a transaction: for store_run_create() and
 * store_idempotency_put().
 */
#ifndef STORE_IDEMPOTENCY_ROWS_H
#define STORE_IDEMPOTENCY_ROWS_H

#include "store/db.h"
#include "store/runs.h"

/* The answer stored under the key, unless it is older than IDEMPOTENCY_KEPT_MS, and the run that it
 * is about ("": none). E_NOT_FOUND: none. E_CONFLICT: it answered another body. */
enum err idempotency_row_get(struct db *db, const struct seal_keys *keys,
                             const struct run_idempotency *what, int64_t now_ms,
                             struct run_answer *out_answer, char out_run_id[ID_MAX]) MUST_CHECK;
/* Stores, in place of one that is too old. `run_id` may be NULL. */
enum err idempotency_row_put(struct db *db, const struct seal_keys *keys,
                             const struct run_idempotency *what, const char *run_id, int64_t now_ms,
                             const struct run_answer *answer) MUST_CHECK;

#endif
