/*
 * Shared by the questions about several runs.
 */
#ifndef STORE_RUN_QUERIES_H
#define STORE_RUN_QUERIES_H

#include "store/db.h"
#include "store/runs.h"

/* Reads the ids that a statement gives as its first column. */
enum err run_ids_read(struct query *q, struct run_ids *out) MUST_CHECK;

#endif
