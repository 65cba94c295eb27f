/*
 * Making and sharing snapshots (runs/watch.h): counted and immutable. Any thread.
 */
#ifndef RUNS_SNAPSHOT_H
#define RUNS_SNAPSHOT_H

#include "runs/watch.h"

/* The document of the row as it is; the caller has the one reference. */
struct snapshot *snapshot_new(const struct run_row *row, const char *public_url);
/* One reference more. */
struct snapshot *snapshot_hold(struct snapshot *snapshot);

#endif
