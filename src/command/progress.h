/*
 * A run as a person follows it in a terminal: one line an event. Used by `briefd run`.
 */
#ifndef COMMAND_PROGRESS_H
#define COMMAND_PROGRESS_H

#include "store/runs.h"

/* Appends the line(s) for an event, with newline; nothing for events that say nothing to a person.
 */
void progress_event(const struct event_row *event, struct str *out);
/* The last lines: how it ended, totals, the message's ts, and what to do when something is needed.
 */
void progress_end(const struct run_row *row, const char *public_url, struct str *out);
/* 0 delivered or previewed, 2 a connection needs its user, 3 delivery unknown, 1 anything else. */
int progress_exit_code(const struct run_row *row);

#endif
