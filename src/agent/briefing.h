/*
 * One briefing in the making: what the pieces of the agent hand to each other. Internal to agent/.
 *
 * Lives on the stack of one run thread. A function that decides the end of the run says so with
 * briefing_end() and returns what that returns; the callers pass it on. Any other error is a
 * failure of briefd or its database and is turned into an end in agent/loop.c.
 */
#ifndef AGENT_BRIEFING_H
#define AGENT_BRIEFING_H

#include "agent/agent.h"
#include "agent/frozen.h"
#include "agent/journal.h"

struct briefing {
    const struct agent *agent;
    struct run_row *row;
    struct agent_control *control;
    struct agent_end *end;
    struct journal journal;
    struct frozen frozen;     /* empty until prepared */
    int64_t started_mono_ms;  /* this attempt */
    int64_t off_clock_ms;     /* of this attempt, what is no running time */
    int64_t deadline_mono_ms; /* of the running time */
    int failed_in_a_row;      /* tool calls that ended in an error, since the last good one */
    int n_rejections;         /* deliveries that the provider refused for good */
    bool is_delivered;        /* at this point of the walk; in a replay the row knows it earlier */
    int n_deliveries;         /* intents so far */
    int n_absent; /* unknown at first, and surely not in the channel; of all generations */
};

/* Decides how the run ends. Returns E_CANCELLED so that callers can `return briefing_end(…)`. */
enum err briefing_end(struct briefing *b, enum agent_end_kind kind, const char *code,
                      const char *format, ...) PRINTF_LIKE(4, 5);
/* AGENT_BLOCKED on one connector. */
enum err briefing_blocked(struct briefing *b, const char *connector, const char *status);

/* Is there a reason to stop before the next step: cancelled, going down, deadline? Ends the run
 * then. */
enum err briefing_check(struct briefing *b) MUST_CHECK;

/* How long this attempt has been running by now. */
int64_t briefing_ran_ms(const struct briefing *b);
/* What has passed since then is no running time: the deadline comes later by as much. */
void briefing_off_clock(struct briefing *b, int64_t since_mono_ms);

/* For struct journal_patience, `ctx` is the briefing: until the run is called off, or the grace of a
 * stop is over. The deadline does not count: nothing can be written of its passing either. */
bool briefing_wait_for_room(void *ctx);

/* What calls to ScaleKit are made for. */
struct scalekit_call briefing_call(struct briefing *b);

/* The failures of a ScaleKit call that decide the run, whatever was called: our credentials, an
 * account that needs its user, a cancel, the deadline. OK when the failure is the caller's
 * business. `connector` may be NULL. */
enum err briefing_scalekit_failed(struct briefing *b, const struct scalekit_error *error,
                                  const char *connector, const char *what) MUST_CHECK;

/* Each is one part of the line in agent/loop.c. */
enum err prepare(struct briefing *b) MUST_CHECK;

#endif
