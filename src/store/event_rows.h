/*
 * Rows of `events` inside a transaction.
 */
#ifndef STORE_EVENT_ROWS_H
#define STORE_EVENT_ROWS_H

#include "store/db.h"
#include "store/runs.h"

/* Gives the event the run's next number (row->last_event grows) and stores it; the row is not
 * written. */
enum err event_row_add(struct db *db, struct run_row *row, int64_t now_ms,
                       const struct event_new *event) MUST_CHECK;

#endif
