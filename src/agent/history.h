/*
 * Reading a channel back: is our message in it? Uses the user's own connection and a tool that the
 * model never sees.
 *
 * Arguments and answer are those of Slack's conversations.history (https://docs.slack.dev): newest
 * first, in pages.
 */
#ifndef AGENT_HISTORY_H
#define AGENT_HISTORY_H

#include "agent/briefing.h"

enum history_end {
    HISTORY_FOUND,      /* our marker, by our author */
    HISTORY_ABSENT,     /* read completely, not there */
    HISTORY_INCOMPLETE, /* some of it could not be read for good: cannot know */
    HISTORY_LATER       /* not now: try again after wait_ms */
};
struct history_read {
    enum history_end end;
    struct str ts;
    int64_t began_ms; /* mono: when its first page was asked for */
    int64_t wait_ms;
    char *cursor; /* after HISTORY_LATER: the page to go on with; NULL: the first */
    int n_pages;  /* read so far */
    char why[300];
};
void history_read_done(struct history_read *read);

/* Reads the frozen channel since `oldest_unix_ms` completely. After HISTORY_LATER another call goes
 * on at the page that could not be read: an app with one read a minute would never come to the end
 * otherwise. E_CANCELLED: the run's end was decided (account, stop). */
enum err history_look(struct briefing *b, int64_t oldest_unix_ms,
                      struct history_read *read) MUST_CHECK;

/* Pure: looks for `marker` by one of the authors in a page's messages. One without a usable ts,
 * or whose author cannot be compared with them, is found with an empty ts. */
bool history_find(struct json_span messages, const char *marker, char *const *authors,
                  size_t n_authors, struct str *out_ts);

#endif
