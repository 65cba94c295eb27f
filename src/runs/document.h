/*
 * The run document: the small JSON object that callers poll (api.md, "Create"). Pure functions of
 * the row.
 */
#ifndef RUNS_DOCUMENT_H
#define RUNS_DOCUMENT_H

#include "store/runs.h"

/* `public_url` without trailing slash; links start with it. */
void run_document(const struct run_row *row, const char *public_url, struct str *out);

/* Seconds a poller should wait before it asks again: grows with the age of the run. */
int run_poll_after_s(const struct run_row *row, int64_t now_ms);

#endif
