/*
 * Writing a changed row of `runs` inside a transaction: every change of a status passes here.
 */
#ifndef STORE_RUN_UPDATE_H
#define STORE_RUN_UPDATE_H

#include "store/run_row.h"

/* Checks the move from `before`, notes the end when it is one, writes the row, and what webhooks are
 * to tell of it. */
enum err run_row_move(struct store *store, struct db *db, const struct run_before *before,
                      struct run_row *row, int64_t now_ms) MUST_CHECK;

#endif
