/*
 * Rows of `steps` inside a transaction.
 */
#ifndef STORE_STEP_ROWS_H
#define STORE_STEP_ROWS_H

#include "store/db.h"
#include "store/steps.h"

/* A step that begins anew keeps its row: only the attempt, and its meta when it has some, are
 * written. E_CONFLICT: the step is done already; a stored result is never replaced. */
enum err step_row_write(struct db *db, const char *run_id, int generation, int attempt,
                        int64_t now_ms, const struct step_write *step) MUST_CHECK;
/* store_steps_list() on a connection. */
enum err step_rows_read(struct db *db, const struct seal_keys *keys, const char *run_id,
                        int generation, struct step_list *out_list) MUST_CHECK;

#endif
