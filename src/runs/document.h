/*
 * The run document: the small JSON object that callers poll (api.md, "Create"). Pure functions of
 * the row.
 */
#ifndef RUNS_DOCUMENT_H
#define RUNS_DOCUMENT_H

#include "base/json.h"
#include "store/runs.h"

/* `public_url` without trailing slash; links start with it. */
void run_document(const struct run_row *row, const char *public_url, struct str *out);

/* One event, as pages and streams show it: {"n","type","at","data"}. */
void run_event(struct json_writer *w, const struct event_row *event);

/* Seconds a poller should wait before it asks again about a live run: grows with its age. */
int run_poll_after_s(int64_t created_ms, int64_t now_ms);

#endif
