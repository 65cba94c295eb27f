/*
 * The text that others will read: made safe, marked, measured. Pure functions.
 *
 * Slack turns <!channel>, <!here>, <!everyone>, <@U…> and <!subteam^S…> into notifications for
 * people; none of the model's text may do that, so of what begins with "<" only links are let
 * through and the rest is shown as text. The marker is the visible last line "_Briefing
 * br_…_" that the server adds, so that a message whose answer was lost can be found again; whatever
 * looks like one is taken out of the model's text.
 */
#ifndef AGENT_MESSAGE_TEXT_H
#define AGENT_MESSAGE_TEXT_H

#include "base/str.h"

/* Appends the safe text with the marker line of `run_id`. E_INVALID: nothing is left to read. */
enum err message_text_make(const char *text, size_t len, const char *run_id,
                           struct str *out) MUST_CHECK;

/* Length as Slack counts it (UTF-16 units, the larger of the usual ways to count). */
size_t message_text_length(const char *text, size_t len);

#endif
