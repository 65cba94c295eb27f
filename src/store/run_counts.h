/*
 * What committed changes of runs add to the metrics: briefings accepted and ended, deliveries, and
 * what the model was paid. Counted in one place, after the commit, so that the numbers agree with
 * the database whoever made the change. On the writer thread.
 */
#ifndef STORE_RUN_COUNTS_H
#define STORE_RUN_COUNTS_H

#include "store/run_row.h"

/* Makes the series, so that what did not happen yet is there as 0. */
void run_counts_init(void);
/* `before` NULL: the run is new. */
void run_counts_add(const struct run_before *before, const struct run_row *row);

#endif
