/*
 * After a send whose outcome nobody knows: look before acting.
 *
 *   found in the channel (marker and author)   delivered
 *   surely absent                              may be sent once more
 *   cannot know                                the run ends as delivery_unknown: a person must look
 *
 * Surely absent takes two complete reads, the first one only when the settle time is over: ScaleKit
 * may still run a call to its end after it has timed out for us. All of it has a clock of its own,
 * outside the run's deadline; restarts in between do not set it back (agent/settling.h). What
 * remains: a message that Slack accepts later than the settle time after the last read would be
 * posted twice.
 */
#ifndef AGENT_RECONCILE_H
#define AGENT_RECONCILE_H

#include "agent/sending.h"

/* Sets the outcome of `s` to DELIVERED (with ts) or DELIVERY_SURELY_ABSENT, or decides the run's
 * end. `is_left_open`: the intent is from an earlier attempt. */
enum err reconcile(struct sending *s, bool is_left_open) MUST_CHECK;

/* Before any send: the account of the delivery must still be the frozen one. Otherwise the run
 * starts over. */
enum err reconcile_identity(struct briefing *b) MUST_CHECK;

#endif
