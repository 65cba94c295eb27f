/*
 * What pages call things: statuses, modes, steps, failures and what to do about them. The one place
 * for these words; scripts have none of their own. Pure functions, texts are constants.
 *
 * A tone is what the colours follow, never alone: "live" (something happens), "wait" (for
 * somebody), "good", "bad", "off" (over, nothing to see).
 */
#ifndef WEB_WORDS_H
#define WEB_WORDS_H

#include "agent/catalogue.h"
#include "store/connections.h"
#include "store/runs.h"

struct run_words {
    const char *tone;
    const char *state;   /* "Posted" */
    const char *meaning; /* one or two sentences for the person whose briefing it is */
    const char *advice;  /* what to do; NULL: nothing */
};
struct run_words words_of_run(const struct run_row *row);
/* What was asked for: "A preview". */
const char *words_of_mode(const char *mode);

struct connection_words {
    const char *name;   /* usable, waiting, broken, absent, unknown: the page's state-NAME */
    const char *state;  /* "Connected" */
    const char *advice; /* what to do; NULL: nothing */
    const char *button; /* of connecting */
    const char *since;  /* what began then */
};
/* `row` NULL: never looked at. */
struct connection_words words_of_connection(const struct connection_row *row);

/* A line of the timeline, in `out`; its tone, NULL for none. */
const char *words_of_event(const struct catalogue *catalogue, const struct run_row *row,
                           const struct event_row *event, struct str *out);
/* "slack_channel" is "Slack channel", "team_id" is "Workspace ID". */
void words_of_member(const char *member, struct str *out);

#endif
